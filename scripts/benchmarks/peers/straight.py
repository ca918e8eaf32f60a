"""The same rows and rollups as Mocha's, written by a straight loop: no actors, no projections, no repetition to be found, no gate, no cache to be told.

This is what the work itself costs in Python with ``sqlite3``: the limit that Mocha's writer and its whole way are measured against.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mocha_actors.db.address import prepare
from mocha_actors.db.engine import bring_up
from mocha_actors.db.session import PRAGMAS, open_session
from mocha_actors.pipeline.facts import MessageDetails, MessageSent

EPOCH_MS: Final = 1_420_070_400_000
HOUR_MS: Final = 3_600_000

EVENTS: Final = "INSERT INTO message_events (guild_id, message_id, channel_id, user_id, author_class, kind, type) VALUES (?, ?, ?, ?, ?, ?, ?)"
DETAILS: Final = (
    "INSERT INTO message_details (guild_id, message_id, attachments, invoker_id, edits) VALUES (?, ?, ?, ?, 0)"
)
USERS: Final = (
    "INSERT INTO users (id, username, global_name, is_bot, seen_ms) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET username = excluded.username, global_name = excluded.global_name, seen_ms = excluded.seen_ms"
)
GUILDS: Final = "INSERT INTO guilds (id, revision) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET revision = revision + 1"
KEYS: Final = {
    "user_day": "guild_id, day, user_id, author_class, kind",
    "user_week": "guild_id, week, user_id, author_class, kind",
    "channel_hour": "guild_id, hour, channel_id, author_class, kind",
    "channel_day": "guild_id, day, channel_id, author_class, kind",
    "guild_hour": "guild_id, hour, author_class, kind",
}


def upsert(table: str) -> str:
    """What adds to a rollup."""
    key = KEYS[table]
    marks = ", ".join("?" * (key.count(",") + 1))
    return f"INSERT INTO {table} ({key}, sent, deleted) VALUES ({marks}, ?, 0) ON CONFLICT ({key}) DO UPDATE SET sent = sent + excluded.sent"  # noqa: S608 - names of its own


UPSERTS: Final = {table: upsert(table) for table in KEYS}


def create(path: Path) -> None:
    """A database with Mocha's tables."""
    prepare(path)
    session = open_session(path)
    bring_up(session)
    session.close()


class Straight:
    """Writes messages to Mocha's tables with ``sqlite3`` alone, with Mocha's pragmas."""

    def __init__(self, path: Path) -> None:
        """Create the database and open it."""
        create(path)
        self.connection = sqlite3.connect(path, isolation_level=None)
        for pragma in PRAGMAS:
            self.connection.execute(pragma)
        self._names: dict[int, tuple[str, str | None]] = {}

    def write(self, facts: Sequence[Any]) -> None:
        """One transaction of facts about messages."""
        sent = [fact for fact in facts if type(fact) is MessageSent]
        details = [(d.guild_id, d.message_id, d.attachments, d.invoker_id) for d in facts if type(d) is MessageDetails]
        execute, many = self.connection.execute, self.connection.executemany
        execute("BEGIN IMMEDIATE")
        many(
            EVENTS,
            sorted((m.guild_id, m.message_id, m.channel_id, m.user_id, m.author_class, m.kind, m.type) for m in sent),
        )
        many(DETAILS, sorted(details))
        for table, sums in rollups(sent).items():
            many(UPSERTS[table], sorted((*key, number) for key, number in sums.items()))
        many(USERS, sorted(self._new_names(sent)))
        many(GUILDS, sorted({(m.guild_id,) for m in sent}))
        execute("COMMIT")

    def _new_names(self, sent: Sequence[MessageSent]) -> list[tuple[Any, ...]]:
        new = {}
        for m in sent:
            name = m.username, m.global_name
            if self._names.get(m.user_id) != name and m.author_class != 2:
                self._names[m.user_id] = name
                new[m.user_id] = (m.user_id, *name, int(m.author_class == 1), (m.message_id >> 22) + EPOCH_MS)
        return list(new.values())


def rollups(sent: Sequence[MessageSent]) -> dict[str, dict[tuple[int, ...], int]]:
    """The numbers of each rollup, counted by channel and hour, and by user and day, and added up from there."""
    channels = Counter(
        (m.guild_id, ((m.message_id >> 22) + EPOCH_MS) // HOUR_MS, m.channel_id, m.author_class, m.kind)
        for m in sent
        if m.kind != 2
    )
    users = Counter(
        (m.guild_id, ((m.message_id >> 22) + EPOCH_MS) // (24 * HOUR_MS), m.user_id, m.author_class, m.kind)
        for m in sent
        if m.kind != 2 and m.author_class != 2
    )
    days, weeks, guilds = Counter[Any](), Counter[Any](), Counter[Any]()
    for (guild, hour, channel, *flags), number in channels.items():
        days[(guild, hour // 24, channel, *flags)] += number
        guilds[(guild, hour, *flags)] += number
    for (guild, day, user, *flags), number in users.items():
        weeks[(guild, (day + 3) // 7, user, *flags)] += number
    return {
        "user_day": users,
        "user_week": weeks,
        "channel_hour": channels,
        "channel_day": days,
        "guild_hour": guilds,
    }
