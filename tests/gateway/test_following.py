"""The session that is followed: what of it cannot be read, and what is not known."""

from __future__ import annotations

from mocha_actors.discord.decode import ProtocolViolation
from mocha_actors.discord.events import UndecodableEvent, UnknownEvent
from mocha_actors.gateway.effects import (
    CloseConnection,
    Deliver,
    Log,
    PassedOver,
    SessionLost,
)  # fmt: skip
from mocha_actors.gateway.following import NAMES_TOLD, UNREADABLE
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


def test_an_event_of_an_unknown_name_is_counted_and_told_once() -> None:
    """A2.16: its number moves on; a server that makes names up fills neither the log nor memory."""
    protocol = active(seq=100)

    effects = protocol.dispatches([*events(102, 103), UnknownEvent("NEW", 104), UnknownEvent("NEW", 105)], 1.0)
    assert [PassedOver(2)] == only(effects, PassedOver)
    assert [("gateway.unknown_event", {"name": "NEW"})] == [(log.event, log.fields) for log in only(effects, Log)]
    assert [102, 103, 104, 105] == [event.s for event in only(effects, Deliver)[0].events]

    made_up = [UnknownEvent(f"NEW{s}" + "W" * 1000, s) for s in range(105, 1000)]
    logs = only(protocol.dispatches(made_up, 2.0), Log)
    assert NAMES_TOLD - 1 == len(logs)
    assert all(len(str(log.fields["name"])) <= NAMES_TOLD for log in logs)
