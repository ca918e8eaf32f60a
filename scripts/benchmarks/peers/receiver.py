"""Websocket clients that receive what the sender sends. Usage: receiver.py CLIENT PORT COUNT COMPRESSION.

Each prints one JSON object: wall and processor seconds from the client's word to the last frame, and the peak size of its process. The peers
inflate, as any client must, and do nothing else with a frame. ``mocha-transport`` does the same; the other two decode too, and number what came.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
import zlib
from collections.abc import Callable
from random import Random

import trio
import zstandard

LARGE = 64 << 20


class Stopwatch:
    """Wall and processor time of this process."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def report(self) -> None:
        """Print what has passed."""
        seconds, cpu_seconds = time.perf_counter() - self.wall, time.process_time() - self.cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak}), flush=True)


def inflater(compression: str) -> Callable[[bytes], bytes]:
    """What a client does with each message."""
    if compression == "zlib-stream":
        return zlib.decompressobj().decompress
    if compression == "zstd-stream":
        return zstandard.ZstdDecompressor().decompressobj().decompress
    return lambda message: message


async def trio_websocket(port: int, count: int, compression: str) -> None:
    """trio-websocket with the options that serve it best: the size of its reads is what matters."""
    from trio_websocket import connect_websocket  # noqa: PLC0415

    inflate = inflater(compression)
    async with trio.open_nursery() as nursery:
        connection = await connect_websocket(
            nursery,
            "127.0.0.1",
            port,
            "/",
            use_ssl=False,
            receive_buffer_size=None,
            max_message_size=LARGE,
            message_queue_size=1000,
        )
        inflate(await connection.get_message())
        watch = Stopwatch()
        await connection.send_message("go")
        for _ in range(count + 1):
            inflate(await connection.get_message())
        watch.report()
        nursery.cancel_scope.cancel()


async def aiohttp(port: int, count: int, compression: str) -> None:
    """The client of `aiohttp`, whose parser is compiled."""
    import aiohttp as library  # noqa: PLC0415

    inflate = inflater(compression)
    async with (
        library.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{port}/", max_msg_size=LARGE, autoping=True) as connection,
    ):
        inflate((await connection.receive()).data)
        watch = Stopwatch()
        await connection.send_str("go")
        for _ in range(count + 1):
            inflate((await connection.receive()).data)
        watch.report()


async def websockets(port: int, count: int, compression: str) -> None:
    """The client of `websockets`, whose parser is compiled in part."""
    from websockets.asyncio.client import connect  # noqa: PLC0415

    inflate = inflater(compression)
    async with connect(f"ws://127.0.0.1:{port}/", max_size=LARGE, compression=None) as connection:
        inflate(await connection.recv(decode=False))
        watch = Stopwatch()
        await connection.send("go")
        for _ in range(count + 1):
            inflate(await connection.recv(decode=False))
        watch.report()


async def mocha_transport(port: int, count: int, compression: str) -> None:
    """Mocha's transport alone: the frames inflated, one a line."""
    from mocha_actors.gateway.transport import open_transport  # noqa: PLC0415

    async with open_transport(f"ws://127.0.0.1:{port}", compression) as transport:
        await transport.receive()
        watch = Stopwatch()
        await transport.send(b"go")
        received = 0
        while received <= count:
            received += (await transport.receive()).count(b"\n") + 1
        watch.report()


async def _mocha(port: int, count: int, compression: str, taken: list[str]) -> None:
    from mocha_actors.config import Secret  # noqa: PLC0415
    from mocha_actors.discord.decode import EventDecoder  # noqa: PLC0415
    from mocha_actors.discord.events import TYPED  # noqa: PLC0415
    from mocha_actors.gateway.effects import Deliver, Send  # noqa: PLC0415
    from mocha_actors.gateway.identity import Identity  # noqa: PLC0415
    from mocha_actors.gateway.protocol import Protocol  # noqa: PLC0415
    from mocha_actors.gateway.transport import open_transport  # noqa: PLC0415

    decoder = EventDecoder([kind for kind in TYPED if kind.__struct_config__.tag in taken])
    protocol = Protocol(Identity(Secret("x")), rng=Random(1), now=trio.current_time())  # noqa: S311
    protocol.tick(trio.current_time())
    async with open_transport(f"ws://127.0.0.1:{port}", compression) as transport:
        protocol.connected(trio.current_time())
        [hello] = decoder.decode(await transport.receive()).pieces
        protocol.control(hello, trio.current_time())
        [identify] = [effect for effect in protocol.turn_granted(trio.current_time()) if isinstance(effect, Send)]
        watch = Stopwatch()
        await transport.send(identify.payload)
        delivered = 0
        while delivered < count:
            for piece in decoder.decode(await transport.receive()).pieces:
                effects = protocol.dispatches(piece, trio.current_time())
                delivered += sum(len(effect.events) for effect in effects if isinstance(effect, Deliver))
        watch.report()


async def mocha_protocol(port: int, count: int, compression: str) -> None:
    """Mocha's transport and protocol: every frame decoded as far as its number, and numbered."""
    await _mocha(port, count, compression, [])


async def mocha_messages(port: int, count: int, compression: str) -> None:
    """The same with a processor for messages: each becomes a typed struct."""
    await _mocha(port, count, compression, ["MESSAGE_CREATE"])


CLIENTS = {
    "mocha-transport": (trio.run, mocha_transport),
    "mocha-protocol": (trio.run, mocha_protocol),
    "mocha-messages": (trio.run, mocha_messages),
    "trio-websocket": (trio.run, trio_websocket),
    "aiohttp": (lambda run, *arguments: asyncio.run(run(*arguments)), aiohttp),
    "websockets": (lambda run, *arguments: asyncio.run(run(*arguments)), websockets),
}

if __name__ == "__main__":
    start, client = CLIENTS[sys.argv[1]]
    start(client, int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
