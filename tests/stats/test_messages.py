"""The first and the last message of a range are found from the rollup, with few raw rows."""

from __future__ import annotations

from collections.abc import Callable

from mocha_actors.stats.messages import Span, find_span
from mocha_actors.stats.ranges import DAY_MS, Range, split
from tests.stats.oracle import DAY, EPOCH_MS, START

FIRST_DAY = START // DAY
PERIOD = Range(START - 1000, START + 30 * DAY + 1000)


def search(ids: list[int], searched: list[Range]) -> Callable[[Range], tuple[int | None, int | None]]:
    """A search over ``ids`` that notes where it looked."""

    def find(window: Range) -> tuple[int | None, int | None]:
        searched.append(window)
        low, high = window.keys
        found = [key for key in ids if low <= key < high]
        return (min(found), max(found)) if found else (None, None)

    return find


def at(ms: int) -> int:
    """The id of a message of that time."""
    return (ms - EPOCH_MS) << 22


def test_of_thirty_days_only_the_first_and_the_last_with_messages_are_searched() -> None:
    """And the two ragged edges around them, which the rollup does not know."""
    ids = [at(START + 3 * DAY), at(START + 20 * DAY), at(START + 21 * DAY + 5)]
    searched: list[Range] = []

    span = find_span(search(ids, searched), split(PERIOD, DAY_MS), {FIRST_DAY + 3, FIRST_DAY + 20, FIRST_DAY + 21})

    assert span == Span(ids[0], START + 3 * DAY, ids[2], START + 21 * DAY + 5)
    assert sum(window.duration_ms for window in set(searched)) <= 2 * DAY + 2000


def test_a_message_in_an_edge_is_the_first_or_the_last() -> None:
    """Edges lie outside all whole days."""
    ids = [at(START - 1), at(START + 5 * DAY), at(START + 30 * DAY)]

    span = find_span(search(ids, []), split(PERIOD, DAY_MS), {FIRST_DAY + 5})

    assert (span.first_message_id, span.last_message_id) == (ids[0], ids[2])


def test_without_messages_there_is_no_span() -> None:
    """All None."""
    assert find_span(search([], []), split(PERIOD, DAY_MS), set()) == Span()
