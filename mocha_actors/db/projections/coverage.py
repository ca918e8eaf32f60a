"""Gaps within a session that goes on; those between sessions are the checkpoint's."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from mocha_actors.db.checkpoint import GAP
from mocha_actors.db.connection import Connection
from mocha_actors.pipeline.facts import EventsMissed, Fact


class CoverageProjection:
    """Records when events were missed for want of room."""

    facts: tuple[type[Fact], ...] = (EventsMissed,)

    def apply(self, connection: Connection, facts: Sequence[Fact]) -> AbstractSet[int]:
        """See :meth:`~mocha_actors.db.projections.base.Projection.apply`; no number of a guild changes."""
        gaps = {(fact.shard, fact.from_ms, fact.to_ms, fact.reason) for fact in facts if isinstance(fact, EventsMissed)}
        connection.executemany(GAP, sorted(gaps))
        return frozenset()

    def reset(self) -> None:
        """Nothing is remembered."""
