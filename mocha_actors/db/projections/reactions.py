"""Reactions: those that stand, what happened to them, and the rollups (statistics, rules 22 and A3.1).

An add of a reaction that stands, and a removal of one that does not, are nothing. What happens is an event and counts, under the time when it
happened; when its message is deleted, a reaction stands no more, and nothing happened to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby
from typing import Final, NamedTuple

from mocha_actors.db.bulk import BulkInsert, BulkSelect
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections import emojis, reaction_rollups
from mocha_actors.db.projections.ordinals import Ordinals
from mocha_actors.db.projections.reaction_rollups import ADD, REMOVE, ReactionEvent
from mocha_actors.pipeline.facts import (
    AuthorClass,
    Fact,
    MessagesDeleted,
    ReactionAdded,
    ReactionRemoved,
    ReactionsCleared,
)

BOT: Final = int(AuthorClass.BOT)
WEBHOOK: Final = int(AuthorClass.WEBHOOK)

INSERT_EVENT: Final = BulkInsert(
    "INSERT INTO reaction_events "
    "(guild_id, id, message_id, channel_id, user_id, receiver_id, receiver_bot, emoji, burst, action, is_bot, bound_ms)",
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
)
INSERT_STATE: Final = BulkInsert(
    "INSERT INTO reaction_state (guild_id, message_id, user_id, emoji, burst, channel_id, receiver_id, is_bot)",
    "(?, ?, ?, ?, ?, ?, ?, ?)",
    "ON CONFLICT (guild_id, message_id, user_id, emoji, burst) DO UPDATE SET "
    "channel_id = excluded.channel_id, receiver_id = excluded.receiver_id, is_bot = excluded.is_bot",
)
DELETE_STATE: Final = (
    "DELETE FROM reaction_state WHERE guild_id = ? AND message_id = ? AND user_id = ? AND emoji = ? AND burst = ?"
)
WIPE: Final = "DELETE FROM reaction_state WHERE guild_id = ? AND message_id IN (SELECT value FROM json_each(?))"

STATE: Final = """
    SELECT user_id, emoji, burst, channel_id, receiver_id, is_bot FROM reaction_state WHERE guild_id = ? AND message_id = ?"""
STATES_OF: Final = BulkSelect(
    "WITH wanted (guild_id, message_id, user_id) AS (VALUES ",
    "(?, ?, ?)",
    ") SELECT s.guild_id, s.message_id, s.user_id, s.emoji, s.burst, s.channel_id, s.receiver_id, s.is_bot FROM wanted CROSS JOIN reaction_state AS s "
    "WHERE s.guild_id = wanted.guild_id AND s.message_id = wanted.message_id AND s.user_id = wanted.user_id",
)
"""A statement for each message was a third of what a reaction cost. The join is a cross one so that SQLite looks up the key of each row that is
wanted, and does not read the table; by a list of messages and one of users it would look for each of these in each of those."""

AUTHORS: Final = (
    "SELECT message_id, user_id, author_class FROM message_events "
    "WHERE guild_id = ? AND message_id IN (SELECT value FROM json_each(?))"
)


class Key(NamedTuple):
    """Which reaction: somebody's super reaction stands beside the same one's normal one."""

    guild: int
    message: int
    user: int
    emoji: str
    burst: int


class Standing(NamedTuple):
    """What is known of a reaction that stands."""

    channel: int
    receiver: int | None
    is_bot: int


Message = tuple[int, int]
"""(guild, message)."""

State = Mapping[Message, Mapping[Key, Standing]]
"""The reactions that stand, by message."""

Author = tuple[int, int]
"""(user, author class) of a message."""


class ReactionProjection:
    """Writes reactions. Nothing is remembered from group to group: what stands is looked up for the messages that a group is about."""

    facts: tuple[type[Fact], ...] = (ReactionAdded, ReactionRemoved, ReactionsCleared, MessagesDeleted)

    def reset(self) -> None:
        """See :meth:`Projection.reset`: nothing is remembered."""

    def apply(self, connection: Connection, facts: Sequence[Fact]) -> AbstractSet[int]:
        """See :meth:`Projection.apply`."""
        before = standing(connection, facts)
        history = History(before, authors(connection, facts))
        for fact in facts:
            history.take(fact)
        self._write_state(connection, before, history)
        events = with_ids(connection, history.events)
        INSERT_EVENT.execute(connection, sorted(events))
        reaction_rollups.add(connection, events)
        emojis.learn(connection, facts)
        return {event.guild for event in events}

    def _write_state(self, connection: Connection, before: State, history: History) -> None:
        for guild, keys in groupby(sorted(history.wiped), key=lambda key: key[0]):
            connection.execute(WIPE, (guild, json.dumps([message for _, message in keys])))
        removed: list[Key] = []
        new: list[tuple[object, ...]] = []
        for message, stand in sorted(history.state.items()):
            left = {} if message in history.wiped else before.get(message, {})
            removed += sorted(left.keys() - stand.keys())
            new += [(*key, *known) for key, known in sorted(stand.items()) if left.get(key) != known]
        connection.executemany(DELETE_STATE, removed)
        INSERT_STATE.execute(connection, new)


class History:
    """What a group of facts makes of the reactions that stand. Pure.

    Attributes:
        state: the reactions that stand, as far as the group is about them.
        events: what happened, in order, without ids.
        wiped: the messages that were deleted with all their reactions.

    """

    def __init__(self, state: State, authors: Mapping[Message, Author]) -> None:
        """Begin with ``state``; ``authors`` are those of the messages, as far as they are known."""
        self.state = {message: dict(stand) for message, stand in state.items()}
        self._authors = authors
        self.events: list[ReactionEvent] = []
        self.wiped: set[Message] = set()

    def take(self, fact: Fact) -> None:
        """Go on by one fact."""
        if isinstance(fact, ReactionAdded):
            self._add(fact)
        elif isinstance(fact, ReactionRemoved):
            key = Key(fact.guild_id, fact.message_id, fact.user_id, fact.emoji, int(fact.burst))
            self._remove((key,), fact.at_ms, fact.bound_ms)
        elif isinstance(fact, ReactionsCleared):
            stand = self.state.get((fact.guild_id, fact.message_id), {})
            keys = sorted(key for key in stand if fact.emoji is None or fact.emoji == key.emoji)
            self._remove(keys, fact.at_ms, fact.bound_ms)
        elif isinstance(fact, MessagesDeleted):
            for message in fact.message_ids:
                self.wiped.add((fact.guild_id, message))
                self.state.pop((fact.guild_id, message), None)

    def _add(self, fact: ReactionAdded) -> None:
        message = (fact.guild_id, fact.message_id)
        key = Key(*message, fact.user_id, fact.emoji, int(fact.burst))
        stand = self.state.setdefault(message, {})
        if key in stand:
            return
        author, author_class = self._authors.get(message, (None, None))
        receiver = fact.receiver_id
        if receiver is None and author_class != WEBHOOK:
            receiver = author
        known = stand[key] = Standing(fact.channel_id, receiver, int(fact.is_bot or 0))
        self.events.append(happened(key, known, ADD, fact.at_ms, fact.bound_ms, receiver_bot=int(author_class == BOT)))

    def _remove(self, keys: Iterable[Key], at_ms: int, bound_ms: int) -> None:
        for key in keys:
            known = self.state.get(key[:2], {}).pop(key, None)
            if known is not None:
                self.events.append(happened(key, known, REMOVE, at_ms, bound_ms))


def happened(
    key: Key, known: Standing, action: int, at_ms: int, bound_ms: int, *, receiver_bot: int = 0
) -> ReactionEvent:
    """What happened to a reaction; it has no id yet."""
    guild, message, user, emoji, burst = key
    channel, receiver, is_bot = known
    return ReactionEvent(
        guild, at_ms, message, channel, user, receiver, receiver_bot, emoji, burst, action, is_bot, bound_ms
    )


def standing(connection: Connection, facts: Sequence[Fact]) -> dict[Message, dict[Key, Standing]]:
    """The reactions that stand, as far as ``facts`` are about them: all of a message that is cleared, else those of the users named."""
    cleared = {(fact.guild_id, fact.message_id) for fact in facts if isinstance(fact, ReactionsCleared)}
    named = {
        (fact.guild_id, fact.message_id, fact.user_id)
        for fact in facts
        if isinstance(fact, ReactionAdded | ReactionRemoved)
    }
    state: dict[Message, dict[Key, Standing]] = {}
    for guild, message in sorted(cleared):
        for user, emoji, burst, *known in connection.execute(STATE, (guild, message)):
            state.setdefault((guild, message), {})[Key(guild, message, user, emoji, burst)] = Standing(*known)
    for guild, message, user, emoji, burst, *known in STATES_OF.rows(connection, sorted(named)):
        state.setdefault((guild, message), {})[Key(guild, message, user, emoji, burst)] = Standing(*known)
    return state


def authors(connection: Connection, facts: Sequence[Fact]) -> dict[Message, Author]:
    """Who wrote the messages that were reacted to, as far as they are known."""
    messages = sorted({(fact.guild_id, fact.message_id) for fact in facts if isinstance(fact, ReactionAdded)})
    found: dict[Message, Author] = {}
    for guild, keys in groupby(messages, key=lambda key: key[0]):
        for message, user, author_class in connection.execute(AUTHORS, (guild, json.dumps([key[1] for key in keys]))):
            found[guild, message] = (user, author_class)
    return found


def with_ids(connection: Connection, events: Iterable[ReactionEvent]) -> list[ReactionEvent]:
    """``events`` with ids made of their times, in their order."""
    ordinals = Ordinals(connection, "reaction_events")
    return [ReactionEvent(event[0], ordinals.take(event[0], event[1]), *event[2:]) for event in events]
