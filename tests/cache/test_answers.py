"""What the cache serves and what it keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mocha_actors.cache.answers import Answers, Hit, Limits, Ticket, may_join
from mocha_actors.cache.changes import BUSY_CHANGES
from mocha_actors.cache.keys import Kind, Wanted
from mocha_actors.pipeline.counters import CacheCounters
from mocha_actors.pipeline.notices import EVERYTHING, Subject, everything_of
from tests.cache.questions import GUILD, NOW_HOUR, OTHER_GUILD, change, closed, rolling

STALE = 5.0


class Desk:
    """The answers with a clock that the test sets."""

    def __init__(self, size: int = 10, ttl: float = 100.0, life: int = 0) -> None:
        self.now = 1_000.0
        self.counters = {kind: CacheCounters() for kind in Kind}
        limits = {kind: Limits(size, ttl) for kind in Kind}
        self.answers = Answers(limits, STALE, self.counters, lambda: self.now, life)

    def ticket(self, wanted: Wanted) -> Ticket:
        """Look up what is not there."""
        found = self.answers.look_up(wanted, self.now)
        assert isinstance(found, Ticket)
        return found

    def fill(self, wanted: Wanted, value: object = "answer") -> bool:
        """Ask, compute at once, keep."""
        return self.answers.keep(wanted, self.ticket(wanted), value, self.now)

    def has(self, wanted: Wanted) -> bool:
        """Whether it would be answered."""
        return isinstance(self.answers.look_up(wanted, self.now), Hit)

    def renewal(self) -> Ticket | None:
        """Leave to renew the rolling answer, for one who asks now."""
        found = self.answers.look_up(rolling(), self.now)
        assert isinstance(found, Hit)
        return found.renewal

    def make_busy(self, guild_id: int = GUILD) -> None:
        """Change the present hour often."""
        for _ in range(BUSY_CHANGES):
            self.answers.changed(change(guild_id=guild_id), self.now)


@pytest.fixture
def desk() -> Desk:
    """With room for ten answers of each kind, kept for a hundred seconds."""
    return Desk()


def test_an_answer_is_served_as_it_was_given_with_the_time_of_its_question(desk: Desk) -> None:
    """Until its time to live is over."""
    wanted = replace(closed(), as_of_ms=777)
    assert desk.fill(wanted, "value")
    desk.now += 99

    assert Hit("value", 777) == desk.answers.look_up(closed(), desk.now)
    desk.now += 2
    assert not desk.has(closed())


@pytest.mark.parametrize(
    ("changed", "survives"),
    [
        (change(NOW_HOUR), True),
        (change(NOW_HOUR - 25), False),
        (change(NOW_HOUR - 24), True),
        (change(NOW_HOUR - 48), False),
        (change(NOW_HOUR - 49), True),
        (change(NOW_HOUR - 60, NOW_HOUR), False),
        (change(NOW_HOUR - 30, guild_id=OTHER_GUILD), True),
        (change(NOW_HOUR - 30, subject=Subject.VOICE), True),
        (change(NOW_HOUR - 30, subject=Subject.NAMES), False),
        (everything_of(GUILD), False),
        (everything_of(OTHER_GUILD), True),
        (EVERYTHING, False),
    ],
    ids=str,
)
def test_a_closed_range_falls_to_changes_of_its_guild_subject_and_time_and_to_no_other(
    desk: Desk, changed: object, survives: bool
) -> None:
    """It covers the hours 48 to 25 before now, and reads messages and names."""
    desk.fill(closed())
    desk.answers.changed(changed, desk.now)  # type: ignore[arg-type]

    assert survives == desk.has(closed())
    assert (not survives) == desk.counters[Kind.GUILD].invalidated


def test_a_closed_range_survives_a_day_of_todays_messages_and_falls_to_one_late_delete(desk: Desk) -> None:
    """That is what makes a cache of a busy guild worth having."""
    desk.fill(closed())
    for _ in range(100_000):
        desk.answers.changed(change(NOW_HOUR), desk.now)

    assert desk.has(closed())
    desk.answers.changed(change(NOW_HOUR - 30), desk.now)
    assert not desk.has(closed())


def test_in_a_quiet_guild_an_answer_up_to_now_falls_to_the_next_message(desk: Desk) -> None:
    """Whoever writes and asks sees it counted."""
    desk.fill(rolling())
    assert desk.has(rolling())
    desk.answers.changed(change(), desk.now)

    assert not desk.has(rolling())


def test_in_a_busy_guild_an_answer_up_to_now_is_served_for_the_bounded_staleness(desk: Desk) -> None:
    """And counted as stale."""
    desk.make_busy()
    desk.fill(rolling())
    desk.answers.changed(change(), desk.now)
    desk.now += STALE

    assert desk.has(rolling())
    assert (desk.counters[Kind.LEADERBOARD].hits, desk.counters[Kind.LEADERBOARD].stale) == (1, 1)
    desk.now += 0.001
    assert not desk.has(rolling())


def test_a_busy_guild_gets_no_stale_answer_about_a_closed_range(desk: Desk) -> None:
    """Staleness is for the present only."""
    desk.make_busy()
    desk.fill(closed())
    desk.answers.changed(change(NOW_HOUR - 30), desk.now)

    assert not desk.has(closed())


def test_an_answer_up_to_now_ages_even_where_nothing_happens(desk: Desk) -> None:
    """The last seven days move on."""
    desk.fill(rolling())
    desk.now += STALE + 0.001

    assert not desk.has(rolling())
    assert desk.counters[Kind.LEADERBOARD].invalidated == 0


def test_an_answer_up_to_now_may_be_renewed_from_the_half_of_its_time_by_one_who_asks(desk: Desk) -> None:
    """The leave is given once for each answer; a closed range needs none."""
    desk.fill(rolling())
    desk.fill(closed())
    desk.now += STALE / 2 - 0.001
    assert desk.renewal() is None
    desk.now += 0.002
    ticket = desk.renewal()
    assert ticket is not None
    assert desk.renewal() is None
    assert desk.answers.keep(rolling(), ticket, "newer", desk.now + 1)
    desk.now += 1
    assert desk.renewal() is None
    desk.now += STALE / 2 - 1
    assert desk.renewal() is not None
    found = desk.answers.look_up(closed(), desk.now)
    assert isinstance(found, Hit)
    assert found.renewal is None
    assert [desk.counters[kind].renewed for kind in (Kind.LEADERBOARD, Kind.GUILD)] == [2, 0]


def test_a_renewal_that_changes_overtook_is_not_kept_in_a_quiet_guild(desk: Desk) -> None:
    """Whoever writes sees it counted."""
    desk.fill(rolling())
    desk.now += STALE / 2
    ticket = desk.renewal()
    assert ticket is not None
    desk.answers.changed(change(), desk.now)
    assert not desk.answers.keep(rolling(), ticket, "newer", desk.now)
    assert not desk.has(rolling())


def test_what_changes_while_an_answer_is_being_read_keeps_it_out(desk: Desk) -> None:
    """Nobody knows whether the answer saw it."""
    ticket = desk.ticket(closed())
    desk.answers.changed(change(NOW_HOUR - 30), desk.now)

    assert not desk.answers.keep(closed(), ticket, "old", desk.now)
    assert not desk.has(closed())


def test_a_change_that_is_told_only_after_the_answer_came_reaches_it(desk: Desk) -> None:
    """The answer may have been read before the commit, whatever the order in which both are told."""
    ticket = desk.ticket(closed())
    assert desk.answers.keep(closed(), ticket, "old", desk.now)
    desk.answers.changed(change(NOW_HOUR - 30), desk.now)

    assert not desk.has(closed())


def test_what_happens_elsewhere_while_an_answer_is_being_read_keeps_it_not_out(desk: Desk) -> None:
    """Another guild, another subject, another time."""
    ticket = desk.ticket(closed())
    for other in (
        change(),
        change(NOW_HOUR - 30, guild_id=OTHER_GUILD),
        change(NOW_HOUR - 30, subject=Subject.PRESENCE),
    ):
        desk.answers.changed(other, desk.now)

    assert desk.answers.keep(closed(), ticket, "good", desk.now)
    assert desk.has(closed())


def test_an_answer_that_ages_by_itself_is_served_for_the_bounded_staleness(desk: Desk) -> None:
    """As one about a closed time that the service has still to observe."""
    desk.answers.keep(closed(), desk.ticket(closed()), "x", desk.now, moving=True)

    assert desk.has(closed())
    desk.now += STALE + 0.001
    assert not desk.has(closed())


def test_a_cache_takes_nothing_that_was_computed_in_its_earlier_life(desk: Desk) -> None:
    """The notices of that time may be lost."""
    ticket = desk.ticket(closed())

    assert not Desk(life=1).answers.keep(closed(), ticket, "x", desk.now)


def test_a_full_cache_evicts_what_was_used_least_recently(desk: Desk) -> None:
    """Of its own kind only."""
    desk.fill(rolling())
    for number in range(10):
        desk.fill(closed(tag=str(number)))
    assert desk.has(closed(tag="0"))
    desk.fill(closed(tag="new"))

    assert [desk.has(closed(tag=tag)) for tag in ("0", "1", "new")] == [True, False, True]
    assert desk.has(rolling())
    assert (desk.counters[Kind.GUILD].entries, desk.counters[Kind.GUILD].evicted) == (10, 1)


def test_a_size_of_nothing_keeps_nothing() -> None:
    """And fails nowhere."""
    desk = Desk(size=0)
    desk.fill(closed())

    assert not desk.has(closed())
    assert len(desk.answers) == 0


def test_resizing_evicts_at_once_and_holds_for_what_comes(desk: Desk) -> None:
    """Growing back brings room, not the answers."""
    for number in range(8):
        desk.fill(closed(tag=str(number)))

    assert desk.answers.resize(0.3) == 5
    desk.fill(closed(tag="new"))
    assert len(desk.answers) == 3
    desk.answers.resize(1.0)
    for number in range(20):
        desk.fill(closed(tag=f"later {number}"))
    assert len(desk.answers) == 10


# Joining an answer that is being read


def test_a_question_joins_the_flight_of_the_same_question(desk: Desk) -> None:
    """Nothing has changed since it began, or nothing that matters."""
    flight = desk.ticket(closed())
    desk.answers.changed(change(NOW_HOUR), desk.now)

    assert may_join(desk.ticket(closed()), flight, closed(), STALE)


def test_a_question_after_a_change_does_not_join_a_flight_from_before(desk: Desk) -> None:
    """Whoever learned of the commit must not be told a number from before."""
    flight = desk.ticket(closed())
    desk.answers.changed(change(NOW_HOUR - 30), desk.now)

    assert not may_join(desk.ticket(closed()), flight, closed(), STALE)


def test_about_the_present_of_a_busy_guild_flights_are_joined_within_the_bounded_staleness(desk: Desk) -> None:
    """As answers are served; in a quiet guild they are not."""
    quiet = desk.ticket(rolling())
    desk.answers.changed(change(), desk.now)
    assert not may_join(desk.ticket(rolling()), quiet, rolling(), STALE)

    desk.make_busy()
    flight = desk.ticket(rolling())
    desk.answers.changed(change(), desk.now)
    assert may_join(desk.ticket(rolling()), flight, rolling(), STALE)
    desk.now += STALE + 0.001
    desk.make_busy()
    assert not may_join(desk.ticket(rolling()), flight, rolling(), STALE)


def test_no_flight_is_joined_across_a_restart_of_the_cache(desk: Desk) -> None:
    """The counters of the two lives have nothing to do with each other."""
    assert not may_join(Desk(life=1).ticket(closed()), desk.ticket(closed()), closed(), STALE)
