"""The limit: one loop that receives, inflates, decodes, counts and commits, with a blocking socket and no actors. Usage: limit.py GATEWAY_URL TOKEN COUNT COMPRESSION.

It parses frames as little as can be, decodes with Mocha's decoder, and writes Mocha's tables, 5,000 messages a transaction; see :mod:`straight`. It answers
nothing, beats no heart, and could not go on after a crash.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import zstandard
from straight import Straight

from mocha_actors.discord.decode import EventDecoder
from mocha_actors.discord.events import MessageCreate
from mocha_actors.gateway.coalescing import BINARY, TEXT
from mocha_actors.processors.message import HANDLES, sent

GROUP: Final = 5_000
INTENTS: Final = 1 | 1 << 9
"""GUILDS and GUILD_MESSAGES."""


def connect(url: str, compression: str) -> tuple[socket.socket, bytearray]:
    """A socket after the upgrade, and what was received behind the answer."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    wire = socket.create_connection((parts.hostname, parts.port or 80))
    query = "v=10&encoding=json" + ("" if compression == "none" else f"&compress={compression}")
    key = base64.b64encode(os.urandom(16)).decode()
    wire.sendall(
        f"GET /?{query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    received = bytearray()
    while b"\r\n\r\n" not in received:
        received += wire.recv(4096)
    return wire, received.partition(b"\r\n\r\n")[2]


def send(wire: socket.socket, payload: bytes) -> None:
    """A masked frame, with a mask of nothing."""
    wire.sendall(bytes((TEXT, 0x80 | 126)) + len(payload).to_bytes(2) + bytes(4) + payload)


def runs(wire: socket.socket, buffer: bytearray) -> Iterator[list[bytes]]:
    """The payloads of each read."""
    while True:
        found, start, end = [], 0, len(buffer)
        view = bytes(buffer)
        while end - start >= 4:
            length, body = view[start + 1], start + 2
            if length == 126:
                length, body = int.from_bytes(view[body : body + 2]), body + 2
            elif length == 127:
                length, body = int.from_bytes(view[body : body + 8]), body + 8
            if body + length > end:
                break
            if view[start] in {TEXT, BINARY}:
                found.append(view[body : body + length])
            start = body + length
        del buffer[:start]
        if found:
            yield found
        data = wire.recv(256 << 10)
        if not data:
            return
        buffer += data


def inflater(compression: str) -> Callable[[bytes], bytes]:
    """What is done with each payload."""
    if compression == "zlib-stream":
        return zlib.decompressobj().decompress
    if compression == "zstd-stream":
        return zstandard.ZstdDecompressor().decompressobj().decompress
    return bytes


def main(url: str, token: str, count: int, compression: str) -> None:
    """From HELLO to the commit of message number ``count``."""
    wire, buffer = connect(url, compression)
    database, decoder, inflate = Straight(Path("limit.db").absolute()), EventDecoder(HANDLES), inflater(compression)
    identify = {
        "token": token,
        "intents": INTENTS,
        "properties": {"os": "linux", "browser": "limit", "device": "limit"},
    }
    send(wire, json.dumps({"op": 2, "d": identify}).encode())
    waiting: list[Any] = []
    received = 0
    for run in runs(wire, buffer):
        for piece in decoder.decode(b"\n".join(map(inflate, run))).pieces:
            if not isinstance(piece, list):
                continue
            for event in piece:
                if isinstance(event, MessageCreate):
                    received += 1
                    waiting += sent(event.d)
                elif event.t == "READY":
                    print("ready", flush=True)
        if len(waiting) >= GROUP or (waiting and received >= count):
            database.write(waiting)
            waiting = []
        if received >= count:
            print(time.time(), flush=True)
            sys.stdin.readline()  # its meter is read before it ends
            return
    sys.exit("the limit: the connection ended before the last message")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
