"""Questions whose answers are ranked lists, a page at a time."""

from __future__ import annotations

from typing import Final, Literal

from mocha_actors.runtime import Request
from mocha_actors.stats.questions.base import RangeQuestion, check_choice, check_ids, check_limit
from mocha_actors.stats.ranking import Cursor, parse_cursor, parse_text_cursor
from mocha_actors.stats.results import ChannelRanking, InactiveMembers, Leaderboard, Rank, TopEmoji, VoiceSessions

UserMetric = Literal["messages", "voice_seconds", "reactions_given", "reactions_received"]

USER_METRICS: Final[tuple[UserMetric, ...]] = ("messages", "voice_seconds", "reactions_given", "reactions_received")

ChannelMetric = Literal["messages", "voice_seconds", "reactions"]

CHANNEL_METRICS: Final[tuple[ChannelMetric, ...]] = ("messages", "voice_seconds", "reactions")

ChannelGroup = Literal["channel", "thread", "category"]

CHANNEL_GROUPS: Final[tuple[ChannelGroup, ...]] = ("channel", "thread", "category")

MOST_NEIGHBOURS: Final = 50


class PageQuestion(RangeQuestion, frozen=True, kw_only=True):
    """What is asked for a page at a time.

    Attributes:
        limit: entries of a page, 1 to 1000.
        cursor: ``next_cursor`` of the page before, which must have had the same range; None for the first page.

    """

    limit: int = 10
    cursor: str | None = None

    def __post_init__(self) -> None:
        """Raise QuestionError for what is not allowed."""
        RangeQuestion.__post_init__(self)
        check_limit(self.limit)
        self.after()

    def after(self) -> Cursor[int] | None:
        """Behind which entry the page begins; None for the first page."""
        return None if self.cursor is None else parse_cursor(self.cursor)


class LeaderboardQuestion(PageQuestion, Request[Leaderboard], frozen=True, kw_only=True):
    """Who did most in a guild.

    Attributes:
        metric: what is counted: ``messages``, ``voice_seconds``, ``reactions_given`` or ``reactions_received``.

    """

    metric: UserMetric = "messages"

    def __post_init__(self) -> None:
        """Raise QuestionError for what is not allowed."""
        PageQuestion.__post_init__(self)
        check_choice("metric", self.metric, USER_METRICS)


class RankQuestion(RangeQuestion, Request[Rank], frozen=True, kw_only=True):
    """Where one user stands in a leaderboard, and who is next to them.

    Attributes:
        user_id: the user.
        metric: as for the leaderboard.
        neighbours: how many above and below are listed, 0 to 50.

    """

    user_id: int
    metric: UserMetric = "messages"
    neighbours: int = 2

    def __post_init__(self) -> None:
        """Raise QuestionError for what is not allowed."""
        RangeQuestion.__post_init__(self)
        check_ids(user_id=self.user_id)
        check_choice("metric", self.metric, USER_METRICS)
        check_limit(self.neighbours, "neighbours", 0, MOST_NEIGHBOURS)


class ChannelRankingQuestion(PageQuestion, Request[ChannelRanking], frozen=True, kw_only=True):
    """In which channels most happens.

    Attributes:
        metric: what is counted: ``messages``, ``voice_seconds`` or ``reactions``.
        group: ``channel`` with its threads, ``thread`` for each by itself, or ``category``.

    """

    metric: ChannelMetric = "messages"
    group: ChannelGroup = "channel"

    def __post_init__(self) -> None:
        """Raise QuestionError for what is not allowed."""
        PageQuestion.__post_init__(self)
        check_choice("metric", self.metric, CHANNEL_METRICS)
        check_choice("group", self.group, CHANNEL_GROUPS)


class TopEmojiQuestion(PageQuestion, Request[TopEmoji], frozen=True, kw_only=True):
    """Which emoji are given most as reactions."""

    def after(self) -> Cursor[str] | None:  # type: ignore[override]  # the key of an emoji is a text
        """Behind which entry the page begins; None for the first page."""
        return None if self.cursor is None else parse_text_cursor(self.cursor)


class InactiveMembersQuestion(PageQuestion, Request[InactiveMembers], frozen=True, kw_only=True):
    """Which present members did nothing in the range (A3.16)."""


class VoiceSessionsQuestion(PageQuestion, Request[VoiceSessions], frozen=True, kw_only=True):
    """Which voice sessions began in the range."""
