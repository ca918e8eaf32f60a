"""Dead letters: the messages that nobody will handle, counted and kept in a short ring for whoever looks."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mocha_actors.runtime.errors import text_of
from mocha_actors.runtime.events import Journal

DeadReason = Literal["failed", "poison", "stopped", "killed", "overflow", "expired", "late_reply", "unhandled"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that is not going to be handled.

    Attributes:
        message: The message, or for `late_reply` the answer that came too late.
        path: The actor that it was for.
        reason: `failed` (its handler raised), `poison` (it failed in every delivery it was allowed), `stopped` (the
            actor was stopped before), `killed` (the actor was cancelled over it), `overflow`, `expired` (the asker no
            longer waits), `late_reply`, `unhandled` (the actor does not know it).
        error: What the handler raised, where it did.
    """

    message: object
    path: str
    reason: DeadReason
    error: BaseException | None = None


class DeadLetters:
    """The dead letters of one tree: exact counters, and the newest few letters themselves."""

    def __init__(self, journal: Journal, capacity: int = 128) -> None:
        self._journal = journal
        self._ring: deque[DeadLetter] = deque(maxlen=capacity)
        self.counts: Counter[tuple[str, DeadReason]] = Counter()

    @property
    def newest(self) -> Sequence[DeadLetter]:
        """The letters that the ring still holds, oldest first."""
        return tuple(self._ring)

    @property
    def total(self) -> int:
        """How many letters there were."""
        return self.counts.total()

    def add(self, letters: Sequence[DeadLetter], incarnation: int | None) -> None:
        """Take letters of one actor and one reason.

        One event tells of all of them. Overflow is told by `mailbox.overflow`, once per episode: a mailbox that drops
        does so thousands of times a second.
        """
        first = letters[0]
        self._ring.extend(letters)
        self.counts[first.path, first.reason] += len(letters)
        if first.reason == "overflow":
            return
        self._journal.emit(
            "message.poison" if first.reason == "poison" else "message.dead",
            first.path,
            incarnation,
            reason=first.reason,
            count=len(letters),
            message_type=type(first.message).__name__,
            error=None if first.error is None else text_of(first.error),
        )

    def overflowed(self, path: str, incarnation: int | None, **fields: object) -> None:
        """A mailbox begins to refuse or evict messages."""
        self._journal.emit("mailbox.overflow", path, incarnation, **fields)

    def ask_timed_out(self, path: str, incarnation: int | None, **fields: object) -> None:
        """An asker gave up waiting."""
        self._journal.emit("ask.timeout", path, incarnation, **fields)
