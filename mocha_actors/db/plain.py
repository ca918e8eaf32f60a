"""Values as they leave the database for people and other programs: times as ISO 8601, ids as text, and nothing that a spreadsheet would execute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mocha_actors.discord.snowflake import time_ms

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A spreadsheet takes a text that begins so for a formula, and names come from strangers; the wide forms are turned into these by some."""


def moment(ms: int | None) -> str | None:
    """A time, milliseconds since the Unix epoch, as ISO 8601 in UTC."""
    return None if ms is None else (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")


def made(snowflake: int | None) -> str | None:
    """When an id was made."""
    return None if snowflake is None else moment(time_ms(snowflake))


def as_text(value: int | None) -> str | None:
    """An id as text: many readers of JSON and spreadsheets keep 53 bits of a number only."""
    return None if value is None else str(value)


def flag(value: int | None) -> bool | None:
    """0 or 1 as it is meant."""
    return None if value is None else bool(value)


def ids(value: str | None) -> list[str] | None:
    """Ids that are stored between commas, as in ``,1,2,``, each as text."""
    return None if value is None else [each for each in value.split(",") if each]


def same(value: Any) -> Any:
    """A value as it is."""
    return value


def cell(value: Any) -> Any:
    """A value as a spreadsheet takes it without harm: a text that would be a formula begins with an apostrophe, and a list has blanks between."""
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
