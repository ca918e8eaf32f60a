"""Voice: how much time was spent in voice channels, when, and in which sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import time_ms
from mocha_actors.stats.coverage import head
from mocha_actors.stats.people import people
from mocha_actors.stats.questions import VoiceQuestion, VoiceSessionsQuestion, VoiceTimelineQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.ranking import Cursor
from mocha_actors.stats.results import VoiceSession, VoiceSessions, VoiceStats, VoiceStep, VoiceTimeline
from mocha_actors.stats.retention import note
from mocha_actors.stats.scope import Scope, scope_of
from mocha_actors.stats.steps import steps_of
from mocha_actors.stats.voice_counts import (
    AFK,
    ALONE,
    COLUMNS,
    DEAFENED,
    Interval,
    Voice,
    VoiceSums,
    counted,
    open_intervals,
    voice,
    voice_ms_by,
)  # fmt: skip

UNCERTAIN: Final = """
SELECT id, bound_ms FROM voice_events
WHERE guild_id = :guild_id AND id >= :low AND id < :high AND bound_ms > 0{conditions}
"""

BEGUN: Final = """
SELECT id FROM voice_events
WHERE guild_id = :guild_id AND id >= :low AND id < :high AND id = session_id AND is_bot <= :bots{conditions}
ORDER BY id DESC LIMIT :limit
"""

OF_SESSIONS: Final = f"""
SELECT {COLUMNS}, end_reason FROM voice_events
WHERE guild_id = :guild_id AND id >= :low AND session_id IN (SELECT value FROM json_each(:sessions))
ORDER BY id
"""  # noqa: S608  # a constant

END_REASONS: Final = {0: "changed", 1: "left", 2: "lost", 3: "outage", 4: "gone", 5: "day"}


def voice_stats(connection: Connection, question: VoiceQuestion) -> VoiceStats:
    """Answer ``question``: time of humans outside the AFK channel unless the filters say otherwise, each sum of this time (rules 11, A3.14)."""
    scope = scope_of(connection, question)
    cuts = [question.range.since_ms, question.range.until_ms]
    found = [each for each in voice(connection, scope, cuts) if scope.with_bots or not each.is_bot]
    total = _sums(counted(found, scope))
    return VoiceStats(
        **head(connection, question),
        voice_seconds=total.ms // 1000,
        muted_seconds=total.muted_ms // 1000,
        deafened_seconds=_in_state(found, scope, DEAFENED),
        alone_seconds=_in_state(found, scope, ALONE),
        streaming_seconds=total.streaming_ms // 1000,
        video_seconds=total.video_ms // 1000,
        suppressed_seconds=total.suppressed_ms // 1000,
        afk_seconds=sum(each.sums.ms for each in found if each.state & AFK) // 1000,
        sessions=total.starts,
        speakers=len(voice_ms_by(connection, scope, question.range, "user_id")),
        open_sessions=sum(1 for _ in open_intervals(connection, scope, question.range.until_ms)),
        uncertain_seconds=-(-sum(uncertain(connection, scope, question.range).values()) // 1000),
    )


def voice_timeline(connection: Connection, question: VoiceTimelineQuestion) -> VoiceTimeline:
    """Answer ``question``: each bucket holds the seconds inside it, and the sessions that began in it (rule 14)."""
    steps = steps_of(question)
    scope = scope_of(connection, question)
    totals = [VoiceSums() for _ in steps.buckets]
    for each in counted(voice(connection, scope, steps.cuts, timed=True), scope):
        position = steps.position(each.since_ms)
        totals[position] = totals[position].plus(each.sums)
    doubtful = {steps.position(time_ms(key)) for key in uncertain(connection, scope, question.range)}
    common = head(connection, question)
    gaps = common["coverage"].gaps
    return VoiceTimeline(
        **common,
        interval=question.interval,
        voice_seconds=sum(each.ms for each in totals) // 1000,
        buckets=tuple(
            VoiceStep(
                **steps.fields(position, gaps),
                voice_seconds=each.ms // 1000,
                sessions=each.starts,
                average_people=each.ms / (steps.cuts[position + 1] - steps.cuts[position]),
                estimated=position in doubtful,
            )
            for position, each in enumerate(totals)
        ),
    )


def voice_sessions(connection: Connection, question: VoiceSessionsQuestion) -> VoiceSessions:
    """Answer ``question``: a session goes from join to leave; moves and resumptions after a loss go on with it (A3.15)."""
    scope = scope_of(connection, question)
    low, high = question.range.keys
    note("voice", question.range.since_ms)
    after = question.after()
    bounds = {"low": low, "high": high if after is None else min(high, after.key), "limit": question.limit + 1}
    statement = BEGUN.format(conditions=scope.selected())
    begun = [
        key for (key,) in connection.execute(statement, {**scope.parameters(), **bounds, "bots": int(scope.with_bots)})
    ]
    shown = begun[: question.limit]
    return VoiceSessions(
        **head(connection, question),
        sessions=tuple(_sessions(connection, scope, shown, question.range.until_ms)),
        next_cursor=str(Cursor(0, shown[-1])) if len(begun) > len(shown) else None,
    )


def uncertain(connection: Connection, scope: Scope, period: Range) -> Mapping[int, int]:
    """Intervals that begin in ``period`` and whose times are not exact, and by how many milliseconds."""
    low, high = period.keys
    statement = UNCERTAIN.format(conditions=scope.selected())
    return dict(connection.execute(statement, {**scope.parameters(), "low": low, "high": high}).fetchall())


def _sessions(connection: Connection, scope: Scope, keys: Sequence[int], until_ms: int) -> list[VoiceSession]:
    """The sessions ``keys``, in this order."""
    if not keys:
        return []
    rows = connection.execute(
        OF_SESSIONS, {"guild_id": scope.guild_id, "low": min(keys), "sessions": str(list(keys))}
    ).fetchall()
    ends = {each.id: each.until_ms for each in open_intervals(connection, scope, until_ms)}
    parts: defaultdict[int, list[tuple[Interval, int | None]]] = defaultdict(list)
    for row in rows:
        open_ = row[3] is None
        interval = Interval._make((*row[:10], open_))
        interval = interval._replace(until_ms=ends.get(interval.id, interval.since_ms)) if open_ else interval
        parts[interval.session_id].append((interval, row[10]))
    known = people(connection, scope.guild_id, {part[0][0].user_id for part in parts.values()})
    return [_session(scope, parts[key], known[parts[key][0][0].user_id].names) for key in keys]


def _session(scope: Scope, parts: Sequence[tuple[Interval, int | None]], names: Mapping[str, Any]) -> VoiceSession:
    first, (last, reason) = parts[0][0], parts[-1]
    ms = sum(part.until_ms - part.since_ms for part, _ in parts if scope.filters.counts_voice(part.state))
    return VoiceSession(
        session_id=first.session_id,
        user_id=first.user_id,
        **names,
        joined_ms=first.since_ms,
        left_ms=None if last.open else last.until_ms,
        channel_id=last.channel_id,
        visits=sum(part.visit for part, _ in parts),
        voice_seconds=ms // 1000,
        end_reason=None if reason is None else END_REASONS.get(reason, str(reason)),
        estimated=any(part.bound_ms for part, _ in parts),
    )


def _sums(found: Iterable[Voice]) -> VoiceSums:
    total = VoiceSums()
    for each in found:
        total = total.plus(each.sums)
    return total


def _in_state(found: Iterable[Voice], scope: Scope, state: int) -> int:
    """Seconds of the counted time that were spent in ``state``."""
    return sum(each.sums.ms for each in counted(found, scope) if each.state & state) // 1000
