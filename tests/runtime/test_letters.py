from __future__ import annotations

from collections import Counter

import pytest
import trio
import trio.testing

from mocha_actors.runtime import ChildSpec, DynamicSupervisorSpec, Restart, SupervisorSpec, open_supervisor
from mocha_actors.runtime.testing import EventLog

from .toys import Boom, child, settle


def told(events: EventLog) -> list[tuple[float, str, int]]:
    """When which reason was told, and of how many letters."""
    return [
        (event.at, str(event.fields["reason"]), int(str(event.fields["count"])))
        for event in events.named("message.dead", "message.poison")
    ]


async def test_busy_sender_to_a_stopped_actor_does_not_fill_the_log(autojump_clock: trio.testing.MockClock) -> None:
    """The first letter is told at once, later ones once a second with their number, the last ones at the end."""
    events = EventLog()
    async with open_supervisor(SupervisorSpec((child("a"),)), on_event=events) as sup:
        await sup.terminate_child("a")
        for _ in range(30):
            assert not sup.ref("a").tell_nowait("anybody?")
            await trio.sleep(0.125)
        assert [(0, "stopped", 1), (1, "stopped", 8), (2, "stopped", 8), (3, "stopped", 8)] == told(events)
        assert {("mocha/a", "stopped"): 30} == sup.dead_letters.counts
    assert 30 == sum(count for _, _, count in told(events))


async def test_letter_of_a_crash_is_always_told(autojump_clock: trio.testing.MockClock) -> None:
    """However fast crashes follow each other: restarts are bounded, and each loses another message."""
    events = EventLog()
    async with open_supervisor(SupervisorSpec((child("a"),), max_restarts=9), on_event=events) as sup:
        for _ in range(5):
            await sup.ref("a").tell(Boom())
        await settle()
    assert [(0, "failed", 1)] * 5 == told(events)


async def test_letters_of_children_that_come_and_go_are_counted_with_their_pool() -> None:
    """Nothing is kept for each of them, whatever their number, and no letter is missing; also of one told too late."""
    events = EventLog()
    pool = DynamicSupervisorSpec(child("worker", restart=Restart.TEMPORARY))
    async with open_supervisor(SupervisorSpec((ChildSpec("pool", pool),)), on_event=events) as sup:
        for _ in range(20):
            worker = await sup.start_child(under="pool")
            assert worker is not None
            await worker.tell(Boom())
            await settle()
            assert not worker.tell_nowait("too late")
        assert {("mocha/pool", "failed"): 20, ("mocha/pool", "stopped"): 20} == sup.dead_letters.counts
        assert len(sup.dead_letters._reports) <= 2
        assert {"mocha/pool/worker-7", "mocha/pool/worker-20"} < {each.path for each in sup.dead_letters.newest}
    by_reason: Counter[str] = Counter()
    for _, reason, count in told(events):
        by_reason[reason] += count
    assert {"failed": 20, "stopped": 20} == by_reason


@pytest.mark.parametrize("depth", [1, 2])
async def test_letters_below_a_supervisor_that_is_forgotten_are_kept(depth: int) -> None:
    """They go up as far as what is forgotten with it."""
    inner = SupervisorSpec((child("leaf"),))
    for _ in range(depth - 1):
        inner = SupervisorSpec((ChildSpec("between", inner),))
    path = "/".join(["top", *["between"] * (depth - 1), "leaf"])
    async with open_supervisor(DynamicSupervisorSpec(), on_event=EventLog()) as sup:
        await sup.start_child(ChildSpec("top", inner))
        await sup.ref(path).tell(Boom())
        await settle()
        await sup.terminate_child("top")
        assert {("mocha", "failed"): 1} == sup.dead_letters.counts
