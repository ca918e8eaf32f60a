"""Half-open ranges of time, and how a question cuts one into whole rollup buckets and ragged edges.

Rollups know whole hours or days. A range that begins or ends inside a bucket is answered from the whole buckets in
between and, for the two ragged edges, from the raw rows, whose keys are snowflakes and therefore times. So every range is
exact to the millisecond, and cheap.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS, TIMESTAMP_SHIFT, from_time_ms
from mocha_actors.stats.errors import QuestionError

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

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
    def between(cls, since: str, until: str | None, now_ms: int) -> Range:
        """The time between two ISO 8601 dates or times; without ``until``, up to ``now_ms``.

        A date means its first moment, so that ``between("2026-01-01", "2026-02-01", …)`` is January.

        Raises:
            QuestionError: one of them is no ISO 8601 date or time, or the range is not allowed.

        """
        return cls(parse_time("since", since), now_ms if until is None else parse_time("until", until))

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


class Split(msgspec.Struct, frozen=True):
    """A range as whole buckets and the ragged edges around them; together they are the range, without overlap.

    Attributes:
        bucket_ms: length of a bucket.
        whole: half-open range of bucket numbers since the Unix epoch; None when no bucket lies inside as a whole.
        edges: what is left, in order of time; at most two.

    """

    bucket_ms: int
    whole: tuple[int, int] | None
    edges: tuple[Range, ...]

    def bucket(self, number: int) -> Range:
        """The range of bucket ``number``."""
        return Range(number * self.bucket_ms, (number + 1) * self.bucket_ms)

    def parameters(self) -> dict[str, int]:
        """The split as parameters of a query; what it lacks is an empty range, which costs a query nothing.

        Returns:
            ``first`` and ``last`` bucket, half-open, and the keys of two edges: ``head_from`` to ``head_to``, and
            ``tail_from`` to ``tail_to``.

        """
        first, last = self.whole or (0, 0)
        (head_from, head_to), (tail_from, tail_to) = [*(edge.keys for edge in self.edges), (0, 0), (0, 0)][:2]
        return {
            "first": first, "last": last,
            "head_from": head_from, "head_to": head_to,
            "tail_from": tail_from, "tail_to": tail_to,
        }  # fmt: skip


def split(period: Range, bucket_ms: int) -> Split:
    """Cut ``period`` into the buckets that lie inside as a whole, and the edges before and after them."""
    first, last = -(-period.since_ms // bucket_ms), period.until_ms // bucket_ms
    if first >= last:
        return Split(bucket_ms, None, (period,))
    bounds = ((period.since_ms, first * bucket_ms), (last * bucket_ms, period.until_ms))
    return Split(bucket_ms, (first, last), tuple(Range(*edge) for edge in bounds if edge[0] < edge[1]))


def parse_time(parameter: str, text: str) -> int:
    """Read an ISO 8601 date or time, UTC unless it carries an offset, as milliseconds since the Unix epoch.

    Raises:
        QuestionError: it is none; the text names ``parameter``.

    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        examples = "2026-01-31, 2026-01-31T18:30 (UTC) or 2026-01-31T18:30+02:00"
        msg = f"{parameter} is {text!r}; allowed is an ISO 8601 date or time, as in {examples}"
        raise QuestionError(msg) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - UNIX_EPOCH) // timedelta(milliseconds=1)


def show_time(ms: int) -> str:
    """A time for people, as exact as it is: UTC, or milliseconds as they stand where no calendar reaches."""
    try:
        moment = UNIX_EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return f"{ms} ms"
    if moment.microsecond:
        return f"{moment:%Y-%m-%d %H:%M:%S}.{ms % 1000:03d} UTC"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment.second else f"{moment:%Y-%m-%d %H:%M} UTC"
