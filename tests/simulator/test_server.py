"""Rules of the simulator as a whole, over real sockets of the loopback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from mocha_actors.simulator.errors import SimulatorError
from mocha_actors.simulator.recount import recount
from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from tests.simulator.client import Client, connect, first_hand, replays

PLAIN, ZLIB = "v=10&encoding=json", "v=10&encoding=json&compress=zlib-stream"


pytestmark = pytest.mark.timeout(30)


def quiet(**settings: Any) -> SimulatorSettings:
    """Make settings without live traffic: whatever comes is asked for."""
    return SimulatorSettings(**{"count": 0} | settings)


async def burst(simulator: Simulator, count: int) -> None:
    """Dispatch so many messages."""
    await simulator.burst(await simulator.prepare_burst(count))


async def wait_disconnected(simulator: Simulator) -> None:
    """Wait until every connection is over."""
    while simulator.stats()["connections"]:
        await trio.sleep(0.005)


@pytest.mark.parametrize("query", [PLAIN, ZLIB])
async def test_a_client_gets_ready_its_guilds_and_messages(query: str) -> None:
    """In this order, numbered without a gap."""
    async with open_simulator(quiet()) as simulator, connect(simulator.gateway_url, query) as client:
        ready = await client.identify()
        guilds = await client.receive_many(3)
        await burst(simulator, 50)
        messages = await client.receive_many(50)

    assert [guild["d"]["id"] for guild in guilds] == [guild["id"] for guild in ready["guilds"]]
    assert {frame["t"] for frame in messages} == {"MESSAGE_CREATE"}
    assert [frame["s"] for frame in (*guilds, *messages)] == list(range(2, 55))


@pytest.mark.parametrize("query", [PLAIN, ZLIB])
@pytest.mark.parametrize("how", ["reset", "close", 4000])
async def test_a_dropped_client_resumes_and_misses_nothing(how: str | int, query: str, tmp_path: Path) -> None:
    """What was dispatched without a connection is replayed, RESUMED ends the replay, and live events follow."""
    ledger = tmp_path / "ledger.jsonl"
    async with open_simulator(quiet(ledger=ledger)) as simulator:
        async with connect(simulator.gateway_url, query) as client:
            ready = await client.identify()
            await burst(simulator, 20)
            await client.receive_many(23)
            assert await simulator.drop(0, how)
            assert (await client.wait_closed()).code == (how if isinstance(how, int) else 1006)
        await burst(simulator, 30)

        async with connect(simulator.gateway_url, query) as client:
            await client.resume(ready["session_id"], 14)
            replayed = await client.receive_until("RESUMED")
            await burst(simulator, 5)
            live = await client.receive_many(5)

        assert [frame["s"] for frame in (*replayed, *live)] == list(range(15, 61))
        assert simulator.stats()["identifies"] == 1
        assert [frame["s"] for frame in first_hand(ledger)] == list(range(1, 61))
        assert [*replayed, *live] == first_hand(ledger)[14:]
        assert replays(ledger) == list(range(15, 55))


async def test_a_second_resume_replays_no_earlier_resumed() -> None:
    """RESUMED is no event that could be missed: a later replay leaves its number out."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url) as client:
            session_id = (await client.identify())["session_id"]
        for expected in ([3, 4, 5], [3, 4, 6]):
            async with connect(simulator.gateway_url) as client:
                await client.resume(session_id, 2)
                assert [frame["s"] for frame in await client.receive_until("RESUMED")] == expected


async def test_a_session_survives_the_simulator(tmp_path: Path) -> None:
    """A restarted simulator replays from the ledger what the client does not have, and identifies nobody anew."""
    ledger = tmp_path / "ledger.jsonl"
    async with open_simulator(quiet(ledger=ledger)) as simulator:
        async with connect(simulator.gateway_url) as client:
            session_id = (await client.identify())["session_id"]
        await burst(simulator, 40)

    async with open_simulator(quiet(ledger=ledger)) as simulator, connect(simulator.gateway_url) as client:
        await client.resume(session_id, 10)
        assert [frame["s"] for frame in await client.receive_until("RESUMED")] == list(range(11, 46))
        assert simulator.stats()["identifies"] == 0

    assert recount(ledger).dispatches == 45
    assert recount(ledger).raw.keys() == {
        (int(frame["d"]["guild_id"]), int(frame["d"]["id"]))
        for frame in first_hand(ledger)
        if frame["t"] == "MESSAGE_CREATE"
    }


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_normal_close_gives_the_session_up(code: int) -> None:
    """After 1000 or 1001 of the client a RESUME is refused with opcode 9, false."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url) as client:
            session_id = (await client.identify())["session_id"]
            await client.websocket.aclose(code)
            await wait_disconnected(simulator)
        async with connect(simulator.gateway_url) as client:
            await client.resume(session_id, 2)
            assert await client.receive() == {"t": None, "s": None, "op": 9, "d": False}


async def test_op7_and_op9_reach_the_client() -> None:
    """Both go ahead of dispatches; after a resumable 9 the session lives, after the other it does not."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url) as client:
            session_id = (await client.identify())["session_id"]
            await client.receive_many(3)
            simulator.op7()
            assert (await client.receive())["op"] == 7
            simulator.op9(resumable=True)
            assert await client.receive() == {"t": None, "s": None, "op": 9, "d": True}
        async with connect(simulator.gateway_url) as client:
            await client.resume(session_id, 4)
            await client.receive_until("RESUMED")
            simulator.op9(resumable=False)
            assert (await client.receive())["d"] is False
        async with connect(simulator.gateway_url) as client:
            await client.resume(session_id, 4)
            assert (await client.receive())["op"] == 9


async def test_a_mistake_closes_the_connection_with_its_code() -> None:
    """The close frame carries Discord's code and its reason."""
    async with open_simulator(quiet()) as simulator, connect(simulator.gateway_url) as client:
        await client.receive()
        await client.say(2, {"token": "wrong", "intents": 1})
        reason = await client.wait_closed()
        assert (reason.code, reason.reason) == (4004, "Authentication failed.")


@pytest.mark.parametrize(("query", "code"), [("v=6", 4012), ("v=10&encoding=etf", 4002), ("compress=snappy", 4002)])
async def test_what_is_not_spoken_here_is_refused(query: str, code: int) -> None:
    """Another API version, encoding or compression is closed at once, instead of a HELLO that nobody can read."""
    async with open_simulator(quiet()) as simulator, connect(simulator.gateway_url, query) as client:
        assert (await client.wait_closed()).code == code


async def test_a_second_connection_takes_the_session_over() -> None:
    """The older connection is closed; the younger one gets what follows."""
    async with (
        open_simulator(quiet()) as simulator,
        connect(simulator.gateway_url) as old,
        connect(simulator.gateway_url) as new,
    ):
        session_id = (await old.identify())["session_id"]
        await new.resume(session_id, 4)
        await new.receive_until("RESUMED")

        assert (await old.wait_closed()).code == 4000
        await burst(simulator, 1)
        assert (await new.receive())["s"] == 6


async def test_two_shards_share_the_guilds() -> None:
    """Each shard gets the events of its own guilds alone; direct messages come to shard 0."""
    async with open_simulator(SimulatorSettings(shards=2, guilds=4, rate=2000, count=400)) as simulator:
        async with connect(simulator.gateway_url) as first, connect(simulator.gateway_url) as second:
            await second.identify((1, 2))
            await first.identify((0, 2))
            frames = {0: await first.receive_many(100), 1: await second.receive_many(100)}

    for shard, received in frames.items():
        guilds = [int(frame["d"].get("guild_id", frame["d"]["id"])) for frame in received if "author" not in frame["d"]]
        messages = [int(frame["d"].get("guild_id", 0)) for frame in received if "author" in frame["d"]]
        assert len(guilds) == 2
        assert messages
        assert {(guild >> 22) % 2 for guild in (*guilds, *messages)} == {shard}


async def test_live_traffic_ends_after_its_count(tmp_path: Path) -> None:
    """`count` events are dispatched and no more, also as fast as the client takes them."""
    for rate in (5000, 0):
        ledger = tmp_path / f"{rate}.jsonl"
        async with open_simulator(SimulatorSettings(rate=rate, count=700, ledger=ledger)) as simulator:
            async with connect(simulator.gateway_url) as client:
                await client.identify()
                await client.receive_many(703)
                with trio.move_on_after(0.05):
                    await client.receive()
        assert len(first_hand(ledger)) == 704


async def test_nothing_follows_after_stop_traffic() -> None:
    """The answer is the last number of each shard, and stays it."""
    async with open_simulator(SimulatorSettings(rate=1000)) as simulator, connect(simulator.gateway_url) as client:
        await client.identify()
        await client.receive_many(20)
        last = simulator.stop_traffic()[0]
        frames = await client.receive_many(last - 21)
        await trio.sleep(0.05)

        assert [frame["s"] for frame in frames][-1:] == ([last] if frames else [])
        assert simulator.stop_traffic() == {0: last}


async def test_a_burst_of_the_settings_waits_for_all_shards() -> None:
    """With `burst`, nothing comes before every guild is seen, and nothing after it."""
    async with open_simulator(SimulatorSettings(shards=2, guilds=2, burst=100)) as simulator:
        async with connect(simulator.gateway_url) as first:
            await first.identify((0, 2))
            await first.receive()
            await trio.sleep(0.05)
            assert simulator.stats()["dispatched"] == 2
            async with connect(simulator.gateway_url) as second:
                await second.identify((1, 2))
                while simulator.stats()["dispatched"] < 104:
                    await trio.sleep(0.005)
                await trio.sleep(0.05)
                assert simulator.stats()["dispatched"] == 104


@pytest.mark.parametrize(("remembered", "made_before"), [(4_000, True), (1_500, False)])
async def test_a_flood_that_can_be_remembered_has_happened_before_any_of_it_is_sent(
    remembered: int, *, made_before: bool
) -> None:
    """So that who is measured by it does not wait for it to be made; a longer one goes out in step with the clients. All of it arrives, in order."""
    settings = SimulatorSettings(profile="presence", count=0, replay_events=remembered)
    async with open_simulator(settings) as simulator, connect(simulator.gateway_url) as client:
        await client.identify(intents=(1 << 15) - 1)
        greeting = [(await client.receive())["s"] for _ in range(3)]
        last = (await simulator.flood(1_200)).last_seqs[0]
        sent_when_made = simulator.stats()["sessions"][0]["sent_seq"]
        received = [(await client.receive())["s"] for _ in range(last - greeting[-1])]

    assert received == list(range(greeting[-1] + 1, last + 1))
    assert (sent_when_made == greeting[-1]) == made_before


async def test_a_client_that_takes_nothing_is_cut_off_when_the_memory_overflows() -> None:
    """Its session is lost then, since nobody could replay it."""
    async with open_simulator(quiet(replay_events=4000)) as simulator, connect(simulator.gateway_url) as client:
        session_id = (await client.identify())["session_id"]
        events = await simulator.prepare_burst(3000)
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(simulator.burst, events)
        assert (await client.wait_closed()).code == 4000
        async with connect(simulator.gateway_url) as again:
            await again.resume(session_id, 4)
            assert (await again.receive())["op"] == 9


async def test_silence_ends_connection_and_session() -> None:
    """Without heartbeats the connection is closed with 4009, which means a new session."""
    async with open_simulator(quiet(heartbeat_interval=0.1)) as simulator, connect(simulator.gateway_url) as client:
        await client.identify()
        assert (await client.wait_closed()).code == 4009
        assert simulator.stats()["sessions"] == []


async def test_rest_tells_where_the_gateway_is() -> None:
    """`/gateway/bot` has the fields of Discord; the budget shrinks with each IDENTIFY."""
    async with open_simulator(quiet(shards=3)) as simulator, httpx.AsyncClient() as http:
        async with connect(simulator.gateway_url) as client:
            await client.identify((0, 3))
        headers = {"Authorization": "Bot simulator"}
        answer = await http.get(f"{simulator.api_url}/gateway/bot", headers=headers)

        limit = answer.json()["session_start_limit"]
        assert (answer.json()["url"], answer.json()["shards"]) == (simulator.gateway_url, 3)
        assert (limit["total"], limit["remaining"], limit["max_concurrency"]) == (1000, 999, 1)
        assert 86_380_000 < limit["reset_after"] <= 86_400_000
        assert (await http.get(f"{simulator.api_url}/gateway")).json() == {"url": simulator.gateway_url}
        me = (await http.get(f"{simulator.api_url}/users/@me", headers=headers)).json()
        assert (me["id"], me["bot"]) == (str(simulator.world.bot.id), True)
        sounds = await http.get(f"{simulator.api_url}/soundboard-default-sounds", headers=headers)
        assert (sounds.status_code, sounds.json()) == (200, [])  # py-cord is not ready without them


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("GET", "/users/@me", "wrong", 401),
        ("GET", "/gateway/bot", "", 401),
        ("GET", "/guilds/1", "simulator", 404),
        ("POST", "/users/@me", "simulator", 405),
    ],
)
async def test_rest_refuses_as_discord_does(method: str, path: str, token: str, status: int) -> None:
    """401 for a wrong token, 404 for what is not there, with a JSON body of message and code."""
    async with open_simulator(quiet()) as simulator, httpx.AsyncClient() as http:
        headers = {"Authorization": f"Bot {token}"} if token else {}
        answer = await http.request(method, simulator.api_url + path, headers=headers, content=b"x" * 10)
        assert answer.status_code == status
        assert answer.json()["message"].startswith(str(status))


async def test_nonsense_and_sudden_ends_leave_the_simulator_alive() -> None:
    """Whatever a TCP client does, the next one is served."""
    async with open_simulator(quiet()) as simulator:
        port = int(simulator.gateway_url.rpartition(":")[2])
        for text in (
            b"",
            b"GET / HT",
            b"\x00\xff" * 20_000,
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
        ):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            await stream.send_all(text)
            await stream.aclose()
        async with connect(simulator.gateway_url) as client:
            await client.identify()


async def test_a_port_in_use_is_named() -> None:
    """The error is a sentence with the port."""
    async with open_simulator(quiet()) as simulator:
        port = int(simulator.gateway_url.rpartition(":")[2])
        with pytest.raises(SimulatorError, match=f"port {port} of 127.0.0.1 is in use"):
            async with open_simulator(quiet(port=port)):
                pytest.fail("the port cannot be had twice")


@pytest.mark.parametrize("how", ["gently", 999, 5000, 1006])
async def test_a_drop_of_no_known_kind_is_refused(how: str | int) -> None:
    """The error names what was found and what is allowed."""
    async with open_simulator(quiet()) as simulator:
        with pytest.raises(ValueError, match=f"not by {how!r}"):
            await simulator.drop(0, how)


async def test_the_ledger_is_written_before_the_socket(tmp_path: Path) -> None:
    """Whatever a client has received stands in the ledger at that moment."""
    ledger = tmp_path / "ledger.jsonl"
    async with open_simulator(SimulatorSettings(rate=0, count=3000, ledger=ledger)) as simulator:
        async with connect(simulator.gateway_url) as client:
            await client.identify()
            frame = await _check_while_reading(client, ledger)
    assert frame["s"] == 3004


async def _check_while_reading(client: Client, ledger: Path) -> Any:
    frame: Any = {"s": 1}
    while frame["s"] < 3004:
        frame = await client.receive()
        if frame["s"] % 500 == 0:
            assert json.dumps(frame["d"]["id"]) in ledger.read_text()
    return frame
