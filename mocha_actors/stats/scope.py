"""Where and of whom a question counts: its filters and the guild's settings, resolved to channels and users.

A guild may have many thousands of threads; its channels are read only when a filter or a setting names one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.pipeline.facts import AuthorClass
from mocha_actors.stats.channel_tree import ChannelTree
from mocha_actors.stats.questions.base import Filters, RangeQuestion

FEW: Final = 50
"""So many channels or users are looked up one by one; more of them are picked out of what all did."""

IGNORES: Final = "SELECT kind, id FROM guild_ignores WHERE guild_id = ?"

HOLDERS: Final = "SELECT user_id FROM members WHERE guild_id = ? AND roles LIKE ?"

IGNORED_CHANNEL, IGNORED_USER, IGNORED_ROLE = 0, 1, 2


class Selection(NamedTuple):
    """Some ids, or all but some.

    Attributes:
        ids: the ids.
        excluded: they are those left out.

    """

    ids: frozenset[int] = frozenset()
    excluded: bool = True

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self.excluded and not self.ids

    @property
    def few(self) -> bool:
        """Whether it is a few ids, worth a look-up each."""
        return not self.excluded and len(self.ids) <= FEW

    def __contains__(self, key: object) -> bool:
        return (key in self.ids) is not self.excluded

    def condition(self, column: str, parameter: str) -> str:
        """The condition that ``column`` is one of them; empty when everything is."""
        if self.everything:
            return ""
        if not self.excluded and len(self.ids) == 1:
            return f" AND {column} = :only_{parameter}"
        return f" AND {column} {'NOT IN' if self.excluded else 'IN'} (SELECT value FROM json_each(:{parameter}))"  # noqa: S608  # our own words

    def parameter(self) -> str:
        """The ids as such a condition takes them."""
        return json.dumps(sorted(self.ids)) if self.ids else "[]"

    def only(self) -> int | None:
        """The one id, which is compared and not looked up: raw rows are passed over three times as fast."""
        return min(self.ids, default=None)


EVERYTHING: Final = Selection()


class Scope(NamedTuple):
    """What a question counts in.

    Attributes:
        guild_id: the guild.
        filters: the other filters.
        channels: the channels and threads, each by itself.
        users: the users.
        named_user: the question is about one user, who counts whatever the class (A3.3).

    """

    guild_id: int
    filters: Filters
    channels: Selection = EVERYTHING
    users: Selection = EVERYTHING
    named_user: bool = False

    @property
    def classes(self) -> frozenset[AuthorClass]:
        """The author classes whose messages count."""
        return USER_CLASSES if self.named_user else self.filters.classes

    @property
    def with_bots(self) -> bool:
        """Whether bots count."""
        return AuthorClass.BOT in self.classes

    def parameters(self) -> dict[str, int | str | None]:
        """The parameters of its conditions."""
        return {
            "guild_id": self.guild_id, "channels": self.channels.parameter(), "users": self.users.parameter(),
            "only_channels": self.channels.only(), "only_users": self.users.only(),
        }  # fmt: skip

    def selected(self) -> str:
        """The conditions on the columns ``channel_id`` and ``user_id``; empty when everything is selected."""
        return self.channels.condition("channel_id", "channels") + self.users.condition("user_id", "users")

    def of_user(self, user_id: int, *, anywhere: bool = False) -> Scope:
        """The same for one user, who counts even where ignored; ``anywhere`` in all channels."""
        chosen = self._replace(users=Selection(frozenset({user_id}), excluded=False), named_user=True)
        return chosen._replace(channels=EVERYTHING) if anywhere else chosen


USER_CLASSES: Final = frozenset({AuthorClass.HUMAN, AuthorClass.BOT})
"""A webhook is no user."""


def scope_of(connection: Connection, question: RangeQuestion) -> Scope:
    """Resolve the filters of ``question``."""
    filters = question.filters
    ignored = _ignored(connection, question)
    channels = _channels(connection, question.guild_id, filters, ignored[IGNORED_CHANNEL])
    left_out = ignored[IGNORED_USER] | _holders(connection, question.guild_id, ignored[IGNORED_ROLE])
    users = EVERYTHING if filters.users else Selection(frozenset(left_out))
    if filters.users:
        users = Selection(frozenset(filters.users), excluded=False)
    if filters.roles:
        holders = _holders(connection, question.guild_id, filters.roles)
        users = Selection(frozenset(user for user in holders if user in users), excluded=False)
    return Scope(question.guild_id, filters, channels, users)


def _ignored(connection: Connection, question: RangeQuestion) -> tuple[set[int], set[int], set[int]]:
    ignored: tuple[set[int], set[int], set[int]] = set(), set(), set()
    if not question.filters.include_ignored:
        for kind, key in connection.execute(IGNORES, (question.guild_id,)):
            ignored[kind].add(key)
    return ignored


def _channels(connection: Connection, guild_id: int, filters: Filters, ignored: set[int]) -> Selection:
    """The channels chosen, threads included, without those ignored; a channel that is named counts even where ignored."""
    chosen = {*filters.channels, *filters.categories}
    if not chosen and not ignored:
        return EVERYTHING
    tree = ChannelTree.load(connection, guild_id)
    if not chosen:
        return Selection(frozenset(tree.with_descendants(ignored)))
    named = tree.with_descendants(filters.channels)
    # Who names a channel has not named its threads: one that is ignored by itself stays so.
    named -= tree.with_descendants((named & ignored).difference(filters.channels))
    named.update(filters.channels)
    of_categories = tree.with_descendants(filters.categories) - tree.with_descendants(ignored)
    return Selection(frozenset(named | of_categories), excluded=False)


def _holders(connection: Connection, guild_id: int, roles: Iterable[int]) -> set[int]:
    """The users who have any of ``roles``, as far as known."""
    return {
        user for role in sorted(roles) for (user,) in connection.execute(HOLDERS, (guild_id, f"%,{role},%"))
    }  # fmt: skip
