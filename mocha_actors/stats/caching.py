"""Questions as the cache sees them: their keys, what would change their answers, and the state of the database that an answer is read from.

A question carries its range in milliseconds, so ``days=7`` asked twice makes two ranges. What the asker meant is seen from the range itself:

- It ends now (within :data:`NOW_MS`, and not at a whole second, as times that people write do) and is a whole number of days long: it
  *rolls*, and its key is its length.
- It ends now and has any other length: it is *since* a fixed time, as "today" and "this month" are, and its key is that time.
- Else the range itself is the key.

So the question asked a moment later has the same key, and may be given the answer of a moment ago, whose ``since_ms``, ``until_ms`` and
``as_of_ms`` say what it is about. The cache bounds how long ago that may have been. Where a range that ends now is taken for a fixed one (one
in a thousand, by chance at a whole second), it is merely not shared.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import cache
from typing import Any, Final, NamedTuple, get_args, get_origin

import msgspec

from mocha_actors.cache.keys import Kind, Wanted
from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS
from mocha_actors.pipeline.notices import ALL_SUBJECTS, FIRST_HOUR, LAST_HOUR, Subject
from mocha_actors.runtime import Request
from mocha_actors.stats.questions import (
    BusiestHoursQuestion,
    ChannelQuestion,
    ChannelRankingQuestion,
    GuildQuestion,
    HeatmapQuestion,
    InactiveMembersQuestion,
    LeaderboardQuestion,
    MessageQuestion,
    MessageTimelineQuestion,
    RangeQuestion,
    RankQuestion,
    ReactionQuestion,
    SettingsQuestion,
    TopEmojiQuestion,
    UserActivityQuestion,
    UserQuestion,
    VoiceQuestion,
    VoiceTimelineQuestion,
)
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import Answer

NOW_MS: Final = 2_000
"""A range that ends so shortly before its question is taken up ends now."""

SECOND_MS: Final = 1_000

KINDS: Final[dict[type[Any], Kind]] = {
    UserQuestion: Kind.USER,
    UserActivityQuestion: Kind.USER,
    RankQuestion: Kind.USER,
    GuildQuestion: Kind.GUILD,
    MessageQuestion: Kind.GUILD,
    VoiceQuestion: Kind.GUILD,
    ReactionQuestion: Kind.GUILD,
    LeaderboardQuestion: Kind.LEADERBOARD,
    ChannelRankingQuestion: Kind.LEADERBOARD,
    TopEmojiQuestion: Kind.LEADERBOARD,
    InactiveMembersQuestion: Kind.LEADERBOARD,
}
"""Which cache keeps the answers to a question; the general one keeps all others."""

ALL_BUT_PRESENCE: Final = ALL_SUBJECTS & ~Subject.PRESENCE

SUBJECTS: Final[dict[type[Any], Subject]] = {
    MessageQuestion: Subject.MESSAGES | Subject.NAMES,
    MessageTimelineQuestion: Subject.MESSAGES | Subject.NAMES,
    VoiceQuestion: Subject.VOICE | Subject.NAMES,
    VoiceTimelineQuestion: Subject.VOICE | Subject.NAMES,
    HeatmapQuestion: Subject.MESSAGES | Subject.VOICE | Subject.NAMES,
    BusiestHoursQuestion: Subject.MESSAGES | Subject.VOICE | Subject.NAMES,
    ReactionQuestion: Subject.MESSAGES | Subject.REACTIONS | Subject.NAMES,
    TopEmojiQuestion: Subject.MESSAGES | Subject.REACTIONS | Subject.NAMES,
    GuildQuestion: ALL_BUT_PRESENCE,
    ChannelQuestion: ALL_BUT_PRESENCE,
    ChannelRankingQuestion: ALL_BUT_PRESENCE,
    UserQuestion: ALL_BUT_PRESENCE,
    UserActivityQuestion: ALL_BUT_PRESENCE,
    LeaderboardQuestion: ALL_BUT_PRESENCE,
    RankQuestion: ALL_BUT_PRESENCE,
}
"""What a question reads, inside its range alone; where roles decide what counts, the roster too. One that is not named is taken to read everything of its
guild and of any time, since it may compare with the time before or follow people into the time after: that is always right, and costs computations."""

REVISION: Final = "SELECT revision FROM guilds WHERE id = ?"

GAPS: Final = "SELECT COUNT(*), MAX(to_ms) FROM coverage_gaps"

NOT_YET_OBSERVED: Final = "not_yet_observed"


class Read(NamedTuple):
    """What one read transaction gave.

    Attributes:
        answer: to the question.
        stamp: the state of the database, as far as answers about the guild depend on it; None if the guild is not known.

    """

    answer: Any
    stamp: str | None


def wanted_by(question: Any, now_ms: int) -> Wanted | None:
    """``question`` as the cache sees it at ``now_ms``; None where it is about no guild, and is not kept."""
    if isinstance(question, SettingsQuestion):
        return _settings_wanted(question, now_ms)
    if not isinstance(question, RangeQuestion):
        return None
    period, kind = question.range, type(question)
    form, ends_now = _form(period, now_ms)
    named = kind in SUBJECTS
    return Wanted(
        kind=KINDS.get(kind, Kind.QUERY),
        key=(kind.__name__, form, *_others(question)),
        guild_id=question.guild_id,
        subjects=_subjects(question),
        first_hour=period.since_ms // HOUR_MS if named else FIRST_HOUR,
        last_hour=(period.until_ms - 1) // HOUR_MS if named and not ends_now else LAST_HOUR,
        moving=period.until_ms > now_ms - NOW_MS,
        as_of_ms=now_ms,
        answer=answer_type(kind),
    )


def _settings_wanted(question: SettingsQuestion, now_ms: int) -> Wanted:
    """Asked before every question about a range that leaves its zone to the guild, hence kept like an answer."""
    return Wanted(
        kind=Kind.QUERY, key=(SettingsQuestion.__name__, question.guild_id), guild_id=question.guild_id, subjects=Subject.NAMES,
        first_hour=FIRST_HOUR, last_hour=LAST_HOUR, moving=False, as_of_ms=now_ms, answer=answer_type(SettingsQuestion),
    )  # fmt: skip


def _others(question: RangeQuestion) -> Iterator[Hashable]:
    """The fields beside the range; a second range, as that of a comparison, by its distance to the first, with which it moves."""
    period = question.range
    for value in msgspec.structs.astuple(question):
        if isinstance(value, Range):
            if value is not period:
                yield period.since_ms - value.since_ms, period.since_ms - value.until_ms
        else:
            yield value


def _subjects(question: RangeQuestion) -> Subject:
    """The guild's settings may leave out the members with some role, and then their roles decide what counts."""
    subjects = SUBJECTS.get(type(question), ALL_SUBJECTS)
    leaves_out = bool(question.filters.roles) or not question.filters.include_ignored
    return subjects | Subject.ROSTER if leaves_out else subjects


def _form(period: Range, now_ms: int) -> tuple[Hashable, bool]:
    """The range as part of a key, and whether it ends now."""
    if not (now_ms - NOW_MS <= period.until_ms <= now_ms and period.until_ms % SECOND_MS):
        return ("range", period.since_ms, period.until_ms), False
    if period.duration_ms % DAY_MS == 0:
        return ("rolling", period.duration_ms), True
    return ("since", period.since_ms), True


@cache
def answer_type(question: Hashable) -> Any:
    """The type of the answers to a type of question: the parameter of its :class:`Request`."""
    for base in getattr(question, "__orig_bases__", ()):
        if get_origin(base) is Request:
            return get_args(base)[0]
    msg = f"{question} does not say what its answer is: it has to be a Request[...]"
    raise TypeError(msg)


def stamp_of(connection: Connection, guild_id: int) -> str | None:
    """The state of the database as far as answers about a guild depend on it; None if the guild is not known.

    The writer raises the guild's revision in each transaction that touches one of its facts; gaps of coverage concern every guild.
    """
    row = connection.execute(REVISION, (guild_id,)).fetchone()
    if row is None:
        return None
    count, latest_ms = connection.execute(GAPS).fetchone()
    return f"{row[0]}.{count}.{latest_ms or 0}"


def ages(answer: object) -> bool:
    """Whether an answer changes without any fact: the service has still to observe a part of its range."""
    return isinstance(answer, Answer) and any(gap.reason == NOT_YET_OBSERVED for gap in answer.coverage.gaps)


def dated(answer: Any, as_of_ms: int) -> Any:
    """``answer`` with its ``as_of_ms``, if it is of a kind that has one."""
    return msgspec.structs.replace(answer, as_of_ms=as_of_ms) if isinstance(answer, Answer) else answer
