"""Half-open ranges of time, as questions take them: rolling days, or from one moment to another.

See :mod:`mocha_actors.stats.calendar_ranges` for ranges with a name, and :mod:`mocha_actors.stats.cover` for how one is answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

import msgspec

from mocha_actors.discord.snowflake import DAY_MS, DISCORD_EPOCH_MS, TIMESTAMP_SHIFT, from_time_ms
from mocha_actors.stats.errors import QuestionError

LAST_MS: Final = DISCORD_EPOCH_MS + (1 << 63 - TIMESTAMP_SHIFT) - 1
"""The last millisecond whose snowflake fits into the database's signed 64 bits (in the year 2084)."""

UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Range(msgspec.Struct, frozen=True, order=True):
    """The time from ``since_ms`` up to, but not including, ``until_ms``.

    Attributes:
        since_ms: first millisecond inside, since the Unix epoch, UTC.
        until_ms: first millisecond after it.

    Raises:
        QuestionError: the range is empty or reversed, or reaches out of the time that snowflakes can express.

    """

    since_ms: int
    until_ms: int

    def __post_init__(self) -> None:
        """Refuse a range that holds nothing or that no snowflake can express."""
        if self.since_ms >= self.until_ms:
            fault = "the range is empty" if self.since_ms == self.until_ms else "the range is reversed"
            msg = f"{fault}: since ({show_time(self.since_ms)}) must be before until ({show_time(self.until_ms)})"
            raise QuestionError(msg)
        if self.since_ms < DISCORD_EPOCH_MS:
            msg = f"since is {show_time(self.since_ms)}; Discord's time begins at {show_time(DISCORD_EPOCH_MS)}"
            raise QuestionError(msg)
        if self.until_ms > LAST_MS:
            msg = f"until is {show_time(self.until_ms)}; snowflakes end at {show_time(LAST_MS)}"
            raise QuestionError(msg)

    def slices(self, ms: int) -> Iterator[Range]:
        """The range in parts of ``ms`` each, the last of which may be shorter."""
        for begin in range(self.since_ms, self.until_ms, ms):
            yield Range(begin, min(begin + ms, self.until_ms))

    @classmethod
    def last_days(cls, days: int, now_ms: int) -> Range:
        """The ``days`` * 24 hours before ``now_ms``, rolling: not calendar days.

        Raises:
            QuestionError: ``days`` is below 1, or reaches back beyond Discord's epoch.

        """
        most = (now_ms - DISCORD_EPOCH_MS) // DAY_MS
        if not 1 <= days <= most:
            begin = show_time(DISCORD_EPOCH_MS)
            msg = f"days is {days}; allowed are 1 to {most}, because Discord's time begins at {begin}"
            raise QuestionError(msg)
        return cls(now_ms - days * DAY_MS, now_ms)

    @classmethod
    def between(cls, since: str, until: str | None, now_ms: int, zone: tzinfo = UTC) -> Range:
        """The time between two ISO 8601 dates or times of ``zone``; without ``until``, up to ``now_ms``.

        A date means its first moment, so that ``between("2026-01-01", "2026-02-01", …)`` is January.

        Raises:
            QuestionError: one of them is no ISO 8601 date or time, or the range is not allowed.

        """
        return cls(parse_time("since", since, zone), now_ms if until is None else parse_time("until", until, zone))

    @property
    def duration_ms(self) -> int:
        """Its length in milliseconds."""
        return self.until_ms - self.since_ms

    @property
    def days(self) -> float:
        """Its length in days of 24 hours."""
        return self.duration_ms / DAY_MS

    @property
    def keys(self) -> tuple[int, int]:
        """The snowflakes that lie in it, as a half-open range of keys."""
        return from_time_ms(self.since_ms), from_time_ms(self.until_ms)


def parse_time(parameter: str, text: str, zone: tzinfo = UTC) -> int:
    """Read an ISO 8601 date or time, in ``zone`` unless it carries an offset, as milliseconds since the Unix epoch.

    Of a local time that occurs twice the first is meant; one that is skipped counts on from before the change of the clocks.

    Raises:
        QuestionError: it is none; the text names ``parameter``.

    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        examples = "2026-01-31, 2026-01-31T18:30 or 2026-01-31T18:30+02:00"
        msg = f"{parameter} is {text!r}; allowed is an ISO 8601 date or time, as in {examples}"
        raise QuestionError(msg) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment - UNIX_EPOCH) // timedelta(milliseconds=1)


def show_time(ms: int) -> str:
    """A time for people, as exact as it is: UTC, or milliseconds as they stand where no calendar reaches."""
    try:
        moment = UNIX_EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return f"{ms} ms"
    # isoformat, since strftime may give a year of fewer than four digits.
    exact = "milliseconds" if moment.microsecond else "seconds" if moment.second else "minutes"
    return f"{moment.replace(tzinfo=None).isoformat(' ', exact)} UTC"
