"""A gateway that does nothing but send: frames made beforehand, as fast as the socket takes them.

Usage: sender.py COUNT COMPRESSION. It prints its port. Each connection is upgraded and greeted with HELLO; whatever the client says then starts
READY and COUNT messages.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import sys
import time

from mocha_actors.simulator.compression import STREAMS
from mocha_actors.simulator.traffic import MessageStream
from mocha_actors.simulator.world import build_world

TEXT, BINARY = 0x81, 0x82
ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3

HELLO = b'{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250}}'
READY = b'{"t":"READY","s":1,"op":0,"d":{"session_id":"x","resume_gateway_url":"ws://127.0.0.1","user":{"id":"1"},"guilds":[]}}'


def frame(kind: int, payload: bytes) -> bytes:
    """An unfragmented websocket frame of a server."""
    size = len(payload)
    if size < 126:
        return bytes((kind, size)) + payload
    if size < 1 << 16:
        return bytes((kind, 126)) + size.to_bytes(2) + payload
    return bytes((kind, 127)) + size.to_bytes(8) + payload


def stream(count: int, compression: str) -> tuple[bytes, bytes]:
    """What is sent before the client speaks, and after."""
    events = MessageStream(build_world(1, 3, 1), 1).take(count, time.time_ns() // 1_000_000)
    payloads = [HELLO, READY]
    payloads += [b'{"t":"MESSAGE_CREATE","s":%d,"op":0,"d":%b}' % (s, event.data) for s, event in enumerate(events, 2)]
    if compression == "none":
        frames = [frame(TEXT, payload) for payload in payloads]
    else:
        compress = STREAMS[compression](6 if compression == "zlib-stream" else 3)
        frames = [frame(BINARY, compress(payload)) for payload in payloads]
    return frames[0], b"".join(frames[1:])


def serve(connection: socket.socket, hello: bytes, messages: bytes) -> None:
    """One client, until it leaves."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(4096)
    key = next(
        line.split(b":")[1].strip() for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + ACCEPT).digest())  # noqa: S324  # as the protocol wants it
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + accept
        + b"\r\n\r\n"
    )
    connection.sendall(hello)
    connection.recv(4096)
    connection.sendall(messages)
    connection.recv(4096)  # it closes, and would wait for an answer


def main() -> None:
    """Listen, and serve one client after the other until killed."""
    hello, messages = stream(int(sys.argv[1]), sys.argv[2])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                serve(connection, hello, messages)
            except ConnectionError:
                continue  # a client may leave in the middle


main()
