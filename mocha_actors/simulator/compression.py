"""Transport compression: one stream a connection, flushed after each payload.

Source: https://discord.com/developers/docs/events/gateway#transport-compression.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import zstandard

Compress = Callable[[bytes], bytes]
"""Compresses the next payload of a stream, so that its receiver can read it at once."""


def zlib_stream(level: int) -> Compress:
    """Begin a `zlib-stream`; every payload ends in 00 00 ff ff. Levels are 0 (none) to 9."""
    stream = zlib.compressobj(level)
    compress, flush = stream.compress, stream.flush
    return lambda payload: compress(payload) + flush(zlib.Z_SYNC_FLUSH)


def zstd_stream(level: int) -> Compress:
    """Begin a `zstd-stream`: one frame of Zstandard that never ends, of which each payload ends a block."""
    # A level of 0 would be zstd's default, which is slower than 1.
    stream = zstandard.ZstdCompressor(level=max(level, 1)).compressobj()
    compress, flush = stream.compress, stream.flush
    return lambda payload: compress(payload) + flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


STREAMS: dict[str, Callable[[int], Compress]] = {"zlib-stream": zlib_stream, "zstd-stream": zstd_stream}
"""What the query parameter `compress` may ask for."""
