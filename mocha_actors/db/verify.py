"""Proof that the rollups equal the raw rows (promise P7), and that the database equals another account of the truth.

Everything is compared a guild and a UTC day at a time: each such piece is one question, so it holds while the writer is at work, and memory is
bounded by the busiest day of a guild. What is compared stands in :mod:`mocha_actors.db.recounts.registry`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import partial
from typing import Final

from mocha_actors.db.comparison import Table, Verification, compare
from mocha_actors.db.connection import Connection
from mocha_actors.db.marks import marks_of, recountable
from mocha_actors.db.readers import Readers
from mocha_actors.db.recounts.base import Piece, Recount
from mocha_actors.db.recounts.registry import RECOUNTS
from mocha_actors.discord.snowflake import DAY_MS, time_ms

PIECE_SECONDS: Final = 60.0
"""How long the comparison of one guild's day may take."""

NEXT_GUILD: Final = " UNION ALL ".join(recount.next_guild for recount in RECOUNTS)
NEXT_DAY: Final = " UNION ALL ".join(recount.next_day for recount in RECOUNTS)

SPANS: Final = """
    SELECT (SELECT MIN(day) FROM channel_day WHERE guild_id = guilds.id), (SELECT MAX(day) FROM channel_day WHERE guild_id = guilds.id)
    FROM guilds"""

GAPS: Final = "SELECT shard, from_ms, to_ms FROM coverage_gaps"

STORED_MESSAGE: Final = "SELECT 1 FROM message_events WHERE guild_id = ? AND message_id = ?"

Truth = Mapping[str, Table]
"""Another account of what happened: by table, the numbers of each key, in the order of the columns of its :class:`Recount`."""

Comparison = Callable[[Connection, Recount, Piece], Verification]


Progress = Callable[[int, int], None]
"""Told how many of how many steps are done."""


def quiet(_done: int, _of: int) -> None:
    """Tell nobody."""


async def verify(readers: Readers, progress: Progress = quiet) -> Verification:
    """Recount every rollup from the raw rows and compare; ``progress`` is told of the days of all guilds.

    Raises:
        MochaError: the database is not available, or damaged.

    """
    recounts = [recount for recount in RECOUNTS if recount.recounted is not None]
    return await over_pieces(readers, recounts, recount_piece, progress)


async def compare_truth(readers: Readers, truth: Truth) -> Verification:
    """Compare the tables that ``truth`` names, each whole, with what it says of them.

    Raises:
        MochaError: the database is not available, or damaged.
        KeyError: ``truth`` names a table that has no :class:`Recount`.

    """
    tables = {recount.table: recount for recount in RECOUNTS}
    recounts = [tables[table] for table in truth]
    expected = by_piece(recounts, truth)

    def with_truth(connection: Connection, recount: Recount, piece: Piece) -> Verification:
        return compare(recount.table, recount.stored(connection, piece), expected[recount.table].pop(piece, {}))

    result = await over_pieces(readers, recounts, with_truth)
    for table, pieces in expected.items():
        for rows in pieces.values():
            result += compare(table, {}, rows)
    return result


def recorded_gaps(connection: Connection) -> list[tuple[int, int, int]]:
    """The gaps that the database admits: (shard, from, to), milliseconds since the Unix epoch."""
    return connection.execute(GAPS).fetchall()


def unobserved(connection: Connection, messages: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of ``messages`` (guild, message) that are not stored and lie in a recorded gap: nobody claims to have seen them (P6)."""
    gaps = recorded_gaps(connection)
    return {
        key for key in messages
        if any(start <= time_ms(key[1]) < end for _, start, end in gaps) and connection.execute(STORED_MESSAGE, key).fetchone() is None
    }  # fmt: skip


async def over_pieces(
    readers: Readers, recounts: Iterable[Recount], comparison: Comparison, progress: Progress = quiet
) -> Verification:
    """Make ``comparison`` of every recount and every piece that any table has rows of, by guild and day."""
    recounts = list(recounts)
    daily = [recount for recount in recounts if recount.days == 1]
    weekly = [recount for recount in recounts if recount.days != 1]
    total = await readers.run(days_to_compare, deadline=PIECE_SECONDS)
    done, result, monday = 0, Verification(), None
    async for piece in pieces(readers):
        progress(min(done, total), total)
        done += 1
        result += await readers.run(partial(compare_all, daily, piece, comparison), deadline=PIECE_SECONDS)
        if piece.monday != monday:
            monday = piece.monday
            result += await readers.run(partial(compare_all, weekly, monday, comparison), deadline=PIECE_SECONDS)
    progress(total, total)
    return result


def days_to_compare(connection: Connection) -> int:
    """About how many pieces there are: the days between the first and the last message of each guild, a few look-ups each."""
    return sum(last - first + 1 for first, last in connection.execute(SPANS).fetchall() if first is not None)


def compare_all(
    recounts: Iterable[Recount], piece: Piece, comparison: Comparison, connection: Connection
) -> Verification:
    """Make ``comparison`` of one piece of each table."""
    return sum((comparison(connection, recount, piece) for recount in recounts), Verification())


def recount_piece(connection: Connection, recount: Recount, piece: Piece) -> Verification:
    """Compare one piece of a rollup with a recount of its raw rows, where these are kept."""
    if not recountable(marks_of(connection, piece.guild), recount.table, piece.day * DAY_MS):
        return Verification(not_retained=1 if recount.stored(connection, piece) else 0)
    recounted = {} if recount.recounted is None else recount.recounted(connection, piece)
    return compare(recount.table, recount.stored(connection, piece), recounted)


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
    found = connection.execute(sql, piece.parameters())
    return min((number for (number,) in found if number is not None), default=None)


def by_piece(recounts: Iterable[Recount], truth: Truth) -> dict[str, dict[Piece, Table]]:
    """``truth`` sorted by tables and pieces."""
    tables: dict[str, dict[Piece, Table]] = {}
    for recount in recounts:
        of_piece: dict[Piece, dict[tuple[int | str, ...], tuple[int | str | None, ...]]] = defaultdict(dict)
        for key, numbers in truth[recount.table].items():
            of_piece[recount.piece(key)][key] = numbers
        tables[recount.table] = dict(of_piece)
    return tables
