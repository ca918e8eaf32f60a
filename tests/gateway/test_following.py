"""The session that is followed: what cannot be read of it."""

from __future__ import annotations

from mocha_actors.discord.decode import ProtocolViolation
from mocha_actors.discord.events import UndecodableEvent
from mocha_actors.gateway.effects import (
    CloseConnection,
    Deliver,
    SessionLost,
)  # fmt: skip
from mocha_actors.gateway.following import UNREADABLE
from tests.gateway.machine import (
    SESSION,
    active,
    events,
    only,
    open_connection,
)  # fmt: skip


def test_an_unreadable_frame_is_resumed_once_and_then_given_up_with_evidence() -> None:
    """A RESUME would replay it for ever (A17)."""
    protocol = active(seq=100)
    bad = ProtocolViolation("no JSON", 0, b"garbage")
    assert [CloseConnection(4900)] == only(protocol.violation(bad, 1.0), CloseConnection)
    protocol.disconnected(None, 1.0)
    open_connection(protocol, 1.0)

    effects = protocol.violation(bad, 2.0)

    [deliver] = only(effects, Deliver)
    [evidence] = deliver.events
    assert isinstance(evidence, UndecodableEvent)
    assert (UNREADABLE, 102, b"garbage") == (evidence.t, evidence.s, evidence.raw)
    assert SESSION == deliver.session
    assert ["poison_frame"] == [lost.reason for lost in only(effects, SessionLost)]


def test_an_unreadable_frame_at_another_place_is_another_one() -> None:
    """The session is kept."""
    protocol = active(seq=100)
    bad = ProtocolViolation("no JSON", 0)
    for number in range(102, 108):
        protocol.violation(bad, 1.0)
        protocol.disconnected(None, 1.0)
        open_connection(protocol, 1.0)
        protocol.dispatches(events(number, number), 1.0)

    assert SESSION == protocol.session
