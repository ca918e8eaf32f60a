from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio

from mocha_actors.runtime import (
    Actor,
    ActorDead,
    ActorFailed,
    ActorRef,
    ChildSpec,
    Context,
    Mailbox,
    Supervisor,
    SupervisorSpec,
    new_ref,
    open_supervisor,
)

from .toys import NO_WAIT, Boom, Ping, Recorder, settle


def spec(ref: ActorRef[Any], actor: Callable[[], Actor[Any]]) -> SupervisorSpec:
    """One actor behind the ref."""
    return SupervisorSpec(children=(ChildSpec("a", actor, ref=ref, backoff=NO_WAIT),))


class Batcher(Actor[Any]):
    """Takes whatever waits at once, and answers at the end of each batch."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []

    async def run(self, ctx: Context[Any]) -> None:
        async for first in ctx:
            batch = [first]
            while True:
                try:
                    batch.append(ctx.receive_nowait())
                except (trio.WouldBlock, trio.EndOfChannel):
                    break
            if "crash" in batch:
                raise Boom
            for message in batch:
                if isinstance(message, Ping):
                    ctx.reply(message, len(batch))
                else:
                    ctx.done(message)


@pytest.mark.parametrize("redeliver", [0, 1])
async def test_batching_actor_takes_what_waits_and_answers_asks(redeliver: int) -> None:
    """`receive` waits for the first, `receive_nowait` adds the rest; `reply` answers an ask of the batch."""
    ref = new_ref("a", Mailbox(10, redeliver=redeliver))
    for number in range(3):
        await ref.tell(number)
    answers = []

    async def ask() -> None:
        answers.append(await ref.ask(Ping(), timeout=1))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await settle()
        async with open_supervisor(spec(ref, Batcher)) as sup:
            await settle()
            box = sup.tree().children[0].mailbox
            assert box is not None
            assert (0, 0) == (box.used, box.in_hand)
    assert [4] == answers


async def test_crash_over_a_batch_fails_its_asks_and_buries_its_tells() -> None:
    """At most once: what was in hand is not repeated, and every asker is told."""
    ref, errors = new_ref("a"), []

    async def ask() -> None:
        with pytest.raises(ActorFailed) as caught:
            await ref.ask(Ping(), timeout=1)
        errors.append(caught.value.__cause__)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await settle()
        await ref.tell("crash")
        async with open_supervisor(spec(ref, Batcher)) as sup:
            await settle()
            assert {("mocha/a", "failed"): 1} == sup.dead_letters.counts
    assert [Boom] == [type(error) for error in errors]


async def test_actor_that_ends_without_answering_leaves_no_asker_waiting() -> None:
    """An ask has exactly one outcome, whatever a `run` forgets."""

    class Forgetful(Actor[Any]):
        async def run(self, ctx: Context[Any]) -> None:
            async for _ in ctx:
                return

    ref = new_ref("a")
    async with open_supervisor(spec(ref, Forgetful)):
        with pytest.raises(ActorDead):
            await ref.ask(Ping(), timeout=60)


async def in_handler(action: Callable[[Context[Any], Any], object], *, redeliver: int = 0, ask: bool = False) -> object:
    """What an action inside a handler raises, or returns."""
    results: list[object] = []

    class Acts(Actor[Any]):
        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            try:
                results.append(action(ctx, message))
            except ValueError as error:
                results.append(str(error))
            return "returned"

    ref = new_ref("a", Mailbox(10, redeliver=redeliver))
    async with open_supervisor(spec(ref, Acts)):
        results.append(await ref.ask(Ping(), timeout=1) if ask else await ref.tell("message"))
        await settle()
    return results


async def test_settling_what_is_not_in_hand_is_an_error_that_names_actor_and_type() -> None:
    """Under at least once a wrong `done` would hide a message that is never settled."""
    found = await in_handler(lambda ctx, _: ctx.done("other"), redeliver=1)
    assert "mocha/a: done() for a str that is not in hand" in found
    assert "mocha/a: deliveries() for a str that is not in hand" in await in_handler(lambda ctx, _: ctx.deliveries("x"))


async def test_replying_to_a_tell_is_an_error() -> None:
    """Nobody waits for it."""
    assert "mocha/a: reply() to a str that was told, not asked" in await in_handler(
        lambda ctx, each: ctx.reply(each, 1)
    )
    found = await in_handler(lambda ctx, each: ctx.fail(each, KeyError()))
    assert "mocha/a: fail() for a str that was told, not asked" in found


async def test_reply_inside_a_handler_wins_over_its_return_value() -> None:
    """The first answer counts."""
    assert "early" in await in_handler(lambda ctx, each: ctx.reply(each, "early"), ask=True)
    assert "returned" in await in_handler(lambda _, __: None, ask=True)


async def test_actors_own_events_carry_path_and_incarnation() -> None:
    """`emit` publishes through the same hook."""
    recorder, ref = Recorder(), new_ref("a")

    class Tells(Actor[Any]):
        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            ctx.emit("cache.shrunk", entries=7)
            return None

    async with open_supervisor(spec(ref, Tells), on_event=recorder):
        await ref.tell("go")
    event = recorder.named("cache.shrunk")[0]
    assert ("mocha/a", 0, {"entries": 7}) == (event.path, event.incarnation, dict(event.fields))


async def test_actor_without_a_handler_buries_what_it_gets() -> None:
    """The default handler knows no message."""
    ref = new_ref("a")
    sup: Supervisor
    async with open_supervisor(spec(ref, Actor)) as sup:
        await ref.tell("hello")
    assert {("mocha/a", "unhandled"): 1} == sup.dead_letters.counts
