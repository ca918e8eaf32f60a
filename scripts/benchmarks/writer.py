"""``scripts/bench writer``: what the database's part of a message costs, beside ``sqlite3`` alone and beside PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import click
import stages
from material import SESSION, START_MS, batches, events, facts, framed, frames, opened
from peers.straight import Straight
from rich.console import Console
from rich.table import Table

from mocha_actors.cli.run import relax_collector
from mocha_actors.db import checkpoint
from mocha_actors.db.address import DatabaseAddress, database_address
from mocha_actors.db.apply import Applier
from mocha_actors.db.connection import Statement
from mocha_actors.db.dialects import for_sqlite
from mocha_actors.db.durable import LOG_PAGES
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.session import PRAGMAS, PREPARED, Session
from mocha_actors.db.sqlite import SqliteConnection
from mocha_actors.pipeline.batch import Batch
from mocha_actors.pipeline.facts import SessionStarted

GROUP: Final = 5_000
"""Events of a transaction, as the service groups them under load."""

SIZES: Final = (40, 500, GROUP)
"""Events of the transactions whose times are taken: what comes together in a commit at 1,000 events a second, at 10,000, and at saturation."""

Groups = Sequence[Sequence[Batch]]


@dataclass(frozen=True)
class Written:
    """One run of one contestant.

    Attributes:
        contestant: what ran.
        cpu_us: processor time a message of this process, which for PostgreSQL is the client's share alone.
        wall_us: time a message.
        commit_p50_ms: of a transaction of :data:`GROUP` messages, from its first statement to the end of its commit.

    """

    contestant: str
    cpu_us: float
    wall_us: float
    commit_p50_ms: float


@dataclass(frozen=True)
class Commits:
    """How long transactions of one size take while they follow one another without a pause; milliseconds.

    Attributes:
        events: of each transaction.
        count: how many there were.
        p50: of a transaction as a whole, from its first statement to the end of its commit.
        p99: likewise.
        cpu_p99: the same in processor time, which others on the machine do not make longer.
        worst: of a transaction; the first one meets an empty database and users that nobody knows.
        sync_p50: of COMMIT alone, which is writing the log and syncing it.
        sync_p99: likewise.
        moves: how often the log was moved into the database, between two transactions.
        move_p50: how long that took.
        move_worst: likewise.
        log_pages: at most, before it was moved.

    """

    events: int
    count: int
    p50: float
    p99: float
    cpu_p99: float
    worst: float
    sync_p50: float
    sync_p99: float
    moves: int
    move_p50: float
    move_worst: float
    log_pages: int


@click.command()
@click.option("--count", type=click.IntRange(min=GROUP), default=100_000, show_default=True, help="Messages of a run.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Runs of each, alternately.")
@click.option(
    "--postgresql", metavar="URL", help="An empty database there, to be measured too; its tables are dropped."
)
@click.option("--commits", "transactions", type=click.IntRange(min=0), default=150, show_default=True, help="Transactions of each size whose times are taken; 0 for none.")  # fmt: skip
@click.option("--stages", "by_stage", is_flag=True, help="Say where the processor time goes instead.")
@click.option("--json", "as_json", is_flag=True, help="Print every run as JSON.")
def writer(
    *, count: int, rounds: int, postgresql: str | None, transactions: int, by_stage: bool, as_json: bool
) -> None:
    """Commit messages with all projections, ``synchronous=FULL``, beside a straight loop that fills the same tables with ``sqlite3.executemany``.

    The floor of both are Mocha's statements alone, with parameters that were made before.
    """
    if by_stage:
        costs = stages_of(count, rounds)
        found: dict[str, Any] = {"count": count, "stages": costs}
        shown = [stage_table(costs, count, rounds)]
    else:
        runs = measure(count, rounds, postgresql)
        of_sizes = [commits(events, transactions) for events in SIZES] if transactions else []
        found = {"count": count, "runs": list(map(asdict, runs)), "commits": list(map(asdict, of_sizes))}
        shown = [table(runs, count), *([commit_table(of_sizes)] if of_sizes else [])]
    if as_json:
        click.echo(json.dumps(found))
    else:
        for each in shown:
            Console().print(each)


def measure(count: int, rounds: int, postgresql: str | None = None) -> list[Written]:
    """Every contestant in turn, all of them with Python's garbage collector as the service sets it: at its defaults it passes over 100,000 events again and again."""
    relax_collector()
    statements = recorded(count)
    contestants: dict[str, Callable[[Groups], list[float]]] = {
        "mocha": on_sqlite, "sqlite3 alone": straight, "its statements alone": lambda _: replayed(statements)
    }  # fmt: skip
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
    return Written(name, 1e6 * sum(cpus) / count, 1e6 * sum(walls) / count, 1000 * statistics.median(walls))


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
    session = opened(address)
    begin(session)
    applier, times = Applier(projections(), 1), list[float]()
    for group in groups:
        with stopwatch(times):
            applier.apply(session, group)
            if session.log_pages() >= LOG_PAGES:
                session.checkpoint_log()
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


Statements = list[list[tuple[bool, str, Any]]]
"""Of each transaction: whether it is of many rows, its text, its parameters."""


def recorded(count: int) -> Statements:
    """What Mocha sends to SQLite for so many messages, by transaction."""
    found: Statements = []
    execute, executemany, apply = SqliteConnection.execute, SqliteConnection.executemany, Applier.apply

    def of_one(self: SqliteConnection, sql: Statement, parameters: Any = (), /) -> Any:
        if found and self.in_transaction:
            found[-1].append((False, for_sqlite(sql), parameters))
        return execute(self, sql, parameters)

    def of_many(self: SqliteConnection, sql: Statement, rows: Any, /) -> Any:
        several = list(rows)
        found[-1].append((True, for_sqlite(sql), several))
        return executemany(self, sql, several)

    def of_group(self: Applier, *arguments: Any) -> Any:
        found.append([])
        return apply(self, *arguments)

    with (
        patch.object(SqliteConnection, "execute", of_one),
        patch.object(SqliteConnection, "executemany", of_many),
        patch.object(Applier, "apply", of_group),
    ):
        on_sqlite(grouped(events(frames(count))))
    return found


def replayed(statements: Statements) -> list[float]:
    """The floor: the recorded statements with the recorded parameters, so that nothing is left but SQLite and its driver."""
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mocha.db"
        session = opened(path)
        begin(session)
        session.close()
        connection = sqlite3.connect(path, isolation_level=None, cached_statements=PREPARED)
        for pragma in PRAGMAS:
            connection.execute(pragma)
        for of_group in statements:
            with stopwatch(times):
                connection.execute("BEGIN IMMEDIATE")
                for of_many, sql, parameters in of_group:
                    (connection.executemany if of_many else connection.execute)(sql, parameters)
                connection.execute("COMMIT")
        connection.close()
    return times


def commits(events_each: int, count: int) -> Commits:
    """So many transactions of a size, one after the other as under load, the log moved between them as the service moves it."""
    # As the service does: at the interpreter's defaults a full collection within one commit in sixty made the p99 of 5,000 events 150 ms instead of 73.
    relax_collector()
    times, cpus, moves, syncs, longest = list[float](), list[float](), list[float](), list[float](), 0
    commit = SqliteConnection.commit

    def timed_commit(self: SqliteConnection) -> None:
        began = time.perf_counter()
        commit(self)
        syncs.append(time.perf_counter() - began)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mocha.db"
        session = opened(path)
        begin(session)
        applier = Applier(projections(), 1)
        lines = framed(events_each * count)
        with patch.object(SqliteConnection, "commit", timed_commit):
            for _ in range(count):
                group = list(batches(events(islice(lines, events_each))))
                began, cpu = time.perf_counter(), time.thread_time()
                applier.apply(session, group)
                times.append(time.perf_counter() - began)
                cpus.append(time.thread_time() - cpu)
                pages = session.log_pages()
                longest = max(longest, pages)
                if pages >= LOG_PAGES:
                    began = time.perf_counter()
                    session.checkpoint_log()
                    moves.append(time.perf_counter() - began)
        session.close()
    p50, p99, worst, sync_p50, sync_p99, cpu_p99, move_p50, move_worst = (
        1000 * at(values, share)
        for values, share in (
            (times, 0.5),
            (times, 0.99),
            (times, 1.0),
            (syncs, 0.5),
            (syncs, 0.99),
            (cpus, 0.99),
            (moves, 0.5),
            (moves, 1.0),
        )
    )
    return Commits(
        events_each, count, p50, p99, cpu_p99, worst, sync_p50, sync_p99, len(moves), move_p50, move_worst, longest
    )


def at(values: Sequence[float], share: float) -> float:
    """The quantile, 0.0 to 1.0, of ``values``; 0 of none."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else 0.0


def stages_of(count: int, rounds: int) -> dict[str, float]:
    """Microseconds of processor time a message by step, each the least of all runs: what others do on the machine only adds."""
    decoded, costs = events(frames(count)), dict[str, float]()
    for _ in range(rounds):
        groups = grouped(decoded)
        with stages.watched() as watched:
            on_sqlite(groups)
        of_run = {label: 1e6 * seconds / count for label, seconds in watched.seconds.items()}
        costs = {label: min(cost, costs.get(label, cost)) for label, cost in of_run.items()}
    return costs


def stage_table(costs: Mapping[str, float], count: int, rounds: int) -> Table:
    """The steps in their order."""
    result = Table(
        "", "cpu µs/message", title=f"{count:,} messages, {GROUP:,} a transaction, the least of {rounds} runs"
    )
    for label, cost in costs.items():
        result.add_row(label, f"{cost:.2f}")
    result.add_row("together", f"{sum(costs.values()):.2f}")
    return result


def commit_table(of_sizes: Sequence[Commits]) -> Table:
    """A row for each size."""
    result = Table(title="transactions one after the other, ms")
    for heading in (
        "events",
        "p50",
        "p99",
        "… of cpu",
        "worst",
        "COMMIT p50",
        "p99",
        "log moved",
        "p50",
        "worst",
        "pages at most",
    ):
        result.add_column(heading, justify="right")
    for each in of_sizes:
        ms = [f"{value:.1f}" for value in (each.p50, each.p99, each.cpu_p99, each.worst, each.sync_p50, each.sync_p99)]
        result.add_row(f"{each.events:,}", *ms, str(each.moves), f"{each.move_p50:.1f}", f"{each.move_worst:.1f}", str(each.log_pages))  # fmt: skip
    return result


def table(runs: list[Written], count: int) -> Table:
    """Medians, and the processor time as a multiple of sqlite3's, taken round by round."""
    names = list(dict.fromkeys(run.contestant for run in runs))
    result = Table(title=f"{count:,} messages, {GROUP:,} a transaction, medians of {len(runs) // len(names)} runs")
    for heading in ("", "cpu µs/message", "min – max", "to sqlite3", "wall µs/message", "commit p50 ms"):
        result.add_column(heading, justify="right" if heading else "left")
    base = [run.cpu_us for run in runs if run.contestant == "sqlite3 alone"]
    for name in names:
        mine = [run for run in runs if run.contestant == name]
        cpus = [run.cpu_us for run in mine]
        ratio = statistics.median(cpu / of_base for cpu, of_base in zip(cpus, base, strict=True))
        wall, p50 = (statistics.median(getattr(run, field) for run in mine) for field in ("wall_us", "commit_p50_ms"))
        result.add_row(
            name, f"{statistics.median(cpus):.2f}", f"{min(cpus):.2f} – {max(cpus):.2f}", f"{ratio:.2f}",
            f"{wall:.2f}", f"{p50:.1f}",
        )  # fmt: skip
    return result
