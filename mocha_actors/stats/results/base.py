"""What every answer carries, and how it becomes JSON.

Answers are frozen; units stand in the names of fields, counts have none. Identifiers are integers in Python and strings in JSON, since a snowflake is
too large for JavaScript (rule 30).
"""

from __future__ import annotations

from typing import Any

import msgspec


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which events may be missing.

    Attributes:
        shard: the shard that did not see them; None when it was the whole service.
        since_ms: last evidence before the gap, cut to the range asked for; milliseconds since the Unix epoch.
        until_ms: when recording went on, cut likewise.
        reason: why, as in ``session_invalid``; ``not_yet_observed`` when recording has not come so far.

    """

    shard: int | None
    since_ms: int
    until_ms: int
    reason: str


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the range was really observed.

    Attributes:
        complete: whether the whole range was.
        observed_share: the part of its time that lies in no gap, 0 to 1.
        gaps: where it was not, in order of time.

    """

    complete: bool
    observed_share: float
    gaps: tuple[Gap, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer carries.

    Attributes:
        guild_id: the guild that was asked about.
        since_ms: begin of the range, milliseconds since the Unix epoch.
        until_ms: end of the range, not included.
        time_zone: the zone whose calendar was used.
        coverage: which part of the range was observed.
        as_of_ms: what was committed by then is in it, and possibly more; milliseconds since the Unix epoch. A running service may answer from its
            cache, and then this lies before the asking. None where the database was read directly, so that everything is in it.
        not_retained_before_ms: the answer needed rows that retention has deleted, up to this moment: what they held is missing from the numbers.
            None: nothing that was needed is gone.

    """

    guild_id: int
    since_ms: int
    until_ms: int
    time_zone: str
    coverage: Coverage
    as_of_ms: int | None = None
    not_retained_before_ms: int | None = None

    def to_builtins(self) -> dict[str, Any]:
        """The answer as JSON takes it: fields whose name ends with ``_id`` are strings, and ``as_of_ms`` is left out where it is None."""
        fields = msgspec.to_builtins(self)
        if self.as_of_ms is None:
            del fields["as_of_ms"]
        return {key: _with_text_ids(key, value) for key, value in fields.items()}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One bucket of a timeline.

    Attributes:
        label: its begin in local time, ISO 8601; of an hour with the offset, which tells a repeated one apart.
        since_ms: its begin, milliseconds since the Unix epoch.
        until_ms: its end, not included.
        partial: the range holds only a part of the bucket.
        observed_share: the part of it that was observed, 0 to 1; where it is 0 the numbers are no data and not zeros.

    """

    label: str
    since_ms: int
    until_ms: int
    partial: bool
    observed_share: float


def _with_text_ids(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {inner: _with_text_ids(inner, item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_text_ids(key, item) for item in value]
    return str(value) if key.endswith("_id") and isinstance(value, int) else value
