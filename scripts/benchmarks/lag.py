"""``scripts/bench lag``: how long an event takes from the socket to its commit at an everyday rate, and what share of a core that takes."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from typing import Final

import click
import trio
from cache import service
from rich.console import Console
from rich.table import Table

from mocha_actors.logs import configure
from mocha_actors.pipeline.counters import LagHistogram

PROFILES: Final = ("messages", "community")
RATE: Final = 1_000

TARGETS: Final = {"p50": 60.0, "p99": 150.0, "share": 0.10}
"""Milliseconds, and of one core, at :data:`RATE`."""

WARM_UP_SECONDS: Final = 3.0


@dataclass(frozen=True)
class Lag:
    """One run.

    Attributes:
        profile: of the simulator.
        events_per_second: committed.
        p50_ms: from the receipt of an event to its commit.
        p99_ms: likewise.
        core_share: processor time of the service's process, as a part of one core.

    """

    profile: str
    events_per_second: float
    p50_ms: float
    p99_ms: float
    core_share: float


@click.command()
@click.option("--rate", type=click.IntRange(1), default=RATE, show_default=True, help="Events sent a second.")
@click.option("--seconds", type=click.IntRange(5), default=30, show_default=True, help="Of each profile.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def lag(*, rate: int, seconds: int, as_json: bool) -> None:
    """Run the whole service at an everyday rate; nothing else should run on the machine."""
    found = measure(rate, seconds)
    if as_json:
        click.echo(json.dumps({"rate": rate, "seconds": seconds, "runs": [asdict(each) for each in found]}))
    else:
        Console().print(table(found, rate))


def measure(rate: int, seconds: int) -> list[Lag]:
    """Each profile."""
    configure(level="error")
    return [trio.run(follow, profile, rate, seconds) for profile in PROFILES]


async def follow(profile: str, rate: int, seconds: int) -> Lag:
    """The service in this process, the traffic from another."""
    async with service(("--profile", profile, "--rate", str(rate))) as (client, _):
        await trio.sleep(WARM_UP_SECONDS)
        client.counters.lag = LagHistogram()
        committed, began, used = client.counters.committed, time.perf_counter(), time.process_time()
        await trio.sleep(seconds)
        wall, cpu = time.perf_counter() - began, time.process_time() - used
        waits = client.counters.lag
        return Lag(
            profile, (client.counters.committed - committed) / wall, 1000 * (waits.percentile(50) or math.nan),
            1000 * (waits.percentile(99) or math.nan), cpu / wall,
        )  # fmt: skip


def table(found: list[Lag], rate: int) -> Table:
    """A row for each profile."""
    result = Table(title=f"{rate:,} events a second to one guild")
    for heading in ("profile", "committed/s", "lag p50 ms", "p99 ms", "of one core"):
        result.add_column(heading, justify="left" if heading == "profile" else "right")
    for each in found:
        result.add_row(
            each.profile, f"{each.events_per_second:,.0f}", f"{each.p50_ms:.0f}", f"{each.p99_ms:.0f}", f"{each.core_share:.1%}"
        )  # fmt: skip
    return result
