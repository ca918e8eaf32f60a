"""Batches: order, settling, and that everything about them may happen twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.discord.events import Event, UnknownEvent
from mocha_actors.pipeline.batch import IGNORED, Batch, DeadLetter, Work

LETTER = DeadLetter(reason="invalid", error="ValueError: no")


def batch_of(count: int) -> Batch:
    """A batch of ``count`` events, s = 1, 2, …."""
    events: list[Event] = [UnknownEvent(t="X", s=s) for s in range(1, count + 1)]
    return Batch(0, "session", events, received_at=0.0, received_ms=0, size=10)


def test_an_empty_batch_is_refused() -> None:
    """A batch without entries could never be settled."""
    with pytest.raises(ValueError, match="at least one event"):
        batch_of(0)


@given(st.permutations(range(6)))
def test_a_batch_is_settled_exactly_when_its_last_entry_is(order: list[int]) -> None:
    """Whatever the order of settling, listeners are told once, at the last entry."""
    batch, told = batch_of(6), []
    batch.when_settled(lambda: told.append(len(batch.open_entries())))

    for position, index in enumerate(order):
        assert not batch.settled
        assert position == 6 - len(batch.open_entries())
        batch.settle(index, IGNORED)

    assert batch.settled
    assert [0] == told


def test_the_first_outcome_stands() -> None:
    """Settling twice changes nothing, so that redelivered work is harmless."""
    batch = batch_of(2)
    batch.settle(0, LETTER)
    batch.settle(0, IGNORED)

    assert LETTER == batch.outcomes[0]
    assert [1] == batch.open_entries()


def test_a_listener_that_comes_late_is_told_at_once() -> None:
    """Asking about a settled batch is answered now."""
    batch, told = batch_of(1), []
    batch.settle(0, IGNORED)
    batch.when_settled(lambda: told.append(True))

    assert [True] == told


def test_giving_up_makes_dead_letters_of_the_open_entries_alone() -> None:
    """What was settled keeps its outcome; the rest is `unsettled`."""
    batch = batch_of(3)
    batch.settle(1, IGNORED)

    assert 2 == batch.give_up()
    assert IGNORED == batch.outcomes[1]
    assert ["unsettled", "unsettled"] == [o.reason for o in batch.outcomes if isinstance(o, DeadLetter)]


def test_a_batch_shows_no_session_id() -> None:
    """The session id is a secret."""
    assert "session" not in repr(batch_of(1))


def test_work_advances_and_forgets_the_failures_of_the_entry_before() -> None:
    """Attempts belong to the entry in hand."""
    work = Work(batch_of(3), [0, 2])
    work.attempts = 1
    work.advance_to(work.cursor + 1)

    assert (1, 0, 2) == (work.cursor, work.attempts, len(work))
