"""The transport over real sockets on the loopback, against trio-websocket's server and against servers that misbehave."""

from __future__ import annotations

import random
import threading
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from hashlib import sha1

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket
from wsproto.utilities import LocalProtocolError

from mocha_actors.gateway import transport as module
from mocha_actors.gateway.address import BadAddressError
from mocha_actors.gateway.coalescing import BrokenFramingError
from mocha_actors.gateway.compression import block_decoder
from mocha_actors.gateway.transport import ConnectError, Disconnected, Transport, open_transport
from tests.end_to_end.network import Network

PATIENCE = 60.0
"""Seconds on the wall after which something hangs; a busy machine may take some of them for nothing."""


class Server:
    """A websocket server for one connection; remembers how it ended."""

    def __init__(self, talk: Callable[[WebSocketConnection], Awaitable[None]]) -> None:
        self.talk = talk
        self.codes: list[int | None] = []
        self.paths: list[str] = []
        self.url = ""
        self.ended = trio.Event()

    async def serve(self, request: WebSocketRequest) -> None:
        """One connection: talk, then wait for its end."""
        self.paths.append(request.path)
        connection = await request.accept()
        try:
            await self.talk(connection)
            while True:
                await connection.get_message()
        except ConnectionClosed as closed:
            self.codes.append(closed.reason.code if closed.reason else None)
        finally:
            self.ended.set()


async def silent(connection: WebSocketConnection) -> None:
    """Say nothing."""


@asynccontextmanager
async def serving(talk: Callable[[WebSocketConnection], Awaitable[None]] = silent) -> AsyncIterator[Server]:
    """A running server."""
    server = Server(talk)
    async with trio.open_nursery() as nursery:
        listening = await nursery.start(serve_websocket, server.serve, "127.0.0.1", 0, None)
        server.url = f"ws://127.0.0.1:{listening.port}"
        yield server
        with trio.fail_after(PATIENCE):
            await server.ended.wait()
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def raw_server(handle: Callable[[trio.SocketStream], Awaitable[None]]) -> AsyncIterator[str]:
    """A TCP server; its address as a gateway's."""
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, handle, [listener])
        yield f"ws://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


def accepted(request: bytes) -> bytes:
    """The answer that upgrades."""
    key = bytes(request).split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    accept = b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest())
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    return upgrade + accept + b"\r\n\r\n"


@asynccontextmanager
async def listening(answer: bytes | None) -> AsyncIterator[str]:
    """A TCP server that answers a request with these bytes and closes; None says nothing and stays."""

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            if answer is None:
                await trio.sleep_forever()
            await stream.send_all(answer)

    async with raw_server(handle) as url:
        yield url


async def test_the_address_carries_version_and_compression() -> None:
    """Both ends must agree before the first byte."""
    async with serving() as server, open_transport(server.url, "zlib-stream"):
        pass

    assert ["/?v=10&encoding=json&compress=zlib-stream"] == server.paths


async def test_leaving_closes_with_a_code_that_keeps_the_session() -> None:
    """Not with the library's 1000."""
    async with serving() as server, open_transport(server.url, "none"):
        pass

    assert [4900] == server.codes


async def test_an_exception_closes_resumably_and_comes_out_as_it_is() -> None:
    """No group, no other error in its place."""
    async with serving() as server:
        with pytest.raises(ZeroDivisionError):
            async with open_transport(server.url, "none"):
                raise ZeroDivisionError

    assert [4900] == server.codes


async def test_cancellation_closes_resumably() -> None:
    """A restart, a stop, a signal."""
    async with serving() as server:
        with trio.CancelScope() as scope:
            async with open_transport(server.url, "none") as transport:
                scope.cancel()
                await transport.receive()

    assert [4900] == server.codes


async def test_a_dead_peer_delays_the_close_by_a_second_at_most(
    network: Network, autojump_clock: trio.abc.Clock
) -> None:
    """The library would wait for 60."""

    async def handle(stream: trio.SocketStream) -> None:
        await stream.send_all(accepted(await stream.receive_some()))
        await trio.sleep_forever()

    async with raw_server(handle) as url:
        async with open_transport(url, "none"):
            start = trio.current_time()
        assert module.CLOSE_TIMEOUT == pytest.approx(trio.current_time() - start)


async def test_what_was_sent_before_a_close_is_received_before_it() -> None:
    """And the code is the server's."""

    async def talk(connection: WebSocketConnection) -> None:
        for number in range(100):
            await connection.send_message(f'{{"n":{number}}}')
        await connection.aclose(4009)

    found: list[bytes] = []
    async with serving(talk) as server, open_transport(server.url, "none") as transport:
        with pytest.raises(Disconnected) as ended:
            while True:
                found += (await transport.receive()).split(b"\n")

    assert [b'{"n":%d}' % number for number in range(100)] == found
    assert 4009 == ended.value.code


async def test_a_large_document_comes_whole() -> None:
    """A GUILD_CREATE may have tens of megabytes; the library's default limit is one."""
    document = '{"d":"' + "x" * (5 << 20) + '"}'

    async def talk(connection: WebSocketConnection) -> None:
        await connection.send_message(document)

    async with serving(talk) as server, open_transport(server.url, "none") as transport:
        assert document.encode() == await transport.receive()


async def test_compressed_documents_and_plain_text_between_them() -> None:
    """Text on a compressed connection is accepted as it is."""

    async def talk(connection: WebSocketConnection) -> None:
        context = zlib.compressobj()
        await connection.send_message(context.compress(b'{"t":1}') + context.flush(zlib.Z_SYNC_FLUSH))
        await connection.send_message('{"plain":1}')
        await connection.send_message(context.compress(b'{"t":2}') + context.flush(zlib.Z_SYNC_FLUSH))

    async with serving(talk) as server, open_transport(server.url, "zlib-stream") as transport:
        assert [b'{"t":1}', b'{"plain":1}', b'{"t":2}'] == [await transport.receive() for _ in range(3)]


async def test_pings_are_answered() -> None:
    """By the library, while we wait for a message."""
    answered = trio.Event()

    async def talk(connection: WebSocketConnection) -> None:
        with suppress(ConnectionClosed):
            await connection.ping(b"are you there")
            answered.set()

    async with serving(talk) as server, open_transport(server.url, "none"):
        with trio.fail_after(PATIENCE):
            await answered.wait()


async def test_pings_are_answered_while_nobody_takes_what_came_before() -> None:
    """A2.20: a hundred runs wait, each sent by itself, and a ping behind them is answered all the same."""
    answered = trio.Event()

    async def talk(connection: WebSocketConnection) -> None:
        with suppress(ConnectionClosed):
            for number in range(100):
                await connection.send_message(f'{{"op":0,"s":{number}}}')
                await connection.ping(b"behind it")
            answered.set()

    async with serving(talk) as server, open_transport(server.url, "none") as transport:
        with trio.fail_after(PATIENCE):
            await answered.wait()
            assert b'"s":0' in await transport.receive()


async def test_reading_stops_at_a_limit_in_bytes_and_goes_on_below_it() -> None:
    """Ten megabytes are not all taken off the socket while nobody takes them; afterwards all of them come."""
    sent = 0

    async def talk(connection: WebSocketConnection) -> None:
        nonlocal sent
        with suppress(ConnectionClosed):
            for number in range(1000):
                await connection.send_message(f'{{"s":{number},"d":"{"x" * 100_000}"}}')
                sent += 1

    async with serving(talk) as server, open_transport(server.url, "none") as transport:
        with trio.fail_after(PATIENCE):
            before = -1
            while before != sent:
                before = sent
                await trio.sleep(0.3)
            assert sent < 500
            lines: list[bytes] = []
            while len(lines) < 1000:
                lines += (await transport.receive()).split(b"\n")
    assert [b'{"s":%d,' % number for number in range(1000)] == [line[: line.index(b",") + 1] for line in lines]


async def test_a_large_message_is_inflated_beside_the_loop_and_not_lost_to_a_cancellation() -> None:
    """While it is, others have their turn; whoever stops waiting for it meanwhile gets it all the same."""
    text = b'{"d":"%s"}' % bytes(random.Random(1).choices(b"abcdefghijklmnop", k=2_000_000))
    deflated = zlib.compressobj()
    data = deflated.compress(text) + deflated.flush(zlib.Z_SYNC_FLUSH)
    assert len(data) > module.LARGE_MESSAGE
    threads: set[int] = set()

    async def talk(connection: WebSocketConnection) -> None:
        await connection.send_message(data)

    async with serving(talk) as server, open_transport(server.url, "zlib-stream") as transport:
        feed = transport._decoder.feed

        def watched(message: bytes) -> bytes:
            threads.add(threading.get_ident())
            trio.from_thread.run_sync(scope.cancel)
            return feed(message)

        transport._decoder.feed = watched  # type: ignore[method-assign]
        with trio.fail_after(PATIENCE), trio.CancelScope() as scope:
            block = await transport.receive()
    assert text == block
    assert threading.get_ident() not in threads


async def test_sending_on_a_closed_connection_is_disconnected() -> None:
    """With the server's code, as receiving."""

    async def talk(connection: WebSocketConnection) -> None:
        await connection.aclose(4000)

    async with serving(talk) as server, open_transport(server.url, "none") as transport:
        with pytest.raises(Disconnected):
            await transport.receive()
        with pytest.raises(Disconnected):
            await transport.send(b"{}")


@pytest.mark.parametrize("raises", [False, True])
async def test_a_ping_while_we_close_is_no_error(raises: bool) -> None:
    """The library cannot answer it any more. That is nobody's news, however we leave."""

    async def handle(stream: trio.SocketStream) -> None:
        await stream.send_all(accepted(await stream.receive_some()))
        await stream.receive_some()
        with suppress(trio.BrokenResourceError):
            await stream.send_all(b"\x89\x0cpeer's bytes")
        await trio.sleep_forever()

    async with raw_server(handle) as url:
        with pytest.raises(ZeroDivisionError) if raises else nullcontext():
            async with open_transport(url, "none"):
                if raises:
                    raise ZeroDivisionError


async def test_no_error_quotes_the_peer() -> None:
    """What it sends is not ours to print: neither in the place of a status, nor as a protocol that the library does not know."""

    async def handle(stream: trio.SocketStream) -> None:
        upgrade = accepted(await stream.receive_some())
        await stream.send_all(upgrade[:-2] + b"Sec-WebSocket-Protocol: peer\r\n\r\n")
        await trio.sleep_forever()

    for server in (listening(b"HTTP/1.1 peer's bytes\r\n\r\n"), raw_server(handle)):
        async with server as url:
            with trio.fail_after(PATIENCE), pytest.raises(ConnectError) as raised:
                async with open_transport(url, "none"):
                    pass
        assert "peer" not in str(raised.value)


async def test_sending_while_the_library_closes_is_disconnected() -> None:
    """What the peer sent can make it close by itself; a heartbeat that comes just then meets that."""

    class ClosingConnection:
        async def send_message(self, message: str) -> None:
            raise LocalProtocolError(f"Event {message} cannot be sent in state ConnectionState.LOCAL_CLOSING.")

    transport = Transport(ClosingConnection(), None, block_decoder("none"))  # type: ignore[arg-type]
    with pytest.raises(Disconnected) as ended:
        await transport.send(b"{}")

    assert None is ended.value.code


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nlate",
        b"HTTP/1.1 302 Found\r\nLocation: wss://evil.test/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
    ],
)
async def test_a_refused_upgrade_is_a_connect_error_with_its_status(answer: bytes) -> None:
    """A redirect is not followed."""
    async with listening(answer) as url:
        with pytest.raises(ConnectError, match=answer.split()[1].decode()):
            async with open_transport(url, "none"):
                pass


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
async def test_whatever_else_answers_is_an_error_and_no_hang(answer: bytes) -> None:
    """Nothing, another protocol, half an upgrade."""
    async with listening(answer) as url:
        with trio.fail_after(PATIENCE), pytest.raises((ConnectError, BrokenFramingError)):
            async with open_transport(url, "none"):
                pass


async def test_a_server_that_says_nothing_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """For ever is how long other clients wait."""
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.1)
    async with listening(None) as url:
        with pytest.raises(ConnectError, match="did not answer"):
            async with open_transport(url, "none"):
                pass


async def test_a_closed_port_is_a_connect_error() -> None:
    """Nobody listens."""
    with pytest.raises(ConnectError, match="cannot connect to 127.0.0.1:9"):
        async with open_transport("ws://127.0.0.1:9", "none"):
            pass


async def test_an_unencrypted_address_elsewhere_is_not_dialled() -> None:
    """The token would be readable on the way."""
    with pytest.raises(BadAddressError):
        async with open_transport("ws://192.0.2.1", "none"):
            pass
