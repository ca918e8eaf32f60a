"""Rows that are still open, found by the index that holds nothing else."""

from __future__ import annotations

from mocha_actors.db.connection import Dialectal


def by_index(index: str, statement: str) -> Dialectal:
    """A statement that SQLite runs by ``index``, which it names in place of ``{index}``; other words in braces stay.

    Left to itself it takes the primary key, which holds all columns, and passes over all that was ever recorded of the guild: 20 ms instead of 0.1 for
    24 open intervals among 200,000. PostgreSQL knows by its statistics how few they are.
    """
    return Dialectal(*(statement.replace("{index}", hint) for hint in (f" INDEXED BY {index}", "")))
