"""Timelines, whatever they count: the buckets of a question, and the fields that each step begins with."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

from mocha_actors.stats.buckets import Bucket, buckets, label
from mocha_actors.stats.coverage import observed_share
from mocha_actors.stats.questions.timelines import TimelineQuestion
from mocha_actors.stats.results import Gap


class Steps(NamedTuple):
    """The steps of a timeline.

    Attributes:
        question: what was asked.
        buckets: they follow each other without a hole.
        cuts: their bounds, ascending.

    """

    question: TimelineQuestion
    buckets: Sequence[Bucket]
    cuts: Sequence[int]

    def position(self, ms: int) -> int:
        """In which bucket a moment of the range lies."""
        return max(0, bisect_right(self.cuts, ms) - 1)

    def fields(self, position: int, gaps: Sequence[Gap]) -> dict[str, Any]:
        """The fields that the step at ``position`` begins with."""
        bucket = self.buckets[position]
        return {
            "label": label(bucket.since_ms, self.question.zone, self.question.interval),
            "since_ms": bucket.since_ms, "until_ms": bucket.until_ms, "partial": bucket.partial,
            "observed_share": observed_share(gaps, bucket.since_ms, bucket.until_ms),
        }  # fmt: skip


def steps_of(question: TimelineQuestion) -> Steps:
    """Cut the range of ``question``."""
    found = buckets(question.range, question.interval, question.zone, question.week_start)
    return Steps(question, found, [*(bucket.since_ms for bucket in found), question.range.until_ms])
