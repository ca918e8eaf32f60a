"""``scripts/bench embed``: what Mocha inside a discord.py bot costs the bot, in one run, and how fast it is asked and told from asyncio."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from contestants import TOKEN, Simulator

from mocha_actors.embed import MochaStats, message
from mocha_actors.embed.discord_py import attach

WARM_UP: Final = 200
ASKS: Final = 500
TELLS: Final = 40_000
"""Fewer than wait at most, so that none is dropped."""


@click.command()
@click.option(
    "--count", type=click.IntRange(min=1_000), default=3_000, show_default=True, help="Messages of each phase."
)
def embed(count: int) -> None:
    """Measure the bot's own on_message with Mocha attached and without, in alternation, then asks and tells."""
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(Path(folder), ("--profile", "messages", "--rate", "1000"))
        try:
            asyncio.run(latencies(simulator, Path(folder), count))
        finally:
            simulator.process.kill()
            simulator.process.wait()
        asyncio.run(asks_and_tells(Path(folder)))
    for name in ("bare", "embedded"):
        command = [sys.executable, str(Path(__file__).parent / "peers" / "idle_bot.py"), name]
        used = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        print(f"memory of an idle discord.py client, {name}: {used} MB")


async def latencies(simulator: Any, folder: Path, count: int) -> None:
    """Milliseconds from the moment of a message's dispatch inside the client to its on_message, by phase."""
    discord, bot = make_bot(simulator)
    waits: list[float] = []
    stamps: dict[int, float] = {}

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
        for phase in range(6):
            detach = attach(client, stats) if phase % 2 else None
            waits.clear()
            while len(waits) < count + WARM_UP:  # noqa: ASYNC110 - the handler is what is measured
                await asyncio.sleep(0.05)
            show("with Mocha   " if phase % 2 else "without Mocha", waits[WARM_UP : WARM_UP + count])
            if detach is not None:
                detach()
        print("Mocha:", stats.health())
        await client.close()
        await connecting


def show(name: str, waits: list[float]) -> None:
    """Median and 99th percentile."""
    ms = sorted(wait * 1000 for wait in waits)
    print(f"on_message {name}: median {statistics.median(ms):.3f} ms, p99 {ms[len(ms) * 99 // 100]:.3f} ms")


async def asks_and_tells(folder: Path) -> None:
    """Round trips of a question from asyncio, and dispatches handed over a second."""
    async with MochaStats(database=f"sqlite:///{folder}/asks.db") as stats:
        now = datetime.now(UTC)
        await stats.record([message(now, guild_id=7, channel_id=8, user_id=9, number=n) for n in range(1_000)])
        times = []
        for _ in range(ASKS):
            began = time.perf_counter()
            await stats.guild_settings(7)
            times.append((time.perf_counter() - began) * 1000)
        print(
            f"ask round trip from asyncio: median {statistics.median(times):.3f} ms, p99 {sorted(times)[ASKS * 99 // 100]:.3f} ms"
        )
        frames = [message(now, guild_id=7, channel_id=8, user_id=9, number=n).frame for n in range(TELLS)]
        began = time.perf_counter()
        for frame in frames:
            stats.feed.frame(0, frame)
        told = time.perf_counter() - began
        await stats.flush()
        durable = time.perf_counter() - began
        print(
            f"handed over: {TELLS / told:,.0f} events/s; committed: {TELLS / durable:,.0f} events/s; dropped {stats.health().dropped}"
        )


def make_bot(simulator: Any) -> Any:
    """discord.py and its client class, pointed at the simulator."""
    import discord  # noqa: PLC0415 - after it is known that it is measured
    import yarl  # noqa: PLC0415

    discord.http.Route.BASE = simulator.api_url
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(simulator.gateway_url)
    return discord, discord.Client
