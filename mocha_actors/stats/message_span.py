"""The first and the last of some messages, found with few raw rows: counts tell in which unit of time each lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import time_ms
from mocha_actors.pipeline.facts import MessageKind
from mocha_actors.stats.message_counts import QUARTER_MS, Count, class_list
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.retention import note
from mocha_actors.stats.scope import Scope

END: Final = """
SELECT message_id FROM message_events
WHERE guild_id = :guild_id AND message_id >= :low AND message_id < :high{conditions}
ORDER BY message_id {direction} LIMIT 1
"""
"""Stops at the first row that matches, as no MIN beside a MAX would."""


class Span(NamedTuple):
    """The first and the last of some messages; all None when there are none."""

    first_message_id: int | None = None
    first_message_ms: int | None = None
    last_message_id: int | None = None
    last_message_ms: int | None = None


def span_conditions(scope: Scope) -> str:
    """The condition that a raw row counts as a message of ``scope``."""
    deleted = " AND deleted_ms IS NULL" if scope.filters.exclude_deleted else ""
    counted = f" AND author_class IN {class_list(scope.classes)} AND kind = 0{deleted}"
    return counted + scope.channels.condition("channel_id", "channels") + scope.users.condition("user_id", "users")


def first_message(connection: Connection, scope: Scope, window: Range) -> int | None:
    """The least id of the messages of ``scope`` in a short window, from raw rows."""
    return _end_of(connection, scope, window, "ASC")


def last_message(connection: Connection, scope: Scope, window: Range) -> int | None:
    """The greatest id of the messages of ``scope`` in a short window, from raw rows."""
    return _end_of(connection, scope, window, "DESC")


def _end_of(connection: Connection, scope: Scope, window: Range, direction: Literal["ASC", "DESC"]) -> int | None:
    note("messages", window.since_ms)
    low, high = window.keys
    statement = END.format(conditions=span_conditions(scope), direction=direction)
    row = connection.execute(statement, {**scope.parameters(), "low": low, "high": high}).fetchone()
    return None if row is None else int(row[0])


def windows_of(counts: Sequence[Count], period: Range, scope: Scope) -> list[Range]:
    """The parts of ``period`` that hold the first and the last message that counts, from which both are to be read."""
    held = sorted(
        (count.since_ms, count.unit_ms)
        for count in counts
        if count.kind == MessageKind.MESSAGE
        and count.author_class in scope.classes
        and count.sent > count.deleted * scope.filters.exclude_deleted
    )
    return [
        Range(max(since, period.since_ms), min(_end(since, length), period.until_ms))
        for since, length in dict.fromkeys([*held[:1], *held[-1:]])
    ]


def _end(since_ms: int, unit_ms: int) -> int:
    """The end of a unit; of a quarter whose begin was cut off, the end of the quarter."""
    return since_ms + unit_ms - since_ms % unit_ms if unit_ms == QUARTER_MS else since_ms + unit_ms


def find_span(connection: Connection, scope: Scope, period: Range, counts: Sequence[Count]) -> Span:
    """Find the first and the last message with as few raw rows as possible: ``counts`` of the period tell in which unit each lies."""
    windows = windows_of(counts, period, scope)
    if not windows:
        return Span()
    first = first_message(connection, scope, windows[0])
    last = last_message(connection, scope, windows[-1])
    assert first is not None
    assert last is not None
    return Span(first, time_ms(first), last, time_ms(last))
