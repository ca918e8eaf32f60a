"""``scripts/bench ingest``: events per second from the socket to the commit, beside discord.py with an empty handler."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click
from contestants import Run, Simulator, discord_py, mocha
from rich.console import Console
from rich.table import Table

Contestant = Callable[[Simulator, Path, int, str], Run]
CONTESTANTS: dict[str, Contestant] = {"mocha": mocha, "discord.py": discord_py}


@click.command()
@click.option(
    "--count", type=click.IntRange(min=1_000), default=200_000, show_default=True, help="Messages in the burst."
)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Runs of each, alternately.")
@click.option("--compression", type=click.Choice(["none", "zlib-stream"]), default="none", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print every run as JSON.")
def ingest(*, count: int, rounds: int, compression: str, as_json: bool) -> None:
    """Send a burst of messages through a socket and measure until the last one is handled.

    Mocha is the whole product: every message is a committed row with its rollups. discord.py has an empty handler and stores nothing, but
    makes the objects and keeps the caches that its users want.
    """
    runs = [measure(name, count, compression) for _ in range(rounds) for name in CONTESTANTS]
    if as_json:
        click.echo(json.dumps({"count": count, "compression": compression, "runs": [asdict(run) for run in runs]}))
    else:
        Console().print(table(runs, count, compression))


def measure(name: str, count: int, compression: str) -> Run:
    """One run of one contestant, with a fresh simulator and an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(Path(folder))
        try:
            return CONTESTANTS[name](simulator, Path(folder), count, compression)
        finally:
            simulator.process.kill()
            simulator.process.wait()


def table(runs: list[Run], count: int, compression: str) -> Table:
    """Medians, spread, and the ratio to discord.py's rate."""
    result = Table(
        title=f"{count:,} messages, {compression}, medians of {len(runs) // len(CONTESTANTS)} alternating runs"
    )
    for heading in ("", "events/s", "min – max", "ratio", "cpu µs/event", "peak MB"):
        result.add_column(heading, justify="right" if heading else "left")
    base = statistics.median(count / run.seconds for run in runs if run.contestant == "discord.py")
    for name in CONTESTANTS:
        mine = [run for run in runs if run.contestant == name]
        rates = [count / run.seconds for run in mine]
        cpu = statistics.median(run.cpu_seconds / count * 1e6 for run in mine)
        peak = statistics.median(run.peak_mb for run in mine)
        rate = statistics.median(rates)
        spread = f"{min(rates):,.0f} – {max(rates):,.0f}"
        result.add_row(name, f"{rate:,.0f}", spread, f"{rate / base:.2f}", f"{cpu:.1f}", f"{peak:.0f}")
    return result
