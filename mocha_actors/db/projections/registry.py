"""Which projections the writer has."""

from __future__ import annotations

from mocha_actors.db.projections.base import Projection
from mocha_actors.db.projections.messages import MessageProjection
from mocha_actors.db.projections.names import NameProjection
from mocha_actors.db.projections.reactions import ReactionProjection


def projections() -> list[Projection]:
    """A fresh set, which remembers nothing yet; each is given the facts of its types in the order of their events."""
    return [NameProjection(), MessageProjection(), ReactionProjection()]
