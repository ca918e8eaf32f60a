"""The simulator is enough of a Discord for discord.py, of which nothing but the addresses is changed."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
import trio

from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from tests.simulator.client import first_hand
from tests.simulator.life.libraries import play, truth

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


def _run(bot: CountingBot | FollowingBot, token: str) -> None:
    async def live() -> None:
        async with bot:
            await asyncio.wait_for(bot.start(token), 150)
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


class FollowingBot(discord.Client):  # type: ignore[misc, name-defined]
    """A bot that asks for everything, and leaves when it is told to."""

    def __init__(self) -> None:
        """Ask for every intent there is."""
        super().__init__(intents=discord.Intents.all())
        self.done = False
        self.is_up = False
        self.events: set[str] = set()
        self.messages: list[int] = []
        self.resumed = 0
        self.errors: list[str] = []
        self.seen: dict[int, dict[str, Any]] = {}

    async def on_ready(self) -> None:
        """Note that all guilds are there, and look at them at the end."""
        self.is_up = True
        while not self.done:
            await asyncio.sleep(0.02)
        self.seen = {guild.id: _seen(guild) for guild in self.guilds}
        await self.close()

    async def on_socket_event_type(self, name: str) -> None:
        """Note the kind."""
        self.events.add(name)

    async def on_message(self, message: Any) -> None:
        """Note the id."""
        self.messages.append(message.id)

    async def on_resumed(self) -> None:
        """Count."""
        self.resumed += 1

    async def on_error(self, event: str, *_: Any, **__: Any) -> None:
        """Note what discord.py could not do."""
        self.errors.append(event)

    @property
    def seq(self) -> int:
        """Number of the last dispatch."""
        return self.ws.sequence if self.ws is not None and self.ws.sequence is not None else 0


def _seen(guild: Any) -> dict[str, Any]:
    """Return what discord.py knows of a guild."""
    rooms = [*guild.voice_channels, *guild.stage_channels]
    return {
        "name": guild.name,
        "members": {member.id: member.nick for member in guild.members},
        "channels": {channel.id: channel.name for channel in guild.channels},
        "threads": {thread.id for thread in guild.threads if not thread.archived},
        "voice": {member.id: (room.id, member.voice.self_mute) for room in rooms for member in room.members},
    }


async def test_discord_py_follows_everything_that_happens(addresses: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Every kind of event passes its own parsers without error or warning, and at the end its cache is the truth."""
    caplog.set_level(logging.WARNING, logger="discord")
    settings = SimulatorSettings(profile="community", count=0, guilds=2, members=30)
    async with open_simulator(settings) as simulator:
        addresses(simulator)
        bot = FollowingBot()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, _run, bot, "simulator")
            with trio.fail_after(20):
                while not bot.is_up:
                    await trio.sleep(0.02)
                told = await play(simulator, 4)
                while bot.seq < simulator.stats()["sessions"][0]["last_seq"]:
                    await trio.sleep(0.02)
            bot.done = True

        true = truth(simulator)
        assert set(bot.seen) == set(true)
        for guild_id, facts in true.items():
            for fact, value in facts.items():
                assert (fact, bot.seen[guild_id][fact]) == (fact, value)
        assert bot.events >= told
        assert len(told) >= 22
        assert bot.errors == []
        assert [record.message for record in caplog.records if "not be supported" not in record.message.lower()] == []


@pytest.mark.parametrize("enough", [1_000, pytest.param(10_000, marks=pytest.mark.long)])
async def test_discord_py_misses_no_message_of_the_community_over_a_drop(
    enough: int, addresses: Any, tmp_path: Path
) -> None:
    """After a reset in the middle it resumes by itself, and has got every message once, in order."""
    ledger = tmp_path / "ledger.jsonl"
    settings = SimulatorSettings(profile="community", rate=1_500, guilds=2, ledger=ledger)
    async with open_simulator(settings) as simulator:
        addresses(simulator)
        bot = FollowingBot()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, _run, bot, "simulator")
            with trio.fail_after(120):
                await _until(lambda: len(bot.messages) >= enough // 2)
                assert await simulator.drop(0, "reset")
                await _until(lambda: len(bot.messages) >= enough and bot.resumed)
                last = simulator.stop_traffic()[0]
                await _until(lambda: bot.seq >= last)
            bot.done = True
        assert (bot.resumed, simulator.stats()["identifies"]) == (1, 1)
    sent = [int(frame["d"]["id"]) for frame in first_hand(ledger) if frame["t"] == "MESSAGE_CREATE"]
    assert bot.messages == sent
    assert bot.errors == []


async def _until(condition: Any) -> None:
    while not condition():
        await trio.sleep(0.02)
