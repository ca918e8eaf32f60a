"""The busy community over real sockets: who suffers any fault, and resumes, knows as much as who comes afresh."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed, HandshakeError

from mocha_actors.simulator.faults import Garbage, HalfOpen, ReplayOverlap, Slow, Split
from mocha_actors.simulator.payloads import guild_create
from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from tests.simulator.client import Client, connect, first_hand
from tests.simulator.life.observer import EVERYTHING, Observer

INTENTS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 15

RECONNECT, INVALID_SESSION = 7, 9

SILENCE = 0.5
"""Seconds after which the follower takes a connection for dead."""

pytestmark = pytest.mark.timeout(60)


class Follower:
    """A client that resumes whenever it must, and identifies when it is told that the session is lost.

    Attributes:
        observer: what it was told.
        seq: number of the last dispatch.
        identifies: how often it has identified.

    """

    def __init__(self, gateway_url: str) -> None:
        self._url = gateway_url
        self._session: str | None = None
        self.observer = Observer()
        self.seq = 0
        self.identifies = 0

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            try:
                async with connect(self._url, "v=10&encoding=json&compress=zlib-stream") as client:
                    await self._greet(client)
                    while await self._hear(client):
                        pass
            except* (OSError, ConnectionClosed, HandshakeError, ValueError, zlib.error):
                await trio.sleep(0.02)

    async def _greet(self, client: Client) -> None:
        if self._session is None:
            self.identifies += 1
            self.observer, self.seq = Observer(late=self.identifies > 1), 1
            self._session = (await client.identify(intents=INTENTS, large_threshold=250))["session_id"]
        else:
            await client.resume(self._session, self.seq)

    async def _hear(self, client: Client) -> bool:
        """Take a frame in, and tell whether the connection is still good."""
        with trio.move_on_after(SILENCE):
            frame = await client.receive()
            if frame["op"] == INVALID_SESSION:
                self._session = self._session if frame["d"] else None
            if frame["op"] != 0:
                return frame["op"] not in {RECONNECT, INVALID_SESSION}
            if frame["s"] > self.seq:
                assert frame["s"] == self.seq + 1, "a RESUME has no gap"
                self.observer.hear(frame["t"], frame["d"])
                self.seq = frame["s"]
            return True
        return False


async def strike(simulator: Simulator, fault: object) -> None:
    """Let a fault happen."""
    match fault:
        case str() | int() if fault not in {"op7", "op9", "op9 resumable", "restart", "overlap"}:
            await simulator.drop(0, fault)
        case "op7":
            simulator.op7()
        case "op9" | "op9 resumable":
            simulator.op9(resumable=fault != "op9")
        case "restart":
            await simulator.restart(0.1)
        case "overlap":
            simulator.plan(ReplayOverlap(50))
            await simulator.drop(0)
        case HalfOpen() | Slow() | Split() | Garbage():
            simulator.inject(fault)
        case _:
            raise AssertionError(fault)


def known(observer: Observer, simulator: Simulator) -> None:
    """Compare what was told with what is true."""
    assert set(observer.guilds) == {str(guild_id) for guild_id in simulator.guilds}
    for guild in simulator.guilds.values():
        view = guild_create(guild).view
        assert view is not None
        observer.guilds[str(guild.id)].same_as(json.loads(view(EVERYTHING, 250)))


FAULTS: list[Any] = [
    "reset", "close", 4000, "half-message", "half-frame", "op7", "op9", "op9 resumable", "restart", "overlap",
    HalfOpen(), Slow(0.01, 4000), Split(500), Garbage("event"), Garbage("stream"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_after_a_fault_one_knows_as_much_as_who_comes_afresh(fault: object) -> None:
    """With all kinds of traffic before, during and after it; only a session that is lost costs an IDENTIFY."""
    settings = SimulatorSettings(profile="community", rate=800, guilds=2, members=30)
    async with open_simulator(settings) as simulator, trio.open_nursery() as nursery:
        follower = Follower(simulator.gateway_url)
        nursery.start_soon(follower.run)
        await reach(follower, 200)
        await strike(simulator, fault)
        await reach(follower, follower.seq + 400 if fault != "op9" else 400)
        last = simulator.stop_traffic()[0]
        await reach(follower, last)
        known(follower.observer, simulator)
        nursery.cancel_scope.cancel()
    assert follower.identifies == (2 if fault == "op9" else 1)


async def test_a_restarted_simulator_is_a_discord_after_an_outage(tmp_path: Path) -> None:
    """The session of the last run is resumed, nothing is missed, and each guild is told anew, as after an outage."""
    settings = SimulatorSettings(
        profile="community", rate=400, guilds=2, members=30, ledger=tmp_path / "ledger.jsonl", resume_address="same"
    )
    async with trio.open_nursery() as nursery:
        async with open_simulator(settings) as simulator:
            follower = Follower(simulator.gateway_url)
            nursery.start_soon(follower.run)
            await reach(follower, 300)
            port = int(simulator.gateway_url.rpartition(":")[2])
        async with open_simulator(replace(settings, port=port)) as simulator:
            before = follower.observer.names.copy()
            await reach(follower, follower.seq + 300)
            last = simulator.stop_traffic()[0]
            await reach(follower, last)
            known(follower.observer, simulator)
        nursery.cancel_scope.cancel()
    told = follower.observer.names - before
    assert (follower.identifies, told["RESUMED"]) == (1, 1)
    assert told["GUILD_CREATE"] >= 2
    assert told["GUILD_CREATE"] == told["GUILD_DELETE"]


async def reach(follower: Follower, seq: int) -> None:
    """Wait until the follower has got so far."""
    with trio.fail_after(40):
        while follower.seq < seq:
            await trio.sleep(0.01)


async def test_a_session_gets_what_it_asked_for_alone(tmp_path: Path) -> None:
    """Without the intents for members, presences, voice and reactions there is nothing of them, and no contents."""
    ledger = tmp_path / "ledger.jsonl"
    settings = SimulatorSettings(profile="community", rate=0, count=3_000, guilds=1, members=30, ledger=ledger)
    async with open_simulator(settings) as simulator, connect(simulator.gateway_url) as client:
        await client.identify(intents=1 << 0 | 1 << 9)
        while simulator.stats()["dispatched"] < 500:
            await client.receive()
    frames = first_hand(ledger)
    names = {frame["t"] for frame in frames}
    assert {"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "GUILD_CREATE"} <= names
    assert not [name for name in names if name.startswith(("GUILD_MEMBER", "PRESENCE", "VOICE", "MESSAGE_REACTION"))]
    own = str(simulator.world.bot.id)
    messages = [frame["d"] for frame in frames if frame["t"] in {"MESSAGE_CREATE", "MESSAGE_UPDATE"}]
    assert {message["content"] for message in messages if message["author"]["id"] != own} == {""}
    [created] = [frame["d"] for frame in frames if frame["t"] == "GUILD_CREATE"][:1]
    assert created["presences"] == []
    assert len(created["members"]) < created["member_count"]


async def test_every_dispatch_of_every_kind_stands_in_the_ledger(tmp_path: Path) -> None:
    """As it came, in one line each."""
    ledger = tmp_path / "ledger.jsonl"
    settings = SimulatorSettings(profile="community", rate=0, count=2_000, guilds=2, members=30, ledger=ledger)
    got = []
    async with open_simulator(settings) as simulator, connect(simulator.gateway_url) as client:
        await client.identify(intents=INTENTS)
        while simulator.stats()["dispatched"] < 2_003 or len(got) + 1 < simulator.stats()["dispatched"]:
            got.append(await client.receive())
    assert got == first_hand(ledger)[1:]
    assert len({frame["t"] for frame in got}) > 12


async def test_what_is_asked_for_happens_and_is_told(tmp_path: Path) -> None:
    """By name, in a guild of one's choice; what cannot happen tells nothing, and what is no happening is refused."""
    settings = SimulatorSettings(profile="community", count=0, guilds=2, members=10)
    async with open_simulator(settings) as simulator, connect(simulator.gateway_url) as client:
        await client.identify(intents=INTENTS)
        await client.receive_many(2)
        guild = list(simulator.guilds)[1]
        assert await simulator.happen("guild-name", guild) == ["GUILD_UPDATE"]
        frame = await client.receive()
        assert (frame["t"], frame["d"]["name"]) == ("GUILD_UPDATE", simulator.guilds[guild].name)
        assert await simulator.happen("bot-removed", guild) == []
        assert await simulator.happen("outage", guild) == ["GUILD_DELETE"]
        with pytest.raises(ValueError, match="what can happen is one of message, edit, .* not 'party'"):
            await simulator.happen("party")
        with pytest.raises(ValueError, match="the bot is in no guild 5"):
            await simulator.happen("message", 5)

        async with connect(simulator.gateway_url) as second:
            await second.identify(intents=INTENTS)
            assert [(await second.receive())["d"]["id"]] == [str(next(iter(simulator.guilds)))]
