"""Members: how many joined, left and stayed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.stats.coverage import head, last_alive_ms
from mocha_actors.stats.member_counts import member_counts_at, moves
from mocha_actors.stats.questions import MemberGrowthQuestion, RetentionQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import Cohort, MemberGrowth, MemberStep, Retention
from mocha_actors.stats.retention import note
from mocha_actors.stats.scope import Scope, scope_of
from mocha_actors.stats.steps import steps_of

WEEK_MS: Final = 7 * DAY_MS
MONTH_MS: Final = 30 * DAY_MS

ESTIMATED: Final = """
SELECT at_ms FROM member_events
WHERE guild_id = :guild_id AND at_ms >= :since_ms AND at_ms < :until_ms AND bound_ms > 0 AND is_bot <= :bots{conditions}
"""

EVENTS: Final = """
SELECT user_id, at_ms, kind, bound_ms FROM member_events
WHERE guild_id = :guild_id AND at_ms >= :since_ms AND is_bot <= :bots{conditions}
ORDER BY at_ms, kind DESC
"""
"""A leave stands before the join of the same moment: that one begins a new membership."""

JOIN, LEAVE = 0, 1


def member_growth(connection: Connection, question: MemberGrowthQuestion) -> MemberGrowth:
    """Answer ``question``: joins and leaves of humans unless bots are included; the count is Discord's and holds bots (rule 19, A3.9)."""
    steps = steps_of(question)
    scope = scope_of(connection, question)
    joins, leaves = [0] * len(steps.buckets), [0] * len(steps.buckets)
    for each in moves(connection, scope, steps.cuts):
        if scope.with_bots or not each.is_bot:
            joins[steps.position(each.at_ms)] += each.joins
            leaves[steps.position(each.at_ms)] += each.leaves
    counts = member_counts_at(connection, question.guild_id, steps.cuts[1:])
    doubtful = {steps.position(at_ms) for at_ms in _estimated(connection, scope, question.range)}
    common = head(connection, question)
    return MemberGrowth(
        **common,
        interval=question.interval,
        joins=sum(joins),
        leaves=sum(leaves),
        member_count=counts[-1],
        buckets=tuple(
            MemberStep(
                **steps.fields(position, common["coverage"].gaps), joins=joined, leaves=left, net=joined - left, member_count=count,
                estimated=position in doubtful,
            )
            for position, (joined, left, count) in enumerate(zip(joins, leaves, counts, strict=True))
        ),
    )  # fmt: skip


def retention(connection: Connection, question: RetentionQuestion) -> Retention:
    """Answer ``question``: of those who joined in a bucket, who was still there after seven and after thirty days; leaving is churn (rule 18)."""
    steps = steps_of(question)
    cohorts: list[dict[int, Stay]] = [{} for _ in steps.buckets]
    for stay in _stays(connection, scope_of(connection, question), question.range):
        cohorts[steps.position(stay.joined_ms)].setdefault(stay.user_id, stay)
    alive_ms = last_alive_ms(connection) or question.range.until_ms
    common = head(connection, question)
    return Retention(
        **common,
        interval=question.interval,
        buckets=tuple(
            Cohort(**steps.fields(position, common["coverage"].gaps), **_cohort(list(stays.values()), alive_ms))
            for position, stays in enumerate(cohorts)
        ),
    )


class Stay(NamedTuple):
    """One membership; ``left_ms`` is None while it lasts."""

    user_id: int
    joined_ms: int
    left_ms: int | None
    estimated: bool

    def lasted(self, ms: int) -> bool:
        """Whether it lasted so long."""
        return self.left_ms is None or self.left_ms - self.joined_ms >= ms


def _stays(connection: Connection, scope: Scope, period: Range) -> list[Stay]:
    """The memberships that began in ``period``, in order of their begin."""
    statement = EVENTS.format(conditions=scope.users.condition("user_id", "users"))
    bounds = {"since_ms": period.since_ms, "bots": int(scope.with_bots)}
    note("members", period.since_ms)
    joined: defaultdict[int, list[Stay]] = defaultdict(list)
    for user, at_ms, kind, bound_ms in connection.execute(statement, {**scope.parameters(), **bounds}):
        stays = joined[user]
        if kind == LEAVE:
            if stays and stays[-1].left_ms is None:
                stays[-1] = stays[-1]._replace(left_ms=at_ms, estimated=stays[-1].estimated or bound_ms > 0)
        else:
            stays.append(Stay(user, at_ms, None, bound_ms > 0))
    # A join behind the range belongs to no cohort, but a leave after it ends that membership, and none of the range.
    began = (stay for stays in joined.values() for stay in stays if stay.joined_ms < period.until_ms)
    return sorted(began, key=lambda stay: (stay.joined_ms, stay.user_id))


def _cohort(stays: Sequence[Stay], alive_ms: int) -> Mapping[str, Any]:
    week = [stay for stay in stays if stay.joined_ms + WEEK_MS <= alive_ms]
    month = [stay for stay in stays if stay.joined_ms + MONTH_MS <= alive_ms]
    week_stayed = sum(stay.lasted(WEEK_MS) for stay in week)
    month_stayed = sum(stay.lasted(MONTH_MS) for stay in month)
    return {
        "joined": len(stays), "estimated": any(stay.estimated for stay in stays),
        "week_observed": len(week), "week_stayed": week_stayed, "week_share": week_stayed / len(week) if week else None,
        "month_observed": len(month), "month_stayed": month_stayed, "month_share": month_stayed / len(month) if month else None,
    }  # fmt: skip


def _estimated(connection: Connection, scope: Scope, period: Range) -> list[int]:
    """When, in ``period``, somebody joined or left at a time that is not exact."""
    statement = ESTIMATED.format(conditions=scope.users.condition("user_id", "users"))
    bounds = {"since_ms": period.since_ms, "until_ms": period.until_ms, "bots": int(scope.with_bots)}
    return [at_ms for (at_ms,) in connection.execute(statement, {**scope.parameters(), **bounds})]
