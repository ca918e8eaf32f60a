"""The first and the last of some messages, found with few raw rows: counts tell in which unit of time each lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_MS, time_ms
from mocha_actors.pipeline.facts import MessageKind
from mocha_actors.stats.message_counts import QUARTER_MS, Count, message_counts
from mocha_actors.stats.message_sources import class_list
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.retention import note
from mocha_actors.stats.scope import Scope

END: Final = """
SELECT message_id FROM message_events
WHERE guild_id = :guild_id AND message_id >= :low AND message_id < :high{conditions}
ORDER BY message_id {direction} LIMIT 1
"""
"""Stops at the first row that matches, as no MIN beside a MAX would."""

DAYS: Final = """
WITH RECURSIVE step (number) AS (SELECT :first UNION ALL SELECT number + 1 FROM step WHERE number + 1 < :last)
SELECT MIN(number), MAX(number) FROM step CROSS JOIN user_day
WHERE guild_id = :guild_id AND day = number AND author_class IN {classes} AND kind = 0 AND sent > {deleted}{conditions}
"""
"""A key look-up for each day and user."""


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


def span_of(connection: Connection, scope: Scope, period: Range) -> Span:
    """Find the first and the last message. Of a few users the days are known on which there is any; else counts have to tell where to look."""
    if not (scope.users.few and scope.channels.everything):
        counts = list(message_counts(connection, scope, [period.since_ms, period.until_ms]))
        return find_span(connection, scope, period, counts)
    return _span(*(_end_by_days(connection, scope, period, direction) for direction in ("ASC", "DESC")))


def _end_by_days(connection: Connection, scope: Scope, period: Range, direction: Literal["ASC", "DESC"]) -> int | None:
    """The first or the last message: on the first or last day with any, or, where the range holds a part of that day only, perhaps on the next."""
    first, last = period.since_ms // DAY_MS, -(-period.until_ms // DAY_MS)
    while first < last:
        day = _days(connection, scope, first, last)[direction == "DESC"]
        if day is None:
            return None
        window = Range(max(period.since_ms, day * DAY_MS), min(period.until_ms, (day + 1) * DAY_MS))
        found = _end_of(connection, scope, window, direction)
        if found is not None or window.duration_ms == DAY_MS:
            return found
        first, last = (day + 1, last) if direction == "ASC" else (first, day)
    return None


def _days(connection: Connection, scope: Scope, first: int, last: int) -> tuple[int | None, int | None]:
    """The first and the last day from ``first`` up to ``last`` with messages of ``scope``, as far as users are concerned."""
    statement = DAYS.format(
        classes=class_list(scope.classes),
        deleted="deleted" if scope.filters.exclude_deleted else "0",
        conditions=scope.users.condition("user_id", "users"),
    )
    found = connection.execute(statement, {**scope.parameters(), "first": first, "last": last}).fetchone()
    return found[0], found[1]


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
    return _span(first, last)


def _span(first: int | None, last: int | None) -> Span:
    """Of these ids. Sums outlive the raw rows: then it is known that there was one, and not which."""
    return Span(first, None if first is None else time_ms(first), last, None if last is None else time_ms(last))
