"""``scripts/bench start-up``: how long an import, the help and the service take until they are there."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from contestants import CONFIGURATION, TOKEN, Simulator, durable, started, usage, wait
from material import batches as batches_of
from material import events as events_of
from material import facts, frames
from peers.straight import Straight
from rich.console import Console
from rich.table import Table

TARGETS: Final = {"import mocha_actors": 0.05, "mocha query --help": 0.3, "service ready": 1.0}
"""Seconds, beyond those of an interpreter that does nothing."""


@click.command(name="start-up")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Starts of each, alternately.")
@click.option("--messages", type=click.IntRange(0), default=200_000, show_default=True, help="In the database before.")
@click.option("--json", "as_json", is_flag=True, help="Print every start as JSON.")
def start_up(*, rounds: int, messages: int, as_json: bool) -> None:
    """Start processes. Wall and processor time are those of the whole process; the service is ready when its session is durable."""
    found = measure(rounds, messages)
    if as_json:
        click.echo(json.dumps({"messages": messages, "seconds": found}))
        return
    result = Table(title=f"medians of {rounds} starts, seconds; {messages:,} messages in the service's database")
    for heading in ("", "wall", "cpu", "target"):
        result.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, times in found.items():
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        result.add_row(name, f"{wall:.3f}", f"{cpu:.3f}", f"{TARGETS[name]:.2f}" if name in TARGETS else "")
    Console().print(result)


def measure(rounds: int, messages: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and processor seconds of each start."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder) / "mocha.db", messages)
        starts: dict[str, Callable[[], tuple[float, float]]] = {
            "python": lambda: process("-c", "pass"),
            "import mocha_actors": lambda: process("-c", "import mocha_actors"),
            "mocha query --help": lambda: process("-m", "mocha_actors", "query", "--help"),
            "service ready": lambda: service(Path(folder)),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in starts}
        for _ in range(rounds):
            for name, start in starts.items():
                found[name].append(start())
    return found


def process(*arguments: str) -> tuple[float, float]:
    """An interpreter, from its start to its end."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, cpu


def service(folder: Path) -> tuple[float, float]:
    """The service on an existing database, until a session is durable."""
    simulator = Simulator(folder)
    try:
        text = CONFIGURATION.format(api_url=simulator.api_url, compression="zlib-stream", intents="")
        (folder / "mocha.toml").write_text(text)
        before, began = durable(folder / "mocha.db"), time.perf_counter()
        command = [sys.executable, "-m", "mocha_actors.cli.run", "mocha.toml"]
        with started(command, folder, {"DISCORD_TOKEN": TOKEN}) as running:
            # The simulator is a new one each time, hence it has a new session, whose numbers begin at 1.
            wait(lambda: connected(simulator) and durable(folder / "mocha.db") != before, "a durable session")
            return time.perf_counter() - began, usage(running.pid)[0]
    finally:
        simulator.process.kill()
        simulator.process.wait()
        (folder / "mocha.toml").unlink(missing_ok=True)
        reset(folder / "mocha.db")


def connected(simulator: Simulator) -> bool:
    """Whether there is a session."""
    return bool(simulator.command(cmd="stats")["stats"]["sessions"])


def reset(path: Path) -> None:
    """Forget the sessions, so that the next start is like the last."""
    with sqlite3.connect(path) as connection:
        for table in ("gateway_sessions", "identify_log"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of Mocha's own
    connection.close()


def fill(path: Path, messages: int) -> None:
    """A database with so many messages."""
    os.umask(0o077)
    database = Straight(path)
    if messages:
        for batch in batches_of(events_of(frames(messages))):
            database.write(facts([batch]))
    database.connection.close()
