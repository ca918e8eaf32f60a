"""``scripts/bench report``: the closing table, each figure beside its peer, its limit and its target."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import decode
import ingest
import start_up
import writer
from contestants import CONTESTANTS, Race, Run


@dataclass(frozen=True)
class Line:
    """One figure.

    Attributes:
        what: is measured.
        figure: of this machine.
        beside: whom, and the ratio.
        target: of the ratio; empty for none.
        met: whether the ratio reaches it; None without a target.

    """

    what: str
    figure: str
    beside: str
    target: str = ""
    met: bool | None = None


@click.command()
@click.option("--count", type=click.IntRange(min=10_000), default=100_000, show_default=True, help="Events of a run.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Runs of each, alternately.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write the table there.")
def report(*, count: int, rounds: int, markdown: Path | None) -> None:
    """Run the parts that have targets and print one table. Only ratios mean anything on another machine, or a busy one."""
    lines = [*ingests(count, rounds), *writers(count, rounds), *decoders(rounds), *starts(rounds)]
    text = rendered(lines, count, rounds)
    if markdown is not None:
        markdown.write_text(text)
    click.echo(text)


def ingests(count: int, rounds: int) -> Iterator[Line]:
    """Socket to commit, for each compression."""
    targets = {"discord.py": 5.0, "hikari": 6.0, "discord.py, a commit each": 9.0, "limit": 0.65}
    yield from beside(Race(count), rounds, tuple(CONTESTANTS), targets, "messages, plain")
    yield from beside(Race(count, "zlib-stream"), rounds, ("mocha", "discord.py", "limit"), {"discord.py": 3.5}, "zlib")
    yield from beside(Race(count, "zstd-stream"), rounds, ("mocha", "discord.py", "limit"), {}, "messages, zstd")
    libraries = ingest.LIBRARIES
    yield from beside(Race(count // 2, profile="community"), rounds, libraries, {"discord.py": 4.0}, "mixed")
    yield from beside(Race(count // 2, profile="presence"), rounds, libraries, {"discord.py": 5.0}, "presence")


def beside(race: Race, rounds: int, names: tuple[str, ...], targets: dict[str, float], what: str) -> Iterator[Line]:
    """Mocha beside each of ``names``, by rate and by processor time; the target is of the rate."""
    runs = ingest.measure(race, rounds, names)
    rates, costs = ingest.rates(runs, "mocha"), ingest.costs(runs, "mocha")
    yield Line(f"ingest, {what}", f"{statistics.median(rates):,.0f}/s, {statistics.median(costs):.1f} µs", idle(runs))
    for name in names[1:]:
        rate = ingest.ratio(rates, ingest.rates(runs, name))
        cost = ingest.ratio(ingest.costs(runs, name), costs)
        figure = f"{statistics.median(ingest.costs(runs, name)):.1f} µs"
        target = targets.get(name)
        yield Line(
            f"… beside {name}", figure, f"{rate:.2f} x its rate, {cost:.2f} x by processor time",
            "" if target is None else f"{target:g} x its rate", None if target is None else rate >= target,
        )  # fmt: skip


def idle(runs: list[Run]) -> str:
    """How much of Mocha's time the sender waited."""
    shares = [1 - run.sender_seconds / run.seconds for run in runs if run.contestant == "mocha"]
    return f"the sender waited {max(0.0, statistics.median(shares)):.0%} of the time"


def writers(count: int, rounds: int) -> Iterator[Line]:
    """The database's part."""
    runs = writer.measure(count, rounds)
    ours, theirs = ([run for run in runs if run.contestant == name] for name in ("mocha", "sqlite3 alone"))
    cpu = statistics.median(run.cpu_us for run in ours)
    ratio = statistics.median(our.cpu_us / their.cpu_us for our, their in zip(ours, theirs, strict=True))
    yield Line("writer", f"{cpu:.2f} µs/message", f"{ratio:.2f} x sqlite3 alone", "1.15 x", ratio <= 1.15)
    p99 = statistics.median(run.commit_p99_ms for run in ours)
    yield Line("commit of 5,000, p99", f"{p99:.0f} ms", "", "50 ms", p99 < 50)


def decoders(rounds: int) -> Iterator[Line]:
    """From bytes to a struct."""
    found = decode.measure(20_000, rounds)
    ours = found.pop("mocha")
    yield Line("decode", f"{statistics.median(ours):.2f} µs/message", "")
    for name, costs in found.items():
        ratio = statistics.median(cost / our for cost, our in zip(costs, ours, strict=True))
        yield Line(f"… beside {name}", f"{statistics.median(costs):.2f} µs", f"{ratio:.2f} x the time")


def starts(rounds: int) -> Iterator[Line]:
    """Start-up, beyond an interpreter that does nothing."""
    found = start_up.measure(rounds, 200_000)
    bare = statistics.median(wall for wall, _ in found.pop("python"))
    for name, times in found.items():
        seconds = statistics.median(wall for wall, _ in times) - bare
        cpu = statistics.median(cpu for _, cpu in times)
        target = start_up.TARGETS[name]
        yield Line(name, f"{seconds:.3f} s, {cpu:.3f} s of processor time", "", f"{target:g} s", seconds < target)


def rendered(lines: list[Line], count: int, rounds: int) -> str:
    """The table as Markdown."""
    marks = {None: "", True: "met", False: "**missed**"}
    rows = "\n".join(f"| {x.what} | {x.figure} | {x.beside} | {x.target} | {marks[x.met]} |" for x in lines)
    return (
        f"Python {platform.python_version()}, {count:,} events a run, medians of {rounds} alternating runs. µs are processor time of the process.\n\n"
        f"| | figure | beside | target | |\n|---|---|---|---|---|\n{rows}\n"
    )
