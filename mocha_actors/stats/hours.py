"""The hours of the week: a 7 x 24 heatmap in local time, and which hours are busiest."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_MS, DISCORD_EPOCH_MS, HOUR_MS
from mocha_actors.stats.coverage import head
from mocha_actors.stats.message_counts import message_moments
from mocha_actors.stats.questions import BusiestHoursQuestion, HeatmapQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import BusiestHours, Cell, Heatmap
from mocha_actors.stats.scope import Scope, scope_of
from mocha_actors.stats.voice_counts import counted, voice
from mocha_actors.stats.zones import next_change, offset_ms

CELLS: Final = 7 * 24

WEEKDAY_OF_EPOCH: Final = 3
"""1970-01-01 was a Thursday."""

FIRST_HOUR: Final = """
SELECT MIN(hour) FROM (
    SELECT MIN(hour) AS hour FROM guild_hour WHERE guild_id = :guild_id
    UNION ALL SELECT MIN(hour) FROM voice_guild_hour WHERE guild_id = :guild_id
    UNION ALL SELECT (MIN(message_id) / 4194304 + 1420070400000) / 3600000 FROM message_events WHERE guild_id = :guild_id
    UNION ALL SELECT (MIN(id) / 4194304 + 1420070400000) / 3600000 FROM voice_events WHERE guild_id = :guild_id
) AS hours
"""
"""The first hour of UTC of which anything is known: sums and rows are kept for times of their own, and no sum holds an interval in progress."""


def heatmap(connection: Connection, question: HeatmapQuestion) -> Heatmap:
    """Answer ``question``: a repeated hour adds to its cell, a skipped one is absent from its average (rule 15, A3.7)."""
    return Heatmap(**head(connection, question), metric=question.metric, cells=tuple(cells_of(connection, question)))


def busiest_hours(connection: Connection, question: BusiestHoursQuestion) -> BusiestHours:
    """Answer ``question``: by the average over the hours that the range really holds, the earlier in the week first among equals."""
    cells = [cell for cell in cells_of(connection, question) if cell.value]
    busiest = heapq.nlargest(question.limit, cells, key=_busy)
    return BusiestHours(**head(connection, question), metric=question.metric, cells=tuple(busiest))


def cells_of(connection: Connection, question: HeatmapQuestion | BusiestHoursQuestion) -> list[Cell]:
    """The 168 cells."""
    bounds = local_hours(known_part(connection, question), question.zone)
    lengths = [0] * CELLS
    for begin, end, cell in bounds:
        lengths[cell] += end - begin
    scope = scope_of(connection, question)
    cuts = [*(begin for begin, _, _ in bounds), question.range.until_ms]  # what "all time" leaves out holds nothing
    values = _voice(connection, scope, cuts, question.zone) if question.metric == "voice_seconds" else None
    if values is None:
        values = _messages(connection, scope, cuts, question.zone)
    return [_cell(position, value, lengths[position] / HOUR_MS) for position, value in enumerate(values)]


def known_part(connection: Connection, question: HeatmapQuestion | BusiestHoursQuestion) -> Range:
    """The range; of all time the part since the guild's first hour: the years before Mocha knew it are no quiet Mondays."""
    period = question.range
    if period.since_ms > DISCORD_EPOCH_MS:
        return period
    (first,) = connection.execute(FIRST_HOUR, {"guild_id": question.guild_id}).fetchone()
    last = (period.until_ms - 1) // HOUR_MS
    return Range(max(period.since_ms, (last if first is None else min(first, last)) * HOUR_MS), period.until_ms)


def local_hours(period: Range, zone: ZoneInfo) -> list[tuple[int, int, int]]:
    """(begin, end, cell) of the local hours that ``period`` touches, cut to it; the cell is weekday * 24 + hour."""
    return [(begin, end, cell_at(begin, zone)) for begin, end in _cut(period, zone)]


def cell_at(ms: int, zone: ZoneInfo) -> int:
    """The cell of a moment: local weekday * 24 + local hour."""
    day, rest = divmod(ms + offset_ms(zone, ms), DAY_MS)
    return (day + WEEKDAY_OF_EPOCH) % 7 * 24 + rest // HOUR_MS


def _cut(period: Range, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    begin = period.since_ms
    while begin < period.until_ms:
        end = begin + HOUR_MS - (begin + offset_ms(zone, begin)) % HOUR_MS
        end = min(next_change(zone, begin, end) or end, period.until_ms)
        yield begin, end
        begin = end


def _messages(connection: Connection, scope: Scope, cuts: Sequence[int], zone: ZoneInfo) -> list[int]:
    totals = [0] * CELLS
    for since_ms, count in message_moments(connection, scope, cuts):
        totals[cell_at(since_ms, zone)] += count
    return totals


def _voice(connection: Connection, scope: Scope, cuts: Sequence[int], zone: ZoneInfo) -> list[int]:
    total = [0] * CELLS
    for each in counted(voice(connection, scope, cuts, timed=True), scope):
        total[cell_at(each.since_ms, zone)] += each.sums.ms
    return [ms // 1000 for ms in total]


def _cell(position: int, value: int, hours: float) -> Cell:
    weekday, hour = divmod(position, 24)
    return Cell(weekday=weekday, hour=hour, value=value, hours=hours, average_per_hour=value / hours if hours else None)


def _busy(cell: Cell) -> tuple[float, int]:
    return cell.average_per_hour or 0.0, -(cell.weekday * 24 + cell.hour)
