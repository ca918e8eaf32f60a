"""Who users are: their newest names, by the time of the fact that told them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from operator import attrgetter, itemgetter
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


class Told(NamedTuple):
    """A name as a fact tells it; ``is_bot`` is None where that is not said."""

    username: str
    global_name: str | None
    is_bot: bool | None
    seen_ms: int


Telling = tuple[int, str, str | None, int]
"""What messages say of their author: id, username, global name, author class."""

TELLING: Final[Callable[[MessageSent], Telling]] = attrgetter("user_id", "username", "global_name", "author_class")
AUTHOR: Final[Callable[[Telling], int]] = itemgetter(0)
MESSAGE: Final[Callable[[MessageSent], int]] = attrgetter("message_id")


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
        sent = [fact for fact in facts if isinstance(fact, MessageSent)]
        told = [] if len(sent) == len(facts) else [fact for fact in facts if not isinstance(fact, MessageSent)]
        # Nearly all messages say the same as others, and what is known: only what is said is looked at, not who said it how often (by itself 0.32 µs a
        # message, where asking each one took 0.55).
        tellings = set(filter(is_a_name, set(map(TELLING, sent))))
        named = {user for user, _ in names_in(told)}
        self._recall(connection, named.union(map(AUTHOR, tellings)))
        latest_ms = time_ms(max(map(MESSAGE, sent), default=0))
        news = named.union(telling[0] for telling in tellings if not repeats(telling, self._names, latest_ms))
        if news:
            changed = self._learn(
                fact for fact in facts if not isinstance(fact, MessageSent) or self._may_be_news(fact, news)
            )
            STORE.execute(connection, sorted((user, *name) for user, name in changed.items()))
        return frozenset()

    def _may_be_news(self, fact: MessageSent, news: AbstractSet[int]) -> bool:
        """Whether a message of one of ``news`` says something else than what is known by now: of somebody new all but the first usually do not."""
        return fact.user_id in news and not repeats(TELLING(fact), self._names, time_ms(fact.message_id))

    def _learn(self, facts: Iterable[Fact]) -> dict[int, Name]:
        """Follow ``facts`` in their order, all of them about whoever is in one: a name may change and change back. Returns the new names."""
        names, changed = self._names, dict[int, Name]()
        for user, name in names_in(facts):
            newer = newest(names.get(user), name)
            if newer is not None:
                names[user] = changed[user] = newer
        return changed

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


def is_a_name(telling: Telling) -> bool:
    """Whether a message names a user. Webhooks are no users, and an empty name is none (rules 2 and 29)."""
    _, username, _, author_class = telling
    return bool(username) and author_class != WEBHOOK


def repeats(telling: Telling, names: Mapping[int, Name], latest_ms: int) -> bool:
    """Whether messages until ``latest_ms`` that say so tell nothing new: the known name, less than a day later."""
    user, username, global_name, _ = telling
    known = names.get(user)
    if known is None:
        return False
    return username == known.username and global_name == known.global_name and latest_ms - known.seen_ms < CONFIRM_MS


def newest(known: Name | None, told: Told) -> Name | None:
    """What is to be known after ``told``; None if that is what is known."""
    username, global_name, is_bot, seen_ms = told
    if known is None:
        return Name(username, global_name, int(is_bot or 0), seen_ms)
    if seen_ms < known.seen_ms:
        return None
    same = username == known.username and global_name == known.global_name
    if same and seen_ms - known.seen_ms < CONFIRM_MS:
        return None
    return Name(username, global_name, known.is_bot if is_bot is None else int(is_bot), seen_ms)


def names_in(facts: Iterable[Fact]) -> Iterator[tuple[int, Told]]:
    """What ``facts`` tell of names, by user, in order. Webhooks are no users, and an empty name is none (rules 2 and 29)."""
    for fact in facts:
        if isinstance(fact, MessageSent):
            if is_a_name(TELLING(fact)):
                yield (
                    fact.user_id,
                    Told(fact.username, fact.global_name, fact.author_class == BOT, time_ms(fact.message_id)),
                )
        elif isinstance(fact, VoiceChanged):
            if fact.username:
                yield fact.user_id, Told(fact.username, fact.global_name, fact.is_bot, fact.at_ms)
        elif isinstance(fact, VoiceListed):
            yield from names_in(fact.states)
        elif isinstance(fact, MemberJoined):
            yield from profiles((fact.member,), fact.at_ms)
        elif isinstance(fact, MembersSeen):
            yield from profiles(fact.members, fact.at_ms)


def profiles(members: Sequence[Profile], at_ms: int) -> Iterator[tuple[int, Told]]:
    """The names of ``members``, said at ``at_ms``."""
    for member in members:
        if member.username:
            yield member.user_id, Told(member.username, member.global_name, member.is_bot, at_ms)
