"""Rules of `mocha_actors.simulator.compression`."""

from __future__ import annotations

from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from mocha_actors.simulator.compression import STREAMS
from tests.simulator.client import INFLATERS


@pytest.mark.parametrize("name", list(STREAMS))
@settings(deadline=None)
@given(payloads=st.lists(st.binary(max_size=3000), max_size=20), level=st.integers(0, 9))
def test_each_payload_can_be_read_when_it_arrives(name: str, payloads: list[bytes], level: int) -> None:
    """One context for the whole stream, at every level."""
    compress, inflater = STREAMS[name](level), INFLATERS[name]()
    assert [inflater.decompress(compress(payload)) for payload in payloads] == payloads


def test_a_zstd_frame_never_ends() -> None:
    """Each payload ends a block of the one frame, as Discord's do: a reader that takes whole frames finds none."""
    compress: Any = STREAMS["zstd-stream"](1)
    with pytest.raises(zstandard.ZstdError):
        zstandard.ZstdDecompressor().decompress(compress(b"{}") + compress(b"{}"))


@pytest.mark.parametrize("name", list(STREAMS))
def test_what_came_before_makes_later_payloads_small(name: str) -> None:
    """That is what a stream is for."""
    compress = STREAMS[name](1)
    text = b'{"t":"MESSAGE_CREATE","s":1,"op":0,"d":{"content":"hello"}}'
    assert len(compress(text)) > 2 * len(compress(text))
