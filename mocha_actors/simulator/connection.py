"""One client's websocket: the tasks around a conversation, and the way of dispatches to the socket."""

from __future__ import annotations

import struct
from socket import SO_LINGER, SOL_SOCKET
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import trio

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.gateway import INVALID_VERSION, Answer, Attach, Close, Conversation
from mocha_actors.simulator.payloads import GATEWAY_VERSION
from mocha_actors.simulator.session import UNSEEN
from mocha_actors.simulator.websocket import FrameEncoder, ServerWebSocket

if TYPE_CHECKING:
    from mocha_actors.simulator.hub import Hub

FRAMES_A_SEND = 512
"""Most dispatches that are put together for one send."""

CLOSE_TIMEOUT = 1.0
"""Seconds for which a client may take its time to answer a close frame."""

RESUMED = Event(b"RESUMED", 0, 0, b'{"_trace":[]}')

NO_CODE = 1006
"""Stands for the end of a connection without a close frame."""

GONE = Close(NO_CODE, "")
UNSUPPORTED = Close(4002, "Only JSON, plain or in a zlib-stream, is spoken here.")
OVERFLOW = Close(4000, "Too far behind.")


class Connection:
    """Carries one conversation over one websocket.

    One task reads and answers; another writes, and is the only one to do so. Dispatches are not queued here: the writer
    follows the session with a cursor, live and in a replay alike, so a slow client costs nothing but the session's
    memory.

    Attributes:
        conversation: what was said so far.
        seq: number of the last dispatch that was handed to the socket.
        client_close_code: with what the client closed, 1006 if it just went.
        ended: set by the server when the connection is over and its session is on its own.
    """

    def __init__(self, stream: trio.SocketStream, conversation: Conversation, compress_level: int, hub: Hub) -> None:
        """Take over a socket on which the client is about to begin its handshake."""
        self._stream = stream
        self._hub = hub
        self._websocket = ServerWebSocket()
        self._compress_level = compress_level
        self._encoder = FrameEncoder(compress_level=None)
        self._raw: list[bytes] = []
        self._controls: list[bytes] = []
        self._own: dict[int, bytes] = {}
        self._replay_until = 0
        self._closing: Close | None = None
        self._wake = trio.Event()
        self._peer_ended = trio.Event()
        self._scope = trio.CancelScope()
        self.conversation = conversation
        self.ended = trio.Event()
        self.seq = 0
        self.client_close_code = NO_CODE

    @property
    def shard(self) -> int | None:
        """Number of the shard, None before the client has identified."""
        return self.conversation.session.shard if self.conversation.session else None

    @property
    def backlog(self) -> int:
        """Number of dispatches that wait for this connection."""
        session = self.conversation.session
        return session.last_seq - self.seq if session and not self._closing else 0

    async def run(self, first: bytes) -> None:
        """Serve the client until either side ends it; `first` is what was read of the handshake already."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._read, first)
                    await self._write()
                    nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            # The client is gone, or `hang_up` has closed the socket under both tasks: this is how connections end.
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
        self._stream.socket.close()

    async def _read(self, first: bytes) -> None:
        data: bytes | bytearray = first
        while data and not self._peer_ended.is_set():
            received = self._websocket.receive(bytes(data))
            self._raw.append(received.reply)
            if received.target is not None:
                self._begin(received.target)
            for message in received.messages:
                self._follow(self.conversation.receive(message, trio.current_time()))
            if received.close_code is not None:
                self.client_close_code = received.close_code
                break
            self.wake()
            data = await self._stream.receive_some()
        self._peer_ended.set()
        self.close(GONE)

    def _begin(self, target: str) -> None:
        """Say HELLO in the way that the client's query asks for."""
        query = dict(parse_qsl(urlsplit(target).query))
        compression = query.get("compress")
        if query.get("v", str(GATEWAY_VERSION)) != str(GATEWAY_VERSION):
            self.close(INVALID_VERSION)
        elif query.get("encoding", "json") != "json" or compression not in {None, "zlib-stream"}:
            self.close(UNSUPPORTED)
        else:
            self._encoder = FrameEncoder(compress_level=self._compress_level if compression else None)
            self.send_control(self.conversation.hello())

    def _follow(self, answer: Answer | None) -> None:
        match answer:
            case bytes():
                self.send_control(answer)
            case Close():
                self.close(answer)
            case Attach():
                self._attach(answer)

    def _attach(self, attach: Attach) -> None:
        session = attach.session
        self.seq = attach.seq
        self._replay_until = session.last_seq
        self._hub.attached(self, session, fresh=attach.fresh)
        if not attach.fresh:
            resumed = session.dispatch_unseen(RESUMED)
            self._own[session.last_seq] = resumed
            self._hub.record(session, [resumed])
        self.wake()

    async def _write(self) -> None:
        while not self._closing:
            self._wake = trio.Event()
            data = self._next_controls() or self._next_dispatches()
            if data:
                await self._stream.send_all(data)
                self._hub.progressed()
            else:
                await self._wake.wait()
        goodbye = b"" if self._peer_ended.is_set() else self._websocket.close(self._closing.code, self._closing.reason)
        await self._stream.send_all(self._next_controls() + goodbye)
        await self._peer_ended.wait()

    def _next_controls(self) -> bytes:
        """Take all frames that go ahead of dispatches. Nothing but the handshake may go before HELLO."""
        data = b"".join(self._raw) + self._encoder.encode(self._controls)
        self._raw.clear()
        self._controls.clear()
        return data

    def _next_dispatches(self) -> bytes:
        """Take the next dispatches of the session, and write replayed ones to the ledger."""
        session = self.conversation.session
        if session is None or not self.backlog:
            return b""
        if not session.can_resume(self.seq):
            self._hub.registry.end(session)
            self.close(OVERFLOW)
            return b""
        replay = self.seq < self._replay_until
        limit = min(FRAMES_A_SEND, self._replay_until - self.seq) if replay else FRAMES_A_SEND
        frames = session.after(self.seq, limit)
        self.seq += len(frames)
        session.sent_seq = max(session.sent_seq, self.seq)
        if UNSEEN in frames:
            frames = self._fill_in(frames)
        if replay:
            self._hub.record(session, frames, replay=True)
        return self._encoder.encode(frames)

    def _fill_in(self, frames: list[bytes]) -> list[bytes]:
        """Put this connection's own RESUMED in its place, and drop those of earlier connections."""
        first = self.seq - len(frames) + 1
        numbered = ((seq, frame or self._own.get(seq)) for seq, frame in enumerate(frames, first))
        return [frame for _, frame in numbered if frame]
