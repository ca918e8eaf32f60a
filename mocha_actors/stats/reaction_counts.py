"""Counting reactions: whole hours and days from rollups, edges and what no rollup tells apart from the raw rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Final, Literal, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.stats.columns import RAW, SLICE_MS, WHOLE, WHOLE_OF_FEW, Columns, add, columns, filled
from mocha_actors.stats.cover import Unit, cover
from mocha_actors.stats.live import Measure, counted_users, summed
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.retention import note
from mocha_actors.stats.scope import Scope

By = Literal["channel_id", "emoji"]

# The columns and tables in these texts are this module's own words; everything that comes from outside is a parameter.
SUMS: Final = """
SELECT {key}, CAST(SUM(added) AS BIGINT), CAST(SUM(removed) AS BIGINT), CAST(SUM(burst) AS BIGINT) FROM {table}
WHERE guild_id = :guild_id AND {unit} >= :first AND {unit} < :last AND is_bot <= :bots{conditions}
GROUP BY {key}
"""

ROWS: Final = """
SELECT {key}, CAST(SUM(1 - action) AS BIGINT), CAST(SUM(action) AS BIGINT), CAST(SUM(burst * (1 - action)) AS BIGINT) FROM reaction_events
WHERE guild_id = :guild_id AND id >= :low AND id < :high AND is_bot <= :bots{conditions}
GROUP BY {key}
"""

STANDING: Final = """
SELECT COUNT(*) FROM reaction_state
WHERE guild_id = :guild_id AND message_id >= :low AND message_id < :high AND is_bot <= :bots{conditions}
"""

SETTLE_MS: Final = 600_000
"""A reaction is committed within seconds of its time, after a replay or an outage of the database within minutes."""

SOURCES: Final = {
    ("emoji", False): (Unit.DAY, "reaction_emoji_day"),
    ("channel_id", False): (Unit.HOUR, "reaction_channel_hour"),
    (None, False): (Unit.HOUR, "reaction_channel_hour"),
    (None, True): (Unit.HOUR, "reaction_channel_hour"),
    ("channel_id", True): (Unit.HOUR, "reaction_channel_hour"),
}
"""By what is told apart, and whether channels are chosen. Users are told apart by their own rollup."""


class Reactions(NamedTuple):
    """So many reactions.

    Attributes:
        added: given.
        removed: taken back.
        burst: how many of the added were super reactions.

    """

    added: int = 0
    removed: int = 0
    burst: int = 0

    def plus(self, added: int, removed: int, burst: int) -> Reactions:
        """These and some more."""
        return Reactions(self.added + added, self.removed + removed, self.burst + burst)


def reactions_by(connection: Connection, scope: Scope, period: Range, by: By) -> dict[int | str, Reactions]:
    """The reactions by channel or emoji, of each that has any."""
    total: dict[int | str, Reactions] = {}
    for key, *counts in _rows(connection, scope, period, by):
        total[key] = total.get(key, Reactions()).plus(*counts)
    return total


def reaction_totals(connection: Connection, scope: Scope, period: Range) -> Reactions:
    """The reactions in ``period``."""
    total = Reactions()
    for _, *counts in _rows(connection, scope, period, None):
        total = total.plus(*counts)
    return total


def given_by_user(connection: Connection, scope: Scope, period: Range) -> dict[int, int]:
    """Reactions added by each user who added any."""
    return summed(connection, GIVEN_BY, scope, period)


def received_by_user(connection: Connection, scope: Scope, period: Range) -> dict[int, int]:
    """Reactions that others added to the messages of each user; of bots' reactions and of bots' messages only if bots count."""
    return summed(connection, RECEIVED_BY, scope, period)


class _Ends(NamedTuple):
    """One end of a reaction: who gave it, or whose message it was given to.

    Attributes:
        key: the column of raw rows that names the user.
        number: the sum of a user's day.
        day_conditions: which of these rows count.
        conditions: which raw rows count.

    """

    key: str
    number: str
    day_conditions: str
    conditions: str


GIVER: Final = _Ends("user_id", "given", " AND is_bot <= :bots", " AND action = 0 AND is_bot <= :bots")
RECEIVER: Final = _Ends(
    "receiver_id",
    "received + received_bot * :all_bots",
    " AND is_bot <= :bots",
    " AND action = 0 AND receiver_id IS NOT NULL AND receiver_id <> user_id AND is_bot <= :all_bots AND receiver_bot <= :bots",
)


def _given(connection: Connection, scope: Scope, period: Range) -> dict[int, int]:
    return _by_user(connection, scope, period, GIVER)


def _received(connection: Connection, scope: Scope, period: Range) -> dict[int, int]:
    return _by_user(connection, scope, period, RECEIVER)


def givers(connection: Connection, scope: Scope, period: Range) -> Collection[int]:
    """The users who added any reaction."""
    return counted_users(connection, GIVEN_BY, scope, period, partial(_givers, connection, scope, period))


def _givers(connection: Connection, scope: Scope, period: Range) -> Collection[int]:
    found: set[int] = set()
    for each in _columns(connection, scope, period, GIVER, numbers="NULL"):
        found.update(each.ids())
    return found


def _by_user(connection: Connection, scope: Scope, period: Range, ends: _Ends) -> dict[int, int]:
    """The reactions of each user at one of their ends."""
    total: dict[int, int] = {}
    add(total, _columns(connection, scope, period, ends, numbers=f"json_group_array({ends.number})"), 1)
    return total


def _columns(connection: Connection, scope: Scope, period: Range, ends: _Ends, *, numbers: str) -> Iterator[Columns]:
    """Users, and of each the number as SQLite lists it."""
    read = cover([period.since_ms, period.until_ms], (Unit.DAY,) if scope.channels.everything else ())
    bots = {"bots": int(scope.with_bots), "all_bots": int(scope.filters.include_bots)}
    conditions = f"{ends.day_conditions} AND {ends.number} > 0{scope.users.condition('user_id', 'users')}"
    statement = filled(
        WHOLE_OF_FEW if scope.users.few else WHOLE, key="user_id", number=ends.number, numbers=numbers,
        table="reaction_user_day", unit=Unit.DAY.column, conditions=conditions,
    )  # fmt: skip
    for run in read.whole:
        yield from columns(connection, statement, {**scope.parameters(), **bots, "first": run.first, "last": run.last})
    selected = scope.users.condition(ends.key, "users") + scope.channels.condition("channel_id", "channels")
    statement = filled(RAW, key=ends.key, table="reaction_events", id="id", conditions=ends.conditions + selected)
    for window in read.raw:
        note("reactions", window.since_ms)
        for piece in window.slices(SLICE_MS):
            low, high = piece.keys
            yield from columns(connection, statement, {**scope.parameters(), **bots, "low": low, "high": high})


GIVEN_BY: Final = Measure("reactions given", _given, "added", "reaction_emoji_day", Unit.DAY, SETTLE_MS)
RECEIVED_BY: Final = Measure("reactions received", _received, "added", "reaction_emoji_day", Unit.DAY, SETTLE_MS)
"""The reactions of users, as the live counters keep them. Sums by channel and hour are many more than those by emoji and day."""


def standing_reactions(connection: Connection, scope: Scope, period: Range) -> int:
    """How many reactions stand now on messages sent in ``period``."""
    low, high = period.keys
    bounds = {"low": low, "high": high, "bots": int(scope.with_bots)}
    (count,) = connection.execute(
        STANDING.format(conditions=scope.selected()), {**scope.parameters(), **bounds}
    ).fetchone()
    return int(count)


def _rows(connection: Connection, scope: Scope, period: Range, by: By | None) -> Iterator[Sequence[int]]:
    source = _source(scope, by)
    covered = cover([period.since_ms, period.until_ms], () if source is None else (source[0],))
    bots = {"bots": int(scope.with_bots)}
    conditions = scope.selected()
    key = by or "is_bot"
    for run in covered.whole:
        assert source is not None
        if run.unit is Unit.HOUR:
            note("hours", run.unit.begin(run.first))
        table = source[1]
        statement = SUMS.format(key=key, table=table, unit=run.unit.column, conditions=conditions)
        yield from connection.execute(statement, {**scope.parameters(), **bots, "first": run.first, "last": run.last})
    for window in covered.raw:
        note("reactions", window.since_ms)
        low, high = window.keys
        statement = ROWS.format(key=key, conditions=conditions)
        yield from connection.execute(statement, {**scope.parameters(), **bots, "low": low, "high": high})


def _source(scope: Scope, by: By | None) -> tuple[Unit, str] | None:
    if not scope.users.everything:
        return None
    return SOURCES.get((by, not scope.channels.everything))
