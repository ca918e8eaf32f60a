"""``scripts/bench query``: Mocha's questions, answered from rollups, beside raw SQL over the messages and beside DuckDB over the same rows.

Those that the live counters answer are asked a second time by them, each time after messages were committed: late on a day, for ranges up to now.
"""

from __future__ import annotations

import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import duckdb
import msgspec
import trio
from peers.straight import Straight
from rich.console import Console
from rich.table import Table

from mocha_actors.cache.bases import Bases
from mocha_actors.db.apply import Applier
from mocha_actors.db.closing import ClosedDays
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.readers import Readers, open_readers
from mocha_actors.db.session import open_session
from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS, from_time_ms
from mocha_actors.pipeline.counters import CacheCounters
from mocha_actors.pipeline.facts import MessageSent
from mocha_actors.stats.answers import answer
from mocha_actors.stats.live import Live
from mocha_actors.stats.questions import (
    ActiveMembersQuestion,
    ChannelRankingQuestion,
    Filters,
    GuildQuestion,
    HeatmapQuestion,
    LeaderboardQuestion,
)
from mocha_actors.stats.ranges import Range

END_MS: Final = 1_790_078_400_000 // DAY_MS * DAY_MS + 18 * HOUR_MS + 1_234_567
"""In the evening: the open day is three quarters over."""

DAYS: Final = 90
GUILD: Final = 1
GROUP: Final = 50_000

LOW: Final = from_time_ms(END_MS - 30 * DAY_MS)
HIGH: Final = from_time_ms(END_MS)
WHERE: Final = (
    f"WHERE guild_id = {GUILD} AND message_id >= {LOW} AND message_id < {HIGH} AND author_class = 0 AND kind = 0"
)
LIVE: Final = ("leaderboard", "active members", "leaderboard of a channel")
"""What the live counters are measured on."""

HOUR: Final = "((message_id >> 22) + 1420070400000) // 3600000"

CHANNEL: Final = 105
OF_CHANNEL: Final = f"{WHERE} AND channel_id = {CHANNEL}"

RANGE: Final[dict[str, Any]] = {"guild_id": GUILD, "range": Range(END_MS - 30 * DAY_MS, END_MS)}
QUESTIONS: Final[dict[str, tuple[Any, str]]] = {
    "leaderboard": (
        LeaderboardQuestion(**RANGE),
        f"SELECT user_id, count(*) AS n FROM messages {WHERE} GROUP BY user_id ORDER BY n DESC, user_id LIMIT 10",  # noqa: S608
    ),
    "active members": (ActiveMembersQuestion(**RANGE), f"SELECT count(DISTINCT user_id) FROM messages {WHERE}"),  # noqa: S608
    "leaderboard of a channel": (
        LeaderboardQuestion(**RANGE, filters=Filters(channels=(CHANNEL,))),
        f"SELECT user_id, count(*) AS n FROM messages {OF_CHANNEL} GROUP BY user_id ORDER BY n DESC, user_id LIMIT 10",  # noqa: S608
    ),
    "guild": (GuildQuestion(**RANGE), f"SELECT count(*), count(DISTINCT user_id) FROM messages {WHERE}"),  # noqa: S608
    "heatmap": (HeatmapQuestion(**RANGE), f"SELECT {HOUR} % 168 AS h, count(*) FROM messages {WHERE} GROUP BY h"),  # noqa: S608
    "channel ranking": (
        ChannelRankingQuestion(**RANGE),
        f"SELECT channel_id, count(*) AS n FROM messages {WHERE} GROUP BY channel_id ORDER BY n DESC LIMIT 10",  # noqa: S608
    ),
}
"""Over 30 of 90 days of one guild: the question, and the least SQL that answers its main number. Mocha's answers hold more, such as ranks, names and coverage."""


@click.command()
@click.option(
    "--messages", type=click.IntRange(10_000), default=200_000, show_default=True, help="Of one guild in 90 days."
)
@click.option(
    "--users", type=click.IntRange(10), default=5_000, show_default=True, help="Who write as Zipf's law says."
)
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="Asks of each, alternately.")
@click.option("--json", "as_json", is_flag=True, help="Print every time as JSON.")
def query(*, messages: int, users: int, rounds: int, as_json: bool) -> None:
    """Ask about the last 30 days. The rows come from a seed; a large guild is --messages 10000000 --users 20000.

    "live" is asked after the messages of another second were committed, five seconds after the ask before; "late" is how late a timer of
    the event loop was at most while that was computed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mocha.db"
        fill(path, messages, users)
        trio.run(close_days, path)
        found = trio.run(measure, path, rounds)
        lively = trio.run(measure_live, path, messages, users, rounds)
    if as_json:
        click.echo(json.dumps({"messages": messages, "users": users, "ms": found, "live": lively}))
        return
    result = Table(title=f"{messages:,} messages, {users:,} users, 90 days; medians of {rounds} asks, milliseconds")
    for heading in (
        "",
        "mocha",
        "raw SQL",
        "DuckDB",
        "raw SQL / mocha",
        "DuckDB / mocha",
        "live",
        "mocha / live",
        "late",
    ):
        result.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, times in found.items():
        mocha, raw, duck = (statistics.median(times[who]) for who in ("mocha", "raw SQL", "DuckDB"))
        row = [f"{mocha:.2f}", f"{raw:.2f}", f"{duck:.2f}", f"{raw / mocha:.1f}", f"{duck / mocha:.1f}"]
        if name in lively:
            cold, live = (statistics.median(lively[name][way]) for way in ("cold", "live"))
            row += [f"{live:.2f}", f"{cold / live:.1f}", f"{max(lively[name]['late']):.1f}"]
        result.add_row(name, *row)
    console = Console(width=140)
    console.print(result)
    console.print(
        f"bases of the live counters: {lively['bases']['entries'][0]:,.0f} in {lively['bases']['bytes'][0] / 1e6:.1f} MB"
    )


def fill(path: Path, messages: int, users: int) -> None:
    """One guild's messages, evenly in time, by few people mostly and in few channels."""
    database = Straight(path)
    for group in groups(messages, users):
        database.write(group)
    database.connection.close()


async def close_days(path: Path) -> None:
    """Build the rollup of channels and users, as the janitor does."""
    session = open_session(path)

    async def write(work: Callable[[Connection], int], *, resets: bool = False) -> int:  # noqa: ARG001 - as the janitor calls it
        await trio.lowlevel.checkpoint()
        with session.transaction() as connection:
            return work(connection)

    async with open_readers(f"sqlite:///{path}", threads=1) as readers:
        job = ClosedDays(readers)
        while await job.step(write, END_MS):
            pass
    session.close()


async def measure_live(path: Path, messages: int, users: int, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of each ask with live counters and without, alternately, after another second's messages each time."""
    counters = CacheCounters()
    bases = Bases(1 << 30, counters)
    found: dict[str, dict[str, list[float]]] = {name: {"cold": [], "live": [], "late": []} for name in LIVE}
    applier, session = Applier(projections(), 1), open_session(path)
    rng = random.Random(2)  # noqa: S311 - the same for every run
    a_second = max(1, messages // (DAYS * 86_400))
    async with open_readers(f"sqlite:///{path}") as readers:
        for number in range(-2, rounds):
            now_ms = END_MS + (number + 3) * 5_000
            period = Range(now_ms - 30 * DAY_MS, now_ms)
            applier.apply_facts(session, [
                MessageSent(GUILD, from_time_ms(now_ms - 500, n), CHANNEL, 1_000_001 + rng.randrange(users), 0, 0, 0, "", None) for n in range(a_second)
            ])  # fmt: skip
            for name in LIVE:
                question = msgspec.structs.replace(QUESTIONS[name][0], range=period)
                cold = await timed(readers, lambda connection, asked=question: answer(connection, asked))
                live = await timed(
                    readers, lambda connection, asked=question, at=now_ms: answer(connection, asked, Live(bases, at))
                )
                if live.result != cold.result:
                    raise SystemExit(f"{name}: the live counters differ")
                if number >= 0:
                    for way, ms in (("cold", cold.ms), ("live", live.ms), ("late", live.late_ms)):
                        found[name][way].append(ms)
    session.close()
    return {**found, "bases": {"entries": [counters.entries], "bytes": [counters.bytes]}}


class Timed(NamedTuple):
    """An answer, how long it took, and how late a timer of the loop was meanwhile."""

    result: Any
    ms: float
    late_ms: float


async def timed(readers: Readers, ask: Callable[[Connection], Any]) -> Timed:
    """Ask, with a timer of a millisecond running beside it."""
    late = [0.0]

    async def tick() -> None:
        while True:
            due = trio.current_time() + 0.001
            await trio.sleep_until(due)
            late[0] = max(late[0], trio.current_time() - due)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        began = time.perf_counter()
        result = await readers.run(ask, deadline=600)
        took = time.perf_counter() - began
        nursery.cancel_scope.cancel()
    return Timed(result, took * 1000, late[0] * 1000)


def groups(messages: int, users: int) -> Iterator[list[MessageSent]]:
    """The messages in order, some ten thousand at a time."""
    rng = random.Random(1)  # noqa: S311 - the same for every run
    weights = [1 / rank for rank in range(1, users + 1)]
    step = DAYS * DAY_MS / messages
    for start in range(0, messages, GROUP):
        count = min(GROUP, messages - start)
        authors = rng.choices(range(1_000_001, 1_000_001 + users), weights, k=count)
        yield [
            MessageSent(
                GUILD, from_time_ms(int(END_MS - DAYS * DAY_MS + (start + n) * step), (start + n) & 0xFFF),
                100 + int(rng.random() ** 2 * 20), author, 0, 0, 0, f"user {author}", None,
            )
            for n, author in enumerate(authors)
        ]  # fmt: skip


async def measure(path: Path, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of each ask, by question and by who answered."""
    duck = duckdb.connect()
    duck.execute("SET threads = 2")
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA mmap_size = 268435456")
        raw.execute("CREATE VIEW temp.messages AS SELECT * FROM main.message_events")
        columns = "guild_id BIGINT, message_id BIGINT, channel_id BIGINT, user_id BIGINT, author_class INT, kind INT"
        duck.execute(f"CREATE TABLE messages ({columns})")
        copy(raw, duck)
        found: dict[str, dict[str, list[float]]] = {name: {} for name in QUESTIONS}
        async with open_readers(f"sqlite:///{path}") as readers:
            for _ in range(rounds):
                for name, (question, sql) in QUESTIONS.items():
                    ask: dict[str, Callable[[], Any]] = {
                        "raw SQL": lambda sql=sql: raw.execute(sql.replace("//", "/")).fetchall(),
                        "DuckDB": lambda sql=sql: duck.execute(sql).fetchall(),
                    }
                    began = time.perf_counter()
                    await readers.run(lambda connection, asked=question: answer(connection, asked), deadline=600)
                    found[name].setdefault("mocha", []).append((time.perf_counter() - began) * 1000)
                    for who, run in ask.items():
                        began = time.perf_counter()
                        run()
                        found[name].setdefault(who, []).append((time.perf_counter() - began) * 1000)
    raw.close()
    return found


def copy(raw: sqlite3.Connection, duck: Any) -> None:
    """The same rows for DuckDB, by way of a file that it reads."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        for row in raw.execute("SELECT guild_id, message_id, channel_id, user_id, author_class, kind FROM messages"):
            file.write(",".join(map(str, row)) + "\n")
        file.flush()
        duck.execute(f"COPY messages FROM '{file.name}' (HEADER false)")
