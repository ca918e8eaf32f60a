"""The protocol, sentence by sentence of Discord's documentation."""

from __future__ import annotations

import math

import pytest

from mocha_actors.gateway.effects import (
    AwaitTurn,
    CloseConnection,
    Connect,
    Deliver,
    DroppedDuplicates,
    Log,
    ReportAlive,
    SessionBegan,
    SessionLost,
    SessionResumed,
    SkippedNumbers,
)  # fmt: skip
from mocha_actors.gateway.states import Active, Ended, Identifying, Waiting
from tests.gateway.machine import (
    SESSION,
    active,
    control,
    events,
    fresh,
    hello,
    only,
    open_connection,
    ready,
    restarted,
    resumed,
    sent,
)  # fmt: skip


def test_identify_is_sent_after_hello_and_after_its_turn() -> None:
    """And says what the documentation asks for, the token bare and no compression inside the payload."""
    protocol = fresh()

    assert [AwaitTurn()] == only(open_connection(protocol), AwaitTurn)
    [payload] = sent(protocol.turn_granted(0.0))

    assert 2 == payload["op"]
    assert {"token", "properties", "compress", "large_threshold", "shard", "intents"} == set(payload["d"])
    assert ("s3cret", False, [1, 4], 32769) == tuple(
        payload["d"][key] for key in ("token", "compress", "shard", "intents")
    )


def test_a_second_turn_on_one_connection_identifies_nothing() -> None:
    """Discord would close with 4005."""
    protocol = fresh()
    open_connection(protocol)
    protocol.turn_granted(0.0)

    assert [] == protocol.turn_granted(0.0)
    protocol.dispatches([ready()], 1.0)
    assert [] == protocol.turn_granted(0.0)


def test_ready_begins_the_session_and_what_follows_is_delivered() -> None:
    """READY travels by itself; the rest of its run comes after it."""
    protocol = fresh()
    open_connection(protocol)
    protocol.turn_granted(0.0)

    effects = protocol.dispatches([ready(), *events(2, 3)], 1.0)

    [began] = only(effects, SessionBegan)
    assert ("session-2", "first_start") == (began.session.session_id, began.reason)
    [deliver] = only(effects, Deliver)
    assert [2, 3] == [event.s for event in deliver.events]
    assert effects.index(began) < effects.index(deliver)
    assert protocol.active


def test_a_known_session_is_resumed_from_its_durable_number() -> None:
    """Without a turn: RESUME costs nothing of the budget."""
    effects = open_connection(restarted(seq=42))

    assert [Connect(SESSION.resume_url)] == only(effects, Connect)
    assert [] == only(effects, AwaitTurn)
    assert [{"op": 6, "d": {"token": "s3cret", "session_id": "session-1", "seq": 42}}] == sent(effects)


def test_a_reconnect_in_the_same_process_resumes_from_what_was_received() -> None:
    """What is not durable yet is still under way here."""
    protocol = active(seq=100)
    protocol.dispatches(events(102, 110), 1.0)
    protocol.disconnected(None, 2.0)

    [payload] = sent(open_connection(protocol, 2.0))

    assert 110 == payload["d"]["seq"]


def test_what_comes_before_resumed_is_replayed_and_what_comes_after_is_live() -> None:
    """One run may hold both."""
    protocol = restarted(seq=100)
    open_connection(protocol)

    effects = protocol.dispatches([*events(101, 103), resumed(104), *events(105, 106)], 1.0)

    assert [([101, 102, 103, 104], True), ([105, 106], False)] == [
        ([event.s for event in deliver.events], deliver.replayed) for deliver in only(effects, Deliver)
    ]
    assert [SessionResumed()] == only(effects, SessionResumed)
    assert protocol.active


def test_duplicates_are_dropped_and_the_number_never_goes_back() -> None:
    """A replay may overlap with what is known."""
    protocol = restarted(seq=100)
    open_connection(protocol)

    effects = protocol.dispatches(events(81, 102), 1.0)

    assert [DroppedDuplicates(20)] == only(effects, DroppedDuplicates)
    assert [[101, 102]] == [[event.s for event in deliver.events] for deliver in only(effects, Deliver)]
    assert [] == only(protocol.dispatches(events(50, 60), 1.0), Deliver)
    assert 102 == protocol._following.sequence.received


def test_a_gap_is_logged_and_accepted() -> None:
    """Whether Discord numbers without gaps is not documented."""
    effects = active(seq=100).dispatches(events(105, 106), 1.0)

    assert [SkippedNumbers()] == only(effects, SkippedNumbers)
    [log] = only(effects, Log)
    assert ("gateway.seq_gap", {"expected": 102, "found": 105}) == (log.event, log.fields)
    assert [[105, 106]] == [[event.s for event in deliver.events] for deliver in only(effects, Deliver)]


def test_heartbeats_say_what_is_durable_and_null_before_there_is_anything() -> None:
    """Discord may trim its replay by what a heartbeat says (A23)."""
    protocol = fresh()
    open_connection(protocol)
    protocol.turn_granted(0.0)
    protocol.dispatches([ready(), *events(2, 9)], 0.0)

    assert [{"op": 1, "d": None}] == sent(protocol.tick(protocol.deadline))
    protocol.control(control(11), 50.0)
    protocol.committed("session-2", 5)
    protocol.committed("another", 8)
    assert [{"op": 1, "d": 5}] == sent(protocol.tick(protocol.deadline))


def test_the_server_may_ask_for_a_beat() -> None:
    """It is answered at once, and the schedule stays."""
    protocol = active()
    due = protocol.deadline

    assert [1] == [payload["op"] for payload in sent(protocol.control(control(1), 1.0))]
    assert due == protocol.deadline


def test_the_heart_beats_while_waiting_for_the_turn() -> None:
    """The queue may be long."""
    protocol = fresh()
    open_connection(protocol)

    assert [{"op": 1, "d": None}] == sent(protocol.tick(protocol.deadline))


def test_a_zombie_is_closed_resumably_and_resumed() -> None:
    """Nobody acknowledges: give up the connection, not the session."""
    protocol = active()
    protocol.tick(protocol.deadline)
    now = protocol.deadline

    effects = protocol.tick(now)

    assert [CloseConnection(4900)] == only(effects, CloseConnection)
    protocol.disconnected(None, now)
    assert [6] == [payload["op"] for payload in sent(open_connection(protocol, now))]


def test_alive_is_reported_when_everything_is_durable_and_nothing_new_was_committed() -> None:
    """A gap begins at the last evidence; uncommitted events would be lost behind a later one."""
    protocol = active(seq=100)
    protocol.committed("session-1", 101)

    assert [] == only(protocol.control(control(11), 1.0), ReportAlive)
    assert [ReportAlive()] == only(protocol.control(control(11), 2.0), ReportAlive)
    protocol.dispatches(events(102, 102), 3.0)
    assert [] == only(protocol.control(control(11), 4.0), ReportAlive)


def test_op_7_reconnects_within_a_second_and_resumes() -> None:
    """At any time; the jitter parts shards that all get it at once."""
    protocol = active()

    effects = protocol.control(control(7), 100.0)

    assert [CloseConnection(4900)] == only(effects, CloseConnection)
    protocol.disconnected(None, 100.0)
    assert isinstance(protocol.state, Waiting)
    assert 100.0 <= protocol.state.until <= 101.0
    assert [6] == [payload["op"] for payload in sent(open_connection(protocol, 100.0))]


def test_events_read_before_the_close_took_effect_are_kept() -> None:
    """Op 7 and later dispatches may come in one run."""
    protocol = active(seq=100)
    protocol.control(control(7), 1.0)

    assert [[102]] == [
        [event.s for event in each.events] for each in only(protocol.dispatches(events(102, 102), 1.0), Deliver)
    ]


def test_op_7_instead_of_hello_keeps_the_session() -> None:
    """It crashed other clients (hikari #1867)."""
    protocol = restarted()
    protocol.tick(0.0)
    protocol.connected(0.0)

    assert [CloseConnection(4900)] == only(protocol.control(control(7), 0.1), CloseConnection)
    protocol.disconnected(None, 0.2)
    assert [6] == [payload["op"] for payload in sent(open_connection(protocol, 1.0))]


@pytest.mark.parametrize(
    "first", [control(11), control(9, data=False), control(1), control(77), hello("often"), hello(0), hello(601_000)]
)
def test_a_conversation_that_does_not_begin_with_a_good_hello_is_given_up(first: object) -> None:
    """Never a crash, never 1000, and the session is kept."""
    protocol = restarted()
    protocol.tick(0.0)
    protocol.connected(0.0)

    assert [CloseConnection(4900)] == only(protocol.control(first, 0.1), CloseConnection)  # type: ignore[arg-type]
    assert SESSION == protocol.session


def test_dispatches_before_identify_are_given_up() -> None:
    """They belong to no session that this client knows."""
    for protocol in (fresh(), restarted()):
        protocol.tick(0.0)
        protocol.connected(0.0)
        effects = protocol.dispatches(events(1, 2), 0.1)
        assert [CloseConnection(4900)] == only(effects, CloseConnection)
        assert [] == only(effects + protocol.dispatches(events(3, 4), 0.1), Deliver)


def test_hello_must_come_in_time_and_the_next_attempt_goes_to_the_main_address() -> None:
    """20 s; a resume address that accepts and says nothing is not tried twice."""
    protocol = restarted()
    protocol.tick(0.0)
    protocol.connected(0.0)
    assert 20.0 == protocol.deadline

    assert [CloseConnection(4900)] == only(protocol.tick(20.0), CloseConnection)
    protocol.disconnected(None, 20.0)
    assert [Connect(None)] == only(protocol.tick(protocol.deadline), Connect)


def test_silence_after_resume_ends_the_connection_and_acknowledgements_keep_it() -> None:
    """During an outage a gateway that acknowledges will answer in the end."""
    protocol = restarted()
    open_connection(protocol)
    protocol.tick(protocol.deadline)
    protocol.control(control(11), 40.0)
    assert [] == only(protocol.tick(99.0), CloseConnection)

    assert [CloseConnection(4900)] == only(protocol.tick(100.0), CloseConnection)


def test_a_gateway_that_acknowledges_and_does_not_answer_is_told_and_waited_for() -> None:
    """During an outage a healthy connection answers in the end (A1.4)."""
    protocol = fresh()
    open_connection(protocol)
    protocol.turn_granted(0.0)
    told = []
    for _ in range(5):
        now = protocol.deadline
        told += [each.event for each in only(protocol.tick(now), Log)]
        protocol.control(control(11), now + 0.1)

    assert ["shard.unanswered"] * 3 == told
    assert isinstance(protocol.state, Identifying)


def test_invalid_session_true_resumes_the_same_session() -> None:
    """On a new connection."""
    protocol = active()

    assert [CloseConnection(4900)] == only(protocol.control(control(9, data=True), 1.0), CloseConnection)
    protocol.disconnected(None, 1.0)
    assert [6] == [payload["op"] for payload in sent(open_connection(protocol, 1.0))]


@pytest.mark.parametrize("data", [False, None, "true", {}])
def test_invalid_session_false_identifies_on_a_new_connection_after_a_moment(data: object) -> None:
    """1 to 5 s, to the main address; anything that is not true is false."""
    protocol = restarted()
    open_connection(protocol)

    effects = protocol.control(control(9, data), 1.0)
    protocol.disconnected(None, 1.0)

    assert ["resume_refused"] == [lost.reason for lost in only(effects, SessionLost)]
    assert isinstance(protocol.state, Waiting)
    assert 2.0 <= protocol.state.until <= 6.0
    again = open_connection(protocol, 1.0)
    assert ([Connect(None)], [AwaitTurn()]) == (only(again, Connect), only(again, AwaitTurn))


def test_an_outage_before_the_session_is_refused_makes_nobody_wait_longer() -> None:
    """A6.47: a dozen connections failed before; but now Discord can be reached, and no IDENTIFY was spent in vain."""
    protocol = restarted()
    for _ in range(12):
        now = protocol.deadline
        protocol.tick(now)
        protocol.connect_failed("no route", now)
    now = protocol.deadline
    open_connection(protocol, now)
    protocol.control(control(9, data=False), now)
    protocol.disconnected(None, now)

    assert 1.0 <= protocol.deadline - now <= 5.0


def test_sessions_that_are_refused_at_once_are_begun_ever_more_rarely() -> None:
    """Each costs one of the day's IDENTIFYs: after some, the waits are minutes."""
    protocol, now, waits = fresh(), 0.0, []
    for number in range(40):
        now = max(now, protocol.deadline)
        open_connection(protocol, now)
        protocol.turn_granted(now)
        protocol.dispatches([ready(f"session-{number}")], now)
        protocol.control(control(9, data=False), now)
        protocol.disconnected(None, now)
        waits.append(protocol.deadline - now)

    assert all(1.0 <= wait for wait in waits)
    assert all(wait <= 5.0 for wait in waits[:2])
    assert sum(waits[20:]) / 20 > 100.0


def test_invalid_session_in_reply_to_identify_is_tried_again() -> None:
    """The concurrency was exceeded; it is not fatal."""
    protocol = fresh()
    open_connection(protocol)
    protocol.turn_granted(0.0)

    protocol.control(control(9, data=False), 1.0)
    protocol.disconnected(None, 1.0)

    assert [AwaitTurn()] == only(open_connection(protocol, 1.0), AwaitTurn)


def test_the_reason_of_the_loss_stands_in_the_next_session() -> None:
    """It becomes the coverage gap's."""
    protocol = restarted()
    open_connection(protocol)
    protocol.control(control(9, data=False), 1.0)
    protocol.disconnected(None, 1.0)
    open_connection(protocol, 1.0)
    protocol.turn_granted(0.0)

    [began] = only(protocol.dispatches([ready()], 9.0), SessionBegan)

    assert "resume_refused" == began.reason


def test_three_resumes_that_bring_nothing_give_up_the_session() -> None:
    """And not one before: sessions are worth more than seconds."""
    protocol, now, resumes = restarted(), 0.0, 0
    while protocol.session is not None:
        now = max(now, protocol.deadline)
        resumes += len(sent(open_connection(protocol, now)))
        lost = only(protocol.disconnected(None, now), SessionLost)

    assert 3 == resumes
    assert ["session_not_resumable"] == [each.reason for each in lost]


def test_a_resume_that_brings_events_does_not_count() -> None:
    """A replay that is cut short again and again still makes progress."""
    protocol, now = restarted(seq=100), 0.0
    for first in range(101, 111):
        now = max(now, protocol.deadline)
        open_connection(protocol, now)
        protocol.dispatches(events(first, first), now)
        protocol.disconnected(None, now)

    assert SESSION == protocol.session


def test_an_outage_of_the_network_never_costs_the_session() -> None:
    """Failures before RESUME was sent do not count, and the main address is tried next."""
    protocol, now, urls = restarted(), 0.0, []
    for _ in range(20):
        now = max(now, protocol.deadline)
        urls += only(protocol.tick(now), Connect)
        protocol.connect_failed("no route", now)

    assert SESSION == protocol.session
    assert [Connect(SESSION.resume_url), *[Connect(None)] * 19] == urls


def test_a_server_that_accepts_and_closes_is_not_dialled_without_pause() -> None:
    """Only a healthy minute resets the back-off, not a connection, and not READY."""
    protocol, now, pauses = active(), 0.0, []
    for _ in range(12):
        protocol.disconnected(None, now)
        pauses.append(protocol.deadline - now)
        now = protocol.deadline
        open_connection(protocol, now)
        protocol.dispatches([resumed(protocol._following.sequence.received + 1)], now)

    assert 0.0 == pauses[0]
    assert max(pauses) > 8.0

    protocol.disconnected(None, now + 60.0)
    assert now + 60.0 == protocol.deadline


def test_the_server_may_ask_to_stay_away() -> None:
    """Retry-After is a lower bound."""
    protocol = fresh()
    protocol.tick(0.0)

    protocol.connect_failed("429", 0.0, 30.0)

    assert protocol.deadline >= 30.0


def test_unknown_opcodes_are_logged_once_and_ignored() -> None:
    """Discord adds them."""
    protocol = active()

    assert ["gateway.unknown_opcode"] == [log.event for log in only(protocol.control(control(31), 1.0), Log)]
    assert [] == protocol.control(control(31), 2.0)
    assert protocol.active


def test_a_second_hello_never_leads_to_a_second_identify() -> None:
    """The connection is given up instead."""
    protocol = active()

    effects = protocol.control(hello(), 1.0)

    assert [] == sent(effects)
    assert [CloseConnection(4900)] == only(effects, CloseConnection)


def test_while_reading_rests_no_silence_is_held_against_the_peer() -> None:
    """Neither by the heart nor by the wait for RESUMED; beats go out."""
    protocol = restarted()
    open_connection(protocol)
    protocol.paused(1.0)

    effects = [effect for _ in range(10) for effect in protocol.tick(protocol.deadline)]

    assert [1] * 10 == [payload["op"] for payload in sent(effects)]
    assert [] == only(effects, CloseConnection)


def test_a_draining_machine_opens_no_further_connection() -> None:
    """It keeps the one it has, and beats."""
    protocol = active()
    protocol.drain()
    assert isinstance(protocol.state, Active)
    assert [1] == [payload["op"] for payload in sent(protocol.tick(protocol.deadline))]

    protocol.disconnected(None, 50.0)

    assert Ended() == protocol.state
    assert math.inf == protocol.deadline


def test_a_stop_closes_what_is_open_and_ends() -> None:
    """With a code that keeps the session, and without another connection."""
    protocol = active()
    effects = protocol.stop(10.0)

    assert [4900] == [each.code for each in only(effects, CloseConnection)]
    protocol.disconnected(None, 10.1)
    assert isinstance(protocol.state, Ended)
    assert math.inf == protocol.deadline


def test_a_stop_between_connections_ends_at_once() -> None:
    """There is nothing to close."""
    protocol = restarted()

    assert [] == protocol.stop(0.0)
    assert isinstance(protocol.state, Ended)


def test_no_effect_shows_a_secret_in_its_repr() -> None:
    """Effects may be logged when something goes wrong (P9)."""
    protocol = restarted()
    effects = open_connection(protocol)
    other = fresh()
    effects += open_connection(other) + other.turn_granted(0.0) + other.dispatches([ready(), *events(2, 2)], 1.0)

    assert "s3cret" not in repr(effects)
    assert "session-" not in repr(effects)
