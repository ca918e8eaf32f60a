"""The simulator is enough of a Discord for discord.py, of which nothing but the addresses is changed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import trio

from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings

discord = pytest.importorskip("discord", reason="discord.py is not installed; it belongs to the extra `bench`")

ENOUGH = 2000


class CountingBot(discord.Client):  # type: ignore[misc, name-defined]
    """A bot that counts messages and leaves when it has enough of them, with a last look at its guilds."""

    def __init__(self, enough: int) -> None:
        """Ask for the intents that every bot may have."""
        super().__init__(intents=discord.Intents.default())
        self.enough = enough
        self.types: set[int] = set()
        self.messages = 0
        self.resumed = 0
        self.seen_guilds: dict[int, tuple[str, int, int]] = {}

    async def on_resumed(self) -> None:
        """Count."""
        self.resumed += 1

    async def on_message(self, message: Any) -> None:
        """Count, and leave at the end."""
        self.messages += 1
        self.types.add(message.type.value)
        if self.messages >= self.enough:
            self.seen_guilds = {
                each.id: (each.name, len(each.text_channels), len(each.threads)) for each in self.guilds
            }
            await self.close()


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that points discord.py at a simulator."""
    yarl = pytest.importorskip("yarl", reason="part of discord.py's own requirements")

    def point_at(simulator: Simulator) -> None:
        monkeypatch.setattr(discord.http.Route, "BASE", simulator.api_url)
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(simulator.gateway_url))

    return point_at


def _run(bot: CountingBot, token: str) -> None:
    async def live() -> None:
        async with bot:
            await asyncio.wait_for(bot.start(token), 20)
            # aiohttp leaves the ends of its transports to the loop.
            await asyncio.sleep(0.05)

    asyncio.run(live())


async def test_discord_py_logs_in_and_gets_guilds_and_messages(addresses: Any) -> None:
    """READY, GUILD_CREATE and every shape of message parse, over zstd-stream, and fill discord.py's own objects."""
    async with open_simulator(SimulatorSettings(rate=0, count=ENOUGH)) as simulator:
        addresses(simulator)
        bot = CountingBot(ENOUGH)
        await trio.to_thread.run_sync(_run, bot, "simulator")

        assert bot.messages == ENOUGH
        assert bot.seen_guilds == {guild.id: (guild.name, 8, 6) for guild in simulator.world.guilds}
        assert bot.types == {0, 6, 7, 8, 18, 19, 20, 21, 23}
        assert "compress=zstd-stream" in simulator.transcript.connects()[0].target


async def test_discord_py_resumes_after_a_drop(addresses: Any) -> None:
    """After op 7 the library resumes by itself, without a second IDENTIFY."""
    async with open_simulator(SimulatorSettings(rate=1000)) as simulator:
        addresses(simulator)
        bot = CountingBot(ENOUGH)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, _run, bot, "simulator")
            while bot.messages < ENOUGH // 20:
                await trio.sleep(0.02)
            simulator.op7()

        assert bot.resumed == 1
        assert simulator.stats()["identifies"] == 1


async def test_discord_py_is_told_of_a_wrong_token(addresses: Any) -> None:
    """A token that is not the simulator's is refused at the login already."""
    async with open_simulator(SimulatorSettings()) as simulator:
        addresses(simulator)
        with pytest.raises(discord.LoginFailure):
            await trio.to_thread.run_sync(_run, CountingBot(1), "wrong")
