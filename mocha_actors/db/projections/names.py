"""Who users are: their newest names, by the time of the fact that told them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import time_ms
from mocha_actors.pipeline.facts import (
    AuthorClass,
    Fact,
    MemberJoined,
    MembersSeen,
    MessageSent,
    Profile,
    VoiceChanged,
    VoiceListed,
)

REMEMBERED: Final = 50_000
"""Users whose names are kept in memory (about 20 MB); others are looked up again."""

CONFIRM_MS: Final = 86_400_000
"""How much newer a fact must be to be stored for repeating a known name: writing each would cost a row a message."""

BOT: Final = int(AuthorClass.BOT)
WEBHOOK: Final = int(AuthorClass.WEBHOOK)

LOAD: Final = (
    "SELECT id, username, global_name, is_bot, seen_ms FROM users WHERE id IN (SELECT value FROM json_each(?))"
)
STORE: Final = BulkInsert(
    "INSERT INTO users (id, username, global_name, is_bot, seen_ms)",
    "(?, ?, ?, ?, ?)",
    "ON CONFLICT (id) DO UPDATE SET username = excluded.username, global_name = excluded.global_name, "
    "is_bot = excluded.is_bot, seen_ms = excluded.seen_ms",
)


class Name(NamedTuple):
    """What ``users`` holds about one user."""

    username: str
    global_name: str | None
    is_bot: int
    seen_ms: int


Told = tuple[int, str, str | None, "bool | None", int]
"""(user, unique name, display name, whether it is a bot, when that was said)."""


class NameProjection:
    """The newest name of each user: a bounded copy of ``users``, written through.

    It takes every fact that names somebody, in the order of their events, whatever else those are about. A name is replaced by one of a later
    fact, never by an older fact that arrives late (statistics, rule A3.18). A name that stays is confirmed once a day, so "later" is
    exact for changes and right within a day for repetitions. Names change no number, hence no revision.
    """

    facts: tuple[type[Fact], ...] = (MessageSent, MemberJoined, MembersSeen, VoiceChanged, VoiceListed)

    def __init__(self, remembered: int = REMEMBERED) -> None:
        """Nothing is known; at most ``remembered`` users will be, or those of one group."""
        self._remembered = remembered
        self._names: dict[int, Name] = {}

    def reset(self) -> None:
        """Forget everything."""
        self._names.clear()

    def apply(self, connection: Connection, facts: Sequence[Fact]) -> AbstractSet[int]:
        """See :meth:`Projection.apply`."""
        told = list(names_in(facts))
        self._recall(connection, {user for user, *_ in told})
        names = self._names
        changed: dict[int, Name] = {}
        for user, username, global_name, is_bot, seen_ms in told:
            known = names.get(user)
            if known is None:
                names[user] = changed[user] = Name(username, global_name, int(is_bot or 0), seen_ms)
            elif seen_ms >= known.seen_ms and (
                username != known.username or global_name != known.global_name or seen_ms - known.seen_ms >= CONFIRM_MS
            ):
                bot = known.is_bot if is_bot is None else int(is_bot)
                names[user] = changed[user] = Name(username, global_name, bot, seen_ms)
        STORE.execute(connection, sorted((user, *name) for user, name in changed.items()))
        return frozenset()

    def _recall(self, connection: Connection, users: set[int]) -> None:
        """Load those of ``users`` that memory does not hold; where they would not fit, memory begins anew.

        Evicting the user who was silent longest would cost every message more than such a reload costs all of them.
        """
        if len(self._names) + len(users) > self._remembered:
            self._names.clear()
        unknown = users - self._names.keys()
        if unknown:
            loaded = connection.execute(LOAD, (json.dumps(sorted(unknown)),))
            self._names.update((user, Name(*fields)) for user, *fields in loaded)


def names_in(facts: Sequence[Fact]) -> Iterator[Told]:
    """What ``facts`` tell of names, in order. Webhooks are no users, and an empty name is none (rules 2 and 29)."""
    for fact in facts:
        if isinstance(fact, MessageSent):
            if fact.author_class != WEBHOOK and fact.username:
                seen_ms = time_ms(fact.message_id)
                yield fact.user_id, fact.username, fact.global_name, fact.author_class == BOT, seen_ms
        elif isinstance(fact, VoiceChanged):
            if fact.username:
                yield fact.user_id, fact.username, fact.global_name, fact.is_bot, fact.at_ms
        elif isinstance(fact, VoiceListed):
            yield from names_in(fact.states)
        elif isinstance(fact, MemberJoined):
            yield from profiles((fact.member,), fact.at_ms)
        elif isinstance(fact, MembersSeen):
            yield from profiles(fact.members, fact.at_ms)


def profiles(members: Sequence[Profile], at_ms: int) -> Iterator[Told]:
    """The names of ``members``, said at ``at_ms``."""
    for member in members:
        if member.username:
            yield member.user_id, member.username, member.global_name, member.is_bot, at_ms
