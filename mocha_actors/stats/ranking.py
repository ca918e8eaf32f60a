"""Competition ranking and the pages of a ranked list (rules 27 and A3.8).

Equal counts share the better rank; among them the lower id comes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Final, NamedTuple

from mocha_actors.stats.errors import QuestionError

LONGEST: Final = 19
"""Digits of the largest number that the database can hold."""


class Cursor(NamedTuple):
    """The last entry of a page: the next page holds what ranks behind it.

    Attributes:
        value: its count.
        key: its id.

    """

    value: int
    key: int

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor that :meth:`__str__` wrote.

        Raises:
            QuestionError: the text is none.

        """
        value, _, key = text.partition("-")
        if not all(part.isascii() and part.isdecimal() and len(part) <= LONGEST for part in (value, key)):
            msg = (
                f"cursor is {text[:60]!r}; allowed is the next_cursor of an earlier page, as in '42-80351110224678912'"
            )
            raise QuestionError(msg)
        return cls(int(value), int(key))

    def __str__(self) -> str:
        return f"{self.value}-{self.key}"


class Place(NamedTuple):
    """One entry of a ranked list: how many have a greater count, plus one; its id; its count."""

    rank: int
    key: int
    value: int


class Page(NamedTuple):
    """A part of a ranked list, and where the next one begins (None: there is none)."""

    places: tuple[Place, ...]
    next_cursor: Cursor | None


def page(counts: Mapping[int, int], limit: int, after: Cursor | None = None) -> Page:
    """The ``limit`` best of ``counts`` (id to count) behind ``after``, best first."""
    rest = (
        counts.items()
        if after is None
        else [item for item in counts.items() if _order(item) > (-after.value, after.key)]
    )
    chosen = heapq.nsmallest(limit, rest, key=_order)
    places: list[Place] = []
    for position, (key, value) in enumerate(chosen, start=len(counts) - len(rest) + 1):
        if not places:
            # It alone can tie with an entry of the page before; each later one is compared with its neighbour.
            rank = rank_of(counts, value)
        elif value < places[-1].value:
            rank = position
        places.append(Place(rank, key, value))
    last = places[-1] if len(chosen) < len(rest) else None
    return Page(tuple(places), last and Cursor(last.value, last.key))


def rank_of(counts: Mapping[int, int], count: int) -> int:
    """The rank of an entry with ``count``: 1, 1, 3."""
    return 1 + sum(other > count for other in counts.values())


def _order(item: tuple[int, int]) -> tuple[int, int]:
    key, count = item
    return -count, key
