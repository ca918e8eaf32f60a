"""Days whose rollup by channel and user stands: a change of such a day marks it, so that the rollup is built anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from mocha_actors.db.connection import Connection

BUILT: Final = 0
DIRTY: Final = 1
BUILDING: Final = 2
"""What ``closed_days.dirty`` may be; only the rows of a day that is ``BUILT`` are to be read."""

MARK: Final = (
    f"UPDATE closed_days SET dirty = {DIRTY} "  # noqa: S608 - a constant
    f"WHERE day = ? AND dirty <> {DIRTY} AND guild_id IN (SELECT value FROM json_each(?))"
)


def mark(connection: Connection, days: Iterable[tuple[int, ...]]) -> None:
    """Something changed in each of ``days`` (guild, day): one statement a day, which usually finds nothing, as only past days are closed."""
    for day, guilds in by_day(days):
        connection.execute(MARK, (day, guilds))


def by_day(days: Iterable[tuple[int, ...]]) -> Iterator[tuple[int, str]]:
    """Each day of some (guild, day), with its guilds as JSON."""
    for day, guilds in groupby(sorted(days, key=lambda each: (each[1], each[0])), key=lambda each: each[1]):
        yield day, json.dumps([guild for guild, _ in guilds])
