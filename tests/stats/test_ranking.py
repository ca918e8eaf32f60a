"""Competition ranking, and pages that put together are the whole list."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.ranking import Cursor, Page, Place, around, page, parse_cursor, parse_text_cursor, rank_of
from tests.stats.oracle import ranked


def test_equal_counts_share_the_better_rank_and_the_lower_id_comes_first() -> None:
    """1, 1, 3."""
    assert page({7: 5, 3: 5, 9: 1}, 10) == Page((Place(1, 3, 5), Place(1, 7, 5), Place(3, 9, 1)), None)


def test_a_tie_across_a_page_keeps_its_rank() -> None:
    """The second of two equals is first too, although its page begins with it."""
    first = page({1: 5, 2: 5, 3: 4}, 1)

    assert first.next_cursor is not None
    assert page({1: 5, 2: 5, 3: 4}, 2, first.next_cursor).places == (Place(1, 2, 5), Place(3, 3, 4))


@given(st.dictionaries(st.integers(1, 40), st.integers(1, 6)), st.integers(1, 7))
def test_pages_put_together_are_the_whole_list(counts: dict[int, int], limit: int) -> None:
    """Nobody is missing, nobody stands twice, and the last page knows that it is."""
    places: list[Place[int]] = []
    cursor: Cursor[int] | None = None
    while True:
        chosen = page(counts, limit, cursor)
        places += chosen.places
        if chosen.next_cursor is None:
            break
        assert len(chosen.places) == limit
        cursor = parse_cursor(str(chosen.next_cursor))

    assert [tuple(place) for place in places] == ranked(Counter(counts))


def test_a_list_of_nobody_is_an_empty_last_page() -> None:
    """No entry, no cursor."""
    assert page({}, 5) == Page((), None)


def test_the_rank_of_a_count_is_one_more_than_how_many_are_greater() -> None:
    """Equals do not push one another down."""
    assert [rank_of({1: 9, 2: 9, 3: 4}, count) for count in (9, 4)] == [1, 3]


@pytest.mark.parametrize("text", ["", "5", "5-", "-5", "a-b", "5-6-7", "1.5-2"])
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    """The error repeats it and says where cursors come from."""
    with pytest.raises(QuestionError, match="next_cursor") as caught:
        parse_cursor(text)

    assert repr(text) in str(caught.value)


def test_keys_may_be_texts() -> None:
    """Emoji are ranked by what they are; a hyphen in the key is part of it."""
    first = page({"b-1": 2, "a": 2, "c": 3}, 2)

    assert first.places == (Place(1, "c", 3), Place(2, "a", 2))
    assert page({"b-1": 2, "a": 2, "c": 3}, 2, parse_text_cursor(str(first.next_cursor))).places == (
        Place(2, "b-1", 2),
    )


@given(st.dictionaries(st.integers(1, 40), st.integers(1, 6), min_size=1), st.data())
def test_the_neighbours_of_an_entry_are_those_next_to_it_in_the_whole_list(
    counts: dict[int, int], data: st.DataObject
) -> None:
    """As many above and below as asked for and as there are."""
    key, neighbours = data.draw(st.sampled_from(sorted(counts))), data.draw(st.integers(0, 3))
    whole = ranked(Counter(counts))
    position = [entry[1] for entry in whole].index(key)

    places = around(counts, key, neighbours)

    assert [tuple(place) for place in places] == whole[max(0, position - neighbours) : position + neighbours + 1]


def test_who_is_not_in_the_list_has_no_neighbours() -> None:
    """Nothing to show."""
    assert around({1: 5}, 2, 3) == ()
