"""Questions about messages, voice and reactions, of all or of one user or channel."""

from __future__ import annotations

from mocha_actors.runtime import Request
from mocha_actors.stats.questions.base import RangeQuestion, check_ids
from mocha_actors.stats.results import (
    ChannelStats,
    MessageStats,
    ReactionStats,
    UserActivity,
    UserStats,
    VoiceStats,
)  # fmt: skip


class MessageQuestion(RangeQuestion, Request[MessageStats], frozen=True, kw_only=True):
    """How much was written."""


class VoiceQuestion(RangeQuestion, Request[VoiceStats], frozen=True, kw_only=True):
    """How much time was spent in voice channels, and how."""


class ReactionQuestion(RangeQuestion, Request[ReactionStats], frozen=True, kw_only=True):
    """How many reactions were given."""


class UserQuestion(RangeQuestion, Request[UserStats], frozen=True, kw_only=True):
    """What one user did in a guild. A user named in the question is counted whatever the class, a bot too (A3.3).

    Attributes:
        user_id: the user.
        count_rank: find the place in the leaderboard too, for which everybody is counted.

    """

    user_id: int
    count_rank: bool = True

    def __post_init__(self) -> None:
        """Raise QuestionError for what is not allowed."""
        RangeQuestion.__post_init__(self)
        check_ids(user_id=self.user_id)


class UserActivityQuestion(RangeQuestion, Request[UserActivity], frozen=True, kw_only=True):
    """On which local days a user was active, and for how many in a row."""

    user_id: int

    def __post_init__(self) -> None:
        """Raise QuestionError for what is not allowed."""
        RangeQuestion.__post_init__(self)
        check_ids(user_id=self.user_id)


class ChannelQuestion(RangeQuestion, Request[ChannelStats], frozen=True, kw_only=True):
    """What happened in one channel, or in one thread, of a guild.

    Attributes:
        channel_id: the channel or thread.
        include_threads: count the threads of the channel too (rule 8).

    """

    channel_id: int
    include_threads: bool = True

    def __post_init__(self) -> None:
        """Raise QuestionError for what is not allowed."""
        RangeQuestion.__post_init__(self)
        check_ids(channel_id=self.channel_id)
