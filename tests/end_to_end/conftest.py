"""What end-to-end tests share."""

from __future__ import annotations

import sys
import time
from functools import partial

import pytest
import trio
import trio.testing

from mocha_actors import client
from mocha_actors.cli import verify, verify_stays
from mocha_actors.db.readers import open_readers
from mocha_actors.db.store import open_store
from mocha_actors.gateway import transport
from tests.end_to_end.network import Network

EVENING_NS = 1_772_650_800_000_000_000
"""2026-03-04 19:00 UTC, a Wednesday: how many people are about in a simulated community follows the hour, which is not to be that of the test's run."""


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """Every connection runs through memory, and the database is asked without threads."""
    wires = Network()
    monkeypatch.setattr(trio, "open_tcp_stream", wires.open_tcp_stream)
    monkeypatch.setattr(trio, "open_tcp_listeners", wires.open_tcp_listeners)
    # The clock would run ahead of a thread, and a beat be late while a large message is inflated on one.
    monkeypatch.setattr(transport, "LARGE_MESSAGE", sys.maxsize)
    monkeypatch.setattr(client, "open_store", partial(open_store, inline=True))
    monkeypatch.setattr(client, "open_readers", partial(open_readers, inline=True))
    for module in (verify, verify_stays):
        monkeypatch.setattr(module, "open_readers", partial(open_readers, inline=True))
    return wires


@pytest.fixture
def virtual_time(
    network: Network, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> trio.testing.MockClock:
    """Nothing takes time but waiting for it: bounds are exact, and a minute of silence is over at once. The wall's clock keeps step, from an evening on."""
    monkeypatch.setattr(time, "time_ns", lambda: EVENING_NS + int(autojump_clock.current_time() * 1e9))
    monkeypatch.setattr(time, "time", lambda: time.time_ns() / 1e9)
    return autojump_clock
