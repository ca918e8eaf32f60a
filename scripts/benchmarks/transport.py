"""``scripts/bench transport``: frames per second through transport and protocol alone, beside other websocket clients on the same sender."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
from contestants import PATIENCE, PEERS, Run
from rich.console import Console
from rich.table import Table

CLIENTS = ("mocha-transport", "mocha-protocol", "mocha-messages", "trio-websocket", "aiohttp", "websockets")
BASE = "trio-websocket"
COMPRESSIONS = ("none", "zlib-stream", "zstd-stream")


@click.command()
@click.option("--count", type=click.IntRange(min=1_000), default=40_000, show_default=True, help="Frames of a run.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Runs of each, alternately.")
@click.option("--json", "as_json", is_flag=True, help="Print every run as JSON.")
def transport(*, count: int, rounds: int, as_json: bool) -> None:
    """Send messages through a socket and measure until the last frame is received, with nobody behind who handles it.

    The peers receive and inflate; so does mocha-transport. mocha-protocol also decodes and numbers every frame, mocha-messages also makes a
    typed struct of every message.
    """
    runs = {compression: measure(count, rounds, compression) for compression in COMPRESSIONS}
    if as_json:
        found = {compression: [asdict(run) for run in of_it] for compression, of_it in runs.items()}
        click.echo(json.dumps({"count": count, "runs": found}))
        return
    for compression, of_it in runs.items():
        Console().print(table(of_it, count, compression))


def measure(count: int, rounds: int, compression: str) -> list[Run]:
    """Every client in turn, against one sender."""
    with sender(count, compression) as port:
        return [receive(client, port, count, compression) for _ in range(rounds) for client in CLIENTS]


@contextmanager
def sender(count: int, compression: str) -> Iterator[str]:
    """The port of a sender, as long as the block."""
    command = [sys.executable, str(PEERS / "sender.py"), str(count), compression]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def receive(client: str, port: str, count: int, compression: str) -> Run:
    """One run of one client."""
    command = [sys.executable, str(PEERS / "receiver.py"), client, port, str(count), compression]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=PATIENCE)
    return Run(client, **json.loads(done.stdout))


def table(runs: list[Run], count: int, compression: str) -> Table:
    """Medians, spread, and ratios to plain trio-websocket."""
    title = f"{count:,} frames, {compression}, medians of {len(runs) // len(CLIENTS)} alternating runs, ratio to {BASE}"
    result = Table(title=title)
    for heading in ("", "frames/s", "min – max", "ratio", "cpu µs", "MB"):
        result.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    rates = {client: sorted(count / run.seconds for run in runs if run.contestant == client) for client in CLIENTS}
    base = statistics.median(rates[BASE])
    for client in CLIENTS:
        mine = [run for run in runs if run.contestant == client]
        cpu = statistics.median(run.cpu_seconds / count * 1e6 for run in mine)
        rate, spread = statistics.median(rates[client]), f"{rates[client][0]:,.0f} – {rates[client][-1]:,.0f}"
        result.add_row(
            client,
            f"{rate:,.0f}",
            spread,
            f"{rate / base:.2f}",
            f"{cpu:.2f}",
            f"{max(run.peak_mb for run in mine):.0f}",
        )
    return result
