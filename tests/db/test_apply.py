"""Exactly once (P1), in order (P2), and one bad event is one dead letter (P3)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocha_actors.db import checkpoint
from mocha_actors.db.apply import Applier
from mocha_actors.db.connection import Connection
from mocha_actors.db.errors import DatabaseUnavailableError
from mocha_actors.db.projections.messages import MessageProjection
from mocha_actors.db.projections.names import NameProjection
from mocha_actors.db.session import Session
from mocha_actors.errors import FencedOutError, SystemFailure
from mocha_actors.pipeline.batch import IGNORED, Batch, DeadLetter, Outcome
from mocha_actors.pipeline.facts import Fact, MessageSent
from mocha_actors.pipeline.notices import EVERYTHING, Subject
from tests.db.builders import GUILD, NOON_MS, USER, everything, message, open_session, ready, rows, settled

TOO_LARGE = 1 << 63
"""No column holds it."""

TOO_LARGE_ERRORS = {
    "OverflowError: Python int too large to convert to SQLite INTEGER",
    "RefusedRowError: bigint out of range",
}
"""What is said about it."""

POISON = message(500, user=TOO_LARGE)


def applier(epoch: int = 1) -> Applier:
    """As the writer makes it."""
    return Applier([MessageProjection(), NameProjection()], epoch)


def test_rows_rollups_and_position_are_written_together(session: Session, url: str) -> None:
    """And what came of the group is told."""
    letter = DeadLetter(reason="invalid", error="no author")
    applied = applier().apply(session, [ready(), settled(2, [(message(),), IGNORED, letter])])

    assert (applied.committed, applied.ignored, applied.dead_lettered, applied.transactions) == (4, 1, 1, 1)
    assert applied.standings[0].seq == 4
    assert rows(url, "gateway_sessions", "session_id, seq") == [("session-1", 4)]
    assert len(rows(url, "message_events")) == 1
    assert rows(url, "dead_letters", "seq, type, reason, error") == [(4, "MESSAGE_CREATE", "invalid", "no author")]


def test_a_repeated_batch_changes_nothing_and_counts_nothing(session: Session, url: str) -> None:
    """Dead letters, which have no key of their own, included."""
    batches = [ready(), settled(2, [(message(),), DeadLetter("poison", "x")])]
    applier().apply(session, batches)
    before = everything(url)

    applied = applier().apply(session, batches)

    assert (applied.committed, applied.repeated, applied.dead_lettered) == (0, 3, 0)
    assert everything(url) == before


def test_only_the_new_part_of_an_overlapping_batch_is_written(session: Session, url: str) -> None:
    """A restarted shard replays from the durable position, cut elsewhere."""
    applier().apply(session, [ready(), settled(2, [DeadLetter("poison", "2"), DeadLetter("poison", "3")])])
    applied = applier().apply(session, [settled(3, [DeadLetter("poison", "3"), DeadLetter("poison", "4")])])

    assert (applied.committed, applied.repeated) == (1, 1)
    assert rows(url, "dead_letters", "seq") == [(2,), (3,), (4,)]


def test_the_last_alive_of_a_shard_moves_with_its_batches(session: Session, url: str) -> None:
    """The receive stamp is evidence that the session was being followed."""
    applier().apply(session, [ready(), settled(2, [IGNORED], at_ms=NOON_MS + 7000)])

    assert rows(url, "gateway_sessions", "last_alive_ms") == [(NOON_MS + 7000,)]


def test_two_sessions_in_one_group_are_written_in_their_order(session: Session, url: str) -> None:
    """The gap begins where the batches of the older one ended."""
    applier().apply(session, [
        ready(),
        settled(2, [(message(1),)], at_ms=NOON_MS + 1000),
        ready("session-2", at_ms=NOON_MS + 9000, reason="resume_refused"),
        settled(2, [(message(2),)], session="session-2", at_ms=NOON_MS + 10_000),
    ])  # fmt: skip

    assert rows(url, "gateway_sessions", "session_id, seq") == [("session-2", 2)]
    gaps = [(0, 0, NOON_MS, "first_start"), (0, NOON_MS + 1000, NOON_MS + 9000, "resume_refused")]
    assert rows(url, "coverage_gaps") == gaps
    assert len(rows(url, "message_events")) == 2


def test_a_whole_group_with_two_sessions_may_come_again(session: Session, url: str) -> None:
    """The writer died between COMMIT and its word to the mailbox: nothing is begun, counted or set aside anew."""
    group = [
        ready(),
        settled(2, [(message(1),), DeadLetter("poison", "x")], at_ms=NOON_MS + 1000),
        ready("session-2", at_ms=NOON_MS + 9000, reason="resume_refused"),
        settled(2, [(message(2),)], session="session-2", at_ms=NOON_MS + 10_000),
    ]
    applier().apply(session, group)
    before = everything(url)

    again = applier().apply(session, group)

    assert (again.committed, again.repeated) == (0, 5)
    assert everything(url) == before


def test_a_late_repetition_of_an_older_session_is_passed_over(session: Session, url: str) -> None:
    """Batches commit in the order received, so it was committed before its session was replaced."""
    old = settled(2, [DeadLetter("poison", "x")])
    applier().apply(session, [ready(), old, ready("session-2", reason="resume_refused")])

    assert applier().apply(session, [old]).repeated == 1
    assert len(rows(url, "dead_letters")) == 1


def test_events_of_a_shard_without_a_session_stop_the_writer(session: Session) -> None:
    """Their position could not be kept, so a crash would lose or double them."""
    with pytest.raises(SystemFailure, match="shard 0 has no session"):
        applier().apply(session, [settled(2, [(message(),)])])


def test_a_fenced_writer_writes_nothing(session: Session, url: str) -> None:
    """Not even rows whose transaction began before (P10)."""
    applier().apply(session, [ready()])
    with session.transaction() as connection:
        checkpoint.claim_epoch(connection)
    before = everything(url)

    with pytest.raises(FencedOutError):
        applier().apply(session, [settled(2, [(message(),)])])

    assert everything(url) == before


# What may have changed


def test_what_a_group_changes_is_told_by_guild_and_hour_and_raises_the_revisions(session: Session, url: str) -> None:
    """Answers that were read from what it touched are out of date, in this process and in others."""
    hour = NOON_MS // 3_600_000
    applier().apply(session, [ready()])
    first = applier().apply(session, [settled(2, [(message(1),), IGNORED, (message(2),)])])
    second = applier().apply(session, [settled(5, [(message(3),)]), settled(6, [DeadLetter("invalid", "x")])])

    (touched,) = first.changed.touched
    assert tuple(touched) == (GUILD, Subject.MESSAGES, hour, hour)
    assert first.changed == second.changed
    assert rows(url, "guilds", "id, revision") == [(GUILD, 2)]


def test_a_new_session_may_change_every_answer(session: Session) -> None:
    """By the gap that it ends."""
    assert EVERYTHING == applier().apply(session, [ready()]).changed


def test_what_is_repeated_is_told_again_and_raises_no_revision(session: Session, url: str) -> None:
    """Whoever committed it may have died before it could tell the cache; the database changed once."""
    applier().apply(session, [ready()])
    group = [settled(2, [(message(1),), (message(2),)])]
    once = applier().apply(session, group)
    again = applier().apply(session, group)

    assert again.repeated == 2
    assert once.changed == again.changed
    assert rows(url, "guilds", "revision") == [(1,)]


def test_the_changes_of_all_parts_of_a_group_are_told(session: Session) -> None:
    """Those on both sides of an entry that could not be written."""
    applier().apply(session, [ready()])
    other = message(3, guild=GUILD + 1)
    applied = applier().apply(session, [settled(2, [(message(1),), (POISON,), (other,)])])

    assert [GUILD, GUILD + 1] == applied.changed.guilds


# A row that cannot be written


@pytest.mark.parametrize("place", [0, 3, 9])
def test_the_poison_row_is_found_and_its_neighbours_are_written(session: Session, url: str, place: int) -> None:
    """Wherever in the group it stands."""
    outcomes: list[Outcome] = [(message(n),) for n in range(10)]
    outcomes[place] = (POISON,)
    group = [ready(), settled(2, outcomes[:4]), settled(6, outcomes[4:])]

    applied = applier().apply(session, group)

    assert (applied.committed, applied.dead_lettered) == (11, 1)
    assert [(shard, seq) for shard, seq, _ in applied.unwritable] == [(0, 2 + place)]
    assert len(rows(url, "message_events")) == 9
    assert rows(url, "guild_hour", "sent") == [(9,)]
    assert rows(url, "gateway_sessions", "seq") == [(11,)]
    ((seq, reason, error, payload),) = rows(url, "dead_letters", "seq, reason, error, payload")
    assert (seq, reason) == (2 + place, "unwritable")
    assert str(error) in TOO_LARGE_ERRORS
    assert b'"t":"MESSAGE_CREATE"' in payload  # type: ignore[operator]


def test_many_poison_rows_are_all_found(session: Session, url: str) -> None:
    """Each becomes its own dead letter."""
    outcomes: list[Outcome] = [(message(n, user=TOO_LARGE if n % 3 == 0 else USER),) for n in range(20)]
    applied = applier().apply(session, [ready(), settled(2, outcomes)])

    assert [seq - 2 for _, seq, _ in applied.unwritable] == [0, 3, 6, 9, 12, 15, 18]
    assert len(rows(url, "message_events")) == 13


def test_a_program_that_can_write_nothing_stops_instead_of_setting_everything_aside(session: Session, url: str) -> None:
    """A hundred bad rows in one transaction are a fault of the program or the schema; the events wait for a better one."""
    outcomes: list[Outcome] = [(message(n, user=TOO_LARGE),) for n in range(150)]
    applier().apply(session, [ready()])

    with pytest.raises(SystemFailure, match="more than 100 events .* (OverflowError|RefusedRowError)"):
        applier().apply(session, [settled(2, outcomes)])

    assert len(rows(url, "dead_letters")) == 100


def test_a_fact_that_no_projection_takes_is_a_dead_letter(session: Session, url: str) -> None:
    """It must not vanish."""
    applier().apply(session, [ready()])
    Applier([], epoch=1).apply(session, [settled(2, [(message(),)])])

    assert rows(url, "dead_letters", "reason, error") == [
        ("unwritable", "DataError: no projection takes facts of the type MessageSent")
    ]


def test_a_database_that_is_away_makes_no_dead_letters(session: Session, url: str) -> None:
    """That is nobody's fault who is in the group."""

    class Away(MessageProjection):
        def apply(self, connection: Connection, facts: Sequence[Fact]) -> None:
            raise DatabaseUnavailableError

    applier().apply(session, [ready()])
    with pytest.raises(DatabaseUnavailableError):
        Applier([Away()], epoch=1).apply(session, [settled(2, [(message(),)])])

    assert rows(url, "dead_letters") == []
    assert rows(url, "gateway_sessions", "seq") == [(1,)]


def test_what_a_failed_transaction_taught_is_learned_again(session: Session, url: str) -> None:
    """The retry of the same group finds a memory that knows nothing of it."""

    class Unlucky(NameProjection):
        """The disk is full the first time, after the names were learned."""

        attempts = 0

        def apply(self, connection: Connection, facts: Sequence[Fact]) -> AbstractSet[int]:
            changed = super().apply(connection, facts)
            self.attempts += 1
            if self.attempts == 1:
                raise DatabaseUnavailableError
            return changed

    unlucky = Applier([Unlucky(), MessageProjection()], epoch=1)
    group = [ready(), settled(2, [(message(),)])]
    with pytest.raises(DatabaseUnavailableError):
        unlucky.apply(session, group)
    unlucky.apply(session, group)

    assert len(rows(url, "users")) == len(rows(url, "guilds")) == 1


def test_an_event_whose_position_cannot_be_kept_stops_the_writer(session: Session) -> None:
    """Even its dead letter would have no place; the sentence names it."""
    applier().apply(session, [ready()])
    with pytest.raises(SystemFailure, match=f"not even the dead letter of event {TOO_LARGE}"):
        applier().apply(session, [settled(TOO_LARGE, [IGNORED])])


# However the stream is cut, repeated and interrupted

SIZE = 30
STREAM: list[Outcome] = [
    DeadLetter("invalid", f"event {n}")
    if n % 7 == 3
    else IGNORED
    if n % 5 == 4
    else (message(n, at_ms=NOON_MS + n * 400_000, user=USER + n % 3),)
    for n in range(SIZE)
]
"""Events 2 to 31 of the session: messages over three hours, some ignored, some bad."""

cuts = st.lists(st.integers(1, SIZE - 1), max_size=6, unique=True).map(sorted)


def reference() -> dict[str, list[tuple[object, ...]]]:
    """The tables of a run without any fault: one batch, one transaction."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.db"
        with open_session(path) as session:
            applier().apply(session, [ready(), settled(2, STREAM)])
        return everything(path)


REFERENCE = reference()


class CrashingOnce(MessageProjection):
    """Ends the process after it has written, before the commit."""

    def apply(self, connection: Connection, facts: Sequence[Fact]) -> None:
        super().apply(connection, facts)
        raise KeyboardInterrupt


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), places=cuts)
def test_cuts_repetitions_overlaps_and_crashes_make_no_difference(
    new_database_url: Callable[[], str], data: st.DataObject, places: list[int]
) -> None:
    """Promise P1: the same stream gives the same tables, whatever happened on its way."""
    url = new_database_url()
    with open_session(url) as session:
        applier().apply(session, [ready()])
        writer = applier()
        for start, stop in zip([0, *places], [*places, SIZE], strict=True):
            start_overlapped = data.draw(st.integers(0, start), label="replayed from")
            group = cut(start_overlapped, stop, data.draw(cuts, label="cut at"))
            if data.draw(st.booleans(), label="crash"):
                with pytest.raises(KeyboardInterrupt):
                    Applier([CrashingOnce()], epoch=1).apply(session, [*group, settled(stop + 2, [(message(),)])])
            if data.draw(st.booleans(), label="restart"):
                writer = applier()
            writer.apply(session, group)
    assert everything(url) == REFERENCE


def cut(start: int, stop: int, places: list[int]) -> list[Batch]:
    """Entries ``start`` to ``stop`` of the stream as batches, cut at ``places``."""
    inner = [place for place in places if start < place < stop]
    return [settled(first + 2, STREAM[first:last]) for first, last in zip([start, *inner], [*inner, stop], strict=True)]


def test_the_reference_holds_what_the_stream_says() -> None:
    """Otherwise equal tables would prove nothing."""
    sent = [outcome[0] for outcome in STREAM if isinstance(outcome, tuple) and outcome]
    assert all(isinstance(fact, MessageSent) for fact in sent)
    assert len(REFERENCE["message_events"]) == len(sent) == 30 - 4 - 5
    assert len(REFERENCE["dead_letters"]) == 4
    assert len(REFERENCE["guild_hour"]) == 4
