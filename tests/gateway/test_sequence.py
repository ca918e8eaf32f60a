"""The sequence of a session."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.gateway.sequence import Intake, Sequence
from tests.gateway.machine import events


def test_a_contiguous_run_is_fresh_as_it_is() -> None:
    """The usual case makes no new list."""
    run = events(6, 9)

    assert run is Sequence(5).take(run).fresh


def test_disorder_between_the_right_ends_of_a_run_is_noticed() -> None:
    """First and last number alone would say that all is well."""
    intake = Sequence(5).take([*events(6, 7), *events(7, 7), *events(9, 9)])

    assert Intake([*events(6, 7), *events(9, 9)], duplicates=1, gap=(8, 9)) == intake


def test_only_the_first_gap_of_a_run_is_named() -> None:
    """One line in the log is enough."""
    intake = Sequence(5).take([*events(5, 6), *events(8, 8), *events(11, 11)])

    assert Intake([*events(6, 6), *events(8, 8), *events(11, 11)], duplicates=1, gap=(7, 8)) == intake


@given(st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=10), max_size=8))
def test_fresh_numbers_rise_and_nothing_is_unaccounted(runs: list[list[int]]) -> None:
    """Each dispatch is delivered once, in order, or counted as a duplicate."""
    sequence, seen = Sequence(), []
    for run in runs:
        before = len(seen)
        intake = sequence.take([events(s, s)[0] for s in run])
        seen += [event.s for event in intake.fresh]
        assert len(run) == len(seen) - before + intake.duplicates

    assert sorted(set(seen)) == seen
    assert max((s for run in runs for s in run), default=0) == sequence.received


def test_durable_numbers_only_rise() -> None:
    """A late notice is no news."""
    sequence = Sequence(9)

    assert [True, False, True] == [sequence.committed(seq) for seq in (5, 4, 9)]
    assert sequence.settled
