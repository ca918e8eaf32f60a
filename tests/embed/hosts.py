"""Bots with the real libraries, in a thread of their own beside a simulator, with Mocha inside."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio
from click.testing import CliRunner

from mocha_actors.cli.main import mocha
from mocha_actors.config import Config, DatabaseSection, DiscordSection
from mocha_actors.embed import MochaStats
from mocha_actors.simulator.server import Simulator

TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAw.invented.token"
"""hikari reads the bot's id out of the first part."""

EVERYTHING = ("GUILDS", "GUILD_MEMBERS", "GUILD_PRESENCES", "GUILD_MESSAGES", "GUILD_VOICE_STATES", "MESSAGE_CONTENT")


def config_for(folder: Path, name: str = "mocha") -> Config:
    """A database in `folder`, for a bot with every intent."""
    return Config(
        database=DatabaseSection(url=f"sqlite:///{folder}/{name}.db"), discord=DiscordSection(intents=EVERYTHING)
    )


class Told:
    """What a test and a bot in another thread tell each other.

    Attributes:
        messages: how many messages the bot's own handler has seen.
        resumed: how often its session went on.
        seq: the last dispatch that it got.
        done: set by the test: it is enough.
        health: of Mocha, at the end.
        report: how it ended.
    """

    def __init__(self) -> None:
        self.messages = self.resumed = self.seq = 0
        self.done = threading.Event()
        self.health: Any = None
        self.report: Any = None

    async def until_done(self, look: Callable[[], object] = lambda: None) -> None:
        """Wait in the bot's loop."""
        while not self.done.is_set():
            look()
            await asyncio.sleep(0.02)


async def until(condition: Callable[[], object], patience: float = 120.0) -> None:
    """Wait in the test's loop."""
    with trio.fail_after(patience):
        while not condition():
            await trio.sleep(0.02)


async def beside(bot: Callable[[], Awaitable[None]], told: Told, script: Callable[[], Awaitable[None]]) -> None:
    """Run `bot` in a thread with a loop of its own, and `script` here; then the bot is told to end."""

    async def live() -> None:
        async with asyncio.timeout(280):
            await bot()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, asyncio.run, live())
        try:
            await script()
        finally:
            told.done.set()


async def verify(*arguments: object) -> str:
    """What `mocha verify` prints; its exit code has to be 0."""
    result = await trio.to_thread.run_sync(CliRunner().invoke, mocha, ["verify", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return str(result.output)


async def run_discord_py(simulator: Simulator, folder: Path, told: Told, *, mocha_inside: bool = True) -> None:
    """A bot with discord.py that does what bots do, until it is told to end."""
    import discord

    from mocha_actors.embed.discord_py import attach

    class Bot(discord.Client):
        async def on_message(self, _: Any) -> None:
            told.messages += 1

        async def on_resumed(self) -> None:
            told.resumed += 1

    bot = Bot(intents=discord.Intents.all(), enable_debug_events=True)

    def look() -> None:
        told.seq = bot.ws.sequence or 0 if bot.ws is not None else 0

    async with MochaStats(config_for(folder)) as stats, bot:
        if mocha_inside:
            attach(bot, stats)
        await bot.login(TOKEN)
        connecting = asyncio.create_task(bot.connect())
        await told.until_done(look)
        await bot.close()
        await connecting
        await asyncio.sleep(0.05)  # aiohttp leaves the ends of its transports to the loop.
        told.report = await stats.aclose()
        told.health = stats.health()


async def run_hikari(simulator: Simulator, folder: Path, told: Told) -> None:
    """A bot with hikari that does what bots do, until it is told to end."""
    import hikari

    from mocha_actors.embed.hikari import attach

    bot = hikari.GatewayBot(TOKEN, rest_url=simulator.api_url, intents=hikari.Intents.ALL, logs=None, banner=None)

    async def on_message(_: hikari.MessageCreateEvent) -> None:
        told.messages += 1

    async def on_resumed(_: hikari.ShardResumedEvent) -> None:
        told.resumed += 1

    async def on_payload(_: hikari.ShardPayloadEvent) -> None:
        told.seq += 1

    bot.subscribe(hikari.MessageCreateEvent, on_message)
    bot.subscribe(hikari.ShardResumedEvent, on_resumed)
    bot.subscribe(hikari.ShardPayloadEvent, on_payload)
    async with MochaStats(config_for(folder)) as stats:
        attach(bot, stats)
        await bot.start(check_for_updates=False)
        await told.until_done()
        await bot.close()
        told.report = await stats.aclose()
        told.health = stats.health()
