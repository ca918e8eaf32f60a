"""What a projection is."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from mocha_actors.db.connection import Connection
from mocha_actors.pipeline.facts import Fact


class Projection(Protocol):
    """Turns facts of its types into rows and rollups.

    What it remembers is a copy of the database, written through in the transaction; when that fails, the memory is thrown away. Applying a
    fact a second time changes nothing, and how the facts are cut into groups makes no difference to the tables.

    Attributes:
        facts: the types of facts that :meth:`apply` takes. A type may have several takers; each is given its facts in the order of their
            events, whatever their types.

    """

    facts: tuple[type[Fact], ...]

    def apply(self, connection: Connection, facts: Sequence[Fact]) -> AbstractSet[int] | None:
        """Write ``facts``, which are in order of their events, inside the caller's transaction.

        Returns the guilds of which a number changed, for their revision; None stands for all guilds that the facts are about.

        Raises:
            Exception: whatever the driver or the data provoke; the caller rolls back and calls :meth:`reset`.

        """

    def reset(self) -> None:
        """Forget everything: the transaction in which it was learned did not happen."""
