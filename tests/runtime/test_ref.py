from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors.runtime import (
    Actor,
    ActorDead,
    ActorFailed,
    ActorRef,
    AskTimeout,
    ChildSpec,
    Context,
    Mailbox,
    MailboxFull,
    Overflow,
    Request,
    Restart,
    SelfAsk,
    SupervisorSpec,
    UnhandledMessage,
    WaitsForItself,
    new_ref,
    open_supervisor,
)

from .toys import NO_WAIT, Boom, Echo, Forever, Ping, Recorder, settle


@dataclass(frozen=True)
class Double(Request[int]):
    """Asks for twice the number, after some seconds."""

    number: int
    seconds: float = 0.0


class Doubler(Actor[Any]):
    """Answers `Double`, refuses 13 politely, fails on 666."""

    async def handle(self, message: Any, ctx: Context[Any]) -> object:
        match message:
            case Double(13):
                ctx.fail(message, KeyError("unlucky"))
                return None
            case Double(666):
                raise Boom("evil")
            case Double(number, seconds):
                await trio.sleep(seconds)
                return 2 * number
        raise UnhandledMessage(message)


def tree(ref: ActorRef[Any], actor: Any = Doubler, **options: Any) -> SupervisorSpec:
    """One actor behind the ref."""
    return SupervisorSpec(children=(ChildSpec("it", actor, ref=ref, backoff=NO_WAIT, **options),))


async def test_ask_returns_what_the_handler_returned() -> None:
    """The answer is the handler's return value."""
    ref = new_ref("doubler")
    async with open_supervisor(tree(ref)):
        assert 42 == await ref.ask(Double(21), timeout=1)


async def test_messages_told_before_there_is_a_tree_are_handled_by_it() -> None:
    """A ref is an address with a live mailbox from the start."""
    ref, handled = new_ref("early"), []
    await ref.tell("early")
    assert ref.tell_nowait("bird")
    async with open_supervisor(tree(ref, partial(Echo, handled))):
        pass
    assert ["early", "bird"] == handled


async def test_handler_that_raises_fails_the_asker_and_the_actor() -> None:
    """The asker gets ActorFailed with the cause; the actor is restarted and answers again."""
    ref, recorder = new_ref("doubler"), Recorder()
    async with open_supervisor(tree(ref), on_event=recorder) as sup:
        with pytest.raises(ActorFailed, match="mocha/it failed while it handled Double") as caught:
            await ref.ask(Double(666), timeout=1)
        assert isinstance(caught.value.__cause__, Boom)
        assert 2 == await ref.ask(Double(1), timeout=1)
        assert 1 == sup.tree().children[0].incarnation
        assert 0 == sup.dead_letters.total


async def test_domain_error_reaches_the_asker_and_fails_nobody() -> None:
    """`ctx.fail` raises the very error at the asker."""
    ref = new_ref("doubler")
    async with open_supervisor(tree(ref)) as sup:
        with pytest.raises(KeyError, match="unlucky"):
            await ref.ask(Double(13), timeout=1)
        assert 0 == sup.tree().children[0].incarnation


async def test_unknown_message_is_the_senders_mistake() -> None:
    """An ask is answered with ActorFailed, a tell is a dead letter, and the actor goes on."""
    ref = new_ref("doubler")
    async with open_supervisor(tree(ref)) as sup:
        with pytest.raises(ActorFailed) as caught:
            await ref.ask(Ping(), timeout=1)
        assert isinstance(caught.value.__cause__, UnhandledMessage)
        await ref.tell("hello")
        await settle()
        assert {("mocha/it", "unhandled"): 1} == sup.dead_letters.counts
        assert 0 == sup.tree().children[0].incarnation


async def test_ask_times_out_and_the_late_reply_is_a_dead_letter(autojump_clock: trio.testing.MockClock) -> None:
    """The timeout concerns the asker only; the answer that nobody waits for is counted."""
    ref, recorder = new_ref("doubler"), Recorder()
    async with open_supervisor(tree(ref), on_event=recorder) as sup:
        with pytest.raises(AskTimeout, match="mocha/it did not answer Double within 2 s"):
            await ref.ask(Double(4, seconds=3), timeout=2)
        assert 2 == trio.current_time()
        await trio.sleep(2)
        assert [(8, "late_reply")] == [(letter.message, letter.reason) for letter in sup.dead_letters.newest]
    assert 1 == len(recorder.named("ask.timeout"))


async def test_expired_request_is_not_handled(autojump_clock: trio.testing.MockClock) -> None:
    """A request whose asker gave up while it waited is dropped before it costs anything."""
    ref, handled = new_ref("doubler"), []

    class Slow(Actor[Any]):
        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            handled.append(message)
            await trio.sleep(5)
            return None

    async with open_supervisor(tree(ref, Slow)) as sup:
        await ref.tell("first")
        with pytest.raises(AskTimeout):
            await ref.ask(Double(1), timeout=1)
        await trio.sleep(10)
        assert ["first"] == handled
        assert {("mocha/it", "expired"): 1} == sup.dead_letters.counts


async def test_asks_inside_a_handler_end_with_the_request_they_serve(autojump_clock: trio.testing.MockClock) -> None:
    """Nested asks inherit the smaller deadline."""
    front, back = new_ref("front"), new_ref("back")
    seen = []

    class Front(Actor[Any]):
        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            try:
                return await back.ask(Double(1, seconds=30), timeout=20)
            except AskTimeout:
                seen.append(trio.current_time())
                return None

    spec = SupervisorSpec(
        children=(ChildSpec("back", Doubler, ref=back, shutdown="kill"), ChildSpec("front", Front, ref=front))
    )
    async with open_supervisor(spec):
        # Both deadlines are the same instant; whether the front still answers in it is open.
        with suppress(AskTimeout):
            await front.ask(Double(1), timeout=3)
    assert [3.0] == seen


async def test_asking_a_stopped_actor_fails_at_once() -> None:
    """No timeout is waited for."""
    ref = new_ref("doubler")
    async with open_supervisor(tree(ref)):
        pass
    with pytest.raises(ActorDead, match="mocha/it is stopped"):
        await ref.ask(Double(1), timeout=60)
    assert not ref.tell_nowait("anything")


async def test_asks_that_wait_fail_promptly_when_the_actor_is_stopped(autojump_clock: trio.testing.MockClock) -> None:
    """Both the one in hand and those in the queue get ActorDead when the time to stop is up."""
    ref, errors = new_ref("doubler"), []

    async def ask() -> None:
        with pytest.raises(ActorDead) as caught:
            await ref.ask(Double(1, seconds=100), timeout=60)
        errors.append((type(caught.value), trio.current_time()))

    async with trio.open_nursery() as nursery, open_supervisor(tree(ref, shutdown=2)):
        nursery.start_soon(ask)
        nursery.start_soon(ask)
        await settle()
    assert [(ActorDead, 2.0)] * 2 == errors


async def test_asks_that_wait_survive_a_restart() -> None:
    """Only the request in hand fails with its handler; the next incarnation answers the others."""
    ref, answers = new_ref("doubler"), []

    async def ask() -> None:
        answers.append(await ref.ask(Double(2), timeout=1))

    async with open_supervisor(tree(ref)), trio.open_nursery() as nursery:
        assert ref.tell_nowait(Double(666))
        nursery.start_soon(ask)
    assert [4] == answers


async def test_actor_that_asks_itself_is_told_so() -> None:
    """It would wait for ever; the error names the mistake."""
    ref, errors = new_ref("narcissus"), []

    class Narcissus(Actor[Any]):
        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            with pytest.raises(SelfAsk, match="mocha/it asked itself") as caught:
                await ref.ask(Ping(), timeout=1)
            errors.append(caught.value)
            return None

    async with open_supervisor(tree(ref, Narcissus)):
        await ref.tell("look")
    assert 1 == len(errors)


@pytest.mark.parametrize("overflow", [Overflow.DROP_NEWEST, Overflow.FAIL])
async def test_ask_of_a_full_mailbox_that_drops_fails(overflow: Overflow) -> None:
    """The asker learns that its request was not taken."""
    ref = new_ref("full", Mailbox(1, overflow))
    async with open_supervisor(tree(ref, Forever, shutdown="kill")):
        await ref.tell("fills it")
        with pytest.raises(MailboxFull):
            await ref.ask(Ping(), timeout=1)


async def test_evicted_ask_fails() -> None:
    """Who is pushed out by a newer message is told."""
    ref = new_ref("full", Mailbox(1, Overflow.DROP_OLDEST))

    async def ask() -> None:
        with pytest.raises(MailboxFull):
            await ref.ask(Ping(), timeout=60)

    async with open_supervisor(tree(ref, Forever, shutdown="kill")), trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await settle()
        await ref.tell("newer")


async def test_cancelled_asker_leaves_nothing_behind(autojump_clock: trio.testing.MockClock) -> None:
    """Its request expires, the mailbox is empty again."""
    ref = new_ref("doubler", Mailbox(10, redeliver=1))
    async with open_supervisor(tree(ref)) as sup:
        with trio.move_on_after(1):
            await ref.ask(Double(1, seconds=5), timeout=60)
        await trio.sleep(5)
        box = sup.tree().children[0].mailbox
        assert box is not None
        assert (0, 0) == (box.used, box.in_hand)


async def test_actor_that_would_wait_for_room_in_its_own_mailbox_is_told_so() -> None:
    """Only it can make room, and not while it waits; what the mailbox holds is handled by the next incarnation."""
    ref, handled = new_ref("it", Mailbox(2)), list[object]()

    class Greedy(Actor[Any]):
        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            handled.append(message)
            if message == "go":
                for number in range(3):
                    await ctx.ref.tell(number)
            return None

    events = Recorder()
    with trio.fail_after(5):
        async with open_supervisor(tree(ref, Greedy), on_event=events):
            await ref.tell("go")
            await settle()
    assert ["go", 0, 1] == handled
    (crash,) = [event.fields["exception"] for event in events.named("child.exited") if event.fields["exception"]]
    assert isinstance(crash, WaitsForItself)
    assert "mocha/it waits for room in its own mailbox" in str(crash)
    assert "use tell_nowait" in str(crash)


async def test_other_tasks_of_an_actor_may_wait_for_room_in_its_mailbox() -> None:
    """The actor goes on receiving meanwhile: nobody is stuck."""
    ref, handled = new_ref("it", Mailbox(1)), list[object]()

    class Feeding(Actor[Any]):
        async def run(self, ctx: Context[Any]) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._feed, ctx)
                await super().run(ctx)

        async def _feed(self, ctx: Context[Any]) -> None:
            for number in range(5):
                await ctx.ref.tell(number)

        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            handled.append(message)
            return None

    with trio.fail_after(5):
        async with open_supervisor(tree(ref, Feeding)):
            while len(handled) < 5:
                await trio.lowlevel.checkpoint()
    assert [0, 1, 2, 3, 4] == handled


async def test_deadline_of_a_request_is_that_of_its_handler_only(autojump_clock: trio.testing.MockClock) -> None:
    """What another task of the actor asks has nothing to do with it; what the handler starts, has."""
    busy, back, seen = new_ref("busy"), new_ref("back"), dict[str, float]()

    async def ask_back(who: str) -> None:
        with suppress(AskTimeout):
            await back.ask(Double(1, seconds=30), timeout=10)
        seen[who] = trio.current_time()

    class Busy(Actor[Any]):
        async def run(self, ctx: Context[Any]) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._poll)
                await super().run(ctx)
                nursery.cancel_scope.cancel()

        async def _poll(self) -> None:
            await trio.sleep(1)
            await ask_back("poll")

        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask_back, "handler")
            return None

    children = (ChildSpec("back", Doubler, ref=back, shutdown="kill"), ChildSpec("busy", Busy, ref=busy))
    async with open_supervisor(SupervisorSpec(children)):
        with suppress(AskTimeout):
            await busy.ask(Double(1), timeout=3)
        await trio.sleep(20)
    assert {"handler": 3.0, "poll": 11.0} == seen


async def test_timeout_tells_how_long_was_really_waited(autojump_clock: trio.testing.MockClock) -> None:
    """Where the deadline was inherited, not the seconds that the ask itself allowed."""
    front, back, texts = new_ref("front"), new_ref("back"), list[str]()

    class Front(Actor[Any]):
        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            with pytest.raises(AskTimeout) as caught:
                await back.ask(Double(1, seconds=30), timeout=20)
            texts.append(str(caught.value))
            return None

    children = (ChildSpec("back", Doubler, ref=back, shutdown="kill"), ChildSpec("front", Front, ref=front))
    async with open_supervisor(SupervisorSpec(children)):
        with suppress(AskTimeout):
            await front.ask(Double(1), timeout=3)
    assert ["mocha/back did not answer Double within 3 s"] == texts


async def test_tree_opened_by_a_handler_does_not_inherit_its_deadline(autojump_clock: trio.testing.MockClock) -> None:
    """It outlives the request, and so do the asks between its actors."""
    back, seen = new_ref("back"), list[object]()

    class Asking(Actor[Any]):
        async def run(self, ctx: Context[Any]) -> None:
            seen.append(await back.ask(Double(4, seconds=5), timeout=10))

    class Opener(Actor[Any]):
        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            children = (ChildSpec("back", Doubler, ref=back), ChildSpec("asking", Asking, restart=Restart.TRANSIENT))
            async with open_supervisor(SupervisorSpec(children), name="inner"):
                await trio.sleep(8)
            return None

    opener = new_ref("opener")
    async with open_supervisor(tree(opener, Opener, shutdown=None)):
        with pytest.raises(AskTimeout):
            await opener.ask(Double(1), timeout=1)
    assert [8] == seen
