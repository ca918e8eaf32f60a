"""A network in memory: what trio offers of TCP, without sockets, so that a whole program can live in virtual time.

Real sockets and a fast clock do not go together: a machine that is busy for a tenth of a second makes ten virtual seconds of silence of it, and
whatever watches over deadlines acts on them, rightly. Here nothing ever waits for the outside world, so an autojump clock moves only when all
tasks wait for time, and every bound in seconds is one of the protocol and not of the machine.
"""

from __future__ import annotations

import errno
from itertools import count
from socket import SO_LINGER
from typing import Any

import trio
import trio.testing


class Wire(trio.abc.Stream):
    """One end of a connection, with what is asked of a socket besides."""

    peer: Wire
    socket = property(lambda self: self)

    def __init__(self, ends: trio.StapledStream[Any, Any]) -> None:
        self._ends = ends
        self._lingers = True
        self.open, self._was_reset = True, False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As a stream."""
        await self._ends.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """As a stream."""
        await self._ends.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """As a stream; what a reset caught in the middle is lost."""
        data: bytes | bytearray = await self._ends.receive_some(max_bytes)
        if self._was_reset:
            raise trio.BrokenResourceError("reset by the peer")
        return data

    async def aclose(self) -> None:
        """As a stream."""
        self.close()
        await trio.lowlevel.checkpoint()

    def setsockopt(self, level: int, name: int, value: object) -> None:
        """Note that closing is to be a reset; there are no other options."""
        self._lingers = self._lingers and name != SO_LINGER

    def fileno(self) -> int:
        """No file, as of a closed socket."""
        return -1

    def close(self) -> None:
        """As a socket."""
        if self.open:
            self.open = False
            self.peer._was_reset |= not self._lingers
            self._ends.send_stream.close()
            self._ends.receive_stream.close()

    def break_off(self) -> None:
        """Reset the connection from both sides."""
        self._lingers = self.peer._lingers = False
        self.peer.close()
        self.close()


class Listener(trio.abc.Listener[Wire]):
    """A port on which somebody listens."""

    socket = property(lambda self: self)

    def __init__(self, network: Network, port: int) -> None:
        self._network, self._port = network, port
        self.calls, self._accepts = trio.open_memory_channel[Wire](100)

    def getsockname(self) -> tuple[str, int]:
        """As of a socket."""
        return "127.0.0.1", self._port

    async def accept(self) -> Wire:
        """As a listener."""
        return await self._accepts.receive()

    async def aclose(self) -> None:
        """As a listener; the port is free again."""
        self._network.listeners.pop(self._port, None)
        await trio.lowlevel.checkpoint()


class Network:
    """Who listens where, and every wire between them."""

    def __init__(self) -> None:
        self.listeners: dict[int, Listener] = {}
        self._free = count(1024)
        self._wires: list[Wire] = []

    async def open_tcp_listeners(self, port: int, **options: object) -> list[Listener]:
        """As trio's."""
        await trio.lowlevel.checkpoint()
        listener = Listener(self, port or next(self._free))
        assert self.listeners.setdefault(listener.getsockname()[1], listener) is listener
        return [listener]

    async def open_tcp_stream(self, host: str, port: int | str, **options: object) -> Wire:
        """As trio's."""
        await trio.lowlevel.checkpoint()
        listener = self.listeners.get(int(port))
        if listener is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "nobody listens")
        ours, theirs = map(Wire, trio.testing.memory_stream_pair())
        ours.peer, theirs.peer = theirs, ours
        self._wires = [*(wire for wire in self._wires if wire.open), ours]
        listener.calls.send_nowait(theirs)
        return ours

    def reset(self) -> None:
        """Cut every connection, as a network does."""
        for wire in self._wires:
            wire.break_off()
