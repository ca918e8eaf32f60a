"""Which part of a range was really observed (principle: a number carries its quality)."""

from __future__ import annotations

from typing import Final

from mocha_actors.db.connection import Connection
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import Coverage, Gap

STALE_MS: Final = 120_000
"""An idle shard gives evidence of life with each acknowledged heartbeat, every 41 s; three missing are a silence."""

GAPS: Final = """
SELECT shard, from_ms, to_ms, reason FROM coverage_gaps
WHERE from_ms < :until_ms AND to_ms > :since_ms
ORDER BY from_ms, shard
"""

LAST_ALIVE: Final = "SELECT MAX(last_alive_ms) FROM gateway_sessions"


def coverage_of(connection: Connection, period: Range) -> Coverage:
    """The gaps that overlap ``period``, cut to it.

    Gaps of every shard count: which shard a guild belonged to at that time is not recorded, and a gap too many is
    better than one too few.
    """
    bounds = {"since_ms": period.since_ms, "until_ms": period.until_ms}
    gaps = [
        Gap(shard=shard, since_ms=max(from_ms, period.since_ms), until_ms=min(to_ms, period.until_ms), reason=reason)
        for shard, from_ms, to_ms, reason in connection.execute(GAPS, bounds)
    ]
    if (rest := _not_yet_observed(connection, period)) is not None:
        gaps.append(rest)
    return Coverage(complete=not gaps, gaps=tuple(gaps))


def _not_yet_observed(connection: Connection, period: Range) -> Gap | None:
    """The end of ``period``, if the service has given no sign of life for it."""
    (last_alive_ms,) = connection.execute(LAST_ALIVE).fetchone()
    if last_alive_ms is None or period.until_ms - last_alive_ms <= STALE_MS:
        return None
    since_ms = max(last_alive_ms, period.since_ms)
    return Gap(shard=None, since_ms=since_ms, until_ms=period.until_ms, reason="not_yet_observed")
