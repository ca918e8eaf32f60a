"""``scripts/bench ingest``: events per second from the socket to the commit, beside the libraries that one would use instead, and beside the limit."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click
from contestants import CONTESTANTS, MOST, Race, Run, Simulator
from rich.console import Console
from rich.table import Table

PROFILES: Final = {"message": "burst", "mixed": "community", "presence": "presence"}
"""What is sent, as the simulator names it. All of it is made beforehand, so that nobody waits for the sender; its column says how much it waited."""

LIBRARIES: Final = ("mocha", "discord.py", "hikari")
"""Who takes part where more than messages is sent."""


@click.command()
@click.option("--count", type=click.IntRange(1_000, MOST), default=200_000, show_default=True, help="Events of a run.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Runs of each, alternately.")
@click.option(
    "--compression", type=click.Choice(["none", "zlib-stream", "zstd-stream"]), default="none", show_default=True
)
@click.option("--profile", type=click.Choice(list(PROFILES)), default="message", show_default=True, help="Of traffic.")
@click.option("--only", multiple=True, type=click.Choice(list(CONTESTANTS)), help="Who takes part; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print every run as JSON.")
def ingest(*, count: int, rounds: int, compression: str, profile: str, only: Sequence[str], as_json: bool) -> None:
    """Send events through a socket and measure until the last one is handled.

    Mocha is the whole product: every message is a committed row with its rollups. The limit fills the same tables in a straight loop. The libraries have an
    empty handler, or store a row of each message; they make the objects and keep the caches that their users want. Those that commit each message by itself
    get a tenth of the events, buffered ones a quarter.
    """
    race = Race(count, compression, PROFILES[profile])
    names = only or (tuple(CONTESTANTS) if profile == "message" else LIBRARIES)
    runs = measure(race, rounds, names)
    if as_json:
        click.echo(json.dumps({**asdict(race), "runs": [asdict(run) for run in runs]}))
    else:
        Console().print(table(runs, f"{count:,} events, {profile} profile, {compression}, {rounds} alternating runs"))


def measure(race: Race, rounds: int, names: Sequence[str]) -> list[Run]:
    """All contestants in turn."""
    return [run_one(name, race) for _ in range(rounds) for name in names]


def run_one(name: str, race: Race) -> Run:
    """One run of one contestant, with a fresh simulator and an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(Path(folder), race.traffic)
        try:
            return CONTESTANTS[name](simulator, Path(folder), race)
        finally:
            simulator.process.kill()
            simulator.process.wait()


def rates(runs: list[Run], name: str) -> list[float]:
    """Events per second of each run of a contestant."""
    return [run.count / run.seconds for run in runs if run.contestant == name]


def costs(runs: list[Run], name: str) -> list[float]:
    """Microseconds of processor time an event."""
    return [run.cpu_seconds / run.count * 1e6 for run in runs if run.contestant == name]


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Median of the ratios of one round each."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))


def table(runs: list[Run], title: str) -> Table:
    """Medians, spread, and Mocha beside each: its rate as a multiple, and the other's processor time as one of its."""
    result = Table(title=title)
    for heading in (
        "",
        "events/s",
        "min – max",
        "mocha's rate",
        "cpu µs/event",
        "to mocha's",
        "peak MB",
        "sender idle",
    ):
        result.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name in dict.fromkeys(run.contestant for run in runs):
        mine = [run for run in runs if run.contestant == name]
        own_rates, own_costs = rates(runs, name), costs(runs, name)
        idle = statistics.median(1 - run.sender_seconds / run.seconds for run in mine)
        has_mocha = any(run.contestant == "mocha" for run in runs)
        result.add_row(
            name,
            f"{statistics.median(own_rates):,.0f}",
            f"{min(own_rates):,.0f} – {max(own_rates):,.0f}",
            f"{ratio(rates(runs, 'mocha'), own_rates):.2f}" if has_mocha else "",
            f"{statistics.median(own_costs):.1f}",
            f"{ratio(own_costs, costs(runs, 'mocha')):.2f}" if has_mocha else "",
            f"{statistics.median(run.peak_mb for run in mine):.0f}",
            f"{max(0.0, idle):.0%}",
        )
    return result
