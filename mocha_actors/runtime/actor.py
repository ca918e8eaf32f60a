"""What users write: an actor, and the context that the runtime hands to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from typing import Any, Generic, TypeVar, cast

import trio

from mocha_actors.runtime.envelope import Answer, Envelope
from mocha_actors.runtime.errors import UnhandledMessage
from mocha_actors.runtime.events import Journal
from mocha_actors.runtime.letters import DeadLetter
from mocha_actors.runtime.outcome import Outcome
from mocha_actors.runtime.ref import CALLER, DEADLINE, ActorRef, Caller, inbox_of

M = TypeVar("M")


class Context(Generic[M]):
    """One incarnation's view of the runtime.

    Attributes:
        ref: The actor's own address.
        path: Where the actor is in the tree, such as `mocha/gateway/shard-0`.
        incarnation: 0 for the first life, 1 after the first restart, and so on.
        stopping: Set when the actor is asked to stop. An actor that overrides `run` and does not live from `receive`
            watches it.
    """

    def __init__(self, ref: ActorRef[M], incarnation: int, journal: Journal) -> None:
        self.ref = ref
        self.path = ref.path
        self.incarnation = incarnation
        self.stopping = trio.Event()
        self._inbox = inbox_of(ref)
        self._journal = journal
        self._caller = Caller(self._inbox, journal)

    async def receive(self) -> M:
        """Wait for the next message and take it in hand.

        Under at-most-once delivery, asking for the next message says that the ones before were handled.

        Raises:
            trio.EndOfChannel: The actor is asked to stop and has received everything meant for this incarnation.
        """
        return cast("M", (await self._inbox.take()).message)

    def receive_nowait(self) -> M:
        """Take a further message in hand if one waits.

        Raises:
            trio.WouldBlock: None waits.
            trio.EndOfChannel: As for `receive`.
        """
        return cast("M", self._inbox.take_nowait().message)

    def __aiter__(self) -> Context[M]:
        """Iterate over the messages until the actor is asked to stop."""
        return self

    async def __anext__(self) -> M:
        try:
            return await self.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None

    def done(self, message: M) -> None:
        """Settle a message in hand, in any order; it will not be delivered again.

        Raises:
            ValueError: Delivery is at least once, and this very object is not in hand.
        """
        envelope = self._inbox.in_hand(message)
        if envelope is not None:
            self._inbox.settle(envelope)
        elif self._inbox.policy.redeliver:
            raise ValueError(f"{self.path}: done() for a {type(message).__name__} that is not in hand")

    def deliveries(self, message: M) -> int:
        """How often a message in hand was delivered: 1 the first time.

        Raises:
            ValueError: This very object is not in hand.
        """
        return self._held(message, "deliveries").deliveries

    def reply(self, message: M, value: object) -> None:
        """Answer an ask and settle it; an answer that nobody waits for any more is a dead letter `late_reply`.

        Raises:
            ValueError: This very object is not in hand, or it was not asked.
        """
        envelope = self._held(message, "reply")
        if envelope.answer is None:
            raise ValueError(f"{self.path}: reply() to a {type(message).__name__} that was told, not asked")
        self._inbox.settle(envelope)
        self._give(envelope.answer, value)

    def fail(self, message: M, error: Exception) -> None:
        """Let an ask raise this error at its asker and settle it, without any failure of this actor.

        This is how a declared domain error (not found, not allowed) is answered, also from `handle`.

        Raises:
            ValueError: This very object is not in hand, or it was not asked.
        """
        envelope = self._held(message, "fail")
        if envelope.answer is None:
            raise ValueError(f"{self.path}: fail() for a {type(message).__name__} that was told, not asked")
        self._inbox.settle(envelope)
        if not envelope.answer.fail(error):
            self._inbox.bury_letters([DeadLetter(error, self.path, "late_reply")])

    def emit(self, event_name: str, **fields: object) -> None:
        """Publish an event with this actor's path and incarnation."""
        self._journal.emit(event_name, self.path, self.incarnation, **fields)

    def _held(self, message: M, verb: str) -> Envelope:
        envelope = self._inbox.in_hand(message)
        if envelope is None:
            raise ValueError(f"{self.path}: {verb}() for a {type(message).__name__} that is not in hand")
        return envelope

    def _give(self, answer: Answer, value: object) -> None:
        if not answer.give(value):
            self._inbox.bury_letters([DeadLetter(value, self.path, "late_reply")])

    # For the runtime

    def enter(self) -> None:
        """Mark the current task, and those it starts, as this actor's."""
        self._caller.task = trio.lowlevel.current_task()
        CALLER.set(self._caller)
        # Its tree may have been opened by a handler, whose deadline is none of its business.
        DEADLINE.set(inf)

    async def serve(self, handle: Callable[[M, Context[M]], Awaitable[object]]) -> None:
        """Handle message after message until the actor is asked to stop.

        What a handler raises comes out, the message still in hand.
        """
        self._caller.serves = True
        while True:
            try:
                envelope = await self._inbox.take()
            except trio.EndOfChannel:
                return
            try:
                await self._handle(handle, envelope)
            except UnhandledMessage as error:
                self._inbox.settle(envelope)
                self._inbox.bury([envelope], "unhandled", error)
            # The next message may be long in coming, and this one may be megabytes.
            del envelope

    async def _handle(self, handle: Callable[[M, Context[M]], Awaitable[object]], envelope: Envelope) -> None:
        message = cast("M", envelope.message)
        if envelope.answer is None:
            await handle(message, self)
            self._inbox.settle(envelope)
            return
        DEADLINE.set(envelope.answer.deadline)
        try:
            value = await handle(message, self)
        finally:
            DEADLINE.set(inf)
        # The handler may have answered already.
        if self._inbox.settle(envelope):
            self._give(envelope.answer, value)


class Actor(Generic[M]):
    """Something that lives as one task, reads one mailbox and is restarted when it fails.

    Override `handle`; for sources and for actors that work in batches override `run` instead. Whatever an actor keeps
    in its attributes is gone with its incarnation: a restart makes a new object and calls `on_start` again.
    """

    async def on_start(self, ctx: Context[M]) -> None:
        """Prepare one incarnation. The next child is started only when this has returned.

        Raises:
            StartIgnored: There is nothing to do; the child stays down without being a failure.
        """

    async def handle(self, message: M, ctx: Context[M]) -> object:
        """Handle one message; what is returned answers an ask.

        An exception fails the actor, and `ActorFailed` tells the asker. For an error that is part of the conversation
        use `ctx.fail`; for a message that is not known raise `UnhandledMessage`.
        """
        raise UnhandledMessage(message)

    async def run(self, ctx: Context[M]) -> None:
        """Live: by default, handle message after message. Returning is a normal exit."""
        await ctx.serve(self.handle)

    async def on_stop(self, outcome: Outcome) -> None:
        """Clean up after a completed `on_start`, however this incarnation ended.

        It is shielded from cancellation and bounded in time; it is not called for a child with `shutdown="kill"`.
        """


AnyActor = Actor[Any]
