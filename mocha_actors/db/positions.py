"""Where every shard stands, as far as it is durable: what the writer answers by while the database is away. Pure.

It is a copy of ``gateway_sessions`` and of the last day of ``identify_log``, followed through what becomes durable, be it by a commit or by the
spool. So a shard that restarts in an outage resumes where the spool stands, and the identify budget holds.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.pipeline.batch import Batch
from mocha_actors.pipeline.facts import SessionStarted
from mocha_actors.pipeline.identify import identify_wait
from mocha_actors.pipeline.notices import Checkpoint, ClaimIdentify


class Positions:
    """The durable positions of all shards.

    Attributes:
        application_id: of the bot; 0 before the first READY.

    """

    def __init__(
        self, checkpoints: Iterable[Checkpoint], attempts: Iterable[tuple[int, int]], application_id: int
    ) -> None:
        """What the database says.

        Args:
            checkpoints: of the shards that can RESUME.
            attempts: (shard, milliseconds since the epoch) of the identifies of the last day.
            application_id: of the bot; 0 when it is not known.

        """
        self._checkpoints = {checkpoint.shard: checkpoint for checkpoint in checkpoints}
        self._attempts = list(attempts)
        self.application_id = application_id

    def checkpoint(self, shard: int) -> Checkpoint | None:
        """Where ``shard`` can RESUME; None when it has no session, or one that Discord refused."""
        return self._checkpoints.get(shard)

    def took(self, batch: Batch) -> Checkpoint | None:
        """``batch`` is durable; returns where its shard stands now. A batch of another session than the shard's last changes nothing."""
        started = batch.outcomes[0]
        if isinstance(started, tuple) and started and isinstance(started[0], SessionStarted):
            self._begin(started[0])
        now = self._checkpoints.get(batch.shard)
        if now is None or now.session_id != batch.session_id:
            return now
        moved = msgspec.structs.replace(
            now, seq=max(now.seq, batch.last_seq), last_alive_ms=max(now.last_alive_ms, batch.latest_ms)
        )
        self._checkpoints[batch.shard] = moved
        return moved

    def _begin(self, fact: SessionStarted) -> None:
        now = self._checkpoints.get(fact.shard)
        if now is not None and now.session_id == fact.session_id:
            return
        self.application_id = fact.application_id or self.application_id
        self._checkpoints[fact.shard] = Checkpoint(
            fact.shard, fact.session_id, fact.resume_url, 0, fact.fingerprint, fact.ready_ms
        )

    def invalidated(self, shard: int, session_id: str) -> None:
        """Discord refused the session: it is not resumed, if it still is the shard's."""
        now = self._checkpoints.get(shard)
        if now is not None and now.session_id == session_id:
            del self._checkpoints[shard]

    def alive(self, shard: int, at_ms: int) -> None:
        """The session of ``shard`` was alive at ``at_ms``; an older evidence than the last changes nothing."""
        now = self._checkpoints.get(shard)
        if now is not None and at_ms > now.last_alive_ms:
            self._checkpoints[shard] = msgspec.structs.replace(now, last_alive_ms=at_ms)

    def wait_for(self, claim: ClaimIdentify) -> float:
        """Seconds that ``claim`` must wait; 0.0 when it may be made now, which :meth:`claimed` then has to be told."""
        return max(0.0, identify_wait(claim.now_ms, self._attempts, claim))

    def claimed(self, shard: int, at_ms: int) -> None:
        """An IDENTIFY is allowed, and counts from now on."""
        self._attempts = [attempt for attempt in self._attempts if attempt[1] > at_ms - DAY_MS]
        self._attempts.append((shard, at_ms))
