"""``scripts/bench writer``: what the database's part of a message costs, beside ``sqlite3`` alone and beside PostgreSQL."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
from material import SESSION, START_MS, batches, events, facts, frames
from peers.straight import Straight
from rich.console import Console
from rich.table import Table

from mocha_actors.db import checkpoint
from mocha_actors.db.address import DatabaseAddress, database_address, prepare
from mocha_actors.db.apply import Applier
from mocha_actors.db.engine import bring_up
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.session import Session, open_session
from mocha_actors.pipeline.batch import Batch
from mocha_actors.pipeline.facts import SessionStarted

GROUP: Final = 5_000
"""Events of a transaction, as the service groups them under load."""

Groups = Sequence[Sequence[Batch]]


@dataclass(frozen=True)
class Written:
    """One run of one contestant.

    Attributes:
        contestant: what ran.
        cpu_us: processor time a message of this process, which for PostgreSQL is the client's share alone.
        wall_us: time a message.
        commit_p50_ms: of a transaction of :data:`GROUP` messages, from its first statement to the end of its commit.
        commit_p99_ms: likewise.

    """

    contestant: str
    cpu_us: float
    wall_us: float
    commit_p50_ms: float
    commit_p99_ms: float


@click.command()
@click.option("--count", type=click.IntRange(min=GROUP), default=100_000, show_default=True, help="Messages of a run.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Runs of each, alternately.")
@click.option(
    "--postgresql", metavar="URL", help="An empty database there, to be measured too; its tables are dropped."
)
@click.option("--json", "as_json", is_flag=True, help="Print every run as JSON.")
def writer(*, count: int, rounds: int, postgresql: str | None, as_json: bool) -> None:
    """Commit messages with all projections, ``synchronous=FULL``, beside a straight loop that fills the same tables with ``sqlite3.executemany``."""
    runs = measure(count, rounds, postgresql)
    if as_json:
        click.echo(json.dumps({"count": count, "runs": [asdict(run) for run in runs]}))
    else:
        Console().print(table(runs, count))


def measure(count: int, rounds: int, postgresql: str | None = None) -> list[Written]:
    """Every contestant in turn."""
    contestants: dict[str, Callable[[Groups], list[float]]] = {"mocha": on_sqlite, "sqlite3 alone": straight}
    if postgresql is not None:
        contestants["mocha on PostgreSQL"] = lambda groups: on_postgresql(groups, postgresql)
    decoded = events(frames(count))
    return [timed(name, run, grouped(decoded)) for _ in range(rounds) for name, run in contestants.items()]


def grouped(decoded: list[Any]) -> Groups:
    """Fresh batches, as many to a group as the service takes into one transaction."""
    all_batches = list(batches(decoded))
    size = -(-GROUP // len(all_batches[0]))
    return [all_batches[start : start + size] for start in range(0, len(all_batches), size)]


def timed(name: str, run: Callable[[Groups], list[float]], groups: Groups) -> Written:
    """One run; the contestant gives the seconds of its transactions, wall and processor time by turns."""
    times = run(groups)
    walls, cpus = times[::2], times[1::2]
    count = sum(len(batch) for group in groups for batch in group)
    ordered = sorted(1000 * wall for wall in walls)
    return Written(
        name,
        1e6 * sum(cpus) / count,
        1e6 * sum(walls) / count,
        statistics.median(ordered),
        ordered[int(len(ordered) * 0.99)],
    )


@contextmanager
def stopwatch(times: list[float]) -> Iterator[None]:
    """Add the wall and the processor time of the block."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    times += (time.perf_counter() - wall, time.process_time() - cpu)


def on_sqlite(groups: Groups) -> list[float]:
    """Mocha's own way into a file."""
    with tempfile.TemporaryDirectory() as folder:
        return applied(groups, Path(folder) / "mocha.db")


def on_postgresql(groups: Groups, url: str) -> list[float]:
    """The same into PostgreSQL."""
    from mocha_actors.db.postgresql import connect  # noqa: PLC0415 - its driver is an extra

    address = database_address(url)
    connection: Any = connect(address)
    connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
    connection.execute("CREATE SCHEMA public")
    connection.commit()
    connection.close()
    return applied(groups, address)


def applied(groups: Groups, address: DatabaseAddress) -> list[float]:
    """All groups through an applier with every projection."""
    prepare(address)
    session = open_session(address)
    bring_up(session)
    begin(session)
    applier, times = Applier(projections(), 1), list[float]()
    for group in groups:
        with stopwatch(times):
            applier.apply(session, group)
    session.close()
    return times


def begin(session: Session) -> None:
    """The session that the batches belong to."""
    with session.transaction() as connection:
        checkpoint.start_session(
            connection, SessionStarted(0, SESSION, "wss://localhost", "", 1, 1, START_MS, "first_start"), 1
        )


def straight(groups: Groups) -> list[float]:
    """The limit: see :mod:`peers.straight`."""
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        database = Straight(Path(folder) / "mocha.db")
        for group in groups:
            of_group = facts(group)
            with stopwatch(times):
                database.write(of_group)
        database.connection.close()
    return times


def table(runs: list[Written], count: int) -> Table:
    """Medians, and the processor time as a multiple of sqlite3's, taken round by round."""
    names = list(dict.fromkeys(run.contestant for run in runs))
    result = Table(title=f"{count:,} messages, {GROUP:,} a transaction, medians of {len(runs) // len(names)} runs")
    for heading in ("", "cpu µs/message", "min – max", "to sqlite3", "wall µs/message", "commit p50 ms", "p99"):
        result.add_column(heading, justify="right" if heading else "left")
    base = [run.cpu_us for run in runs if run.contestant == "sqlite3 alone"]
    for name in names:
        mine = [run for run in runs if run.contestant == name]
        cpus = [run.cpu_us for run in mine]
        ratio = statistics.median(cpu / of_base for cpu, of_base in zip(cpus, base, strict=True))
        wall, p50, p99 = (
            statistics.median(getattr(run, field) for run in mine)
            for field in ("wall_us", "commit_p50_ms", "commit_p99_ms")
        )
        result.add_row(
            name, f"{statistics.median(cpus):.2f}", f"{min(cpus):.2f} – {max(cpus):.2f}", f"{ratio:.2f}",
            f"{wall:.2f}", f"{p50:.1f}", f"{p99:.1f}",
        )  # fmt: skip
    return result
