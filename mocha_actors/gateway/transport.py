"""One websocket connection to the gateway, on trio-websocket.

The library's defaults do not fit this protocol, so that everything is said explicitly: its message limit of 1 MiB would close with 1009 on a
large GUILD_CREATE; its context managers close with 1000, which makes Discord forget the session; its close waits 60 s for a dead peer.
Here every way out closes with :data:`.close_codes.RESUMABLE`, waits a second at most, and then drops the stream.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import h11
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream
from wsproto.utilities import LocalProtocolError, ProtocolError

from mocha_actors.discord.blocks import Block
from mocha_actors.errors import TransientError
from mocha_actors.gateway.address import Compression, gateway_address
from mocha_actors.gateway.close_codes import RESUMABLE
from mocha_actors.gateway.coalescing import FRAME_LIMIT, BrokenFramingError, CoalescingStream, UpgradeError
from mocha_actors.gateway.compression import BlockDecoder, block_decoder

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for name, TCP, TLS and upgrade together."""

CLOSE_TIMEOUT: Final = 1.0
"""Seconds to wait for the peer's half of the closing handshake."""

SEND_TIMEOUT: Final = 0.1
"""Seconds to get the close frame out when its answer cannot be waited for."""

MESSAGE_QUEUE: Final = 1024
"""Runs that may wait between the websocket's reader and ours. What bounds them is their bytes, see :class:`.CoalescingStream`; this, only a peer
that sends nothing but tiny messages of two kinds in turn."""

LARGE_MESSAGE: Final = 256 << 10
"""Bytes of a compressed message that is inflated on a thread. Inflating releases the interpreter's lock, so that meanwhile the loop goes on:
for a guild of 50,000 members (26 MB) it takes 55 ms."""

PEER_ERRORS: Final = (UpgradeError, BrokenFramingError, ssl.SSLError, h11.ProtocolError, ProtocolError)
"""What the websocket's reader raises because of what the peer sent, or when."""


class ConnectError(TransientError):
    """No connection came about: name, network, TLS, an HTTP refusal or a time-out."""


class Disconnected(TransientError):
    """The connection is over.

    Attributes:
        code: the peer's close code; None when it sent none.

    """

    def __init__(self, code: int | None) -> None:
        """``code`` as the websocket library names it: 1005 and 1006 stand for no code at all."""
        self.code = None if code in (1005, 1006) else code
        super().__init__(
            "the connection was lost" if self.code is None else f"the gateway closed with code {self.code}"
        )


class Transport:
    """An open connection: blocks in, payloads out.

    Attributes:
        close_code: to close with; one that keeps the session, unless that is not wanted.

    """

    def __init__(self, connection: WebSocketConnection, stream: CoalescingStream, decoder: BlockDecoder) -> None:
        """Made by :func:`open_transport`."""
        self._connection, self._stream, self._decoder = connection, stream, decoder
        self.close_code = RESUMABLE

    async def receive(self) -> Block:
        """The next block: the JSON documents of one run of frames, one a line. Safe to cancel: nothing is lost.

        Raises:
            Disconnected: the connection is over and everything it brought was received.
            InflateError: the compressed stream is damaged.

        """
        while True:
            try:
                message = await self._connection.get_message()
            except ConnectionClosed as closed:
                raise Disconnected(closed.reason.code if closed.reason else None) from None
            # Joined frames come as bytes. A str is a fragmented message, or plain text on a compressed connection.
            data = message.encode() if isinstance(message, str) else message
            self._stream.taken(len(data))
            block: Block = data if isinstance(message, str) else await self._decoded(data)
            if block:
                return block

    async def _decoded(self, message: bytes) -> Block:
        """The documents that ``message`` completed. A large one lets others have their turn, and is not given up half-way."""
        if len(message) < LARGE_MESSAGE or not self._decoder.inflates:
            return self._decoder.feed(message)
        with trio.CancelScope(shield=True):
            block = await trio.to_thread.run_sync(self._decoder.feed, message)
        return block  # noqa: RET504  # a scope could swallow the end of its block, as far as types know

    async def send(self, payload: bytes) -> None:
        """Send one payload as a text message. Raises Disconnected when the connection is over."""
        try:
            await self._connection.send_message(payload.decode())
        except ConnectionClosed as closed:
            raise Disconnected(closed.reason.code if closed.reason else None) from None
        except LocalProtocolError:  # the library closes already, because of what the peer sent, and has not said so yet
            raise Disconnected(None) from None

    async def close(self) -> None:
        """Close, with :attr:`close_code`; returns within :data:`CLOSE_TIMEOUT`, cancelled or not, whatever the peer does."""
        # When we are cancelled, so is the library's reader, and nobody would notice the peer's answer.
        cancelled = trio.current_effective_deadline() == -math.inf
        wait = SEND_TIMEOUT if cancelled else CLOSE_TIMEOUT
        self._stream.throw_away()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + wait):
            await self._connection.aclose(self.close_code)
        # The library leaves the stream open when the peer closed first. A cancellation here would take the place of the error we leave with.
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self._stream)


@asynccontextmanager
async def open_transport(url: str, compression: Compression) -> AsyncIterator[Transport]:
    """Connect to gateway ``url``, and close resumably on every way out.

    Raises:
        BadAddressError: the address must not be dialled.
        BrokenFramingError: the peer's bytes cannot be followed any more.
        ConnectError: there is no connection within :data:`CONNECT_TIMEOUT`.

    """
    address = gateway_address(url, compression)
    connected = leaving = False
    try:
        async with trio.open_nursery() as nursery:
            transport = await _dial(nursery, address, block_decoder(compression))
            connected = True
            try:
                yield transport
            finally:
                leaving = not nursery.cancel_scope.cancel_called
                await transport.close()
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        _, others = group.split(PEER_ERRORS)
        if others is not None:
            raise _cause_of(others) from None
        if not leaving:  # else nobody listens any more: whatever the peer still sends says nothing
            raise _peer_error(_cause_of(group), connected=connected) from None


async def _dial(nursery: trio.Nursery, address: str, decoder: BlockDecoder) -> Transport:
    """Open TCP, TLS and websocket. Raises ConnectError."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
    try:
        with trio.fail_after(CONNECT_TIMEOUT):
            tcp = await trio.open_tcp_stream(host, port)
            stream = await _encrypted(tcp, host) if parts.scheme == "wss" else tcp
            return await _upgrade(nursery, stream, parts.netloc, f"{parts.path}?{parts.query}", decoder)
    except trio.TooSlowError:
        msg = f"{host}:{port} did not answer within {CONNECT_TIMEOUT:.0f} s"
        raise ConnectError(msg) from None
    except OSError as error:
        msg = f"cannot connect to {host}:{port}: {error}"
        raise ConnectError(msg) from error


async def _upgrade(
    nursery: trio.Nursery, stream: trio.abc.Stream, host: str, resource: str, decoder: BlockDecoder
) -> Transport:
    """The websocket handshake over ``stream``, which is closed unless a transport comes of it."""
    joined = CoalescingStream(stream, joins=decoder.joins, separator=decoder.separator)
    try:
        connection = await wrap_client_stream(
            nursery, joined, host, resource,  # type: ignore[arg-type]  # any stream will do, as its documentation says
            max_message_size=2 * FRAME_LIMIT, message_queue_size=MESSAGE_QUEUE, receive_buffer_size=None,
        )  # fmt: skip
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return Transport(connection, joined, decoder)


async def _encrypted(tcp: trio.SocketStream, host: str) -> trio.SSLStream[trio.SocketStream]:
    """TLS over ``tcp`` with the system's certificates and host name checks. Raises ConnectError when that fails.

    The handshake is made here: inside trio-websocket its failure would go unnoticed until the time-out, and its reason be lost.
    """
    stream = trio.SSLStream(tcp, ssl.create_default_context(), server_hostname=host, https_compatible=True)
    try:
        await stream.do_handshake()
    except BaseException as error:
        await trio.aclose_forcefully(stream)
        if isinstance(error, trio.BrokenResourceError):
            msg = f"no encrypted connection to {host}: {error.__cause__ or error}"
            raise ConnectError(msg) from error
        raise
    return stream


def _cause_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a nursery's group stands for."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _peer_error(error: BaseException, *, connected: bool) -> TransientError:
    """What the websocket's reader raised, in words of ours: the libraries' own may quote the peer's bytes."""
    if isinstance(error, BrokenFramingError):
        return error
    reason = (
        str(error) if isinstance(error, UpgradeError | ssl.SSLError) else f"{type(error).__name__} in the websocket"
    )
    return (
        BrokenFramingError(f"the connection broke: {reason}")
        if connected
        else ConnectError(f"the handshake failed: {reason}")
    )
