"""Which part of a range was really observed (principle: a number carries its quality)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from mocha_actors.db.connection import Connection
from mocha_actors.stats.questions.base import RangeQuestion
from mocha_actors.stats.questions.guilds import CoverageQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import Coverage, CoverageReport, Gap

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
        gaps = sorted([*gaps, rest], key=lambda gap: gap.since_ms)
    return Coverage(
        complete=not gaps, observed_share=observed_share(gaps, period.since_ms, period.until_ms), gaps=tuple(gaps)
    )


def head(connection: Connection, question: RangeQuestion) -> dict[str, Any]:
    """The fields that every answer to ``question`` begins with."""
    return {
        "guild_id": question.guild_id, "since_ms": question.range.since_ms, "until_ms": question.range.until_ms,
        "time_zone": question.time_zone, "coverage": coverage_of(connection, question.range),
    }  # fmt: skip


def coverage(connection: Connection, question: CoverageQuestion) -> CoverageReport:
    """Answer ``question``."""
    return CoverageReport(**head(connection, question), last_alive_ms=last_alive_ms(connection))


def observed_share(gaps: Iterable[Gap], since_ms: int, until_ms: int) -> float:
    """The part of a half-open range that lies in none of ``gaps``, which may overlap and are in order of time."""
    missing, reached = 0, since_ms
    for gap in gaps:
        if gap.since_ms >= until_ms:
            break
        begin, end = max(gap.since_ms, reached), min(gap.until_ms, until_ms)
        if begin < end:
            missing += end - begin
            reached = end
    return 1 - missing / (until_ms - since_ms)


def holes(gaps: Iterable[Gap]) -> Sequence[tuple[int, int]]:
    """What ``gaps``, which may overlap, cover together: half-open, in order of time, and none touches the next."""
    found: list[tuple[int, int]] = []
    for since_ms, until_ms in sorted((gap.since_ms, gap.until_ms) for gap in gaps):
        if found and since_ms <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], until_ms)
        else:
            found.append((since_ms, until_ms))
    return found


def last_alive_ms(connection: Connection) -> int | None:
    """The last sign of life of the service; None without any."""
    (found,) = connection.execute(LAST_ALIVE).fetchone()
    return None if found is None else int(found)


def _not_yet_observed(connection: Connection, period: Range) -> Gap | None:
    """The end of ``period``, if the service has given no sign of life for it."""
    alive_ms = last_alive_ms(connection)
    if alive_ms is None or period.until_ms - alive_ms <= STALE_MS:
        return None
    since_ms = max(alive_ms, period.since_ms)
    return Gap(shard=None, since_ms=since_ms, until_ms=period.until_ms, reason="not_yet_observed")
