"""The session that a shard follows: how much of it has come, how much of that is durable, and when it is over. Pure."""

from __future__ import annotations

from typing import Final

from mocha_actors.discord.decode import ProtocolViolation
from mocha_actors.discord.events import Event, Ready, UndecodableEvent, UnknownEvent
from mocha_actors.gateway.effects import (
    Deliver,
    DroppedDuplicates,
    Effect,
    Log,
    PassedOver,
    SessionBegan,
    SessionLost,
    SkippedNumbers,
)  # fmt: skip
from mocha_actors.gateway.identity import Session
from mocha_actors.gateway.sequence import Sequence
from mocha_actors.pipeline.facts import GapReason

UNREADABLE: Final = "UNREADABLE"
"""The event name under which a frame is kept that could not be read at all."""

NAMES_TOLD: Final = 100
"""How many unknown names of events are logged, each of them once and cut off at as many characters: who sends more has made them up."""


class Following:
    """One session after the other; between two of them there is none.

    Args:
        session: the one to go on with; None waits for the first.
        sequence: where it stands.
        reason: why there is no older one, if there is none.

    Attributes:
        session: the session that a RESUME would continue.
        sequence: received and durable ``s`` of it.

    """

    def __init__(self, session: Session | None, sequence: Sequence, reason: GapReason) -> None:
        self.session, self.sequence = session, sequence
        self._reason: GapReason = reason
        self._committed_since_ack = True
        self._unreadable_at: tuple[str, int] | None = None
        self._unknown_names: set[str] = set()

    @property
    def durable(self) -> int | None:
        """What a heartbeat says: Discord may forget what it believes received."""
        return self.sequence.durable if self.session else None

    def begin(self, ready: Ready) -> list[Effect]:
        """READY came."""
        self.session = Session(ready.d.session_id, ready.d.resume_gateway_url)
        self.sequence = Sequence(received=ready.s)
        log = Log("shard.ready", fields={"guilds": len(ready.d.guilds), "reason": self._reason})
        return [log, SessionBegan(ready, self.session, self._reason)]

    def take(self, events: list[Event], *, replayed: bool) -> list[Effect]:
        """Dispatches came; if any of them is new, the last effect is their :class:`Deliver`."""
        if not events or self.session is None:
            return []
        fresh, duplicates, gap = self.sequence.take(events)
        effects: list[Effect] = []
        if duplicates:
            effects.append(DroppedDuplicates(duplicates))
        if gap:
            effects += [Log("gateway.seq_gap", "warning", {"expected": gap[0], "found": gap[1]}), SkippedNumbers()]
        effects += self._tell_unknown(fresh)
        if fresh:
            effects.append(Deliver(self.session, fresh, replayed))
        return effects

    def _tell_unknown(self, events: list[Event]) -> list[Effect]:
        """Events of a later version of Discord's cost nothing, but somebody may want to know of them."""
        if UnknownEvent not in map(type, events):
            return []
        names = [event.t[:NAMES_TOLD] for event in events if isinstance(event, UnknownEvent)]
        effects: list[Effect] = [PassedOver(len(names))]
        for name in dict.fromkeys(names):
            if name not in self._unknown_names and len(self._unknown_names) < NAMES_TOLD:
                self._unknown_names.add(name)
                effects.append(Log("gateway.unknown_event", "info", {"name": name}))
        return effects

    def lose(self, reason: GapReason) -> list[Effect]:
        """Give up the session, if there is one."""
        if self.session is None:
            return []
        lost, self.session, self._reason = self.session, None, reason
        log = Log("shard.session_lost", "warning", {"reason": reason, "seq": self.sequence.received})
        return [log, SessionLost(lost, reason)]

    def committed(self, session_id: str, seq: int) -> None:
        """The writer's notice. One about an earlier session changes nothing."""
        if self.session is not None and self.session.session_id == session_id and self.sequence.committed(seq):
            self._committed_since_ack = True

    def acknowledged(self) -> bool:
        """A heartbeat was acknowledged; says whether all is durable and nothing was committed since the one before."""
        idle = self.sequence.settled and not self._committed_since_ack
        self._committed_since_ack = False
        return idle

    def unreadable(self) -> bool:
        """Something came that cannot be read; says whether the same had happened at this place before."""
        place = (self.session.session_id, self.sequence.received) if self.session else None
        again = place is not None and place == self._unreadable_at
        self._unreadable_at = place
        return again

    def keep_unreadable(self, violation: ProtocolViolation) -> list[Effect]:
        """Keep the bytes as a dead letter in the place of what they might have been."""
        evidence = UndecodableEvent(UNREADABLE, self.sequence.received + 1, str(violation), violation.raw)
        return self.take([evidence], replayed=True)
