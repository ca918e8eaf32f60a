"""The identify budget, kept in the database so that no restart forgets what was spent."""

from __future__ import annotations

from typing import Final

from mocha_actors.db import checkpoint
from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.pipeline.identify import identify_wait
from mocha_actors.pipeline.notices import ClaimIdentify

ATTEMPTS: Final = "SELECT shard, at_ms FROM identify_log WHERE application_id IN (0, ?) AND at_ms > ? ORDER BY at_ms"
RECORD: Final = "INSERT INTO identify_log (application_id, at_ms, shard) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
PRUNE: Final = "DELETE FROM identify_log WHERE at_ms <= ?"
APPLICATION: Final = "SELECT coalesce(max(application_id), 0) FROM gateway_sessions"


def claim_identify(connection: Connection, claim: ClaimIdentify, epoch: int) -> float:
    """Record an attempt to IDENTIFY if one may be made now; returns 0.0 then, else the seconds to wait.

    Before the first READY the application is not known and its attempts stand under 0; they count for whatever it turns out to be.

    Raises:
        FencedOutError: another owner has taken the shard over.

    """
    checkpoint.standing(connection, claim.shard, epoch)
    (application,) = connection.execute(APPLICATION).fetchone()
    attempts = connection.execute(ATTEMPTS, (application, claim.now_ms - DAY_MS)).fetchall()
    wait = identify_wait(claim.now_ms, attempts, claim)
    if wait <= 0:
        record_attempt(connection, application, claim.now_ms, claim.shard)
    return max(0.0, wait)


def record_attempt(connection: Connection, application_id: int, at_ms: int, shard: int) -> None:
    """Note an IDENTIFY that is allowed, and forget those of more than a day before; doing it again changes nothing."""
    connection.execute(PRUNE, (at_ms - DAY_MS,))
    connection.execute(RECORD, (application_id, at_ms, shard))


def recent_attempts(connection: Connection, now_ms: int) -> tuple[list[tuple[int, int]], int]:
    """(shard, milliseconds since the epoch) of each attempt of the last day, and the application's id, 0 when it is not known."""
    (application,) = connection.execute(APPLICATION).fetchone()
    return connection.execute(ATTEMPTS, (application, now_ms - DAY_MS)).fetchall(), application
