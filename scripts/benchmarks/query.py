"""``scripts/bench query``: Mocha's questions, answered from rollups, beside raw SQL over the messages and beside DuckDB over the same rows.

Those that the live counters answer are asked a second time by them, each time after messages were committed: late on a day, for ranges up to now.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import duckdb
import history
import trio
from cache import percentile
from catalogue import MEASURED, Measured, last_days
from history import CHANNEL, DAYS, END_MS, FIRST_USER, GUILD, Size
from rich.console import Console
from rich.table import Table

from mocha_actors.cache.actor import MAILBOX as CACHE_MAILBOX
from mocha_actors.cache.actor import Cache, counters_of
from mocha_actors.cache.bases import Bases
from mocha_actors.config import CacheSection
from mocha_actors.db.apply import Applier
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.readers import Readers, open_readers
from mocha_actors.db.session import open_session
from mocha_actors.discord.snowflake import from_time_ms
from mocha_actors.pipeline.counters import CacheCounters, Counters
from mocha_actors.pipeline.facts import MessageSent
from mocha_actors.runtime import ActorRef, ChildSpec, SupervisorSpec, new_ref, open_supervisor
from mocha_actors.stats.answers import answer
from mocha_actors.stats.engine import MAILBOX, QueryEngine
from mocha_actors.stats.live import Live
from mocha_actors.stats.questions import Question
from mocha_actors.stats.ranges import Range

DEADLINE: Final = 600.0

PEER_ROUNDS: Final = 3
"""Of raw SQL and DuckDB, which take seconds each."""

COLUMNS: Final = (
    "", "cold", "p95", "raw SQL", "DuckDB", "raw / cold", "DuckDB / cold", "live", "p95", "late", "cached", "p95",
)  # fmt: skip


class Took(NamedTuple):
    """Milliseconds of one ask, by the clock, and of processor time: of the thread that reads, of DuckDB's both, and through the actors of the process."""

    ms: float
    cpu_ms: float


@dataclass
class Times:
    """Each ask of one question.

    Attributes:
        cold: no answer is kept, and no live counters.
        raw: of the least SQL in SQLite, over the same rows.
        duck: of the same SQL in DuckDB, on two threads.
        live: with live counters, after another second's messages each time.
        late_ms: how late a timer of the event loop was at most during these.
        cached: through the actors, when the answer is kept.

    """

    cold: list[Took] = field(default_factory=list)
    raw: list[Took] = field(default_factory=list)
    duck: list[Took] = field(default_factory=list)
    live: list[Took] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    cached: list[Took] = field(default_factory=list)


Found = dict[str, Times]
"""By name of the question."""


@click.command()
@click.option(
    "--messages", type=click.IntRange(10_000), default=200_000, show_default=True, help="Of one guild in 90 days."
)
@click.option(
    "--users", type=click.IntRange(10), default=5_000, show_default=True, help="Who write as Zipf's law says."
)
@click.option(
    "--days", type=click.IntRange(1, DAYS), multiple=True, default=(7, 30, 90), show_default=True, help="Last days that are asked about; may be given several times."
)  # fmt: skip
@click.option(
    "--only", metavar="NAME", multiple=True, help="Ask only what begins so, such as leaderboard; may be given several times."
)  # fmt: skip
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="Asks of each, alternately.")
@click.option("--cached-asks", type=click.IntRange(min=0), default=500, show_default=True, help="Of each, when its answer is kept.")  # fmt: skip
@click.option("--peers/--no-peers", default=True, show_default=True, help="Ask raw SQL and DuckDB too, which takes longest.")  # fmt: skip
@click.option(
    "--database", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Keep the rows there (and those of DuckDB in FILE.duckdb); if it exists, nothing is made anew."
)  # fmt: skip
@click.option("--processor", is_flag=True, help="Show processor time, which other programs on a busy machine do not lengthen as much.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print every time as JSON, of both kinds.")
def query(
    *, messages: int, users: int, days: Sequence[int], only: Sequence[str], rounds: int, cached_asks: int, peers: bool, database: Path | None,
    processor: bool, as_json: bool,
) -> None:  # fmt: skip
    """Ask every question about the last days. The rows come from a seed; a large guild is --messages 10000000 --users 20000.

    "cold" is without any answer kept, on a connection that has read before; "live" is asked after the messages of another second were committed, five
    seconds after the ask before; "late" is how late a timer of the event loop was at most while that was computed; "cached" goes through the
    actors. Ranges end at no full hour.
    """
    size = Size(messages, users)
    asked = [each for each in MEASURED if not only or each.name.startswith(tuple(only))]
    with tempfile.TemporaryDirectory() as folder:
        path = database or Path(folder) / "mocha.db"
        try:
            history.keep(path, size)
        except ValueError as error:
            raise click.UsageError(f"--database: {error}; name these, or another file") from None
        found = {each: measure(path, each, asked, rounds, cached_asks=cached_asks, peers=peers) for each in days}
    load = os.getloadavg()
    if as_json:
        times = {str(each): {name: asdict(times) for name, times in names.items()} for each, names in found.items()}
        click.echo(json.dumps({"size": size._asdict(), "seed": history.SEED, "load": load, "ms": times}))
        return
    console = Console(width=170)
    console.print(f"{size}. The load of the machine at the end was {load[0]:.1f}, {load[1]:.1f}, {load[2]:.1f}.")
    for each, names in found.items():
        unit = "milliseconds of processor time" if processor else "milliseconds"
        console.print(table(f"the last {each} days; medians of {rounds} asks, {unit}", names, processor=processor))


def table(title: str, found: Found, *, processor: bool) -> Table:
    """A row for each question."""
    result = Table(title=title)
    for position, heading in enumerate(COLUMNS):
        result.add_column(heading, justify="right" if position else "left", no_wrap=True)
    for name, times in found.items():
        cold, raw, duck, live, cached = (
            [took[processor] for took in each] for each in (times.cold, times.raw, times.duck, times.live, times.cached)
        )
        ratios = (f"{statistics.median(each) / statistics.median(cold):.1f}" if each else "" for each in (raw, duck))
        result.add_row(
            name, *both(cold, 1), middle(raw, 0), middle(duck, 1), *ratios, *both(live, 1),
            f"{max(times.late_ms):.1f}" if times.late_ms else "", *both(cached, 3),
        )  # fmt: skip
    return result


def middle(values: Sequence[float], digits: int) -> str:
    """The median; empty without any."""
    return f"{statistics.median(values):,.{digits}f}" if values else ""


def both(values: Sequence[float], digits: int) -> tuple[str, str]:
    """The median and what 95 % do not exceed."""
    return middle(values, digits), f"{percentile(values, 95):,.{digits}f}" if values else ""


def measure(
    path: Path, days: int, asked: Sequence[Measured], rounds: int, *, cached_asks: int = 0, peers: bool = True
) -> Found:
    """Every time of some questions about the last days."""
    found = {each.name: Times() for each in asked}
    period = last_days(days)
    trio.run(measure_cold, path, period, asked, rounds, found)
    if peers:
        measure_peers(path, period, asked, min(rounds, PEER_ROUNDS), found)
    if lively := [each for each in asked if each.live]:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "mocha.db"
            shutil.copyfile(path, copy)
            trio.run(measure_live, copy, days, lively, rounds, found)
    if cached_asks:
        trio.run(measure_cached, path, period, asked, cached_asks, found)
    return found


# Cold


async def measure_cold(path: Path, period: Range, asked: Sequence[Measured], rounds: int, found: Found) -> None:
    """One round after the other, of which the first only warms the pages of the file."""
    async with open_readers(f"sqlite:///{path}", threads=1) as readers:
        for number in range(-1, rounds):
            for each in asked:
                _, took = await asking(readers, partial(answer, question=each.about(period)))
                if number >= 0:
                    found[each.name].cold.append(took)


async def asking(readers: Readers, ask: Callable[[Connection], Any]) -> tuple[Any, Took]:
    """An answer that nothing is kept of, and what it took."""

    def timed(connection: Connection) -> tuple[Any, float]:
        began = time.thread_time()
        return ask(connection), time.thread_time() - began

    began = time.perf_counter()
    result, cpu_seconds = await readers.run(timed, deadline=DEADLINE)
    return result, Took((time.perf_counter() - began) * 1000, cpu_seconds * 1000)


# Raw SQL and DuckDB


def measure_peers(path: Path, period: Range, asked: Iterable[Measured], rounds: int, found: Found) -> None:
    """The same SQL over the messages of SQLite, and in DuckDB."""
    duck = duckdb.connect(path.with_name(f"{path.name}.duckdb"))
    duck.execute("SET threads = 2")
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA mmap_size = 268435456")
        raw.execute("CREATE VIEW temp.messages AS SELECT * FROM main.message_events")
        if not duck.execute("SELECT 1 FROM information_schema.tables WHERE table_name = 'messages'").fetchall():
            copy(raw, duck)
        for _ in range(rounds):
            for each in asked:
                if (sql := each.statement(period)) is not None:
                    times = found[each.name]
                    times.raw.append(timed(lambda sql=sql: raw.execute(sql.replace("//", "/")).fetchall()))
                    times.duck.append(timed(lambda sql=sql: duck.execute(sql).fetchall()))
    duck.close()


def timed(run: Callable[[], Any]) -> Took:
    """What a call takes."""
    began, cpu = time.perf_counter(), time.process_time()
    run()
    return Took((time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000)


def copy(raw: sqlite3.Connection, duck: Any) -> None:
    """The same rows for DuckDB, by way of a file that it reads."""
    columns = "guild_id BIGINT, message_id BIGINT, channel_id BIGINT, user_id BIGINT, author_class INT, kind INT"
    duck.execute(f"CREATE TABLE messages ({columns})")
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        line = "guild_id || ',' || message_id || ',' || channel_id || ',' || user_id || ',' || author_class || ',' || kind || char(10)"
        file.writelines(row[0] for row in raw.execute(f"SELECT {line} FROM messages"))  # noqa: S608 - names of columns
        file.flush()
        duck.execute(f"COPY messages FROM '{file.name}' (HEADER false)")


# Live counters


async def measure_live(path: Path, days: int, asked: Sequence[Measured], rounds: int, found: Found) -> None:
    """After another second's messages each time; at the end the answers are compared with those of the database alone."""
    bases = Bases(1 << 30, CacheCounters())
    async with AsyncExitStack() as stack:
        readers = await stack.enter_async_context(open_readers(f"sqlite:///{path}", threads=1))
        write = seconds(stack.enter_context(closing(open_session(path))), history.size_of(path))
        for number in range(-2, rounds):
            now_ms = END_MS + (number + 3) * 5_000
            write(now_ms)
            for each in asked:
                question = each.about(Range(now_ms - (END_MS - last_days(days).since_ms), now_ms))
                ask = partial(answer, question=question, live=Live(bases, now_ms))
                result, took, late_ms = await beside_a_timer(readers, ask)
                if number >= 0:
                    found[each.name].live.append(took)
                    found[each.name].late_ms.append(late_ms)
                if number == rounds - 1 and result != (await asking(readers, partial(answer, question=question)))[0]:
                    raise SystemExit(f"{each.name}: the live counters differ")


def seconds(session: Any, size: Size) -> Callable[[int], None]:
    """Commits the messages of one more second, up to a moment."""
    applier, rng = Applier(projections(), 1), random.Random(2)  # noqa: S311 - the same for every run
    count = max(1, size.messages // (DAYS * 86_400))

    def write(now_ms: int) -> None:
        applier.apply_facts(session, [
            MessageSent(GUILD, from_time_ms(now_ms - 500, n), CHANNEL, FIRST_USER + rng.randrange(size.users), 0, 0, 0, "", None) for n in range(count)
        ])  # fmt: skip

    return write


async def beside_a_timer(readers: Readers, ask: Callable[[Connection], Any]) -> tuple[Any, Took, float]:
    """An answer, what it took, and how many milliseconds late a timer of the event loop was meanwhile at most."""
    late = [0.0]

    async def tick() -> None:
        while True:
            due = trio.current_time() + 0.001
            await trio.sleep_until(due)
            late[0] = max(late[0], trio.current_time() - due)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        result, took = await asking(readers, ask)
        nursery.cancel_scope.cancel()
    return result, took, late[0] * 1000


# Cached


async def measure_cached(path: Path, period: Range, asked: Iterable[Measured], asks: int, found: Found) -> None:
    """One ask after the other through the actors of engine and cache, after one that is computed."""
    async with engine(path) as stats:
        for each in asked:
            question = each.about(period)
            await stats.ask(question, timeout=DEADLINE)
            for _ in range(asks):
                began, cpu = time.perf_counter(), time.process_time()
                await stats.ask(question, timeout=DEADLINE)
                took = Took((time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000)
                found[each.name].cached.append(took)


@asynccontextmanager
async def engine(path: Path) -> AsyncIterator[ActorRef[Question]]:
    """The query engine and the cache of a service, and nothing else of it."""
    cache: ActorRef[Any] = new_ref("cache", CACHE_MAILBOX)
    stats: ActorRef[Question] = new_ref("stats", MAILBOX)
    async with open_readers(f"sqlite:///{path}") as readers:
        children = (
            ChildSpec("cache", partial(Cache, CacheSection(), counters_of(Counters()), None, None), ref=cache),
            ChildSpec(
                "stats", partial(QueryEngine, readers, concurrency=2, deadline=DEADLINE, cache=cache, stale_seconds=5.0), ref=stats
            ),
        )  # fmt: skip
        async with open_supervisor(SupervisorSpec(children=children)):
            yield stats
