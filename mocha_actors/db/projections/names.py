"""Who users are: their newest names, by the time of the fact that told them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import time_ms
from mocha_actors.pipeline.facts import AuthorClass, MessageSent

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


class Names:
    """The newest name of each user: a bounded copy of ``users``, written through.

    A name is replaced by one of a later fact, never by an older fact that arrives late (statistics, rule A3.18). A name that stays is
    confirmed once a day, so "later" is exact for changes and right within a day for repetitions.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        """Nothing is known; at most ``remembered`` users will be."""
        self._remembered = remembered
        self._names: dict[int, Name] = {}

    def reset(self) -> None:
        """Forget everything."""
        self._names.clear()

    def learn(self, connection: Connection, messages: Sequence[MessageSent]) -> None:
        """Take the authors' names from ``messages`` in their order; webhooks are no users and empty names are none."""
        self._recall(connection, {message.user_id for message in messages})
        names = self._names
        changed: dict[int, Name] = {}
        for message in messages:
            known = names.get(message.user_id)
            if known is not None and not is_news(known, message):
                continue
            name = name_of(message)
            if name is not None and (known is None or name.seen_ms >= known.seen_ms):
                names[message.user_id] = changed[message.user_id] = name
        STORE.execute(connection, sorted((user, *name) for user, name in changed.items()))

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


def name_of(message: MessageSent) -> Name | None:
    """The name that a message tells; None for a webhook, which is no user, and where it tells none."""
    if message.author_class == WEBHOOK or not message.username:
        return None
    return Name(message.username, message.global_name, int(message.author_class == BOT), time_ms(message.message_id))


def is_news(known: Name, message: MessageSent) -> bool:
    """Whether ``message`` tells something else than what is known, or the same after a day."""
    return (
        message.username != known.username
        or message.global_name != known.global_name
        or time_ms(message.message_id) - known.seen_ms >= CONFIRM_MS
    )
