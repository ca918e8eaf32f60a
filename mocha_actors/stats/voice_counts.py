"""Counting voice: whole hours and days from rollups, edges from the raw intervals, and what is in progress from the open ones.

The rollups hold closed intervals only. An open interval counts up to the last sign of life of its shard, or to the end of the range while that is
fresh (rule 14); it may reach over midnights that the projection has not seen yet.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from mocha_actors.db.connection import Connection, Dialectal
from mocha_actors.discord.snowflake import DAY_MS, from_time_ms, time_ms
from mocha_actors.pipeline.facts import VoiceFlag
from mocha_actors.stats import columns
from mocha_actors.stats.columns import add, filled
from mocha_actors.stats.cover import Run, Unit, cover
from mocha_actors.stats.coverage import STALE_MS
from mocha_actors.stats.live import Measure, summed
from mocha_actors.stats.open_rows import by_index
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.retention import note
from mocha_actors.stats.scope import Scope

By = Literal["user_id", "channel_id"]

AFK, DEAFENED, ALONE = 1, 2, 4
"""The states of the rollups."""

# Plain integers: a flag's own & takes a microsecond, and there are seven for each interval of a ragged edge.
MUTE_FLAGS: Final = int(VoiceFlag.SELF_MUTE | VoiceFlag.MUTE)
DEAF_FLAGS: Final = int(VoiceFlag.SELF_DEAF | VoiceFlag.DEAF)
AFK_FLAG, ALONE_FLAG = int(VoiceFlag.AFK), int(VoiceFlag.ALONE)
STREAM_FLAG, VIDEO_FLAG, SUPPRESS_FLAG = int(VoiceFlag.STREAM), int(VoiceFlag.VIDEO), int(VoiceFlag.SUPPRESS)

# The columns and tables in these texts are this module's own words; everything that comes from outside is a parameter.
SUMS: Final = ", ".join(
    f"CAST(SUM({column}) AS BIGINT)" for column in ("ms", "muted_ms", "streaming_ms", "video_ms", "suppressed_ms")
)

WHOLE: Final = """
SELECT {key}, {time}, is_bot, state, {sums}, CAST(SUM({starts}) AS BIGINT) FROM {table}
WHERE guild_id = :guild_id AND {unit} >= :first AND {unit} < :last{conditions}
GROUP BY {group}is_bot, state
"""

WHOLE_OF_FEW: Final = """
WITH RECURSIVE step (number) AS (SELECT :first UNION ALL SELECT number + 1 FROM step WHERE number + 1 < :last)
SELECT {key}, {time}, is_bot, state, {sums}, CAST(SUM({starts}) AS BIGINT) FROM step CROSS JOIN {table}
WHERE guild_id = :guild_id AND {unit} = number{conditions}
GROUP BY {group}is_bot, state
"""

COLUMNS: Final = "id, user_id, channel_id, ended_ms, flags, is_bot, shard, session_id, visit, bound_ms"

CLOSED: Final = f"""
SELECT {COLUMNS} FROM voice_events
WHERE guild_id = :guild_id AND id >= :begin AND id < :high AND (ended_ms > :since_ms OR (id >= :low AND ended_ms IS NOT NULL)){{conditions}}
"""  # noqa: S608  # a constant

LENGTH: Final = "LEAST(ended_ms, :until_ms) - GREATEST((id >> 22) + 1420070400000, :since_ms)"
SPANS: Final = Dialectal(
    """
SELECT json_group_array(user_id), json_group_array({length}) FROM voice_events
WHERE guild_id = :guild_id AND id >= :begin AND id < :high AND ended_ms > :since_ms AND {length} > 0{conditions}
""",
    columns.SUMMED.format(
        rows="""
SELECT user_id AS key, CAST(SUM({length}) AS BIGINT) AS number FROM voice_events
WHERE guild_id = :guild_id AND id >= :begin AND id < :high AND ended_ms > :since_ms AND {length} > 0{conditions}
GROUP BY user_id"""
    ),
)
"""How long each closed interval lasted inside of a window. Of the days of Berlin, 40,000 intervals are parts of days of UTC: added up here, they
cost a tenth of what they do as rows of Python."""

OPEN: Final = by_index(
    "voice_open",
    f"SELECT {COLUMNS} FROM voice_events{{index}} WHERE guild_id = :guild_id AND ended_ms IS NULL{{conditions}}",  # noqa: S608  # likewise
)

ALIVE: Final = "SELECT shard, last_alive_ms FROM gateway_sessions"


class VoiceSums(NamedTuple):
    """Sums of voice in milliseconds, of one state.

    Attributes:
        ms: the time.
        muted_ms: of it, muted by themselves or by a moderator.
        streaming_ms: of it, sharing the screen.
        video_ms: of it, with the camera on.
        suppressed_ms: of it, as audience of a stage.
        starts: sessions that began; of channels, visits.

    """

    ms: int = 0
    muted_ms: int = 0
    streaming_ms: int = 0
    video_ms: int = 0
    suppressed_ms: int = 0
    starts: int = 0

    def plus(self, other: VoiceSums) -> VoiceSums:
        """Both together."""
        return VoiceSums(*map(sum, zip(self, other, strict=True)))


class Voice(NamedTuple):
    """Some voice: of whom or where, when, in which state, how much.

    Attributes:
        key: the user or channel; 0 when they are not told apart.
        since_ms: begin of the unit of time, or of the interval as far as it lies in the step.
        is_bot: a bot's.
        state: set of 1 AFK, 2 deafened, 4 alone.
        sums: how much.

    """

    key: int
    since_ms: int
    is_bot: bool
    state: int
    sums: VoiceSums


class Interval(NamedTuple):
    """One row of voice_events; an open one ends where the evidence does."""

    id: int
    user_id: int
    channel_id: int
    until_ms: int
    flags: int
    is_bot: int
    shard: int
    session_id: int
    visit: int
    bound_ms: int
    open: bool

    @property
    def since_ms(self) -> int:
        """When it began."""
        return time_ms(self.id)

    @property
    def state(self) -> int:
        """Its state, as the rollups have it."""
        return (
            AFK * bool(self.flags & AFK_FLAG)
            | DEAFENED * bool(self.flags & DEAF_FLAGS)
            | ALONE * bool(self.flags & ALONE_FLAG)
        )

    def sums(self, since_ms: int, until_ms: int, *, visits: bool) -> VoiceSums:
        """What lies in a half-open range; a session or visit belongs to the moment in which it began."""
        ms = max(0, min(self.until_ms, until_ms) - max(self.since_ms, since_ms))
        began = since_ms <= self.since_ms < until_ms
        return VoiceSums(
            ms,
            ms * bool(self.flags & MUTE_FLAGS),
            ms * bool(self.flags & STREAM_FLAG),
            ms * bool(self.flags & VIDEO_FLAG),
            ms * bool(self.flags & SUPPRESS_FLAG),
            began * (self.visit if visits else self.id == self.session_id),
        )


class Source(NamedTuple):
    """Where voice stands: its unit, table and the column of what began."""

    unit: Unit
    table: str
    starts: str


SOURCES: Final[dict[tuple[bool, bool], Source | None]] = {
    (False, False): Source(Unit.HOUR, "voice_guild_hour", "sessions"),
    (False, True): Source(Unit.HOUR, "voice_channel_hour", "visits"),
    (True, False): Source(Unit.DAY, "voice_user_day", "sessions"),
    (True, True): None,
}
"""By whether users, and whether channels are told apart."""


def voice(
    connection: Connection, scope: Scope, cuts: Sequence[int], by: By | None = None, *, timed: bool = False
) -> Iterator[Voice]:
    """All voice between the first and the last of ``cuts``, of every state, bots' too unless the rollups are told otherwise.

    Args:
        connection: inside a read transaction.
        scope: where and of whom.
        cuts: ascending bounds; no result reaches across one.
        by: tell users or channels apart.
        timed: tell units of time apart; else ``since_ms`` of what comes from a rollup means nothing.

    """
    yield from _closed(connection, scope, cuts, by, timed=timed)
    yield from _open(connection, scope, cuts, by)


def _closed(
    connection: Connection, scope: Scope, cuts: Sequence[int], by: By | None, *, timed: bool = False
) -> Iterator[Voice]:
    """The voice of intervals that have ended."""
    source = SOURCES[_users(scope, by), _channels(scope, by)]
    covered = cover(cuts, () if source is None else (source.unit,))
    if source is not None:
        for run in covered.whole:
            yield from _whole(connection, scope, source, run, by, timed=timed)
    yield from _edges(connection, scope, covered.raw, cuts, by)


def _edges(
    connection: Connection, scope: Scope, windows: Sequence[Range], cuts: Sequence[int], by: By | None
) -> Iterator[Voice]:
    """The voice of intervals that have ended, as far as it lies in ``windows``, interval by interval."""
    visits = _channels(scope, by)
    for window in windows:
        for interval in closed_intervals(connection, scope, window):
            yield from _pieces(interval, [window.since_ms, *_between(cuts, window), window.until_ms], by, visits=visits)


def _open(connection: Connection, scope: Scope, cuts: Sequence[int], by: By | None) -> Iterator[Voice]:
    """The voice of intervals in progress."""
    for interval in open_intervals(connection, scope, cuts[-1]):
        yield from _pieces(interval, cuts, by, visits=_channels(scope, by))


def counted(found: Iterable[Voice], scope: Scope) -> Iterator[Voice]:
    """Of ``found``, what the filters count."""
    return (each for each in found if scope.filters.counts_voice(each.state) and (scope.with_bots or not each.is_bot))


def voice_totals(connection: Connection, scope: Scope, period: Range) -> VoiceSums:
    """The voice that counts in ``period``."""
    total = VoiceSums()
    for each in counted(voice(connection, scope, [period.since_ms, period.until_ms]), scope):
        total = total.plus(each.sums)
    return total


def voice_ms_by(connection: Connection, scope: Scope, period: Range, by: By) -> dict[int, int]:
    """Counted milliseconds of each user or channel that has any."""
    cuts = [period.since_ms, period.until_ms]
    if by == "channel_id":
        return _ms(voice(connection, scope, cuts, by), scope, {})
    return _ms(_open(connection, scope, cuts, by), scope, summed(connection, SPOKEN, scope, period))


def _ms(found: Iterable[Voice], scope: Scope, total: dict[int, int]) -> dict[int, int]:
    """``total``, with the milliseconds of ``found`` that count."""
    for each in counted(found, scope):
        if each.sums.ms:
            total[each.key] = total.get(each.key, 0) + each.sums.ms
    return total


def _spoken(connection: Connection, scope: Scope, period: Range) -> dict[int, int]:
    total: dict[int, int] = {}
    source = SOURCES[True, _channels(scope, None)]
    covered = cover([period.since_ms, period.until_ms], () if source is None else (source.unit,))
    states = ", ".join(str(state) for state in range(8) if scope.filters.counts_voice(state))
    conditions = f" AND state IN ({states}) AND is_bot <= :bots AND ms > 0{scope.selected()}"
    for run in covered.whole:
        statement = filled(
            columns.WHOLE_OF_FEW if scope.users.few else columns.WHOLE, key="user_id", number="ms", numbers="json_group_array(ms)",
            table="voice_user_day", unit=run.unit.column, conditions=conditions,
        )  # fmt: skip
        bounds = {"bots": int(scope.with_bots), "first": run.first, "last": run.last}
        add(total, columns.columns(connection, statement, {**scope.parameters(), **bounds}), 1)
    statement = filled(SPANS, length=LENGTH, conditions=_counted_flags(scope) + scope.selected())
    for window in covered.raw:
        note("voice", window.since_ms)
        for piece in window.slices(7 * columns.SLICE_MS):  # each looks a day back for what began before it
            bounds = {**_bounds(piece), "until_ms": piece.until_ms, "bots": int(scope.with_bots)}
            add(total, columns.columns(connection, statement, {**scope.parameters(), **bounds}), 1)
    return total


def _counted_flags(scope: Scope) -> str:
    """The condition that a raw interval counts."""
    filters = scope.filters
    excluded = AFK_FLAG * filters.exclude_afk | DEAF_FLAGS * filters.exclude_deaf | ALONE_FLAG * filters.exclude_alone
    return f" AND (flags & {excluded}) = 0 AND is_bot <= :bots"


SPOKEN: Final = Measure("voice", _spoken, "ms", "voice_guild_hour", Unit.HOUR, DAY_MS)
"""The voice of users in closed intervals, as the live counters keep it: when one is closed, it counts where it began, a day before at most."""


def closed_intervals(connection: Connection, scope: Scope, window: Range) -> Iterator[Interval]:
    """The closed intervals that overlap ``window`` or begin in it. None crosses a midnight of UTC, which bounds the search."""
    note("voice", window.since_ms)
    statement = CLOSED.format(conditions=scope.selected())
    for row in connection.execute(statement, {**scope.parameters(), **_bounds(window)}):
        yield Interval._make((*row, False))


def _bounds(window: Range) -> dict[str, int]:
    low, high = window.keys
    begin = from_time_ms(window.since_ms - window.since_ms % DAY_MS)
    return {"begin": begin, "low": low, "high": high, "since_ms": window.since_ms}


def open_intervals(connection: Connection, scope: Scope, until_ms: int) -> Iterator[Interval]:
    """The intervals in progress, up to ``until_ms`` or the last evidence."""
    statement = filled(OPEN, conditions=scope.selected())
    rows = connection.execute(statement, scope.parameters()).fetchall()
    if not rows:
        return
    alive = dict(connection.execute(ALIVE).fetchall())
    for row in rows:
        interval = Interval._make((*row, True))
        evidence = alive.get(interval.shard, interval.since_ms)
        end = until_ms if until_ms - evidence <= STALE_MS else evidence
        yield interval._replace(until_ms=max(interval.since_ms, end))


def _whole(
    connection: Connection, scope: Scope, source: Source, run: Run, by: By | None, *, timed: bool
) -> Iterator[Voice]:
    if run.unit is Unit.HOUR:
        note("hours", run.unit.begin(run.first))
    few = scope.users.few or scope.channels.few
    group = (f"{by}, " if by else "") + (f"{run.unit.column}, " if timed else "")
    statement = (WHOLE_OF_FEW if few else WHOLE).format(
        key=by or "0", time=run.unit.column if timed else "0", sums=SUMS, starts=source.starts, table=source.table,
        unit=run.unit.column, conditions=scope.selected(), group=group,
    )  # fmt: skip
    rows = connection.execute(statement, {**scope.parameters(), "first": run.first, "last": run.last})
    for key, number, is_bot, state, *sums in rows:
        yield Voice(key, run.unit.begin(number), bool(is_bot), state, VoiceSums(*sums))


def _pieces(interval: Interval, cuts: Sequence[int], by: By | None, *, visits: bool) -> Iterator[Voice]:
    """An interval, cut at ``cuts``."""
    key = 0 if by is None else interval.user_id if by == "user_id" else interval.channel_id
    position = max(0, bisect_right(cuts, interval.since_ms) - 1)
    for begin, end in zip(cuts[position:], cuts[position + 1 :], strict=False):
        if begin >= interval.until_ms and begin > interval.since_ms:
            return
        sums = interval.sums(begin, end, visits=visits)
        if sums.ms or sums.starts:
            yield Voice(key, max(begin, interval.since_ms), bool(interval.is_bot), interval.state, sums)


def _between(cuts: Sequence[int], window: Range) -> Sequence[int]:
    """The cuts inside a window."""
    return cuts[bisect_right(cuts, window.since_ms) : bisect_right(cuts, window.until_ms - 1)]


def _users(scope: Scope, by: By | None) -> bool:
    return by == "user_id" or not scope.users.everything


def _channels(scope: Scope, by: By | None) -> bool:
    return by == "channel_id" or not scope.channels.everything
