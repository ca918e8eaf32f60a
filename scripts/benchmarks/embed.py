"""``scripts/bench embed``: what Mocha inside a discord.py bot costs the bot, in one run, and how fast it is asked and told from asyncio."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from contestants import TOKEN, Simulator
from rich.console import Console
from rich.table import Table

from mocha_actors.embed import MochaStats, message
from mocha_actors.embed.discord_py import attach

WARM_UP: Final = 200
ASKS: Final = 500
TELLS: Final = 40_000
"""Fewer than wait at most, so that none is dropped."""

PHASES: Final = 6
"""By turns without Mocha and with it."""


@dataclass(frozen=True)
class Wait:
    """From the dispatch of a message inside the client to its ``on_message``, in one phase; milliseconds."""

    median_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Embedded:
    """What was found.

    Attributes:
        without: phases of the bare bot.
        within: phases with Mocha attached.
        ask_ms: round trips of a question from asyncio.
        told_per_second: dispatches that a host's thread hands over.
        committed_per_second: of them, until the last is durable.
        dropped: of them.
        bare_mb: resident memory of an idle client.
        embedded_mb: of one with Mocha inside.

    """

    without: Sequence[Wait]
    within: Sequence[Wait]
    ask_ms: Wait
    told_per_second: float
    committed_per_second: float
    dropped: int
    bare_mb: float
    embedded_mb: float


@click.command()
@click.option("--count", type=click.IntRange(min=200), default=3_000, show_default=True, help="Messages of each phase.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def embed(*, count: int, as_json: bool) -> None:
    """Measure the bot's own on_message with Mocha attached and without, in alternation, then asks, tells and memory."""
    found = measure(count)
    if as_json:
        click.echo(json.dumps({"count": count, **asdict(found)}))
    else:
        Console().print(table(found, count))


def measure(count: int) -> Embedded:
    """Everything."""
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(Path(folder), ("--profile", "messages", "--rate", "1000"))
        try:
            phases = asyncio.run(latencies(simulator, Path(folder), count))
        finally:
            simulator.process.kill()
            simulator.process.wait()
        ask_ms, told, committed, dropped = asyncio.run(asks_and_tells(Path(folder)))
    bare, embedded = (idle_mb(name) for name in ("bare", "embedded"))
    return Embedded(phases[::2], phases[1::2], ask_ms, told, committed, dropped, bare, embedded)


async def latencies(simulator: Simulator, folder: Path, count: int) -> list[Wait]:
    """Each phase."""
    discord, bot = make_bot(simulator)
    waits: list[float] = []
    stamps: dict[int, float] = {}
    found: list[Wait] = []

    class Bot(bot):  # type: ignore[misc, valid-type]
        def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
            if event == "message":
                stamps[args[0].id] = time.perf_counter()
            super().dispatch(event, *args, **kwargs)

        async def on_message(self, said: Any) -> None:
            waits.append(time.perf_counter() - stamps.pop(said.id))

    client = Bot(intents=discord.Intents.default(), enable_debug_events=True)
    async with MochaStats(database=f"sqlite:///{folder}/embed.db") as stats, client:
        await client.login(TOKEN)
        connecting = asyncio.create_task(client.connect())
        for phase in range(PHASES):
            detach = attach(client, stats) if phase % 2 else None
            waits.clear()
            while len(waits) < count + WARM_UP:  # noqa: ASYNC110 - the handler is what is measured
                await asyncio.sleep(0.05)
            found.append(wait_of(waits[WARM_UP : WARM_UP + count]))
            if detach is not None:
                detach()
        await client.close()
        await connecting
    return found


def wait_of(seconds: Sequence[float]) -> Wait:
    """Median and 99th percentile."""
    ms = sorted(1000 * each for each in seconds)
    return Wait(statistics.median(ms), ms[len(ms) * 99 // 100])


async def asks_and_tells(folder: Path) -> tuple[Wait, float, float, int]:
    """Round trips of a question, then dispatches handed over and committed a second, and how many of them were dropped."""
    async with MochaStats(database=f"sqlite:///{folder}/asks.db") as stats:
        now = datetime.now(UTC)
        await stats.record([message(now, guild_id=7, channel_id=8, user_id=9, number=n) for n in range(1_000)])
        times = []
        for _ in range(ASKS):
            began = time.perf_counter()
            await stats.guild_settings(7)
            times.append(time.perf_counter() - began)
        frames = [message(now, guild_id=7, channel_id=8, user_id=9, number=n).frame for n in range(TELLS)]
        began = time.perf_counter()
        for frame in frames:
            stats.feed.frame(0, frame)
        told = time.perf_counter() - began
        await stats.flush()
        durable = time.perf_counter() - began
        return wait_of(times), TELLS / told, TELLS / durable, stats.health().dropped


def idle_mb(name: str) -> float:
    """Megabytes that an idle bot occupies."""
    command = [sys.executable, str(Path(__file__).parent / "peers" / "idle_bot.py"), name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def make_bot(simulator: Simulator) -> Any:
    """discord.py and its client class, pointed at the simulator."""
    import discord  # noqa: PLC0415 - after it is known that it is measured
    import yarl  # noqa: PLC0415

    discord.http.Route.BASE = simulator.api_url
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(simulator.gateway_url)
    return discord, discord.Client


def spread(phases: Sequence[Wait]) -> str:
    """Medians of the phases, as text."""
    median, p99 = (statistics.median(getattr(phase, name) for phase in phases) for name in ("median_ms", "p99_ms"))
    return f"median {median:.2f} ms, p99 {p99:.2f} ms"


def table(found: Embedded, count: int) -> Table:
    """A row each."""
    result = Table(title=f"a discord.py bot at 1,000 messages/s, {count:,} a phase, {PHASES} phases", show_header=False)
    for name, figure in (
        ("on_message without Mocha", spread(found.without)),
        ("on_message with Mocha", spread(found.within)),
        ("ask from asyncio and back", spread([found.ask_ms])),
        ("handed over", f"{found.told_per_second:,.0f} events/s"),
        ("committed", f"{found.committed_per_second:,.0f} events/s, {found.dropped} dropped"),
        ("memory of an idle client", f"{found.bare_mb:.0f} MB bare, {found.embedded_mb:.0f} MB with Mocha"),
    ):
        result.add_row(name, figure)
    return result
