"""The policy of a mailbox: how much it holds, what happens at the limit, how often a message is delivered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from enum import Enum
from typing import Any

from mocha_actors.runtime.errors import SpecError


class Overflow(Enum):
    """What happens to a message that does not fit."""

    BLOCK = "block"
    """The sender waits, first come first served: back-pressure. `tell_nowait` is refused.

    Actors that send to each other in a circle must not all block, or a burst can stop them all for good: let one of the
    mailboxes drop."""
    DROP_NEWEST = "drop_newest"
    """The new message becomes a dead letter."""
    DROP_OLDEST = "drop_oldest"
    """The messages that wait longest become dead letters until the new one fits; one in hand is never dropped."""
    FAIL = "fail"
    """The sender gets `MailboxFull`. Inside an actor this makes the *sender* fail because somebody else is slow."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A bounded mailbox.

    A message that alone is larger than the whole mailbox is accepted when the mailbox is empty, else it could never be
    sent at all.

    Attributes:
        capacity: The limit in units of weight; without `weigh`, in messages.
        overflow: What happens to a message that does not fit.
        redeliver: 0 delivers at most once: what an actor had in hand when it crashed is a dead letter. n > 0 delivers
            at least once: it is put back at the front, in order, up to n times, and then is a dead letter `poison`.
            What is in hand then counts against the capacity until it is done. An `ask` is never redelivered; its asker
            is told.
        max_bytes: A second limit, in the unit of `size`; None for no such limit.
        weigh: The weight of a message, such as the number of events in a batch; less than 1 counts as 1.
        size: The size of a message in bytes.

    Raises:
        SpecError: A limit is below 1, `redeliver` is negative, or `max_bytes` is given without `size`.
    """

    capacity: int = 1000
    overflow: Overflow = Overflow.BLOCK
    _: KW_ONLY
    redeliver: int = 0
    max_bytes: int | None = None
    weigh: Callable[[Any], int] | None = None
    size: Callable[[Any], int] | None = None

    def __post_init__(self) -> None:
        if not _is_whole(self.capacity, 1):
            raise SpecError(f"mailbox.capacity is {self.capacity!r}; allowed is 1 or more")
        if not isinstance(self.overflow, Overflow):
            raise SpecError(f"mailbox.overflow is {self.overflow!r}; allowed is a member of Overflow")
        if not _is_whole(self.redeliver, 0):
            raise SpecError(f"mailbox.redeliver is {self.redeliver!r}; allowed is 0 or more")
        if self.max_bytes is not None and (not _is_whole(self.max_bytes, 1) or self.size is None):
            raise SpecError(f"mailbox.max_bytes is {self.max_bytes!r}; allowed is 1 or more, together with size")
        for field in ("weigh", "size"):
            function = getattr(self, field)
            if function is not None and not callable(function):
                raise SpecError(f"mailbox.{field} is {function!r}; allowed is None or a function of a message")


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


@dataclass(frozen=True, slots=True)
class MailboxStatistics:
    """How full a mailbox is.

    Attributes:
        used: Units of weight that count against the capacity.
        capacity: The limit of `used`.
        peak: The most that `used` ever was.
        used_bytes: Bytes that count against `max_bytes`; 0 without a `size`.
        waiting: Messages not yet received, those put back after a crash included.
        in_hand: Messages received and not done.
        oldest_age: Seconds that the oldest message has waited to be received for the first time; 0 if none waits.
        dead: Messages of this mailbox that became dead letters.
    """

    used: int
    capacity: int
    peak: int
    used_bytes: int
    waiting: int
    in_hand: int
    oldest_age: float
    dead: int
