"""The common SQL of this package, made into what each driver takes. Pure; the rules of the common SQL stand in :mod:`mocha_actors.db.connection`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from mocha_actors.db.connection import Dialectal, Statement

CACHED: Final = 1024
"""Statements whose translation is remembered; the program has fewer."""

OF_TWO: Final = re.compile(r"\b(GREATEST|LEAST)(?=\s*\()", re.IGNORECASE)
SQLITE_NAMES: Final = {"greatest": "max", "least": "min"}

IN_JSON: Final = re.compile(r"\b(NOT\s+)?IN\s*\(\s*SELECT\s+value\s+FROM\s+json_each\((\?|:\w+)\)\s*\)", re.IGNORECASE)
"""On PostgreSQL the list becomes an array, which is looked up by the index whatever the planner believes: joined with a function's rows, of which it
expects a hundred, a deletion of one message read all 450,000 of its guild (304 ms, now 0.1), since nothing had been analysed since the table was small."""

TOKEN: Final = re.compile(
    r"""(?P<kept> '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | :: | % )
      | (?P<place> \? )
      | :(?P<name> [A-Za-z_]\w* )""",
    re.VERBOSE | re.DOTALL,
)
"""What a placeholder may be mistaken for, and placeholders."""


@lru_cache(maxsize=CACHED)
def for_sqlite(sql: Statement) -> str:
    """The text for SQLite's driver."""
    text = sql.sqlite if isinstance(sql, Dialectal) else sql
    return OF_TWO.sub(lambda match: SQLITE_NAMES[match[1].lower()], text)


@lru_cache(maxsize=CACHED)
def for_postgresql(sql: Statement) -> str:
    """The text for psycopg2: its placeholders, ``%`` doubled."""
    text = sql.postgresql if isinstance(sql, Dialectal) else sql
    return TOKEN.sub(_placeholder, IN_JSON.sub(_in_array, text))


def _in_array(match: re.Match[str]) -> str:
    comparison = "<> ALL" if match[1] else "= ANY"
    elements = f"json_array_elements_text(CAST({match[2]} AS json))"
    return f"{comparison}(ARRAY(SELECT CAST(value AS BIGINT) FROM {elements}))"  # noqa: S608 - made of a placeholder and our own words


def _placeholder(match: re.Match[str]) -> str:
    if match["place"]:
        return "%s"
    if match["name"]:
        return f"%({match['name']})s"
    return match["kept"].replace("%", "%%")
