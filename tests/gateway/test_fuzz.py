"""A hostile gateway: whatever bytes it sends, the shard lives, leaks nothing and keeps within its memory."""

from __future__ import annotations

import json
import tracemalloc
import zlib
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import pytest
import trio
import trio.testing
import wsproto
import zstandard
from wsproto.events import AcceptConnection, Message, Request

from mocha_actors.config import Secret
from mocha_actors.gateway.address import Compression
from mocha_actors.gateway.close_codes import CLOSE_RULES, Action
from mocha_actors.gateway.identity import Identity
from mocha_actors.gateway.rest import GatewayInfo
from mocha_actors.gateway.shard import ShardSettings
from mocha_actors.pipeline.notices import Flush
from tests.discord.payloads import MEMBER, USER
from tests.gateway.surroundings import Rest, Store, open_gateway

URL = "ws://127.0.0.1:9"
HELLO = {"t": None, "s": None, "op": 10, "d": {"heartbeat_interval": 40_000}}
READY = {
    "v": 10,
    "session_id": "hush",
    "resume_gateway_url": URL,
    "user": USER,
    "guilds": [],
    "application": {"id": "1"},
}
MESSAGE = {
    "id": "10",
    "channel_id": "20",
    "author": USER,
    "guild_id": "40",
    "content": "hi",
    "type": 0,
    "member": MEMBER,
}
EVENTS = {
    "MESSAGE_CREATE": MESSAGE, "GUILD_CREATE": {"id": "40", "members": [MEMBER] * 20, "channels": [], "presences": [{"user": 5}]},
    "PRESENCE_UPDATE": {"user": {"id": "30"}, "guild_id": "40"}, "VOICE_STATE_UPDATE": {"user_id": "30", "channel_id": None},
    "GUILD_MEMBERS_CHUNK": {"guild_id": "40", "members": [MEMBER], "chunk_index": 0, "chunk_count": 1}, "BRAND_NEW": {"x": [1]},
}  # fmt: skip
SHAPES: tuple[Any, ...] = (
    None, True, 7, -1.5, "x", [], {}, [[[[]]]], {"op": 0}, {"op": "0"}, {"op": 0, "t": "READY", "s": 1, "d": {}}, {"op": 1e99}, {"op": 10, "d": {}},
    {"op": 0, "t": "MESSAGE_CREATE", "s": -1, "d": MESSAGE}, {"op": 0, "t": "MESSAGE_CREATE", "s": 1 << 70, "d": MESSAGE}, {"op": 9, "d": "maybe"},
    {"op": 10, "d": {"heartbeat_interval": 0}}, {"op": 10, "d": {"heartbeat_interval": 1e300}}, {"op": 0, "t": 5, "s": "x"}, {"op": 9, "d": False},
    {"op": 9, "d": True}, {"op": 7, "d": None}, {"op": 1, "d": None}, {"op": 11}, {"op": 99, "d": {"a": 1}}, {"op": 0, "t": None, "s": None},
)  # fmt: skip
SAFE_CODES = [code for code, rule in CLOSE_RULES.items() if rule.action is not Action.FATAL and 1000 <= code]


def stream_of(compression: Compression) -> Callable[[bytes], bytes]:
    """A compressor for one connection."""
    if compression == "none":
        return lambda payload: payload
    context = zlib.compressobj() if compression == "zlib-stream" else zstandard.ZstdCompressor().compressobj()
    end = zlib.Z_SYNC_FLUSH if compression == "zlib-stream" else zstandard.COMPRESSOBJ_FLUSH_BLOCK
    return lambda payload: context.compress(payload) + context.flush(end)  # type: ignore[no-any-return]


def frame(first: int, payload: bytes) -> bytes:
    """A frame, of any kind."""
    size = len(payload)
    length = (
        bytes((size,)) if size < 126 else b"\x7e" + size.to_bytes(2) if size < 1 << 16 else b"\x7f" + size.to_bytes(8)
    )
    return bytes((first,)) + length + payload


class Line(NamedTuple):
    """A connection, as the hostile side has it: one that the client has left may still be talked to when the next has begun."""

    stream: trio.abc.Stream
    compress: Callable[[bytes], bytes]
    first: int

    async def say(self, payload: object) -> None:
        """Send as it should be."""
        await self.stream.send_all(frame(self.first, self.compress(json.dumps(payload).encode())))


class HostileDiscord:
    """A gateway in memory that behaves for a while, and then does not."""

    def __init__(self, rng: Random, compression: Compression, connections: int) -> None:
        self.rng, self.compression, self.left = rng, compression, connections
        self.done = trio.Event()
        self.seq = 1

    async def connect(self, host: str, port: int) -> trio.abc.Stream:
        """As `trio.open_tcp_stream`."""
        self.left -= 1
        if self.left <= 0:
            self.done.set()
            raise OSError("enough")
        client, server = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.serve, server)
        return client

    async def serve(self, stream: trio.abc.Stream) -> None:
        """One connection, which ends when it ends."""
        line = Line(stream, stream_of(self.compression), self.first)
        try:
            if self.rng.random() < 0.05:
                await stream.send_all(self.rng.randbytes(self.rng.randrange(300)))
            else:
                await self.greet(line)
        except (trio.BrokenResourceError, trio.ClosedResourceError, wsproto.utilities.RemoteProtocolError):
            pass  # the client has left
        finally:
            await trio.aclose_forcefully(stream)

    async def greet(self, line: Line) -> None:
        """Handshake, HELLO, and whatever the client wants; then the attack."""
        peer = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        while data := await line.stream.receive_some():
            peer.receive_data(bytes(data))
            for event in peer.events():
                if isinstance(event, Request):
                    await line.stream.send_all(peer.send(AcceptConnection()))
                    await line.say(HELLO if self.rng.random() < 0.9 else self.rng.choice(SHAPES))
                elif isinstance(event, Message):
                    op = json.loads(str(event.data))["op"]
                    if op in (2, 6):
                        await self.begin(op, line)
                        for _ in range(self.rng.randrange(1, 6)):
                            await self.attack(line)
                    if self.rng.random() < 0.5:
                        return

    async def begin(self, op: int, line: Line) -> None:
        """READY or RESUMED."""
        self.seq = 1 if op == 2 else self.seq + 1
        await line.say({"t": "READY" if op == 2 else "RESUMED", "s": self.seq, "op": 0, "d": READY})

    def dispatch(self) -> dict[str, Any]:
        """A proper event."""
        self.seq += 1
        t = self.rng.choice(list(EVENTS))
        return {"t": t, "s": self.seq, "op": 0, "d": EVENTS[t]}

    @property
    def first(self) -> int:
        """First byte of frames."""
        return 0x81 if self.compression == "none" else 0x82

    def flipped(self, data: bytes) -> bytes:
        """Some bits the other way round."""
        damaged = bytearray(data)
        for _ in range(self.rng.randrange(1, 4)):
            damaged[self.rng.randrange(len(damaged))] ^= 1 << self.rng.randrange(8)
        return bytes(damaged)

    async def attack(self, line: Line) -> None:
        """Good events, and one thing that is not."""
        rng, compress = self.rng, line.compress
        for _ in range(rng.randrange(4)):
            await line.say(self.dispatch())
        good = json.dumps(self.dispatch()).encode()
        packed = frame(self.first, compress(good))
        noise = rng.randbytes(rng.randrange(200))
        attacks: list[Callable[[], bytes]] = [
            lambda: noise,
            lambda: frame(rng.choice((0x81, 0x82, 0x01, 0x80, 0x89, 0x8A, 0xF1)), noise),
            lambda: frame(self.first, compress(noise)),
            lambda: frame(self.first, compress(json.dumps(rng.choice(SHAPES)).encode())),
            lambda: frame(self.first, compress(self.flipped(good))),
            lambda: self.flipped(packed),
            lambda: packed[: rng.randrange(len(packed))],
            lambda: frame(0x88, rng.choice(SAFE_CODES).to_bytes(2) + noise[:100].hex()[:100].encode()),
            lambda: frame(0x88, noise[:100]),
            lambda: packed[:1] + b"\xff" + rng.randbytes(8),
            lambda: packed[:1] + b"\x7f" + (1 << 40).to_bytes(8) + noise,
            lambda: frame(self.first, compress(b"[" * 50_000)),
            lambda: frame(self.first, compress(b'{"t":"MESSAGE_CREATE","s":1' * 300)),
            lambda: b"".join(packed[at : at + 1] for at in range(len(packed))),
        ]
        await line.stream.send_all(rng.choice(attacks)())
        await trio.sleep(rng.choice((0.0, 0.001, 0.02, 1.0)))


async def survive(compression: Compression, connections: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Follow a hostile gateway for so many connections; the shard must not have failed once."""
    settings = ShardSettings(Identity(Secret("s3cret")), gateway_url=URL, compression=compression)
    store, before = Store(), trio.lowlevel.current_statistics().tasks_living
    hostile = HostileDiscord(Random(seed), compression, connections)
    monkeypatch.setattr("mocha_actors.gateway.transport.trio.open_tcp_stream", hostile.connect)
    async with trio.open_nursery() as hostile.nursery:
        async with open_gateway(settings, store, Rest(GatewayInfo(URL))) as world:
            quiet = trio.lowlevel.current_statistics().tasks_living
            await hostile.done.wait()
            await trio.sleep(2)
            assert trio.lowlevel.current_statistics().tasks_living <= quiet + 12
            assert not [each for each in store.told if isinstance(each, Flush)], "the shard was started a second time"
            assert not store.fatal
            assert world.counters.received > connections / 4
        hostile.nursery.cancel_scope.cancel()
    await trio.sleep(2)
    # The runtime keeps one task for the deadlines of all asks, as long as the program runs.
    assert trio.lowlevel.current_statistics().tasks_living <= before + 1
    return store


@pytest.mark.parametrize("compression", ["none", "zlib-stream", "zstd-stream"])
async def test_no_bytes_of_a_gateway_make_a_shard_fail(
    compression: Compression, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise, broken frames, wrong shapes and flipped bits: each ends in an event, a dead letter or another connection."""
    store = await survive(compression, 120, 1, monkeypatch)

    assert any(event.t == "MESSAGE_CREATE" for batch in store.batches for event in batch.events)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("compression", ["none", "zlib-stream", "zstd-stream"])
async def test_a_long_attack_costs_no_memory(
    compression: Compression, seed: int, autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of connections: what is not an event leaves nothing behind."""
    tracemalloc.start()
    try:
        await survive(compression, 1500, seed, monkeypatch)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    print(f"{compression}, seed {seed}: peak {peak / 1e6:.0f} MB")

    assert peak < 150e6
