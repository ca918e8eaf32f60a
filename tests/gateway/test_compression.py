"""zlib-stream and zstd-stream: one context a connection, any number of messages, output within bounds."""

from __future__ import annotations

import random
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.gateway import compression
from mocha_actors.gateway.address import Compression
from mocha_actors.gateway.compression import (
    InflateError,
    PlainDecoder,
    ZlibStreamDecoder,
    ZstdStreamDecoder,
    block_decoder,
)


def compressed(*documents: bytes) -> list[bytes]:
    """Each document as Discord sends it: sync-flushed on one context."""
    context = zlib.compressobj()
    return [context.compress(document) + context.flush(zlib.Z_SYNC_FLUSH) for document in documents]


def zstd_compressed(*documents: bytes, level: int = 3) -> list[bytes]:
    """Each document as Discord sends it: the end of a block, and not of the frame."""
    context = zstandard.ZstdCompressor(level=level).compressobj()
    return [context.compress(document) + context.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for document in documents]


DOCUMENTS = [b'{"t":null,"op":10}', b'{"t":"A","d":"\\u0000"}', b'{"t":"B","d":"}{"}']


def test_a_joined_run_is_one_document_a_line() -> None:
    """Whatever a document begins with, and whatever its strings look like."""
    decoder = ZlibStreamDecoder()

    assert b"\n".join(DOCUMENTS) == decoder.feed(decoder.separator.join(compressed(*DOCUMENTS)))


def test_separators_are_not_to_be_guessed() -> None:
    """A sender who knew it could cut a payload in two."""
    separators = {block_decoder("zlib-stream").separator for _ in range(10)}

    assert 10 == len(separators)
    assert {16} == {len(separator) for separator in separators}


def test_a_message_may_hold_several_payloads() -> None:
    """They are not parted here: the event decoder finds where documents end."""
    assert b"".join(DOCUMENTS) == ZlibStreamDecoder().feed(b"".join(compressed(*DOCUMENTS)))


@pytest.mark.parametrize("kind", ["zlib-stream", "zstd-stream"])
def test_many_small_bombs_in_one_run_are_a_bomb(kind: Compression, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is what one run inflates to."""
    monkeypatch.setattr(compression, "OUTPUT_LIMIT", 8 << 20)
    document = b"{" + bytes(1 << 20) + b"}"
    decoder = block_decoder(kind)
    messages = (compressed if kind == "zlib-stream" else zstd_compressed)(*[document] * 9)

    with pytest.raises(InflateError, match="more than 8388608 bytes"):
        decoder.feed(decoder.separator.join(messages))


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
        assert document == bytes(ZlibStreamDecoder().feed(compressed(document)[0]))


@pytest.mark.parametrize("damage", [b"garbage that is no zlib", zlib.compress(b'{"t":"A"}') + b"more"])
def test_damage_and_an_ended_stream_are_errors(damage: bytes) -> None:
    """The context is useless afterwards: the connection must be replaced."""
    with pytest.raises(InflateError):
        ZlibStreamDecoder().feed(damage)


def test_every_connection_has_a_context_of_its_own() -> None:
    """The second message of a stream means nothing to a fresh context."""
    first, second = compressed(b'{"t":"A","d":"abcabcabc"}', b'{"t":"A","d":"abcabcabc"}')
    zstd_first, zstd_second = zstd_compressed(*DOCUMENTS[:2])
    assert block_decoder("zlib-stream").feed(first)
    assert block_decoder("zstd-stream").feed(zstd_first)

    with pytest.raises(InflateError):
        block_decoder("zlib-stream").feed(second)
    with pytest.raises(InflateError):
        block_decoder("zstd-stream").feed(zstd_second)


def test_plain_messages_are_blocks() -> None:
    """Nothing to inflate."""
    assert b"{}\n{}" == PlainDecoder().feed(b"{}\n{}")


def test_a_joined_run_of_zstd_is_one_document_a_line() -> None:
    """The frame never ends: each message goes on where the one before stopped."""
    messages = zstd_compressed(*DOCUMENTS, *DOCUMENTS)
    decoder = ZstdStreamDecoder()

    assert b"\n".join(DOCUMENTS) == decoder.feed(decoder.separator.join(messages[:3]))
    assert DOCUMENTS == [decoder.feed(message) for message in messages[3:]]


@given(
    st.lists(st.binary(max_size=800).map(lambda each: b"{%b}" % each.hex().encode()), min_size=1, max_size=8),
    st.integers(1, 19),
)
def test_all_of_a_zstd_message_comes_out_at_once(documents: list[bytes], level: int) -> None:
    """Whatever its size and the server's level: nothing is left behind in the context."""
    decoder = ZstdStreamDecoder()

    assert documents == [decoder.feed(message) for message in zstd_compressed(*documents, level=level)]


def test_large_zstd_payloads_are_whole() -> None:
    """Of more than one block, compressible and not."""
    for size in (128 << 10, (128 << 10) + 1, 3_000_000):
        for filler in (b" " * size, random.Random(1).randbytes(size // 2).hex().encode()):
            document = b'{"t":"A","d":"' + filler + b'"}'
            assert document == ZstdStreamDecoder().feed(zstd_compressed(document)[0])


def test_a_zstd_payload_may_be_spread_over_messages() -> None:
    """The documentation says it is not; what is not complete waits all the same."""
    data = zstd_compressed(DOCUMENTS[1])[0]
    decoder = ZstdStreamDecoder()

    assert DOCUMENTS[1] == b"".join(decoder.feed(data[at : at + 1]) for at in range(len(data)))


def test_a_zstd_bomb_ends_in_an_error_and_not_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 KB of zstd are 64 MiB of zeros: the limit is noticed one slice late, which is 32 MiB at most."""
    monkeypatch.setattr(compression, "OUTPUT_LIMIT", 8 << 20)
    [bomb] = zstd_compressed(bytes(64 << 20), level=19)
    tracemalloc.start()

    with pytest.raises(InflateError, match="more than 8388608 bytes"):
        ZstdStreamDecoder().feed(bomb)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (8 + 2 * 32 + 1) << 20


@pytest.mark.parametrize("damage", [b"garbage that is no zstd", zstandard.compress(b'{"t":"A"}') + b"more"])
def test_a_damaged_or_ended_zstd_stream_is_an_error(damage: bytes) -> None:
    """The context is useless afterwards: the connection must be replaced."""
    with pytest.raises(InflateError, match="zstd stream"):
        ZstdStreamDecoder().feed(damage)


def test_a_window_that_no_sender_may_ask_for_is_refused() -> None:
    """It would be allocated before a byte of text is there."""
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    context = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    message = context.compress(b"{}") + context.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    with pytest.raises(InflateError, match="memory"):
        ZstdStreamDecoder().feed(message)
