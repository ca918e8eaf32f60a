"""What every question may be given: the range and who is counted, under the names that the API and the command line share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple, TypedDict
from zoneinfo import ZoneInfo

from mocha_actors.stats.calendar_ranges import Named, PeriodName, named_range
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.questions import Filters
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import GuildSettings
from mocha_actors.stats.zones import check_week_start, zone_named

DEFAULT_DAYS: Final = 30
"""The range of a question that names none."""

Moment = str | date
"""ISO 8601 text, or a date or datetime; in the zone of the question unless it has an offset."""


class Options(TypedDict, total=False):
    """The options of a question.

    Attributes:
        days: the last so many times 24 hours; 30 when no range is given.
        since: begin of the range, instead of ``days``.
        until: end of the range, not included; now when left out.
        period: a calendar range instead: ``today``, ``yesterday``, ``this_week``, ``last_week``, ``this_month``, ``last_month`` or ``all_time``.
        time_zone: IANA name; that of the guild's settings, else that of the configuration, when left out.
        week_start: the day on which weeks begin, 0 for Monday to 6 for Sunday; that of the guild's settings, else Monday.
        include_bots: count bots too.
        include_webhooks: count webhooks too; they stand in no list of users.
        include_left: list users who have left the guild; True when left out.
        include_ignored: count also what the guild's settings say to ignore.
        exclude_deleted: leave out messages that were deleted since.
        exclude_afk: leave out voice in the AFK channel; True when left out.
        exclude_deaf: leave out voice of the deafened.
        exclude_alone: leave out voice of those alone in a channel.
        channels: count only in these channels, threads included.
        categories: count only in the channels of these categories, threads included.
        users: count only these users, bots too.
        roles: count only users who have any of these roles now.

    """

    days: int
    since: Moment
    until: Moment
    period: PeriodName
    time_zone: str
    week_start: int
    include_bots: bool
    include_webhooks: bool
    include_left: bool
    include_ignored: bool
    exclude_deleted: bool
    exclude_afk: bool
    exclude_deaf: bool
    exclude_alone: bool
    channels: Sequence[int]
    categories: Sequence[int]
    users: Sequence[int]
    roles: Sequence[int]


IDS: Final = ("channels", "categories", "users", "roles")


class Resolved(NamedTuple):
    """What the options of a question say, with the guild's settings.

    Attributes:
        range: the period.
        previous: the period before it; None before all time.
        filters: who and what is counted.
        time_zone: IANA name.
        week_start: 0 for Monday to 6 for Sunday.

    """

    range: Range
    previous: Range | None
    filters: Filters
    time_zone: str
    week_start: int

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that every question about a range has."""
        return {
            "range": self.range, "filters": self.filters, "time_zone": self.time_zone, "week_start": self.week_start,
        }  # fmt: skip


def resolve(
    options: Options, now_ms: int, settings: GuildSettings, default_zone: str = "UTC", *, dashes: str = ""
) -> Resolved:
    """What ``options`` mean for a guild with ``settings``. ``dashes`` stand before the names of options in errors.

    Raises:
        QuestionError: they contradict each other, or one is not allowed.

    """
    given: dict[str, Any] = dict(options)
    name = given.pop("time_zone", None)
    name = settings.time_zone or default_zone if name is None else name
    week_start = given.pop("week_start", None)
    week_start = (settings.week_start or 0) if week_start is None else week_start
    check_week_start(week_start)
    chosen = chosen_range(
        given.pop("days", None), given.pop("since", None), given.pop("until", None), given.pop("period", None),
        now_ms=now_ms, zone=zone_named(name), week_start=week_start, dashes=dashes,
    )  # fmt: skip
    # In one order, whatever the asker's: the same question has the same key in the cache.
    given |= {key: tuple(sorted({*given.get(key, ())})) for key in IDS}
    return Resolved(chosen.range, chosen.previous, Filters(**given), name, week_start)


def chosen_range(
    days: int | None, since: Moment | None, until: Moment | None, period: str | None, *,
    now_ms: int, zone: ZoneInfo, week_start: int = 0, dashes: str = "",
) -> Named:  # fmt: skip
    """The range that the options name, the last 30 days when they name none; and the period before it.

    Raises:
        QuestionError: the options contradict each other, or the range is not allowed.

    """
    dated = since is not None or until is not None
    if period is not None and (days is not None or dated):
        raise QuestionError(
            f"{dashes}period names a range; give it without {dashes}days, {dashes}since and {dashes}until"
        )
    if days is not None and dated:
        raise QuestionError(
            f"{dashes}days counts back from now; give either {dashes}days or {dashes}since and {dashes}until"
        )
    if until is not None and since is None:
        raise QuestionError(f"{dashes}until needs {dashes}since; for the time before now give {dashes}days")
    if period is not None:
        return named_range(period, now_ms, zone, week_start)
    if since is not None:
        return _with_previous(Range.between(_iso(since), None if until is None else _iso(until), now_ms, zone))
    return _with_previous(Range.last_days(DEFAULT_DAYS if days is None else days, now_ms))


def _with_previous(chosen: Range) -> Named:
    """A range and the one of the same length before it, if there was time for it."""
    try:
        return Named(chosen, Range(chosen.since_ms - chosen.duration_ms, chosen.since_ms))
    except QuestionError:
        return Named(chosen, None)


def _iso(moment: Moment) -> str:
    return moment.isoformat() if isinstance(moment, date) else moment
