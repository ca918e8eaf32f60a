"""What a message costs the writer, counted and not timed: it works on columns and on whole statements, never on one message after the other."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from types import FrameType
from typing import Any, Self

import pytest

from mocha_actors.db.apply import Applier
from mocha_actors.db.bulk import ROWS, SOME
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.session import Session
from mocha_actors.db.sqlite import SqliteConnection
from mocha_actors.pipeline.batch import MAX_EVENTS, Batch
from mocha_actors.pipeline.facts import AuthorClass, MessageDetails
from tests.db.builders import CHANNEL, GUILD, NOON_MS, USER, message, ready, settled

USERS, CHANNELS, GUILDS = 20, 10, 3
ROLLUP_ROWS = GUILDS * (USERS * 2 + CHANNELS * 2 + 1) * 3
"""At most, of a group in one hour: three classes of authors."""


def group(first_s: int, count: int) -> list[Batch]:
    """``count`` messages of people, bots and webhooks, each twentieth with details, in full batches; all of one hour."""
    outcomes = []
    for n in range(first_s, first_s + count):
        sent = message(
            n % 1_000, at_ms=NOON_MS + n // 1_000, guild=GUILD + n % GUILDS, channel=CHANNEL + n % CHANNELS, user=USER + n % USERS,
            author=AuthorClass(n % USERS % 3),
        )  # fmt: skip
        details = (MessageDetails(sent.guild_id, sent.message_id, 1),) if n % 20 == 0 else ()
        outcomes.append((sent, *details))
    return [settled(first_s + start, outcomes[start : start + MAX_EVENTS]) for start in range(0, count, MAX_EVENTS)]


class Calls:
    """What runs while it is watching: calls of Python functions and resumptions of generators, by name."""

    def __init__(self) -> None:
        self.python = Counter[str]()

    def __enter__(self) -> Self:
        sys.setprofile(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _called(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            self.python[frame.f_code.co_qualname] += 1


@pytest.fixture
def applier(sqlite_session: Session) -> Applier:
    """One that knows everybody who writes: names are learned once."""
    applier = Applier(projections(), 1)
    applier.apply(sqlite_session, [ready()])
    applier.apply(sqlite_session, group(2, 1_024))
    return applier


def calls_of(applier: Applier, session: Session, batches: Sequence[Batch]) -> Counter[str]:
    """The calls that applying ``batches`` makes."""
    with Calls() as calls:
        applier.apply(session, batches)
    return calls.python


def test_no_line_of_python_runs_for_each_message(sqlite_session: Session, applier: Applier) -> None:
    """Four times the messages make no more calls but for each batch and each statement."""
    small = calls_of(applier, sqlite_session, group(2_000, 1_024))
    large = calls_of(applier, sqlite_session, group(4_000, 4_096))
    more = large - small

    assert large["Transaction._gather"] - small["Transaction._gather"] == (4_096 - 1_024) // MAX_EVENTS
    assert more.total() < (4_096 - 1_024) // 20, more.most_common(5)


def test_whoever_is_known_is_neither_looked_up_nor_written(
    sqlite_session: Session, applier: Applier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the messages and what they count for, a group costs the same few statements: webhooks, which are no users, are not looked up in each."""
    statements: list[str] = []
    execute = SqliteConnection.execute

    def counted(self: SqliteConnection, sql: Any, *arguments: Any) -> Any:
        statements.append(str(sql))
        return execute(self, sql, *arguments)

    monkeypatch.setattr(SqliteConnection, "execute", counted)
    applier.apply(sqlite_session, group(2_000, 4_096))

    assert not [sql for sql in statements if re.search(r"(FROM|JOIN|INTO|UPDATE) users\b", sql)]
    assert len([sql for sql in statements if "INTO message_events" in sql]) <= 4_096 // ROWS + ROWS // SOME
    assert len([sql for sql in statements if " sent, deleted)" in sql]) <= ROLLUP_ROWS // ROWS + 5 * ROWS // SOME
    others = [sql for sql in statements if "INTO message" not in sql and " sent, deleted)" not in sql]
    # Of closed days and of columns of users one each: whatever changes a day takes back what was made of it.
    assert len(others) <= 9, others
