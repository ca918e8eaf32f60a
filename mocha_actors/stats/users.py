"""Users of a guild, from the rollup ``user_day``; webhooks are no users and stand in none of its rows."""

from __future__ import annotations

from typing import Final, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.pipeline.facts import AuthorClass
from mocha_actors.stats.coverage import coverage_of
from mocha_actors.stats.messages import Span, buckets_with_messages, find_span, total
from mocha_actors.stats.questions import Filters, LeaderboardQuestion, UserQuestion
from mocha_actors.stats.ranges import DAY_MS, Range, split
from mocha_actors.stats.ranking import page, rank_of
from mocha_actors.stats.results import Leaderboard, LeaderboardEntry, UserStats

USER_CLASSES: Final = frozenset({AuthorClass.HUMAN, AuthorClass.BOT})

MESSAGES_BY_USER: Final = """
WITH edge (low, high) AS (VALUES (:head_from, :head_to), (:tail_from, :tail_to)),
part (user_id, sent, deleted) AS (
    SELECT user_id, CAST(SUM(sent) AS BIGINT), CAST(SUM(deleted) AS BIGINT) FROM user_day
    WHERE guild_id = :guild_id AND day >= :first AND day < :last AND author_class IN (0, :bots) AND kind = 0
    GROUP BY user_id
    UNION ALL
    SELECT user_id, COUNT(*), COUNT(deleted_ms) FROM edge CROSS JOIN message_events
    WHERE guild_id = :guild_id AND message_id >= low AND message_id < high AND author_class IN (0, :bots) AND kind = 0
    GROUP BY user_id
)
SELECT user_id, CAST(SUM(sent - :exclude_deleted * deleted) AS BIGINT) FROM part
GROUP BY user_id HAVING SUM(sent - :exclude_deleted * deleted) > 0
"""

COUNTS_OF_USER: Final = """
WITH RECURSIVE edge (low, high) AS (VALUES (:head_from, :head_to), (:tail_from, :tail_to)),
whole (number) AS (SELECT :first WHERE :first < :last UNION ALL SELECT number + 1 FROM whole WHERE number + 1 < :last)
SELECT day, author_class, kind, sent, deleted FROM whole CROSS JOIN user_day
WHERE guild_id = :guild_id AND day = number AND user_id = :user_id
UNION ALL
SELECT NULL, author_class, kind, COUNT(*), COUNT(deleted_ms) FROM edge CROSS JOIN message_events
WHERE guild_id = :guild_id AND message_id >= low AND message_id < high AND user_id = :user_id
GROUP BY author_class, kind
"""
"""The days are enumerated, so that each costs one key look-up and not the rows of all users of that day."""

SPAN_OF_USER: Final = """
SELECT MIN(message_id), MAX(message_id) FROM message_events
WHERE guild_id = :guild_id AND message_id >= :low AND message_id < :high
AND user_id = :user_id AND author_class <> 2 AND kind = 0 AND (:exclude_deleted = 0 OR deleted_ms IS NULL)
"""

NAMES: Final = "SELECT username, global_name, is_bot FROM users WHERE id = :user_id"


class Names(NamedTuple):
    """What is known of a user beside the id; all None for a user that was never described."""

    username: str | None = None
    global_name: str | None = None
    is_bot: bool | None = None


def user_stats(connection: Connection, question: UserQuestion) -> UserStats:
    """Answer ``question``."""
    period, filters = question.range, question.filters
    rows = connection.execute(COUNTS_OF_USER, _parameters(question)).fetchall()
    counted = total((row[1:] for row in rows), USER_CLASSES, exclude_deleted=filters.exclude_deleted)
    others = messages_by_user(connection, question.guild_id, period, filters)
    mine = others.get(question.user_id)
    days = buckets_with_messages(rows, USER_CLASSES, exclude_deleted=filters.exclude_deleted)
    return UserStats(
        guild_id=question.guild_id,
        since_ms=period.since_ms,
        until_ms=period.until_ms,
        coverage=coverage_of(connection, period),
        user_id=question.user_id,
        **names_of(connection, question.user_id)._asdict(),
        messages=counted.messages,
        commands=counted.commands,
        deleted_messages=counted.deleted,
        messages_per_day=counted.messages / period.days,
        rank=None if mine is None else rank_of(others, mine),
        ranked_users=len(others),
        **_span(connection, question, days)._asdict(),
    )


def leaderboard(connection: Connection, question: LeaderboardQuestion) -> Leaderboard:
    """Answer ``question``."""
    counts = messages_by_user(connection, question.guild_id, question.range, question.filters)
    chosen = page(counts, question.limit, question.after())
    return Leaderboard(
        guild_id=question.guild_id,
        since_ms=question.range.since_ms,
        until_ms=question.range.until_ms,
        coverage=coverage_of(connection, question.range),
        entries=tuple(
            LeaderboardEntry(
                rank=place.rank, user_id=place.key, messages=place.value, **names_of(connection, place.key)._asdict()
            )
            for place in chosen.places
        ),
        ranked_users=len(counts),
        next_cursor=None if chosen.next_cursor is None else str(chosen.next_cursor),
    )


def messages_by_user(connection: Connection, guild_id: int, period: Range, filters: Filters) -> dict[int, int]:
    """Messages of each user who has any in ``period``; distinct users are its length."""
    parameters = {"guild_id": guild_id, **split(period, DAY_MS).parameters(), **filters.parameters()}
    return dict(connection.execute(MESSAGES_BY_USER, parameters).fetchall())


def names_of(connection: Connection, user_id: int) -> Names:
    """The names of a user, as of the newest fact that names it."""
    row = connection.execute(NAMES, {"user_id": user_id}).fetchone()
    if row is None:
        return Names()
    username, global_name, is_bot = row
    return Names(username or None, global_name, bool(is_bot))


def _span(connection: Connection, question: UserQuestion, days: set[int]) -> Span:
    parameters = _parameters(question)

    def find(window: Range) -> tuple[int | None, int | None]:
        low, high = window.keys
        least, greatest = connection.execute(SPAN_OF_USER, {**parameters, "low": low, "high": high}).fetchone()
        return least, greatest

    return find_span(find, split(question.range, DAY_MS), days)


def _parameters(question: UserQuestion) -> dict[str, int]:
    subject = {"guild_id": question.guild_id, "user_id": question.user_id}
    return {**subject, **split(question.range, DAY_MS).parameters(), **question.filters.parameters()}
