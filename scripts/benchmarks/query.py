"""``scripts/bench query``: Mocha's questions, answered from rollups, beside raw SQL over the messages and beside DuckDB over the same rows."""

from __future__ import annotations

import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click
import duckdb
import trio
from peers.straight import Straight
from rich.console import Console
from rich.table import Table

from mocha_actors.db.readers import open_readers
from mocha_actors.discord.snowflake import from_time_ms
from mocha_actors.pipeline.facts import MessageSent
from mocha_actors.stats.answers import answer
from mocha_actors.stats.questions import ChannelRankingQuestion, GuildQuestion, HeatmapQuestion, LeaderboardQuestion
from mocha_actors.stats.ranges import Range

DAY_MS: Final = 86_400_000
END_MS: Final = 1_790_078_400_000 // DAY_MS * DAY_MS
DAYS: Final = 90
GUILD: Final = 1
GROUP: Final = 50_000

LOW: Final = from_time_ms(END_MS - 30 * DAY_MS)
HIGH: Final = from_time_ms(END_MS)
WHERE: Final = (
    f"WHERE guild_id = {GUILD} AND message_id >= {LOW} AND message_id < {HIGH} AND author_class = 0 AND kind = 0"
)
HOUR: Final = "((message_id >> 22) + 1420070400000) // 3600000"

RANGE: Final[dict[str, Any]] = {"guild_id": GUILD, "range": Range(END_MS - 30 * DAY_MS, END_MS)}
QUESTIONS: Final[dict[str, tuple[Any, str]]] = {
    "leaderboard": (
        LeaderboardQuestion(**RANGE),
        f"SELECT user_id, count(*) AS n FROM messages {WHERE} GROUP BY user_id ORDER BY n DESC, user_id LIMIT 10",  # noqa: S608
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
    """Ask about the last 30 days. The rows come from a seed; a large guild is --messages 10000000 --users 20000."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mocha.db"
        fill(path, messages, users)
        found = trio.run(measure, path, rounds)
    if as_json:
        click.echo(json.dumps({"messages": messages, "users": users, "ms": found}))
        return
    result = Table(title=f"{messages:,} messages, {users:,} users, 90 days; medians of {rounds} asks, milliseconds")
    for heading in ("", "mocha", "raw SQL", "DuckDB", "raw SQL / mocha", "DuckDB / mocha"):
        result.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, times in found.items():
        mocha, raw, duck = (statistics.median(times[who]) for who in ("mocha", "raw SQL", "DuckDB"))
        result.add_row(name, f"{mocha:.2f}", f"{raw:.2f}", f"{duck:.2f}", f"{raw / mocha:.1f}", f"{duck / mocha:.1f}")
    Console().print(result)


def fill(path: Path, messages: int, users: int) -> None:
    """One guild's messages, evenly in time, by few people mostly and in few channels."""
    database = Straight(path)
    for group in groups(messages, users):
        database.write(group)
    database.connection.close()


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
