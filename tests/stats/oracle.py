"""A random history, the database that holds it, and recounts in plain Python that share no code with the queries."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from mocha_actors.db import migrations
from mocha_actors.db.connection import Connection
from mocha_actors.db.sqlite import SqliteConnection
from mocha_actors.stats.questions import Filters
from mocha_actors.stats.ranges import Range

EPOCH_MS = 1_420_070_400_000
HOUR = 3_600_000
DAY = 24 * HOUR

START = 1_767_225_600_000  # 2026-01-01
"""The histories lie in the five days from here."""

GUILD, OTHER_GUILD = 900, 901


class Sent(NamedTuple):
    """One row of message_events."""

    guild: int
    id: int
    channel: int
    user: int
    author_class: int
    kind: int
    deleted: bool

    @property
    def ms(self) -> int:
        """When it was sent."""
        return (self.id >> 22) + EPOCH_MS


moments = st.builds(
    lambda hour, ms: START + hour * HOUR + ms,
    st.sampled_from([0, 1, 2, 23, 24, 25, 26, 71, 72, 119]),
    st.sampled_from([0, 1, 2, HOUR // 2, HOUR - 2, HOUR - 1]) | st.integers(0, HOUR - 1),
)
"""Milliseconds in a few hours, many at their ends, so that the ragged edges of a range hold as much as its whole buckets."""


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    """A range that is aligned to nothing in particular."""
    since, until = sorted(draw(st.lists(moments, min_size=2, max_size=2, unique=True)))
    return Range(since, until)


filters = st.builds(Filters, include_bots=st.booleans(), include_webhooks=st.booleans(), exclude_deleted=st.booleans())

users = (
    st.tuples(st.integers(1, 6), st.just(0))
    | st.tuples(st.integers(11, 12), st.just(1))
    | st.tuples(st.integers(21, 22), st.just(2))
)
"""(id, author class): few, so that equal counts are common."""


@st.composite
def histories(draw: st.DrawFn) -> list[Sent]:
    """Messages of two guilds with distinct ids."""
    rows = draw(
        st.lists(
            st.tuples(
                moments, st.sampled_from([GUILD, GUILD, GUILD, OTHER_GUILD]), st.integers(50, 53), users,
                st.sampled_from([0, 0, 0, 1, 2]),
                st.booleans(),
            ),
            max_size=60,
        )
    )  # fmt: skip
    return [
        Sent(guild, ((ms - EPOCH_MS) << 22) | position, channel, user, author_class, kind, deleted)
        for position, (ms, guild, channel, (user, author_class), kind, deleted) in enumerate(rows)
    ]


def database(history: Iterable[Sent] = (), path: str | None = None) -> Any:
    """A connection to a database that holds ``history``: the schema of the migrations, raw rows, and their rollups.

    In memory and of SQLite; in tests that use the fixture ``both_databases``, of PostgreSQL the second time.
    """
    if path is None and POSTGRES:
        connection: Any = POSTGRES[0]()
        fill(connection, history)
        return connection
    connection = sqlite3.connect(path or ":memory:", isolation_level=None, factory=SqliteConnection)
    connection.execute("BEGIN")
    migrations.migrate(connection, START, migrations.known("sqlite"))
    fill(connection, history)
    connection.execute("COMMIT")
    return connection


POSTGRES: list[Callable[[], Connection]] = []
"""Makes a connection to an empty, migrated database; none while tests run on SQLite."""


def fill(connection: Connection, history: Iterable[Sent]) -> None:
    """Write ``history`` in tables and rollups."""
    rows = [
        (row.guild, row.id, row.channel, row.user, row.author_class, row.kind, 0, START if row.deleted else None)
        for row in history
    ]
    connection.executemany("INSERT INTO message_events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    for table, statement in ROLLUPS.items():
        counted: dict[tuple[int, ...], list[int]] = {}
        for row in history:
            if row.kind != 2 and not (table.startswith("user") and row.author_class == 2):
                counts = counted.setdefault(_key(table, row), [0, 0])
                counts[0] += 1
                counts[1] += row.deleted
        connection.executemany(statement, [(*key, *counts) for key, counts in counted.items()])


ROLLUPS = {
    "user_day": "INSERT INTO user_day VALUES (?, ?, ?, ?, ?, ?, ?)",
    "channel_hour": "INSERT INTO channel_hour VALUES (?, ?, ?, ?, ?, ?, ?)",
    "guild_hour": "INSERT INTO guild_hour VALUES (?, ?, ?, ?, ?, ?)",
    "user_week": "INSERT INTO user_week VALUES (?, ?, ?, ?, ?, ?, ?)",
    "channel_day": "INSERT INTO channel_day VALUES (?, ?, ?, ?, ?, ?, ?)",
}


def _key(table: str, row: Sent) -> tuple[int, ...]:
    subject = {
        "user_day": (row.ms // DAY, row.user),
        "channel_hour": (row.ms // HOUR, row.channel),
        "guild_hour": (row.ms // HOUR,),
        "user_week": ((row.ms // DAY + 3) // 7, row.user),
        "channel_day": (row.ms // DAY, row.channel),
    }
    return row.guild, *subject[table], row.author_class, row.kind


def inside(history: Iterable[Sent], period: Range, filters: Filters) -> list[Sent]:
    """Rows of the guild in ``period``, whatever the author; without deleted ones if they are to be excluded."""
    return [
        row
        for row in history
        if row.guild == GUILD
        and period.since_ms <= row.ms < period.until_ms
        and not (filters.exclude_deleted and row.deleted)
    ]


def counted(rows: Iterable[Sent], filters: Filters) -> list[Sent]:
    """Those that count as messages: people's, and bots' and webhooks' where asked for."""
    allowed = {0} | ({1} if filters.include_bots else set()) | ({2} if filters.include_webhooks else set())
    return [row for row in rows if row.kind == 0 and row.author_class in allowed]


def board(rows: Iterable[Sent], filters: Filters) -> list[tuple[int, int, int]]:
    """(rank, user, messages) of everybody listed."""
    return ranked(Counter(row.user for row in counted(rows, filters) if row.author_class != 2))


def ranked(counts: Counter[int]) -> list[tuple[int, int, int]]:
    """(rank, key, count), best first: 1, 1, 3, the lower key first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(1 + sum(count > own for count in counts.values()), key, own) for key, own in ordered]
