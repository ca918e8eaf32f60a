"""Proof that the rollups equal the raw rows (promise P7), and that the database equals another account of the truth.

Everything is compared a guild and a UTC day at a time: each such piece is one question, so it holds while the writer is at work, and memory is
bounded by the busiest day of a guild.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import partial
from typing import Final, NamedTuple, Protocol

from mocha_actors.db.comparison import Key, Numbers, Table, Verification, compare
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.rollups import SYSTEM, WEBHOOK
from mocha_actors.db.readers import Readers
from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS, from_time_ms, time_ms

HOURS: Final = 24
DAY_MS: Final = 86_400_000
LARGEST_ID: Final = (1 << 63) - 1
FIRST_DAY: Final = DISCORD_EPOCH_MS // DAY_MS
LAST_DAY: Final = time_ms(LARGEST_ID) // DAY_MS

PIECE_SECONDS: Final = 60.0
"""How long the comparison of one guild's day may take."""

HOUR_OF: Final = f"((message_id >> 22) + {DISCORD_EPOCH_MS}) / 3600000"
DAY_OF: Final = f"((message_id >> 22) + {DISCORD_EPOCH_MS}) / {DAY_MS}"

KEYS: Final = {
    "message_events": ("guild_id", "message_id"),
    "user_day": ("guild_id", "user_id", "day", "author_class", "kind"),
    "channel_hour": ("guild_id", "channel_id", "hour", "author_class", "kind"),
    "guild_hour": ("guild_id", "hour", "author_class", "kind"),
}
"""The columns of each key, in the order in which keys are given here."""

STORED: Final = {
    "user_day": """
        SELECT guild_id, user_id, day, author_class, kind, sent, deleted FROM user_day WHERE guild_id = :guild AND day = :day""",
    "channel_hour": """
        SELECT guild_id, channel_id, hour, author_class, kind, sent, deleted FROM channel_hour
        WHERE guild_id = :guild AND hour >= :hour AND hour < :hour + 24""",
    "guild_hour": """
        SELECT guild_id, hour, author_class, kind, sent, deleted FROM guild_hour
        WHERE guild_id = :guild AND hour >= :hour AND hour < :hour + 24""",
}

RECOUNT: Final = {
    "user_day": f"""
        SELECT guild_id, user_id, {DAY_OF}, author_class, kind, count(*), count(deleted_ms) FROM message_events
        WHERE guild_id = :guild AND message_id >= :first AND message_id <= :last AND kind <> {SYSTEM} AND author_class <> {WEBHOOK}
        GROUP BY guild_id, user_id, {DAY_OF}, author_class, kind""",  # noqa: S608 - constants
    "channel_hour": f"""
        SELECT guild_id, channel_id, {HOUR_OF}, author_class, kind, count(*), count(deleted_ms) FROM message_events
        WHERE guild_id = :guild AND message_id >= :first AND message_id <= :last AND kind <> {SYSTEM}
        GROUP BY guild_id, channel_id, {HOUR_OF}, author_class, kind""",  # noqa: S608 - constants
    "guild_hour": f"""
        SELECT guild_id, {HOUR_OF}, author_class, kind, count(*), count(deleted_ms) FROM message_events
        WHERE guild_id = :guild AND message_id >= :first AND message_id <= :last AND kind <> {SYSTEM}
        GROUP BY guild_id, {HOUR_OF}, author_class, kind""",  # noqa: S608 - constants
}

RAW: Final = """
    SELECT guild_id, message_id, channel_id, user_id, author_class, kind FROM message_events
    WHERE guild_id = :guild AND message_id >= :first AND message_id <= :last"""

NEXT_GUILD: Final = " UNION ALL ".join(f"SELECT min(guild_id) FROM {table} WHERE guild_id > :guild" for table in KEYS)  # noqa: S608

NEXT_DAY: Final = f"""
    SELECT ((min(message_id) >> 22) + {DISCORD_EPOCH_MS}) / {DAY_MS} FROM message_events WHERE guild_id = :guild AND message_id >= :first
    UNION ALL SELECT min(day) FROM user_day WHERE guild_id = :guild AND day >= :day
    UNION ALL SELECT min(hour) / 24 FROM channel_hour WHERE guild_id = :guild AND hour >= :hour
    UNION ALL SELECT min(hour) / 24 FROM guild_hour WHERE guild_id = :guild AND hour >= :hour"""  # noqa: S608 - constants of this module


GAPS: Final = "SELECT from_ms, to_ms FROM coverage_gaps"

STORED_MESSAGE: Final = "SELECT 1 FROM message_events WHERE guild_id = ? AND message_id = ?"


class Truth(Protocol):
    """Another account of what happened, with keys as in :data:`KEYS`.

    Attributes:
        raw: (guild, message) → (channel, user, author class, kind).
        user_day: (guild, user, day, author class, kind) → sent.
        channel_hour: (guild, channel, hour, author class, kind) → sent.
        guild_hour: (guild, hour, author class, kind) → sent.

    """

    raw: dict[tuple[int, int], tuple[int, int, int, int]]
    user_day: Counter[tuple[int, int, int, int, int]]
    channel_hour: Counter[tuple[int, int, int, int, int]]
    guild_hour: Counter[tuple[int, int, int, int]]


class Piece(NamedTuple):
    """One UTC day, as a day number, of one guild."""

    guild: int
    day: int

    @property
    def parameters(self) -> dict[str, int | None]:
        """Of the queries: guild, day, its first hour, and the first and last message id of the day; no first one for a day that no snowflake has."""
        first, following = first_id(self.day), first_id(self.day + 1)
        last = LARGEST_ID if following is None else following - 1
        return {"guild": self.guild, "day": self.day, "hour": self.day * HOURS, "first": first, "last": last}


def first_id(day: int) -> int | None:
    """The lowest snowflake of a day or any later one; None after the last day that has any (a damaged table may hold any number)."""
    return None if day > LAST_DAY else from_time_ms(max(day, FIRST_DAY) * DAY_MS)


async def verify(readers: Readers) -> Verification:
    """Recount every rollup from the raw rows and compare.

    Raises:
        MochaError: the database is not available, or damaged.

    """
    result = Verification()
    async for piece in pieces(readers):
        result += await readers.run(partial(verify_piece, piece=piece), deadline=PIECE_SECONDS)
    return result


async def compare_truth(readers: Readers, truth: Truth) -> Verification:
    """Compare the raw rows and the ``sent`` of every rollup with ``truth``.

    Raises:
        MochaError: the database is not available, or damaged.

    """
    expected = by_piece(truth)
    result = Verification()
    async for piece in pieces(readers):
        tables = expected.pop(piece, {})
        result += await readers.run(partial(compare_piece, piece=piece, expected=tables), deadline=PIECE_SECONDS)
    for tables in expected.values():
        for table, rows in tables.items():
            result += compare(table, {}, rows)
    return result


def unobserved(connection: Connection, messages: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of ``messages`` (guild, message) that are not stored and lie in a recorded gap: nobody claims to have seen them (P6)."""
    gaps = connection.execute(GAPS).fetchall()
    return {
        key for key in messages
        if any(start <= time_ms(key[1]) < end for start, end in gaps) and connection.execute(STORED_MESSAGE, key).fetchone() is None
    }  # fmt: skip


async def pieces(readers: Readers) -> AsyncIterator[Piece]:
    """Every guild's day that any table has rows of, by guild and day."""
    piece = await readers.run(partial(next_piece, after=Piece(-1, 0)), deadline=PIECE_SECONDS)
    while piece is not None:
        yield piece
        piece = await readers.run(partial(next_piece, after=piece), deadline=PIECE_SECONDS)


def next_piece(connection: Connection, after: Piece) -> Piece | None:
    """The first piece after ``after``; None at the end. A few look-ups in the keys, whatever the size of the tables."""
    guild, day = after.guild, after.day + 1
    while (found := least(connection, NEXT_DAY, Piece(guild, day))) is None:
        following = least(connection, NEXT_GUILD, Piece(guild, day))
        if following is None:
            return None
        guild, day = following, 0
    return Piece(guild, found)


def least(connection: Connection, sql: str, piece: Piece) -> int | None:
    """The smallest number that a query of one column returns; None when there is none."""
    return min((number for (number,) in connection.execute(sql, piece.parameters) if number is not None), default=None)


def verify_piece(connection: Connection, piece: Piece) -> Verification:
    """Compare the rollups of one piece with a recount of its raw rows."""
    result = Verification()
    for table, recount in RECOUNT.items():
        stored = read(connection, STORED[table], len(KEYS[table]), piece)
        recounted = read(connection, recount, len(KEYS[table]), piece)
        result += compare(table, stored, recounted)
    return result


def compare_piece(connection: Connection, piece: Piece, expected: Mapping[str, Table]) -> Verification:
    """Compare one piece with what ``expected`` says of its tables."""
    result = compare("message_events", read(connection, RAW, 2, piece), expected.get("message_events", {}))
    for table, sql in STORED.items():
        stored = {key: numbers[:1] for key, numbers in read(connection, sql, len(KEYS[table]), piece).items()}
        result += compare(table, stored, expected.get(table, {}))
    return result


def read(connection: Connection, sql: str, width: int, piece: Piece) -> Table:
    """The rows of a query as a table; the first ``width`` columns are the key."""
    return {row[:width]: row[width:] for row in connection.execute(sql, piece.parameters)}


def by_piece(truth: Truth) -> dict[Piece, dict[str, dict[Key, Numbers]]]:
    """``truth`` sorted by pieces and tables."""
    sorted_out: dict[Piece, dict[str, dict[Key, Numbers]]] = defaultdict(lambda: defaultdict(dict))
    for message, row in truth.raw.items():
        sorted_out[Piece(message[0], time_ms(message[1]) // DAY_MS)]["message_events"][message] = row
    for user, sent in truth.user_day.items():
        sorted_out[Piece(user[0], user[2])]["user_day"][user] = (sent,)
    for channel, sent in truth.channel_hour.items():
        sorted_out[Piece(channel[0], channel[2] // HOURS)]["channel_hour"][channel] = (sent,)
    for guild, sent in truth.guild_hour.items():
        sorted_out[Piece(guild[0], guild[1] // HOURS)]["guild_hour"][guild] = (sent,)
    return sorted_out
