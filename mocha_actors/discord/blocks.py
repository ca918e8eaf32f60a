"""Blocks: the JSON documents of one run of frames, usually one a line, and what is done about large ones.

A block of many megabytes lies in pages of its own, an anonymous memory map, which go back to the system the moment nobody refers to it any more.
As bytes it would come from the heap: after the first one of 26 MB is freed, glibc takes the next ones out of the heap of whichever thread asks, and keeps
up to twice as much at the end of each for later.
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import ACCESS_COPY, mmap
from typing import Final

LARGE: Final = 1 << 20
"""Bytes of a document that is not decoded in one step: about 1,900 members, 3 ms."""

PAGES: Final = 4 << 20
"""Bytes of a block that gets pages of its own: more than the blocks of a flood of messages have, which are made as fast as can be."""

Block = bytes | mmap


def joined(pieces: list[Block], separator: bytes = b"") -> Block:
    """``pieces`` as one block, with ``separator`` between them. The list is emptied: each piece of a large block is let go once it is copied."""
    size = sum(map(len, pieces)) + len(separator) * (len(pieces) - 1)
    if size < PAGES:
        return separator.join(pieces)
    pages = mmap(-1, size, access=ACCESS_COPY)
    pieces.reverse()
    while pieces:
        pages.write(pieces.pop())
        if pieces:
            pages.write(separator)
    return pages


def has_large(block: Block) -> bool:
    """Whether a line of ``block`` may have :data:`LARGE` bytes: it has half of them at least. Looks at a few places only."""
    half = LARGE // 2
    return any(block.find(b"\n", start, start + half) < 0 for start in range(0, len(block) - half + 1, half))


def lines(block: Block) -> Iterator[tuple[int, memoryview]]:
    """The lines of ``block``, which are not copied, each with its byte offset; empty ones are left out."""
    view, start = memoryview(block), 0
    while start < len(view):
        end = block.find(b"\n", start)
        end = len(view) if end < 0 else end
        if end > start:
            yield start, view[start:end]
        start = end + 1
