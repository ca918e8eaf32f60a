"""Rules of shards, budgets, members and events on demand, over real sockets of the loopback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from mocha_actors.simulator.faults import SilentHello
from mocha_actors.simulator.server import open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from tests.simulator.client import connect, first_hand

HEADERS = {"Authorization": "Bot simulator"}

pytestmark = pytest.mark.timeout(30)


def quiet(**settings: Any) -> SimulatorSettings:
    """Make settings without live traffic."""
    return SimulatorSettings(**{"count": 0} | settings)


async def test_two_sessions_of_one_shard_get_every_event() -> None:
    """Discord allows it, and each is numbered by itself."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url) as first, connect(simulator.gateway_url) as second:
            await first.identify()
            await simulator.dispatch(0, "TYPING_START", {"n": 1})
            await second.identify()
            assert await simulator.dispatch(0, "TYPING_START", {"n": 2}) == 5
            assert [frame["s"] for frame in await first.receive_many(5)][-1] == 6
            assert (await second.receive_many(4))[-1]["d"] == {"n": 2}


async def test_any_event_goes_to_the_sessions_of_its_shard_and_into_the_ledger(tmp_path: Path) -> None:
    """Connected or not, whatever their intents; another shard hears nothing of it."""
    ledger = tmp_path / "ledger.jsonl"
    async with open_simulator(quiet(shards=2, guilds=2, ledger=ledger)) as simulator:
        assert await simulator.dispatch(0, "GUILD_BAN_ADD", {}) == 0
        async with connect(simulator.gateway_url) as client:
            session_id = (await client.identify((0, 2)))["session_id"]
        await simulator.dispatch(0, "GUILD_BAN_ADD", {"guild_id": "5"})
        await simulator.dispatch(1, "GUILD_BAN_ADD", {"guild_id": "6"})
        await simulator.dispatch(0, "GUILD_DELETE", b'{"id":"7"}')
        async with connect(simulator.gateway_url) as client:
            await client.resume(session_id, 2)
            assert [frame["d"] for frame in await client.receive_many(2)] == [{"guild_id": "5"}, {"id": "7"}]
    assert [frame["t"] for frame in first_hand(ledger)][2:4] == ["GUILD_BAN_ADD", "GUILD_DELETE"]


async def test_an_event_that_the_ledger_cannot_hold_is_refused(tmp_path: Path) -> None:
    """Without a ledger it is sent as it is; a name must look like one in any case."""
    async with open_simulator(quiet(ledger=tmp_path / "ledger.jsonl")) as simulator:
        with pytest.raises(ValueError, match="JSON alone, which the data of TYPING_START is not"):
            await simulator.dispatch(0, "TYPING_START", b'{"broken":')
        with pytest.raises(ValueError, match="not 'typing'"):
            await simulator.dispatch(0, "typing", {})
    async with open_simulator(quiet()) as simulator, connect(simulator.gateway_url) as client:
        await client.identify()
        await client.receive_many(3)
        await simulator.dispatch(0, "TYPING_START", b'{"broken":')
        with pytest.raises(json.JSONDecodeError):
            await client.receive()


async def test_contents_need_their_intent() -> None:
    """Of two sessions, only that with MESSAGE_CONTENT reads what people write."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url) as blind, connect(simulator.gateway_url) as seeing:
            await blind.identify(intents=1 | 512)
            await seeing.identify(intents=1 | 512 | 1 << 15)
            await simulator.burst(await simulator.prepare_burst(300))
            texts = [
                {frame["d"]["id"]: frame["d"]["content"] for frame in (await client.receive_many(303))[3:]}
                for client in (blind, seeing)
            ]
        own = str(simulator.world.bot.id)
        assert texts[0].keys() == texts[1].keys()
        assert sum(map(bool, texts[1].values())) > 200
        assert 0 < sum(map(bool, texts[0].values())) < 50, f"those of the bot {own} itself"


async def test_members_come_in_chunks_and_too_often_is_told() -> None:
    """The chunks are dispatches of the session that asked."""
    async with open_simulator(quiet(guilds=1, members=1500)) as simulator, connect(simulator.gateway_url) as client:
        await client.identify(intents=3)
        guild_id = (await client.receive())["d"]["id"]
        for _ in range(2):
            await client.say(8, {"guild_id": guild_id, "query": "", "limit": 0, "nonce": "n"})
        frames = await client.receive_many(3)

        assert [frame["t"] for frame in frames] == ["GUILD_MEMBERS_CHUNK", "GUILD_MEMBERS_CHUNK", "RATE_LIMITED"]
        assert [frame["s"] for frame in frames] == [3, 4, 5]
        assert 29 < frames[2]["d"]["retry_after"] <= 30


async def test_presence_updates_stand_in_the_transcript() -> None:
    """They are not answered."""
    async with open_simulator(quiet()) as simulator, connect(simulator.gateway_url) as client:
        await client.identify()
        await client.receive_many(3)
        await client.say(3, {"since": None, "activities": [], "status": "idle", "afk": False})
        await client.say(1)
        assert (await client.receive())["op"] == 11
        assert [entry.d["status"] for entry in simulator.transcript.payloads(op=3)] == ["idle"]


async def test_an_overdrawn_budget_ends_everything() -> None:
    """All sessions are gone, all connections closed with 4004, and REST says 401."""
    async with open_simulator(quiet(identify_limit=1)) as simulator, httpx.AsyncClient() as http:
        async with connect(simulator.gateway_url) as first, connect(simulator.gateway_url) as second:
            await first.identify()
            await second.receive()
            await second.say(2, {"token": "simulator", "intents": 1})
            assert (await first.wait_closed()).code == 4004
            assert (await second.wait_closed()).code == 4004
        assert simulator.stats()["sessions"] == []
        answer = await http.get(f"{simulator.api_url}/gateway/bot", headers=HEADERS)
        assert answer.status_code == 401


async def test_the_start_limit_can_be_set() -> None:
    """REST tells it."""
    async with open_simulator(quiet(max_concurrency=4)) as simulator, httpx.AsyncClient() as http:
        simulator.set_session_start_limit(remaining=3, reset_after=60.0)
        limit = (await http.get(f"{simulator.api_url}/gateway/bot", headers=HEADERS)).json()["session_start_limit"]
        assert (limit["total"], limit["remaining"], limit["max_concurrency"]) == (1000, 3, 4)
        assert 55_000 < limit["reset_after"] <= 60_000


async def test_the_resume_address_is_another_one() -> None:
    """It names the shard, and so a fault of that shard's reconnection can be planned; the same and a dead one can be had."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url) as client:
            address = (await client.identify())["resume_gateway_url"]
        assert address == simulator.gateway_url + "/resume/0"
        simulator.plan(SilentHello(), shard=0)
        async with connect(simulator.gateway_url) as client:
            assert (await client.receive())["op"] == 10
        async with connect(address) as client:
            with trio.move_on_after(0.1) as scope:
                await client.receive()
            assert scope.cancelled_caught

    async with open_simulator(quiet(resume_address="same")) as simulator, connect(simulator.gateway_url) as client:
        assert (await client.identify())["resume_gateway_url"] == simulator.gateway_url
    async with open_simulator(quiet(resume_address="dead")) as simulator, connect(simulator.gateway_url) as client:
        port = int((await client.identify())["resume_gateway_url"].rpartition(":")[2])
        with pytest.raises(OSError, match="all attempts to connect"):
            await trio.open_tcp_stream("127.0.0.1", port)


async def test_the_bot_joins_a_guild_of_any_size() -> None:
    """Its GUILD_CREATE goes to its shard, says by a missing field that it is new, and a later READY knows it."""
    async with open_simulator(quiet(shards=2, guilds=2)) as simulator:
        async with connect(simulator.gateway_url) as client:
            await client.identify((1, 2))
            await client.receive()
            guild = await simulator.create_guild(members=5000, shard=1)
            created = (await client.receive())["d"]
        assert (guild.id >> 22) % 2 == 1
        assert created["id"] == str(guild.id)
        assert created["member_count"] == len(created["members"]) == 5004
        assert created["large"] is True
        assert "unavailable" not in created

        async with connect(simulator.gateway_url) as client:
            assert str(guild.id) in [each["id"] for each in (await client.identify((1, 2)))["guilds"]]
            assert {frame["d"]["unavailable"] for frame in await client.receive_many(2)} == {False}


async def test_a_shard_may_have_2500_guilds() -> None:
    """All are in READY, and come one by one."""
    async with open_simulator(quiet(guilds=2500, members=1)) as simulator, connect(simulator.gateway_url) as client:
        ready = await client.identify()
        frames = await client.receive_many(2500)
        assert [frame["d"]["id"] for frame in frames] == [guild["id"] for guild in ready["guilds"]]
        assert len({guild["id"] for guild in ready["guilds"]}) == 2500
