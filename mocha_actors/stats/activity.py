"""Who is active and who is not: distinct members, days in a row, and those who are silent (rule 17, A3.11, A3.16)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.stats.buckets import buckets
from mocha_actors.stats.coverage import head
from mocha_actors.stats.live import held, remembered
from mocha_actors.stats.message_counts import Totals, message_counts
from mocha_actors.stats.message_span import span_of
from mocha_actors.stats.message_sums import STANDING, WRITTEN, edges_read_once, writers
from mocha_actors.stats.open_rows import by_index
from mocha_actors.stats.people import people
from mocha_actors.stats.questions import ActiveMembersQuestion, Filters, InactiveMembersQuestion, UserActivityQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.ranking import Cursor
from mocha_actors.stats.reaction_counts import GIVEN_BY, givers
from mocha_actors.stats.results import ActiveMembers, ActiveStep, InactiveMember, InactiveMembers, UserActivity
from mocha_actors.stats.scope import Scope, scope_of
from mocha_actors.stats.seen import seen_between
from mocha_actors.stats.steps import steps_of
from mocha_actors.stats.voice_counts import SPOKEN, counted, voice, voice_ms_by
from mocha_actors.stats.zones import EPOCH_DAY, local_day

LEAST_VOICE_MS: Final = 60_000
"""Counted voice in sum that makes a member active."""

PRESENT: Final = """
SELECT user_id, joined_ms FROM members
WHERE guild_id = :guild_id AND left_ms IS NULL AND is_bot <= :bots{conditions}
"""

FIRST_DAYS: Final = by_index(
    "voice_open",
    """
SELECT MIN(day) FROM (
    SELECT MIN(day) AS day FROM user_day WHERE guild_id = :guild_id
    UNION ALL SELECT MIN(day) FROM voice_user_day WHERE guild_id = :guild_id
    UNION ALL SELECT MIN(day) FROM reaction_user_day WHERE guild_id = :guild_id
    UNION ALL SELECT (MIN(id) / 4194304 + 1420070400000) / 86400000 FROM voice_events{index} WHERE guild_id = :guild_id AND ended_ms IS NULL
) AS days
""",
)
"""The first day of UTC of which anything is known; no rollup holds an interval in progress."""


def active_members(connection: Connection, question: ActiveMembersQuestion) -> ActiveMembers:
    """Answer ``question``: distinct users, exactly; with a counted message or 60 s of counted voice in sum (rule 17, A3.11)."""
    steps = steps_of(question)
    scope = scope_of(connection, question)
    common = head(connection, question)
    reader = _Reader(connection, scope)
    numbers = [reader.step(Range(bucket.since_ms, bucket.until_ms)) for bucket in steps.buckets]
    return ActiveMembers(
        **common,
        interval=question.interval,
        **reader.all(question.range),
        buckets=tuple(
            ActiveStep(**steps.fields(position, common["coverage"].gaps), **number)
            for position, number in enumerate(numbers)
        ),
    )


class Active(NamedTuple):
    """Who did something in a period: users with a message, milliseconds of counted voice by user, and users with a reaction."""

    wrote: Collection[int]
    spoken: Mapping[int, int]
    gave: Collection[int]

    def numbers(self) -> dict[str, Any]:
        """How many distinct users were active, in the ways that are told apart."""
        speakers = {user for user, ms in self.spoken.items() if ms >= LEAST_VOICE_MS}
        others = speakers.difference(self.wrote)
        return {
            "active_members": len(self.wrote) + len(others),
            "active_with_reactions": len(self.wrote) + len(others.union(self.gave).difference(self.wrote)),
            "writers": len(self.wrote), "speakers": len(speakers),
        }  # fmt: skip


class _Reader:
    """Reads who was active in one step after the other, and whoever was active in any of them."""

    def __init__(self, connection: Connection, scope: Scope) -> None:
        """Of one question, in its read transaction."""
        self._connection, self._scope = connection, scope
        self._measures = (STANDING if scope.filters.exclude_deleted else WRITTEN, SPOKEN, GIVEN_BY)
        self._read_raw = edges_read_once()
        self._wrote: set[int] = set()
        self._spoken: Counter[int] = Counter()
        self._gave: set[int] = set()
        self._remembered = False

    def step(self, period: Range) -> dict[str, Any]:
        """How many were active in ``period``."""
        found: Active | None = None

        def compute() -> dict[str, Any]:
            nonlocal found
            found = self._active(period)
            return found.numbers()

        numbers = self._numbers(period, compute)
        if found is None:
            self._remembered = True
        else:
            self._wrote.update(found.wrote)
            self._spoken.update(found.spoken)
            self._gave.update(found.gave)
        return numbers

    def all(self, period: Range) -> dict[str, Any]:
        """How many were active in ``period``, which the steps make up: by the live counters where these hold it, or where a step was remembered."""
        if self._remembered or held(self._connection, self._measures, self._scope, period):
            return self._numbers(period, lambda: self._active(period).numbers())
        return Active(self._wrote, self._spoken, self._gave).numbers()

    def _numbers(self, period: Range, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        return remembered(self._connection, self._measures, self._scope, period, compute)

    def _active(self, period: Range) -> Active:
        connection, scope = self._connection, self._scope
        return Active(
            writers(connection, scope, period, self._read_raw),
            voice_ms_by(connection, scope, period, "user_id"),
            givers(connection, scope, period),
        )


def user_activity(connection: Connection, question: UserActivityQuestion) -> UserActivity:
    """Answer ``question``: local days with a counted message, or 60 s of counted voice on that day (rules 15, 17)."""
    days = buckets(question.range, "day", question.zone)
    numbers = [local_day(question.zone, day.since_ms) for day in days]
    cuts = [*(day.since_ms for day in days), question.range.until_ms]
    scope = scope_of(connection, question).of_user(question.user_id)
    on = _days_active(connection, scope, cuts, question)
    streaks = list(_streaks(number for number in numbers if number in on))
    longest = max(streaks, key=len, default=[])
    last = streaks[-1] if streaks and streaks[-1][-1] >= numbers[-1] - 1 else []
    return UserActivity(
        **head(connection, question),
        user_id=question.user_id,
        active_days=len(on),
        days=len(days),
        longest_streak_days=len(longest),
        longest_streak_begin=(EPOCH_DAY + timedelta(days=longest[0])).isoformat() if longest else None,
        current_streak_days=len(last),
    )


def inactive_members(connection: Connection, question: InactiveMembersQuestion) -> InactiveMembers:
    """Answer ``question``: present members without any message, voice or reaction in the range (A3.16), longest members first."""
    scope = scope_of(connection, question)
    statement = PRESENT.format(conditions=scope.users.condition("user_id", "users"))
    present = dict(connection.execute(statement, {**scope.parameters(), "bots": int(scope.with_bots)}).fetchall())
    seen = _seen(connection, scope, question.range)
    silent = sorted((joined_ms or 0, user) for user, joined_ms in present.items() if user not in seen)
    after = question.after()
    rest = silent if after is None else [each for each in silent if each > (after.value, after.key)]
    chosen = rest[: question.limit]
    names = people(connection, question.guild_id, [user for _, user in chosen])
    return InactiveMembers(
        **head(connection, question),
        members=tuple(
            InactiveMember(
                user_id=user,
                **names[user].names,
                joined_ms=present[user],
                last_seen_ms=last_seen_ms(connection, scope.of_user(user), question.range.until_ms),
            )
            for _, user in chosen
        ),
        inactive_members=len(silent),
        present_members=len(present),
        next_cursor=str(Cursor(*chosen[-1])) if len(rest) > len(chosen) else None,
    )


def last_seen_ms(connection: Connection, scope: Scope, until_ms: int) -> int | None:
    """The last message, voice or reaction of one user before ``until_ms``; None: never seen."""
    (first_day,) = connection.execute(FIRST_DAYS, {"guild_id": scope.guild_id}).fetchone()
    if first_day is None or first_day * DAY_MS >= until_ms:
        return None
    period = Range(first_day * DAY_MS, until_ms)
    return seen_between(connection, scope, period, span_of(connection, scope, period)).last_ms


def _seen(connection: Connection, scope: Scope, period: Range) -> set[int]:
    """Everybody with any message, any voice or any reaction."""
    scope = scope._replace(filters=_everything(scope))
    found = set(writers(connection, scope, period))
    found.update(givers(connection, scope, period))
    found.update(voice_ms_by(connection, scope, period, "user_id"))
    return found


def _everything(scope: Scope) -> Filters:
    """The filters without what makes a message or voice not count: any of it was a sign of life."""
    return replace(
        scope.filters,
        include_bots=True,
        exclude_deleted=False,
        exclude_afk=False,
        exclude_deaf=False,
        exclude_alone=False,
    )


def _days_active(connection: Connection, scope: Scope, cuts: Sequence[int], question: UserActivityQuestion) -> set[int]:
    """The local days, by number, on which a user was active."""
    messages: dict[int, Totals] = {}
    for count in message_counts(connection, scope, cuts):
        day = local_day(question.zone, count.since_ms)
        messages[day] = messages.get(day, Totals()).plus(count, scope)
    spoken: dict[int, int] = {}
    for each in counted(voice(connection, scope, cuts, timed=True), scope):
        day = local_day(question.zone, each.since_ms)
        spoken[day] = spoken.get(day, 0) + each.sums.ms
    return {day for day, total in messages.items() if total.messages} | {
        day for day, ms in spoken.items() if ms >= LEAST_VOICE_MS
    }


def _streaks(days: Iterable[int]) -> list[list[int]]:
    """Runs of days without a hole."""
    streaks: list[list[int]] = []
    for day in days:
        if streaks and streaks[-1][-1] == day - 1:
            streaks[-1].append(day)
        else:
            streaks.append([day])
    return streaks
