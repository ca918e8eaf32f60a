"""Presence: how many members were online, on average."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_MS, from_time_ms, time_ms
from mocha_actors.pipeline.facts import PresenceStatus
from mocha_actors.stats.columns import filled
from mocha_actors.stats.cover import Unit, cover
from mocha_actors.stats.coverage import STALE_MS, head, holes
from mocha_actors.stats.open_rows import by_index
from mocha_actors.stats.questions import OnlineTimelineQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import OnlineStep, OnlineTimeline
from mocha_actors.stats.retention import note
from mocha_actors.stats.scope import Scope, scope_of
from mocha_actors.stats.steps import steps_of

WHOLE: Final = """
SELECT hour, status, ms FROM presence_hour
WHERE guild_id = :guild_id AND hour >= :first AND hour < :last AND is_bot <= :bots
"""

CLOSED: Final = """
SELECT id, ended_ms, status FROM presence_events
WHERE guild_id = :guild_id AND id >= :begin AND id < :high AND ended_ms > :since_ms AND is_bot <= :bots{conditions}
"""

OPEN: Final = by_index(
    "presence_open",
    """
SELECT id, last_alive_ms, status FROM presence_events{index} LEFT JOIN gateway_sessions ON gateway_sessions.shard = presence_events.shard
WHERE guild_id = :guild_id AND ended_ms IS NULL AND is_bot <= :bots{conditions}
""",
)

STATUSES: Final = (PresenceStatus.ONLINE, PresenceStatus.IDLE, PresenceStatus.DND)


class Online(NamedTuple):
    """Some time that somebody was online in a status."""

    since_ms: int
    status: int
    ms: int


def online_timeline(connection: Connection, question: OnlineTimelineQuestion) -> OnlineTimeline:
    """Answer ``question``: time online by the length of what was observed of the bucket, and nothing where that is nothing (rule 26).

    Offline and invisible are the same to everybody else (rule 21). In a gap of another shard somebody may have been seen; it is not observed for all that.
    """
    steps = steps_of(question)
    scope = scope_of(connection, question)
    common = head(connection, question)
    edges = [edge for hole in holes(common["coverage"].gaps) for edge in hole]
    sums = [dict.fromkeys(STATUSES, 0) for _ in steps.buckets]
    for each in online(connection, scope, sorted({*steps.cuts, *edges})):
        if bisect_right(edges, each.since_ms) % 2 == 0:
            sums[steps.position(each.since_ms)][PresenceStatus(each.status)] += each.ms
    return OnlineTimeline(
        **common,
        interval=question.interval,
        buckets=tuple(
            _step(steps.fields(position, common["coverage"].gaps), each) for position, each in enumerate(sums)
        ),
    )


def online(connection: Connection, scope: Scope, cuts: Sequence[int]) -> Iterator[Online]:
    """The time online between the first and the last of ``cuts``; no result reaches across one."""
    covered = cover(cuts, (Unit.HOUR,) if scope.users.everything else ())
    common = {**scope.parameters(), "bots": int(scope.with_bots)}
    conditions = scope.users.condition("user_id", "users")
    for run in covered.whole:
        note("hours", Unit.HOUR.begin(run.first))
        for hour, status, ms in connection.execute(WHOLE, {**common, "first": run.first, "last": run.last}):
            yield Online(Unit.HOUR.begin(hour), status, ms)
    for window in covered.raw:
        note("presence", window.since_ms)
        inner = [window.since_ms, *(cut for cut in cuts if window.since_ms < cut < window.until_ms), window.until_ms]
        for key, ended_ms, status in connection.execute(
            CLOSED.format(conditions=conditions), {**common, **_bounds(window)}
        ):
            yield from _pieces(time_ms(key), ended_ms, status, inner)
    conditions = scope.users.condition("presence_events.user_id", "users")
    for key, alive_ms, status in connection.execute(filled(OPEN, conditions=conditions), common):
        end = cuts[-1] if alive_ms is not None and cuts[-1] - alive_ms <= STALE_MS else alive_ms or 0
        yield from _pieces(time_ms(key), end, status, cuts)


def _bounds(window: Range) -> dict[str, int]:
    """An interval never crosses a midnight of UTC, which bounds the search."""
    begin = from_time_ms(window.since_ms - window.since_ms % DAY_MS)
    return {"begin": begin, "high": window.keys[1], "since_ms": window.since_ms}


def _pieces(since_ms: int, until_ms: int, status: int, cuts: Sequence[int]) -> Iterator[Online]:
    for begin, end in pairwise(cuts):
        inside = min(end, until_ms) - max(begin, since_ms)
        if inside > 0:
            yield Online(max(begin, since_ms), status, inside)


def _step(fields: dict[str, Any], sums: dict[PresenceStatus, int]) -> OnlineStep:
    observed_ms = (fields["until_ms"] - fields["since_ms"]) * fields["observed_share"]
    online, idle, dnd, present = (
        ms / observed_ms if observed_ms else None for ms in (*(sums[status] for status in STATUSES), sum(sums.values()))
    )
    return OnlineStep(**fields, online_average=online, idle_average=idle, dnd_average=dnd, present_average=present)
