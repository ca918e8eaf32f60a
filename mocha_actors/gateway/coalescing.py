"""Runs of websocket frames, joined into one before the websocket library sees them.

A websocket library spends 20 us and two scheduler passes on each message, ten times what it costs to parse the message's JSON. Discord's
messages are many and small, and one read from the socket holds a hundred of them. So between the socket and trio-websocket stands a
:class:`CoalescingStream`: of what one read brought, it rewrites each run of complete, unfragmented data frames into ONE binary frame. The
library then handles one message a run. Handshake, pings, close codes and the sending side stay the library's; control frames, fragments and
frames of the other data kind pass unchanged, in their place.

Frames are those of RFC 6455, section 5.2.
"""

from __future__ import annotations

from typing import Final

import trio

from mocha_actors.errors import TransientError

RECEIVE_BYTES: Final = 256 << 10
"""Bytes of one read: at most so much is joined, apart from a frame that is larger by itself."""

PIECE_BYTES: Final = 2 * RECEIVE_BYTES
"""Bytes that the websocket library is given at a time: what one read brought is nearly always less, and never cut."""

WAITING_BYTES: Final = 1 << 20
"""Bytes of complete messages, as they came, that may wait to be taken: a second of a busy shard, many of an ordinary one."""

FRAME_LIMIT: Final = 256 << 20
"""Bytes of the largest frame that is waited for; a GUILD_CREATE of 100,000 members has 60 million."""

HEADER_LIMIT: Final = 64 << 10
"""Bytes of an HTTP response before its body."""

TEXT: Final = 0x81
"""First byte of a complete text frame."""

BINARY: Final = 0x82
"""First byte of a complete binary frame."""

_MASKED: Final = 0x80
_FINAL: Final = 0x80
_LAST_DATA_OPCODE: Final = 2


class BrokenFramingError(TransientError):
    """The peer's bytes are no websocket frames that can be followed; the connection is useless."""


class UpgradeError(TransientError):
    """The server did not answer the websocket handshake with an upgrade."""


class FrameJoiner:
    """The pure part: server bytes in, the same messages in fewer frames out.

    Args:
        joins: first byte of the frames to join, :data:`TEXT` or :data:`BINARY`.
        separator: put between joined payloads.

    Attributes:
        completed: bytes of all messages that went out whole, their separators included; one in fragments counts with its last.

    """

    def __init__(self, joins: int, separator: bytes) -> None:
        self._joins, self._separator = joins, separator
        self.completed = self._fragments = 0
        self._chunks: list[bytes | bytearray] = []
        self._size = self._needed = 0

    def feed(self, data: bytes | bytearray) -> bytes:
        """Take what was read; return the frames that are complete by now, joined.

        The one long function here: a call per frame would cost as much as the frame.

        Raises:
            BrokenFramingError: a frame is masked, which no server may do, or larger than :data:`FRAME_LIMIT`.

        """
        self._chunks.append(data)
        self._size += len(data)
        if self._size < self._needed:
            return b""  # the rest of a large frame: joined once, when it is all there
        buffer, joins, separator = b"".join(self._chunks), self._joins, self._separator
        end, start, self._needed = len(buffer), 0, 0
        output: list[bytes] = []
        run: list[bytes] = []
        while end - start >= 2:
            length, body = buffer[start + 1], start + 4
            if length == 126 and body <= end:
                length = buffer[start + 2] << 8 | buffer[start + 3]  # as nearly every frame has it
            elif (header := _header(buffer, start, end)) is not None:
                length, body = header
            else:
                break
            stop = body + length
            if stop > end:
                self._needed = stop - start
                break
            if buffer[start] == joins:
                run.append(buffer[body:stop])
            else:
                self.completed += _close(run, separator, output)
                output.append(buffer[start:stop])
                self._count(buffer[start], length)
            start = stop
        self.completed += _close(run, separator, output)
        self._chunks, self._size = [buffer[start:]], end - start
        return output[0] if len(output) == 1 else b"".join(output)

    def _count(self, first: int, length: int) -> None:
        """A frame goes out that is not joined: a control frame is no part of a message."""
        if first & 0x0F <= _LAST_DATA_OPCODE:
            self._fragments += length
            if first & _FINAL:
                self.completed, self._fragments = self.completed + self._fragments, 0


def _header(buffer: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Length and first byte of the payload of the frame at ``start``; None while its header is not complete."""
    length, body = buffer[start + 1], start + 2
    if length & _MASKED:
        msg = "the server sent a masked frame"
        raise BrokenFramingError(msg)
    size = {126: 2, 127: 8}.get(length, 0)
    if end - body < size:
        return None
    return (_checked(int.from_bytes(buffer[body : body + size])), body + size) if size else (length, body)


def _checked(length: int) -> int:
    if length > FRAME_LIMIT:
        msg = f"the server announced a frame of {length} bytes; allowed are {FRAME_LIMIT}"
        raise BrokenFramingError(msg)
    return length


def _close(run: list[bytes], separator: bytes, output: list[bytes]) -> int:
    """Move the payloads of ``run``, with separators between them, to ``output`` as one frame; returns the bytes of its payload."""
    if not run:
        return 0
    length = sum(map(len, run)) + len(separator) * (len(run) - 1)
    # The header goes in front of the first payload, so that joining copies everything once.
    run[0] = _binary_header(length) + run[0]
    output.append(separator.join(run))
    run.clear()
    return length


def _binary_header(length: int) -> bytes:
    if length < 126:
        return bytes((BINARY, length))
    if length < 1 << 16:
        return bytes((BINARY, 126)) + length.to_bytes(2)
    return bytes((BINARY, 127)) + length.to_bytes(8)


class CoalescingStream(trio.abc.Stream):
    """A client's stream whose incoming frames are joined; what is sent passes unchanged.

    Reading stops while messages of :data:`WAITING_BYTES` wait for whoever takes them, says so by :meth:`taken`, and holds them up. Up to there
    pings are answered and a close is noticed, however long the wait; behind it they lie in the socket, where nobody can see them without holding
    in memory all that came before (principle 4). A limit in messages would be one of moments: a quiet connection fills it as fast as a busy one.

    Args:
        stream: the connection to the server, on which nothing has been exchanged yet.
        joins: see :class:`FrameJoiner`, as is ``separator``.

    """

    def __init__(self, stream: trio.abc.Stream, *, joins: int, separator: bytes) -> None:
        self._stream = stream
        self._joiner = FrameJoiner(joins, separator)
        self._response: bytearray | None = bytearray()
        self._rest = memoryview(b"")
        self._taken = 0
        self._bounded = True
        self._room = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send to the server."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """As the wrapped stream."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The HTTP response first, then joined frames, at most :data:`PIECE_BYTES` at a time; ``max_bytes`` is not followed.

        The library keeps what it was given last until there is more, and handles a frame in pieces as well as whole: so of a large one, it keeps a piece.

        Raises:
            BrokenFramingError: see :meth:`FrameJoiner.feed`.
            UpgradeError: the server refused, or closed before its answer was complete. trio-websocket would wait for more of it
                until a time-out.

        """
        if self._rest:
            await trio.lowlevel.checkpoint()
            return self._piece(self._rest)
        while True:
            await self._wait_for_room()
            data = await self._stream.receive_some(RECEIVE_BYTES)
            if not data and self._response is not None:
                msg = "the server closed the connection instead of answering the handshake"
                raise UpgradeError(msg)
            output = self._joiner.feed(data) if self._response is None else self._handshake(data)
            if len(output) > PIECE_BYTES:
                return self._piece(memoryview(output))
            if output or not data:
                return output

    def _piece(self, output: memoryview) -> bytes:
        """The first piece of ``output``; what follows it is next."""
        # A view of nothing would keep all of it, too.
        self._rest = output[PIECE_BYTES:] if len(output) > PIECE_BYTES else memoryview(b"")
        return bytes(output[:PIECE_BYTES])

    async def _wait_for_room(self) -> None:
        while self._bounded and self._joiner.completed - self._taken >= WAITING_BYTES:
            self._room = trio.Event()
            await self._room.wait()

    def taken(self, size: int) -> None:
        """A message of ``size`` bytes was taken."""
        self._taken += size
        self._room.set()

    def throw_away(self) -> None:
        """What still comes is taken by nobody and kept by nobody: read on, up to the peer's answer to our close."""
        self._bounded = False
        self._room.set()

    def _handshake(self, data: bytes | bytearray) -> bytes:
        """Hold the response back until its header is complete; then let it go, with the frames that came in the same read."""
        response = self._response = (self._response or bytearray()) + data
        header, found, rest = bytes(response).partition(b"\r\n\r\n")
        if not found:
            if len(header) > HEADER_LIMIT:
                msg = f"the server's answer to the handshake has more than {HEADER_LIMIT} bytes"
                raise UpgradeError(msg)
            return b""
        status = b"".join(header.split(b"\r\n")[0].split(b" ", 2)[1:2])
        if status != b"101":
            known = len(status) == 3 and status.isdigit()
            msg = f"the server refused the upgrade with HTTP status {status.decode() if known else 'unknown'}"
            raise UpgradeError(msg)
        self._response = None
        return header + found + self._joiner.feed(rest)
