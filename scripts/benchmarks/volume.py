"""``scripts/bench volume``: what months of a large guild come to: bytes, ``verify``, the plan of each question, and the erasure of a user."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
import trio
from material import opened
from rich.console import Console
from rich.table import Table

from mocha_actors import logs
from mocha_actors.db.address import DatabaseAddress, database_address
from mocha_actors.db.apply import Applier
from mocha_actors.db.closing import ClosedDays
from mocha_actors.db.connection import Connection
from mocha_actors.db.packing import UserColumns
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.readers import Readers, open_readers
from mocha_actors.db.session import Session, open_session
from mocha_actors.db.verify import verify
from mocha_actors.discord.decode import EventDecoder
from mocha_actors.discord.snowflake import DAY_MS, from_time_ms
from mocha_actors.pipeline.facts import Fact, MessageSent
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.privacy.desk import Desk, OwnDesk, Work, open_desk
from mocha_actors.privacy.erasure import erase
from mocha_actors.simulator.past import Past, past_events
from mocha_actors.stats.answers import ANSWERS, answer
from mocha_actors.stats.questions import RangeQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.tree import PROCESSORS

UNTIL_MS: Final = 1_790_078_400_000
"""2026-09-22 12:00 UTC, the end of the months."""

FACTS: Final = 5_000
"""Facts of a transaction, as the service groups them under load."""

ROUTES: Final = {event: module.translate for module in PROCESSORS.values() for event in module.HANDLES}
EVENTS: Final = ("message_events", "voice_events", "reaction_events", "member_events", "presence_events")
TABLES: Final = (*EVENTS, "message_details", "reaction_state", "members", "users", "user_day", "channel_hour", "guild_hour", "channel_user_day", "voice_user_day")  # fmt: skip
SCAN: Final = re.compile(rf"(?:SCAN|Seq Scan on) (?:{'|'.join(EVENTS)})\b")

NAME: Final = "zanzibar-quokka"
"""Occurs in no other name: what it is searched for in the files is the erased user's."""

SEARCHED: Final = ("the name", "the former name", "the id as a number", "the id in a column", "the id as text")
OTHERS: Final = "SELECT COUNT(*) FROM users WHERE id <> ? AND username LIKE ?"


@click.command()
@click.option("--messages", type=click.IntRange(min=1_000), default=1_000_000, show_default=True)
@click.option("--days", type=float, default=90.0, show_default=True, help="How long the messages took.")
@click.option("--members", type=click.IntRange(min=10), default=20_000, show_default=True, help="People in the guild.")
@click.option("--database", metavar="URL", help="An empty database; without one, an SQLite file that is deleted.")
def volume(*, messages: int, days: float, members: int, database: str | None) -> None:
    """Record a past of every kind of event, then ask, verify, and erase the most active user.

    Everything but the traffic is the product: processors, projections, janitor, questions, verify and erasure.
    """
    past = Past(until_ms=UNTIL_MS, days=days, messages=messages, members=members)
    with tempfile.TemporaryDirectory() as folder:
        Measurement(database or f"sqlite:///{folder}/mocha.db", past).run()


@dataclass
class Writing:
    """What writing took.

    Attributes:
        facts: number of facts.
        seconds: within the transactions.
        cpu_seconds: of this process, within them.

    """

    facts: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass
class TimedDesk:
    """A desk that notes how long each piece held the writer."""

    desk: OwnDesk
    held: list[float] = field(default_factory=list)

    async def chore(self, work: Work, *, resets: bool = False) -> int:
        """See :meth:`mocha_actors.privacy.desk.Desk.chore`."""
        return await self._timed(lambda: self.desk.chore(work, resets=resets))

    async def facts(self, facts: Sequence[Fact]) -> int:
        """See :meth:`mocha_actors.privacy.desk.Desk.facts`."""
        return await self._timed(lambda: self.desk.facts(facts))

    async def compact_log(self) -> None:
        """See :meth:`mocha_actors.privacy.desk.Desk.compact_log`."""
        await self._timed(self.desk.compact_log)

    async def read(self, question: Callable[[Connection], Any]) -> Any:
        """See :meth:`mocha_actors.privacy.desk.Desk.read`."""
        return await self.desk.read(question)

    async def _timed(self, piece: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = await piece()
        self.held.append(time.perf_counter() - began)
        return result


class Watched:
    """A connection that notes the plan of each statement before it runs it."""

    def __init__(self, connection: Any) -> None:
        """``connection`` runs them."""
        self.connection, self.dialect = connection, connection.dialect
        self.steps: list[str] = []

    def execute(self, statement: Any, parameters: Any = ()) -> Any:
        """Explain, then run."""
        explain = "EXPLAIN QUERY PLAN" if self.dialect == "sqlite" else "EXPLAIN"
        rows = self.connection.execute(f"{explain} {statement}", parameters).fetchall()
        self.steps += [row[-1] for row in rows]
        return self.connection.execute(statement, parameters)


class Measurement:
    """One database, from its first fact to the erasure."""

    def __init__(self, url: str, past: Past) -> None:
        """Nothing is recorded yet."""
        self.url, self.past = url, past
        self.address: DatabaseAddress = database_address(url)
        self.console = Console(width=140)

    def run(self) -> None:
        """Record, close the days, ask, verify, erase, verify."""
        logs.configure(level="warning")
        self.record()
        trio.run(self.close_days)
        self.sizes()
        trio.run(self.ask)
        trio.run(self.verify)
        trio.run(self.erase)
        trio.run(self.verify)

    def say(self, what: str, value: str) -> None:
        """A line of the account."""
        self.console.print(f"{what:<34} {value}", highlight=False, soft_wrap=True)

    # Recording

    def record(self) -> None:
        """Translate and apply everything, and measure the applying."""
        session = opened(self.address)
        writing = apply_all(session, facts_of(self.past))
        session.close()
        rate, cpu = writing.facts / writing.seconds, 1e6 * writing.cpu_seconds / writing.facts
        self.say("written", f"{writing.facts:,} facts in {writing.seconds:.1f} s: {rate:,.0f}/s, {cpu:.1f} µs of processor each")  # fmt: skip

    async def close_days(self) -> None:
        """Let the janitor's jobs build the rollup of channels and users, and the columns of users."""
        began, pieces = time.perf_counter(), 0
        async with open_desk(self.url) as own, open_readers(self.url, threads=1) as readers:
            desk = TimedDesk(own)
            for job in (ClosedDays(readers), UserColumns(readers)):
                while await job.step(desk.chore, UNTIL_MS + DAY_MS):
                    pieces += 1
        took = time.perf_counter() - began
        self.say(
            "days closed, columns built",
            f"{pieces} in {took:.1f} s, longest chore {1000 * max(desk.held, default=0):.0f} ms",
        )

    def sizes(self) -> None:
        """Print the rows of each table and the bytes of the whole."""
        with_session = open_session(self.address)
        with with_session.transaction() as connection:
            for table in TABLES:
                self.say(f"rows of {table}", f"{number(connection, f'SELECT COUNT(*) FROM {table}'):,}")  # noqa: S608 - names above
            size = bytes_of(connection)
        with_session.close()
        each = size / self.past.messages * 100_000
        self.say("size", f"{size / 1e6:,.1f} MB, {each / 1e6:.2f} MB for 100,000 messages with all that happened beside")  # fmt: skip

    # Asking

    async def ask(self) -> None:
        """Each question over all of the days, ragged at both ends, timed and explained."""
        table = Table("question", "ms", "steps of the plan", "scans of events")
        async with open_readers(self.url, threads=1) as readers:
            guild, user, channel = await readers.run(subjects, deadline=600)
            period = Range(self.past.since_ms + 12_345, self.past.until_ms - 54_321)
            own = {"user_id": user, "channel_id": channel}
            for kind in ANSWERS:
                fields = {name: value for name, value in own.items() if name in kind.__struct_fields__}
                table.add_row(kind.__name__, *await asked(readers, kind(guild_id=guild, range=period, **fields)))
        self.console.print(table)

    async def verify(self) -> None:
        """Recount every rollup."""
        began = time.perf_counter()
        async with open_readers(self.url, threads=1) as readers:
            result = await verify(readers)
        took = time.perf_counter() - began
        self.say("verify", f"{result.equal:,} of {result.compared:,} equal in {took:.1f} s")
        if result.different:
            raise SystemExit(f"{result.different:,} differ: {result.differences[:5]}")

    # Erasing

    async def erase(self) -> None:
        """Erase the most active user, whose name is made unmistakable before, and search for what is left."""
        async with open_desk(self.url) as own:
            guild, user, channel = await own.read(subjects)
            former = await own.read(lambda connection: name_of(connection, user))
            last = MessageSent(guild, from_time_ms(UNTIL_MS, 1), channel, user, 0, 0, 0, NAME, NAME.title())
            await own.facts([last])
            sent = await own.read(lambda connection: number(connection, "SELECT SUM(sent) FROM user_day WHERE user_id = ?", user))  # fmt: skip
            self.searched("before", user, former)
            desk: Desk = TimedDesk(own)
            began = time.perf_counter()
            result = await erase(desk, user, now_ms=UNTIL_MS, actor="benchmark")
            took = time.perf_counter() - began
            self.searched("after", user, former)
            others = await own.read(lambda connection: number(connection, OTHERS, user, f"%{former}%"))
        held = sorted(desk.held)
        self.say("forget", f"of {sent:,} messages: {result.rows:,} rows in {took:.2f} s, {result.left} mentions left in any table")  # fmt: skip
        self.say("pauses of the writer", f"{len(held)} chores, median {1000 * held[len(held) // 2]:.1f} ms, longest {1000 * held[-1]:.0f} ms")  # fmt: skip
        self.say("others whose name holds the former", str(others))

    def searched(self, when: str, user: int, former: str) -> None:
        """Search, while it is open, the raw bytes of an SQLite database's files; a server's files are not ours to read."""
        if not isinstance(self.address, Path):
            return
        needles = (
            NAME.encode(),
            former.encode(),
            user.to_bytes(8, "big"),
            user.to_bytes(8, "little"),
            str(user).encode(),
        )
        files = sorted(self.address.parent.glob(f"{self.address.name}*"))
        counts = [sum(path.read_bytes().count(needle) for path in files) for needle in needles]
        found = ", ".join(f"{name} {count:,}" for name, count in zip(SEARCHED, counts, strict=True))
        self.say(f"in the raw bytes {when}", f"{found} times, of {len(files)} files")


def facts_of(past: Past) -> Iterator[Fact]:
    """The facts that the processors make of a past."""
    decoder = EventDecoder(ROUTES)
    for happened in past_events(past):
        for piece in decoder.decode(happened.frame).pieces:
            for event in piece if isinstance(piece, list) else ():
                translate = ROUTES.get(type(event))
                if translate is not None:
                    yield from translate(event, Stamp(happened.at_ms, 0, happened.shard))


def apply_all(session: Session, facts: Iterator[Fact]) -> Writing:
    """Apply ``facts``, :data:`FACTS` a transaction."""
    applier, writing = Applier(projections(), 1), Writing()
    while some := list(islice(facts, FACTS)):
        began, cpu = time.perf_counter(), time.process_time()
        applier.apply_facts(session, some)
        writing.seconds += time.perf_counter() - began
        writing.cpu_seconds += time.process_time() - cpu
        writing.facts += len(some)
    return writing


def subjects(connection: Connection) -> tuple[int, int, int]:
    """The guild, its most active human and its busiest channel."""
    guild = number(connection, "SELECT MIN(id) FROM guilds")
    user = number(connection, "SELECT user_id FROM user_week WHERE author_class = 0 GROUP BY user_id ORDER BY SUM(sent) DESC LIMIT 1")  # fmt: skip
    channel = number(connection, "SELECT channel_id FROM channel_day GROUP BY channel_id ORDER BY SUM(sent) DESC LIMIT 1")  # fmt: skip
    return guild, user, channel


async def asked(readers: Readers, question: RangeQuestion) -> tuple[str, str, str]:
    """Milliseconds, steps and forbidden steps of a question."""
    began = time.perf_counter()
    await readers.run(lambda connection: answer(connection, question), deadline=600)
    took = time.perf_counter() - began

    def explained(connection: Connection) -> list[str]:
        watched: Any = Watched(connection)
        answer(watched, question)
        steps: list[str] = watched.steps
        return steps

    steps = await readers.run(explained, deadline=600)
    scans = sorted({step.strip() for step in steps if SCAN.search(step)})
    return f"{1000 * took:.1f}", str(len(steps)), "; ".join(scans) or "none"


def bytes_of(connection: Connection) -> int:
    """The size of the database."""
    if connection.dialect == "sqlite":
        return number(connection, "PRAGMA page_count") * number(connection, "PRAGMA page_size")
    return number(connection, "SELECT pg_database_size(current_database())")


def name_of(connection: Connection, user: int) -> str:
    """The name of a user."""
    return str(connection.execute("SELECT username FROM users WHERE id = ?", (user,)).fetchone()[0])


def number(connection: Connection, sql: str, *parameters: object) -> int:
    """The number that a query gives."""
    return int(connection.execute(sql, parameters).fetchone()[0] or 0)
