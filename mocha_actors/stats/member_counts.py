"""Counting joins and leaves, and the number of members at any moment (rule 19)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.stats.cover import Unit, cover
from mocha_actors.stats.questions.base import Filters
from mocha_actors.stats.retention import note
from mocha_actors.stats.scope import Scope

WHOLE: Final = """
SELECT hour, is_bot, joins, leaves FROM member_hour WHERE guild_id = :guild_id AND hour >= :first AND hour < :last
"""

RAW: Final = """
SELECT at_ms, is_bot, CAST(SUM(1 - kind) AS BIGINT), CAST(SUM(kind) AS BIGINT) FROM member_events
WHERE guild_id = :guild_id AND at_ms >= :since_ms AND at_ms < :until_ms{conditions}
GROUP BY at_ms, is_bot
"""

ANCHORS: Final = """
SELECT at_ms, count FROM member_counts WHERE guild_id = :guild_id
AND at_ms >= COALESCE((SELECT MAX(at_ms) FROM member_counts WHERE guild_id = :guild_id AND at_ms < :since_ms), :since_ms)
AND at_ms <= COALESCE((SELECT MIN(at_ms) FROM member_counts WHERE guild_id = :guild_id AND at_ms >= :until_ms), :until_ms)
ORDER BY at_ms
"""
"""Those inside, the last one before and the first one after."""


class Moves(NamedTuple):
    """Joins and leaves in a unit of time, or at one moment."""

    at_ms: int
    is_bot: bool
    joins: int
    leaves: int


def moves(connection: Connection, scope: Scope, cuts: Sequence[int]) -> Iterator[Moves]:
    """Joins and leaves between the first and the last of ``cuts``, bots' included; no result reaches across one."""
    covered = cover(cuts, (Unit.HOUR,) if scope.users.everything else ())
    for run in covered.whole:
        note("hours", Unit.HOUR.begin(run.first))
        bounds = {"guild_id": scope.guild_id, "first": run.first, "last": run.last}
        for hour, is_bot, joins, leaves in connection.execute(WHOLE, bounds):
            yield Moves(Unit.HOUR.begin(hour), bool(is_bot), joins, leaves)
    statement = RAW.format(conditions=scope.users.condition("user_id", "users"))
    for window in covered.raw:
        note("members", window.since_ms)
        bounds = {"since_ms": window.since_ms, "until_ms": window.until_ms}
        for at_ms, is_bot, joins, leaves in connection.execute(statement, {**scope.parameters(), **bounds}):
            yield Moves(at_ms, bool(is_bot), joins, leaves)


def member_counts_at(connection: Connection, guild_id: int, moments: Sequence[int]) -> list[int | None]:
    """The number of members just before each of ``moments``, ascending; None where Discord never gave one.

    Discord's number holds all joins and leaves up to and including the millisecond at which it came; later ones are added to it. Before the first
    one, the events are counted back from it.
    """
    bounds = {"guild_id": guild_id, "since_ms": moments[0], "until_ms": moments[-1]}
    anchors = connection.execute(ANCHORS, bounds).fetchall()
    if not anchors:
        return [None] * len(moments)
    times = [at_ms for at_ms, _ in anchors]
    chosen = [anchors[max(0, bisect_left(times, moment) - 1)] for moment in moments]
    net = _net_before(connection, guild_id, {*moments, *(at_ms + 1 for at_ms, _ in chosen)})
    return [count + net[moment] - net[at_ms + 1] for moment, (at_ms, count) in zip(moments, chosen, strict=True)]


def _net_before(connection: Connection, guild_id: int, points: Iterable[int]) -> dict[int, int]:
    """At each of ``points``, the joins less the leaves since the first of them."""
    cuts = sorted(points)
    steps = dict.fromkeys(cuts, 0)
    if len(cuts) > 1:
        for each in moves(connection, Scope(guild_id, Filters()), cuts):
            steps[cuts[bisect_right(cuts, each.at_ms)]] += each.joins - each.leaves
    return dict(zip(cuts, accumulate(steps[cut] for cut in cuts), strict=True))
