"""The shard actor in virtual time, on connections that exist in memory."""

from __future__ import annotations

import json
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from mmap import mmap
from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors.config import Secret
from mocha_actors.discord.blocks import Block
from mocha_actors.gateway.identity import Identity
from mocha_actors.gateway.rest import GatewayInfo
from mocha_actors.gateway.settings import ShardSettings
from mocha_actors.gateway.transport import ConnectError, Disconnected
from mocha_actors.pipeline.notices import Alive, Checkpoint, Flush, Quiesce
from tests.gateway.surroundings import UNREACHABLE, Rest, Store, open_gateway

SETTINGS = ShardSettings(Identity(Secret("s3cret")), gateway_url="wss://gateway.test", compression="none")
HELLO = b'{"op":10,"d":{"heartbeat_interval":40000}}'


def dispatch(s: int, t: str = "TYPING_START", d: object = None) -> bytes:
    """A dispatch as bytes."""
    return json.dumps({"t": t, "s": s, "op": 0, "d": d}).encode()


READY = dispatch(1, "READY", {"session_id": "hush", "resume_gateway_url": "wss://r.discord.gg", "user": {"id": "1"}})


class Connection:
    """One connection in memory: the shard's side is a Transport, the test's side plays Discord."""

    def __init__(self, url: str) -> None:
        self.url, self.open, self.lost = url, True, False
        self.sent: list[tuple[float, dict[str, Any]]] = []
        self._put, self._get = trio.open_memory_channel[Block | int](1000)

    async def receive(self) -> Block:
        """As the Transport's."""
        item = await self._get.receive()
        if isinstance(item, int):
            raise Disconnected(item)
        return item

    async def send(self, payload: bytes) -> None:
        """As the Transport's."""
        if self.lost:
            raise Disconnected(None)
        self.sent.append((trio.current_time(), json.loads(payload)))

    def say(self, *blocks: Block) -> None:
        """Discord sends."""
        for block in blocks:
            self._put.send_nowait(block)

    def close(self, code: int) -> None:
        """Discord closes."""
        self._put.send_nowait(code)

    def ops(self, op: int) -> list[dict[str, Any]]:
        """What was sent with this opcode."""
        return [payload for _, payload in self.sent if payload["op"] == op]


class Network:
    """Makes connections, one at a time, and remembers them."""

    def __init__(self, greeting: Callable[[Connection], None] = lambda each: each.say(HELLO)) -> None:
        self.connections: list[Connection] = []
        self.greeting = greeting
        self.down = False

    @asynccontextmanager
    async def open_transport(self, url: str, compression: str) -> AsyncIterator[Connection]:
        """As the real one."""
        assert not any(connection.open for connection in self.connections), "never two connections"
        if self.down:
            msg = "no route"
            raise ConnectError(msg)
        connection = Connection(url)
        self.connections.append(connection)
        self.greeting(connection)
        try:
            yield connection
        finally:
            connection.open = False


def known(seq: int = 10) -> Store:
    """A database that knows a session."""
    store = Store()
    store.checkpoint = Checkpoint(0, "old", "wss://r.discord.gg", seq, SETTINGS.fingerprint, 0)
    return store


async def test_a_quiet_channel_hands_over_after_ten_milliseconds(autojump_clock: trio.abc.Clock) -> None:
    """A single event is not kept waiting for company."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport):
        await trio.sleep(1)
        start = trio.current_time()
        network.connections[0].say(dispatch(11, "RESUMED"), dispatch(12))
        await store.wait_for(lambda: 12 in store.seqs)

        assert 0.009 < trio.current_time() - start < 0.05


async def test_heartbeats_are_on_time_while_the_dispatcher_takes_nothing(autojump_clock: trio.abc.Clock) -> None:
    """For an hour, with a server that floods: beats every 40 s, no other connection, and then everything in order."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport):
        await trio.sleep(1)
        store.blocked = trio.Event()
        [connection] = network.connections
        connection.say(dispatch(11, "RESUMED"))
        for s in range(12, 212):
            connection.say(dispatch(s))
            await trio.sleep(0.1)
        await trio.sleep(3600)
        store.blocked.set()
        await store.wait_for(lambda: 211 in store.seqs)

        beats = [at for at, payload in connection.sent if payload["op"] == 1]
        assert 88 < len(beats) < 93
        assert all(later - earlier == pytest.approx(40.0, abs=0.01) for earlier, later in pairwise(beats))
        assert 1 == len(network.connections)
        assert list(range(11, 212)) == store.seqs


async def test_a_session_is_resumed_even_while_the_dispatcher_takes_nothing(autojump_clock: trio.abc.Clock) -> None:
    """Discord keeps a session without connection for minutes only; what was read before the drop comes first all the same."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport):
        await trio.sleep(0.1)
        store.blocked = trio.Event()
        network.connections[0].say(dispatch(11, "RESUMED"))
        for s in range(12, 30):
            network.connections[0].say(dispatch(s))
            await trio.sleep(0.05)
        network.connections[0].close(4000)
        await trio.sleep(100)
        assert [] == store.seqs
        store.blocked.set()
        await trio.sleep(1)

        received = store.seqs[-1]
        assert list(range(11, received + 1)) == store.seqs
        [resume] = network.connections[-1].ops(6)
        assert received == resume["d"]["seq"]
        assert network.connections[-1].open


async def test_a_resumed_connection_whose_reader_waits_for_the_old_ones_batches_is_not_a_zombie(
    autojump_clock: trio.abc.Clock,
) -> None:
    """A3.27: what the old connection brought is still being handed over, so the new one is not read, and its silence proves nothing."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport):
        await trio.sleep(0.1)
        store.blocked = trio.Event()
        network.connections[0].say(dispatch(11, "RESUMED"))
        for s in range(12, 16):  # with RESUMED, what the dispatcher has in hand and in its mailbox
            await trio.sleep(0.05)
            network.connections[0].say(dispatch(s))
        await trio.sleep(0.05)
        network.connections[0].say(dispatch(16))
        network.connections[0].close(4000)
        await trio.sleep(1)
        [seq] = [resume["d"]["seq"] for resume in network.connections[1].ops(6)]
        network.connections[1].say(dispatch(seq + 1, "RESUMED"), dispatch(seq + 2))
        await trio.sleep(3600)
        assert 2 == len(network.connections)
        assert 88 < len(network.connections[1].ops(1)) < 93
        store.blocked.set()
        await store.wait_for(lambda: seq + 2 in store.seqs)

        assert list(range(11, seq + 3)) == store.seqs


async def test_a_connection_that_breaks_while_reading_rests_is_replaced_at_the_next_beat(
    autojump_clock: trio.abc.Clock,
) -> None:
    """What cannot be sent tells it. Discord forgets a session without connection after minutes, and the database may be away for longer."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport):
        await trio.sleep(0.1)
        store.blocked = trio.Event()
        [broken] = network.connections
        broken.say(dispatch(11, "RESUMED"))
        for s in range(12, 30):
            broken.say(dispatch(s))
            await trio.sleep(0.05)
        broken.lost = True
        broken.close(1006)
        await trio.sleep(41)
        assert [] == store.seqs
        [_, again] = network.connections
        assert [29] == [resume["d"]["seq"] for resume in again.ops(6)]
        again.say(dispatch(30, "RESUMED"), dispatch(31))
        await trio.sleep(3600)
        assert 2 == len(network.connections)
        store.blocked.set()
        await store.wait_for(lambda: 31 in store.seqs)

        assert list(range(11, 32)) == store.seqs


async def test_a_silent_server_is_left_within_two_intervals_and_resumed(autojump_clock: trio.abc.Clock) -> None:
    """Half-open: nothing comes, nothing is acknowledged."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport):
        await trio.sleep(0.1)
        network.connections[0].say(dispatch(11, "RESUMED"))
        await store.wait_for(lambda: len(network.connections) > 1, seconds=82)

        assert "wss://r.discord.gg" == network.connections[1].url
        await trio.sleep(0.1)
        assert [11] == [payload["d"]["seq"] for payload in network.connections[1].ops(6)]


async def test_heartbeats_carry_the_committed_number(autojump_clock: trio.abc.Clock) -> None:
    """Not the received one."""
    store, network = known(seq=10), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport):
        await trio.sleep(0.1)
        [connection] = network.connections
        connection.say(dispatch(11, "RESUMED"))
        await store.wait_for(lambda: 11 in store.seqs)
        store.blocked = trio.Event()
        connection.say(dispatch(12))
        await trio.sleep(41)

        assert [11] == [payload["d"] for payload in connection.ops(1)]
        store.blocked.set()


async def test_a_quiet_session_reports_that_it_lives(autojump_clock: trio.abc.Clock) -> None:
    """The gap of a later loss begins there."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport):
        await trio.sleep(0.1)
        [connection] = network.connections
        connection.say(dispatch(11, "RESUMED"))
        await store.wait_for(lambda: 11 in store.seqs)
        connection.say(b'{"op":11}')
        await trio.sleep(1)
        assert [] == [each for each in store.told if isinstance(each, Alive)]
        connection.say(b'{"op":11}')
        await trio.sleep(1)

        assert 1 == len([each for each in store.told if isinstance(each, Alive)])


async def test_ready_is_settled_and_handed_over_at_once(autojump_clock: trio.abc.Clock) -> None:
    """By itself, without waiting for company, with everything a checkpoint needs."""
    store, network = Store(), Network()
    async with open_gateway(SETTINGS, store, Rest(GatewayInfo("wss://g")), network.open_transport) as world:
        await trio.sleep(1)
        network.connections[0].say(b"\n".join([READY, dispatch(2), dispatch(3)]))
        await store.wait_for(lambda: len(store.seqs) == 3)

        first, second = store.batches
        [fact] = first.outcomes[0]  # type: ignore[misc,union-attr]
        assert ("hush", "wss://r.discord.gg", "first_start", 1) == (
            fact.session_id, fact.resume_url, fact.reason, fact.user_id,  # type: ignore[union-attr]
        )  # fmt: skip
        assert SETTINGS.fingerprint == fact.fingerprint  # type: ignore[union-attr]
        assert [2, 3] == [event.s for event in second.events]
        assert (3, 1) == (world.counters.received, world.counters.identifies)


async def test_an_identify_that_brings_no_session_counts_as_one(autojump_clock: trio.abc.Clock) -> None:
    """Discord's budget is spent by asking."""
    store, network = Store(), Network()
    async with open_gateway(SETTINGS, store, Rest(GatewayInfo("wss://g")), network.open_transport) as world:
        await store.wait_for(lambda: bool(network.connections) and bool(network.connections[0].ops(2)))
        network.connections[0].say(b'{"op":9,"d":false}')
        await store.wait_for(lambda: len(network.connections) == 2 and bool(network.connections[1].ops(2)))
        network.connections[1].say(READY)
        await store.wait_for(lambda: store.seqs == [1])

        assert 2 == world.counters.identifies


async def test_a_turn_whose_connection_died_is_given_back(autojump_clock: trio.abc.Clock) -> None:
    """It costs neither an entry in the log nor five seconds."""
    store, network = Store(), Network()
    async with open_gateway(SETTINGS, store, Rest(GatewayInfo("wss://g")), network.open_transport) as world:
        await trio.sleep(0.1)
        network.connections[0].say(READY)
        await store.wait_for(lambda: world.counters.identifies == 1)
        start = trio.current_time()
        network.connections[0].close(4009)
        await store.wait_for(lambda: len(network.connections) == 2)
        await trio.sleep(0.5)
        network.connections[1].close(4000)
        await store.wait_for(lambda: len(network.connections) > 2 and bool(network.connections[2].ops(2)))

        assert 5.3 > trio.current_time() - start
        assert 2 == len(store.identifies)


async def test_an_outage_of_hours_costs_nothing_but_time(autojump_clock: trio.abc.Clock) -> None:
    """Attempts thin out to one in a minute at most, and the session is resumed."""
    store, network = known(), Network()
    network.down = True
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport):
        await trio.sleep(3 * 3600)
        network.down = False
        await store.wait_for(lambda: bool(network.connections), seconds=61)
        await trio.sleep(0.1)

        assert [10] == [payload["d"]["seq"] for payload in network.connections[0].ops(6)]


async def test_a_fatal_close_ends_the_shard_and_not_its_supervisor(autojump_clock: trio.abc.Clock) -> None:
    """Nothing is retried; who decides about the program is told."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport) as world:
        await trio.sleep(0.1)
        network.connections[0].close(4004)
        await trio.sleep(3600)

        assert 1 == len(network.connections)
        assert 1 == len(store.fatal)
        assert 0 == world.counters.connected


async def test_what_came_before_a_fatal_close_is_handed_over(autojump_clock: trio.abc.Clock) -> None:
    """A slow dispatcher included: what was received stays received."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport) as world:
        await trio.sleep(0.1)
        store.blocked = trio.Event()
        network.connections[0].say(dispatch(11, "RESUMED"), dispatch(12), dispatch(13))
        network.connections[0].close(4014)
        await trio.sleep(1)
        assert 1 == len(store.fatal)
        store.blocked.set()
        await trio.sleep(1)

        assert [11, 12, 13] == store.seqs
        assert 3 == world.counters.received


async def test_a_held_event_loop_is_told_and_costs_no_connection(
    autojump_clock: trio.testing.MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """A3.31: whatever held it, the beat was late, and the peer is not to blame."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport):
        await trio.sleep(0.1)
        network.connections[0].say(dispatch(11, "RESUMED"))
        await trio.sleep(45)
        autojump_clock.jump(100)
        await trio.sleep(0.1)

        assert 1 == len(network.connections)
        assert 2 <= len(network.connections[0].ops(1)) <= 3
    assert "gateway.loop_lag" in capsys.readouterr().out


async def test_a_stop_waits_for_the_end_of_the_connection(autojump_clock: trio.abc.Clock) -> None:
    """The closing handshake is the transport's, which needs its reader: cancelling would cut it short."""
    network, closed = Network(), trio.Event()

    @asynccontextmanager
    async def slow_to_close(url: str, compression: str) -> AsyncIterator[Connection]:
        async with network.open_transport(url, compression) as connection:
            yield connection
            await trio.sleep(0.5)
            closed.set()

    async with open_gateway(SETTINGS, known(), Rest(UNREACHABLE), slow_to_close):
        await trio.sleep(0.1)

    assert closed.is_set()


async def test_a_crash_of_the_shard_is_followed_by_a_resume_from_what_is_durable(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect here must not cost a session either."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport) as world:
        await trio.sleep(0.1)
        network.connections[0].say(dispatch(11, "RESUMED"))
        await store.wait_for(lambda: 11 in store.seqs)
        with monkeypatch.context() as broken:
            broken.setattr("mocha_actors.discord.decode.EventDecoder.decode", None)
            network.connections[0].say(dispatch(12))
            await trio.sleep(0.001)
        await store.wait_for(lambda: len(network.connections) == 2)
        await trio.sleep(0.1)

        assert [11] == [payload["d"]["seq"] for payload in network.connections[1].ops(6)]
        assert [Flush()] == store.told, "what the first incarnation handed over is committed before the second looks"
        assert 0 == world.counters.connected


async def test_quiesce_while_the_dispatcher_is_full_loses_nothing(autojump_clock: trio.abc.Clock) -> None:
    """It is answered when everything that was read is handed over."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport) as world:
        await trio.sleep(0.1)
        store.blocked = trio.Event()
        [connection] = network.connections
        connection.say(dispatch(11, "RESUMED"))
        for s in range(12, 40):
            connection.say(dispatch(s))
            await trio.sleep(0.05)
        answered = trio.Event()

        async def quiesce() -> None:
            await world.shard.ask(Quiesce(), timeout=1000)
            answered.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(quiesce)
            await trio.sleep(100)
            assert not answered.is_set()
            assert connection.open
            store.blocked.set()
        await trio.sleep(1)

        assert list(range(11, 11 + world.counters.received)) == store.seqs
        assert 3 == pytest.approx(len(connection.ops(1)), abs=1)


async def test_no_secret_is_logged(autojump_clock: trio.abc.Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Through a connection's whole life, failures included (P9)."""
    store, network = Store(), Network()
    async with open_gateway(SETTINGS, store, Rest(GatewayInfo("wss://g")), network.open_transport):
        await trio.sleep(1)
        network.connections[0].say(READY, dispatch(5), b"garbage with hush inside")
        await trio.sleep(5)
        network.connections[1].say(b'{"op":9,"d":false}')
        await trio.sleep(20)

    printed = capsys.readouterr().out
    assert "shard.session_lost" in printed
    assert "s3cret" not in printed
    assert "hush" not in printed


async def test_a_block_is_let_go_before_the_next_one_comes(autojump_clock: trio.abc.Clock) -> None:
    """It may be of tens of megabytes, and a quiet shard waits for hours."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport):
        await trio.sleep(1)
        pages = mmap(-1, len(dispatch(11, "RESUMED")))
        pages.write(dispatch(11, "RESUMED"))
        block = weakref.ref(pages)
        network.connections[0].say(pages)
        del pages
        await store.wait_for(lambda: 11 in store.seqs)

        assert block() is None
