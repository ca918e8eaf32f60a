"""Events from elsewhere than a gateway: an import, a past, another chat system. Pure.

They become facts by the same translations as live ones, hence by the same rules. What tells them apart is that their time is given, and that they
have no place in a shard's stream: a repetition is known by the keys of what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

import msgspec

from mocha_actors.discord.decode import EventDecoder
from mocha_actors.discord.dispatch import Event, UndecodableEvent
from mocha_actors.discord.snowflake import from_time_ms
from mocha_actors.errors import DataError
from mocha_actors.pipeline.batch import IGNORED, DeadLetter, Outcome
from mocha_actors.pipeline.facts import Fact
from mocha_actors.pipeline.timing import Stamp

T = TypeVar("T")

CHUNK: Final = 512
"""Events that are translated in one go and written in one transaction: some milliseconds, in which nobody else is served."""

REFUSALS_TOLD: Final = 100
"""Refused events that a report names; it counts all of them."""

Translations = Mapping[type[Event], Callable[[Event, Stamp], Outcome]]
"""What makes facts of an event, by its type; an event of another type is ignored."""


class Happened(Protocol):
    """An event with its time; :class:`Happening` is one, and so is what the simulator's past is made of."""

    @property
    def at_ms(self) -> int:
        """When it happened, milliseconds since the Unix epoch."""

    @property
    def shard(self) -> int:
        """Whose guild it was."""

    @property
    def frame(self) -> bytes:
        """The dispatch as a gateway sends it, JSON: ``{"op": 0, "s": 1, "t": name, "d": data}``."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event with its time, see :class:`Happened`; :func:`happening` and :func:`message` make one."""

    at_ms: int
    frame: bytes
    shard: int = 0


def happening(name: str, data: Mapping[str, Any], at: datetime, *, shard: int = 0) -> Happening:
    """An event as Discord describes it, at a time.

    Args:
        name: Discord's name of it, as in ``VOICE_STATE_UPDATE``.
        data: what a gateway sends as its ``d``; only the fields that the statistics need must be there.
        at: when it happened. What has a snowflake, as a message does, has happened when that says, whatever stands here.
        shard: whose guild it was.

    Raises:
        ValueError: ``at`` has no time zone, so that it could be any of 24 hours.

    """
    frame = msgspec.json.encode({"op": 0, "s": 0, "t": name, "d": data})
    return Happening(moment_ms(at), frame, shard)


def message(
    at: datetime, *, guild_id: int, channel_id: int, user_id: int, username: str = "", bot: bool = False, number: int = 0
) -> Happening:  # fmt: skip
    """A message of another chat system, whose ids are yours to choose.

    Args:
        at: when it was sent; its id is made of this time.
        guild_id: what its guild is to be; all ids are positive and below 2 to the power of 63.
        channel_id: where it was written.
        user_id: who wrote it.
        username: their name.
        bot: whether no person wrote it.
        number: tells messages of one guild apart that were sent in the same millisecond, 0 to 4194303; the same number again is the same message.

    Raises:
        ValueError: ``at`` has no time zone or is before 2015, or ``number`` is out of range.

    """
    data = {
        "id": from_time_ms(moment_ms(at), number), "guild_id": guild_id, "channel_id": channel_id, "type": 0,
        "author": {"id": user_id, "username": username, "bot": bot},
    }  # fmt: skip
    return happening("MESSAGE_CREATE", data, at)


def moment_ms(at: datetime) -> int:
    """Milliseconds since the Unix epoch. Raises ValueError for a time without zone."""
    if at.tzinfo is None:
        msg = f"a time needs a zone, as in datetime(2026, 1, 1, tzinfo=UTC); {at} has none"
        raise ValueError(msg)
    return int(at.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that could not be recorded.

    Attributes:
        index: its place in what was given, from 0.
        name: Discord's name of it; empty where it is no event.
        error: what is wrong with it, without its content.

    """

    index: int
    name: str
    error: str


@dataclass(slots=True)
class Recorded:
    """What came of events that were recorded.

    Attributes:
        events: how many were given.
        facts: how many facts were written, or found written already.
        ignored: events that nothing counts, such as those of direct messages.
        refused: events that could not be recorded.
        refusals: the first of them, at most :data:`REFUSALS_TOLD`.

    """

    events: int = 0
    facts: int = 0
    ignored: int = 0
    refused: int = 0
    refusals: list[Refused] = field(default_factory=list)

    def refuse(self, refused: Refused) -> None:
        """Count an event that could not be recorded."""
        self.refused += 1
        if len(self.refusals) < REFUSALS_TOLD:
            self.refusals.append(refused)


class Recorder:
    """Makes facts of events and keeps the account of it."""

    def __init__(self, translations: Translations, *, content: bool) -> None:
        """``content`` is whether the length of what people wrote is measured."""
        self._translations = translations
        self._decoder = EventDecoder(translations, content=content)
        self.report = Recorded()

    def translate(self, happened: Happened) -> tuple[Fact, ...]:
        """The facts of one event; none where it is refused or does not count."""
        index, self.report.events = self.report.events, self.report.events + 1
        name = ""
        try:
            event = self._decode(happened.frame)
            name = event.t
            facts = self._facts(event, Stamp(happened.at_ms, 0, happened.shard))
        except Exception as error:  # noqa: BLE001  # whatever an event provokes must stay with it (P3)
            self.report.refuse(Refused(index, name, reason(error)))
            return ()
        self.report.ignored += not facts
        return facts

    def _decode(self, frame: bytes) -> Event:
        pieces, violation = self._decoder.decode(frame)
        if violation is not None:
            raise violation
        match pieces:
            case [[event]]:
                return event
            case _:
                msg = "a frame holds one dispatch, and no other payload"
                raise DataError(msg)

    def _facts(self, event: Event, stamp: Stamp) -> tuple[Fact, ...]:
        if isinstance(event, UndecodableEvent):
            msg = f"{event.t}: {event.error}"
            raise DataError(msg)
        translate = self._translations.get(type(event))
        outcome = translate(event, stamp) if translate is not None else IGNORED
        if isinstance(outcome, DeadLetter):
            msg = f"{event.t}: {outcome.error}"
            raise DataError(msg)
        return outcome


def reason(error: Exception) -> str:
    """What to say of an error: the text of ours, of others the type alone, since their text may repeat what somebody wrote."""
    return str(error) if isinstance(error, DataError) else type(error).__name__


def chunks(things: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """``things`` in pieces of at most ``size``, taken only when they are needed."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk
