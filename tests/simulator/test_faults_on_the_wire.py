"""What a client sees of the simulator's faults, over real sockets of the loopback."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
import zstandard
from trio_websocket import ConnectionRejected

from mocha_actors.simulator.faults import (
    AnswerFault,
    CloseOnAccept,
    CloseOnAnswer,
    DelayAcks,
    FirstFrame,
    Frame,
    Garbage,
    GarbageKind,
    HalfOpen,
    LateAnswer,
    RefuseSession,
    RefuseUpgrade,
    ReplayOverlap,
    RequestHeartbeat,
    SilentHello,
    Slow,
    Split,
    WithholdAcks,
)
from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from tests.simulator.client import Client, connect, first_hand

PLAIN, ZLIB, ZSTD = (
    f"v=10&encoding=json{compress}" for compress in ("", "&compress=zlib-stream", "&compress=zstd-stream")
)
NO_SESSION = {"t": None, "s": None, "op": 9, "d": False}

pytestmark = pytest.mark.timeout(30)


def quiet(**settings: Any) -> SimulatorSettings:
    """Make settings without live traffic."""
    return SimulatorSettings(**{"count": 0} | settings)


async def settled(client: Client) -> Any:
    """Identify, and read what greets: READY and three guilds."""
    ready = await client.identify()
    await client.receive_many(3)
    return ready


async def nothing(client: Client, seconds: float = 0.1) -> bool:
    """Tell whether nothing comes for a while."""
    with trio.move_on_after(seconds) as scope:
        await client.receive()
    return scope.cancelled_caught


# Openings


@pytest.mark.parametrize(
    ("fault", "location"), [(RefuseUpgrade(503), None), (RefuseUpgrade(302, "ws://x/"), "ws://x/")]
)
async def test_an_upgrade_is_refused_with_a_status(fault: RefuseUpgrade, location: str | None) -> None:
    """The next connection is well again; the transcript has both."""
    async with open_simulator(quiet()) as simulator:
        simulator.plan(fault)
        async with httpx.AsyncClient() as http:
            upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
            answer = await http.get("http" + simulator.gateway_url[2:] + "/?v=10", headers=upgrade)
        assert (answer.status_code, answer.headers.get("Location")) == (fault.status, location)
        async with connect(simulator.gateway_url) as client:
            await client.identify()
        assert [(entry.target, entry.status) for entry in simulator.transcript.connects()] == [
            ("/?v=10", fault.status),
            ("/?v=10&encoding=json", 101),
        ]


async def test_a_websocket_library_sees_the_refusal() -> None:
    """It is a whole HTTP answer."""
    async with open_simulator(quiet()) as simulator:
        simulator.plan(RefuseUpgrade(500))
        with pytest.raises(ExceptionGroup) as caught:
            async with connect(simulator.gateway_url):
                pytest.fail("this is refused")
        assert caught.group_contains(ConnectionRejected)


@pytest.mark.parametrize("code", [None, 1000, 4000])
async def test_a_connection_is_closed_as_soon_as_it_is_open(code: int | None) -> None:
    """As often as planned."""
    async with open_simulator(quiet()) as simulator:
        simulator.plan(CloseOnAccept(code), times=2)
        for _ in range(2):
            async with connect(simulator.gateway_url) as client:
                assert (await client.wait_closed()).code == (code or 1006)
        async with connect(simulator.gateway_url) as client:
            await client.identify()


async def test_hello_does_not_come() -> None:
    """The connection stays open."""
    async with open_simulator(quiet()) as simulator:
        simulator.plan(SilentHello())
        async with connect(simulator.gateway_url) as client:
            assert await nothing(client)
            assert simulator.stats()["connections"] == 1


@pytest.mark.parametrize("query", [PLAIN, ZLIB, ZSTD])
async def test_something_else_comes_in_place_of_hello(query: str) -> None:
    """By itself opcode 7."""
    async with open_simulator(quiet()) as simulator:
        simulator.plan(FirstFrame())
        async with connect(simulator.gateway_url, query) as client:
            assert (await client.receive())["op"] == 7


# Answers


@pytest.mark.parametrize("resumable", [True, False])
async def test_opcode_9_answers_the_next_identify(resumable: bool) -> None:
    """No session is opened; the same connection may try again."""
    async with open_simulator(quiet()) as simulator, connect(simulator.gateway_url) as client:
        simulator.plan(RefuseSession(resumable=resumable, to="identify"))
        await client.receive()
        identify = {"token": "simulator", "intents": 1, "shard": [0, 1]}
        await client.say(2, identify)
        assert await client.receive() == NO_SESSION | {"d": resumable}
        assert simulator.stats()["sessions"] == []
        await client.say(2, identify)
        assert (await client.receive())["t"] == "READY"


@pytest.mark.parametrize(
    ("fault", "kept"),
    [(RefuseSession(resumable=True), True), (RefuseSession(resumable=False), False), (CloseOnAnswer(4000), True)],
)
async def test_the_next_resume_is_refused(fault: AnswerFault, kept: bool) -> None:
    """Only opcode 9 with false costs the session."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url) as client:
            session_id = (await settled(client))["session_id"]
        simulator.plan(fault)
        async with connect(simulator.gateway_url) as client:
            await client.resume(session_id, 4)
            if isinstance(fault, RefuseSession):
                assert await client.receive() == NO_SESSION | {"d": fault.resumable}
            else:
                assert (await client.wait_closed()).code == 4000
        async with connect(simulator.gateway_url) as client:
            await client.resume(session_id, 4)
            assert ((await client.receive())["t"] == "RESUMED") is kept


async def test_every_resume_ends_without_a_close_frame() -> None:
    """The loop of scenario 22: an IDENTIFY gets out of it."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url) as client:
            session_id = (await settled(client))["session_id"]
        simulator.plan(CloseOnAnswer(to="resume"), times=None)
        for _ in range(4):
            async with connect(simulator.gateway_url) as client:
                await client.resume(session_id, 4)
                assert (await client.wait_closed()).code == 1006
        async with connect(simulator.gateway_url) as client:
            await client.identify()
        assert len(simulator.transcript.payloads(op=6)) == 4


@pytest.mark.parametrize(("sent", "overlap", "first"), [(30, 20, 11), (3, 20, 1)])
async def test_a_replay_overlaps(sent: int, overlap: int, first: int, tmp_path: Path) -> None:
    """The dispatches before the client's number come again, as far back as there are any."""
    ledger = tmp_path / "ledger.jsonl"
    async with open_simulator(quiet(ledger=ledger)) as simulator:
        async with connect(simulator.gateway_url) as client:
            session_id = (await settled(client))["session_id"]
            for number in range(sent):
                await simulator.dispatch(0, "TYPING_START", {"number": number})
        simulator.plan(ReplayOverlap(overlap))
        async with connect(simulator.gateway_url) as client:
            await client.resume(session_id, sent)
            frames = await client.receive_until("RESUMED")

    assert [frame["s"] for frame in frames] == list(range(first, sent + 6))
    assert [frame["s"] for frame in first_hand(ledger)] == list(range(1, sent + 6))


async def test_ready_comes_late_or_never_while_heartbeats_are_acknowledged() -> None:
    """During an outage of Discord a connection is healthy and silent; a second IDENTIFY is still one too many."""
    async with open_simulator(quiet()) as simulator:
        simulator.plan(LateAnswer(0.1))
        simulator.plan(LateAnswer())
        for late in (True, False):
            async with connect(simulator.gateway_url) as client:
                await client.receive()
                await client.say(2, {"token": "simulator", "intents": 1})
                await client.say(1)
                assert (await client.receive())["op"] == 11
                assert simulator.stats()["identifies"] == (0 if late else 1)
                if late:
                    assert (await client.receive())["t"] == "READY"
                else:
                    assert await nothing(client, 0.2)
                    await client.say(2, {"token": "simulator", "intents": 1})
                    assert (await client.wait_closed()).code == 4005


# Manners


async def test_a_half_open_connection_is_deaf_dumb_and_not_closed() -> None:
    """Its session can be resumed by another connection, however long it was silent."""
    async with open_simulator(quiet(heartbeat_interval=0.2)) as simulator:
        async with connect(simulator.gateway_url) as dead:
            session_id = (await settled(dead))["session_id"]
            assert simulator.inject(HalfOpen(), shard=0) == 1
            await simulator.dispatch(0, "TYPING_START", {})
            await dead.say(1)
            assert await nothing(dead, 1.3)
            assert simulator.transcript.payloads(op=1) == []
            async with connect(simulator.gateway_url) as client:
                await client.resume(session_id, 4)
                assert [frame["t"] for frame in await client.receive_until("RESUMED")] == ["TYPING_START", "RESUMED"]
        while simulator.stats()["connections"]:
            await trio.sleep(0.01)


async def test_a_half_open_connection_can_be_dropped() -> None:
    """By the simulator, since the client cannot."""
    async with open_simulator(quiet()) as simulator, connect(simulator.gateway_url) as client:
        await settled(client)
        simulator.inject(HalfOpen())
        assert await simulator.drop(0)
        assert (await client.wait_closed()).code == 1006


@pytest.mark.parametrize("query", [PLAIN, ZLIB])
async def test_bytes_dribble(query: str) -> None:
    """A frame of a few hundred bytes takes its time, and arrives whole."""
    async with open_simulator(quiet()) as simulator, connect(simulator.gateway_url, query) as client:
        await settled(client)
        simulator.inject(Slow(0.002, piece_bytes=1))
        text = "".join(f"{number:x}" for number in range(60))
        began = trio.current_time()
        await simulator.dispatch(0, "TYPING_START", {"text": text})
        assert (await client.receive())["d"] == {"text": text}
        assert trio.current_time() - began > 50 * 0.002


async def test_heartbeats_are_acknowledged_late_or_not_at_all() -> None:
    """Everything else is as usual, and it ends when it is told to."""
    async with open_simulator(quiet()) as simulator, connect(simulator.gateway_url) as client:
        await settled(client)
        simulator.inject(WithholdAcks())
        await client.say(1, 4)
        await simulator.dispatch(0, "TYPING_START", {})
        assert (await client.receive())["t"] == "TYPING_START"
        assert await nothing(client)

        simulator.inject(DelayAcks(0.1))
        began = trio.current_time()
        await client.say(1, 5)
        assert (await client.receive())["op"] == 11
        assert trio.current_time() - began >= 0.1

        simulator.inject(DelayAcks(0))
        await client.say(1, 5)
        assert (await client.receive())["op"] == 11


async def test_a_planned_manner_waits_for_its_shard() -> None:
    """Another shard's connection has good manners."""
    async with open_simulator(quiet(shards=2, guilds=2)) as simulator:
        simulator.plan(WithholdAcks(), shard=1)
        async with connect(simulator.gateway_url) as first, connect(simulator.gateway_url) as second:
            for shard, client in enumerate((first, second)):
                await client.identify((shard, 2))
                await client.receive()
                await client.say(1)
            assert (await first.receive())["op"] == 11
            assert await nothing(second)


@pytest.mark.parametrize(
    ("query", "split"),
    [
        (PLAIN, Split(50)),
        (ZLIB, Split(7)),
        (ZSTD, Split(7)),
        (ZLIB, Split(1, "messages")),
        (ZLIB, Split(3, "messages")),
    ],
)
async def test_payloads_come_in_pieces(query: str, split: Split) -> None:
    """From HELLO on: fragments are put together by the websocket, messages of a zlib-stream by the client."""
    async with open_simulator(quiet()) as simulator:
        simulator.plan(split)
        async with connect(simulator.gateway_url, query) as client:
            if split.into == "fragments":
                await settled(client)
                return
            inflater, text, messages = zlib.decompressobj(), b"", 0
            while not text.endswith(b"}}"):
                message = await client.websocket.get_message()
                assert len(message) <= split.piece_bytes
                text, messages = text + inflater.decompress(message), messages + 1
            assert json.loads(text)["op"] == 10
            assert messages > 10


# Moments


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("shape", [1, 2, 3]), ("op", 99), ("no-seq", None), ("no-name", 1)],
)
@pytest.mark.parametrize("query", [PLAIN, ZLIB, ZSTD])
async def test_garbage_that_is_json_arrives(query: str, kind: GarbageKind, expected: object) -> None:
    """And moves no number of the session."""
    async with open_simulator(quiet()) as simulator, connect(simulator.gateway_url, query) as client:
        await settled(client)
        assert simulator.inject(Garbage(kind)) == 1
        frame = await client.receive()
        assert expected == (frame if kind == "shape" else frame["op"] if kind == "op" else frame["s"])
        assert await simulator.dispatch(0, "TYPING_START", {}) == 5


@pytest.mark.parametrize(
    ("query", "kind", "error"),
    [
        (ZLIB, "stream", zlib.error),
        (ZSTD, "stream", zstandard.ZstdError),
        (PLAIN, "stream", AssertionError),
        (PLAIN, "json", json.JSONDecodeError),
        (ZSTD, "json", json.JSONDecodeError),
        (ZLIB, "utf8", UnicodeDecodeError),
    ],
)
async def test_garbage_that_is_none_cannot_be_read(query: str, kind: GarbageKind, error: type[Exception]) -> None:
    """A RESUME misses nothing: what was unreadable was no dispatch."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url, query) as client:
            session_id = (await settled(client))["session_id"]
            simulator.inject(Garbage(kind))
            with pytest.raises(error):
                await client.receive()
        async with connect(simulator.gateway_url, query) as client:
            await client.resume(session_id, 4)
            assert [frame["s"] for frame in await client.receive_until("RESUMED")] == [5]


async def test_text_that_is_no_utf8_ends_a_plain_connection() -> None:
    """The websocket library itself refuses it with 1007, as RFC 6455 asks for."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url) as client:
            await settled(client)
            simulator.inject(Garbage("utf8"))
            assert (await client.wait_closed()).code == 1007


async def test_an_event_of_an_unknown_name_is_a_dispatch() -> None:
    """With a number, and replayed like any other."""
    async with open_simulator(quiet()) as simulator, connect(simulator.gateway_url) as client:
        await settled(client)
        simulator.inject(Garbage("event"))
        frame = await client.receive()
        assert (frame["t"], frame["s"]) == ("MOCHA_SIMULATED_EVENT", 5)


async def test_any_payload_can_be_sent() -> None:
    """As a fault, or as bytes."""
    async with open_simulator(quiet()) as simulator, connect(simulator.gateway_url) as client:
        await settled(client)
        simulator.inject(Frame('{"op":3}'))
        assert simulator.send(b'{"op":4}', shard=0) == 1
        assert [await client.receive(), await client.receive()] == [{"op": 3}, {"op": 4}]


async def test_a_heartbeat_is_asked_for() -> None:
    """Opcode 1, to the client of the shard alone."""
    async with open_simulator(quiet(shards=2, guilds=2)) as simulator:
        async with connect(simulator.gateway_url) as first, connect(simulator.gateway_url) as second:
            await first.identify((0, 2))
            await second.identify((1, 2))
            assert simulator.inject(RequestHeartbeat(), shard=1) == 1
            assert (await second.receive_op(1))["op"] == 1
            await first.receive()
            assert await nothing(first)


async def test_opcodes_7_and_9_reach_one_shard_alone() -> None:
    """The other shard's session lives on."""
    async with open_simulator(quiet(shards=2, guilds=2)) as simulator:
        async with connect(simulator.gateway_url) as first, connect(simulator.gateway_url) as second:
            await first.identify((0, 2))
            await second.identify((1, 2))
            simulator.op7(shard=1)
            simulator.op9(resumable=False, shard=1)
            assert (await second.receive_op(9))["d"] is False
            await first.receive()
            assert await nothing(first)
            assert [session["shard"] for session in simulator.stats()["sessions"]] == [0]


@pytest.mark.parametrize("query", [PLAIN, ZLIB, ZSTD])
@pytest.mark.parametrize(("how", "code"), [("half-message", 4000), ("half-frame", 1006)])
async def test_a_connection_ends_in_the_middle_of_a_message(query: str, how: str, code: int) -> None:
    """The whole message is replayed by a RESUME."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url, query) as client:
            session_id = (await settled(client))["session_id"]
            assert await simulator.drop(0, how)
            assert (await client.wait_closed()).code == code
        async with connect(simulator.gateway_url, query) as client:
            await client.resume(session_id, 4)
            replayed = await client.receive_until("RESUMED")
        assert [(frame["t"], frame["s"]) for frame in replayed] == [("USER_UPDATE", 5), ("RESUMED", 6)]


async def test_the_simulator_goes_away_and_comes_back() -> None:
    """Connections are reset, new ones refused, and the session is still there; as often as one likes."""
    async with open_simulator(quiet()) as simulator:
        for _ in range(2):
            async with connect(simulator.gateway_url) as client:
                session_id = (await settled(client))["session_id"]
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(simulator.restart, 0.2)
                    assert (await client.wait_closed()).code == 1006
                    with pytest.raises(OSError, match="all attempts to connect"):
                        await trio.open_tcp_stream("127.0.0.1", int(simulator.gateway_url.rpartition(":")[2]))
        async with connect(simulator.gateway_url) as client:
            await client.resume(session_id, 4)
            await client.receive_until("RESUMED")


# The transcript


async def test_the_transcript_tells_a_whole_story() -> None:
    """Connect, heartbeat, IDENTIFY, drop, RESUME at its own address, and the client's own close."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url) as client:
            await client.receive()
            await client.say(1)
            await client.say(2, {"token": "simulator", "intents": 513, "shard": [0, 1]})
            ready = (await client.receive_op(0))["d"]
            await client.receive_many(3)
            await simulator.drop(0, 4000)
            await client.wait_closed()
        async with connect(ready["resume_gateway_url"]) as client:
            await client.resume(ready["session_id"], 3)
            await client.receive_until("RESUMED")
        await wait_disconnected(simulator)

        log = simulator.transcript
        assert [(entry.connection, entry.kind, entry.op, entry.code, entry.by) for entry in log] == [
            (1, "connect", None, None, ""),
            (1, "payload", 1, None, ""),
            (1, "payload", 2, None, ""),
            (1, "close", None, 4000, "server"),
            (2, "connect", None, None, ""),
            (2, "payload", 6, None, ""),
            (2, "close", None, 4900, "client"),
        ]
        assert {entry.shard for entry in log} == {0}
        assert [entry.target for entry in log.connects()] == ["/?v=10&encoding=json", "/resume/0?v=10&encoding=json"]
        assert [entry.seq for entry in log.payloads(op=6)] == [3]
        assert [entry.at for entry in log] == sorted(entry.at for entry in log)


async def test_a_client_that_just_goes_closed_with_1006() -> None:
    """Whoever ends a connection first is named."""
    async with open_simulator(quiet()) as simulator:
        async with connect(simulator.gateway_url) as client:
            await settled(client)
            await client.websocket._stream.aclose()
            await wait_disconnected(simulator)
        assert simulator.transcript.closes(by="client") == [1006]
        assert simulator.transcript.closes(by="server") == []


async def wait_disconnected(simulator: Simulator) -> None:
    """Wait until every connection is over."""
    while simulator.stats()["connections"]:
        await trio.sleep(0.005)
