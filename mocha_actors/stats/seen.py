"""When somebody was first and last seen: any message, voice or reaction (A3.16).

Rollups tell on which days there is anything; only the first and the last of these are searched in the raw rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import time_ms
from mocha_actors.stats.cover import Unit, cover
from mocha_actors.stats.message_span import Span
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.retention import note
from mocha_actors.stats.scope import Scope
from mocha_actors.stats.voice_counts import closed_intervals, open_intervals

DAYS_OF_VOICE: Final = """
WITH RECURSIVE step (number) AS (SELECT :first UNION ALL SELECT number + 1 FROM step WHERE number + 1 < :last)
SELECT MIN(number), MAX(number) FROM step CROSS JOIN voice_user_day
WHERE guild_id = :guild_id AND day = number AND user_id IN (SELECT value FROM json_each(:users)) AND ms > 0
"""

DAYS_OF_REACTIONS: Final = """
WITH RECURSIVE step (number) AS (SELECT :first UNION ALL SELECT number + 1 FROM step WHERE number + 1 < :last)
SELECT MIN(number), MAX(number) FROM step CROSS JOIN reaction_user_day
WHERE guild_id = :guild_id AND day = number AND user_id IN (SELECT value FROM json_each(:users)) AND given > 0
"""

REACTIONS: Final = """
SELECT MIN(id), MAX(id) FROM reaction_events
WHERE guild_id = :guild_id AND id >= :low AND id < :high AND user_id IN (SELECT value FROM json_each(:users)) AND action = 0
"""


class Seen(NamedTuple):
    """When somebody was first and last seen; None twice for nobody."""

    first_ms: int | None
    last_ms: int | None


def seen_between(connection: Connection, scope: Scope, period: Range, span: Span) -> Seen:
    """When the one user of ``scope`` was first and last seen in ``period``; ``span`` is of the user's messages.

    Voice counts from its begin to its end as far as they lie in the range, in whatever state, channel and company.
    """
    moments = [each for each in (span.first_message_ms, span.last_message_ms) if each is not None]
    anywhere = scope.of_user(next(iter(scope.users.ids)), anywhere=True)
    moments += _voice(connection, anywhere, period)
    moments += _reactions(connection, anywhere, period)
    return Seen(min(moments), max(moments)) if moments else Seen(None, None)


def _voice(connection: Connection, scope: Scope, period: Range) -> list[int]:
    intervals = [
        interval
        for window in _windows(connection, scope, period, DAYS_OF_VOICE)
        for interval in closed_intervals(connection, scope, window)
    ]
    intervals += open_intervals(connection, scope, period.until_ms)
    inside = [
        (max(interval.since_ms, period.since_ms), min(interval.until_ms, period.until_ms)) for interval in intervals
    ]
    return [moment for begin, end in inside if begin < end for moment in (begin, end)]


def _reactions(connection: Connection, scope: Scope, period: Range) -> list[int]:
    moments: list[int] = []
    for window in _windows(connection, scope, period, DAYS_OF_REACTIONS):
        note("reactions", window.since_ms)
        low, high = window.keys
        ends = connection.execute(REACTIONS, {**scope.parameters(), "low": low, "high": high}).fetchone()
        moments += [time_ms(key) for key in ends if key is not None]
    return moments


def _windows(connection: Connection, scope: Scope, period: Range, days: str) -> Sequence[Range]:
    """The ragged edges of ``period``, and the first and the last whole day on which the rollup has anything."""
    covered = cover([period.since_ms, period.until_ms], (Unit.DAY,))
    windows = list(covered.raw)
    for run in covered.whole:
        found = connection.execute(days, {**scope.parameters(), "first": run.first, "last": run.last}).fetchone()
        windows += [Range(Unit.DAY.begin(day), Unit.DAY.begin(day + 1)) for day in {*found} - {None}]
    return windows
