"""Questions: what can be asked. One request type each; :mod:`mocha_actors.stats.results` has the answers.

All questions count what rules 1 to 3 of the statistics say unless their :class:`Filters` ask for more: messages are
those that people wrote (default messages and replies), commands are a number of their own, system messages are none.
A question that cannot be answered is refused when it is made, by :class:`~mocha_actors.stats.errors.QuestionError`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from mocha_actors.pipeline.facts import AuthorClass
from mocha_actors.runtime import Request
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.ranking import Cursor
from mocha_actors.stats.results import ChannelStats, GuildStats, Leaderboard, UserStats

GREATEST_ID: Final = (1 << 63) - 1
"""Snowflakes are unsigned at Discord and signed in databases; none in this century needs the last bit."""

MOST_ENTRIES: Final = 1000
"""Entries that one page of a list holds at most; a page must fit into one message between actors."""


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Who and what is counted beside the messages of humans.

    Attributes:
        include_bots: count bots too, in totals and in lists of users.
        include_webhooks: count webhooks too, in totals and channels; a webhook stands in no list of users.
        exclude_deleted: leave out messages deleted at any time up to the asking; by default what was sent counts.

    """

    include_bots: bool = False
    include_webhooks: bool = False
    exclude_deleted: bool = False

    @property
    def classes(self) -> frozenset[AuthorClass]:
        """The author classes whose messages count."""
        chosen = {AuthorClass.HUMAN}
        if self.include_bots:
            chosen.add(AuthorClass.BOT)
        if self.include_webhooks:
            chosen.add(AuthorClass.WEBHOOK)
        return frozenset(chosen)

    def parameters(self) -> dict[str, int]:
        """The filters as parameters of a query; a class that is left out is replaced by humans, who always count."""
        return {
            "bots": AuthorClass.BOT if self.include_bots else AuthorClass.HUMAN,
            "webhooks": AuthorClass.WEBHOOK if self.include_webhooks else AuthorClass.HUMAN,
            "exclude_deleted": int(self.exclude_deleted),
        }


class GuildsQuestion(msgspec.Struct, Request[list[tuple[int, str | None]]], frozen=True, kw_only=True):
    """Which guilds is anything known of, ascending by id, and their names where known."""


class GuildQuestion(msgspec.Struct, Request[GuildStats], frozen=True, kw_only=True):
    """What happened in a guild as a whole."""

    guild_id: int
    range: Range
    filters: Filters = Filters()

    def __post_init__(self) -> None:
        """Raise QuestionError for an id that cannot be one."""
        check_ids(guild_id=self.guild_id)


class UserQuestion(msgspec.Struct, Request[UserStats], frozen=True, kw_only=True):
    """What one user did in a guild. A user named in the question is counted whatever the class, a bot too."""

    guild_id: int
    user_id: int
    range: Range
    filters: Filters = Filters()

    def __post_init__(self) -> None:
        """Raise QuestionError for an id that cannot be one."""
        check_ids(guild_id=self.guild_id, user_id=self.user_id)


class ChannelQuestion(msgspec.Struct, Request[ChannelStats], frozen=True, kw_only=True):
    """What happened in one channel, or in one thread, of a guild."""

    guild_id: int
    channel_id: int
    range: Range
    filters: Filters = Filters()

    def __post_init__(self) -> None:
        """Raise QuestionError for an id that cannot be one."""
        check_ids(guild_id=self.guild_id, channel_id=self.channel_id)


class LeaderboardQuestion(msgspec.Struct, Request[Leaderboard], frozen=True, kw_only=True):
    """Who wrote most in a guild.

    Attributes:
        guild_id: the guild.
        range: the period.
        limit: entries of a page, 1 to 1000.
        cursor: ``next_cursor`` of the page before, which must have had the same range; None for the first page.
        filters: who and what is counted.

    """

    guild_id: int
    range: Range
    limit: int = 10
    cursor: str | None = None
    filters: Filters = Filters()

    def __post_init__(self) -> None:
        """Raise QuestionError for an id, a limit or a cursor that is not allowed."""
        check_ids(guild_id=self.guild_id)
        if not 1 <= self.limit <= MOST_ENTRIES:
            msg = f"limit is {self.limit}; allowed are 1 to {MOST_ENTRIES}"
            raise QuestionError(msg)
        self.after()

    def after(self) -> Cursor | None:
        """Behind which entry the page begins; None for the first page."""
        return None if self.cursor is None else Cursor.parse(self.cursor)


Question = GuildsQuestion | GuildQuestion | UserQuestion | ChannelQuestion | LeaderboardQuestion


def check_ids(**ids: int) -> None:
    """Raise QuestionError for a value that is no snowflake, naming the parameter."""
    for parameter, value in ids.items():
        if not 0 < value <= GREATEST_ID:
            msg = f"{parameter} is {value}; allowed is the id that Discord gave, a number from 1 to {GREATEST_ID}"
            raise QuestionError(msg)
