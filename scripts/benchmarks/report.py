"""``scripts/bench report``: the closing table, each figure beside its peer, its limit and its target."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click
import decode
import embed
import growth
import history
import ingest
import lag
import layer
import memory
import query
import runtime
import start_up
import transport
import writer
from catalogue import MEASURED
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


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        count: events of a run.
        rounds: alternating runs of each.
        seconds: at an everyday rate.
        commits: transactions of each size.
        events: messages of the long run for the memory.
        members: that become known in it.

    """

    count: int
    rounds: int
    seconds: int
    commits: int
    events: int
    members: int


FULL: Final = Effort(100_000, 3, 30, 200, 10_000_000, 1_000_000)
QUICK: Final = Effort(20_000, 1, 5, 10, 100_000, 50_000)
RESULTS: Final = Path(__file__).parent / "RESULTS.md"


@click.command()
@click.option(
    "--quick", is_flag=True, help="A fifth of the events, once each: whether all of it runs, not what it says."
)
@click.option("--rounds", type=click.IntRange(min=1), help="Runs of each, alternately.  [default: 3, quick: 1]")
@click.option(
    "--markdown", type=click.Path(path_type=Path, dir_okay=False), default=RESULTS, show_default="beside the benchmarks", help="Write the table there, anew after each part."
)  # fmt: skip
@click.option("--postgresql", metavar="URL", help="A database whose tables are dropped: the writer is measured there too.")  # fmt: skip
def report(*, quick: bool, rounds: int | None, markdown: Path, postgresql: str | None) -> None:
    """Run every part that has a target and write one table. Only ratios mean anything on another machine, or a busy one.

    It takes about twenty minutes, and needs nobody; a quick one takes five.
    """
    effort = QUICK if quick else FULL
    effort = effort if rounds is None else replace(effort, rounds=rounds)
    lines: list[Line] = []
    for part in parts(effort, postgresql):
        lines += part
        markdown.write_text(rendered(lines, effort))
        click.echo("\n".join(f"{line.what}: {line.figure} {line.beside}" for line in part), err=True)
    click.echo(rendered(lines, effort))


def parts(effort: Effort, postgresql: str | None) -> Iterator[list[Line]]:
    """The table, one part after the other."""
    count, rounds = effort.count, effort.rounds
    # Twice as many, so that what a run waits for at its end, a commit of 40 ms, is a few hundredths of it.
    yield from ingests(2 * count, rounds)
    yield list(transports(count // 2, rounds))
    yield list(runtimes(count // 20, rounds))
    yield list(layers(count, rounds))
    yield list(lags(effort.seconds))
    yield list(embeddings(count // 30))
    yield list(decoders(rounds))
    yield list(writers(count, rounds, effort.commits, postgresql))
    yield list(queries(10 * count, rounds))
    yield list(starts(rounds, 10 * count))
    yield list(memories(memory.measure(effort.events, effort.members, rounds)))
    yield list(growths(growth.measure(max(10_000, count // 5), 1, postgresql)))


def spread(ratios: Sequence[float]) -> str:
    """The median of ratios, each of one round, with the least and the greatest."""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours to theirs, round by round."""
    return [our / their for our, their in zip(ours, theirs, strict=True)]


def ingests(count: int, rounds: int) -> Iterator[list[Line]]:
    """Socket to commit, for each compression."""
    targets = {"discord.py": 5.0, "hikari": 6.0, "discord.py, a commit each": 9.0, "limit": 0.65}
    yield beside(Race(count), rounds, tuple(CONTESTANTS), targets, "messages, plain")
    yield beside(Race(count, "zlib-stream"), rounds, ("mocha", "discord.py", "limit"), {"discord.py": 3.5}, "zlib")
    yield beside(Race(count, "zstd-stream"), rounds, ("mocha", "discord.py", "limit"), {}, "messages, zstd")
    libraries = ingest.LIBRARIES
    yield beside(Race(count, profile="community"), rounds, libraries, {"discord.py": 4.0}, "mixed")
    yield beside(Race(count, profile="presence"), rounds, libraries, {"discord.py": 5.0}, "presence")


def beside(race: Race, rounds: int, names: tuple[str, ...], targets: dict[str, float], what: str) -> list[Line]:
    """Mocha beside each of ``names``, by rate and by processor time. The target is of the rate: the sender has made everything beforehand."""
    runs = ingest.measure(race, rounds, names)
    rates, costs = ingest.rates(runs, "mocha"), ingest.costs(runs, "mocha")
    lines = [Line(f"ingest, {what}", f"{statistics.median(rates):,.0f}/s, {statistics.median(costs):.1f} µs", idle(runs))]  # fmt: skip
    for name in names[1:]:
        rate, cost = ratios(rates, ingest.rates(runs, name)), ratios(ingest.costs(runs, name), costs)
        figure = f"{statistics.median(ingest.costs(runs, name)):.1f} µs"
        target = targets.get(name)
        lines.append(
            Line(
                f"… beside {name}", figure, f"{spread(rate)} x its rate, {spread(cost)} x by processor time",
                "" if target is None else f"{target:g} x its rate", None if target is None else statistics.median(rate) >= target,
            )
        )  # fmt: skip
    return lines


def idle(runs: list[Run]) -> str:
    """How much of Mocha's time the sender waited."""
    shares = [1 - run.sender_seconds / run.seconds for run in runs if run.contestant == "mocha"]
    return f"the sender waited {max(0.0, statistics.median(shares)):.0%} of the time"


def transports(count: int, rounds: int) -> Iterator[Line]:
    """From the socket to a frame, without a handler."""
    runs = transport.measure(count, rounds, "none")
    costs = {
        name: [1e6 * run.cpu_seconds / count for run in runs if run.contestant == name] for name in transport.CLIENTS
    }
    ours = costs["mocha-transport"]
    cpu = statistics.median(ours)
    yield Line("receiving, plain", f"{cpu:.2f} µs/frame", "", "4 µs", cpu <= 4)
    for name in ("trio-websocket", "aiohttp", "websockets"):
        each = ratios(costs[name], ours)
        target = 5.0 if name == transport.BASE else None
        met = None if target is None else statistics.median(each) >= target
        yield Line(f"… beside {name}", f"{statistics.median(costs[name]):.2f} µs", f"{spread(each)} x the time", f"{target:g} x" if target else "", met)  # fmt: skip


def runtimes(count: int, rounds: int) -> Iterator[Line]:
    """Hops between actors, 64 items a message."""
    found = [each for _ in range(rounds) for each in runtime.measure(count)]
    tells = [each for each in found if each.verb == "tell"]
    ours = runtime.rates(tells, 64, "mocha")
    hop = 1e6 / (64 * statistics.median(ours))
    yield Line("a hop, 64 a batch", f"{hop:.2f} µs an event", "", "0.5 µs", hop <= 0.5)
    for name in ("memory channel", "pykka"):
        each = ratios(ours, runtime.rates(tells, 64, name))
        yield Line(f"… beside {name}", f"{1e6 / 64 / statistics.median(runtime.rates(tells, 64, name)):.2f} µs", f"{spread(each)} x its rate")  # fmt: skip


def layers(count: int, rounds: int) -> Iterator[Line]:
    """The actors above a straight loop of the same functions."""
    costs = layer.measure(count, rounds)
    above = [cost.layer_us for cost in costs]
    figure = f"{statistics.median(above):+.2f} µs an event ({min(above):+.2f} – {max(above):+.2f})"
    loop = statistics.median(cost.loop_us for cost in costs)
    target = layer.TARGET_US
    yield Line("the actor layer", figure, f"a straight loop of the same functions {loop:.2f} µs", f"{target:g} µs above it", statistics.median(above) <= target)  # fmt: skip


def lags(seconds: int) -> Iterator[Line]:
    """The service at an everyday rate."""
    for each in lag.measure(lag.RATE, seconds):
        figures = {"p50": each.p50_ms, "p99": each.p99_ms, "share": each.core_share}
        met = all(figures[name] < target for name, target in lag.TARGETS.items())
        figure = f"p50 {each.p50_ms:.0f} ms, p99 {each.p99_ms:.0f} ms, {each.core_share:.1%} of one core"
        target = "{p50:.0f} ms, {p99:.0f} ms, {share:.0%}".format(**lag.TARGETS)
        yield Line(f"lag at {lag.RATE:,}/s, {each.profile}", figure, f"{each.events_per_second:,.0f}/s committed", target, met)  # fmt: skip


def embeddings(count: int) -> Iterator[Line]:
    """Mocha inside a bot."""
    found = embed.measure(count)
    yield Line("on_message of a bot with Mocha", embed.spread(found.within), f"without: {embed.spread(found.without)}")
    yield Line("ask from asyncio and back", embed.spread([found.ask_ms]), "")
    yield Line("told from asyncio", f"{found.told_per_second:,.0f} events/s", f"{found.committed_per_second:,.0f}/s committed, {found.dropped} dropped")  # fmt: skip
    yield Line("memory of an idle discord.py client", f"{found.embedded_mb:.0f} MB with Mocha", f"{found.bare_mb:.0f} MB without")  # fmt: skip


def writers(count: int, rounds: int, commits: int, postgresql: str | None) -> Iterator[Line]:
    """The database's part."""
    runs = writer.measure(count, rounds, postgresql)
    cpus = {
        name: [run.cpu_us for run in runs if run.contestant == name]
        for name in dict.fromkeys(run.contestant for run in runs)
    }
    each = ratios(cpus["mocha"], cpus["sqlite3 alone"])
    met = statistics.median(each) <= 1.15
    yield Line("writer", f"{statistics.median(cpus['mocha']):.2f} µs/message", f"{spread(each)} x sqlite3 alone", "1.15 x", met)  # fmt: skip
    floor = ratios(cpus["mocha"], cpus["its statements alone"])
    yield Line("… beside its statements alone", f"{statistics.median(cpus['its statements alone']):.2f} µs/message", f"{spread(floor)} x the time, their parameters made before")  # fmt: skip
    for size in writer.SIZES:
        of_size = writer.commits(size, commits)
        target, met = ("50 ms", of_size.p99 < 50) if size == writer.GROUP else ("", None)
        yield Line(f"commit of {size:,}, p99", f"{of_size.p99:.0f} ms", f"p50 {of_size.p50:.0f} ms; {of_size.cpu_p99:.0f} of processor time; COMMIT itself {of_size.sync_p50:.1f}, p99 {of_size.sync_p99:.1f} ms; log moved {of_size.moves} times between {of_size.count} commits, {of_size.move_worst:.0f} ms at most", target, met)  # fmt: skip
    if postgresql is not None:
        there = cpus["mocha on PostgreSQL"]
        yield Line("… on PostgreSQL", f"{statistics.median(there):.2f} µs/message", f"{spread(ratios(there, cpus['mocha']))} x SQLite, the client's share")  # fmt: skip


def decoders(rounds: int) -> Iterator[Line]:
    """From bytes to a struct."""
    found = decode.measure(20_000, rounds)
    ours = found.pop("mocha")
    yield Line("decode", f"{statistics.median(ours):.2f} µs/message", "")
    for name, costs in found.items():
        yield Line(f"… beside {name}", f"{statistics.median(costs):.2f} µs", f"{spread(ratios(costs, ours))} x the time")  # fmt: skip


def queries(messages: int, rounds: int) -> Iterator[Line]:
    """Those of a dashboard, about 30 of 90 days."""
    asked = [each for each in MEASURED if each.dashboard]
    rounds = max(query.PEER_ROUNDS, rounds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mocha.db"
        history.keep(path, history.Size(messages, 20_000))
        found = query.measure(path, 30, asked, rounds, cached_asks=100)
    for name, times in found.items():
        cold, raw, duck, live, cached = ([took.ms for took in each] for each in (times.cold, times.raw, times.duck, times.live, times.cached))  # fmt: skip
        peers = {"raw SQL": raw, "DuckDB": duck}
        beside = "; ".join(f"{who} {spread(ratios(each, cold[: len(each)]))} x the time" for who, each in peers.items() if each)  # fmt: skip
        lively = f"live {statistics.median(live):.2f} ms, " if live else ""
        yield Line(f"question {name}, {messages:,} messages", f"{statistics.median(cold):.2f} ms, {lively}cached {statistics.median(cached):.3f} ms", beside)  # fmt: skip


def starts(rounds: int, messages: int) -> Iterator[Line]:
    """Start-up, beyond an interpreter that does nothing."""
    found = start_up.measure(rounds, messages)
    bare = statistics.median(wall for wall, _ in found.pop("python"))
    for name, times in found.items():
        seconds = statistics.median(wall for wall, _ in times) - bare
        cpu = statistics.median(cpu for _, cpu in times)
        target = start_up.TARGETS[name]
        what = f"{name}, {messages:,} messages" if name == "service ready" else name
        yield Line(what, f"{seconds:.3f} s, {cpu:.3f} s of processor time", "", f"{target:g} s", seconds < target)


def memories(found: memory.Found) -> Iterator[Line]:
    """What the process occupies."""
    targets, ours, theirs = memory.TARGETS, found.idle["mocha"], found.idle["discord.py"]
    yield Line("memory, idle", f"{ours.resident:.0f} MB resident, {ours.own:.0f} without pages of files", f"discord.py {theirs.resident:.0f} and {theirs.own:.0f}", f"{targets['idle']:.0f} MB", ours.resident < targets["idle"])  # fmt: skip
    busy = found.saturated
    yield Line("memory, saturated", f"{busy.resident:.0f} MB resident, {busy.own:.0f} without pages of files", "", f"{targets['saturated']:.0f} MB", busy.resident < targets["saturated"])  # fmt: skip
    yield Line(f"memory, {found.events:,} events", f"{found.own_after[-1][1]:.0f} MB without pages of files", f"{found.slope:+.1f} MB per 1,000,000 in the second half", "flat", None if found.events < 10 * memory.BURST else found.slope < 1)  # fmt: skip
    mb, peers = found.members_mb["mocha"], memory.per_member(found, "discord.py")
    whole = found.members["mocha"] >= 1_000_000
    yield Line(f"memory, {found.members['mocha']:,} members", f"{mb:+.0f} MB, {found.members_peak_mb:.0f} MB at most meanwhile", f"{memory.per_member(found, 'mocha'):.0f} bytes each, discord.py {peers:.0f}", f"{targets['members']:.0f} MB for 1,000,000", mb <= targets["members"] if whole else None)  # fmt: skip
    (decode, translate), others = found.steps["mocha"], [who for who in found.steps if who != "mocha"]
    peer = ", ".join(f"{who} {found.steps[who][0].ms:.0f} ms" for who in others)
    yield Line(f"GUILD_CREATE of {memory.GUILD:,} members", f"{decode.ms:.0f} ms of the loop, {translate.ms:.0f} ms beside it", f"decoding alone: {peer}", f"{targets['decode']:.0f} ms of the loop", decode.ms < targets["decode"])  # fmt: skip


def growths(found: growth.Growth) -> Iterator[Line]:
    """Exponents."""
    for where, stored in (("SQLite", found.stored), ("PostgreSQL", found.on_server)):
        for name, each in stored.items():
            base = stored["1x"]
            asks = ", ".join(f"{ask} {growth.exponent(base.ask_ms[ask], ms):+.2f}" for ask, ms in each.ask_ms.items())
            beside = f"exponents: writer {growth.exponent(base.writer_us, each.writer_us):+.2f}, {asks}"
            yield Line(f"growth on {where}, {name}", f"{each.writer_us:.1f} µs/message, {each.rows_per_second:,.0f}/s", "" if name == "1x" else beside)  # fmt: skip
    for name, run in found.received.items():
        base_run = found.received["1x"]
        beside = f"exponents: processor time {growth.exponent(base_run.cpu_us, run.cpu_us):+.2f}, memory {growth.exponent(base_run.own_mb, run.own_mb):+.2f}"  # fmt: skip
        yield Line(f"growth of the service, {name}", f"{run.cpu_us:.1f} µs/event, {run.own_mb:.0f} MB", "" if name == "1x" else beside)  # fmt: skip
    yield Line("on paper", growth.on_paper(found), "")


def machine() -> str:
    """What it ran on."""
    text = Path("/proc/cpuinfo").read_text()
    model = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "unknown")
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{os.cpu_count()} x {model}, {gigabytes:.0f} GB, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}. The load at the end was {load}."
    )


def rendered(lines: list[Line], effort: Effort) -> str:
    """The table as Markdown."""
    marks = {None: "", True: "met", False: "**missed**"}
    rows = "\n".join(f"| {x.what} | {x.figure} | {x.beside} | {x.target} | {marks[x.met]} |" for x in lines)
    return (
        "# What was measured\n\nWritten by `scripts/bench report`. "
        f"{machine()} {effort.count:,} events a run, twice as many where they come from a socket; medians of {effort.rounds} alternating runs, with the least and the greatest of the ratios in brackets. "
        "µs are processor time of the process.\n\n"
        f"| | figure | beside | target | |\n|---|---|---|---|---|\n{rows}\n"
    )
