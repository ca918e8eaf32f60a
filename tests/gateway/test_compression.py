"""zlib-stream: one context a connection, payloads over any number of messages, output within bounds."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.gateway import compression
from mocha_actors.gateway.compression import InflateError, PlainDecoder, ZlibStreamDecoder, block_decoder


def compressed(*documents: bytes) -> list[bytes]:
    """Each document as Discord sends it: sync-flushed on one context."""
    context = zlib.compressobj()
    return [context.compress(document) + context.flush(zlib.Z_SYNC_FLUSH) for document in documents]


DOCUMENTS = [b'{"t":null,"op":10}', b'{"t":"A","d":"\\u0000"}', b'{"t":"B","d":"}{"}']


def test_a_joined_run_is_one_document_a_line() -> None:
    """Documents are parted where the next one's t begins, and not inside a string."""
    assert b"\n".join(DOCUMENTS) == ZlibStreamDecoder().feed(b"".join(compressed(*DOCUMENTS)))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=10))
def test_messages_may_be_cut_anywhere(cuts: list[int]) -> None:
    """A suffix split over messages, messages of less than four bytes: the same text comes out."""
    data, decoder, found, index = b"".join(compressed(*DOCUMENTS)), ZlibStreamDecoder(), [], 0
    while data:
        size = cuts[index % len(cuts)]
        index += 1
        found.append(decoder.feed(data[:size]))
        data = data[size:]

    assert b"".join(DOCUMENTS) == b"".join(found).replace(b"\n", b"")
    assert all(block == b"" or block.endswith(b"}") for block in found)


def test_a_payload_whose_bytes_contain_the_flush_marker_is_whole() -> None:
    """Stored blocks carry any bytes: a marker inside a message ends nothing."""
    context = zlib.compressobj(level=0)
    document = b'{"t":"A","d":"\x00\x00\xff\xff and more"}'
    data = context.compress(document) + context.flush(zlib.Z_SYNC_FLUSH)
    cut = data.index(b"\xff\xff and") + 2
    decoder = ZlibStreamDecoder()

    assert [b"", document] == [decoder.feed(data[:cut]), decoder.feed(data[cut:])]


def test_a_payload_that_stops_behind_a_brace_is_not_complete() -> None:
    """Only the flush ends a message, not what the text so far looks like."""
    context = zlib.compressobj(level=0)
    document = b'{"t":"A","d":{"e":1},"f":2}'
    data = context.compress(document) + context.flush(zlib.Z_SYNC_FLUSH)
    cut = data.index(b"},") + 1
    decoder = ZlibStreamDecoder()

    assert [b"", document] == [decoder.feed(data[:cut]), decoder.feed(data[cut:])]


def test_a_bomb_ends_in_an_error_and_not_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small message may not inflate without limit; the limit is noticed one slice late at most."""
    monkeypatch.setattr(compression, "OUTPUT_LIMIT", 8 << 20)

    with pytest.raises(InflateError, match="more than 8388608 bytes"):
        ZlibStreamDecoder().feed(compressed(bytes(64 << 20))[0])


def test_large_payloads_inflate_in_slices() -> None:
    """More than one slice, and exactly one: nothing is left behind in the context."""
    for size in (compression.SLICE - 2, compression.SLICE, compression.SLICE + 1, 2 * compression.SLICE + 200):
        document = b"{" + b" " * (size - 2) + b"}"
        assert document == ZlibStreamDecoder().feed(compressed(document)[0])


@pytest.mark.parametrize("damage", [b"garbage that is no zlib", zlib.compress(b'{"t":"A"}') + b"more"])
def test_damage_and_an_ended_stream_are_errors(damage: bytes) -> None:
    """The context is useless afterwards: the connection must be replaced."""
    with pytest.raises(InflateError):
        ZlibStreamDecoder().feed(damage)


def test_every_connection_has_a_context_of_its_own() -> None:
    """The second message of a stream means nothing to a fresh context."""
    first, second = compressed(b'{"t":"A","d":"abcabcabc"}', b'{"t":"A","d":"abcabcabc"}')
    block_decoder("zlib-stream").feed(first)

    with pytest.raises(InflateError):
        block_decoder("zlib-stream").feed(second)


def test_plain_messages_are_blocks() -> None:
    """Nothing to inflate."""
    assert b"{}\n{}" == PlainDecoder().feed(b"{}\n{}")
