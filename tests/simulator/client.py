"""A client of the gateway for tests: trio-websocket and json, and no more comfort than a test needs."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import trio
import zstandard
from trio_websocket import CloseReason, ConnectionClosed, WebSocketConnection, wrap_client_stream

INTENTS = 1 << 0 | 1 << 9 | 1 << 12

SESSION_KEPT = 4900
"""Close code of a client that will come back."""


INFLATERS: dict[str, Any] = {
    "zlib-stream": zlib.decompressobj,
    "zstd-stream": lambda: zstandard.ZstdDecompressor().decompressobj(),
}


class Client:
    """One connection to the gateway."""

    def __init__(self, websocket: WebSocketConnection, compression: str | None) -> None:
        self.websocket = websocket
        self._inflater = INFLATERS[compression]() if compression in INFLATERS else None

    async def receive(self) -> Any:
        """Return the next frame."""
        message = await self.websocket.get_message()
        assert isinstance(message, str if self._inflater is None else bytes)
        return json.loads(message if self._inflater is None else self._inflater.decompress(message))

    async def receive_until(self, name: str, limit: int = 10_000) -> list[Any]:
        """Return all frames up to the first dispatch of this name."""
        frames: list[Any] = []
        while not frames or frames[-1]["t"] != name:
            assert len(frames) < limit
            frames.append(await self.receive())
        return frames

    async def receive_many(self, count: int) -> list[Any]:
        """Return so many frames."""
        return [await self.receive() for _ in range(count)]

    async def say(self, op: int, data: object = None) -> None:
        """Send a payload."""
        await self.websocket.send_message(json.dumps({"op": op, "d": data}))

    async def identify(self, shard: tuple[int, int] = (0, 1), **fields: Any) -> Any:
        """Identify after HELLO, and return READY's data."""
        assert (await self.receive())["op"] == 10
        await self.say(2, {"token": "simulator", "intents": INTENTS, "shard": list(shard)} | fields)
        ready = await self.receive()
        assert (ready["t"], ready["s"]) == ("READY", 1)
        return ready["d"]

    async def resume(self, session_id: str, seq: int) -> None:
        """Ask for a RESUME after HELLO."""
        assert (await self.receive())["op"] == 10
        await self.say(6, {"token": "simulator", "session_id": session_id, "seq": seq})

    async def receive_op(self, op: int) -> Any:
        """Return the next frame of an opcode, and pass over others."""
        while (frame := await self.receive())["op"] != op:
            pass
        return frame

    async def wait_closed(self) -> CloseReason:
        """Read until the connection is closed, and return how."""
        try:
            while True:
                await self.websocket.get_message()
        except ConnectionClosed as closed:
            return closed.reason


@asynccontextmanager
async def connect(gateway_url: str, query: str = "v=10&encoding=json") -> AsyncIterator[Client]:
    """Connect, and leave in a way that keeps the session."""
    url = urlsplit(gateway_url)
    async with (
        await trio.open_tcp_stream(str(url.hostname), int(url.port or 0)) as stream,
        trio.open_nursery() as nursery,
    ):
        path = f"{url.path or '/'}?{query}"
        websocket = await wrap_client_stream(nursery, stream, url.netloc, path, max_message_size=1 << 28)
        try:
            yield Client(websocket, dict(parse_qsl(query)).get("compress"))
        finally:
            with trio.move_on_after(1) as scope:
                scope.shield = True
                await websocket.aclose(SESSION_KEPT)
            nursery.cancel_scope.cancel()


def first_hand(ledger: Path) -> list[Any]:
    """Return the frames of a ledger without the replays."""
    entries = [json.loads(line) for line in ledger.read_text().split("\n")[:-1]]
    return [entry["frame"] for entry in entries if "replay" not in entry]


def replays(ledger: Path) -> list[int]:
    """Return the numbers of a ledger's replays."""
    entries = [json.loads(line) for line in ledger.read_text().split("\n")[:-1]]
    return [entry["frame"]["s"] for entry in entries if "replay" in entry]
