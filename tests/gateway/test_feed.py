"""The feed: what a host hands over, in order, numbered, within limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.gateway.feed import Began, Evidence, Feed, FeedMessage, Missed, Run


class House:
    """A feed with a clock that is set by hand, and a count of wake-ups."""

    def __init__(self, **limits: int) -> None:
        self.now_ms = 1_000
        self.woken = 0
        self.feed = Feed(self._wake, clock=lambda: self.now_ms, **limits)

    def _wake(self) -> None:
        self.woken += 1


def numbers(messages: list[FeedMessage]) -> list[tuple[str, int]]:
    """Session and number of everything that was taken out, a frame at a time."""
    found = []
    for message in messages:
        if isinstance(message, Run):
            found += [(message.session, message.first + index) for index in range(len(message.frames))]
        elif isinstance(message, Began | Missed | Evidence):
            found.append((message.session, message.number))
    return found


def test_frames_that_wait_together_travel_together() -> None:
    """One wake-up and one run for all; the session that begins with the first of them stands before it."""
    house = House()
    for number in range(3):
        assert house.feed.frame(0, b"%d" % number)
    began, run = house.feed.take()
    assert isinstance(began, Began)
    assert isinstance(run, Run)
    assert (began.ready_ms, run.first, run.frames, run.received_ms) == (1_000, 2, [b"0", b"1", b"2"], 1_000)
    assert house.woken == 1
    house.feed.frame(0, b"3")
    assert house.woken == 2


def test_a_run_holds_512_frames_and_a_megabyte() -> None:
    """A larger frame is a run of its own."""
    house = House()
    for _ in range(513):
        house.feed.frame(0, b"x")
    house.feed.frame(0, b"y" * (2 << 20))
    house.feed.frame(0, b"z")
    assert [len(m.frames) for m in house.feed.take() if isinstance(m, Run)] == [512, 1, 1, 1]


def test_a_ready_begins_a_session_and_a_resume_goes_on_with_it() -> None:
    """What comes between a loss of the connection and RESUMED is a replay."""
    house = House()
    house.feed.ready(0, user_id=7)
    house.feed.frame(0, b"a")
    house.feed.disconnected(0)
    house.feed.frame(0, b"b")
    house.feed.resumed(0)
    house.feed.frame(0, b"c")
    first, *runs = house.feed.take()
    assert isinstance(first, Began)
    assert first.user_id == 7
    assert [(run.session, run.replayed) for run in runs if isinstance(run, Run)] == [
        (first.session, False), (first.session, True), (first.session, False)
    ]  # fmt: skip
    house.feed.disconnected(0)
    house.feed.ready(0)
    (again,) = house.feed.take()
    assert isinstance(again, Began)
    assert again.session != first.session


def test_what_does_not_fit_is_counted_and_becomes_a_gap_once_there_is_room() -> None:
    """The gap begins with the first frame that was dropped and ends after the last."""
    house = House(max_events=2)
    for house.now_ms in range(1_000, 1_005):
        house.feed.frame(0, b"x")
    assert house.feed.dropped == 3
    house.feed.take()
    house.now_ms = 2_000
    assert house.feed.frame(0, b"y")
    missed, run = house.feed.take()
    assert isinstance(missed, Missed)
    assert isinstance(run, Run)
    assert (missed.from_ms, missed.to_ms) == (1_002, 1_005)
    assert run.first == missed.number + 1


def test_bytes_are_limited_too() -> None:
    """Frames count by their size."""
    house = House(max_bytes=10)
    assert house.feed.frame(0, b"12345678")
    assert not house.feed.frame(0, b"123")
    assert house.feed.frame(0, b"12")


def test_a_run_refused_further_on_counts_as_dropped() -> None:
    """All of it, from when it was received."""
    house = House()
    for _ in range(4):
        house.feed.frame(0, b"x")
    _, run = house.feed.take()
    house.now_ms = 3_000
    house.feed.refused(run)
    assert house.feed.dropped == 4
    house.feed.frame(0, b"y")
    missed = house.feed.take()[0]
    assert isinstance(missed, Missed)
    assert (missed.from_ms, missed.to_ms) == (1_000, 3_001)


def test_nothing_vouches_for_a_time_in_which_frames_were_dropped() -> None:
    """Evidence after the loss would hide it, should the process die before the gap is written."""
    house = House(max_events=1)
    house.feed.frame(0, b"x")
    house.feed.frame(0, b"y")
    house.feed.alive(0)
    assert not any(isinstance(message, Evidence) for message in house.feed.take())
    house.feed.frame(0, b"z")
    house.feed.alive(0, seconds_ago=0.5)
    evidence = house.feed.take()[-1]
    assert isinstance(evidence, Evidence)
    assert evidence.at_ms == 500


def test_a_closed_feed_takes_nothing_and_counts_it() -> None:
    """The host may go on for a while."""
    house = House()
    house.feed.close()
    assert not house.feed.frame(0, b"x")
    house.feed.ready(0)
    assert (house.feed.dropped, house.feed.take()) == (1, [])


def test_a_run_shows_no_content() -> None:
    """Its repr tells numbers alone."""
    house = House()
    house.feed.frame(0, b"a secret")
    assert "secret" not in repr(house.feed.take())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["frame", "frame", "frame", "ready", "disconnected", "resumed", "alive", "take"]),
            st.integers(0, 2),
        )
    )
)
def test_every_number_of_a_session_is_given_once_in_order_without_a_hole(acts: list[tuple[str, int]]) -> None:
    """Whatever the host does, on whatever shard: from 1 on in each session, and every frame is there or counted as dropped."""
    house = House(max_events=5)
    taken: list[FeedMessage] = []
    for house.now_ms, (act, shard) in enumerate(acts):
        match act:
            case "take":
                taken += house.feed.take()
            case "frame":
                house.feed.frame(shard, b"x")
            case _:
                getattr(house.feed, act)(shard)
    taken += house.feed.take()
    by_session: dict[str, list[int]] = {}
    for session, number in numbers(taken):
        by_session.setdefault(session, []).append(number)
    for found in by_session.values():
        assert found == list(range(1, len(found) + 1))
    arrived = sum(len(message.frames) for message in taken if isinstance(message, Run))
    assert arrived + house.feed.dropped == sum(act == "frame" for act, _ in acts)
