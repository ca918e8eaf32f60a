"""From websocket messages to blocks of JSON documents, one a line; one decoder for each connection.

Source: https://discord.com/developers/docs/events/gateway#encoding-and-compression
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from secrets import token_bytes
from typing import Final, Protocol

import zstandard

from mocha_actors.discord.blocks import Block, joined
from mocha_actors.errors import TransientError
from mocha_actors.gateway.address import Compression
from mocha_actors.gateway.coalescing import BINARY, TEXT

OUTPUT_LIMIT: Final = 256 << 20
"""Bytes that a run of frames, with what it continues, may inflate to: 200 MiB of zeros are 200 KB of zlib."""

SLICE: Final = 4 << 20
"""Bytes that one call takes out of a zlib stream, so that the limit is noticed early."""

ZLIB_SLICE: Final = 64 << 10
"""Bytes that one call puts into a zlib stream: most of them come out as half a megabyte, so that a large document is never there twice."""

ZSTD_SLICE: Final = 1 << 10
"""Bytes that one call puts into a zstd stream, whose output cannot be limited: four bytes are 128 KiB at most, so these are 32 MiB."""

ZSTD_WINDOW: Final = 8 << 20
"""Bytes of the largest window: RFC 8878, section 3.1.1.1.2, asks receivers to support it and senders not to exceed it."""

SEPARATOR_BYTES: Final = 16
"""Random bytes between joined messages: compressed data will not contain them."""


class InflateError(TransientError):
    """The compressed stream is damaged or bursts its limit: its context is useless and the connection must be replaced."""


class BlockDecoder(Protocol):
    """How the messages of one connection become blocks.

    Attributes:
        joins: first byte of the frames that may be joined into one message.
        separator: what stands between joined payloads.
        inflates: whether :meth:`feed` has any work to do; it may then be called on a thread.

    """

    joins: int
    separator: bytes
    inflates: bool

    def feed(self, message: bytes) -> Block:
        """The documents that ``message`` completed, separated by newlines; empty when it completed none."""


class PlainDecoder:
    """No compression: a run of text frames, joined by newlines, is a block already."""

    joins: int = TEXT
    separator: bytes = b"\n"
    inflates: bool = False

    def feed(self, message: bytes) -> bytes:
        """The message itself."""
        return message


class _StreamDecoder:
    """What both compressions share: a context for the connection, and payloads that may be spread over any number of messages.

    Joined messages are parted again at a separator that the sender cannot know. A payload is complete when its compressed bytes end with
    :attr:`ending` and its text with a brace; what is not waits for the rest.
    """

    joins: int = BINARY
    inflates: bool = True
    name: str
    ending: bytes = b""

    def __init__(self) -> None:
        self.separator = token_bytes(SEPARATOR_BYTES)
        self._held: list[Block] = []
        self._held_size = 0
        self._tail = b""

    def feed(self, message: bytes) -> Block:
        """Inflate a message, or several joined ones.

        Raises:
            InflateError: the stream is damaged, or inflates to more than :data:`OUTPUT_LIMIT`.

        """
        documents: list[Block] = []
        size = self._held_size
        for part in message.split(self.separator):
            text = self._inflate(part, OUTPUT_LIMIT - size)
            size += len(text)
            if self._tail or not (text[-1:] == b"}" and part.endswith(self.ending)):
                text = self._hold(part, text)
            if text:
                documents.append(text)
        return documents[0] if len(documents) == 1 else joined(documents, b"\n")

    def _hold(self, part: bytes, text: Block) -> Block:
        """Keep a piece of a payload; the whole of it, if this was the last one."""
        if text:
            self._held.append(text)
            self._held_size += len(text)
        self._tail = (self._tail + part[-4:])[-4:]
        if not (self._held and self._held[-1][-1:] == b"}" and self._tail.endswith(self.ending)):
            return b""
        whole = joined(self._held)
        self._held, self._held_size, self._tail = [], 0, b""
        return whole

    def _inflate(self, data: bytes, limit: int) -> Block:
        """All of the text of ``data``. Raises InflateError, soon after ``limit`` bytes if there are more."""
        raise NotImplementedError

    def _too_much(self) -> InflateError:
        return InflateError(f"a run of frames inflates to more than {OUTPUT_LIMIT} bytes")

    def _damaged(self, error: Exception) -> InflateError:
        return InflateError(f"the {self.name} stream is damaged: {error}")

    def _ended(self) -> InflateError:
        return InflateError(f"the {self.name} stream ended, which a connection's never does")


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """``data`` in slices of ``size``."""
    return (data[start : start + size] for start in range(0, len(data), size))


class ZlibStreamDecoder(_StreamDecoder):
    """``zlib-stream``: a message of Discord's ends with a sync flush, which may by chance stand inside a payload too."""

    name = "zlib"
    ending = b"\x00\x00\xff\xff"

    def __init__(self) -> None:
        super().__init__()
        self._context = zlib.decompressobj()

    def _inflate(self, data: bytes, limit: int) -> Block:
        context = self._context
        texts: list[Block] = []
        try:
            # Nearly every message is a single slice.
            for piece in (data,) if len(data) <= ZLIB_SLICE else cut(data, ZLIB_SLICE):
                rest = piece
                while True:
                    text = context.decompress(rest, SLICE)
                    texts.append(text)
                    limit -= len(text)
                    if limit < 0:
                        raise self._too_much()
                    if len(text) < SLICE:
                        break
                    rest = context.unconsumed_tail
        except zlib.error as error:
            raise self._damaged(error) from None
        if context.eof:
            raise self._ended()
        return text if len(texts) == 1 else joined(texts)


class ZstdStreamDecoder(_StreamDecoder):
    """``zstd-stream``: a message ends a block of the connection's one frame, and never the frame."""

    name = "zstd"

    def __init__(self) -> None:
        super().__init__()
        self._context = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()

    def _inflate(self, data: bytes, limit: int) -> Block:
        context = self._context
        texts: list[Block] = []
        try:
            for piece in (data,) if len(data) <= ZSTD_SLICE else cut(data, ZSTD_SLICE):
                text = context.decompress(piece)
                texts.append(text)
                limit -= len(text)
                if limit < 0:
                    raise self._too_much()
        except zstandard.ZstdError as error:
            raise self._damaged(error) from None
        if context.eof:
            raise self._ended()
        return text if len(texts) == 1 else joined(texts)


_DECODERS: Final[dict[Compression, type[PlainDecoder | ZlibStreamDecoder | ZstdStreamDecoder]]] = {
    "none": PlainDecoder,
    "zlib-stream": ZlibStreamDecoder,
    "zstd-stream": ZstdStreamDecoder,
}


def block_decoder(compression: Compression) -> BlockDecoder:
    """A fresh decoder: contexts are never shared and never survive a connection."""
    return _DECODERS[compression]()
