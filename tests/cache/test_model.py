"""The cache against a world that changes: whatever is asked and whenever, an answer that is served is one that could have been computed.

A closed range is answered as the world is by all that was told; a moving one as it was at some moment within the bounded staleness, and, in a guild
where nothing happened of late, as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mocha_actors.cache import changes
from mocha_actors.cache.answers import Answers, Hit, Limits, Ticket
from mocha_actors.cache.keys import Kind, Wanted
from mocha_actors.discord.snowflake import HOUR_MS
from mocha_actors.pipeline.counters import CacheCounters
from mocha_actors.pipeline.notices import LAST_HOUR, Changed, Subject, Touched

STALE = 5.0
BEGIN_MS = 491_000 * HOUR_MS + 3_590_000
"""Ten seconds before a full hour, so that the clock of most runs passes one."""

GUILDS = st.sampled_from([1, 2])
SUBJECTS = st.sampled_from([Subject.MESSAGES, Subject.VOICE])


@dataclass(frozen=True)
class Happened:
    """Something that counts."""

    guild_id: int
    subject: Subject
    at_ms: int


@dataclass(frozen=True)
class Asked:
    """A question: how many of a guild and subjects are there in a range? ``until_ms`` of None is now, ``since_ms`` of None rolls."""

    guild_id: int
    subjects: Subject
    since_ms: int | None
    until_ms: int | None

    def range_at(self, now_ms: int) -> tuple[int, int]:
        """The range, if it is asked now."""
        return (
            now_ms - 2 * HOUR_MS if self.since_ms is None else self.since_ms,
            now_ms if self.until_ms is None else self.until_ms,
        )

    def wanted(self, now_ms: int) -> Wanted:
        """The question as the cache sees it."""
        since_ms, until_ms = self.range_at(now_ms)
        key = (self.guild_id, int(self.subjects), self.since_ms, self.until_ms)
        last_hour = LAST_HOUR if self.until_ms is None else (until_ms - 1) // HOUR_MS
        return Wanted(
            Kind.QUERY, key, self.guild_id, self.subjects, since_ms // HOUR_MS, last_hour,
            moving=until_ms > now_ms - 2_000, as_of_ms=now_ms, answer=tuple,
        )  # fmt: skip


questions = st.one_of(
    st.builds(Asked, GUILDS, SUBJECTS | st.just(Subject.MESSAGES | Subject.VOICE), st.none(), st.none()),
    st.builds(Asked, GUILDS, SUBJECTS, st.integers(1, 3).map(lambda hours: BEGIN_MS - hours * HOUR_MS), st.none()),
    st.builds(
        Asked, GUILDS, SUBJECTS, st.just(BEGIN_MS - 3 * HOUR_MS),
        st.sampled_from([BEGIN_MS - 2 * HOUR_MS - 7, BEGIN_MS - 8_000, BEGIN_MS + 10_000]),
    ),
)  # fmt: skip


@dataclass
class Flight:
    """An answer that is being read."""

    asked: Asked
    wanted: Wanted
    ticket: Ticket
    value: tuple[int, int] | None = None
    """The count, and when the range was cut."""


class CacheMachine(RuleBasedStateMachine):
    """Commits, tells, asks, reads and keeps in any order; every answer that is served is checked against the world."""

    @initialize(size=st.sampled_from([1, 3, 100]))
    def begin(self, size: int) -> None:
        self.seconds = 1_000.0
        self.world: list[Happened] = []
        self.commits: list[float] = []
        self.told = 0
        self.flights: list[Flight] = []
        counters = {kind: CacheCounters() for kind in Kind}
        self.answers = Answers({kind: Limits(size, 40.0) for kind in Kind}, STALE, counters, lambda: self.seconds)

    @property
    def now_ms(self) -> int:
        return BEGIN_MS + int((self.seconds - 1_000) * 1_000)

    @rule(seconds=st.sampled_from([0.001, 0.5, 2.0, 5.0, 11.0]))
    def wait(self, seconds: float) -> None:
        self.seconds += seconds

    @rule(guild=GUILDS, subject=SUBJECTS, ago_ms=st.sampled_from([0, 0, 0, 1_500, HOUR_MS, 2 * HOUR_MS + 8]))
    def commit(self, guild: int, subject: Subject, ago_ms: int) -> None:
        self.world.append(Happened(guild, subject, self.now_ms - ago_ms))
        self.commits.append(self.seconds)

    @precondition(lambda self: self.told < len(self.world))
    @rule()
    def tell(self) -> None:
        news = self.world[self.told :]
        touched = {Touched(one.guild_id, one.subject, one.at_ms // HOUR_MS, one.at_ms // HOUR_MS) for one in news}
        self.answers.changed(Changed(frozenset(touched)), self.seconds)
        self.told = len(self.world)

    @rule(guild=GUILDS)
    def a_burst(self, guild: int) -> None:
        """Six transactions at once: the guild is busy."""
        for _ in range(6):
            self.commit(guild, Subject.MESSAGES, 0)
            self.tell()

    @rule(asked=questions)
    def ask(self, asked: Asked) -> None:
        wanted = asked.wanted(self.now_ms)
        found = self.answers.look_up(wanted, self.seconds)
        if isinstance(found, Ticket):
            self.flights.append(Flight(asked, wanted, found))
        elif wanted.moving:
            self.check_moving(asked, found)
        else:
            self.check_closed(asked, found)

    @precondition(lambda self: any(flight.value is None for flight in self.flights))
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        flight = data.draw(st.sampled_from([flight for flight in self.flights if flight.value is None]))
        cut_ms = flight.wanted.as_of_ms
        flight.value = (self.count(flight.asked, cut_ms, len(self.world)), cut_ms)

    @precondition(lambda self: any(flight.value is not None for flight in self.flights))
    @rule(data=st.data())
    def land(self, data: st.DataObject) -> None:
        flight = data.draw(st.sampled_from([flight for flight in self.flights if flight.value is not None]))
        self.flights.remove(flight)
        self.answers.keep(flight.wanted, flight.ticket, flight.value, self.seconds)

    @rule(asked=questions, ago_ms=st.sampled_from([0, HOUR_MS, 2 * HOUR_MS + 9_000]))
    def a_change_while_all_flights_are_under_way(self, asked: Asked, ago_ms: int) -> None:
        """Read before it, landed after it: steps that seldom meet by chance."""
        self.ask(asked)
        for flight in self.flights:
            cut_ms = flight.wanted.as_of_ms
            flight.value = flight.value or (self.count(flight.asked, cut_ms, len(self.world)), cut_ms)
        for subject in (Subject.MESSAGES, Subject.VOICE):
            self.commit(asked.guild_id, subject, ago_ms)
        self.tell()
        for flight in self.flights:
            self.answers.keep(flight.wanted, flight.ticket, flight.value, self.seconds)
        self.flights.clear()
        self.ask(asked)

    @rule(asked=questions)
    def ask_and_answer_at_once(self, asked: Asked) -> None:
        wanted = asked.wanted(self.now_ms)
        found = self.answers.look_up(wanted, self.seconds)
        if isinstance(found, Ticket):
            value = (self.count(asked, self.now_ms, len(self.world)), self.now_ms)
            self.answers.keep(wanted, found, value, self.seconds)

    @rule(share=st.sampled_from([0.25, 1.0]))
    def resize(self, share: float) -> None:
        self.answers.resize(share)

    def count(self, asked: Asked, cut_ms: int, size: int) -> int:
        """The answer by the first ``size`` commits, with the range cut at ``cut_ms``."""
        since_ms, until_ms = asked.range_at(cut_ms)
        return sum(
            one.guild_id == asked.guild_id and one.subject in asked.subjects and since_ms <= one.at_ms < until_ms
            for one in self.world[:size]
        )

    def check_closed(self, asked: Asked, hit: Hit) -> None:
        count, cut_ms = hit.value
        possible = {self.count(asked, cut_ms, size) for size in range(self.told, len(self.world) + 1)}
        assert count in possible

    def check_moving(self, asked: Asked, hit: Hit) -> None:
        count, cut_ms = hit.value
        assert self.now_ms - cut_ms <= STALE * 1_000 + 1
        begin = sum(at < self.seconds - STALE for at in self.commits)
        assert count in {self.count(asked, cut_ms, size) for size in range(min(begin, self.told), len(self.world) + 1)}
        quiet = not any(
            one.guild_id == asked.guild_id and at >= self.seconds - 3 * STALE
            for one, at in list(zip(self.world, self.commits, strict=True))[: self.told]
        )
        if quiet:
            assert count in {self.count(asked, cut_ms, size) for size in range(self.told, len(self.world) + 1)}


CacheMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


class TestCache(CacheMachine.TestCase):  # type: ignore[misc, name-defined]
    """With room for everything."""


class TestForgetfulCache(CacheMachine.TestCase):  # type: ignore[misc, name-defined]
    """With a log that remembers two stretches only: what it forgets costs answers and never makes wrong ones."""

    def runTest(self) -> None:  # noqa: N802
        """Run the machine with the small log."""
        with patch.object(changes, "MOST_STRETCHES", 2):
            super().runTest()
