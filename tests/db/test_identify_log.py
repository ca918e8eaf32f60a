"""The identify budget outlives the process."""

from __future__ import annotations

import pytest

from mocha_actors.db import checkpoint
from mocha_actors.db.identify_log import claim_identify
from mocha_actors.db.session import Session
from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.errors import FencedOutError
from mocha_actors.pipeline.notices import ClaimIdentify
from tests.db.builders import NOON_MS, begin, ready


def test_a_granted_claim_is_remembered(session: Session) -> None:
    """The next one of the same key has to wait, in whichever process it is made."""
    with session.transaction() as connection:
        assert claim_identify(connection, ClaimIdentify(0, NOON_MS), epoch=1) == 0
    with session.transaction() as connection:
        assert claim_identify(connection, ClaimIdentify(0, NOON_MS + 1000), epoch=1) > 0


def test_a_refused_claim_costs_nothing(session: Session) -> None:
    """Only attempts that may be made are recorded."""
    with session.transaction() as connection:
        claim_identify(connection, ClaimIdentify(0, NOON_MS), epoch=1)
        claim_identify(connection, ClaimIdentify(0, NOON_MS + 1), epoch=1)

        assert connection.execute("SELECT count(*) FROM identify_log").fetchone() == (1,)


def test_attempts_before_the_application_was_known_count_for_it(session: Session) -> None:
    """The budget is Discord's, which knew it all the time."""
    with session.transaction() as connection:
        claim_identify(connection, ClaimIdentify(0, NOON_MS), epoch=1)
    begin(session, ready())
    with session.transaction() as connection:
        assert claim_identify(connection, ClaimIdentify(0, NOON_MS + 1000), epoch=1) > 0


def test_attempts_older_than_a_day_are_forgotten(session: Session) -> None:
    """The log stays as small as the budget."""
    with session.transaction() as connection:
        claim_identify(connection, ClaimIdentify(0, NOON_MS), epoch=1)
        claim_identify(connection, ClaimIdentify(0, NOON_MS + DAY_MS), epoch=1)

        assert connection.execute("SELECT at_ms FROM identify_log").fetchall() == [(NOON_MS + DAY_MS,)]


def test_a_fenced_process_may_not_identify(session: Session) -> None:
    """It would take the session from the new owner."""
    begin(session, ready())
    with session.transaction() as connection:
        checkpoint.claim_epoch(connection)
        with pytest.raises(FencedOutError):
            claim_identify(connection, ClaimIdentify(0, NOON_MS), epoch=1)
