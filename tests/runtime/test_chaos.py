"""Everything at once: hostile actors, operations from many tasks that are cancelled at any moment, and an end at any moment.

The models of `test_otp` and `test_conservation` do one thing after the other. Here nothing is predicted but what always holds: the tree
comes down in time, no task and no caller is left behind, and every message is accounted for.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors.runtime import (
    Actor,
    ActorDead,
    ActorError,
    AskTimeout,
    Backoff,
    ChildSpec,
    Context,
    DynamicSupervisorSpec,
    FatalChildError,
    Mailbox,
    Outcome,
    Overflow,
    Request,
    Restart,
    RestartNow,
    StartIgnored,
    Strategy,
    Supervisor,
    SupervisorSpec,
    open_supervisor,
)

from .test_containment import ODD
from .toys import Boom, Recorder

NAMES = ("a", "b", "c", "s/x", "s/y", "pool/p-1", "pool/p-2", "pool/p-3")
SECONDS = 30.0
TIME_TO_STOP = 2.0


class Number(Request[int]):
    """A message that is told or asked."""


class Hostile(Actor[Any]):
    """Does at random whatever an actor should not do; and counts what it handled."""

    def __init__(self, rng: Random, handled: list[object]) -> None:
        self._rng, self._handled = rng, handled

    async def _misbehave(self, chance: float) -> None:
        dice = self._rng.random()
        if dice < chance:
            match self._rng.randrange(6):
                case 0:
                    await trio.sleep_forever()
                case 1:
                    await trio.sleep(self._rng.random() * 4)
                case 2:
                    with trio.CancelScope(shield=True):
                        await trio.sleep(self._rng.random())
                case 3:
                    raise RestartNow(Boom())
                case 4:
                    raise Boom
                case _:
                    await self._rng.choice(ODD)()

    async def on_start(self, ctx: Context[Any]) -> None:
        if self._rng.random() < 0.03:
            raise StartIgnored
        # Not the first time, or hardly any tree would ever be up.
        await self._misbehave(0.2 if ctx.incarnation else 0)

    async def handle(self, message: Any, ctx: Context[Any]) -> object:
        await self._misbehave(0.1)
        self._handled.append(message)
        return 1

    async def on_stop(self, outcome: Outcome) -> None:
        await self._misbehave(0.2)


def hostile_tree(rng: Random, handled: list[object]) -> SupervisorSpec:
    """Every strategy, restart type and policy, with budgets that do not end at once."""

    def leaf(name: str) -> ChildSpec:
        overflow = rng.choice([Overflow.BLOCK, Overflow.DROP_NEWEST, Overflow.DROP_OLDEST])
        return ChildSpec(
            name,
            partial(Hostile, rng, handled),
            mailbox=Mailbox(rng.choice([1, 5, 100]), overflow, redeliver=rng.randrange(2)),
            restart=rng.choice(list(Restart)),
            shutdown=rng.choice([TIME_TO_STOP, "kill", 0]),
            backoff=rng.choice([Backoff(0), Backoff(0.5, 4)]),
            max_consecutive=rng.choice([None, 3]),
            on_max_consecutive=rng.choice(["escalate", "park"]),
        )

    def supervisor(*children: ChildSpec) -> SupervisorSpec:
        return SupervisorSpec(children, strategy=rng.choice(list(Strategy)), max_restarts=rng.choice([3, 1000]))

    return supervisor(
        leaf("a"),
        ChildSpec("s", supervisor(leaf("x"), leaf("y")), backoff=Backoff(0.5)),
        leaf("b"),
        ChildSpec("pool", DynamicSupervisorSpec(leaf("p"), max_restarts=1000)),
        leaf("c"),
    )


class Crowd:
    """Tasks that send and operate until they are cancelled."""

    def __init__(self, sup: Supervisor, rng: Random) -> None:
        self.sup, self.rng = sup, rng
        self.told = Counter[str]()
        self.refs = {}
        for name in NAMES[:5]:
            with suppress(ActorError):
                self.refs[name] = sup.ref(name)

    async def act(self) -> None:
        """Do one thing after the other, each with little patience."""
        while True:
            await trio.sleep(self.rng.random() / 2)
            with trio.move_on_after(self.rng.random() * 3), suppress(ActorError):
                await self._once()

    async def _once(self) -> None:
        name = self.rng.choice(NAMES)
        match self.rng.randrange(8):
            case 0:
                await self.sup.terminate_child(name)
            case 1:
                await self.sup.restart_child(name)
            case 2:
                await self.sup.start_child(under="pool")
            case 3:
                with suppress(AskTimeout):
                    await self.rng.choice(list(self.refs.values())).ask(Number(), timeout=self.rng.random())
            case _ if self.refs:
                ref = self.rng.choice(list(self.refs.values()))
                ref.tell_nowait(object())
                self.told["all"] += 1


async def live_dangerously(seed: int) -> tuple[int, list[object], Supervisor, float]:
    """One life of a tree; messages told, those handled, the tree, and how long its end took."""
    rng, handled = Random(seed), list[object]()
    crowd: Crowd | None = None
    began = trio.current_time()
    with trio.move_on_after(SECONDS) as patience:
        try:
            async with open_supervisor(hostile_tree(rng, handled), on_event=Recorder(), rng=rng) as sup:
                crowd = Crowd(sup, rng)
                async with trio.open_nursery() as nursery:
                    for _ in range(5):
                        nursery.start_soon(crowd.act)
                    await trio.sleep(rng.random() * 20)
                    began = trio.current_time()
                    verb = rng.choice(["stop", "kill", "stop and kill", "cancel"])
                    if "stop" in verb:
                        sup.begin_stop()
                    if "kill" in verb:
                        sup.begin_kill()
                    if verb == "cancel":
                        patience.cancel()
                    with suppress(ActorError):
                        await sup.wait()
                    nursery.cancel_scope.cancel()
        except* (ActorError, FatalChildError):
            began = max(began, trio.current_time() - SECONDS)
    assert crowd is not None
    assert "stopped" == crowd.sup.tree().state
    with pytest.raises(ActorDead):
        await crowd.sup.start_child(ChildSpec("late", Actor))
    return crowd.told["all"], handled, crowd.sup, trio.current_time() - began


@pytest.mark.parametrize(
    "seeds",
    [range(15), pytest.param(range(1000, 3000), marks=[pytest.mark.long, pytest.mark.timeout(1800)])],
    ids=["few", "many"],
)
def test_tree_of_hostile_actors_comes_down_in_time_with_every_message_accounted_for(seeds: range) -> None:
    """Whatever they and their callers do, and whenever it ends."""
    for seed in seeds:
        clock = trio.testing.MockClock(autojump_threshold=0)
        told, handled, sup, seconds = trio.run(live_dangerously, seed, clock=clock)
        tells = [each for each in handled if not isinstance(each, Number)]
        letters = sum(
            number for (_, reason), number in sup.dead_letters.counts.items() if reason not in ("late_reply", "expired")
        )
        assert len(set(map(id, tells))) == len(tells), seed
        assert told <= len(tells) + letters, seed
        # Each in its turn: its time to stop, that of its clean-up, and what it may resist.
        assert seconds <= 10 * (TIME_TO_STOP + 5 + 2), seed
