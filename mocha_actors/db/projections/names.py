"""Who users are: their newest names, by the time of the fact that told them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cachetools import LRUCache

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
STORE: Final = "INSERT OR REPLACE INTO users (id, username, global_name, is_bot, seen_ms) VALUES (?, ?, ?, ?, ?)"


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
        """Nothing is known; ``remembered`` users will be."""
        self._names: LRUCache[int, Name] = LRUCache(remembered)

    def reset(self) -> None:
        """Forget everything."""
        self._names.clear()

    def learn(self, connection: sqlite3.Connection, messages: Sequence[MessageSent]) -> None:
        """Take the authors' names from ``messages`` in their order; webhooks are no users and empty names are none."""
        at_hand = self._at_hand(connection, {m.user_id for m in messages})
        changed: dict[int, Name] = {}
        for message in messages:
            known = at_hand.get(message.user_id)
            if known is None or is_news(known, message):
                name = Name(
                    message.username, message.global_name, int(message.author_class == BOT), time_ms(message.message_id)
                )
                if (
                    message.author_class != WEBHOOK
                    and message.username
                    and (known is None or name.seen_ms >= known.seen_ms)
                ):
                    at_hand[message.user_id] = changed[message.user_id] = name
        connection.executemany(STORE, sorted((user, *name) for user, name in changed.items()))
        self._names.update(changed)

    def _at_hand(self, connection: sqlite3.Connection, users: Iterable[int]) -> dict[int, Name]:
        """What memory, or else the table, knows about ``users``, as a plain dict: cheaper to ask than the cache, once a message."""
        known = {user: name for user in users if (name := self._names.get(user)) is not None}
        unknown = [user for user in users if user not in known]
        if unknown:
            loaded = {row[0]: Name(*row[1:]) for row in connection.execute(LOAD, (json.dumps(unknown),))}
            self._names.update(loaded)
            known.update(loaded)
        return known


def is_news(known: Name, message: MessageSent) -> bool:
    """Whether ``message`` tells something else than what is known, or the same after a day."""
    return (
        message.username != known.username
        or message.global_name != known.global_name
        or time_ms(message.message_id) - known.seen_ms >= CONFIRM_MS
    )
