"""``scripts/bench memory``: what the service occupies idle, at saturation, after very many events and with very many members, beside discord.py."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import click
import msgspec
from contestants import CONFIGURATION, INTENTS, PEERS, TOKEN, Simulator, durable, started, wait
from material import START_MS
from rich.console import Console
from rich.table import Table

from mocha_actors.discord.decode import EventDecoder
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors import guild as guilds
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.payloads import guild_create
from mocha_actors.simulator.world import build_guild, build_world

BURST: Final = 50_000
"""Messages that the sender makes beforehand, hence the distance of two looks at the memory."""

GUILD: Final = 50_000
"""Members of one GUILD_CREATE."""

REST: Final = 2.0
"""Seconds in which a process that has nothing to do any more must not have grown, for its memory to be read."""

PEER_SHARE: Final = 10
"""The part of the members that discord.py is given: it keeps each as an object, and a million of those takes minutes."""

MB: Final = 1 << 20
TARGETS: Final = {"idle": 60.0, "saturated": 90.0, "members": 100.0, "decode": 60.0}
"""Megabytes resident, megabytes more for 1,000,000 members, and milliseconds of the loop for 50,000."""


@dataclass(frozen=True)
class Memory:
    """What a process occupies, in megabytes.

    Attributes:
        resident: all pages (RSS).
        shared: in proportion (PSS), so that what several processes map counts once.
        own: without pages of files. SQLite maps its database, and those pages are the system's to take back.

    """

    resident: float
    shared: float
    own: float


@dataclass(frozen=True)
class Step:
    """A synchronous step of the loop.

    Attributes:
        what: is done.
        ms: processor time, the median of the rounds.

    """

    what: str
    ms: float


@dataclass(frozen=True)
class Found:
    """Everything that was measured.

    Attributes:
        idle: by program, with a session and three guilds of 64.
        saturated: Mocha's greatest memory during a burst.
        events: messages that were sent altogether.
        own_after: Mocha's own megabytes after so many events each.
        slope: megabytes more for each 1,000,000 events, over the second half of them.
        members: that became known, by program.
        members_mb: by program, what they added to its own memory, once it had nothing more to do.
        members_peak_mb: Mocha's greatest own memory meanwhile.
        steps: of the loop, for a GUILD_CREATE of :data:`GUILD` members, Mocha's and its peers'.

    """

    idle: dict[str, Memory]
    saturated: Memory
    events: int
    own_after: list[tuple[int, float]]
    slope: float
    members: dict[str, int]
    members_mb: dict[str, float]
    members_peak_mb: float
    steps: dict[str, list[Step]]


@click.command()
@click.option("--events", type=click.IntRange(BURST), default=3_000_000, show_default=True, help="Messages of the long run, of which the first half fills caches; 10000000 takes five to ten minutes.")  # fmt: skip
@click.option("--members", type=click.IntRange(GUILD), default=1_000_000, show_default=True, help="That become known.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Of decoding a large guild.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def memory(*, events: int, members: int, rounds: int, as_json: bool) -> None:
    """Look at the service's process while it waits, works, has worked for long, and gets to know many members.

    Members come in GUILD_CREATEs of 50,000. discord.py is given a tenth of them, and no messages: its cache of them has a limit of its own.
    """
    found = measure(events, members, rounds)
    if as_json:
        click.echo(json.dumps(asdict(found)))
    else:
        Console().print(table(found), decode_table(found))


def measure(events: int, members: int, rounds: int) -> Found:
    """All parts, each program in fresh processes."""
    with mocha() as (simulator, pid, database):
        idle = {"mocha": settled(pid)}
        saturated, own_after = long_run(simulator, pid, database, events)
    with mocha() as (simulator, pid, database):
        peak, gained = known(simulator, pid, members, database)
    with discord_py() as (simulator, pid):
        idle["discord.py"] = settled(pid)
        _, theirs = known(simulator, pid, max(GUILD, members // PEER_SHARE))
    counts = {"mocha": whole(members), "discord.py": whole(max(GUILD, members // PEER_SHARE))}
    mb = {"mocha": gained, "discord.py": theirs}
    return Found(
        idle, saturated, own_after[-1][0], own_after, slope(own_after[len(own_after) // 2 :]), counts, mb, peak, steps(rounds)
    )  # fmt: skip


def whole(members: int) -> int:
    """As many as full guilds have."""
    return members // GUILD * GUILD


# Programs


@contextmanager
def simulated(folder: Path, profile: str = "burst") -> Iterator[Simulator]:
    """A simulator for the block."""
    simulator = Simulator(folder, ("--profile", profile, "--rate", "1", "--count", "0"))
    try:
        yield simulator
    finally:
        simulator.process.kill()
        simulator.process.wait()


@contextmanager
def mocha() -> Iterator[tuple[Simulator, int, Path]]:
    """A service with a session: its simulator, its process and its database."""
    with tempfile.TemporaryDirectory() as name, simulated(Path(name)) as simulator:
        folder = Path(name)
        text = CONFIGURATION.format(api_url=simulator.api_url, compression="zlib-stream", intents=INTENTS)
        (folder / "mocha.toml").write_text(text)
        command = [sys.executable, "-m", "mocha_actors.cli.run", "mocha.toml"]
        with started(command, folder, {"DISCORD_TOKEN": TOKEN}) as process:
            wait(lambda: durable(folder / "mocha.db") > 0, "Mocha's session to be durable")
            yield simulator, process.pid, folder / "mocha.db"


@contextmanager
def discord_py() -> Iterator[tuple[Simulator, int]]:
    """A bot of discord.py with a session and an empty handler."""
    with tempfile.TemporaryDirectory() as name, simulated(Path(name)) as simulator:
        arguments = [simulator.api_url, simulator.gateway_url, TOKEN, "0", "zlib-stream", "empty"]
        command = [sys.executable, str(PEERS / "discord_py.py"), *arguments]
        with started(command, Path(name), {}) as process:
            assert process.stdout is not None
            process.stdout.readline()  # it says when it is ready
            yield simulator, process.pid


# Looking


def look(pid: int) -> Memory:
    """What a process occupies now."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.endswith("kB")}
    return Memory(sizes["Rss"], sizes["Pss"], sizes["Anonymous"])


def settled(pid: int) -> Memory:
    """What it occupies when it has nothing to do any more: for :data:`REST` it neither grows nor works."""
    while True:
        before, worked = look(pid), ticks(pid)
        time.sleep(REST)
        after = look(pid)
        if abs(after.own - before.own) < 1 and ticks(pid) - worked < 20:
            return after


def ticks(pid: int) -> int:
    """Hundredths of a second of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


class Watch:
    """Looks at a process all the time."""

    def __init__(self, pid: int) -> None:
        """Begin."""
        self._pid, self._over = pid, Event()
        self._looks = [look(pid)]
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(0.1):
            self._looks.append(look(self._pid))

    def peak(self) -> Memory:
        """End; the greatest of each."""
        self._over.set()
        self._thread.join()
        resident, shared, own = zip(*((each.resident, each.shared, each.own) for each in self._looks), strict=True)
        return Memory(max(resident), max(shared), max(own))


# Measuring


def long_run(
    simulator: Simulator, pid: int, database: Path, events: int
) -> tuple[Memory, list[tuple[int, float]]]:  # fmt: skip
    """The greatest memory during the first burst, and the own memory after each."""
    saturated, after = look(pid), list[tuple[int, float]]()
    for sent in range(BURST, events + 1, BURST):
        watch = Watch(pid)
        last = simulator.command(cmd="burst", count=BURST)["burst"]["0"]
        wait(lambda last=last: durable(database) >= last, "the last commit")
        peak = watch.peak()
        saturated = peak if sent == BURST else saturated
        after.append((sent, look(pid).own))
    return saturated, after


def slope(looks: Sequence[tuple[int, float]]) -> float:
    """Megabytes for each 1,000,000 events, by least squares; 0 where there is one look."""
    if len(looks) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*looks, strict=True)).slope * 1e6


def known(simulator: Simulator, pid: int, members: int, database: Path | None = None) -> tuple[float, float]:
    """Let guilds be joined: the greatest own memory meanwhile, and how much more it is afterwards, in megabytes."""
    before, watch = settled(pid), Watch(pid)
    for _ in range(members // GUILD):
        simulator.command(cmd="create-guild", members=GUILD)
        last = simulator.command(cmd="stop-traffic")["stopped"]["0"]
        if database is None:
            settled(pid)
        else:
            wait(lambda last=last: durable(database) >= last, "the members to be durable")
    after = settled(pid)
    return watch.peak().own, after.own - before.own


def steps(rounds: int) -> dict[str, list[Step]]:
    """What is done for one GUILD_CREATE, beside what others do with its bytes: it is outlined in the loop, and read and translated in a thread."""
    frame = guild_frame(GUILD)
    decoder = EventDecoder(guilds.HANDLES)
    event: Any = decoder.decode(frame).pieces[0][0]  # type: ignore[index]
    stamp = Stamp(START_MS, 0, 0)
    timed = {
        ("mocha", "decode"): lambda: decoder.decode(frame),
        ("mocha", "translate"): lambda: guilds.translate(event, stamp),
        ("json", "decode"): lambda: json.loads(frame),
        ("msgspec, untyped", "decode"): lambda: msgspec.json.decode(frame),
    }
    times: dict[tuple[str, str], list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, run in timed.items():
            began = time.process_time()
            kept = run()
            times[name].append((time.process_time() - began) * 1000)
            del kept
    found: dict[str, list[Step]] = {}
    for (who, what), taken in times.items():
        found.setdefault(who, []).append(Step(what, statistics.median(taken)))
    return found


def guild_frame(members: int) -> bytes:
    """A GUILD_CREATE that names everybody."""
    bot = build_world(1, 1, 1).bot
    created = guild_create(GuildState(build_guild(1, bot, 1, 1, members)), joined=True, everybody=True)
    assert created.view is not None
    return b'{"t":"GUILD_CREATE","s":2,"op":0,"d":%b}' % created.view(0, 0)


# Showing


def per_member(found: Found, who: str) -> float:
    """Bytes that a member adds."""
    return found.members_mb[who] / found.members[who] * MB


def table(found: Found) -> Table:
    """Megabytes."""
    result = Table(
        title=f"megabytes; {found.events:,} events, {found.members['mocha']:,} members, discord.py {found.members['discord.py']:,}"
    )
    for heading in ("", "mocha", "discord.py", "target"):
        result.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    ours, theirs = found.idle["mocha"], found.idle["discord.py"]
    result.add_row("idle, resident", f"{ours.resident:.0f}", f"{theirs.resident:.0f}", f"{TARGETS['idle']:.0f}")
    result.add_row("… in proportion (PSS)", f"{ours.shared:.0f}", f"{theirs.shared:.0f}")
    result.add_row("… without pages of files", f"{ours.own:.0f}", f"{theirs.own:.0f}")
    busy = found.saturated
    result.add_row("saturated, resident at most", f"{busy.resident:.0f}", "", f"{TARGETS['saturated']:.0f}")
    result.add_row("… without pages of files", f"{busy.own:.0f}", "")
    result.add_row("more for 1,000,000 events", f"{found.slope:+.1f}", "", "flat")
    extra = [f"{found.members_mb[who]:+.0f}" for who in ("mocha", "discord.py")]
    result.add_row("more for members known", *extra, f"{TARGETS['members']:.0f} for 1,000,000")
    result.add_row("… bytes each", *(f"{per_member(found, who):.0f}" for who in ("mocha", "discord.py")))
    result.add_row("… at most meanwhile, in all", f"{found.members_peak_mb:.0f}", "")
    return result


def decode_table(found: Found) -> Table:
    """Milliseconds."""
    result = Table(title=f"milliseconds for a GUILD_CREATE of {GUILD:,} members")
    for heading in ("", "decode, in the loop", "translate, beside it", "target of the loop"):
        result.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for who, taken in found.steps.items():
        translate = f"{taken[1].ms:.0f}" if len(taken) > 1 else ""
        target = f"{TARGETS['decode']:.0f}" if who == "mocha" else ""
        result.add_row(who, f"{taken[0].ms:.0f}", translate, target)
    return result
