from __future__ import annotations

from typing import Any

import trio

from mocha_actors.runtime import Actor, ChildSpec, Context, SupervisorSpec, open_supervisor
from mocha_actors.runtime.events import Journal
from mocha_actors.runtime.ref import CALLER, Caller
from mocha_actors.runtime.slow import SlowSteps

from .toys import Recorder


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
