"""``scripts/bench runtime``: what a hop and a restart cost, beside bare trio memory channels and beside Pykka."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

import click
from hops import ASK, TELL, restarts
from rich.console import Console
from rich.table import Table

BATCHES: Final = (1, 64, 256)
ASKERS: Final = (1, 64)
TARGETS: Final = """\
targets  tell in batches: at most 1.5 times the channel's time, that is 0.67 of its rate
         ask: at least 2 times Pykka's rate
         restart without back-off: below 1 ms"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of one contestant.

    Attributes:
        verb: ``tell`` or ``ask``.
        batch: items in a message.
        senders: how many tasks or threads send at once.
        contestant: who ran.
        rate: messages in a second; an item is a ``batch``-th of a message.
        median_us: the median round trip of an ask in microseconds, and ``p99_us`` its 99th percentile; None for a tell, whose messages
            are sent as fast as they go.
        p99_us: see there.

    """

    verb: str
    batch: int
    senders: int
    contestant: str
    rate: float
    median_us: float | None = None
    p99_us: float | None = None


@click.command()
@click.option("--count", type=click.IntRange(min=100), default=20_000, show_default=True, help="Messages in a run.")
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="Runs of each, alternately.")
@click.option("--json", "as_json", is_flag=True, help="Print every run as JSON.")
def runtime(*, count: int, rounds: int, as_json: bool) -> None:
    """Send messages through the actor runtime, a bare memory channel and Pykka, one by one and in batches of 64 and 256.

    Tells are sent as fast as they are taken; asks by one asker, each after the answer to the last, and by 64 at once. The time of a restart runs from the raise in a handler to the
    start of the next incarnation.
    """
    measurements = [each for _ in range(rounds) for each in measure(count)]
    seconds = restarts(max(100, count // 20))
    if as_json:
        runs = [asdict(each) for each in measurements]
        click.echo(json.dumps({"count": count, "runs": runs, "restart_seconds": summary(seconds)}))
        return
    console = Console(width=120)
    for verb, senders in (("tell", 1), *(("ask", askers) for askers in ASKERS)):
        runs = [each for each in measurements if each.verb == verb and each.senders == senders]
        console.print(table(runs, f"{verb}, {senders} at once: medians of {rounds} alternating runs"))
    middle, high = (1e6 * value for value in summary(seconds).values())
    console.print(f"restart: median {middle:.0f} µs, 99th percentile {high:.0f} µs of {len(seconds)}")
    console.print(TARGETS)


def measure(count: int) -> Iterator[Measurement]:
    """One round: everything once, the contestants in turn."""
    for size in BATCHES:
        batch = list(range(size))
        for name, tell in TELL.items():
            yield Measurement("tell", size, 1, name, count / tell(batch, count))
        for askers in ASKERS:
            for name, ask in ASK.items():
                asked = ask(batch, count // 4, askers)
                middle, high = (1e6 * value for value in summary(asked.times).values())
                yield Measurement("ask", size, askers, name, len(asked.times) / asked.seconds, middle, high)


def summary(seconds: list[float]) -> dict[str, float]:
    """The middle and the high end."""
    return {"median": statistics.median(seconds), "p99": statistics.quantiles(seconds, n=100)[98]}


def table(measurements: list[Measurement], title: str) -> Table:
    """Medians, spread, and Mocha's rate as a multiple of each contestant's, taken round by round."""
    result = Table(title=title)
    for heading in ("items", "", "messages/s", "min – max", "items/s", "mocha's rate", "median µs", "p99 µs"):
        result.add_column(heading, justify="left" if heading == "" else "right", no_wrap=True)
    for size in BATCHES:
        ours = rates(measurements, size, "mocha")
        for name in dict.fromkeys(each.contestant for each in measurements):
            mine = rates(measurements, size, name)
            ratio = statistics.median(our / their for our, their in zip(ours, mine, strict=True))
            rate, spread = statistics.median(mine), f"{min(mine):,.0f} – {max(mine):,.0f}"
            latency = [f"{value:.0f}" for value in latencies(measurements, size, name)] or ["", ""]
            result.add_row(str(size), name, f"{rate:,.0f}", spread, f"{rate * size:,.0f}", f"{ratio:.2f} x", *latency)
        result.add_section()
    return result


def rates(measurements: list[Measurement], size: int, name: str) -> list[float]:
    """The rates of a contestant in all rounds."""
    return [each.rate for each in measurements if each.batch == size and each.contestant == name]


def latencies(measurements: list[Measurement], size: int, name: str) -> list[float]:
    """The medians over all rounds of median and 99th percentile."""
    runs = [each for each in measurements if each.batch == size and each.contestant == name]
    pairs = [(each.median_us, each.p99_us) for each in runs if each.median_us is not None and each.p99_us is not None]
    return [statistics.median(column) for column in zip(*pairs, strict=True)]
