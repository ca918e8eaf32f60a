"""The server's side of RFC 6455, without the socket.

wsproto reads what clients send; frames to clients are put together here, many at a time, since it must be the client
and never the simulator that limits a measurement.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, RejectConnection, Request, TextMessage
from wsproto.utilities import RemoteProtocolError

TEXT_FRAME, BINARY_FRAME = 0x81, 0x82
"""First byte of a whole message that is one frame."""

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
    """Puts payloads into frames: each its own text message, or a binary one of the connection's `zlib-stream`."""

    def __init__(self, *, compress_level: int | None) -> None:
        """Begin a stream; a `compress_level` of None sends plain text."""
        self._compressor = None if compress_level is None else zlib.compressobj(compress_level)

    def encode(self, payloads: Sequence[bytes]) -> bytes:
        """Return the frames of some payloads, in order, as one run of bytes."""
        opcode = TEXT_FRAME
        if self._compressor is not None:
            opcode = BINARY_FRAME
            compress, flush = self._compressor.compress, self._compressor.flush
            payloads = [compress(payload) + flush(zlib.Z_SYNC_FLUSH) for payload in payloads]
        return b"".join([_header(opcode, len(payload)) + payload for payload in payloads])


def _header(opcode: int, length: int) -> bytes:
    """Return the header of an unmasked frame (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((opcode, length))
    if length < 1 << 16:
        return struct.pack(">BBH", opcode, 126, length)
    return struct.pack(">BBQ", opcode, 127, length)
