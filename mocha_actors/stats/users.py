"""Users of a guild: one of them, who did most, and where one stands among the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mocha_actors.db.connection import Connection
from mocha_actors.stats.coverage import head
from mocha_actors.stats.message_counts import message_totals
from mocha_actors.stats.message_span import span_of
from mocha_actors.stats.message_sums import messages_by
from mocha_actors.stats.people import people, without_left
from mocha_actors.stats.questions import LeaderboardQuestion, RankQuestion, UserMetric, UserQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.ranking import Place, around, page, rank_of
from mocha_actors.stats.reaction_counts import given_by_user, received_by_user
from mocha_actors.stats.results import Entry, Leaderboard, Rank, UserStats
from mocha_actors.stats.scope import Scope, scope_of
from mocha_actors.stats.seen import seen_between
from mocha_actors.stats.voice_counts import voice_ms_by, voice_totals


def user_stats(connection: Connection, question: UserQuestion) -> UserStats:
    """Answer ``question``: a named user counts whatever the class, and ranks where the leaderboard of the same filters lists it (A3.3)."""
    scope = scope_of(connection, question)
    mine = scope.of_user(question.user_id)
    total = message_totals(connection, mine, question.range)
    others = listed(connection, scope, question.range, "messages") if question.count_rank else {}
    value = others.get(question.user_id)
    known = people(connection, question.guild_id, [question.user_id])[question.user_id]
    spoken = voice_totals(connection, mine, question.range)
    span = span_of(connection, mine, question.range)
    seen = seen_between(connection, mine, question.range, span)
    return UserStats(
        **head(connection, question),
        user_id=question.user_id,
        **known.described,
        joined_ms=known.joined_ms,
        messages=total.messages,
        commands=total.commands,
        deleted_messages=total.deleted,
        messages_per_day=total.messages / question.range.days,
        rank=None if value is None else rank_of(others, value),
        ranked_users=len(others) if question.count_rank else None,
        **span._asdict(),
        voice_seconds=spoken.ms // 1000,
        voice_sessions=spoken.starts,
        reactions_given=given_by_user(connection, mine, question.range).get(question.user_id, 0),
        reactions_received=received_by_user(connection, mine, question.range).get(question.user_id, 0),
        first_seen_ms=seen.first_ms,
        last_seen_ms=seen.last_ms,
    )


def leaderboard(connection: Connection, question: LeaderboardQuestion) -> Leaderboard:
    """Answer ``question``: 1, 1, 3; the lower user id first among equals (A3.8); who left is listed and flagged unless excluded (rule 18)."""
    counts = listed(connection, scope_of(connection, question), question.range, question.metric)
    chosen = page(counts, question.limit, question.after())
    return Leaderboard(
        **head(connection, question),
        metric=question.metric,
        entries=_entries(connection, question.guild_id, chosen.places),
        ranked_users=len(counts),
        next_cursor=None if chosen.next_cursor is None else str(chosen.next_cursor),
    )


def rank(connection: Connection, question: RankQuestion) -> Rank:
    """Answer ``question``: the place in the leaderboard of the same range and filters, with those next to it (rule 27)."""
    counts = listed(connection, scope_of(connection, question), question.range, question.metric)
    value = counts.get(question.user_id)
    places = around(counts, question.user_id, question.neighbours)
    return Rank(
        **head(connection, question),
        metric=question.metric,
        user_id=question.user_id,
        rank=None if value is None else rank_of(counts, value),
        value=value or 0,
        ranked_users=len(counts),
        entries=_entries(connection, question.guild_id, places),
    )


def listed(connection: Connection, scope: Scope, period: Range, metric: UserMetric) -> Mapping[int, int]:
    """The number of each user that a leaderboard lists."""
    counts = user_values(connection, scope, period, metric)
    return counts if scope.filters.include_left else without_left(connection, scope.guild_id, counts)


def user_values(connection: Connection, scope: Scope, period: Range, metric: UserMetric) -> Mapping[int, int]:
    """The number of each user who has any; voice in whole seconds, rounded down once for each user (A3.14)."""
    if metric == "voice_seconds":
        spoken = voice_ms_by(connection, scope, period, "user_id")
        return {user: ms // 1000 for user, ms in spoken.items() if ms >= 1000}
    if metric == "reactions_given":
        return given_by_user(connection, scope, period)
    if metric == "reactions_received":
        return received_by_user(connection, scope, period)
    return messages_by(connection, scope, period, "user_id")


def _entries(connection: Connection, guild_id: int, places: Sequence[Place[int]]) -> tuple[Entry, ...]:
    known = people(connection, guild_id, [place.key for place in places])
    return tuple(
        Entry(rank=place.rank, user_id=place.key, value=place.value, **known[place.key].described) for place in places
    )
