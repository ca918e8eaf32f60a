"""Databases in which a simulated past of every kind of event was recorded by the product's own processors and projections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import trio

from mocha_actors.db.apply import Applier
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.readers import open_readers
from mocha_actors.db.session import Session
from mocha_actors.db.verify import verify
from mocha_actors.discord.decode import EventDecoder
from mocha_actors.pipeline.facts import Fact
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.simulator.past import Past, past_events
from mocha_actors.tree import PROCESSORS
from tests.db.builders import NOON_MS, open_session

PAST = Past(until_ms=NOON_MS, days=4, messages=600, guilds=2, members=30)
ROUTES = {event: module.translate for module in PROCESSORS.values() for event in module.HANDLES}


def facts_of(past: Past) -> Iterator[Fact]:
    """The facts that the processors make of a past."""
    decoder = EventDecoder(ROUTES)
    for happened in past_events(past):
        for piece in decoder.decode(happened.frame).pieces:
            for event in piece if isinstance(piece, list) else ():
                translate = ROUTES.get(type(event))
                if translate is not None:
                    yield from translate(event, Stamp(happened.at_ms, 0, happened.shard))


def record(session: Session, facts: Iterator[Fact], *, anonymise: bool = False) -> Applier:
    """Apply facts, some at a time; returns who did."""
    applier = Applier(projections(), 1, anonymise=anonymise)
    while some := list(islice(facts, 200)):
        applier.apply_facts(session, some)
    return applier


@contextmanager
def recorded(url: str, past: Past = PAST, *, anonymise: bool = False) -> Iterator[Session]:
    """A database with a past, and a session with it."""
    with open_session(url) as session:
        record(session, facts_of(past), anonymise=anonymise)
        yield session


def most_active(connection: Connection) -> int:
    """The human who wrote most."""
    rows = connection.execute("SELECT user_id, sent FROM user_day WHERE author_class = 0").fetchall()
    counts: Counter[int] = Counter()
    for user, sent in rows:
        counts[user] += sent
    return counts.most_common(1)[0][0]


def assert_verified(url: str) -> None:
    """Every rollup equals its recount."""

    async def check() -> None:
        async with open_readers(url, inline=True) as readers:
            result = await verify(readers)
        assert result.compared
        assert not result.different, result.differences

    trio.run(check)


def count(session: Session, sql: str, *parameters: object) -> int:
    """The number that a query gives."""
    with session.transaction() as connection:
        return int(connection.execute(sql, parameters).fetchone()[0] or 0)


TOTALS = {
    "messages": "SELECT SUM(sent) FROM guild_hour",
    "messages of users": "SELECT SUM(sent) FROM user_day",
    "users": "SELECT COUNT(DISTINCT user_id) FROM user_day",
    "voice": "SELECT SUM(ms) FROM voice_user_day",
    "reactions": "SELECT SUM(given) FROM reaction_user_day",
    "received": "SELECT SUM(received) FROM reaction_user_day",
    "joins": "SELECT COUNT(*) FROM member_events",
}


def totals(session: Session) -> dict[str, int]:
    """What an erasure must not change."""
    return {name: count(session, sql) for name, sql in TOTALS.items()}
