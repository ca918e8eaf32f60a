"""Summing up messages by user or channel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Final, NamedTuple

from cachetools import LRUCache, cached

from mocha_actors.db.connection import Connection
from mocha_actors.stats.columns import RAW, SLICE_MS, WHOLE, WHOLE_OF_FEW, Columns, add, columns, filled
from mocha_actors.stats.cover import NOTHING, Balance, Cover, Run, Unit
from mocha_actors.stats.live import Measure, counted_users, summed
from mocha_actors.stats.message_sources import HUMANS_AND_BOTS, By, balanced, class_list, source_of
from mocha_actors.stats.packed import Packed, packable, packed, rest
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.retention import note
from mocha_actors.stats.scope import EVERYTHING, Scope

SETTLE_MS: Final = 600_000
"""A message is committed within seconds of its time, after a replay or an outage of the database within minutes."""

EDGES: Final = 4
"""Windows of raw rows at the edges of steps that are kept for the next step: it takes off at its begin what was added for the end of the one before."""


class Words(NamedTuple):
    """What is read: the key, the number of a row of a rollup, all of them as SQLite lists them, and the conditions of rows of rollups and of raw ones."""

    key: By
    number: str
    numbers: str
    conditions: str
    raw_conditions: str

    def above_zero(self) -> Words:
        """The same of rows with a number above zero: those of deleted messages alone may have none."""
        return self._replace(conditions=f"{self.conditions} AND {self.number} > 0")

    def without_numbers(self) -> Words:
        """The same keys, and of the numbers nothing."""
        return self._replace(numbers="NULL")


ReadRaw = Callable[[Connection, Scope, Range, Words], Iterable[Columns]]
"""Reads the raw rows of a window."""


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
    total: dict[int, int] = {}
    for part, words in _parts(scope, by):
        for plus, minus in balanced(connection, part, period, by):
            add(total, _columns(connection, part, plus, words), 1)
            add(total, _columns(connection, part, minus, words), -1)
    return {key: count for key, count in total.items() if count > 0}


def writers(connection: Connection, scope: Scope, period: Range, read_raw: ReadRaw | None = None) -> Collection[int]:
    """The users who have any messages; ``read_raw`` is another way to the raw rows, such as :func:`edges_read_once`."""
    measure = STANDING if scope.filters.exclude_deleted else WRITTEN
    read = partial(_writers, connection, scope, period, read_raw)
    return counted_users(connection, measure, scope, period, read)


def edges_read_once() -> ReadRaw:
    """A way to the raw rows of one question's scope, step by step; it is not told apart from another one."""
    key = lambda _connection, _scope, piece, words: (piece, words.raw_conditions)  # noqa: E731 - as the library takes it
    return cached(LRUCache(EDGES), key)(lambda *arguments: list(_raw(*arguments)))


def _writers(connection: Connection, scope: Scope, period: Range, read_raw: ReadRaw | None) -> Collection[int]:
    """The same, of the database alone; where nothing has to be taken off, ids are enough."""
    if scope.channels.excluded and scope.channels.ids:
        return _of_users(connection, scope, period).keys()
    found: set[int] = set()
    for part, words in _parts(scope, "user_id"):
        for plus, minus in balanced(connection, part, period, "user_id"):
            if minus == NOTHING:
                for each in _columns(connection, part, plus, words.above_zero().without_numbers(), read_raw):
                    found.update(each.ids())
            else:
                found.update(_left(connection, part, Balance(plus, minus), words, read_raw))
    return found


def _left(
    connection: Connection, scope: Scope, balance: Balance, words: Words, read_raw: ReadRaw | None
) -> Collection[int]:
    """The users of whose messages not all are taken off: only who is in what is taken off has to be looked at."""
    sums: dict[int, int] = {}
    taken: dict[int, int] = {}
    add(sums, _columns(connection, scope, balance.plus, words.above_zero(), read_raw), 1)
    add(taken, _columns(connection, scope, balance.minus, words, read_raw), 1)
    for user, count in taken.items():
        if sums.get(user, 0) <= count:
            sums.pop(user, None)
    return sums


def _of_users(connection: Connection, scope: Scope, period: Range) -> dict[int, int]:
    return _messages_by(connection, scope, period, "user_id")


WRITTEN: Final = Measure("messages", _of_users, "sent", "guild_hour", Unit.HOUR, SETTLE_MS)
STANDING: Final = Measure("messages not deleted", _of_users, "sent + deleted", "guild_hour", Unit.HOUR, SETTLE_MS)
"""The messages of users, as the live counters keep them."""


def _parts(scope: Scope, by: By) -> Iterator[tuple[Scope, Words]]:
    """The scope, and what is read in it. Rollups of users hold no webhooks; where users are left out, the webhooks of channels are counted beside."""
    without_users = scope.users.everything and by == "channel_id"
    known = scope.classes if without_users else scope.classes & HUMANS_AND_BOTS
    parts = [(scope, known)]
    if by == "channel_id" and scope.users.excluded and not without_users:
        parts.append((scope._replace(users=EVERYTHING), scope.classes - HUMANS_AND_BOTS))
    for part, classes in parts:
        if classes:
            conditions = f" AND author_class IN {class_list(classes)} AND kind = 0{part.selected()}"
            yield part, _words(by, conditions, exclude_deleted=scope.filters.exclude_deleted)


def _words(by: By, conditions: str, *, exclude_deleted: bool) -> Words:
    number = "sent - deleted" if exclude_deleted else "sent"
    raw = f"{conditions} AND deleted_ms IS NULL" if exclude_deleted else conditions
    return Words(by, number, f"json_group_array({number})", conditions, raw)


def _columns(
    connection: Connection, scope: Scope, read: Cover, words: Words, read_raw: ReadRaw | None = None
) -> Iterator[Columns | Packed]:
    """Everything that is read."""
    for run in read.whole:
        parts: Iterable[Run] = (run,)
        if words.key == "user_id" and packable(scope):
            built = packed(connection, scope, run)
            yield from built.values()
            parts = rest(run, sorted(built))
        for part in parts:
            yield from _whole(connection, scope, source_of(scope, words.key).at(run.unit), part, words)
    for window in read.raw:
        note("messages", window.since_ms)
        for piece in window.slices(SLICE_MS):
            yield from (read_raw or _raw)(connection, scope, piece, words)


def _whole(connection: Connection, scope: Scope, table: str, run: Run, words: Words) -> Iterator[Columns]:
    if run.unit is Unit.HOUR:
        note("hours", run.unit.begin(run.first))
    text = WHOLE_OF_FEW if scope.users.few or scope.channels.few else WHOLE
    statement = filled(text, table=table, unit=run.unit.column, **words._asdict())
    # Of few channels, but not of few users, a text of all units could have any length.
    step = 1 if scope.channels.few and not scope.users.few else run.last - run.first
    for first in range(run.first, run.last, step):
        bounds = {"first": first, "last": min(first + step, run.last)}
        yield from columns(connection, statement, {**scope.parameters(), **bounds})


def _raw(connection: Connection, scope: Scope, piece: Range, words: Words) -> Iterator[Columns]:
    low, high = piece.keys
    statement = filled(RAW, key=words.key, table="message_events", id="message_id", conditions=words.raw_conditions)
    return columns(connection, statement, {**scope.parameters(), "low": low, "high": high})
