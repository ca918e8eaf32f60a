"""Where the shards stand while the database cannot be asked: what it would say."""

from __future__ import annotations

from mocha_actors.db.positions import Positions
from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.pipeline.batch import IGNORED
from mocha_actors.pipeline.notices import Checkpoint, ClaimIdentify
from tests.db.builders import NOON_MS, ready, settled


def checkpoint(session: str = "session-1", seq: int = 5) -> Checkpoint:
    """Shard 0 in a session."""
    return Checkpoint(0, session, "wss://gateway.example", seq, "fingerprint", NOON_MS)


def positions(*checkpoints: Checkpoint) -> Positions:
    """What a database with these checkpoints says."""
    return Positions(checkpoints, [], 8)


def test_a_durable_batch_moves_its_shard() -> None:
    """Its last number and its evidence of life."""
    known = positions(checkpoint())

    known.took(settled(6, [IGNORED, IGNORED], at_ms=NOON_MS + 10))

    now = known.checkpoint(0)
    assert now is not None
    assert (7, NOON_MS + 10) == (now.seq, now.last_alive_ms)


def test_a_repeated_batch_moves_nothing_back() -> None:
    """A position only grows."""
    known = positions(checkpoint(seq=50))

    known.took(settled(6, [IGNORED], at_ms=NOON_MS - 10))

    assert checkpoint(seq=50) == known.checkpoint(0)


def test_a_ready_begins_a_session() -> None:
    """Its events count from there, those of the session before do not count any more."""
    known = positions(checkpoint("old", 900))

    known.took(ready("new"))
    known.took(settled(901, [IGNORED], session="old"))

    now = known.checkpoint(0)
    assert now is not None
    assert ("new", 1) == (now.session_id, now.seq)


def test_a_refused_session_is_not_resumed() -> None:
    """A refusal of an older one changes nothing."""
    known = positions(checkpoint("current"))

    known.invalidated(0, "older")
    assert known.checkpoint(0) is not None
    known.invalidated(0, "current")
    assert known.checkpoint(0) is None


def test_the_identify_budget_holds_without_the_database() -> None:
    """Attempts of the last day count, from the database as well as since; the spacing too."""
    known = Positions([], [(0, NOON_MS - DAY_MS + 10_000), (0, NOON_MS - 60_000)], 8)
    claim = ClaimIdentify(0, NOON_MS, total=4, reserve=1)

    assert 0.0 == known.wait_for(claim)
    known.claimed(0, NOON_MS)
    assert 10.0 == known.wait_for(ClaimIdentify(0, NOON_MS, total=4, reserve=1))


def test_evidence_of_life_only_grows() -> None:
    """An older one changes nothing, and a shard without a session has none."""
    known = positions(checkpoint())

    known.alive(0, NOON_MS - 1)
    known.alive(3, NOON_MS)
    assert (checkpoint(), None) == (known.checkpoint(0), known.checkpoint(3))
    known.alive(0, NOON_MS + 1)
    now = known.checkpoint(0)
    assert now is not None
    assert NOON_MS + 1 == now.last_alive_ms
