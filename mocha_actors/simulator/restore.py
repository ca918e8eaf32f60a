"""Bringing sessions back from the ledger, so that a client of the last run can RESUME."""

from __future__ import annotations

from mocha_actors.simulator.ledger import Ledger, Line
from mocha_actors.simulator.registry import SessionRegistry
from mocha_actors.simulator.session import UNSEEN, Session

NOT_REPLAYED = frozenset({"RESUMED", "INTERACTION_CREATE"})
"""Dispatches that a RESUME does not repeat: the end of another, and interactions, of which the ledger keeps no token."""

TAIL_BYTES = 128 << 20
"""How much of a ledger's end is read, so that the start takes about a second; who is further behind must IDENTIFY."""


def restore_sessions(ledger: Ledger, registry: SessionRegistry, now: float) -> list[Session]:
    """Take in the youngest session of each shard with what the ledger's tail holds of it; all older ones are ended.

    A session of which the tail holds nothing is ended too, since its last number is not known.

    Args:
        ledger: the ledger of the last run.
        registry: gets the sessions.
        now: monotonic seconds, from which the restored sessions' time without connection counts.

    Returns:
        The sessions that can be resumed.
    """
    opened = ledger.open_sessions()
    youngest = {note.shard: note for note in opened}
    sessions = {
        note.session: registry.empty(note.session, note.shard, note.shards, note.intents, note.large_threshold)
        for note in youngest.values()
    }
    if sessions:
        start = min(note.offset for note in youngest.values())
        for line in ledger.lines_from(max(start, ledger.size - TAIL_BYTES)):
            if line.session in sessions:
                _recall(sessions[line.session], line)
    for note in opened:
        session = sessions.get(note.session)
        if session is None or not session.last_seq:
            ledger.end_session(registry.empty(note.session, note.shard, note.shards, note.intents))
        else:
            session.disconnected_at = now
            registry.adopt(session)
    return list(registry)


def _recall(session: Session, line: Line) -> None:
    if line.seq != session.last_seq + 1:
        session.start_from(line.seq - 1)
    session.remember([UNSEEN if line.name in NOT_REPLAYED else line.frame])
    session.sent_seq = line.seq
