"""The server's side of RFC 6455, without the socket.

wsproto reads what clients send; frames to clients are put together here, many at a time, since it must be the client
and never the simulator that limits a measurement.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, RejectConnection, Request, TextMessage
from wsproto.utilities import RemoteProtocolError

from mocha_actors.simulator.compression import Compress
from mocha_actors.simulator.faults import Split

TEXT_FRAME, BINARY_FRAME = 0x81, 0x82
"""First byte of a whole message that is one frame."""

FINAL = 0x80
"""Bit of the first byte of a message's last frame."""

CONTINUATION = 0x00

PROTOCOL_ERROR = 1002


@dataclass
class Received:
    """What a run of bytes from a client amounts to.

    Attributes:
        target: what the client asked for in its handshake, if that came.
        messages: whole messages, text or binary.
        reply: bytes that have to go back, such as pongs.
        close_code: the code if the client closes; 1005 if it gave none.
    """

    target: str | None = None
    messages: list[bytes] = field(default_factory=list)
    reply: bytes = b""
    close_code: int | None = None


class ServerWebSocket:
    """One connection's protocol state."""

    def __init__(self) -> None:
        """Wait for a handshake."""
        self._protocol = WSConnection(ConnectionType.SERVER)
        self._partial = bytearray()

    def receive(self, data: bytes) -> Received:
        """Take bytes of the client, the handshake included, which is accepted without extensions."""
        received = Received()
        try:
            self._protocol.receive_data(data)
            for event in self._protocol.events():
                self._handle(event, received)
        except RemoteProtocolError as error:
            received.close_code = PROTOCOL_ERROR
            if isinstance(error.event_hint, RejectConnection):
                received.reply += self._protocol.send(error.event_hint)
        return received

    def _handle(self, event: object, received: Received) -> None:
        match event:
            case Request():
                received.target = event.target
                received.reply += self._protocol.send(AcceptConnection())
            case TextMessage() | BytesMessage():
                self._partial += event.data.encode() if isinstance(event.data, str) else event.data
                if event.message_finished:
                    received.messages.append(bytes(self._partial))
                    self._partial.clear()
            case Ping():
                received.reply += self._protocol.send(event.response())
            case CloseConnection():
                received.close_code = event.code
                # In any other state it was the client that answered.
                if self._protocol.state is ConnectionState.REMOTE_CLOSING:
                    received.reply += self._protocol.send(event.response())

    def close(self, code: int, reason: str) -> bytes:
        """Return the frame that closes the connection."""
        return self._protocol.send(CloseConnection(code, reason))


class FrameEncoder:
    """Puts payloads into frames: each its own text message, or a binary one of the connection's compressed stream.

    Attributes:
        split: how payloads are cut into pieces, None if they are not.
    """

    def __init__(self, compress: Compress | None = None) -> None:
        """Begin; without `compress`, payloads go out as plain text."""
        self._compress = compress
        self._opcode = TEXT_FRAME if compress is None else BINARY_FRAME
        self.split: Split | None = None

    def encode(self, payloads: Sequence[bytes]) -> bytes:
        """Return the frames of some payloads, in order, as one run of bytes."""
        if self._compress is not None:
            payloads = [self._compress(payload) for payload in payloads]
        if self.split is not None:
            return b"".join([self._pieces(payload, self.split) for payload in payloads])
        opcode = self._opcode
        return b"".join([_header(opcode, len(payload)) + payload for payload in payloads])

    def encode_half_message(self, payload: bytes) -> bytes:
        """Return a message that ends too early: half a compressed payload, or half the fragments of a plain one."""
        data = payload if self._compress is None else self._compress(payload)
        half = data[: len(data) // 2]
        opcode = self._opcode & ~FINAL if self._compress is None else self._opcode
        return _header(opcode, len(half)) + half

    def encode_half_frame(self, payload: bytes) -> bytes:
        """Return the first half of a frame's bytes."""
        data = self.encode([payload])
        return data[: len(data) // 2]

    def _pieces(self, payload: bytes, split: Split) -> bytes:
        """Cut a payload into messages, or into a first fragment, continuations and a final one."""
        size = split.piece_bytes
        pieces = [payload[start : start + size] for start in range(0, len(payload), size)] or [b""]
        if split.into == "messages":
            opcodes = [self._opcode] * len(pieces)
        else:
            opcodes = [self._opcode & ~FINAL, *[CONTINUATION] * (len(pieces) - 1)]
            opcodes[-1] |= FINAL
        return b"".join([_header(opcode, len(piece)) + piece for opcode, piece in zip(opcodes, pieces, strict=True)])


def binary_message(data: bytes) -> bytes:
    """Return a frame that is a binary message of its own, beside any compressed stream."""
    return _header(BINARY_FRAME, len(data)) + data


def _header(opcode: int, length: int) -> bytes:
    """Return the header of an unmasked frame (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((opcode, length))
    if length < 1 << 16:
        return struct.pack(">BBH", opcode, 126, length)
    return struct.pack(">BBQ", opcode, 127, length)
