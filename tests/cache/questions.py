"""Questions as the cache sees them, made by hand."""

from __future__ import annotations

from mocha_actors.cache.keys import Kind, Wanted
from mocha_actors.discord.snowflake import HOUR_MS
from mocha_actors.pipeline.notices import LAST_HOUR, Changed, Subject, Touched

NOW_HOUR = 491_000
"""The hour in which the tests begin."""

GUILD, OTHER_GUILD = 1, 2


def closed(
    first_hour: int = NOW_HOUR - 48, last_hour: int = NOW_HOUR - 25, *, guild_id: int = GUILD, kind: Kind = Kind.GUILD,
    subjects: Subject = Subject.MESSAGES | Subject.NAMES, tag: str = "",
) -> Wanted:  # fmt: skip
    """A question about a range that is over."""
    key = ("closed", guild_id, int(subjects), first_hour, last_hour, tag)
    as_of_ms = NOW_HOUR * HOUR_MS
    return Wanted(kind, key, guild_id, subjects, first_hour, last_hour, moving=False, as_of_ms=as_of_ms, answer=int)


def rolling(days: int = 7, *, guild_id: int = GUILD, subjects: Subject = Subject.MESSAGES) -> Wanted:
    """A question about the last days, up to now."""
    key = ("rolling", guild_id, int(subjects), days)
    return Wanted(
        Kind.LEADERBOARD, key, guild_id, subjects, NOW_HOUR - days * 24, LAST_HOUR,
        moving=True, as_of_ms=NOW_HOUR * HOUR_MS, answer=int,
    )  # fmt: skip


def change(
    hour: int = NOW_HOUR, last_hour: int | None = None, *, guild_id: int = GUILD, subject: Subject = Subject.MESSAGES
) -> Changed:
    """The writer's notice about one stretch of hours."""
    return Changed(frozenset({Touched(guild_id, subject, hour, hour if last_hour is None else last_hour)}))
