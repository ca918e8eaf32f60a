"""What an answer could not read because it is past its retention (statistics, rule 24): it becomes a gap of its coverage, ``not_retained``.

Who reads raw rows, or sums by the hour, says for which time (:func:`reads`). A question about a guild whose rows are all kept pays for one look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, TypeVar

from msgspec.structs import replace

from mocha_actors.db.connection import Connection
from mocha_actors.db.marks import Kind, Marks, marks_of
from mocha_actors.stats.cover import Cover, Unit
from mocha_actors.stats.coverage import observed_share
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import Answer, Comparison, Coverage, Gap, Step

A = TypeVar("A", bound=Answer)

NOT_RETAINED: Final = "not_retained"


class Read(NamedTuple):
    """Rows of a kind were read, as far as there are any."""

    kind: Kind
    since_ms: int
    until_ms: int


_noted: ContextVar[set[Read] | None] = ContextVar("noted", default=None)


def reads(kind: Kind, windows: Iterable[Range]) -> None:
    """Say that raw rows of ``windows`` are being read."""
    noted = _noted.get()
    if noted is not None:
        noted.update(Read(kind, window.since_ms, window.until_ms) for window in windows)


def reads_cover(kind: Kind, covered: Cover) -> None:
    """Say that all of ``covered`` is being read: raw rows at its edges, and perhaps sums by the hour."""
    hours = [run for run in covered.whole if run.unit is Unit.HOUR]
    reads(kind, covered.raw)
    reads("hours", (Range(Unit.HOUR.begin(run.first), Unit.HOUR.begin(run.last)) for run in hours))


def answered(connection: Connection, guild_id: int, compute: Callable[[], A]) -> A:
    """The answer that ``compute`` gives, with what was not retained of what it read."""
    marks = marks_of(connection, guild_id)
    if not marks:
        return compute()
    with _noting() as noted:
        answer = compute()
    return without(answer, list(missing(marks, noted)))


@contextmanager
def _noting() -> Iterator[set[Read]]:
    noted: set[Read] = set()
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def missing(marks: Marks, noted: Iterable[Read]) -> Iterator[tuple[int, int]]:
    """The parts of what was read that lie before the marks."""
    for read in noted:
        until_ms = min(read.until_ms, marks.get(read.kind, read.since_ms))
        if read.since_ms < until_ms:
            yield read.since_ms, until_ms


def without(answer: A, parts: Iterable[tuple[int, int]]) -> A:
    """``answer``, whose coverage says that ``parts`` were not retained, in its steps too."""
    parts = list(parts)
    coverage = marked(answer.coverage, parts, answer.since_ms, answer.until_ms)
    if coverage is not answer.coverage:
        answer = replace(answer, coverage=coverage)
        if steps := getattr(answer, "buckets", None):
            answer = replace(answer, buckets=tuple(_step(step, coverage) for step in steps))
    if isinstance(answer, Comparison):
        before = marked(answer.previous_coverage, parts, answer.previous_since_ms, answer.previous_until_ms)
        answer = replace(answer, previous_coverage=before)
    return answer


def marked(coverage: Coverage, parts: Iterable[tuple[int, int]], since_ms: int, until_ms: int) -> Coverage:
    """The coverage of a range of which ``parts`` were not retained."""
    inside = sorted((max(begin, since_ms), min(end, until_ms)) for begin, end in parts)
    gaps = [
        Gap(shard=None, since_ms=begin, until_ms=end, reason=NOT_RETAINED)
        for begin, end in joined(part for part in inside if part[0] < part[1])
    ]
    if not gaps:
        return coverage
    together = sorted([*coverage.gaps, *gaps], key=lambda gap: gap.since_ms)
    return Coverage(
        complete=False, observed_share=observed_share(together, since_ms, until_ms), gaps=tuple(together)
    )  # fmt: skip


def joined(parts: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Ascending parts; those that touch or overlap as one."""
    found: tuple[int, int] | None = None
    for begin, end in parts:
        if found is not None and begin <= found[1]:
            found = found[0], max(found[1], end)
            continue
        if found is not None:
            yield found
        found = begin, end
    if found is not None:
        yield found


def _step(step: Any, coverage: Coverage) -> Any:
    if not isinstance(step, Step):
        return step
    return replace(step, observed_share=observed_share(coverage.gaps, step.since_ms, step.until_ms))
