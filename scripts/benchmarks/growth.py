"""``scripts/bench growth``: the same measurements with one thing ten times as large, and the exponent of what that costs."""

from __future__ import annotations

import json
import math
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import click
import trio
from catalogue import MEASURED
from contestants import CONFIGURATION, TOKEN, Simulator, started, usage, wait
from material import opened
from memory import look
from rich.console import Console
from rich.table import Table
from volume import apply_all, bytes_of

from mocha_actors.db.address import DatabaseAddress, database_address
from mocha_actors.db.readers import open_readers
from mocha_actors.discord.snowflake import DAY_MS, from_time_ms
from mocha_actors.pipeline.facts import Fact, MessageSent
from mocha_actors.stats.answers import answer
from mocha_actors.stats.questions import Filters
from mocha_actors.stats.ranges import Range

END_MS: Final = 1_790_078_400_000 // DAY_MS * DAY_MS
DAYS: Final = 30
"""The history took so many days, and what is measured is written on the one after them."""

TIMES: Final = 10
LARGE: Final = 50_000_000
"""Messages of the database on paper."""


@dataclass(frozen=True)
class Size:
    """How large everything is.

    Attributes:
        guilds: number of guilds, all equally busy.
        users: authors of each guild, who write as Zipf's law says.
        channels: of each guild.
        history: messages in the database before.

    """

    guilds: int = 10
    users: int = 200
    channels: int = 10
    history: int = 50_000


@dataclass(frozen=True)
class Stored:
    """What writing to and asking a database of some size cost.

    Attributes:
        writer_us: processor time of this process a message.
        rows_per_second: messages a second, by the clock.
        ask_ms: the median of each question about one guild, by name.
        bytes_per_message: of the whole database, rollups and indexes included.

    """

    writer_us: float
    rows_per_second: float
    ask_ms: dict[str, float]
    bytes_per_message: float


@dataclass(frozen=True)
class Received:
    """What the service cost.

    Attributes:
        cpu_us: processor time an event.
        own_mb: its memory afterwards, without pages of files.

    """

    cpu_us: float
    own_mb: float


@dataclass(frozen=True)
class Growth:
    """Everything by what was ten times as large; ``1x`` is the base.

    Attributes:
        stored: on SQLite.
        on_server: on PostgreSQL, if a database there was named.
        received: by the service.

    """

    stored: dict[str, Stored]
    on_server: dict[str, Stored]
    received: dict[str, Received]


@click.command()
@click.option("--count", type=click.IntRange(10_000), default=50_000, show_default=True, help="Messages of a run.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Runs of each, alternately.")
@click.option("--postgresql", metavar="URL", help="A database whose tables are dropped, to be measured too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def growth(*, count: int, rounds: int, postgresql: str | None, as_json: bool) -> None:
    """Multiply guilds, users, channels, history and shards by ten, one at a time. An exponent of 0 is a cost that stays, 1 one that grows likewise."""
    found = measure(count, rounds, postgresql)
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    console = Console(width=130)
    console.print(stored_table(found.stored, "SQLite"))
    if found.on_server:
        console.print(stored_table(found.on_server, "PostgreSQL; the processor time is the client's"))
    console.print(received_table(found.received), on_paper(found))


def measure(count: int, rounds: int, postgresql: str | None = None) -> Growth:
    """All sizes in turn; each figure is the median of its rounds."""
    stored: dict[str, list[Stored]] = {}
    server: dict[str, list[Stored]] = {}
    received: dict[str, list[Received]] = {}
    for _ in range(rounds):
        for name, size in sizes().items():
            stored.setdefault(name, []).append(on_sqlite(size, count))
            if postgresql is not None:
                server.setdefault(name, []).append(on_postgresql(size, count, postgresql))
        for name, options in services().items():
            received.setdefault(name, []).append(serve(count, **options))
    return Growth(
        {name: middle_stored(runs) for name, runs in stored.items()},
        {name: middle_stored(runs) for name, runs in server.items()},
        {name: Received(middle(r.cpu_us for r in runs), middle(r.own_mb for r in runs)) for name, runs in received.items()},
    )  # fmt: skip


def sizes() -> dict[str, Size]:
    """The base, and each dimension ten times."""
    base = Size()
    return {"1x": base} | {f"{TIMES}x {name}": replace(base, **{name: TIMES * value}) for name, value in asdict(base).items()}  # fmt: skip


def services() -> dict[str, dict[str, int]]:
    """Likewise of the whole service, whose history is that of the base in the table above."""
    base = {"guilds": 10, "members": 60, "shards": 1}
    return {"1x": base} | {f"{TIMES}x {name}": base | {name: TIMES * value} for name, value in base.items()}


def exponent(base: float, grown: float) -> float:
    """The power of the growth with which a cost grows."""
    return math.log(grown / base) / math.log(TIMES)


# The database


def on_sqlite(size: Size, count: int) -> Stored:
    """A fresh file."""
    with tempfile.TemporaryDirectory() as folder:
        return store(Path(folder) / "mocha.db", f"sqlite:///{folder}/mocha.db", size, count)


def on_postgresql(size: Size, count: int, url: str) -> Stored:
    """A database there, emptied."""
    from mocha_actors.db.postgresql import connect  # noqa: PLC0415 - its driver is an extra

    address = database_address(url)
    with closing(connect(address)) as connection:
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.commit()
    return store(address, url, size, count)


def store(address: DatabaseAddress, url: str, size: Size, count: int) -> Stored:
    """Fill a database, measure the writing of ``count`` messages more, and ask."""
    session = opened(address)
    apply_all(session, messages(size, size.history, END_MS - DAYS * DAY_MS, DAYS * DAY_MS))
    written = apply_all(session, messages(size, count, END_MS, DAY_MS))
    with session.transaction() as connection:
        each = bytes_of(connection) / (size.history + count)
    session.close()
    asked = trio.run(ask, url)
    return Stored(1e6 * written.cpu_seconds / written.facts, written.facts / written.seconds, asked, each)


def messages(size: Size, count: int, from_ms: int, span_ms: int) -> Iterator[Fact]:
    """So many, evenly in time, in every guild alike."""
    rng = random.Random(1)  # noqa: S311 - the same for every run
    weights = [1 / rank for rank in range(1, size.users + 1)]
    authors = rng.choices(range(size.users), weights, k=count)
    for number, author in enumerate(authors):
        guild = number % size.guilds + 1
        user = guild * 1_000_000 + author
        channel = guild * 10_000 + int(rng.random() ** 2 * size.channels)
        message = from_time_ms(from_ms + number * span_ms // count, number & 0xFFF)
        yield MessageSent(guild, message, channel, user, 0, 0, 0, f"user {user}", None)


async def ask(url: str) -> dict[str, float]:
    """The median milliseconds of five asks of each question of a dashboard, about all of the history of one guild."""
    period = Range(END_MS - DAYS * DAY_MS, END_MS + DAY_MS)
    found = {}
    async with open_readers(url, threads=1) as readers:
        for each in MEASURED:
            if not each.dashboard:
                continue
            # Its busiest channel, in place of that of the other history.
            own = {**each.own, **({"filters": Filters(channels=(10_000,))} if "filters" in each.own else {})}
            asked = each.kind(guild_id=1, range=period, **own)
            times = []
            for _ in range(5):
                began = time.perf_counter()
                await readers.run(lambda connection, asked=asked: answer(connection, asked), deadline=600)
                times.append(1000 * (time.perf_counter() - began))
            found[each.name] = statistics.median(times)
    return found


# The service


def serve(count: int, *, guilds: int, members: int, shards: int) -> Received:
    """One run of the service with a burst."""
    options = {"guilds": guilds, "members": members, "shards": shards, "max-concurrency": shards, "heartbeat-interval": 600, "rate": 1, "count": 0}  # fmt: skip
    traffic = ("--profile", "burst", *(str(part) for name, value in options.items() for part in (f"--{name}", value)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulator = Simulator(folder, traffic)
        try:
            text = CONFIGURATION.format(api_url=simulator.api_url, compression="none", intents=f"shards = {shards}")
            (folder / "mocha.toml").write_text(text)
            command = [sys.executable, "-m", "mocha_actors.cli.run", "mocha.toml"]
            with started(command, folder, {"DISCORD_TOKEN": TOKEN}) as process:
                wait(lambda: len(positions(folder / "mocha.db")) == shards, "every shard to have a session")
                before = usage(process.pid)[0]
                lasts = simulator.command(cmd="burst", count=count)["burst"]
                wait(lambda: reached(folder / "mocha.db", lasts), "the last commit")
                return Received(1e6 * (usage(process.pid)[0] - before) / count, look(process.pid).own)
        finally:
            simulator.process.kill()
            simulator.process.wait()


def positions(database: Path) -> dict[int, int]:
    """The ``s`` up to which everything is committed, by shard."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return dict(connection.execute("SELECT shard, seq FROM gateway_sessions"))
    except sqlite3.OperationalError:
        return {}


def reached(database: Path, lasts: dict[str, int]) -> bool:
    """Whether every shard is durable up to its last."""
    now = positions(database)
    return all(now.get(int(shard), 0) >= last for shard, last in lasts.items())


# Showing


def middle(values: Iterator[float]) -> float:
    """The median."""
    return statistics.median(values)


def middle_stored(runs: list[Stored]) -> Stored:
    """The median of each figure."""
    asks = {name: middle(run.ask_ms[name] for run in runs) for name in runs[0].ask_ms}
    return Stored(
        middle(r.writer_us for r in runs), middle(r.rows_per_second for r in runs), asks, middle(r.bytes_per_message for r in runs)
    )  # fmt: skip


def with_exponent(base: float, value: float, *, is_base: bool, digits: int = 1) -> str:
    """A figure, with its exponent where something has grown."""
    return f"{value:,.{digits}f}" if is_base else f"{value:,.{digits}f} ({exponent(base, value):+.2f})"


def stored_table(found: dict[str, Stored], where: str) -> Table:
    """The database's figures, with exponents."""
    base = found["1x"]
    result = Table(title=f"{where}; in brackets the exponent")
    for heading in ("", "writer µs", "messages/s", *(f"{name} ms" for name in base.ask_ms), "bytes/message"):
        result.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, each in found.items():
        first = name == "1x"
        result.add_row(
            name,
            with_exponent(base.writer_us, each.writer_us, is_base=first),
            with_exponent(base.rows_per_second, each.rows_per_second, is_base=first, digits=0),
            *(with_exponent(base.ask_ms[ask], ms, is_base=first, digits=2) for ask, ms in each.ask_ms.items()),
            with_exponent(base.bytes_per_message, each.bytes_per_message, is_base=first, digits=0),
        )
    return result


def received_table(found: dict[str, Received]) -> Table:
    """The service's figures, with exponents."""
    base = found["1x"]
    result = Table(title="the service; in brackets the exponent")
    for heading in ("", "cpu µs/event", "own MB"):
        result.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, each in found.items():
        first = name == "1x"
        result.add_row(
            name,
            with_exponent(base.cpu_us, each.cpu_us, is_base=first),
            with_exponent(base.own_mb, each.own_mb, is_base=first, digits=0),
        )
    return result


def on_paper(found: Growth) -> str:
    """What a large database would come to, from the bytes a message of the longest history measured."""
    each = found.stored[f"{TIMES}x history"].bytes_per_message
    text = f"{LARGE:,} messages at {each:.0f} bytes each, rollups included: {LARGE * each / 1e9:.1f} GB on SQLite"
    if found.on_server:
        there = found.on_server[f"{TIMES}x history"].bytes_per_message
        text += f", {LARGE * there / 1e9:.1f} GB on PostgreSQL"
    return text
