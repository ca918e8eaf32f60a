"""The coalescing stream: fewer frames, the same messages in the same order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from mocha_actors.gateway.coalescing import (
    BINARY,
    FRAME_LIMIT,
    PIECE_BYTES,
    TEXT,
    BrokenFramingError,
    CoalescingStream,
    FrameJoiner,
    UpgradeError,
)

UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def frame(first: int, payload: bytes) -> bytes:
    """A server's frame: unmasked."""
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 1 << 16:
        return bytes((first, 126)) + length.to_bytes(2) + payload
    return bytes((first, 127)) + length.to_bytes(8) + payload


def messages(data: bytes, sizes: list[int] | None = None) -> list[tuple[str, object]]:
    """What the websocket library makes of frames: text and binary alike, runs parted again at the newline; before that their ``sizes``."""
    connection = Connection(ConnectionType.CLIENT)
    connection.receive_data(data)
    found: list[tuple[str, object]] = []
    parts: list[bytes] = []
    for event in connection.events():
        match event:
            case TextMessage(data=piece) | BytesMessage(data=piece):
                parts.append(piece.encode() if isinstance(piece, str) else bytes(piece))
                if event.message_finished:
                    if sizes is not None:
                        sizes.append(sum(map(len, parts)))
                    found += [("message", part) for part in b"".join(parts).split(b"\n")]
                    parts = []
            case Ping(payload=payload):
                found.append(("ping", bytes(payload)))
            case CloseConnection(code=code):
                found.append(("close", code))
    return found


def fragments(payload: str, cut: int) -> bytes:
    """A text message in two fragments with a ping between them."""
    raw = payload.encode()
    return frame(0x01, raw[:cut]) + frame(0x89, b"between") + frame(0x80, raw[cut:])


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=200)
items = st.one_of(
    texts.map(lambda text: frame(TEXT, text.encode())),
    st.sampled_from([125, 126, 65_535, 65_536, 70_000]).map(lambda size: frame(TEXT, b"x" * size)),
    st.binary(max_size=125).map(lambda payload: frame(0x89, payload)),
    st.builds(fragments, texts, st.integers(0, 50)),
)


def pieces_of(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """``data`` in pieces of the given sizes, over and over."""
    position = index = 0
    while position < len(data):
        size = cuts[index % len(cuts)]
        yield data[position : position + size]
        position, index = position + size, index + 1


@settings(deadline=None, max_examples=150)
@given(st.lists(items, max_size=12), st.lists(st.integers(1, 5000), min_size=1, max_size=8), st.booleans())
def test_random_streams_cut_anywhere_mean_the_same(frames: list[bytes], cuts: list[int], closes: bool) -> None:
    """Messages, pings and the close code arrive as they would without joining, in the same order."""
    data = b"".join(frames) + (frame(0x88, (4000).to_bytes(2) + b"bye") if closes else b"")
    joiner = FrameJoiner(TEXT, b"\n")

    joined = b"".join(joiner.feed(piece) for piece in pieces_of(data, cuts))

    sizes: list[int] = []
    assert messages(data) == messages(joined, sizes)
    assert sum(sizes) == joiner.completed


@given(st.lists(st.text("ab", max_size=5), min_size=1, max_size=6))
def test_cuts_down_to_single_bytes_lose_nothing(payloads: list[str]) -> None:
    """Every boundary inside a header or a payload is met."""
    data = b"".join(frame(TEXT, payload.encode()) for payload in payloads)
    joiner = FrameJoiner(TEXT, b"\n")

    joined = b"".join(joiner.feed(data[index : index + 1]) for index in range(len(data)))

    assert [("message", payload.encode()) for payload in payloads] == messages(joined)


def test_a_run_becomes_one_frame() -> None:
    """That is what it is for."""
    run = FrameJoiner(TEXT, b"\n").feed(frame(TEXT, b"one") + frame(TEXT, b"two") + frame(TEXT, b"three"))

    assert frame(BINARY, b"one\ntwo\nthree") == run


def test_compressed_frames_are_joined_by_nothing() -> None:
    """A compressed stream goes on across messages."""
    assert frame(BINARY, b"\x00\x01\x02") == FrameJoiner(BINARY, b"").feed(
        frame(BINARY, b"\x00\x01") + frame(BINARY, b"\x02")
    )


def test_frames_of_the_other_kind_pass_unchanged() -> None:
    """Text on a compressed connection must stay text, to be told apart."""
    data = frame(BINARY, b"1") + frame(TEXT, b"plain") + frame(BINARY, b"2")

    assert data == FrameJoiner(BINARY, b"").feed(data)


@pytest.mark.parametrize(
    "data", [bytes((TEXT, 0x80 | 3)) + b"maskabc", bytes((TEXT, 127)) + (FRAME_LIMIT + 1).to_bytes(8)]
)
def test_masked_and_boundless_frames_break_the_connection(data: bytes) -> None:
    """A server may not mask, and memory has a limit: it is noticed at the header, not after gigabytes."""
    with pytest.raises(BrokenFramingError):
        FrameJoiner(TEXT, b"\n").feed(data)


class Script(trio.abc.Stream):
    """A stream that yields what it was given, then its end."""

    def __init__(self, *reads: bytes) -> None:
        self.reads = [*reads, b""]

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The next read."""
        return self.reads.pop(0)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Take it."""

    async def wait_send_all_might_not_block(self) -> None:
        """Never blocks."""

    async def aclose(self) -> None:
        """Nothing to close."""


async def read_all(*reads: bytes) -> list[bytes]:
    """What a CoalescingStream makes of these reads."""
    stream = CoalescingStream(Script(*reads), joins=TEXT, separator=b"\n")
    found = []
    while data := await stream.receive_some():
        found.append(data)
    return found


async def test_the_response_passes_first_and_its_followers_are_joined() -> None:
    """HELLO often comes in the same read as the end of the HTTP response."""
    found = await read_all(UPGRADE[:10], UPGRADE[10:] + frame(TEXT, b"a") + frame(TEXT, b"b"), frame(TEXT, b"c"))

    assert [UPGRADE + frame(BINARY, b"a\nb"), frame(BINARY, b"c")] == found


async def test_a_refusal_is_an_error_with_its_status() -> None:
    """Whatever its body is."""
    with pytest.raises(UpgradeError, match="HTTP status 429"):
        await read_all(b"HTTP/1.1 429 Too Many Requests\r\n\r\n\x81\x03abc")


@pytest.mark.parametrize("reads", [[], [b"HTTP/1.1 101"], [b"x" * 70_000]])
async def test_a_handshake_that_never_completes_is_an_error_at_once(reads: list[bytes]) -> None:
    """The websocket library would wait for its time-out."""
    with pytest.raises(UpgradeError):
        await read_all(*reads)


async def test_a_large_frame_is_handed_on_in_pieces_and_kept_by_nobody() -> None:
    """The library holds on to the last piece until something else comes, which may take as long as a heartbeat does."""
    large, small = frame(TEXT, b"x" * (5 * PIECE_BYTES)), frame(TEXT, b"small")
    stream = CoalescingStream(Script(UPGRADE, large, small), joins=TEXT, separator=b"\n")
    found = [await stream.receive_some()]
    while data := await stream.receive_some():
        found.append(data)
        stream.taken(len(data))

    assert max(map(len, found)) == PIECE_BYTES
    assert messages(large + small) == messages(b"".join(found[1:]))
    assert b"" == stream._rest.obj
