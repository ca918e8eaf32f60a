"""All sessions of the simulated Discord: made by IDENTIFY, found by RESUME, ended by time or refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mocha_actors.simulator.session import LARGE_THRESHOLD, Session
from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.simulator.starts import SessionStarts


class SessionRegistry:
    """The sessions that can still be resumed, by id.

    Attributes:
        identifies: number of sessions made.
        resumes: number of successful RESUMEs.
        refused_resumes: number of RESUMEs answered with opcode 9.
        starts: the budget of IDENTIFYs.
    """

    def __init__(
        self, settings: SimulatorSettings, new_id: Callable[[], str], on_end: Callable[[Session], None]
    ) -> None:
        """Start without sessions.

        Args:
            settings: limits of the sessions.
            new_id: makes an id that no other session ever had.
            on_end: told of each session that can not be resumed any more.
        """
        self._settings = settings
        self._new_id = new_id
        self._on_end = on_end
        self._sessions: dict[str, Session] = {}
        self.identifies = 0
        self.resumes = 0
        self.refused_resumes = 0
        self.starts = SessionStarts(settings)

    def __iter__(self) -> Iterator[Session]:
        """Iterate over the sessions, oldest first."""
        return iter(tuple(self._sessions.values()))

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self._sessions)

    def of_shard(self, shard: int) -> list[Session]:
        """List the sessions of a shard, oldest first."""
        return [session for session in self._sessions.values() if session.shard == shard]

    def open(self, shard: int, shards: int, intents: int, large_threshold: int = LARGE_THRESHOLD) -> Session:
        """Make the session of a fresh IDENTIFY."""
        self.identifies += 1
        session = self.empty(self._new_id(), shard, shards, intents, large_threshold)
        self.adopt(session)
        return session

    def empty(
        self, session_id: str, shard: int, shards: int, intents: int, large_threshold: int = LARGE_THRESHOLD
    ) -> Session:
        """Make a session within the limits of the settings without taking it in."""
        limits = self._settings
        return Session(
            session_id,
            shard,
            shards,
            intents,
            max_events=limits.replay_events,
            max_bytes=limits.replay_bytes,
            large_threshold=large_threshold,
        )

    def adopt(self, session: Session) -> None:
        """Take a session in."""
        self._sessions[session.id] = session

    def find(self, session_id: str) -> Session | None:
        """Return the session with this id if it can still be resumed."""
        return self._sessions.get(session_id)

    def end(self, session: Session) -> None:
        """Forget a session for good: a RESUME of it will be refused."""
        if self._sessions.pop(session.id, None) is not None:
            self._on_end(session)

    def expire(self, now: float) -> None:
        """End the sessions that have been without connection for too long. `now` is monotonic seconds."""
        for session in self:
            if session.is_expired(now, self._settings.session_timeout):
                self.end(session)
