"""Local time: the offsets of IANA zones, and when local days, weeks and months begin in UTC (rule 15).

Times are milliseconds since the Unix epoch, UTC; days are counted from it in the calendar of the zone. Zones come from the system, or from the
package ``tzdata`` where the system has none.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.ranges import UNIX_EPOCH

EPOCH_DAY: Final = date(1970, 1, 1)

SECOND: Final = timedelta(seconds=1)

SUNDAY: Final = 6


def zone_named(name: str) -> ZoneInfo:
    """The zone of an IANA name.

    Raises:
        QuestionError: there is none of this name.

    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # Names from strangers reach the file system through zoneinfo: a folder, a forbidden character, a name that is too long.
        msg = f"time_zone is {name[:60]!r}; allowed is a name of the IANA database, as in UTC or Europe/Berlin"
        raise QuestionError(msg) from None


def check_week_start(week_start: int) -> None:
    """Raise QuestionError for what is no day of the week."""
    if not 0 <= week_start <= SUNDAY:
        msg = f"week_start is {week_start}; allowed are 0 (Monday) to 6 (Sunday)"
        raise QuestionError(msg)


@lru_cache(maxsize=65_536)
def offset_ms(zone: ZoneInfo, ms: int) -> int:
    """What is added to UTC at ``ms`` to get local time."""
    offset = (UNIX_EPOCH + timedelta(milliseconds=ms)).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // SECOND * 1000


def local_day(zone: ZoneInfo, ms: int) -> int:
    """The local calendar day of ``ms``, counted from 1970-01-01."""
    return (ms + offset_ms(zone, ms)) // DAY_MS


def begin_of_day(zone: ZoneInfo, day: int) -> int:
    """The first moment of a local day: midnight, or what comes after it where clocks were put forward over midnight."""
    naive = datetime.combine(EPOCH_DAY + timedelta(days=day), datetime.min.time(), tzinfo=zone)
    begin = (naive.astimezone(UTC) - UNIX_EPOCH) // timedelta(milliseconds=1)
    if local_day(zone, begin - 1) < day <= local_day(zone, begin):
        return begin
    return _first(zone, day, begin - DAY_MS, begin + DAY_MS)


def begin_of_week(zone: ZoneInfo, day: int, week_start: int) -> int:
    """The first moment of the week that holds a local day; ``week_start`` is 0 for Monday to 6 for Sunday."""
    return begin_of_day(zone, first_day_of_week(day, week_start))


def first_day_of_week(day: int, week_start: int) -> int:
    """The day on which the week of ``day`` begins; 1970-01-01 was a Thursday."""
    return day - (day + 3 - week_start) % 7


def first_day_of_month(day: int, months: int = 0) -> int:
    """The first day of the month of ``day``, or of one so many ``months`` later (earlier when negative)."""
    calendar = EPOCH_DAY + timedelta(days=day)
    index = calendar.year * 12 + calendar.month - 1 + months
    return (date(index // 12, index % 12 + 1, 1) - EPOCH_DAY).days


def next_change(zone: ZoneInfo, since_ms: int, until_ms: int) -> int | None:
    """The first moment after ``since_ms`` and before ``until_ms`` at which the offset changes; they lie less than a day apart."""
    here = offset_ms(zone, since_ms)
    if offset_ms(zone, until_ms - 1) == here:
        return None
    low, high = since_ms, until_ms - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset_ms(zone, middle) == here else (low, middle)
    return high


def _first(zone: ZoneInfo, day: int, low: int, high: int) -> int:
    """The first moment between ``low`` and ``high`` whose local day is ``day`` or later."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if local_day(zone, middle) >= day else (middle, high)
    return high
