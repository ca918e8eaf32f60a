"""``mocha verify --repair``: rollups that differ from a recount of their raw rows are built anew, through the writer.

The unit is one table of one guild and UTC day, or week. It is compared by a reader and, if it differs, recounted and replaced by the writer in one transaction, so
that no event falls in between. What is past its retention is left alone: its raw rows are no measure any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from mocha_actors.db.comparison import compare
from mocha_actors.db.connection import Connection
from mocha_actors.db.janitor import Write
from mocha_actors.db.projections import revisions, rewrites, user_columns
from mocha_actors.db.readers import Readers
from mocha_actors.db.recounts.base import Piece, Recount
from mocha_actors.db.recounts.registry import RECOUNTS
from mocha_actors.db.verify import PIECE_SECONDS, Progress, days_to_compare, pieces, quiet, recount_piece

ROLLUPS: Final = tuple(recount for recount in RECOUNTS if recount.recounted is not None)


class Repaired(NamedTuple):
    """What a repair came to: pieces (a table of one guild's day or week) that were built anew, and their rows that were wrong."""

    pieces: int = 0
    rows: int = 0


async def repair(readers: Readers, write: Write, progress: Progress = quiet) -> Repaired:
    """Build every rollup anew that differs, piece by piece.

    Raises:
        MochaError: the database is not available, or damaged; what was built by then is right.

    """
    total = await readers.run(days_to_compare, deadline=PIECE_SECONDS)
    done, result, monday = 0, Repaired(), None
    async for piece in pieces(readers):
        progress(min(done, total), total)
        weeks = () if piece.monday == monday else (piece.monday,)
        monday = piece.monday
        for wrong in await readers.run(partial(differing, (piece, *weeks)), deadline=PIECE_SECONDS):
            rows = await write(partial(rebuild, *wrong), resets=True)
            result = Repaired(result.pieces + 1, result.rows + rows)
        done += 1
    progress(total, total)
    return result


def differing(places: Sequence[Piece], connection: Connection) -> list[tuple[Recount, Piece]]:
    """What has to be built anew: of a day the rollups by hour and day, of the Monday given beside it those by the week."""
    return [
        (recount, piece) for recount, piece in _whole(places) if recount_piece(connection, recount, piece).different
    ]


def _whole(places: Sequence[Piece]) -> Iterator[tuple[Recount, Piece]]:
    day, *weeks = places
    for recount in ROLLUPS:
        if recount.days == 1:
            yield recount, day
        elif weeks:
            yield recount, weeks[0]


def rebuild(recount: Recount, piece: Piece, connection: Connection) -> int:
    """Replace the rows of a piece by what a recount gives; returns how many were wrong."""
    if recount.recounted is None or not recount_piece(connection, recount, piece).different:
        return 0
    rows = recount.recounted(connection, piece)
    wrong = compare(recount.table, recount.stored(connection, piece), rows).different
    recount.replace(connection, piece, rows)
    if recount.table in user_columns.UNITS:
        number = piece.week if recount.days == 7 else piece.day
        user_columns.take_back(connection, recount.table, piece.guild, number, number + 1)
    revisions.bump(connection, {piece.guild})
    rewrites.count(connection, piece.guild)
    return wrong
