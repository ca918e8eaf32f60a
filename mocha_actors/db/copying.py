"""Bulk inserts by COPY: the rows go into a temporary table as text, and from there by one INSERT. Pure; PostgreSQL's connection runs it.

For thousands of rows that takes half the time of multi-row statements, whose literals the server parses one by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from zlib import crc32

from mocha_actors.db.bulk import BulkInsert

INTO: Final = re.compile(r"INSERT INTO (?P<table>\w+) \((?P<columns>[\w, ]+)\)")
CONSTANT: Final = re.compile(r"-?\d+|NULL|'[^']*'")
ESCAPES: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


@dataclass(frozen=True, slots=True)
class Copying:
    """The statements of one bulk insert.

    Attributes:
        prepare: makes the temporary table, or empties it; its rows go with the transaction.
        copy: reads them.
        insert: moves them into the real one.

    """

    prepare: str
    copy: str
    insert: str


@lru_cache(maxsize=64)
def copying(bulk: BulkInsert) -> Copying | None:
    """How to copy; None where a value is neither a parameter nor a constant, so that only a statement can tell it."""
    into = INTO.fullmatch(bulk.into.strip())
    values = [value.strip() for value in bulk.values.strip()[1:-1].split(",")]
    if into is None or not all(value == "?" or CONSTANT.fullmatch(value) for value in values):
        return None
    columns = [column.strip() for column in into["columns"].split(",")]
    copied = ", ".join(column for column, value in zip(columns, values, strict=True) if value == "?")
    chosen = ", ".join(column if value == "?" else value for column, value in zip(columns, values, strict=True))
    stage = f"mocha_{into['table']}_{crc32(copied.encode()):08x}"
    empty = f"SELECT {copied} FROM {into['table']} WITH NO DATA"  # noqa: S608 - of a BulkInsert, which is a constant
    return Copying(
        prepare=f"CREATE TEMPORARY TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS AS {empty}; DELETE FROM {stage}",  # noqa: S608 - likewise
        copy=f"COPY {stage} ({copied}) FROM STDIN",
        insert=f"{bulk.into} SELECT {chosen} FROM {stage} {bulk.then}",  # noqa: S608 - likewise
    )


def text_of(rows: Sequence[tuple[Any, ...]]) -> str:
    """``rows`` in the text format of COPY. https://www.postgresql.org/docs/current/sql-copy.html."""
    lines = ["\t".join([str(value) if type(value) is int else field(value) for value in row]) for row in rows]
    return "\n".join([*lines, ""])


def field(value: Any) -> str:
    """One value in that format."""
    if value is None:
        return r"\N"
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    return str(value).translate(ESCAPES)
