"""One client's websocket: the tasks around a conversation, and the way of dispatches to the socket."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from socket import SO_LINGER, SOL_SOCKET
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, urlsplit

import trio

from mocha_actors.simulator.compression import STREAMS
from mocha_actors.simulator.cursor import Cursor
from mocha_actors.simulator.faults import (
    CloseOnAccept,
    DelayAcks,
    FirstFrame,
    HalfOpen,
    Manner,
    Opening,
    SilentHello,
    Slow,
    Split,
    WithholdAcks,
)
from mocha_actors.simulator.gateway import (
    AUTHENTICATION_FAILED,
    INVALID_VERSION,
    Answer,
    Attach,
    Close,
    Conversation,
    Later,
    ResetToken,
    Tell,
)
from mocha_actors.simulator.payloads import GATEWAY_VERSION
from mocha_actors.simulator.session import Session
from mocha_actors.simulator.websocket import FrameEncoder, ServerWebSocket

if TYPE_CHECKING:
    from mocha_actors.simulator.hub import Hub

FRAMES_A_SEND = 512
"""Most dispatches that are put together for one send."""

CLOSE_TIMEOUT = 1.0
"""Seconds for which a client may take its time to answer a close frame."""

NO_CODE = 1006
"""Stands for the end of a connection without a close frame."""

GONE = Close(None, "The client is gone.")
HUNG_UP = Close(None, "The connection was cut on demand.")
UNSUPPORTED = Close(4002, "Only JSON, plain or in a zlib-stream or zstd-stream, is spoken here.")
OVERFLOW = Close(4000, "Too far behind.")
HALF = Close(4000, "Closed in the middle of a message.")

Cut = Literal["half-message", "half-frame"]
"""Where a connection ends in the middle of a message."""


class Connection:
    """Carries one conversation over one websocket.

    One task reads and answers; another writes, and is the only one to do so. It follows the session with a cursor.

    Attributes:
        number: which connection of the simulator this is, counted from 1.
        conversation: what was said so far.
        client_close_code: with what the client closed, 1006 if it just went.
        half_open: whether the connection is dead without being closed.
        ended: set by the server when the connection is over and its session is on its own.
    """

    def __init__(
        self,
        stream: trio.SocketStream,
        conversation: Conversation,
        compress_level: int,
        hub: Hub,
        *,
        number: int,
        shard: int | None,
        opening: Opening | None,
        manners: Sequence[Manner],
    ) -> None:
        """Take over a socket on which the client is about to begin its handshake, with the faults that it has."""
        self._stream = stream
        self._hub = hub
        self._opening = opening
        self._websocket = ServerWebSocket()
        self._compress_level = compress_level
        self._encoder = FrameEncoder()
        self._split: Split | None = None
        self._slow: Slow | None = None
        self._raw: list[bytes] = []
        self._controls: list[bytes] = []
        self._cursor: Cursor | None = None
        self._closing: Close | None = None
        self._cut: Cut | None = None
        self._wake = trio.Event()
        self._peer_ended = trio.Event()
        self._scope = trio.CancelScope()
        self._nursery: trio.Nursery | None = None
        self.number = number
        self.conversation = conversation
        conversation.shard = shard
        self.ended = trio.Event()
        self.client_close_code = NO_CODE
        self.half_open = False
        self.behave(manners)

    @property
    def shard(self) -> int | None:
        """Number of the shard, None before the client has identified."""
        return self.conversation.session.shard if self.conversation.session else None

    @property
    def sessions(self) -> list[Session]:
        """The session of the connection, if it has one yet."""
        return [self.conversation.session] if self.conversation.session else []

    @property
    def backlog(self) -> int:
        """Number of dispatches that wait for this connection."""
        return self._cursor.backlog if self._cursor and not self._closing else 0

    @property
    def close_code(self) -> int:
        """With what the connection ended, by whichever side."""
        if self._closing is None or self._closing == GONE:
            return self.client_close_code
        return NO_CODE if self._closing.code is None else self._closing.code

    @property
    def closed_by(self) -> Literal["client", "server"]:
        """Who ended the connection: the first to do so."""
        return "client" if self._closing is None or self._closing == GONE else "server"

    def is_silent(self, now: float) -> bool:
        """Tell whether the client has missed its heartbeats, as far as they can be heard."""
        return not self.half_open and self.conversation.is_silent(now)

    def behave(self, manners: Sequence[Manner]) -> None:
        """Take on faults that last."""
        for manner in manners:
            match manner:
                case HalfOpen():
                    self.half_open = True
                case Slow():
                    self._slow = manner if manner.seconds else None
                case WithholdAcks():
                    self.conversation.ack_delay = float("inf")
                case DelayAcks(seconds=seconds):
                    self.conversation.ack_delay = seconds
                case Split():
                    self._split = self._encoder.split = manner

    async def run(self, first: bytes) -> None:
        """Serve the client until either side ends it; `first` is what was read of the handshake already."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    self._nursery = nursery
                    nursery.start_soon(self._read, first)
                    await self._write()
                    nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            # The client is gone: this is how connections end.
            self._closing = self._closing or GONE
        finally:
            await trio.aclose_forcefully(self._stream)

    def wake(self) -> None:
        """Let the writer look for something to write."""
        self._wake.set()

    def send_control(self, payload: bytes) -> None:
        """Send a frame that is no dispatch, ahead of all dispatches that wait."""
        self._controls.append(payload)
        self.wake()

    def send_raw(self, data: bytes) -> None:
        """Send bytes that are whole frames already, or were meant to be, ahead of everything that waits."""
        self._raw.append(data)
        self.wake()

    def cut(self, where: Cut) -> None:
        """End in the middle of the next dispatch."""
        self._cut = where
        self.wake()

    def close(self, close: Close) -> None:
        """Send a close frame after the control frames that wait, and end within `CLOSE_TIMEOUT`."""
        if not self._closing:
            self._closing = close
            self._scope.deadline = trio.current_time() + CLOSE_TIMEOUT
            self.wake()

    def hang_up(self, *, reset: bool) -> None:
        """End at once and without a close frame: by a TCP reset, or by an orderly end of the TCP connection."""
        if reset:
            self._stream.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self._closing = self._closing or HUNG_UP
        self._scope.cancel()
        self._stream.socket.close()

    async def _read(self, first: bytes) -> None:
        data: bytes | bytearray = first
        while data and not self._peer_ended.is_set():
            received = self._websocket.receive(bytes(data))
            self._raw.append(received.reply)
            if received.target is not None:
                self._begin(received.target)
            for message in received.messages:
                self._hear(message)
            if received.close_code is not None:
                self.client_close_code = received.close_code
                break
            self.wake()
            data = await self._receive()
        self._peer_ended.set()
        self.close(GONE)

    async def _receive(self) -> bytes | bytearray:
        data = await self._stream.receive_some()
        if self.half_open:
            await trio.sleep_forever()
        return data

    def _hear(self, message: bytes) -> None:
        """Note and answer a payload."""
        now = trio.current_time()
        transcript = self._hub.transcript
        transcript.note_payload(now, self.number, self.conversation.shard, message)
        answer = self.conversation.receive(message, now)
        if self.conversation.shard is not None:
            transcript.note_shard(self.number, self.conversation.shard)
        self._follow(answer)

    def _begin(self, target: str) -> None:
        """Say HELLO in the way that the client's query asks for, unless something else is planned."""
        query = dict(parse_qsl(urlsplit(target).query))
        compression = query.get("compress")
        if query.get("v", str(GATEWAY_VERSION)) != str(GATEWAY_VERSION):
            self.close(INVALID_VERSION)
        elif query.get("encoding", "json") != "json" or compression not in {None, *STREAMS}:
            self.close(UNSUPPORTED)
        else:
            self._encoder = FrameEncoder(STREAMS[compression](self._compress_level) if compression else None)
            self._encoder.split = self._split
            self._greet()

    def _greet(self) -> None:
        match self._opening:
            case CloseOnAccept(code=code):
                self.close(Close(code, "Closed on demand."))
            case FirstFrame(payload=payload):
                self.send_control(payload.encode())
            case SilentHello():
                self.wake()
            case _:
                self.send_control(self.conversation.hello())

    def _follow(self, answer: Answer | None) -> None:
        match answer:
            case bytes():
                self.send_control(answer)
            case Close():
                self.close(answer)
            case Attach():
                self._attach(answer)
            case Tell(events=events):
                self._hub.tell(self.sessions, events)
            case ResetToken():
                self._hub.reset_token()
                self.close(AUTHENTICATION_FAILED)
            case Later():
                assert self._nursery is not None
                self._nursery.start_soon(self._follow_later, answer)

    async def _follow_later(self, later: Later) -> None:
        await trio.sleep(later.seconds)
        self._follow(later.answer())

    def _attach(self, attach: Attach) -> None:
        self._cursor = Cursor(attach.session, attach.seq)
        self._hub.attached(self, attach.session, fresh=attach.fresh)
        if not attach.fresh:
            self._hub.record(attach.session, [self._cursor.end_replay()])
        self.wake()

    async def _write(self) -> None:
        while not self._closing:
            self._wake = trio.Event()
            data = self._next_controls() or self._next_half() or self._next_dispatches()
            if data:
                await self._send(data)
                self._hub.progressed()
            else:
                await self._wake.wait()
        code = self._closing.code
        goodbye = (
            b"" if code is None or self._peer_ended.is_set() else self._websocket.close(code, self._closing.reason)
        )
        await self._send(self._next_controls() + goodbye)
        if code is not None:
            await self._peer_ended.wait()

    async def _send(self, data: bytes) -> None:
        if self.half_open:
            await trio.sleep_forever()
        if self._slow is None:
            await self._stream.send_all(data)
            return
        size = self._slow.piece_bytes or len(data) or 1
        for start in range(0, len(data), size):
            await self._stream.send_all(data[start : start + size])
            await trio.sleep(self._slow.seconds if self._slow else 0)

    def _next_controls(self) -> bytes:
        """Take all frames that go ahead of dispatches. Nothing but the handshake may go before HELLO."""
        data = b"".join(self._raw) + self._encoder.encode(self._controls)
        self._raw.clear()
        self._controls.clear()
        return data

    def _next_half(self) -> bytes:
        """Take the first half of the next dispatch if the connection is to end there. It does not count as sent."""
        if self._cut is None or self._cursor is None:
            return b""
        frame = self._cursor.peek(FRAMES_A_SEND)
        self.close(HALF if self._cut == "half-message" else HUNG_UP)
        encode = self._encoder.encode_half_message if self._cut == "half-message" else self._encoder.encode_half_frame
        return encode(frame)

    def _next_dispatches(self) -> bytes:
        """Take the next dispatches of the session, and write replayed ones to the ledger."""
        cursor = self._cursor
        if cursor is None or not self.backlog:
            return b""
        if cursor.is_lost:
            self._hub.registry.end(cursor.session)
            self.close(OVERFLOW)
            return b""
        replay = cursor.is_replaying
        frames = cursor.take(FRAMES_A_SEND)
        if replay:
            self._hub.record(cursor.session, frames, replay=True)
        return self._encoder.encode(frames)
