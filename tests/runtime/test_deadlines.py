from __future__ import annotations

import trio
import trio.testing

from mocha_actors.runtime.deadlines import SPARE, Deadlines, current_deadlines
from mocha_actors.runtime.envelope import Answer


async def waiting(seconds: float) -> float:
    """When an asker gives up who waits from now on for so long."""
    answer = Answer(trio.current_time() + seconds)
    current_deadlines().add(answer)
    await answer.wait()
    assert answer.abandoned
    return trio.current_time()


async def test_answers_are_given_up_at_their_own_deadlines(autojump_clock: trio.testing.MockClock) -> None:
    """In whatever order they were asked for."""
    ends: dict[float, float] = {}

    async def note(seconds: float) -> None:
        ends[seconds] = await waiting(seconds)

    async with trio.open_nursery() as nursery:
        for seconds in (5.0, 1.0, 3.0, 1.0, 9.0):
            nursery.start_soon(note, seconds)
            await trio.testing.wait_all_tasks_blocked()
    assert {1.0: 1.0, 3.0: 3.0, 5.0: 5.0, 9.0: 9.0} == ends


async def test_settled_answer_is_not_given_up(autojump_clock: trio.testing.MockClock) -> None:
    """Its asker has gone on long before."""
    answer = Answer(trio.current_time() + 1)
    current_deadlines().add(answer)
    answer.give("value")
    await answer.wait()
    await trio.sleep(2)
    assert ("value", False) == (answer.result(), answer.abandoned)


async def test_deadline_that_has_passed_gives_up_at_once(autojump_clock: trio.testing.MockClock) -> None:
    """A timeout of zero waits for nobody."""
    await trio.sleep(10)
    assert 10.0 == await waiting(0)
    assert 10.0 == await waiting(-5)


async def test_asker_that_is_cancelled_waits_no_longer() -> None:
    """And who answers later finds nobody to wake."""
    answer = Answer(trio.current_time() + 60)
    current_deadlines().add(answer)
    with trio.CancelScope() as scope:
        scope.cancel()
        await answer.wait()
    assert scope.cancelled_caught
    answer.give("too late to matter")


async def test_settled_answers_do_not_pile_up_behind_one_that_waits() -> None:
    """However many asks are answered during the wait of a patient one."""
    deadlines = Deadlines()
    deadlines.add(Answer(1.0))
    for _ in range(10 * SPARE):
        answer = Answer(2.0)
        deadlines.add(answer)
        answer.give(None)
    assert len(deadlines._heap) <= SPARE + 3
