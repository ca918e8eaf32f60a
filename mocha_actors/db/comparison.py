"""Two tables compared: what is stored and what should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MAX_DIFFERENCES: Final = 1000
"""Differences that are kept; the others are only counted."""

Key = tuple[int | str, ...]
Numbers = tuple[int | str | None, ...]
Table = Mapping[Key, Numbers]


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that differs.

    Attributes:
        table: its table.
        key: its primary key, in the order of :attr:`mocha_actors.db.recounts.base.Recount.key`.
        stored: the numbers in the table; None where the row is missing.
        expected: the numbers that should be there; None where there should be no row.

    """

    table: str
    key: Key
    stored: Numbers | None
    expected: Numbers | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of a comparison.

    Attributes:
        compared: rows compared, those that are missing on either side included.
        different: how many of them differ.
        differences: the first of those.
        not_retained: pieces of a table that could not be compared, since their raw rows are past their retention.

    """

    compared: int = 0
    different: int = 0
    differences: tuple[Difference, ...] = ()
    not_retained: int = 0

    @property
    def equal(self) -> int:
        """Rows that are the same on both sides."""
        return self.compared - self.different

    def __add__(self, other: Verification) -> Verification:
        differences = (self.differences + other.differences)[:MAX_DIFFERENCES]
        return Verification(
            self.compared + other.compared,
            self.different + other.different,
            differences,
            self.not_retained + other.not_retained,
        )


def compare(table: str, stored: Table, expected: Table) -> Verification:
    """Compare ``stored`` with ``expected``, row by row; a row that is missing on one side differs."""
    keys = stored.keys() | expected.keys()
    wrong = sorted(key for key in keys if stored.get(key) != expected.get(key))
    kept = (Difference(table, key, stored.get(key), expected.get(key)) for key in wrong[:MAX_DIFFERENCES])
    return Verification(len(keys), len(wrong), tuple(kept))
