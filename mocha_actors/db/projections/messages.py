"""Messages: one raw row each, three rollups, and the names of their authors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, cast

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections import rollups
from mocha_actors.db.projections.names import Names
from mocha_actors.pipeline.facts import Fact, MessageSent

INSERT: Final = BulkInsert(
    "INSERT INTO message_events (guild_id, message_id, channel_id, user_id, author_class, kind, type)",
    "(?, ?, ?, ?, ?, ?, ?)",
    "ON CONFLICT DO NOTHING",
)

KNOWN: Final = (
    "SELECT message_id FROM message_events WHERE guild_id = ? AND message_id IN (SELECT value FROM json_each(?))"
)

INSERT_GUILD: Final = "INSERT INTO guilds (id) VALUES (?) ON CONFLICT DO NOTHING"

GUILDS_REMEMBERED: Final = 100_000
"""Guilds known to have a row; a bot with more of them forgets all and looks again."""


class MessageProjection:
    """Writes :class:`MessageSent` facts. Only rows that are really inserted are counted (statistics, rule 6)."""

    facts: tuple[type[Fact], ...] = (MessageSent,)

    def __init__(self) -> None:
        """Nothing is remembered yet."""
        self._names = Names()
        self._guilds: set[int] = set()

    def reset(self) -> None:
        """See :meth:`Projection.reset`."""
        self._names.reset()
        self._guilds.clear()

    def apply(self, connection: Connection, facts: Sequence[Fact]) -> None:
        """See :meth:`Projection.apply`."""
        messages = insert_new(connection, cast("Sequence[MessageSent]", facts))
        if messages:
            self._insert_guilds(connection, {m.guild_id for m in messages})
            rollups.add(connection, messages)
            self._names.learn(connection, messages)

    def _insert_guilds(self, connection: Connection, guilds: set[int]) -> None:
        if unknown := guilds - self._guilds:
            connection.executemany(INSERT_GUILD, sorted((guild,) for guild in unknown))
            if len(self._guilds) + len(unknown) > GUILDS_REMEMBERED:
                self._guilds.clear()
            self._guilds |= unknown


def insert_new(connection: Connection, messages: Sequence[MessageSent]) -> Sequence[MessageSent]:
    """Insert the raw rows; returns the messages that are new.

    All of them nearly always are, so that is assumed, and undone to the savepoint when fewer rows were inserted than offered.
    """
    connection.execute("SAVEPOINT messages")
    if insert(connection, messages) != len(messages):
        connection.execute("ROLLBACK TO SAVEPOINT messages")
        messages = without_known(connection, messages)
        insert(connection, messages)
    connection.execute("RELEASE SAVEPOINT messages")
    return messages


def insert(connection: Connection, messages: Sequence[MessageSent]) -> int:
    """Insert rows in order of their keys; returns how many were inserted."""
    rows = sorted((m.guild_id, m.message_id, m.channel_id, m.user_id, m.author_class, m.kind, m.type) for m in messages)
    return INSERT.execute(connection, rows)


def without_known(connection: Connection, messages: Sequence[MessageSent]) -> list[MessageSent]:
    """``messages`` without those that the table holds, and without repetitions of one another; the first of its key stays."""
    first: dict[tuple[int, int], MessageSent] = {}
    for message in messages:
        first.setdefault((message.guild_id, message.message_id), message)
    for key in known_keys(connection, first):
        del first[key]
    return list(first.values())


def known_keys(connection: Connection, keys: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of ``keys`` (guild, message) that the table holds."""
    known = []
    for guild, of_guild in groupby(sorted(keys), key=lambda key: key[0]):
        ids = json.dumps([message for _, message in of_guild])
        known += [(guild, message) for (message,) in connection.execute(KNOWN, (guild, ids))]
    return known
