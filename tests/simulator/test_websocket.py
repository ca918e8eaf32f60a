"""Rules of `mocha_actors.simulator.websocket`: what it writes, a client by wsproto reads, and the other way round."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    Request,
    TextMessage,
)

from mocha_actors.simulator.compression import zlib_stream
from mocha_actors.simulator.websocket import FrameEncoder, ServerWebSocket


def shake_hands() -> tuple[WSConnection, ServerWebSocket]:
    """Connect a client to a server."""
    client, server = WSConnection(ConnectionType.CLIENT), ServerWebSocket()
    received = server.receive(client.send(Request(host="localhost", target="/?v=10")))
    assert received.target == "/?v=10"
    client.receive_data(received.reply)
    assert [type(event) for event in client.events()] == [AcceptConnection]
    return client, server


def read(client: WSConnection, data: bytes) -> list[bytes]:
    """Return the whole messages that a client finds in some bytes."""
    client.receive_data(data)
    messages, partial = [], b""
    for event in client.events():
        assert isinstance(event, (TextMessage, BytesMessage))
        partial += event.data.encode() if isinstance(event.data, str) else bytes(event.data)
        if event.message_finished:
            messages.append(partial)
            partial = b""
    return messages


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_frames_of_every_length_are_read(size: int) -> None:
    """The three spellings of a length are used at the limits of RFC 6455."""
    client, _ = shake_hands()
    payloads = [b"a" * size, b"next"]
    assert read(client, FrameEncoder().encode(payloads)) == payloads


@given(st.lists(st.lists(st.binary(max_size=300), max_size=5), max_size=5), st.integers(0, 9))
def test_a_zlib_stream_is_one_stream_flushed_at_each_payload(runs: list[list[bytes]], level: int) -> None:
    """Each payload ends in 00 00 ff ff and is readable with what came before, at every level."""
    client, _ = shake_hands()
    encoder, inflate = FrameEncoder(zlib_stream(level)), zlib.decompressobj()
    for run in runs:
        messages = read(client, encoder.encode(run))
        assert all(message.endswith(b"\x00\x00\xff\xff") for message in messages)
        assert [inflate.decompress(message) for message in messages] == run


def test_messages_of_a_client_are_put_together() -> None:
    """A message may come in fragments, and several in one run of bytes."""
    client, server = shake_hands()
    data = client.send(TextMessage("he", message_finished=False)) + client.send(TextMessage("llo"))
    received = server.receive(data + client.send(BytesMessage(b"x")))
    assert received.messages == [b"hello", b"x"]


def test_a_ping_is_answered() -> None:
    """With a pong of the same contents."""
    client, server = shake_hands()
    client.receive_data(server.receive(client.send(Ping(b"abc"))).reply)
    assert list(client.events()) == [Pong(b"abc")]


def test_a_close_of_the_client_is_told_and_answered() -> None:
    """The code is what the client gave, and the answer repeats it."""
    client, server = shake_hands()
    received = server.receive(client.send(CloseConnection(4900)))
    assert received.close_code == 4900
    client.receive_data(received.reply)
    assert [event.code for event in client.events() if isinstance(event, CloseConnection)] == [4900]


def test_a_close_of_the_server_carries_code_and_reason() -> None:
    """The client reads both."""
    client, server = shake_hands()
    client.receive_data(server.close(4004, "Authentication failed."))
    assert list(client.events()) == [CloseConnection(4004, "Authentication failed.")]


def test_an_answer_to_a_close_of_the_server_is_not_answered() -> None:
    """A close has one answer."""
    client, server = shake_hands()
    client.receive_data(server.close(4000, ""))
    (closed,) = client.events()
    assert isinstance(closed, CloseConnection)

    received = server.receive(client.send(closed.response()))
    assert (received.close_code, received.reply) == (4000, b"")


def test_nonsense_ends_the_connection() -> None:
    """Bytes that are no frame of a client are a protocol error."""
    _, server = shake_hands()
    assert server.receive(b"\xff\xff\xff\xff").close_code == 1002


def test_a_bad_handshake_is_refused() -> None:
    """An upgrade without a key gets an HTTP error."""
    received = ServerWebSocket().receive(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    )
    assert received.target is None
    assert received.reply.startswith(b"HTTP/1.1 4")
