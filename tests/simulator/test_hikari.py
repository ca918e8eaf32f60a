"""The simulator is enough of a Discord for hikari, of which nothing but the addresses is changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from tests.simulator.client import first_hand
from tests.simulator.life.libraries import play, truth

hikari = pytest.importorskip("hikari", reason="hikari is not installed; it belongs to the extra `dev`")

from hikari.api.shard import GatewayCompression  # noqa: E402 - if there is hikari
from hikari.impl.shard import GatewayShardImpl  # noqa: E402

ENOUGH = 1000

TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAw.invented.token"
"""hikari reads the bot's id out of the first part, so that the simulator's usual token will not do."""

pytestmark = pytest.mark.timeout(150)


class CountingBot:
    """A bot that counts what it gets and leaves when it has enough of it.

    Attributes:
        guilds: what the library's own cache holds at the end: name, number of channels, of threads and of members.
        messages: number of messages in guilds.
        ready: number of READYs.
        resumed: number of RESUMEDs.
    """

    def __init__(self, api_url: str, *, intents: Any = None, token: str = TOKEN) -> None:
        """Make the bot, not yet connected."""
        self.bot = hikari.GatewayBot(
            token,
            rest_url=api_url,
            intents=intents or hikari.Intents.ALL_UNPRIVILEGED,
            logs=None,
            banner=None,
        )
        self.messages = self.ready = self.resumed = 0
        self.guilds: dict[int, tuple[str, int, int, int]] = {}

    async def live(self, enough: Callable[[], bool]) -> None:
        """Connect, and leave when it is enough."""
        self.bot.subscribe(hikari.GuildMessageCreateEvent, self._on_message)
        self.bot.subscribe(hikari.ShardReadyEvent, self._on_ready)
        self.bot.subscribe(hikari.ShardResumedEvent, self._on_resumed)
        await self.bot.start(check_for_updates=False)
        while not enough():
            await asyncio.sleep(0.02)
        cache = self.bot.cache
        for guild_id, guild in cache.get_available_guilds_view().items():
            threads = cache.get_threads_view_for_guild(guild_id)
            members = cache.get_members_view_for_guild(guild_id)
            channels = cache.get_guild_channels_view_for_guild(guild_id)
            self.guilds[int(guild_id)] = (guild.name, len(channels), len(threads), len(members))

    async def _on_message(self, _: Any) -> None:
        self.messages += 1

    async def _on_ready(self, _: Any) -> None:
        self.ready += 1

    async def _on_resumed(self, _: Any) -> None:
        self.resumed += 1


def run(bot: CountingBot, enough: Callable[[], bool]) -> None:
    """Let a bot live in a loop of its own, for some minutes at most."""

    async def live() -> None:
        try:
            await asyncio.wait_for(bot.live(enough), 150)
        finally:
            if bot.bot.is_alive:
                await bot.bot.close()

    asyncio.run(live())


async def run_beside(simulator: Simulator, bot: CountingBot, enough: Callable[[], bool]) -> None:
    """Let a bot live in a thread."""
    await trio.to_thread.run_sync(run, bot, enough)
    assert {entry.op for entry in simulator.transcript.payloads()} <= {1, 2, 6, 8}


@pytest.mark.parametrize("compression", ["zlib-stream", "zstd-stream"])
async def test_hikari_gets_guilds_and_messages(compression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """READY, GUILD_CREATE and every shape of message parse, over each stream that hikari knows, and fill its own cache."""
    # Which one it takes is its own choice, by what is installed; a bot has no option for it.
    chosen = GatewayCompression("transport_" + compression.replace("-", "_"))
    monkeypatch.setitem(GatewayShardImpl.__init__.__kwdefaults__, "compression", chosen)
    async with open_simulator(SimulatorSettings(rate=2000, token=TOKEN)) as simulator:
        bot = CountingBot(simulator.api_url)
        await run_beside(simulator, bot, lambda: bot.messages >= ENOUGH)

        assert (bot.ready, bot.resumed) == (1, 0)
        assert f"compress={compression}" in simulator.transcript.connects()[0].target
        assert {guild.id: (guild.name, 16, 6, 1) for guild in simulator.world.guilds} == bot.guilds


@pytest.mark.parametrize("how", ["op7", "reset", 4000])
async def test_hikari_resumes_after_a_drop(how: str | int) -> None:
    """By itself, at the resume address, without a second IDENTIFY."""
    async with open_simulator(SimulatorSettings(rate=1000, token=TOKEN)) as simulator:
        bot = CountingBot(simulator.api_url)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_beside, simulator, bot, lambda: bot.resumed > 0 and bot.messages >= ENOUGH)
            while bot.messages < 50:
                await trio.sleep(0.02)
            if how == "op7":
                simulator.op7()
            else:
                await simulator.drop(0, how)

        assert (bot.ready, bot.resumed) == (1, 1)
        assert len(simulator.transcript.payloads(op=2)) == 1
        assert simulator.transcript.connects()[-1].target.startswith("/resume/0?")


async def test_hikari_asks_for_the_members_of_a_large_guild() -> None:
    """Opcode 8, by itself, and the chunks fill its cache."""
    async with open_simulator(SimulatorSettings(rate=1000, token=TOKEN, guilds=1, members=400)) as simulator:
        bot = CountingBot(simulator.api_url, intents=hikari.Intents.ALL_UNPRIVILEGED | hikari.Intents.GUILD_MEMBERS)
        guild_id = hikari.Snowflake(simulator.world.guilds[0].id)
        await run_beside(simulator, bot, lambda: len(bot.bot.cache.get_members_view_for_guild(guild_id)) == 404)
        assert len(simulator.transcript.payloads(op=8)) == 1
        assert [guild[3] for guild in bot.guilds.values()] == [404]


async def test_hikari_is_told_of_a_wrong_token() -> None:
    """By REST already."""
    async with open_simulator(SimulatorSettings(token=TOKEN)) as simulator:
        bot = CountingBot(simulator.api_url, token=TOKEN + "x")
        with pytest.raises(hikari.UnauthorizedError):
            await trio.to_thread.run_sync(run, bot, lambda: False)


class FollowingBot(CountingBot):
    """A bot that asks for everything, and notes it.

    Attributes:
        events: kinds of its library's events.
        errors: what the library's listeners raised.
        ids: of all messages, in order.
        seq: number of the last dispatch.
        seen: what the library knows of each guild at the end.
    """

    def __init__(self, api_url: str) -> None:
        """Make the bot, not yet connected."""
        super().__init__(api_url, intents=hikari.Intents.ALL)
        self.events: set[str] = set()
        self.errors: list[str] = []
        self.ids: list[int] = []
        self.seq = 0
        self.seen: dict[int, dict[str, Any]] = {}

    async def live(self, enough: Callable[[], bool]) -> None:
        """Connect, leave when it is enough, and look back."""
        self.bot.subscribe(hikari.ShardPayloadEvent, self._on_payload)
        self.bot.subscribe(hikari.MessageCreateEvent, self._on_any_message)
        self.bot.subscribe(hikari.ExceptionEvent, self._on_error)
        await super().live(enough)
        self.seen = {int(guild_id): self._seen(guild_id) for guild_id in self.bot.cache.get_available_guilds_view()}

    def _seen(self, guild_id: Any) -> dict[str, Any]:
        cache = self.bot.cache
        voice = cache.get_voice_states_view_for_guild(guild_id)
        members = cache.get_members_view_for_guild(guild_id)
        threads = cache.get_threads_view_for_guild(guild_id)
        channels = cache.get_guild_channels_view_for_guild(guild_id)
        return {
            "name": cache.get_guild(guild_id).name,
            "members": {int(user_id): member.nickname for user_id, member in members.items()},
            "channels": {int(channel_id): channel.name for channel_id, channel in channels.items()},
            "threads": {int(thread_id) for thread_id, thread in threads.items() if not thread.is_archived},
            "voice": {int(each): (int(state.channel_id), state.is_self_muted) for each, state in voice.items()},
        }

    async def _on_payload(self, event: Any) -> None:
        self.events.add(event.name)
        self.seq += 1

    async def _on_any_message(self, event: Any) -> None:
        self.ids.append(int(event.message_id))

    async def _on_error(self, event: Any) -> None:
        self.errors.append(repr(event.exception))


async def test_hikari_follows_everything_that_happens(caplog: pytest.LogCaptureFixture) -> None:
    """Every kind of event passes its own parsers without error or warning, and at the end its cache is the truth."""
    caplog.set_level(logging.WARNING, logger="hikari")
    settings = SimulatorSettings(profile="community", count=0, guilds=2, members=30, token=TOKEN)
    async with open_simulator(settings) as simulator:
        bot = FollowingBot(simulator.api_url)
        done = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_beside, simulator, bot, done.is_set)
            with trio.fail_after(20):
                while bot.seq < 3 or not simulator.stats()["sessions"]:
                    await trio.sleep(0.02)
                told = await play(simulator, 4)
                while bot.seq < simulator.stats()["sessions"][0]["last_seq"]:
                    await trio.sleep(0.02)
            done.set()

        true = truth(simulator)
        for guild_id, seen in bot.seen.items():
            # hikari keeps those in voice of whom it is told only that they have left the guild.
            there = true[guild_id]["members"]
            seen["voice"] = {each: state for each, state in seen["voice"].items() if each in there}
        assert set(bot.seen) == set(true)
        for guild_id, facts in true.items():
            for fact, value in facts.items():
                assert (fact, bot.seen[guild_id][fact]) == (fact, value)
        assert bot.events >= told
        assert len(told) >= 22
        assert bot.errors == []
        assert [record.message for record in caplog.records if "optimization level" not in record.message] == []


@pytest.mark.parametrize("enough", [1_000, pytest.param(10_000, marks=pytest.mark.long)])
async def test_hikari_misses_no_message_of_the_community_over_a_drop(enough: int, tmp_path: Path) -> None:
    """After a reset in the middle it resumes by itself, and has got every message once, in order."""
    ledger = tmp_path / "ledger.jsonl"
    settings = SimulatorSettings(profile="community", rate=1_000, guilds=2, ledger=ledger, token=TOKEN)
    async with open_simulator(settings) as simulator:
        bot = FollowingBot(simulator.api_url)
        done = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_beside, simulator, bot, done.is_set)
            with trio.fail_after(120):
                while len(bot.ids) < enough // 2:
                    await trio.sleep(0.02)
                assert await simulator.drop(0, "reset")
                while len(bot.ids) < enough or not bot.resumed:
                    await trio.sleep(0.02)
                last = simulator.stop_traffic()[0]
                while bot.seq < last:
                    await trio.sleep(0.02)
            done.set()
        assert (bot.ready, bot.resumed) == (1, 1)
    sent = [int(frame["d"]["id"]) for frame in first_hand(ledger) if frame["t"] == "MESSAGE_CREATE"]
    assert bot.ids == sent
    assert bot.errors == []
