"""Where counts of messages stand: the rollups there are, and what of them and of the raw rows is read for a range.

Which rollup holds a count depends on what is asked: the guild by hour; channels by day and hour; users by week and day; users in some channels by day,
for those days that are closed and unchanged since. What no rollup holds, such as one user's messages by the hour, is counted in the raw rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS, time_ms
from mocha_actors.pipeline.facts import AuthorClass
from mocha_actors.stats.cover import (
    NOTHING,
    Balance,
    Cover,
    Prices,
    Unit,
    balances,
    cover,
    gains,
    joined,
    raw_within_days,
    without_days,
)  # fmt: skip
from mocha_actors.stats.packed import packable
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.scope import Scope

By = Literal["user_id", "channel_id"]

HUMANS_AND_BOTS: Final = frozenset({AuthorClass.HUMAN, AuthorClass.BOT})

DAYS_OF_FEW: Final = """
WITH RECURSIVE step (number) AS (SELECT :first UNION ALL SELECT number + 1 FROM step WHERE number + 1 < :last)
SELECT DISTINCT number FROM step CROSS JOIN user_day WHERE guild_id = :guild_id AND day = number{conditions}
"""

WORTH_LOOKING_MS: Final = 2 * DAY_MS
"""Raw rows of so much time and more are read for a few users only where their rollup by day has anything."""

CLOSED_DAYS: Final = "SELECT day FROM closed_days WHERE guild_id = ? AND dirty = 0 AND day >= ? AND day < ?"

HELD: Final = """
SELECT (SELECT MIN(message_id) FROM message_events WHERE guild_id = :guild_id), (SELECT MAX(message_id) FROM message_events WHERE guild_id = :guild_id),
(SELECT MAX(before_ms) FROM retention_marks WHERE guild_id = :guild_id AND kind IN ('messages', 'hours')),
(SELECT COUNT(*) FROM erasures WHERE guild_id = :guild_id),
(SELECT CAST(SUM(sent) AS BIGINT) FROM guild_hour WHERE guild_id = :guild_id AND hour >= :hour - 168 AND hour < :hour)
"""
"""Two look-ups by key, two tables that are all but empty, and the hours of a week up to the open one."""

STATEMENT: Final = 300
"""Raw rows that are read in the time that one more unit and what is taken off it cost whatever is in them: two statements of 0.1 ms."""


class Source(NamedTuple):
    """Where counts stand.

    Attributes:
        tables: by unit, longest first.
        prices: what a unit costs to read, in the milliseconds of raw rows that cost as much.

    """

    tables: tuple[tuple[Unit, str], ...]
    prices: Mapping[Unit, int]

    @property
    def ladder(self) -> tuple[Unit, ...]:
        """Its units."""
        return tuple(unit for unit, _ in self.tables)

    def at(self, unit: Unit) -> str:
        """The table of a unit."""
        return dict(self.tables)[unit]


NEXT_TO_NOTHING: Final = dict.fromkeys(Unit, 0)
"""A guild has few channels, and of a few users each is looked up by key."""

MANY: Final = {Unit.WEEK: 6 * HOUR_MS, Unit.DAY: 4 * HOUR_MS}
"""Of a guild of 10,000,000 messages of 20,000 users in 90 days, a week has 19,500 users (8 ms), a day 13,800 (6 ms) and an hour 4,600 messages
(1.3 ms). Where users write less each, a unit costs more than that, and has few rows."""

PACKED: Final = dict.fromkeys((Unit.WEEK, Unit.DAY), 2 * HOUR_MS)
"""As columns such a day and such a week take less than two hours of raw rows; the open one is read as rows. With 2, a leaderboard of seven days takes
13.2 ms and not 14.4, and with 1 it is no faster over thirty."""

SOURCES: Final = {
    (False, False): Source(((Unit.HOUR, "guild_hour"),), NEXT_TO_NOTHING),
    (False, True): Source(((Unit.DAY, "channel_day"), (Unit.HOUR, "channel_hour")), NEXT_TO_NOTHING),
    (True, False): Source(((Unit.WEEK, "user_week"), (Unit.DAY, "user_day")), MANY),
    (True, True): Source(((Unit.DAY, "channel_user_day"),), MANY),
}
"""By whether users, and whether channels are told apart."""


def source_of(scope: Scope, by: By | None) -> Source:
    """Where the counts of ``scope`` stand, by user or channel, or all together."""
    source = SOURCES[_users(scope, by), _channels(scope, by)]
    return source._replace(prices=PACKED) if by == "user_id" and packable(scope) else source


def covered(connection: Connection, scope: Scope, cuts: Sequence[int], by: By | None) -> Cover:
    """What is read for the steps between ``cuts``."""
    return _readable(connection, scope, cover(cuts, source_of(scope, by).ladder), by)


def balanced(connection: Connection, scope: Scope, period: Range, by: By | None) -> tuple[Balance, ...]:
    """What is read for the sums of ``period``, and what is taken off again."""
    plain = covered(connection, scope, [period.since_ms, period.until_ms], by)
    least = 0 if scope.users.few else min(source_of(scope, by).prices.values())
    # Where raw rows cost less than any unit does, there is nothing to search for.
    held = held_by(connection, scope, period, by) if sum(window.duration_ms for window in plain.raw) > least else None
    if held is None:
        return (Balance(plain, NOTHING),)
    first, *others = balances(period, source_of(scope, by).ladder, held.prices, held.complete)
    return (first._replace(plus=_readable(connection, scope, first.plus, by)), *others)


def stepped(connection: Connection, scope: Scope, cuts: Sequence[int]) -> tuple[Cover, list[tuple[int, Balance]]]:
    """What is read for the steps between ``cuts``: what needs no taking off, for all together, and the rest with the begin of its step."""
    ladder = source_of(scope, None).ladder
    shortest, inner = ladder[-1], cuts[1:-1]  # the ragged edges of the range alone are not worth a search
    held = held_by(connection, scope, Range(cuts[0], cuts[-1]), None) if gains(inner, shortest, 0) else None
    if held is None or not gains(inner, shortest, held.prices.units[shortest]):
        return covered(connection, scope, cuts, None), []
    each = [(begin, balances(Range(begin, end), ladder, held.prices, held.complete)) for begin, end in pairwise(cuts)]
    plain = joined(first.plus for _, (first, *_) in each)
    return _readable(connection, scope, plain, None), [
        (begin, balance) for begin, (_, *others) in each for balance in others
    ]


class Held(NamedTuple):
    """What is there to be read: what it costs, and which units may be read as a whole so that something is taken off."""

    prices: Prices
    complete: Callable[[Unit, int], bool]


def held_by(connection: Connection, scope: Scope, period: Range, by: By | None) -> Held | None:
    """What is there of ``period``; None where nothing may be taken off.

    That is while somebody is being erased, when raw rows have an id that the rollups have not yet. Nor is anything taken off that retention
    may have deleted. Of a guild where little is written nothing is worth it.
    """
    bounds = {"guild_id": scope.guild_id, "hour": -(-period.until_ms // HOUR_MS)}
    first, last, before_ms, erasures, in_week = connection.execute(HELD, bounds).fetchone()
    if first is None or erasures or not in_week:
        return None
    usable = closed_days(connection, scope, period) if _of_closed_days(scope, by) else None
    # Where a few users wrote nothing, their raw rows are not read; nor are the rests of such a day.
    wrote = _days_with_rows(connection, scope, [period]) if scope.users.few else None

    def complete(unit: Unit, number: int) -> bool:
        if unit.begin(number) < (before_ms or 0) or not (usable is None or number in usable):
            return False
        days = range(unit.begin(number) // DAY_MS, unit.begin(number + 1) // DAY_MS)
        return wrote is None or not wrote.isdisjoint(days)

    prices = NEXT_TO_NOTHING if scope.users.few else source_of(scope, by).prices
    least = STATEMENT * 7 * DAY_MS // in_week
    units = {unit: max(price, least) for unit, price in prices.items()}
    return Held(Prices(units, Range(time_ms(first), time_ms(last) + 1)), complete)


def closed_days(connection: Connection, scope: Scope, period: Range) -> set[int]:
    """The days of UTC that ``period`` touches of which the rollup of users in channels stands."""
    bounds = (scope.guild_id, period.since_ms // DAY_MS, -(-period.until_ms // DAY_MS))
    return {day for (day,) in connection.execute(CLOSED_DAYS, bounds)}


def class_list(classes: frozenset[AuthorClass]) -> str:
    """Author classes as a condition takes them."""
    return f"({', '.join(str(int(each)) for each in sorted(classes))})"


def _readable(connection: Connection, scope: Scope, given: Cover, by: By | None) -> Cover:
    """``given``, without days that are not closed, and without raw rows of which there are none."""
    if _of_closed_days(scope, by) and given.whole:
        first, last = given.whole[0], given.whole[-1]
        period = Range(first.unit.begin(first.first), last.unit.begin(last.last))
        given = without_days(given, closed_days(connection, scope, period))
    if scope.users.few and sum(window.duration_ms for window in given.raw) > WORTH_LOOKING_MS:
        given = raw_within_days(given, _days_with_rows(connection, scope, given.raw))
    return given


def _days_with_rows(connection: Connection, scope: Scope, windows: Sequence[Range]) -> set[int]:
    """The days of UTC around ``windows`` on which any of a few users wrote anything that a rollup holds."""
    bounds = {"first": windows[0].since_ms // DAY_MS, "last": windows[-1].until_ms // DAY_MS + 1}
    statement = DAYS_OF_FEW.format(conditions=scope.users.condition("user_id", "users"))
    return {day for (day,) in connection.execute(statement, {**scope.parameters(), **bounds})}


def _users(scope: Scope, by: By | None) -> bool:
    return by == "user_id" or not scope.users.everything


def _channels(scope: Scope, by: By | None) -> bool:
    return by == "channel_id" or not scope.channels.everything


def _of_closed_days(scope: Scope, by: By | None) -> bool:
    return _users(scope, by) and _channels(scope, by)
