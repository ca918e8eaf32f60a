"""What all questions share: the guild, the range, the calendar, and who and what is counted.

All questions count what rules 1 to 3 of the statistics say unless their :class:`Filters` ask for more: messages are those that people wrote
(default messages and replies), commands are a number of their own, system messages are none. A question that cannot be answered is refused when it is
made, by :class:`~mocha_actors.stats.errors.QuestionError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from mocha_actors.pipeline.facts import AuthorClass
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.zones import check_week_start, zone_named

GREATEST_ID: Final = (1 << 63) - 1
"""Snowflakes are unsigned at Discord and signed in databases; none in this century needs the last bit."""

MOST_ENTRIES: Final = 1000
"""Entries that one page of a list holds at most; a page must fit into one message between actors."""

MOST_IDS: Final = 1000
"""Ids that one filter takes at most."""


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Who and what is counted. What restricts a question restricts all of its numbers.

    Attributes:
        include_bots: count bots too, in totals and in lists of users (rule 1).
        include_webhooks: count webhooks too, in totals and channels; a webhook stands in no list of users (rule 2).
        include_left: list users who have left the guild; they stay in totals in any case (rule 18).
        include_ignored: count also what the guild's settings say to ignore.
        exclude_deleted: leave out messages deleted at any time up to the asking; by default what was sent counts (rule 5, A3.5).
        exclude_afk: leave out voice in the AFK channel (rule 11).
        exclude_deaf: leave out voice of the deafened.
        exclude_alone: leave out voice of those alone in the channel.
        channels: count only here, threads included.
        categories: count only in the channels of these categories, threads included.
        users: count only these, bots too (A3.3).
        roles: count only users who have any of these roles now.

    """

    include_bots: bool = False
    include_webhooks: bool = False
    include_left: bool = True
    include_ignored: bool = False
    exclude_deleted: bool = False
    exclude_afk: bool = True
    exclude_deaf: bool = False
    exclude_alone: bool = False
    channels: tuple[int, ...] = ()
    categories: tuple[int, ...] = ()
    users: tuple[int, ...] = ()
    roles: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Raise QuestionError for what is no id, or for too many of them."""
        for parameter in ("channels", "categories", "users", "roles"):
            ids: Sequence[int] = getattr(self, parameter)
            if len(ids) > MOST_IDS:
                raise QuestionError(f"{parameter} are {len(ids):,}; allowed are {MOST_IDS:,}")
            for each in ids:
                check_ids(**{parameter: each})

    @property
    def classes(self) -> frozenset[AuthorClass]:
        """The author classes whose messages count. Users that are named count whatever the class (A3.3); a webhook is no user."""
        if self.users:
            return frozenset({AuthorClass.HUMAN, AuthorClass.BOT})
        chosen = {AuthorClass.HUMAN}
        if self.include_bots:
            chosen.add(AuthorClass.BOT)
        if self.include_webhooks and not self.roles:
            chosen.add(AuthorClass.WEBHOOK)
        return frozenset(chosen)

    @property
    def with_bots(self) -> bool:
        """Whether bots count."""
        return AuthorClass.BOT in self.classes

    def counts_voice(self, state: int) -> bool:
        """Whether voice in this set of 1 AFK, 2 deafened, 4 alone counts."""
        return not (
            (state & 1 and self.exclude_afk) or (state & 2 and self.exclude_deaf) or (state & 4 and self.exclude_alone)
        )


class RangeQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a guild and a range.

    Attributes:
        guild_id: the guild.
        range: the period, half-open.
        filters: who and what is counted.
        time_zone: IANA name of the zone whose calendar is used.
        week_start: on which day weeks begin there, 0 for Monday to 6 for Sunday (A3.6).

    """

    guild_id: int
    range: Range
    filters: Filters = Filters()
    time_zone: str = "UTC"
    week_start: int = 0

    def __post_init__(self) -> None:
        """Raise QuestionError for what is not allowed."""
        check_ids(guild_id=self.guild_id)
        check_week_start(self.week_start)
        zone_named(self.time_zone)

    @property
    def zone(self) -> ZoneInfo:
        """The zone."""
        return zone_named(self.time_zone)


def check_ids(**ids: int) -> None:
    """Raise QuestionError for a value that is no snowflake, naming the parameter."""
    for parameter, value in ids.items():
        if not 0 < value <= GREATEST_ID:
            msg = f"{parameter} is {value}; allowed is the id that Discord gave, a number from 1 to {GREATEST_ID}"
            raise QuestionError(msg)


def check_limit(limit: int, parameter: str = "limit", least: int = 1, most: int = MOST_ENTRIES) -> None:
    """Raise QuestionError for a length of a page that is not allowed."""
    if not least <= limit <= most:
        raise QuestionError(f"{parameter} is {limit}; allowed are {least} to {most}")


def check_choice(parameter: str, value: str, allowed: Iterable[str]) -> None:
    """Raise QuestionError for a word that is not among those allowed."""
    if value not in (words := tuple(allowed)):
        raise QuestionError(f"{parameter} is {value[:60]!r}; allowed are {', '.join(words)}")
