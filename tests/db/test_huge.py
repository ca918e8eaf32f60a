"""An entry with more rows than a transaction should have is written in several, of which the last moves ``seq``."""

from __future__ import annotations

import pytest

from mocha_actors.db import huge
from mocha_actors.db.apply import Applier
from mocha_actors.db.projections.members import MemberProjection
from mocha_actors.db.projections.messages import MessageProjection
from mocha_actors.db.session import Session
from mocha_actors.errors import FencedOutError
from mocha_actors.pipeline.batch import Batch, DeadLetter
from mocha_actors.pipeline.facts import Fact, MembersListed, MembersSeen
from tests.db.builders import GUILD, NOON_MS, message, ready, settled
from tests.db.projections.steps import profile, select

PEOPLE = 12_000


def crowd(count: int = PEOPLE, size: int = 1_000) -> tuple[Fact, ...]:
    """The members of a guild as GUILD_CREATE tells them, a thousand a fact."""
    members = [profile(10_000 + n) for n in range(count)]
    chunks = [MembersSeen(GUILD, tuple(members[start : start + size]), NOON_MS) for start in range(0, count, size)]
    return (*chunks, MembersListed(GUILD, tuple(member.user_id for member in members), NOON_MS))


def batch() -> Batch:
    """A message, the crowd, another message."""
    return settled(2, [(message(1),), crowd(), (message(2),)])


def applier(epoch: int = 1) -> Applier:
    """Members and messages."""
    return Applier([MemberProjection(), MessageProjection()], epoch)


def seq(session: Session) -> int:
    """Where the shard stands."""
    ((found,),) = select(session, "SELECT seq FROM gateway_sessions")
    return int(found)


def test_facts_are_cut_into_slices_in_order() -> None:
    """Each of at most five thousand rows; a fact is never cut."""
    assert huge.slices(crowd()) == [(0, 5), (5, 10), (10, 13)]
    assert huge.slices(crowd(count=18_000, size=6_000)) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_a_huge_entry_comes_to_stand_alone() -> None:
    """Its neighbours before and behind go together as always."""
    made = batch()

    assert huge.around([(made, 0, 3, 0)]) == ([(made, 0, 1, 0)], [(made, 1, 3, 0)])
    assert huge.around([(made, 1, 3, 0)]) == ([(made, 1, 2, 0)], [(made, 2, 3, 0)])
    assert huge.around([(made, 1, 2, 0)]) is None
    assert huge.around([(settled(9, [(message(),), DeadLetter("invalid", "x")]), 0, 2, 0)]) is None


def test_a_huge_entry_is_written_in_several_transactions(session: Session) -> None:
    """Three for itself, one before and one behind; everything is there, once."""
    applied = applier().apply(session, [ready(), batch()])

    assert (applied.committed, applied.transactions) == (4, 5)
    assert seq(session) == 4
    assert select(session, "SELECT count(*) FROM members WHERE left_ms IS NULL") == [(PEOPLE,)]
    assert select(session, "SELECT sent FROM guild_hour") == [(2,)]


class Crash(BaseException):
    """The process is killed."""


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_crash_between_its_transactions_is_made_up_for(session: Session, at: int) -> None:
    """``seq`` has not moved past the entry, so it comes again, and finds what is there."""

    class Mortal(MemberProjection):
        """Dies in its so-manieth transaction."""

        applied = 0

        def apply(self, connection: object, facts: object) -> set[int]:
            self.applied += 1
            if self.applied == at:
                raise Crash
            return set(super().apply(connection, facts))  # type: ignore[arg-type]

    group = [ready(), batch()]
    with pytest.raises(Crash):
        Applier([Mortal(), MessageProjection()], 1).apply(session, group)
    assert seq(session) == 2
    assert select(session, "SELECT count(*) FROM members") == [(5_000 * (at - 1),)]

    applied = applier().apply(session, group)

    assert (applied.committed, applied.repeated) == (2, 2)
    assert seq(session) == 4
    assert select(session, "SELECT count(*) FROM members WHERE left_ms IS NULL") == [(PEOPLE,)]
    assert select(session, "SELECT sent FROM guild_hour") == [(2,)]


def test_a_repeated_huge_entry_is_passed_over(session: Session) -> None:
    """As any other."""
    applier().apply(session, [ready(), batch()])
    again = applier().apply(session, [batch()])

    assert (again.committed, again.repeated) == (0, 3)


def test_a_part_of_a_huge_entry_is_written_by_its_owner_alone(session: Session) -> None:
    """Another process took over: nothing of it may be written."""
    applier().apply(session, [ready()])
    with pytest.raises(FencedOutError):
        applier(epoch=2).apply(session, [settled(2, [crowd()])])

    assert select(session, "SELECT count(*) FROM members") == [(0,)]


def test_a_huge_entry_that_cannot_be_written_is_a_dead_letter(session: Session) -> None:
    """Its neighbours are written (promise P3)."""
    facts = (*crowd()[:-1], MembersSeen(GUILD, (profile(1 << 63),), NOON_MS))
    applied = applier().apply(session, [ready(), settled(2, [(message(1),), facts, (message(2),)])])

    assert [number for _, number, _ in applied.unwritable] == [3]
    assert select(session, "SELECT seq FROM dead_letters") == [(3,)]
    assert seq(session) == 4
    assert select(session, "SELECT sent FROM guild_hour") == [(2,)]
