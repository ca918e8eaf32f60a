"""Rules of `mocha_actors.simulator.session`."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.session import UNSEEN, Session


def make(
    shard: int = 0, shards: int = 1, intents: int = 1, max_events: int = 1000, max_bytes: int = 1 << 20
) -> Session:
    """Make an empty session."""
    return Session("secret-id", shard, shards, intents, max_events=max_events, max_bytes=max_bytes)


def message(text: str = "x", guild_id: int = 1 << 22, intent: int = 1) -> Event:
    """Make an event with this text."""
    return Event(b"MESSAGE_CREATE", guild_id, intent, json.dumps({"content": text}).encode())


def test_dispatches_are_numbered_from_one_without_gaps() -> None:
    """Each dispatch of a session has the number after the one before, and is a complete frame with `t` in front."""
    session = make()
    frames = [*session.dispatch([message("a"), message("b")]), *session.dispatch([message("c")])]

    assert [json.loads(frame)["s"] for frame in frames] == [1, 2, 3]
    assert json.loads(frames[1]) == {"t": "MESSAGE_CREATE", "s": 2, "op": 0, "d": {"content": "b"}}
    assert all(frame.startswith(b'{"t":') for frame in frames)


def test_a_replay_is_what_followed_in_order_and_unchanged() -> None:
    """What `after` gives is byte for byte what was dispatched after that number."""
    session = make()
    frames = session.dispatch([message(str(number)) for number in range(10)])

    assert session.after(4, 100) == frames[4:]
    assert session.after(4, 2) == frames[4:6]
    assert session.after(10, 100) == []


def test_what_only_one_connection_saw_keeps_its_number_and_is_not_replayed() -> None:
    """A RESUMED takes a number of the session, and stands as a hole in every later replay."""
    session = make()
    first = session.dispatch([message("a")])
    resumed = session.dispatch_unseen(Event(b"RESUMED", 0, 0, b"{}"))
    last = session.dispatch([message("b")])

    assert (json.loads(resumed)["s"], json.loads(last[0])["s"]) == (2, 3)
    assert session.after(0, 10) == [*first, UNSEEN, *last]


@given(st.lists(st.integers(1, 40), max_size=40), st.integers(1, 60), st.integers(100, 3000))
def test_memory_is_bounded_and_forgets_the_oldest(runs: list[int], max_events: int, max_bytes: int) -> None:
    """However much is dispatched, number and size stay in their limits, and what is kept is the newest, without holes."""
    session = make(max_events=max_events, max_bytes=max_bytes)
    frames: list[bytes] = []
    for run in runs:
        frames += session.dispatch([message("y" * run)] * run)

    kept = session.after(session.floor, len(frames))
    assert len(kept) <= max_events
    assert sum(map(len, kept)) <= max_bytes
    assert kept == frames[session.floor :]
    assert session.last_seq == len(frames)


def test_a_session_that_forgot_cannot_be_resumed_from_before() -> None:
    """A RESUME needs everything after its number: one below the floor is impossible, the floor itself is possible."""
    session = make(max_events=100)
    session.dispatch([message()] * 150)

    assert session.floor > 0
    assert session.can_resume(session.floor)
    assert not session.can_resume(session.floor - 1)


def test_an_acknowledged_dispatch_can_be_forgotten() -> None:
    """`forget_through` moves the floor, never beyond what was dispatched and never back."""
    session = make()
    session.dispatch([message()] * 10)
    session.forget_through(4)
    session.forget_through(2)
    assert session.floor == 4

    session.forget_through(99)
    assert (session.floor, session.last_seq) == (10, 10)


def test_a_session_gets_the_events_of_its_shard_and_intents() -> None:
    """The formula is `(guild_id >> 22) % shards`; direct messages belong to shard 0; an intent that is missing hides."""
    mine, other = message("mine", 3 << 22), message("other", 2 << 22)
    direct, forbidden = message("direct", 0), message("forbidden", 3 << 22, intent=2)

    assert list(make(1, 2).select([mine, other, direct, forbidden])) == [mine]
    assert list(make(0, 2).select([mine, other, direct, forbidden])) == [other, direct]
    assert list(make(0, 1).select([mine, other, direct, forbidden])) == [mine, other, direct]


def test_a_session_expires_only_without_a_connection() -> None:
    """The time-out counts from the end of the last connection."""
    session = make()
    assert not session.is_expired(now=1e9, timeout=180)

    session.disconnected_at = 100.0
    assert not session.is_expired(now=280.0, timeout=180)
    assert session.is_expired(now=280.1, timeout=180)


def test_the_id_is_not_shown() -> None:
    """A session's id is a secret, so its repr names the shard alone."""
    assert "secret-id" not in repr(make())


def test_contents_are_hidden_from_sessions_without_the_intent() -> None:
    """What has no second version is the same for all."""
    event = Event(b"MESSAGE_CREATE", 1 << 22, 1, b'"all"', b'"bare"')
    same = message("same")

    assert [each.data for each in make().select([event, same])] == [b'"bare"', same.data]
    assert [each.data for each in make(intents=1 | 1 << 15).select([event, same])] == [b'"all"', same.data]
