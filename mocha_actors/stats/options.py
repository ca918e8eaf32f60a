"""What every question may be given: the range and who is counted, under the names that the API and the command line share."""

from __future__ import annotations

from datetime import date
from typing import Any, Final, TypedDict

from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.questions import Filters
from mocha_actors.stats.ranges import Range

DEFAULT_DAYS: Final = 30
"""The range of a question that names none."""

Moment = str | date
"""ISO 8601 text, or a date or datetime; UTC unless it has an offset."""


class Options(TypedDict, total=False):
    """The options of a question.

    Attributes:
        days: the last so many times 24 hours; 30 when no range is given.
        since: begin of the range, instead of ``days``.
        until: end of the range, not included; now when left out.
        include_bots: count bots too.
        include_webhooks: count webhooks too; they stand in no list of users.
        exclude_deleted: leave out messages that were deleted since.

    """

    days: int
    since: Moment
    until: Moment
    include_bots: bool
    include_webhooks: bool
    exclude_deleted: bool


def fields_of(options: Options, now_ms: int) -> dict[str, Any]:
    """``range`` and ``filters`` of a question with these options.

    Raises:
        QuestionError: they contradict each other, or the range is not allowed.

    """
    given: dict[str, Any] = dict(options)
    period = chosen_range(given.pop("days", None), given.pop("since", None), given.pop("until", None), now_ms=now_ms)
    return {"range": period, "filters": Filters(**given)}


def chosen_range(
    days: int | None, since: Moment | None, until: Moment | None, *, now_ms: int, dashes: str = ""
) -> Range:
    """The range that the options name; the last 30 days when they name none. ``dashes`` stand before their names in errors.

    Raises:
        QuestionError: the options contradict each other, or the range is not allowed.

    """
    if days is not None and (since is not None or until is not None):
        raise QuestionError(
            f"{dashes}days counts back from now; give either {dashes}days or {dashes}since and {dashes}until"
        )
    if since is not None:
        return Range.between(_iso(since), None if until is None else _iso(until), now_ms)
    if until is not None:
        raise QuestionError(f"{dashes}until needs {dashes}since; for the time before now give {dashes}days")
    return Range.last_days(DEFAULT_DAYS if days is None else days, now_ms)


def _iso(moment: Moment) -> str:
    return moment.isoformat() if isinstance(moment, date) else moment
