"""Competition ranking and the pages of a ranked list (rules 27 and A3.8).

Equal counts share the better rank; among them the lower id comes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

from mocha_actors.stats.errors import QuestionError

LONGEST: Final = 19
"""Digits of the largest number that the database can hold."""


MOST_TEXT: Final = 200
"""Characters of the longest key that is a text."""

K = TypeVar("K", bound=int | str)


class Cursor(NamedTuple, Generic[K]):
    """The last entry of a page: the next page holds what ranks behind it.

    Attributes:
        value: its count.
        key: its id.

    """

    value: int
    key: K

    def __str__(self) -> str:
        return f"{self.value}-{self.key}"


def parse_cursor(text: str) -> Cursor[int]:
    """Read a cursor of ids that :meth:`Cursor.__str__` wrote.

    Raises:
        QuestionError: the text is none.

    """
    value, _, key = text.partition("-")
    if not _is_number(value) or not _is_number(key):
        raise _no_cursor(text)
    return Cursor(int(value), int(key))


def parse_text_cursor(text: str) -> Cursor[str]:
    """Read a cursor of a list whose keys are texts.

    Raises:
        QuestionError: the text is none.

    """
    value, _, key = text.partition("-")
    if not _is_number(value) or not 0 < len(key) <= MOST_TEXT:
        raise _no_cursor(text)
    return Cursor(int(value), key)


class Place(NamedTuple, Generic[K]):
    """One entry of a ranked list: how many have a greater count, plus one; its id; its count."""

    rank: int
    key: K
    value: int


class Page(NamedTuple, Generic[K]):
    """A part of a ranked list, and where the next one begins (None: there is none)."""

    places: tuple[Place[K], ...]
    next_cursor: Cursor[K] | None


def page(counts: Mapping[K, int], limit: int, after: Cursor[K] | None = None) -> Page[K]:
    """The ``limit`` best of ``counts`` (id to count) behind ``after``, best first."""
    rest = counts
    if after is not None:
        rest = {key: value for key, value in counts.items() if (-value, key) > (-after.value, after.key)}
    chosen, left = _best(rest, limit), len(rest)
    places = _placed(counts, chosen, len(counts) - left + 1)
    last = places[-1] if len(chosen) < left else None
    return Page(tuple(places), last and Cursor(last.value, last.key))


def around(counts: Mapping[K, int], key: K, neighbours: int) -> tuple[Place[K], ...]:
    """The entry ``key`` and as many before and after it, best first; nothing when it is not in the list."""
    if key not in counts:
        return ()
    mine = _order((key, counts[key]))
    better = [item for item in counts.items() if _order(item) < mine]
    rest = [item for item in counts.items() if _order(item) >= mine]
    before = heapq.nlargest(neighbours, better, key=_order)
    after = heapq.nsmallest(neighbours + 1, rest, key=_order)
    return tuple(_placed(counts, [*reversed(before), *after], 1 + len(better) - len(before)))


def rank_of(counts: Mapping[K, int], count: int) -> int:
    """The rank of an entry with ``count``: 1, 1, 3."""
    return 1 + sum(other > count for other in counts.values())


def _best(counts: Mapping[K, int], limit: int) -> list[tuple[K, int]]:
    """The ``limit`` best, best first. Plain numbers are compared ten times as fast as entries, and leave few entries to be compared."""
    least = min(heapq.nlargest(limit, counts.values()), default=0)
    return heapq.nsmallest(limit, [item for item in counts.items() if item[1] >= least], key=_order)


def _placed(counts: Mapping[K, int], chosen: Iterable[tuple[K, int]], position: int) -> list[Place[K]]:
    """Give ranks to entries that follow each other from ``position`` on."""
    places: list[Place[K]] = []
    for at, (key, value) in enumerate(chosen, start=position):
        if not places:
            # It alone can tie with an entry before it; each later one is compared with its neighbour.
            rank = 1 if at == 1 else rank_of(counts, value)
        elif value < places[-1].value:
            rank = at
        places.append(Place(rank, key, value))
    return places


def _order(item: tuple[K, int]) -> tuple[int, K]:
    key, count = item
    return -count, key


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST


def _no_cursor(text: str) -> QuestionError:
    msg = f"cursor is {text[:60]!r}; allowed is the next_cursor of an earlier page, as in '42-80351110224678912'"
    return QuestionError(msg)
