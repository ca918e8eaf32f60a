"""The messages that an actor has received and not settled yet."""

from __future__ import annotations

from mocha_actors.runtime.envelope import Envelope


class Hand:
    """Envelopes in hand, found by the identity of their message in constant time.

    The same object may be in hand more than once (small integers are one object each), hence a list per identity.
    """

    __slots__ = ("_by_id", "_count", "_order")

    def __init__(self) -> None:
        self._by_id: dict[int, list[Envelope]] = {}
        self._count = 0
        self._order = 0

    def __len__(self) -> int:
        return self._count

    def add(self, envelope: Envelope) -> None:
        """Take an envelope into the hand."""
        self._order += 1
        envelope.order = self._order
        self._by_id.setdefault(id(envelope.message), []).append(envelope)
        self._count += 1

    def find(self, message: object) -> Envelope | None:
        """The envelope of this very message that was received first, or None."""
        twins = self._by_id.get(id(message))
        return twins[0] if twins else None

    def remove(self, envelope: Envelope) -> bool:
        """Let go of an envelope; False if it is not in hand."""
        key = id(envelope.message)
        twins = self._by_id.get(key)
        if twins is None or envelope not in twins:
            return False
        twins.remove(envelope)
        if not twins:
            del self._by_id[key]
        self._count -= 1
        return True

    def newest(self) -> Envelope | None:
        """The envelope received last, or None."""
        return max((twins[-1] for twins in self._by_id.values()), key=lambda each: each.order, default=None)

    def all(self) -> list[Envelope]:
        """All envelopes in the order received."""
        return sorted((each for twins in self._by_id.values() for each in twins), key=lambda each: each.order)

    def clear(self) -> None:
        """Let go of everything."""
        self._by_id.clear()
        self._count = 0
