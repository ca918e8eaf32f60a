"""Blocks: pieces become one whatever its size, and a large line is seen."""

from __future__ import annotations

import weakref
from mmap import mmap

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.discord.blocks import LARGE, PAGES, Block, has_large, joined, lines

sizes = st.lists(st.sampled_from([0, 1, 1000, LARGE // 2 - 1, LARGE // 2, LARGE - 1, LARGE, LARGE + 1]), max_size=5)


def test_a_small_block_is_bytes() -> None:
    """Nearly all are, and what is done to them is fastest there."""
    assert b"a\n\nb" == joined([b"a", b"", b"b"], b"\n")
    assert b"" == joined([], b"\n")


def test_a_large_block_lies_in_pages_of_its_own_which_go_back_with_it() -> None:
    """Its pieces are let go while it is put together, so that it is never there twice."""
    pieces: list[Block] = [b"x" * (PAGES // 4)] * 5
    block = joined(pieces, b"\n")

    assert isinstance(block, mmap)
    assert b"\n".join([b"x" * (PAGES // 4)] * 5) == bytes(block)
    assert [] == pieces
    gone = weakref.ref(block)
    del block
    assert gone() is None


@given(sizes)
def test_a_large_line_is_never_overlooked_and_half_of_one_never_mistaken(lengths: list[int]) -> None:
    """Where it begins makes no difference. What lies between is taken for large or not, as it comes."""
    block = b"\n".join(b"x" * length for length in lengths)

    assert has_large(block) or max(lengths, default=0) < LARGE
    assert not has_large(block) or max(lengths, default=0) >= LARGE // 2


@given(st.binary(max_size=50))
def test_lines_are_those_that_a_split_gives(block: bytes) -> None:
    """But for the empty ones. Each stands where it says."""
    assert [line for line in block.split(b"\n") if line] == [bytes(line) for _, line in lines(block)]
    assert all(block.startswith(line, start) for start, line in lines(block))
