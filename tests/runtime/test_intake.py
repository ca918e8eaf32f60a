from __future__ import annotations

import logging
import threading

import pytest
import trio.testing

from mocha_actors.runtime.intake import Intake


async def test_calls_are_made_in_order_those_before_the_opening_included() -> None:
    """Nothing overtakes, whichever thread it comes from."""
    made: list[int] = []
    intake = Intake(100)
    intake.put(lambda: made.append(0))
    intake.open()
    intake.put(lambda: made.append(1))
    thread = threading.Thread(target=intake.put, args=(lambda: made.append(2),))
    thread.start()
    thread.join()
    await trio.testing.wait_all_tasks_blocked()
    assert [0, 1, 2] == made


async def test_calls_above_the_capacity_are_refused_and_counted() -> None:
    """The caller knows; what it may always do it may still do; there is room again once the run has caught up."""
    made: list[int] = []
    intake = Intake(2)
    intake.open()
    accepted = [intake.put(lambda number=number: made.append(number)) for number in range(4)]
    assert ([True, True, False, False], 2) == (accepted, intake.dropped)
    assert intake.put(lambda: made.append(9), always=True)
    await trio.testing.wait_all_tasks_blocked()
    assert [0, 1, 9] == made
    assert intake.put(lambda: made.append(10))


async def test_call_that_raises_is_logged_and_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """Least of all the run of trio."""
    made: list[int] = []
    intake = Intake(10)
    intake.open()
    intake.put(lambda: 1 // 0)
    intake.put(lambda: made.append(1))
    with caplog.at_level(logging.ERROR):
        await trio.testing.wait_all_tasks_blocked()
    assert [1] == made
    assert "a call from outside of the actor runtime failed" in caplog.text


async def test_closed_intake_makes_what_waits_and_takes_nothing_more() -> None:
    """What `put` accepted is never forgotten."""
    made: list[int] = []
    intake = Intake(10)
    intake.open()
    intake.put(lambda: made.append(1))
    intake.close()
    assert [1] == made
    assert not intake.put(lambda: made.append(2))
    assert not intake.put(lambda: made.append(3), always=True)
    assert 1 == intake.dropped
