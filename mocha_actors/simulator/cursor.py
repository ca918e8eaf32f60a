"""How far a connection has followed its session."""

from __future__ import annotations

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.session import Session

RESUMED = Event(b"RESUMED", 0, 0, b'{"_trace":[]}')


class Cursor:
    """A place in the stream of a session's dispatches.

    Dispatches are not queued for a connection: it follows the session, live and in a replay alike, so that a slow
    client costs nothing but the session's memory.

    Attributes:
        session: whose dispatches they are.
        seq: number of the last dispatch that was taken.
    """

    def __init__(self, session: Session, seq: int) -> None:
        """Begin after `seq`; what the session has dispatched by now is a replay."""
        self.session = session
        self.seq = seq
        self._replay_until = session.last_seq
        self._own: dict[int, bytes] = {}

    @property
    def backlog(self) -> int:
        """Number of dispatches that wait."""
        return self.session.last_seq - self.seq

    @property
    def is_lost(self) -> bool:
        """Tell whether the session has forgotten what comes next."""
        return not self.session.can_resume(self.seq)

    @property
    def is_replaying(self) -> bool:
        """Tell whether what comes next was dispatched before the cursor began."""
        return self.seq < self._replay_until

    def end_replay(self) -> bytes:
        """Dispatch the RESUMED that this connection alone gets, after everything that it missed, and return it."""
        resumed = self.session.dispatch_unseen(RESUMED)
        self._own[self.session.last_seq] = resumed
        return resumed

    def take(self, limit: int) -> list[bytes]:
        """Take the next frames, at most `limit`, and never those of a replay together with later ones."""
        if self.is_replaying:
            limit = min(limit, self._replay_until - self.seq)
        frames = self.session.after(self.seq, limit)
        first = self.seq + 1
        self.seq += len(frames)
        self.session.sent_seq = max(self.session.sent_seq, self.seq)
        return frames if all(frames) else self._fill_in(frames, first)

    def peek(self, limit: int) -> bytes:
        """Look at the next frame, if there is one among the next `limit`, without taking it."""
        return next(filter(None, self.session.after(self.seq, limit)), b"")

    def _fill_in(self, frames: list[bytes], first: int) -> list[bytes]:
        """Put this connection's own RESUMED in its place, and drop those of earlier connections."""
        numbered = ((seq, frame or self._own.get(seq)) for seq, frame in enumerate(frames, first))
        return [frame for _, frame in numbered if frame]
