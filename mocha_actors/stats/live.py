"""Live counters: the sums of each user in a range, from a base that is kept and from what is read anew.

A leaderboard of thirty days adds up thousands of users times thirty days, of which a busy guild changes the last minutes only. Of a range whose sums are
asked for again and again, those of the part that is over are kept as a *base* (:class:`~mocha_actors.cache.bases.Bases`): from the begin of the range up to
a full hour, or day, after which facts may still arrive (:attr:`Measure.settle_ms`). An answer is the base, less what has left the range since it was made,
plus what is read anew behind its end: work for what changed and for the open hour, and not for users times days.

*Base and fresh part describe one state of the database.* Sums by hour, or day, are kept in the very transactions that change anything a base is made of, and
only grow: each insertion adds to ``sent``, ``ms`` or ``added`` of its hour, each deletion to ``deleted``. What is changed otherwise (another user's id
by an erasure, a repair, a purge) raises ``guilds.rewrites`` in its own transaction. So the total of those sums over the hours of a base, with that
count, is its *seal*: when the read transaction of the question finds the seal that the base was made with, nothing that the base holds has changed
between the two snapshots, whichever is the later one, and the base is what this transaction would read itself. Any other seal, and the base is read anew.

While somebody is being erased, piece by piece, raw rows have an id that the rollups have not yet, and which of them an answer is made of decides whom it
names: there is no base either.

Raw rows and sums by the hour that retention deletes are older than its marks; where a mark reaches into a range, there is no base, and all of it is
read. So neither the clock nor any notice decides whether an answer is right; they decide only what it costs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from typing import Final, NamedTuple, TypeVar

from mocha_actors.cache.bases import Bases
from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS, time_ms
from mocha_actors.stats.cover import Unit
from mocha_actors.stats.open_rows import by_index
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.scope import Scope, Selection

R = TypeVar("R")

SHORTEST_MS: Final = 2 * HOUR_MS
"""A part that is over and shorter than this is as soon read as looked up."""

DRIFT_MS: Final = HOUR_MS
"""A base whose begin lies so long before the range is cut, so that what has left the range is not read by one answer after the other."""

BYTES_EACH: Final = 64
"""Of a user's id and sum, besides the table that holds them."""

STATE: Final = """\
SELECT rewrites FROM guilds WHERE id = ? AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.guild_id = guilds.id)"""
MARKS: Final = "SELECT MAX(before_ms) FROM retention_marks WHERE guild_id = ?"
OPEN_VOICE: Final = by_index(
    "voice_open", "SELECT MIN(id) FROM voice_events{index} WHERE guild_id = ? AND ended_ms IS NULL"
)

Sums = dict[int, int]
"""Number by user; no zeros."""

Seal = tuple[int, ...]


class Measure(NamedTuple):
    """Something that is summed up by user, so that the sums of a range are those of its parts together.

    Attributes:
        name: of it.
        read: gives the sums of a range, from the database alone.
        total: the expression whose total, over the rows of ``table`` in some hours or days, every new fact in them raises.
        table: the rollup that seals it.
        unit: of that rollup.
        settle_ms: after so long facts are rare; what is younger is read anew each time.

    """

    name: str
    read: Callable[[Connection, Scope, Range], Sums]
    total: str
    table: str
    unit: Unit
    settle_ms: int

    def end_of(self, until_ms: int, now_ms: int) -> int:
        """Where the part of a range up to ``until_ms`` ends that is over at ``now_ms``."""
        settled = now_ms - self.settle_ms
        return until_ms if until_ms <= settled else settled - (settled - self.unit.origin_ms) % self.unit.ms

    def total_of(self, connection: Connection, guild_id: int, period: Range) -> int:
        """The total of what seals a range: of every hour, or day, that it touches."""
        first = period.since_ms // self.unit.ms
        last = -(-period.until_ms // self.unit.ms)
        sql = f"SELECT CAST(SUM({self.total}) AS BIGINT) FROM {self.table} WHERE guild_id = ? AND {self.unit.column} >= ? AND {self.unit.column} < ?"  # noqa: S608 - words of this package
        found = connection.execute(sql, (guild_id, first, last)).fetchone()[0]
        return 0 if found is None else int(found)


class Base(NamedTuple):
    """The sums of a range that is over, and the seal of the database that they were read from."""

    period: Range
    seal: Seal
    sums: Sums


class Step(NamedTuple):
    """A small number that was computed of a range that is over, sealed likewise."""

    seal: Seal
    value: object


class Live:
    """The live counters, for one question and its read transaction."""

    def __init__(self, bases: Bases, now_ms: int) -> None:
        """``bases`` are kept beyond the question; ``now_ms`` is the time at which it is answered, milliseconds since the Unix epoch."""
        self._bases, self._now_ms = bases, now_ms
        self._states: dict[int, tuple[int, int] | None] = {}
        self._open_voice: dict[int, int | None] = {}
        self._names: dict[Scope, Hashable] = {}
        self._hot: dict[Hashable, bool] = {}

    def holds(self, connection: Connection, measure: Measure, scope: Scope, period: Range) -> bool:
        """Whether sums of ``period`` are kept, or worth keeping; the first time that they are asked for they are not."""
        end_ms = measure.end_of(period.until_ms, self._now_ms)
        if end_ms - period.since_ms < SHORTEST_MS or scope.users.few:
            return False
        key = (measure.name, self._named(scope), _slot(period, end_ms))
        return self._is_hot(key) and self._retained(connection, scope.guild_id, period.since_ms)

    def summed(self, connection: Connection, measure: Measure, scope: Scope, period: Range) -> Sums:
        """The sums of ``period``, equal to ``measure.read`` of all of it, where they are held."""
        end_ms = measure.end_of(period.until_ms, self._now_ms)
        key = (measure.name, self._named(scope), _slot(period, end_ms))
        sums = self._closed(connection, measure, scope, Range(period.since_ms, end_ms), key)
        if end_ms < period.until_ms:
            add(sums, measure.read(connection, scope, Range(end_ms, period.until_ms)), 1)
        return sums

    def _closed(self, connection: Connection, measure: Measure, scope: Scope, period: Range, key: Hashable) -> Sums:
        """The sums of a part that is over, as a dictionary that may be changed; the base is kept for the next answer."""

        def is_true(base: Base) -> bool:
            return self._retained(connection, scope.guild_id, base.period.since_ms) and base.seal == self._seal(
                connection, scope.guild_id, [measure], base.period
            )

        base: Base | None = self._bases.get(key, is_true)
        moves = None if base is None else ways(base.period, period)
        if base is None or moves is None:
            sums = dict(measure.read(connection, scope, period))
        else:
            sums = dict(base.sums)
            for part, sign in moves:
                add(sums, measure.read(connection, scope, part), sign)
            if base.period.until_ms == period.until_ms and abs(period.since_ms - base.period.since_ms) < DRIFT_MS:
                return sums
        kept = Base(period, self._seal(connection, scope.guild_id, [measure], period), dict(sums))
        self._bases.put(key, kept, sys.getsizeof(kept.sums) + BYTES_EACH * len(kept.sums))
        return sums

    def remembered(
        self, connection: Connection, measures: Sequence[Measure], scope: Scope, period: Range, compute: Callable[[], R]
    ) -> R:
        """What ``compute`` gives, a few numbers made of ``measures`` in ``period``; kept if the range is over and it is asked for again.

        A range that an open voice interval reaches into is not over: how long that one lasts is not known yet.
        """
        over = all(measure.end_of(period.until_ms, self._now_ms) == period.until_ms for measure in measures)
        key = (tuple(measure.name for measure in measures), self._named(scope), period)
        if not over or not self._is_hot(key):
            return compute()
        if not self._retained(connection, scope.guild_id, period.since_ms) or self._is_open(connection, scope, period):
            return compute()
        seal = self._seal(connection, scope.guild_id, measures, period)
        step: Step | None = self._bases.get(key, lambda step: step.seal == seal)
        if step is None:
            with using(None):
                step = Step(seal, compute())
            self._bases.put(key, step, 20 * BYTES_EACH)
        value: R = step.value  # type: ignore[assignment]
        return value

    def _is_hot(self, key: Hashable) -> bool:
        """Whether it was computed before this question, which may ask for the same more than once."""
        if key not in self._hot:
            self._hot[key] = self._bases.hot(key)
        return self._hot[key]

    def _named(self, scope: Scope) -> Hashable:
        """``scope`` in a few bytes, as part of a key: a role may be held by everybody, and no key outlives the question with all of them in it."""
        if scope not in self._names:
            choices = _digest(scope.channels), _digest(scope.users)
            self._names[scope] = (scope.guild_id, scope.filters, scope.named_user, *choices)
        return self._names[scope]

    def _retained(self, connection: Connection, guild_id: int, since_ms: int) -> bool:
        """Whether the guild is known, nobody of it is being erased, and retention has deleted nothing from ``since_ms`` on."""
        state = self._state(connection, guild_id)
        return state is not None and state[1] <= since_ms

    def _seal(self, connection: Connection, guild_id: int, measures: Sequence[Measure], period: Range) -> Seal:
        state = self._state(connection, guild_id)
        assert state is not None
        return (state[0], *(measure.total_of(connection, guild_id, period) for measure in measures))

    def _state(self, connection: Connection, guild_id: int) -> tuple[int, int] | None:
        """How often the guild was rewritten, and up to when retention has deleted; it is the same for all of the transaction."""
        if guild_id not in self._states:
            row = connection.execute(STATE, (guild_id,)).fetchone()
            (before_ms,) = connection.execute(MARKS, (guild_id,)).fetchone()
            self._states[guild_id] = None if row is None else (int(row[0]), int(before_ms or 0))
        return self._states[guild_id]

    def _is_open(self, connection: Connection, scope: Scope, period: Range) -> bool:
        guild_id = scope.guild_id
        if guild_id not in self._open_voice:
            self._open_voice[guild_id] = connection.execute(OPEN_VOICE, (guild_id,)).fetchone()[0]
        first = self._open_voice[guild_id]
        return first is not None and time_ms(first) < period.until_ms


_used: ContextVar[Live | None] = ContextVar("live", default=None)


@contextmanager
def using(live: Live | None) -> Iterator[None]:
    """Sums that are asked for in the block are those of ``live``; with None they are read from the database alone."""
    token = _used.set(live)
    try:
        yield
    finally:
        _used.reset(token)


def summed(connection: Connection, measure: Measure, scope: Scope, period: Range) -> Sums:
    """The sums of ``period`` by user, by the live counters where the block has any."""
    found = _live_sums(connection, measure, scope, period)
    return measure.read(connection, scope, period) if found is None else found


def counted_users(
    connection: Connection, measure: Measure, scope: Scope, period: Range, read: Callable[[], Collection[int]]
) -> Collection[int]:
    """The users who have a sum in ``period``: those of the live counters where these hold them, else what ``read`` gives, which adds up nothing."""
    found = _live_sums(connection, measure, scope, period)
    return read() if found is None else found.keys()


def held(connection: Connection, measures: Sequence[Measure], scope: Scope, period: Range) -> bool:
    """Whether the live counters hold all of ``measures`` in ``period``, so that their sums need not be read."""
    live = _used.get()
    if live is None:
        return False
    answers = [
        live.holds(connection, each, scope, period) for each in measures
    ]  # all are asked, so that the next time all are held
    return all(answers)


def remembered(
    connection: Connection, measures: Sequence[Measure], scope: Scope, period: Range, compute: Callable[[], R]
) -> R:
    """See :meth:`Live.remembered`; without live counters, what ``compute`` gives."""
    live = _used.get()
    return compute() if live is None else live.remembered(connection, measures, scope, period, compute)


def _live_sums(connection: Connection, measure: Measure, scope: Scope, period: Range) -> Sums | None:
    live = _used.get()
    if live is None or not live.holds(connection, measure, scope, period):
        return None
    return live.summed(connection, measure, scope, period)


def ways(old: Range, new: Range) -> list[tuple[Range, int]] | None:
    """What has to be taken off (-1) and added (1) to come from the sums of ``old`` to those of ``new``; None where reading all of it is less."""
    if 2 * (abs(old.since_ms - new.since_ms) + abs(old.until_ms - new.until_ms)) > new.duration_ms:
        return None
    found: list[tuple[Range, int]] = []
    for before, after, sign in ((old.since_ms, new.since_ms, -1), (old.until_ms, new.until_ms, 1)):
        if before != after:
            found.append((Range(min(before, after), max(before, after)), sign if before < after else -sign))
    return found


def add(sums: Sums, others: Sums, sign: int) -> None:
    """Add ``others`` to ``sums``, or take them off; what comes to nothing is left out."""
    for user, number in others.items():
        now = sums.get(user, 0) + sign * number
        if now:
            sums[user] = now
        else:
            del sums[user]


def _digest(selection: Selection) -> tuple[bool, bytes]:
    return selection.excluded, blake2b(selection.parameter().encode(), digest_size=16).digest()


def _slot(period: Range, end_ms: int) -> tuple[str, int]:
    """What ranges have in common whose sums go over into each other as time passes: of the last days how many, else the end that does not move."""
    if end_ms == period.until_ms:
        return "until", period.until_ms
    if period.duration_ms % DAY_MS == 0:
        return "days", period.duration_ms // DAY_MS
    return "since", period.since_ms
