"""From websocket messages to blocks of JSON documents, one a line; one decoder for each connection.

Source: https://discord.com/developers/docs/events/gateway#encoding-and-compression
"""

from __future__ import annotations

import zlib
from typing import Final, Protocol

from mocha_actors.errors import TransientError
from mocha_actors.gateway.address import Compression
from mocha_actors.gateway.coalescing import BINARY, TEXT

OUTPUT_LIMIT: Final = 256 << 20
"""Bytes that may be inflated before a payload is complete: 200 MiB of zeros are 200 KB of zlib."""

SLICE: Final = 4 << 20
"""Bytes inflated by one call, so that the limit is noticed early."""

_SYNC_FLUSH: Final = b"\x00\x00\xff\xff"


class InflateError(TransientError):
    """The compressed stream is damaged or bursts its limit: its context is useless and the connection must be replaced."""


class BlockDecoder(Protocol):
    """How the messages of one connection become blocks.

    Attributes:
        joins: first byte of the frames that may be joined into one message.
        separator: what stands between joined payloads.

    """

    joins: int
    separator: bytes

    def feed(self, message: bytes) -> bytes:
        """The documents that ``message`` completed, separated by newlines; empty when it completed none."""


class PlainDecoder:
    """No compression: a run of text frames, joined by newlines, is a block already."""

    joins: int = TEXT
    separator: bytes = b"\n"

    def feed(self, message: bytes) -> bytes:
        """The message itself."""
        return message


class ZlibStreamDecoder:
    """``zlib-stream``: one context for the connection; a message of Discord's ends with a sync flush.

    What is inflated is held back until the compressed bytes end with the flush and the text with a brace, so that a payload may be spread over
    any number of messages, and end by chance in the bytes of a flush.
    """

    joins: int = BINARY
    separator: bytes = b""

    def __init__(self) -> None:
        self._context = zlib.decompressobj()
        self._tail = b""
        self._pending: list[bytes] = []
        self._pending_size = 0

    def feed(self, message: bytes) -> bytes:
        """Inflate a message, or several joined ones.

        Documents follow each other without separator. They are parted at ``}{"t":``, which no JSON document contains: inside a string its quote
        would end the string. A document that does not begin with ``t`` stays attached to its neighbour, and the decoder parts them.

        Raises:
            InflateError: the bytes are no zlib, or inflate to more than :data:`OUTPUT_LIMIT`.

        """
        self._inflate(message)
        self._tail = (self._tail + message[-4:])[-4:]
        if self._tail != _SYNC_FLUSH or not self._pending or not self._pending[-1].endswith(b"}"):
            return b""
        block = b"".join(self._pending)
        self._pending, self._pending_size = [], 0
        return block.replace(b'}{"t":', b'}\n{"t":')

    def _inflate(self, data: bytes) -> None:
        try:
            while True:
                output = self._context.decompress(data, SLICE)
                self._keep(output)
                data = self._context.unconsumed_tail
                if not data and len(output) < SLICE:
                    break
        except zlib.error as error:
            msg = f"the zlib stream is damaged: {error}"
            raise InflateError(msg) from None
        if self._context.eof:
            msg = "the zlib stream ended, which a connection's never does"
            raise InflateError(msg)

    def _keep(self, output: bytes) -> None:
        if output:
            self._pending.append(output)
            self._pending_size += len(output)
        if self._pending_size > OUTPUT_LIMIT:
            msg = f"a payload inflates to more than {OUTPUT_LIMIT} bytes"
            raise InflateError(msg)


def block_decoder(compression: Compression) -> BlockDecoder:
    """A fresh decoder: contexts are never shared and never survive a connection."""
    return ZlibStreamDecoder() if compression == "zlib-stream" else PlainDecoder()
