from __future__ import annotations

from collections.abc import Callable

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from mocha_actors.runtime import Exited, Failed, Killed, Mailbox, MailboxFull, Overflow, Stopped
from mocha_actors.runtime.events import Journal
from mocha_actors.runtime.inbox import TAKES_PER_STEP, Inbox
from mocha_actors.runtime.letters import DeadLetters

from .toys import Boom, Recorder, settle

CRASH = Failed(Boom("crash"))


def inbox(recorder: Recorder | None = None, **policy: object) -> Inbox:
    """An inbox that keeps its dead letters."""
    box = Inbox("box", Mailbox(**policy))
    box.letters = DeadLetters(Journal(recorder))
    return box


async def put(box: Inbox, *messages: object) -> None:
    """Send messages, waiting as the policy says."""
    for message in messages:
        envelope = box.envelope(message)
        if not box.offer(envelope):
            await box.post(envelope)


def take(box: Inbox) -> object:
    """Receive one message without waiting."""
    return box.take_nowait().message


def take_all(box: Inbox) -> list[object]:
    """Receive everything that waits."""
    taken = []
    while box.statistics().waiting:
        taken.append(take(box))
    return taken


def done(box: Inbox, message: object) -> None:
    """Settle a message in hand."""
    envelope = box.in_hand(message)
    assert envelope is not None
    box.settle(envelope)


def dead(box: Inbox) -> list[tuple[object, str]]:
    """The dead letters so far."""
    assert box.letters is not None
    return [(letter.message, letter.reason) for letter in box.letters.newest]


async def test_messages_come_out_in_the_order_sent() -> None:
    """First in, first out."""
    box = inbox()
    await put(box, 1, 2, 3)
    assert [1, 2, 3] == take_all(box)


async def test_sender_waits_until_there_is_room_for_its_weight() -> None:
    """Capacity is counted in weight: what does not fit waits, and goes in as soon as it fits."""
    box, log = inbox(capacity=10, weigh=len), []
    await put(box, "aaaa", "bbbb")

    async def send() -> None:
        await put(box, "ccccc")
        log.append("sent")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await settle()
        assert [] == log
        assert "aaaa" == take(box)
        await settle()
        assert ["sent"] == log
    assert (9, 2) == (box.statistics().used, box.statistics().waiting)


async def test_waiting_senders_are_served_first_come_first_served() -> None:
    """A light message does not overtake a heavy one that waits, nor does a newcomer."""
    box, log = inbox(capacity=10, weigh=len), []
    await put(box, "aaaaaaaa")

    async def send(message: str) -> None:
        await put(box, message)
        log.append(message)

    async with trio.open_nursery() as nursery:
        for message in ("bbbbb", "c"):
            nursery.start_soon(send, message)
            await settle()
        assert not box.offer(box.envelope("d"))
        assert "aaaaaaaa" == take(box)
        await settle()
    assert {"bbbbb", "c"} == set(log)
    assert ["bbbbb", "c"] == take_all(box)


async def test_cancelled_sender_lets_those_behind_it_pass() -> None:
    """When the heavy one at the head of the queue gives up, lighter ones behind it go in."""
    box, head = inbox(capacity=10, weigh=len), trio.CancelScope()
    await put(box, "aaaaaaaa")

    async def send_heavy() -> None:
        with head:
            await put(box, "bbbbb")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_heavy)
        await settle()
        nursery.start_soon(put, box, "c")
        await settle()
        head.cancel()
    assert ["aaaaaaaa", "c"] == take_all(box)


async def test_message_heavier_than_the_mailbox_is_accepted_when_it_is_empty() -> None:
    """Otherwise it could never be sent."""
    box = inbox(capacity=3, weigh=len)
    await put(box, "aaaaaaaaaa")
    assert not box.offer(box.envelope("b"))
    take(box)
    assert box.offer(box.envelope("b"))


async def test_bytes_are_a_second_limit() -> None:
    """A message must fit by weight and by bytes."""
    box = inbox(capacity=100, max_bytes=10, size=len)
    await put(box, "aaaaaa")
    assert not box.offer(box.envelope("bbbbb"))
    assert box.offer(box.envelope("bbbb"))
    assert 10 == box.statistics().used_bytes


async def test_weight_in_hand_counts_until_done_under_at_least_once() -> None:
    """Otherwise an actor that holds messages would defeat the limit; under at most once it is free when received."""
    kept, free = inbox(capacity=2, redeliver=1), inbox(capacity=2)
    for box in (kept, free):
        await put(box, "a", "b")
        take(box)
    assert [2, 1] == [kept.statistics().used, free.statistics().used]
    done(kept, "a")
    assert 1 == kept.statistics().used


@pytest.mark.parametrize(
    ("overflow", "left", "lost"),
    [(Overflow.DROP_NEWEST, [1, 2], [3, 4]), (Overflow.DROP_OLDEST, [3, 4], [1, 2])],
)
async def test_dropping_policies_bury_what_does_not_fit(
    overflow: Overflow, left: list[object], lost: list[object]
) -> None:
    """Each dropped message is a dead letter; an episode of overflow is one event."""
    recorder = Recorder()
    box = inbox(recorder, capacity=2, overflow=overflow)
    await put(box, 1, 2, 3, 4)
    assert [(message, "overflow") for message in lost] == dead(box)
    assert left == take_all(box)
    assert ["mailbox.overflow"] == [event.name for event in recorder.events]


async def test_drop_oldest_never_drops_what_is_in_hand() -> None:
    """When everything is in hand there is nothing to evict, so the new message is refused."""
    box = inbox(capacity=1, overflow=Overflow.DROP_OLDEST, redeliver=1)
    await put(box, "held")
    take(box)
    await put(box, "new")
    assert [("new", "overflow")] == dead(box)


async def test_overflow_is_told_again_after_the_mailbox_was_half_empty() -> None:
    """One event per episode, not per message."""
    recorder = Recorder()
    box = inbox(recorder, capacity=2, overflow=Overflow.DROP_NEWEST)
    await put(box, 1, 2, 3, 4)
    take(box)
    await put(box, 5, 6)
    assert 2 == len(recorder.events)


async def test_failing_policy_raises_to_the_sender() -> None:
    """FAIL tells the sender, who still has the message, so it is no dead letter."""
    box = inbox(capacity=1, overflow=Overflow.FAIL)
    await put(box, 1)
    with pytest.raises(MailboxFull, match=r"the mailbox of box is full \(capacity 1\)"):
        await put(box, 2)
    assert [] == dead(box)


@pytest.mark.parametrize("overflow", list(Overflow))
async def test_sending_without_waiting_is_refused_and_counted_when_full(overflow: Overflow) -> None:
    """`post_nowait` never waits and never raises: false, or an older one makes room."""
    box = inbox(capacity=1, overflow=overflow)
    await put(box, 1)
    accepted = box.post_nowait(box.envelope(2))
    assert (overflow is Overflow.DROP_OLDEST) is accepted
    assert [(1 if accepted else 2, "overflow")] == dead(box)


async def test_crash_puts_back_what_was_in_hand_at_the_front_in_order() -> None:
    """At least once: messages not done come again, before those that wait, in their old order."""
    box = inbox(redeliver=2)
    await put(box, "a", "b", "c", "d", "e")
    for _ in range(4):
        take(box)
    done(box, "b")
    box.end_incarnation(CRASH)
    assert ["a", "c", "d", "e"] == take_all(box)
    assert [2, 1] == [box.in_hand(each).deliveries for each in ("a", "e")]


async def test_the_same_object_may_be_in_hand_twice() -> None:
    """Settling goes by identity, and one settles one."""
    box, twin = inbox(redeliver=1), object()
    await put(box, twin, "between", twin)
    take_all(box)
    done(box, twin)
    box.end_incarnation(CRASH)
    assert ["between", twin] == take_all(box)


async def test_message_is_poison_after_all_its_redeliveries() -> None:
    """`redeliver=2` means three deliveries; then it is a dead letter and its room is free."""
    recorder = Recorder()
    box = inbox(recorder, redeliver=2)
    await put(box, "bad")
    for _ in range(3):
        assert "bad" == take(box)
        box.end_incarnation(CRASH)
    assert [("bad", "poison")] == dead(box)
    assert (0, 0) == (box.statistics().used, box.statistics().waiting)
    assert ["message.poison"] == [event.name for event in recorder.events]


@pytest.mark.parametrize("outcome", [Stopped(), Killed(), Exited()])
async def test_only_a_crash_uses_up_a_delivery(outcome: Stopped | Killed | Exited) -> None:
    """A message is no poison because its actor was stopped over it."""
    box = inbox(redeliver=1)
    await put(box, "good")
    for _ in range(5):
        assert "good" == take(box)
        box.end_incarnation(outcome)
    assert [] == dead(box)


@pytest.mark.parametrize(("outcome", "letters"), [(CRASH, ["failed"]), (Killed(), ["killed"]), (Stopped(), [])])
async def test_at_most_once_buries_what_a_crash_interrupts(
    outcome: Failed | Killed | Stopped, letters: list[str]
) -> None:
    """The message in hand at a crash is not repeated; what still waits is kept."""
    box = inbox()
    await put(box, "in hand", "waiting")
    await box.take()
    box.end_incarnation(outcome)
    assert [("in hand", reason) for reason in letters] == dead(box)
    assert ["waiting"] == take_all(box)


async def test_asking_for_the_next_message_settles_the_ones_before_under_at_most_once() -> None:
    """A crash then concerns only what was taken since the last `take`."""
    box = inbox()
    await put(box, 1, 2, 3, 4)
    await box.take()
    take(box)
    await box.take()
    take(box)
    box.end_incarnation(CRASH)
    assert [(3, "failed"), (4, "failed")] == dead(box)


async def test_receiver_of_a_full_mailbox_lets_others_run_now_and_then() -> None:
    """A handler that never waits must not keep everybody else from running until its mailbox is empty."""
    box = inbox()
    await put(box, *range(2 * TAKES_PER_STEP))
    for _ in range(2):
        with trio.testing.assert_checkpoints():
            for _ in range(TAKES_PER_STEP):
                await box.take()


async def test_draining_delivers_the_rest_and_then_ends() -> None:
    """A drained mailbox takes nothing new; a receiver that waits is told at once."""
    box = inbox()
    await put(box, 1)
    box.drain()
    await put(box, 2)
    assert 1 == take(box)
    with pytest.raises(trio.EndOfChannel):
        await box.take()
    assert [(2, "stopped")] == dead(box)


@pytest.mark.parametrize("end", [Inbox.drain, Inbox.suspend, Inbox.close])
async def test_waiting_receiver_learns_of_the_end(end: Callable[[Inbox], None]) -> None:
    """Whichever way deliveries end, nobody is left waiting."""
    box = inbox()

    async def receive() -> None:
        with pytest.raises(trio.EndOfChannel):
            await box.take()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await settle()
        end(box)


async def test_suspended_mailbox_keeps_what_it_has_and_takes_more() -> None:
    """Between two incarnations nothing is delivered and nothing is lost."""
    box = inbox()
    await put(box, 1)
    box.suspend()
    with pytest.raises(trio.EndOfChannel):
        await box.take()
    await put(box, 2)
    box.open()
    assert [1, 2] == take_all(box)


async def test_closing_buries_what_waits_and_frees_waiting_senders() -> None:
    """Nobody waits for a stopped actor; it may be opened again."""
    box = inbox(capacity=1)
    await put(box, 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(put, box, 2)
        await settle()
        box.close()
    await put(box, 3)
    assert [(1, "stopped"), (2, "stopped"), (3, "stopped")] == sorted(dead(box))
    assert 0 == box.statistics().used
    box.open()
    await put(box, 4)
    assert [4] == take_all(box)


async def test_closing_while_a_message_is_on_its_way_to_a_receiver_loses_nothing() -> None:
    """A message handed to a receiver that has not run yet is received, not buried and not counted twice."""
    box, got = inbox(), []

    async def receive() -> None:
        got.append((await box.take()).message)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await settle()
        await put(box, 1)
        box.close()
    assert ([1], []) == (got, dead(box))
    assert 0 == box.statistics().waiting


async def test_statistics_tell_fill_peak_and_age(autojump_clock: trio.testing.MockClock) -> None:
    """What a person asks of a full mailbox."""
    box = inbox(capacity=5, redeliver=1)
    await put(box, "a")
    await trio.sleep(2)
    await put(box, "b", "c")
    take(box)
    await trio.sleep(1)
    seen = box.statistics()
    assert (3, 5, 3, 2, 1, 1.0) == (seen.used, seen.capacity, seen.peak, seen.waiting, seen.in_hand, seen.oldest_age)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 4)),
        st.tuples(st.sampled_from(["take", "done", "crash", "stop", "suspend", "open"]), st.integers(0, 3)),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(
    steps=STEPS,
    redeliver=st.integers(0, 2),
    overflow=st.sampled_from([Overflow.BLOCK, Overflow.DROP_NEWEST, Overflow.DROP_OLDEST]),
)
def test_messages_are_conserved_under_every_crash(
    steps: list[tuple[str, int]], redeliver: int, overflow: Overflow
) -> None:
    """Sent = handled + dead + waiting + in hand; the weight in use is that of what the limit concerns; order is kept."""
    trio.run(_conserve, steps, inbox(capacity=8, overflow=overflow, redeliver=redeliver, weigh=lambda each: each[1]))


async def _conserve(steps: list[tuple[str, int]], box: Inbox) -> None:
    assert box.letters is not None
    sent, handled, hand = 0, [], []
    for step, number in steps:
        match step:
            case "send":
                envelope = box.envelope((sent, number))
                sent += 1
                if not box.offer(envelope):
                    box.post_nowait(envelope)
            case "take" if box.statistics().waiting and box.gate.value == "open":
                hand.append(take(box))
            case "done" if hand:
                handled.append(hand.pop(number % len(hand)))
                done(box, handled[-1])
            case "crash":
                box.end_incarnation(CRASH)
                hand.clear()
            case "stop":
                handled += [] if box.policy.redeliver else hand
                box.end_incarnation(Stopped())
                hand.clear()
            case "suspend" | "open":
                getattr(box, step)()
        seen = box.statistics()
        assert sent == len(handled) + box.letters.total + seen.waiting + seen.in_hand
        assert seen.in_hand == len(hand)
    held = sum(weight for _, weight in hand) if box.policy.redeliver else 0
    box.open()
    rest = take_all(box)
    assert rest == sorted(rest)
    used = sum(weight for _, weight in rest) if box.policy.redeliver else 0
    assert box.statistics().used == held + used
