"""What is fed to parts of Mocha without a socket: frames, events and settled batches of the simulator's traffic, the same for every run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from mocha_actors.db.address import DatabaseAddress, prepare
from mocha_actors.db.engine import bring_up
from mocha_actors.db.session import Session, open_session
from mocha_actors.discord.decode import EventDecoder
from mocha_actors.discord.events import Event
from mocha_actors.pipeline.batch import MAX_EVENTS, Batch
from mocha_actors.processors import message
from mocha_actors.simulator.traffic import MessageStream
from mocha_actors.simulator.world import build_world

START_MS: Final = 1_790_078_400_000
SPREAD_MS: Final = 86_400_000
"""The traffic is that of one day."""

SESSION: Final = "benchmark"


def opened(address: DatabaseAddress) -> Session:
    """A database that is brought up, as its writer opens it."""
    prepare(address)
    session = open_session(address)
    bring_up(session)
    return session


def frames(count: int, guilds: int = 3) -> list[bytes]:
    """So many MESSAGE_CREATEs as a bot without MESSAGE_CONTENT gets them, spread evenly over a day."""
    return list(framed(count, guilds))


def framed(count: int, guilds: int = 3) -> Iterator[bytes]:
    """The same one after the other."""
    stream = MessageStream(build_world(1, guilds, 1), 1)
    for start in range(0, count, 1_000):
        # A thousand of them share a millisecond, as in a burst; what a stamp costs is the sender's matter.
        several = stream.take(min(1_000, count - start), START_MS + SPREAD_MS * start // count)
        for s, event in enumerate(several, start + 2):
            yield b'{"t":"MESSAGE_CREATE","s":%d,"op":0,"d":%b}' % (s, event.bare)


def decoder(*, content: bool = False) -> EventDecoder:
    """As the service has it with the message processor alone."""
    return EventDecoder(message.HANDLES, content=content)


def events(lines: Iterable[bytes]) -> list[Event]:
    """``lines`` decoded."""
    return [event for piece in decoder().decode(b"\n".join(lines)).pieces for event in piece]  # type: ignore[union-attr]


def batches(decoded: list[Event]) -> Iterator[Batch]:
    """Full batches, settled by the message processor."""
    for start in range(0, len(decoded), MAX_EVENTS):
        batch = Batch(
            0, SESSION, decoded[start : start + MAX_EVENTS], received_at=0.0, received_ms=START_MS, size=1 << 20
        )
        for index, event in enumerate(batch.events):
            batch.settle(index, message.translate(event, batch.stamp(index)))
        yield batch


def facts(group: Iterable[Batch]) -> list[Any]:
    """The facts of batches, in order."""
    return [fact for batch in group for outcome in batch.outcomes for fact in outcome]  # type: ignore[union-attr]
