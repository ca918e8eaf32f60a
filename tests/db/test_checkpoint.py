"""The checkpoint: durable position, sessions, gaps, and who may write."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocha_actors.db import checkpoint
from mocha_actors.db.checkpoint import Standing
from mocha_actors.db.session import Session
from mocha_actors.errors import FencedOutError
from mocha_actors.pipeline.notices import ObservedPeriod
from tests.db.builders import NOON_MS, begin, gap_rows, ready


def at(seq: int, session: str = "session-1", alive: int = NOON_MS) -> Standing:
    """A position."""
    return Standing(session, seq, alive)


def test_a_new_shard_has_no_checkpoint(session: Session) -> None:
    """It has to IDENTIFY."""
    with session.transaction() as connection:
        assert checkpoint.load(connection, 0) is None


def test_a_checkpoint_is_what_a_new_process_needs_to_resume(session: Session) -> None:
    """Session, address and the durable position."""
    begin(session, ready())
    with session.transaction() as connection:
        checkpoint.advance(connection, 0, at(41, alive=NOON_MS + 5), epoch=1)
        found = checkpoint.load(connection, 0)

    assert found is not None
    assert (found.session_id, found.resume_url, found.seq) == ("session-1", "wss://gateway.example", 41)
    assert (found.fingerprint, found.last_alive_ms) == ("fingerprint", NOON_MS + 5)


def test_the_position_never_moves_back(session: Session) -> None:
    """A repetition changes nothing and is no error."""
    begin(session, ready())
    with session.transaction() as connection:
        checkpoint.advance(connection, 0, at(10), epoch=1)
        checkpoint.advance(connection, 0, at(10), epoch=1)
        checkpoint.advance(connection, 0, at(7), epoch=1)

        assert checkpoint.standing(connection, 0, epoch=1) == at(10)


def test_an_older_epoch_is_fenced_out(session: Session) -> None:
    """After another owner began, every write of the one before fails (P10)."""
    begin(session, ready())
    with session.transaction() as connection:
        assert checkpoint.claim_epoch(connection) == 2

    with session.transaction() as connection:
        for write in (
            lambda: checkpoint.advance(connection, 0, at(2), epoch=1),
            lambda: checkpoint.alive(connection, 0, NOON_MS, epoch=1),
            lambda: checkpoint.invalidate(connection, 0, "session-1", epoch=1),
            lambda: checkpoint.start_session(connection, ready("session-2").outcomes[0][0], epoch=1),  # type: ignore[index, arg-type]
        ):
            with pytest.raises(FencedOutError, match="shard 0 has been taken over"):
                write()


def test_the_new_epoch_is_above_that_of_every_shard(session: Session) -> None:
    """Shards that joined later have the epoch of their owner, not the first."""
    begin(session, ready(shard=0), epoch=1)
    begin(session, ready(shard=1), epoch=5)
    with session.transaction() as connection:
        assert checkpoint.claim_epoch(connection) == 6
        checkpoint.alive(connection, 0, NOON_MS, epoch=6)
        checkpoint.alive(connection, 1, NOON_MS, epoch=6)


def test_a_position_of_another_session_is_fenced_out(session: Session) -> None:
    """Moving the checkpoint of a session that was replaced would skip events of the new one."""
    begin(session, ready())
    with session.transaction() as connection, pytest.raises(FencedOutError):
        checkpoint.advance(connection, 0, at(5, session="session-0"), epoch=1)


BEFORE = (0, 0, NOON_MS, "first_start")
"""The gap of all time before the first session."""


def test_before_the_first_session_of_a_shard_nothing_was_observed(session: Session) -> None:
    """So a question that reaches back beyond it is told (P6)."""
    begin(session, ready())

    assert gap_rows(session) == [BEFORE]


def test_a_replaced_session_leaves_a_gap_since_the_last_evidence_of_life(session: Session) -> None:
    """What the older session held since is lost, and said to be (P6)."""
    begin(session, ready())
    with session.transaction() as connection:
        checkpoint.alive(connection, 0, NOON_MS + 60_000, epoch=1)
        checkpoint.alive(connection, 0, NOON_MS + 30_000, epoch=1)
    begin(session, ready("session-2", at_ms=NOON_MS + 90_000, reason="session_not_resumable"))

    assert gap_rows(session) == [BEFORE, (0, NOON_MS + 60_000, NOON_MS + 90_000, "session_not_resumable")]


def test_a_refused_session_is_not_offered_again_but_still_leaves_its_gap(session: Session) -> None:
    """A crash between the refusal and the next READY makes the next process believe it is the first: the gap is stored all the same."""
    begin(session, ready())
    with session.transaction() as connection:
        checkpoint.invalidate(connection, 0, "session-1", epoch=1)
        assert checkpoint.load(connection, 0) is None
    begin(session, ready("session-2", at_ms=NOON_MS + 1000, reason="first_start"))

    assert gap_rows(session) == [BEFORE, (0, NOON_MS, NOON_MS + 1000, "session_invalid")]


def test_batches_under_way_of_a_refused_session_can_still_be_committed(session: Session) -> None:
    """The refusal overtakes them on its way to the writer."""
    begin(session, ready())
    with session.transaction() as connection:
        checkpoint.invalidate(connection, 0, "session-1", epoch=1)
        checkpoint.advance(connection, 0, at(3), epoch=1)

        assert checkpoint.standing(connection, 0, epoch=1) == at(3)


def test_the_refusal_of_an_older_session_does_not_touch_the_present_one(session: Session) -> None:
    """It arrived late."""
    begin(session, ready("session-2"))
    with session.transaction() as connection:
        checkpoint.invalidate(connection, 0, "session-1", epoch=1)

        assert checkpoint.load(connection, 0) is not None


def test_a_gap_never_ends_before_it_begins(session: Session) -> None:
    """A wall clock that was set back makes it empty."""
    begin(session, ready(at_ms=NOON_MS))
    begin(session, ready("session-2", at_ms=NOON_MS - 5000, reason="resume_refused"))

    assert gap_rows(session) == [BEFORE, (0, NOON_MS - 5000, NOON_MS - 5000, "resume_refused")]


def observe(session: Session, since_ms: int, until_ms: int, shard: int = 0) -> None:
    """A period of a shard is known from elsewhere."""
    with session.transaction() as connection:
        checkpoint.observe(connection, ObservedPeriod(shard, since_ms, until_ms), epoch=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example empties the table
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)), max_size=4),
    st.tuples(st.integers(1, 50), st.integers(1, 20)),
)
def test_no_gap_is_left_in_a_period_that_is_known_and_none_is_made(
    sqlite_session: Session, gaps: list[tuple[int, int]], period: tuple[int, int]
) -> None:
    """Moment by moment: a gap is where one was, outside the period."""
    since, until = period[0], sum(period)
    begin(sqlite_session, ready())
    before = [(start, start + length) for start, length in gaps]
    with sqlite_session.transaction() as connection:
        connection.execute("DELETE FROM coverage_gaps")
        for gap in before:
            connection.execute(checkpoint.GAP, (0, *gap, "resume_refused"))
    observe(sqlite_session, since, until)
    left = [(int(str(start)), int(str(end))) for _, start, end, _ in gap_rows(sqlite_session)]

    def missing(moment: int, among: list[tuple[int, int]]) -> bool:
        return any(start <= moment < end for start, end in among)

    for moment in range(80):
        assert missing(moment, left) == (missing(moment, before) and not since <= moment < until)


def test_a_shard_without_a_session_of_which_a_period_is_known_begins_with_a_gap_from_there(session: Session) -> None:
    """It cannot resume, and what came before the period was not observed either."""
    observe(session, NOON_MS - 9_000, NOON_MS - 4_000)
    with session.transaction() as connection:
        assert checkpoint.load(connection, 0) is None
    begin(session, ready())

    assert gap_rows(session) == [
        (0, 0, NOON_MS - 9_000, "first_start"),
        (0, NOON_MS - 4_000, NOON_MS, "first_start"),
    ]
