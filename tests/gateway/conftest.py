"""What tests of the gateway share."""

from __future__ import annotations

import pytest
import trio

from tests.end_to_end.network import Network


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """Every connection runs through memory, so that an autojump clock does not run ahead of it."""
    wires = Network()
    monkeypatch.setattr(trio, "open_tcp_stream", wires.open_tcp_stream)
    monkeypatch.setattr(trio, "open_tcp_listeners", wires.open_tcp_listeners)
    return wires
