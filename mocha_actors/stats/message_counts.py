"""Counting messages, by class and kind, and by time: from rollups where whole units of time lie in the range, from raw rows at its edges.

:mod:`mocha_actors.stats.message_sums` adds them up by user or channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.pipeline.facts import AuthorClass, MessageKind
from mocha_actors.stats.cover import Run, Unit
from mocha_actors.stats.message_sources import HUMANS_AND_BOTS, balanced, class_list, source_of, stepped
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.retention import note
from mocha_actors.stats.scope import EVERYTHING, Scope

QUARTER_MS: Final = 900_000
"""Every zone's offset is a multiple of this, so no boundary of a local hour lies inside of one."""

# The columns and tables in these texts are this module's own words; everything that comes from outside is a parameter.
WHOLE: Final = """
SELECT {columns}, CAST(SUM(sent) AS BIGINT), CAST(SUM(deleted) AS BIGINT) FROM {table}
WHERE guild_id = :guild_id AND {unit} >= :first AND {unit} < :last{conditions}
GROUP BY {columns}
"""

WHOLE_OF_FEW: Final = """
WITH RECURSIVE step (number) AS (SELECT :first UNION ALL SELECT number + 1 FROM step WHERE number + 1 < :last)
SELECT {columns}, CAST(SUM(sent) AS BIGINT), CAST(SUM(deleted) AS BIGINT) FROM step CROSS JOIN {table}
WHERE guild_id = :guild_id AND {unit} = number{conditions}
GROUP BY {columns}
"""
"""The units are enumerated, so that each costs a key look-up for each of a few ids, and not the rows of all of that unit."""

RAW: Final = """
SELECT {columns}COUNT(*), COUNT(deleted_ms) FROM message_events
WHERE guild_id = :guild_id AND message_id >= :low AND message_id < :high{conditions}{grouped}
"""

RAW_QUARTER: Final = "((message_id >> 22) + 1420070400000) / 900000"


class Count(NamedTuple):
    """So many messages of one author class and kind.

    Attributes:
        since_ms: begin of the unit in which they were sent, or of the part of it that lies in the range.
        unit_ms: its length; a quarter of an hour where raw rows were counted.
        author_class: who wrote.
        kind: message or command.
        sent: how many.
        deleted: how many of these were deleted since.

    """

    since_ms: int
    unit_ms: int
    author_class: int
    kind: int
    sent: int
    deleted: int


class Totals(NamedTuple):
    """Counts of messages. With ``exclude_deleted`` all but ``deleted`` are without those deleted since.

    Attributes:
        messages: of the author classes asked for.
        commands: by humans and bots, and by webhooks if asked for; the author of a command's reply is the bot.
        by_bots: messages of bots, asked for or not.
        by_webhooks: messages of webhooks, asked for or not.
        deleted: how many messages of the author classes asked for were deleted since.

    """

    messages: int = 0
    commands: int = 0
    by_bots: int = 0
    by_webhooks: int = 0
    deleted: int = 0

    def plus(self, count: Count, scope: Scope) -> Totals:
        """These and ``count``."""
        counted = count.sent - count.deleted if scope.filters.exclude_deleted else count.sent
        asked = count.author_class in scope.classes
        if count.kind == MessageKind.COMMAND:
            wanted = count.author_class != AuthorClass.WEBHOOK or asked
            return self._replace(commands=self.commands + counted * wanted)
        if count.kind != MessageKind.MESSAGE:
            return self
        return Totals(
            self.messages + counted * asked,
            self.commands,
            self.by_bots + counted * (count.author_class == AuthorClass.BOT),
            self.by_webhooks + counted * (count.author_class == AuthorClass.WEBHOOK),
            self.deleted + count.deleted * asked,
        )


def message_counts(connection: Connection, scope: Scope, cuts: Sequence[int]) -> Iterator[Count]:
    """The counts between the first and the last of ``cuts``; none reaches across one."""
    for part, allowed in _parts(scope):
        conditions = f" AND author_class IN {class_list(allowed)}"
        for row in _timed_rows(connection, part, cuts, conditions, ", author_class, kind"):
            yield Count._make(row)


def message_moments(connection: Connection, scope: Scope, cuts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(begin of a unit, messages that count in it) between the first and the last of ``cuts``; no unit reaches across one."""
    for part, allowed in _parts(scope):
        if wanted := scope.classes & allowed:
            conditions = f" AND author_class IN {class_list(wanted)} AND kind = 0"
            for since_ms, _, sent, deleted in _timed_rows(connection, part, cuts, conditions, ""):
                yield since_ms, sent - deleted if scope.filters.exclude_deleted else sent


def message_totals(connection: Connection, scope: Scope, period: Range) -> Totals:
    """The messages in ``period``."""
    found = (
        Count(0, 0, *row)
        for part, allowed in _parts(scope)
        for row in _rows(connection, part, period, f" AND author_class IN {class_list(allowed)}")
    )
    return totalled(found, scope)


def totalled(counts: Iterable[Count], scope: Scope) -> Totals:
    """All of ``counts`` together."""
    totals = Totals()
    for count in counts:
        totals = totals.plus(count, scope)
    return totals


def _parts(scope: Scope) -> list[tuple[Scope, frozenset[AuthorClass]]]:
    """The scope, with the author classes that are to be counted in it.

    Rollups of users hold no webhooks. Where users are left out, the webhooks are counted beside, from the rollups without users.
    """
    if not scope.users.excluded:
        return [(scope, HUMANS_AND_BOTS)]
    if scope.users.everything:
        return [(scope, frozenset(AuthorClass))]
    return [(scope, HUMANS_AND_BOTS), (scope._replace(users=EVERYTHING), frozenset({AuthorClass.WEBHOOK}))]


def _rows(connection: Connection, scope: Scope, period: Range, conditions: str) -> Iterator[tuple[int, ...]]:
    """Rows of author class and kind, sent and deleted, both below zero in rows that are to be taken off again."""
    source, words = source_of(scope, None), ("author_class, kind", conditions)
    each = (
        (read, sign)
        for balance in balanced(connection, scope, period, None)
        for read, sign in zip(balance, (1, -1), strict=True)
    )
    for read, sign in each:
        whole = (_whole(connection, scope, source.at(run.unit), run, words) for run in read.whole)
        raw = (_raw(connection, scope, window, words) for window in read.raw)
        for author_class, kind, sent, deleted in chain.from_iterable(chain(whole, raw)):
            yield author_class, kind, sign * sent, sign * deleted


def _timed_rows(
    connection: Connection, scope: Scope, cuts: Sequence[int], conditions: str, more: str
) -> Iterator[tuple[int, ...]]:
    """Begin and length of a unit of time, the columns ``more``, sent and deleted.

    Of a step that is cut out of units, the begin is that of the step, and what is to be taken off again is below zero.
    """
    read, others = stepped(connection, scope, cuts)
    reading = _Reading(connection, scope, conditions, more)
    for run in read.whole:
        for number, *rest in reading.whole(run):
            yield (run.unit.begin(number), run.unit.ms, *rest)
    for window in read.raw:
        for quarter, *rest in reading.raw(window):
            yield (max(quarter * QUARTER_MS, window.since_ms), QUARTER_MS, *rest)
    for begin, balance in others:
        for part, sign in zip(balance, (1, -1), strict=True):
            rows = chain(map(reading.whole, part.whole), map(reading.raw, part.raw))
            for _, *columns, sent, deleted in chain.from_iterable(rows):
                yield (begin, QUARTER_MS, *columns, sign * sent, sign * deleted)


class _Reading:
    """Rows by time for one question: what one step adds and the next one takes off is read once."""

    def __init__(self, connection: Connection, scope: Scope, conditions: str, more: str) -> None:
        self._connection, self._scope, self._conditions, self._more = connection, scope, conditions, more
        self._windows: dict[Range, list[tuple[int, ...]]] = {}

    def whole(self, run: Run) -> Iterable[tuple[int, ...]]:
        """The number of the unit, the columns, sent and deleted."""
        table = source_of(self._scope, None).at(run.unit)
        return _whole(self._connection, self._scope, table, run, (run.unit.column + self._more, self._conditions))

    def raw(self, window: Range) -> Iterable[tuple[int, ...]]:
        """The number of the quarter of an hour, the columns, sent and deleted."""
        if window not in self._windows:
            self._windows[window] = list(self._raw(window))
        return self._windows[window]

    def _raw(self, window: Range) -> Iterable[tuple[int, ...]]:
        quarter = window.since_ms // QUARTER_MS
        if (window.until_ms - 1) // QUARTER_MS > quarter:
            return _raw(self._connection, self._scope, window, (RAW_QUARTER + self._more, self._conditions))
        # Inside of one there is less to sort: in a zone of :45, rows of seven hundred quarters take half the time, and a third without any column.
        rows = _raw(self._connection, self._scope, window, (self._more.removeprefix(", "), self._conditions))
        return ((quarter, *row) for row in rows)


def _whole(
    connection: Connection, scope: Scope, table: str, run: Run, words: tuple[str, str]
) -> Iterable[tuple[int, ...]]:
    """Rows of a rollup; ``words`` are the columns and the conditions."""
    columns, conditions = words
    if run.unit is Unit.HOUR:
        note("hours", run.unit.begin(run.first))
    text = WHOLE_OF_FEW if scope.users.few or scope.channels.few else WHOLE
    statement = text.format(
        columns=columns, table=table, unit=run.unit.column, conditions=conditions + scope.selected()
    )
    return connection.execute(statement, {**scope.parameters(), "first": run.first, "last": run.last})


def _raw(connection: Connection, scope: Scope, window: Range, words: tuple[str, str]) -> Iterable[tuple[int, ...]]:
    """Counts of raw rows; ``words`` are the columns and the conditions."""
    columns, conditions = words
    note("messages", window.since_ms)
    low, high = window.keys
    statement = RAW.format(
        columns=columns and f"{columns}, ",
        conditions=conditions + scope.selected(),
        grouped=columns and f" GROUP BY {columns}",
    )
    return connection.execute(statement, {**scope.parameters(), "low": low, "high": high})
