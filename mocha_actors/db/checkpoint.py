"""The checkpoint of a shard: its session, how far it is durable, who owns it, and when it was last known to be alive.

Every change names the epoch of its owner. Ownership is a lock that death releases (:mod:`mocha_actors.db.ownership`); the epoch covers the
case that a lock was lost unnoticed: a newer owner has raised it, and the older one is fenced out by its next write (promise P10).
"""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn

from mocha_actors.db.connection import Connection
from mocha_actors.errors import FencedOutError
from mocha_actors.pipeline.facts import SessionStarted
from mocha_actors.pipeline.notices import Checkpoint, ObservedPeriod

LOAD: Final = """\
SELECT shard, session_id, resume_url, seq, fingerprint, last_alive_ms FROM gateway_sessions WHERE shard = ? AND resume_url IS NOT NULL"""

ALL: Final = (
    "SELECT shard, session_id, resume_url, seq, fingerprint, last_alive_ms FROM gateway_sessions ORDER BY shard"
)

STANDING: Final = (
    "SELECT session_id, seq, last_alive_ms, previous_session_id, epoch FROM gateway_sessions WHERE shard = ?"
)

ADVANCE: Final = """\
UPDATE gateway_sessions SET seq = :seq, last_alive_ms = GREATEST(last_alive_ms, :last_alive_ms)
WHERE shard = :shard AND session_id = :session_id AND epoch = :epoch AND seq < :seq"""

START: Final = """\
INSERT INTO gateway_sessions
    (shard, session_id, resume_url, seq, fingerprint, epoch, last_alive_ms, user_id, application_id, previous_session_id)
VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?)
ON CONFLICT (shard) DO UPDATE SET
    session_id = excluded.session_id, resume_url = excluded.resume_url, seq = excluded.seq, fingerprint = excluded.fingerprint,
    epoch = excluded.epoch, last_alive_ms = excluded.last_alive_ms, user_id = excluded.user_id, application_id = excluded.application_id,
    previous_session_id = excluded.previous_session_id"""

GAP: Final = """\
INSERT INTO coverage_gaps (shard, from_ms, to_ms, reason) VALUES (?, ?, ?, ?)
ON CONFLICT (shard, from_ms, to_ms) DO UPDATE SET reason = excluded.reason"""

OVERLAPPING: Final = (
    "SELECT from_ms, to_ms, reason FROM coverage_gaps WHERE shard = ? AND from_ms < ? AND to_ms > ? ORDER BY from_ms"
)

UNGAP: Final = "DELETE FROM coverage_gaps WHERE shard = ? AND from_ms = ? AND to_ms = ?"

IMPORT: Final = "import"
"""Stands for the session of a shard that has had none, but of whose guilds a period is known from elsewhere."""

INVALIDATE: Final = "UPDATE gateway_sessions SET resume_url = NULL WHERE shard = ? AND session_id = ? AND epoch = ?"

ALIVE: Final = "UPDATE gateway_sessions SET last_alive_ms = GREATEST(last_alive_ms, ?) WHERE shard = ? AND epoch = ?"

CLAIM_EPOCH: Final = """\
UPDATE gateway_sessions SET epoch = (SELECT max(epoch) FROM gateway_sessions) + 1 RETURNING epoch"""


class Standing(NamedTuple):
    """How far a shard is durable in which session, its last evidence of life (milliseconds since the epoch), and its session before."""

    session_id: str
    seq: int
    last_alive_ms: int
    previous_session_id: str | None = None


def current_epoch(connection: Connection) -> int:
    """The epoch of the last owner; 0 when no shard ever had a session."""
    (epoch,) = connection.execute("SELECT coalesce(max(epoch), 0) FROM gateway_sessions").fetchone()
    return int(epoch)


def check_epoch(connection: Connection, epoch: int) -> None:
    """Raise FencedOutError if an ownership later than that of ``epoch`` has begun."""
    if current_epoch(connection) > epoch:
        msg = "another process took the database over; this one writes nothing more"
        raise FencedOutError(msg)


def claim_epoch(connection: Connection) -> int:
    """Begin an ownership: raise the epoch of every shard, so that whoever wrote before is fenced out; returns the new one."""
    row = connection.execute(CLAIM_EPOCH).fetchall()
    return int(row[0][0]) if row else 1


def load_all(connection: Connection) -> tuple[list[Checkpoint], set[int]]:
    """The checkpoints of all shards that can RESUME, and the shards that ever had a session."""
    rows = connection.execute(ALL).fetchall()
    return [Checkpoint(*row) for row in rows if row[2] is not None], {row[0] for row in rows}


def load(connection: Connection, shard: int) -> Checkpoint | None:
    """Where ``shard`` can RESUME; None when it has no session, or one that Discord refused."""
    row = connection.execute(LOAD, (shard,)).fetchone()
    return None if row is None else Checkpoint(*row)


def standing(connection: Connection, shard: int, epoch: int) -> Standing | None:
    """Where ``shard`` stands, a refused session included; None when it never had one.

    Raises:
        FencedOutError: another owner has taken the shard over.

    """
    row = connection.execute(STANDING, (shard,)).fetchone()
    if row is None:
        return None
    *fields, owner = row
    if owner != epoch:
        fenced_out(shard)
    return Standing(*fields)


def advance(connection: Connection, shard: int, to: Standing, epoch: int) -> None:
    """Make ``to`` the durable position; doing it again changes nothing.

    Raises:
        FencedOutError: the shard has another owner or another session.

    """
    moved = connection.execute(ADVANCE, {**to._asdict(), "shard": shard, "epoch": epoch}).rowcount
    if not moved:
        now = standing(connection, shard, epoch)
        if now is None or now.session_id != to.session_id:
            fenced_out(shard)


def gap_before(before: Standing | None, fact: SessionStarted) -> tuple[int, int, str]:
    """What was not observed until this session: (from_ms, to_ms, reason). Before the first one it is all time.

    A shard that has an older session did not start for the first time, whatever the gateway found: a refused session is not shown to it.
    """
    if before is None:
        return 0, fact.ready_ms, "first_start"
    reason = fact.reason
    if before.session_id == IMPORT:
        reason = "first_start"
    elif reason == "first_start":
        reason = "session_invalid"
    # A wall clock may have been set back in between; the gap then is the shortest that is true.
    return min(before.last_alive_ms, fact.ready_ms), fact.ready_ms, reason


def start_session(connection: Connection, fact: SessionStarted, epoch: int) -> Standing:
    """Replace the session of a shard, with its ``seq`` at 0; what was not observed before is recorded as a gap (promise P6).

    Raises:
        FencedOutError: another owner has taken the shard over.

    """
    before = standing(connection, fact.shard, epoch)
    previous = before.session_id if before is not None else None
    gap = gap_before(before, fact)
    connection.execute(GAP, (fact.shard, *gap))
    row = (
        fact.shard,
        fact.session_id,
        # A session of somebody else's connection has no address, and is never resumed by us.
        fact.resume_url or None,
        fact.fingerprint,
        epoch,
        fact.ready_ms,
        fact.user_id,
        fact.application_id,
        previous,
    )
    connection.execute(START, row)
    return Standing(fact.session_id, 0, fact.ready_ms, previous)


def observe(connection: Connection, period: ObservedPeriod, epoch: int) -> None:
    """Record that everything that happened in a period is known from elsewhere: what was a gap is none there.

    A shard that never had a session has one that ended with the last such period, so that its first one begins with a gap from there.

    Raises:
        FencedOutError: another owner has taken the shard over.

    """
    shard, since_ms, until_ms = period.shard, period.since_ms, period.until_ms
    before = standing(connection, shard, epoch)
    if before is None:
        connection.execute(START, (shard, IMPORT, None, "", epoch, until_ms, 0, 0, None))
        connection.execute(GAP, (shard, 0, since_ms, "first_start"))
    elif before.session_id == IMPORT and before.last_alive_ms < until_ms:
        if before.last_alive_ms < since_ms:
            connection.execute(GAP, (shard, before.last_alive_ms, since_ms, "first_start"))
        connection.execute(ALIVE, (until_ms, shard, epoch))
    for from_ms, to_ms, reason in connection.execute(OVERLAPPING, (shard, until_ms, since_ms)).fetchall():
        connection.execute(UNGAP, (shard, from_ms, to_ms))
        for start, end in ((from_ms, since_ms), (until_ms, to_ms)):
            if start < end:
                connection.execute(GAP, (shard, start, end, reason))


def invalidate(connection: Connection, shard: int, session_id: str, epoch: int) -> None:
    """Remember that Discord refused this session, if it still is the shard's. Its batches under way can be committed all the same.

    Raises:
        FencedOutError: another owner has taken the shard over.

    """
    standing(connection, shard, epoch)
    connection.execute(INVALIDATE, (shard, session_id, epoch))


def alive(connection: Connection, shard: int, at_ms: int, epoch: int) -> None:
    """Note evidence of life; an older one than the last changes nothing.

    Raises:
        FencedOutError: another owner has taken the shard over.

    """
    standing(connection, shard, epoch)
    connection.execute(ALIVE, (at_ms, shard, epoch))


def fenced_out(shard: int) -> NoReturn:
    """Raise FencedOutError for ``shard``."""
    msg = f"shard {shard} has been taken over by another process; this one writes nothing more"
    raise FencedOutError(msg)
