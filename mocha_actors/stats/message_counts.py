"""Counting messages: from rollups where whole units of time lie in the range, from raw rows at its edges.

Which rollup holds a count depends on what is asked: the guild by hour; channels by day and hour; users by week and day; users in some channels by day,
for those days that are closed and unchanged since. What no rollup holds, such as one user's messages by the hour, is counted in the raw rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.pipeline.facts import AuthorClass, MessageKind
from mocha_actors.stats.cover import Cover, Run, Unit, cover, raw_within_days, without_days
from mocha_actors.stats.live import Measure, summed
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.retention import note
from mocha_actors.stats.scope import EVERYTHING, Scope

By = Literal["user_id", "channel_id"]

QUARTER_MS: Final = 900_000
"""Every zone's offset is a multiple of this, so no boundary of a local hour lies inside of one."""

HUMANS_AND_BOTS: Final = frozenset({AuthorClass.HUMAN, AuthorClass.BOT})

# The columns and tables in these texts are this module's own words; everything that comes from outside is a parameter.
WHOLE: Final = """
SELECT {columns}, CAST(SUM(sent) AS BIGINT), CAST(SUM(deleted) AS BIGINT) FROM {table}
WHERE guild_id = :guild_id AND {unit} >= :first AND {unit} < :last{conditions}
GROUP BY {columns}
"""

ONE: Final = WHOLE.replace("{unit} >= :first AND {unit} < :last", "{unit} = :first")
"""One unit alone, whose rows stand in the order in which they are grouped."""

WHOLE_OF_FEW: Final = """
WITH RECURSIVE step (number) AS (SELECT :first UNION ALL SELECT number + 1 FROM step WHERE number + 1 < :last)
SELECT {columns}, CAST(SUM(sent) AS BIGINT), CAST(SUM(deleted) AS BIGINT) FROM step CROSS JOIN {table}
WHERE guild_id = :guild_id AND {unit} = number{conditions}
GROUP BY {columns}
"""
"""The units are enumerated, so that each costs a key look-up for each of a few ids, and not the rows of all of that unit."""

RAW: Final = """
SELECT {columns}, COUNT(*), COUNT(deleted_ms) FROM message_events
WHERE guild_id = :guild_id AND message_id >= :low AND message_id < :high{conditions}
GROUP BY {columns}
"""

RAW_QUARTER: Final = "((message_id >> 22) + 1420070400000) / 900000"

DAYS_OF_FEW: Final = """
WITH RECURSIVE step (number) AS (SELECT :first UNION ALL SELECT number + 1 FROM step WHERE number + 1 < :last)
SELECT DISTINCT number FROM step CROSS JOIN user_day WHERE guild_id = :guild_id AND day = number{conditions}
"""

WORTH_LOOKING_MS: Final = 2 * DAY_MS
"""Raw rows of so much time and more are read for a few users only where their rollup by day has anything."""

SETTLE_MS: Final = 600_000
"""A message is committed within seconds of its time, after a replay or an outage of the database within minutes."""

CLOSED_DAYS: Final = "SELECT day FROM closed_days WHERE guild_id = ? AND dirty = 0 AND day >= ? AND day < ?"


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


class Source(NamedTuple):
    """Where counts stand: tables by unit, longest first."""

    tables: tuple[tuple[Unit, str], ...]

    @property
    def ladder(self) -> tuple[Unit, ...]:
        """Its units."""
        return tuple(unit for unit, _ in self.tables)

    def at(self, unit: Unit) -> str:
        """The table of a unit."""
        return dict(self.tables)[unit]


SOURCES: Final = {
    (False, False): Source(((Unit.HOUR, "guild_hour"),)),
    (False, True): Source(((Unit.DAY, "channel_day"), (Unit.HOUR, "channel_hour"))),
    (True, False): Source(((Unit.WEEK, "user_week"), (Unit.DAY, "user_day"))),
    (True, True): Source(((Unit.DAY, "channel_user_day"),)),
}
"""By whether users, and whether channels are told apart."""


def messages_by(connection: Connection, scope: Scope, period: Range, by: By) -> dict[int, int]:
    """Messages of each user or channel that has any; webhooks are no users."""
    if by == "user_id":
        return summed(connection, STANDING if scope.filters.exclude_deleted else WRITTEN, scope, period)
    return _messages_by(connection, scope, period, by)


def _messages_by(connection: Connection, scope: Scope, period: Range, by: By) -> dict[int, int]:
    """The same, of the database alone.

    Where a few channels are left out, users' messages there are taken off those everywhere: no rollup of users knows the others.
    """
    left_out = scope.channels._replace(excluded=False)
    if by == "user_id" and scope.channels.excluded and left_out.few and left_out.ids:
        everywhere = _messages_by(connection, scope._replace(channels=EVERYTHING), period, by)
        there = _messages_by(connection, scope._replace(channels=left_out), period, by)
        rest = {key: count - there.get(key, 0) for key, count in everywhere.items()}
        return {key: count for key, count in rest.items() if count}
    classes = scope.classes & HUMANS_AND_BOTS if by == "user_id" else scope.classes
    without = int(scope.filters.exclude_deleted)
    total: dict[int, int] = {}
    for part, allowed in _parts(scope, by):
        if wanted := classes & allowed:
            conditions = f" AND author_class IN {class_list(wanted)} AND kind = 0"
            for key, sent, deleted in _rows(connection, part, period, conditions, by):
                total[key] = total.get(key, 0) + sent - without * deleted
    return {key: count for key, count in total.items() if count > 0}


def _of_users(connection: Connection, scope: Scope, period: Range) -> dict[int, int]:
    return _messages_by(connection, scope, period, "user_id")


WRITTEN: Final = Measure("messages", _of_users, "sent", "guild_hour", Unit.HOUR, SETTLE_MS)
STANDING: Final = Measure("messages not deleted", _of_users, "sent + deleted", "guild_hour", Unit.HOUR, SETTLE_MS)
"""The messages of users, as the live counters keep them."""


def message_counts(connection: Connection, scope: Scope, cuts: Sequence[int]) -> Iterator[Count]:
    """The counts between the first and the last of ``cuts``; none reaches across one."""
    for part, allowed in _parts(scope, None):
        conditions = f" AND author_class IN {class_list(allowed)}"
        for row in _timed_rows(connection, part, cuts, conditions, ", author_class, kind"):
            yield Count._make(row)


def message_moments(connection: Connection, scope: Scope, cuts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(begin of a unit, messages that count in it) between the first and the last of ``cuts``; no unit reaches across one."""
    for part, allowed in _parts(scope, None):
        if wanted := scope.classes & allowed:
            conditions = f" AND author_class IN {class_list(wanted)} AND kind = 0"
            for since_ms, _, sent, deleted in _timed_rows(connection, part, cuts, conditions, ""):
                yield since_ms, sent - deleted if scope.filters.exclude_deleted else sent


def message_totals(connection: Connection, scope: Scope, period: Range) -> Totals:
    """The messages in ``period``."""
    found = (
        Count(0, 0, *row)
        for part, allowed in _parts(scope, None)
        for row in _rows(connection, part, period, f" AND author_class IN {class_list(allowed)}")
    )
    return totalled(found, scope)


def totalled(counts: Iterable[Count], scope: Scope) -> Totals:
    """All of ``counts`` together."""
    totals = Totals()
    for count in counts:
        totals = totals.plus(count, scope)
    return totals


def _parts(scope: Scope, by: By | None) -> list[tuple[Scope, frozenset[AuthorClass]]]:
    """The scope, with the author classes that are to be counted in it.

    Rollups of users hold no webhooks. Where users are left out, the webhooks are counted beside, from the rollups without users.
    """
    everyone = frozenset(AuthorClass)
    if by == "user_id" or not scope.users.excluded:
        return [(scope, HUMANS_AND_BOTS)]
    if scope.users.everything:
        return [(scope, everyone)]
    return [(scope, HUMANS_AND_BOTS), (scope._replace(users=EVERYTHING), frozenset({AuthorClass.WEBHOOK}))]


def _rows(
    connection: Connection, scope: Scope, period: Range, conditions: str, by: By | None = None
) -> Iterator[tuple[int, ...]]:
    """Rows of the key, or of author class and kind without one; sent and deleted."""
    source, covered = _covered(connection, scope, [period.since_ms, period.until_ms], by)
    columns = by or "author_class, kind"
    for run in covered.whole:
        yield from _whole(connection, scope, source.at(run.unit), run, (columns, conditions))
    for window in covered.raw:
        yield from _raw(connection, scope, window, (columns, conditions))


def _timed_rows(
    connection: Connection, scope: Scope, cuts: Sequence[int], conditions: str, more: str
) -> Iterator[tuple[int, ...]]:
    """Begin and length of a unit of time, the columns ``more``, sent and deleted."""
    source, covered = _covered(connection, scope, cuts, None)
    for run in covered.whole:
        origin_ms, unit_ms = run.unit.origin_ms, run.unit.ms
        words = (run.unit.column + more, conditions)
        for number, *rest in _whole(connection, scope, source.at(run.unit), run, words):
            yield (origin_ms + number * unit_ms, unit_ms, *rest)
    for window in covered.raw:
        for quarter, *rest in _raw(connection, scope, window, (RAW_QUARTER + more, conditions)):
            yield (max(quarter * QUARTER_MS, window.since_ms), QUARTER_MS, *rest)


def _covered(connection: Connection, scope: Scope, cuts: Sequence[int], by: By | None) -> tuple[Source, Cover]:
    users = by == "user_id" or not scope.users.everything
    channels = by == "channel_id" or not scope.channels.everything
    source = SOURCES[users, channels]
    covered = cover(cuts, source.ladder)
    if users and channels and covered.whole:
        first, last = covered.whole[0].first, covered.whole[-1].last
        usable = {day for (day,) in connection.execute(CLOSED_DAYS, (scope.guild_id, first, last))}
        covered = without_days(covered, usable)
    if scope.users.few and sum(window.duration_ms for window in covered.raw) > WORTH_LOOKING_MS:
        covered = raw_within_days(covered, _days_with_rows(connection, scope, covered.raw))
    return source, covered


def _days_with_rows(connection: Connection, scope: Scope, windows: Sequence[Range]) -> set[int]:
    """The days of UTC around ``windows`` on which any of a few users wrote anything that a rollup holds."""
    bounds = {"first": windows[0].since_ms // DAY_MS, "last": windows[-1].until_ms // DAY_MS + 1}
    statement = DAYS_OF_FEW.format(conditions=scope.users.condition("user_id", "users"))
    return {day for (day,) in connection.execute(statement, {**scope.parameters(), **bounds})}


def _whole(
    connection: Connection, scope: Scope, table: str, run: Run, words: tuple[str, str]
) -> Iterable[tuple[int, ...]]:
    """Rows of a rollup; ``words`` are the columns and the conditions."""
    columns, conditions = words
    if run.unit is Unit.HOUR:
        note("hours", run.unit.begin(run.first))
    few = scope.users.few or scope.channels.few
    text = WHOLE_OF_FEW if few else ONE if run.last - run.first == 1 else WHOLE
    statement = text.format(
        columns=columns, table=table, unit=run.unit.column, conditions=conditions + _selected(scope)
    )
    return connection.execute(statement, {**scope.parameters(), "first": run.first, "last": run.last})


def _raw(connection: Connection, scope: Scope, window: Range, words: tuple[str, str]) -> Iterable[tuple[int, ...]]:
    """Counts of raw rows; ``words`` are the columns and the conditions."""
    columns, conditions = words
    note("messages", window.since_ms)
    low, high = window.keys
    statement = RAW.format(columns=columns, conditions=conditions + _selected(scope))
    return connection.execute(statement, {**scope.parameters(), "low": low, "high": high})


def _selected(scope: Scope) -> str:
    return scope.channels.condition("channel_id", "channels") + scope.users.condition("user_id", "users")


def class_list(classes: frozenset[AuthorClass]) -> str:
    """Author classes as a condition takes them."""
    return f"({', '.join(str(int(each)) for each in sorted(classes))})"
