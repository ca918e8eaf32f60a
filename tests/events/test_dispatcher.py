"""The dispatcher: the writer first, then each processor its entries."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import trio

from mocha_actors.discord.events import Event, Message, MessageCreate, Resumed, UndecodableEvent, UnknownEvent, User
from mocha_actors.events.dispatcher import Dispatcher, assign
from mocha_actors.pipeline.batch import IGNORED, Batch, DeadLetter, Work
from mocha_actors.pipeline.notices import Flush, Resubmit
from mocha_actors.runtime import Actor, ActorRef, ChildSpec, Context, Mailbox, SupervisorSpec, new_ref, open_supervisor


def message(s: int) -> MessageCreate:
    """A guild message."""
    return MessageCreate(s=s, d=Message(id=s, channel_id=1, guild_id=1, author=User(id=1)))


def batch_of(*events: Event) -> Batch:
    """A batch of these events."""
    return Batch(0, "session", list(events), received_at=0.0, received_ms=0, size=1)


def test_each_open_entry_goes_to_its_processor_and_the_rest_is_settled_here() -> None:
    """Unrouted and unknown events are ignored; undecodable ones become redacted dead letters; settled ones are passed over."""
    processor: ActorRef[Work] = new_ref("message")
    raw = b'{"t":"MESSAGE_CREATE","s":4,"op":0,"d":{"content":"secret words"}}'
    undecodable = UndecodableEvent(t="MESSAGE_CREATE", s=4, error="Object missing required field `id`", raw=raw)
    batch = batch_of(message(1), Resumed(s=2), UnknownEvent(t="NEW", s=3), undecodable, message(5), message(6))
    batch.settle(4, IGNORED)

    work = assign(batch, {MessageCreate: processor})

    assert {processor: [0, 5]} == work
    assert [IGNORED, IGNORED] == batch.outcomes[1:3]
    letter = batch.outcomes[3]
    assert isinstance(letter, DeadLetter)
    assert ("undecodable", undecodable.error) == (letter.reason, letter.error)
    assert b"secret words" not in letter.payload


class Recorder(Actor[object]):
    """Notes whom was told what, and answers a Flush."""

    def __init__(self, name: str, log: list[tuple[str, object]], after: Callable[[], object] = lambda: None) -> None:
        self._name, self._log, self._after = name, log, after

    async def handle(self, message: object, ctx: Context[object]) -> None:
        self._log.append((self._name, message.batch if isinstance(message, Work) else message))


async def dispatched(*messages: object) -> list[tuple[str, object]]:
    """What writer and processor are told when the dispatcher is told ``messages``; both share one log."""
    log: list[tuple[str, object]] = []
    writer, processor, dispatcher = new_ref("writer"), new_ref("message"), new_ref("dispatcher")
    children = (
        ChildSpec("writer", partial(Recorder, "writer", log), ref=writer),
        ChildSpec("message", partial(Recorder, "message", log), ref=processor),
        ChildSpec("dispatcher", partial(Dispatcher, writer, {MessageCreate: processor}), ref=dispatcher),
    )
    async with open_supervisor(SupervisorSpec(children=children)):
        for item in messages:
            if isinstance(item, Flush):
                await dispatcher.ask(item, timeout=1)
            else:
                await dispatcher.tell(item)
        await trio.testing.wait_all_tasks_blocked()
    return log


async def test_no_processor_gets_a_batch_that_the_writer_has_not_taken(autojump_clock: trio.testing.MockClock) -> None:
    """The writer must know the order first: while its mailbox is full, the processors wait too."""
    log: list[tuple[str, object]] = []
    writer, processor, dispatcher = new_ref("writer", Mailbox(1)), new_ref("message"), new_ref("dispatcher")
    children = (
        ChildSpec("message", partial(Recorder, "message", log), ref=processor),
        ChildSpec(
            "dispatcher", partial(Dispatcher, writer, {MessageCreate: processor}), ref=dispatcher, shutdown="kill"
        ),
    )
    first, second = batch_of(message(1)), batch_of(message(2))
    async with open_supervisor(SupervisorSpec(children=children)):
        await dispatcher.tell(first)
        await dispatcher.tell(second)
        await trio.testing.wait_all_tasks_blocked()

        assert [("message", first)] == log


async def test_a_resubmitted_batch_goes_to_the_processors_alone(autojump_clock: trio.testing.MockClock) -> None:
    """The writer has it in hand already."""
    batch = batch_of(message(1))

    assert [("message", batch)] == await dispatched(Resubmit(batch))


async def test_a_flush_reaches_the_writer_behind_every_batch_before_it(autojump_clock: trio.testing.MockClock) -> None:
    """So its answer means that everything handed over before is committed."""
    batch = batch_of(message(1))

    log = await dispatched(batch, Flush())

    assert [batch, Flush()] == [told for name, told in log if name == "writer"]
