"""The intake: stands where the gateway stands when the connection is somebody else's.

It makes batches of what the :class:`~mocha_actors.gateway.feed.Feed` brings, in order for each shard, and hands them on as a shard does: with everything
behind it (processors, dead letters, the spool, one transaction with the number reached) it is no exception. What it took it lets go only when the
dispatcher has it, and every dispatch keeps its number, so that a crash neither loses nor doubles anything.
"""

from __future__ import annotations

import math
from typing import Final

import trio

from mocha_actors.discord.decode import Control, EventDecoder
from mocha_actors.discord.dispatch import Event, UndecodableEvent, UnknownEvent
from mocha_actors.gateway.batching import BatchBuilder
from mocha_actors.gateway.feed import (
    FEED_BYTES,
    FEED_EVENTS,
    Began,
    Evidence,
    FeedMessage,
    Missed,
    Run,
    bytes_of,
    events_of,
)
from mocha_actors.pipeline.batch import IGNORED, MAX_DELAY, Batch, Outcome
from mocha_actors.pipeline.counters import Counters
from mocha_actors.pipeline.facts import EventsMissed, SessionStarted
from mocha_actors.pipeline.notices import Flush
from mocha_actors.runtime import Actor, ActorRef, Context, Mailbox

MAILBOX: Final = Mailbox(FEED_EVENTS, redeliver=1 << 31, max_bytes=FEED_BYTES, weigh=events_of, size=bytes_of)
"""Never poison: what cannot be decoded is a dead letter of its own, and the supervisor's intensity bounds crashes."""

FINGERPRINT: Final = "embedded"
"""In the place of an IDENTIFY's fingerprint, of which it cannot be one: no gateway connection of ours resumes such a session."""


class Intake(Actor[FeedMessage]):
    """Makes batches of what a feed brings."""

    def __init__(self, *, dispatcher: ActorRef[Batch], decoder: EventDecoder, counters: Counters) -> None:
        """An incarnation: where it hands batches on, how it reads, and where it counts."""
        self._dispatcher, self._decoder, self._counters = dispatcher, decoder, counters
        self._builders: dict[int, BatchBuilder] = {}
        self._began_ms: dict[int, int] = {}
        self._held: list[FeedMessage] = []

    async def run(self, ctx: Context[FeedMessage]) -> None:
        """Take what comes; hand a batch on when it is full or has waited long enough."""
        try:
            while True:
                message = None
                with trio.CancelScope(deadline=self._deadline()):
                    message = await ctx.receive()
                if message is not None:
                    await self._accept(message, ctx)
                if trio.current_time() >= self._deadline():
                    await self._hand_on_all(ctx)
        except trio.EndOfChannel:
            await self._hand_on_all(ctx)

    def _deadline(self) -> float:
        return min((builder.deadline for builder in self._builders.values()), default=math.inf)

    async def _accept(self, message: FeedMessage, ctx: Context[FeedMessage]) -> None:
        match message:
            case Run():
                await self._take(message)
                self._held.append(message)
            case Began():
                await self._say(message, "READY", (session_of(message),), message.ready_ms, ctx)
            case Missed(shard, _, _, from_ms, to_ms):
                await self._say(message, "MISSED", (EventsMissed(shard, from_ms, to_ms, "intake_full"),), to_ms, ctx)
            case Evidence():
                await self._say(message, "ALIVE", IGNORED, message.at_ms, ctx)
            case Flush():
                await self._hand_on_all(ctx)
                ctx.reply(message, None)

    def _builder(self, shard: int) -> BatchBuilder:
        if shard not in self._builders:
            self._builders[shard] = BatchBuilder(shard)
        return self._builders[shard]

    async def _take(self, run: Run) -> None:
        """Add the dispatches of a run to its shard's batch. All of a batch share its stamp, so those of another time begin another batch."""
        builder = self._builder(run.shard)
        events = decode(self._decoder, run)
        self._counters.received += len(events)
        self._counters.unknown += sum(isinstance(event, UnknownEvent) for event in events)
        if run.received_ms - self._began_ms.get(run.shard, run.received_ms) > MAX_DELAY * 1000:
            await self._hand_on(builder.close())
        if builder.deadline == math.inf:
            self._began_ms[run.shard] = run.received_ms
        if events:
            batches = builder.add(
                events, session_id=run.session, replayed=run.replayed, event_size=run.size // len(events),
                now=trio.current_time(), now_ms=run.received_ms,
            )  # fmt: skip
            await self._hand_on(batches)

    async def _say(
        self, message: Began | Missed | Evidence, name: str, outcome: Outcome, at_ms: int, ctx: Context[FeedMessage]
    ) -> None:
        """Hand on what the feed itself has to say, behind what came before it."""
        await self._hand_on_all(ctx)
        event = UnknownEvent(name, message.number)
        builder = self._builder(message.shard)
        await self._hand_on(
            builder.settled(event, outcome, session_id=message.session, size=0, now=trio.current_time(), now_ms=at_ms)
        )
        ctx.done(message)

    async def _hand_on(self, batches: list[Batch]) -> None:
        for batch in batches:
            await self._dispatcher.tell(batch)

    async def _hand_on_all(self, ctx: Context[FeedMessage]) -> None:
        """Hand on what there is, and let go of everything that is in it."""
        for builder in self._builders.values():
            await self._hand_on(builder.close())
        held, self._held = self._held, []
        for message in held:
            ctx.done(message)


def session_of(began: Began) -> SessionStarted:
    """The fact that a session of the host's began. It has no address to resume at."""
    return SessionStarted(
        shard=began.shard, session_id=began.session, resume_url="", fingerprint=FINGERPRINT, user_id=began.user_id,
        application_id=began.application_id, ready_ms=began.ready_ms, reason="host_disconnected",
    )  # fmt: skip


def decode(decoder: EventDecoder, run: Run) -> list[Event]:
    """The dispatches of a run with the numbers that the feed gave them; what is none is left out, what cannot be read stands as undecodable."""
    pieces, violation = decoder.decode(b"\n".join(run.frames))
    events = [event for piece in pieces if not isinstance(piece, Control) for event in piece]
    if violation is not None or len(events) != len(run.frames):
        return decode_each(decoder, run)
    for number, event in enumerate(events, run.first):
        event.s = number
    return events


def decode_each(decoder: EventDecoder, run: Run) -> list[Event]:
    """As :func:`decode`, where one frame at least is no dispatch: frame by frame, so that its neighbours are read (promise P3)."""
    events: list[Event] = []
    for number, frame in enumerate(run.frames, run.first):
        pieces, violation = decoder.decode(frame)
        if violation is not None:
            events.append(UndecodableEvent("", number, str(violation), frame))
            continue
        match pieces:
            case [[event]]:
                event.s = number
                events.append(event)
            case _:
                events.append(UnknownEvent("", number))
    return events
