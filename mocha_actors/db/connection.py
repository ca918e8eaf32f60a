"""A connection as the statements of this package see it, the same on SQLite and on PostgreSQL.

Statements are written once, in what both understand, with ``?`` or ``:name`` for parameters. The rules that follow from it:

- ``INSERT … ON CONFLICT (key) DO NOTHING`` or ``DO UPDATE SET n = t.n + excluded.n``, the target column always with its table: PostgreSQL takes a
  bare one for ambiguous. Within one statement a row may be updated once only.
- ``IN (SELECT value FROM json_each(?))`` takes the JSON text of a list of integers. This very phrase is translated for PostgreSQL.
- ``GREATEST(a, b)`` and ``LEAST(a, b)`` of values that are not NULL; SQLite gets its ``max`` and ``min`` of two arguments.
- ``CAST(SUM(n) AS BIGINT)``: PostgreSQL adds up bigints as numeric, which would reach Python as Decimal.
- An alias of a column cannot be used in HAVING, and what is selected beside an aggregate stands in GROUP BY.
- Flags are ``SMALLINT`` 0 or 1 and are given as integers.

Where a statement must differ it is a :class:`Dialectal`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from mocha_actors.db.bulk import BulkInsert

Dialect = Literal["sqlite", "postgresql"]

Parameters = Sequence[Any] | Mapping[str, Any]
"""For ``?`` a sequence, for ``:name`` a mapping, which may hold more than the statement names."""


class Dialectal(NamedTuple):
    """A statement that is not the same on both databases."""

    sqlite: str
    postgresql: str


Statement = str | Dialectal


class Cursor(Protocol):
    """The result of a statement; iterating gives the rows as tuples."""

    @property
    def rowcount(self) -> int:
        """Rows inserted, changed or deleted."""

    def fetchone(self) -> Any:
        """The next row; None at the end."""

    def fetchall(self) -> list[Any]:
        """The rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the rows that are left."""


class Connection(Protocol):
    """What runs statements inside the transaction of whoever gave it. Both drivers' own connections are subclassed to be one.

    Attributes:
        dialect: which database it is.

    """

    @property
    def dialect(self) -> Dialect:
        """Which database it is."""

    def execute(self, sql: Statement, parameters: Parameters = (), /) -> Cursor:
        """Run one statement."""

    def executemany(self, sql: Statement, rows: Iterable[Parameters], /) -> Cursor:
        """Run a statement for each of ``rows``; ``rowcount`` is of all together.

        For a few rows: on PostgreSQL each costs a trip to the server, see :class:`~mocha_actors.db.bulk.BulkInsert`.
        """

    def insert(self, bulk: BulkInsert, rows: Sequence[tuple[Any, ...]], /) -> int:
        """Insert ``rows`` in their order, in the way that is fastest here; returns how many were inserted or changed."""
