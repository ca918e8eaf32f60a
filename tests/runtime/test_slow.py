from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
import trio

from mocha_actors.runtime import Actor, ChildSpec, Context, SupervisorSpec, open_supervisor
from mocha_actors.runtime import slow as slow_module
from mocha_actors.runtime.events import Journal
from mocha_actors.runtime.ref import CALLER, Caller
from mocha_actors.runtime.slow import SlowSteps

from .toys import Ping, Recorder


async def test_actor_that_holds_the_loop_is_named_with_the_message_in_hand() -> None:
    """A step over a tenth of a second is told; waiting is not a step, and other trees' actors are not ours."""
    recorder, other, now = Recorder(), Recorder(), [0.0]
    slow = SlowSteps(Journal(recorder), clock=lambda: now[0])
    foreign = SlowSteps(Journal(other), clock=lambda: now[0])

    class Busy(Actor[Any]):
        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            caller = CALLER.get()
            assert caller is not None
            CALLER.set(Caller(caller.inbox, slow._journal))
            await trio.lowlevel.checkpoint()
            now[0] += message
            await trio.lowlevel.checkpoint()
            return None

    async with open_supervisor(SupervisorSpec(children=(ChildSpec("a", Busy),))) as sup:
        for instrument in (slow, foreign):
            trio.lowlevel.add_instrument(instrument)
        await sup.ref("a").tell(0.05)
        await sup.ref("a").tell(0.5)
        await sup.stop()
        for instrument in (slow, foreign):
            trio.lowlevel.remove_instrument(instrument)
    assert [("mocha/a", {"seconds": 0.5, "message_type": "float"})] == [
        (event.path, dict(event.fields)) for event in recorder.named("message.slow")
    ]
    assert [] == other.events


async def test_actor_that_never_reaches_a_checkpoint_is_named_while_it_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, with its path, incarnation, message type and stack; nothing else of the process could tell."""
    monkeypatch.setattr(slow_module, "HUNG_STEP_SECONDS", 0.02)
    reports, reported = [], threading.Event()

    class Report(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            reports.append(record.getMessage())
            reported.set()

    class Stuck(Actor[Any]):
        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            reported.wait(10)
            return reported.is_set()

    handler = Report(level=logging.ERROR)
    logging.getLogger("mocha_actors.runtime").addHandler(handler)
    try:
        async with open_supervisor(SupervisorSpec(children=(ChildSpec("a", Stuck),)), on_event=Recorder()) as sup:
            assert await sup.ref("a").ask(Ping(), timeout=20)
    finally:
        logging.getLogger("mocha_actors.runtime").removeHandler(handler)
    assert 1 == len(reports)
    assert reports[0].startswith("mocha/a#0 has held the event loop for ")
    assert "message in hand: Ping" in reports[0]
    assert "reported.wait(10)" in reports[0]


async def test_watchdog_ends_with_its_tree() -> None:
    """One thread for a tree, whatever the number of its actors; none is left behind."""

    def watchdogs() -> list[threading.Thread]:
        return [each for each in threading.enumerate() if each.name == "mocha-actors-watchdog"]

    before = watchdogs()
    children = tuple(ChildSpec(f"a{number}", Actor) for number in range(10))
    async with open_supervisor(SupervisorSpec(children=children)):
        (thread,) = set(watchdogs()) - set(before)
    thread.join(5)
    assert not thread.is_alive()
