"""Dead letters: the messages that nobody will handle, counted and kept in a short ring for whoever looks."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import trio

from mocha_actors.runtime.errors import ActorDead, ActorFailed, MailboxFull, text_of
from mocha_actors.runtime.events import Journal

DeadReason = Literal["failed", "poison", "stopped", "killed", "overflow", "expired", "late_reply", "unhandled"]
DEAD_REASONS: Final[tuple[DeadReason, ...]] = get_args(DeadReason)

TELL_EVERY: Final = 1.0
"""Seconds between two events of dead letters of the same actor and reason, where no crash made them."""


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


def error_for_asker(letter: DeadLetter, capacity: int) -> Exception:
    """What the asker of a request is told that became a dead letter."""
    match letter.reason:
        case "overflow":
            return MailboxFull(letter.path, capacity)
        case "failed" | "unhandled":
            error = ActorFailed(letter.path, type(letter.message).__name__)
            error.__cause__ = letter.error
            return error
        case _:
            return ActorDead(letter.path)


@dataclass(slots=True)
class _Report:
    """The letters of one account and reason that were not told of yet, and when the others were."""

    path: str
    incarnation: int | None
    message_type: str
    error: str | None
    told_at: float = -math.inf
    untold: int = 0


class DeadLetters:
    """The dead letters of one tree: exact counters, and the newest few letters themselves.

    Attributes:
        counts: How many letters there were, by path and reason. Those of children that are forgotten, such as the
            workers of a pool, are counted with their supervisor.
    """

    def __init__(self, journal: Journal, capacity: int = 128) -> None:
        self._journal = journal
        self._ring: deque[DeadLetter] = deque(maxlen=capacity)
        self._reports: dict[tuple[str, DeadReason], _Report] = {}
        self.counts: Counter[tuple[str, DeadReason]] = Counter()

    @property
    def newest(self) -> Sequence[DeadLetter]:
        """The letters that the ring still holds, oldest first."""
        return tuple(self._ring)

    @property
    def total(self) -> int:
        """How many letters there were."""
        return self.counts.total()

    def add(self, letters: Sequence[DeadLetter], account: str, incarnation: int | None) -> None:
        """Take letters of one actor and one reason.

        One event tells of all of them, and of those that came within a second of the last event of this account and
        reason, so that a busy sender to a stopped actor does not fill the log. Letters that a crash made are told at
        once, always. Overflow is told by `mailbox.overflow`, once per episode.
        """
        first = letters[0]
        key = account, first.reason
        self._ring.extend(letters)
        self.counts[key] += len(letters)
        if first.reason == "overflow":
            return
        report = self._reports.get(key)
        told_at, untold = (-math.inf, 0) if report is None else (report.told_at, report.untold)
        error = None if first.error is None else text_of(first.error)
        message_type, untold = type(first.message).__name__, untold + len(letters)
        self._reports[key] = report = _Report(first.path, incarnation, message_type, error, told_at, untold)
        if first.reason in ("failed", "poison") or trio.current_time() - told_at >= TELL_EVERY:
            self._tell(first.reason, report)

    def _tell(self, reason: DeadReason, report: _Report) -> None:
        count, report.untold, report.told_at = report.untold, 0, trio.current_time()
        self._journal.emit(
            "message.poison" if reason == "poison" else "message.dead",
            report.path,
            report.incarnation,
            reason=reason,
            count=count,
            message_type=report.message_type,
            error=report.error,
        )

    def tell_rest(self) -> None:
        """Tell of the letters that were not told of yet: the tree ends."""
        for (_, reason), report in self._reports.items():
            if report.untold:
                self._tell(reason, report)

    def close_account(self, path: str, heir: str) -> None:
        """An actor is forgotten: count its letters elsewhere, or there would be more and more accounts."""
        for reason in DEAD_REASONS:
            report = self._reports.pop((path, reason), None)
            if report is not None and report.untold:
                self._tell(reason, report)
            count = self.counts.pop((path, reason), 0)
            if count:
                self.counts[heir, reason] += count

    def overflowed(self, path: str, incarnation: int | None, **fields: object) -> None:
        """A mailbox begins to refuse or evict messages."""
        self._journal.emit("mailbox.overflow", path, incarnation, **fields)

    def ask_timed_out(self, path: str, incarnation: int | None, **fields: object) -> None:
        """An asker gave up waiting."""
        self._journal.emit("ask.timeout", path, incarnation, **fields)
