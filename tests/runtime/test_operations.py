from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors.runtime import (
    Actor,
    AutoShutdown,
    Backoff,
    ChildCounts,
    ChildError,
    ChildSpec,
    Context,
    Restart,
    SpecError,
    StartFailed,
    Strategy,
    Supervisor,
    SupervisorSpec,
    WaitsForItself,
    open_supervisor,
)

from .toys import Boom, Ping, Recorder, child, fail, scripted, settle

WAITS = Backoff(1000, 1000, jitter="none")


async def test_child_is_administered_step_by_step() -> None:
    """The walk of OTP's `child_adm`: every operation in every state gives its own answer."""
    async with open_supervisor(SupervisorSpec()) as sup:
        ref = await sup.start_child(child("a"))
        assert ref is sup.ref("a")
        for operation, reason in (
            (lambda: sup.start_child(child("a")), "already_started"),
            (lambda: sup.terminate_child("b"), "not_found"),
            (lambda: sup.restart_child("a"), "running"),
            (lambda: sup.delete_child("a"), "running"),
            (lambda: sup.start_child(child("x"), under="nowhere"), "not_found"),
        ):
            with pytest.raises(ChildError) as caught:
                await operation()
            assert reason == caught.value.reason
        await sup.terminate_child("a")
        await sup.terminate_child("a")
        with pytest.raises(ChildError) as caught:
            await sup.start_child(child("a"))
        assert "already_present" == caught.value.reason
        await sup.restart_child("a")
        assert 1 == await ref.ask(Ping(), timeout=1)
        await sup.terminate_child("a")
        await sup.delete_child("a")
        assert () == sup.which_children()


async def test_operations_reach_supervisors_at_any_depth() -> None:
    """`under` and the path name the supervisor."""
    inner = SupervisorSpec(children=(child("x"),))
    async with open_supervisor(SupervisorSpec(children=(ChildSpec("s", inner),))) as sup:
        await sup.start_child(child("y"), under="s")
        assert ["y", "x"] == [each.name for each in sup.which_children("s")]
        await sup.terminate_child("s/x")
        assert ChildCounts(specs=2, active=1, supervisors=0, workers=2) == sup.count_children("s")
        assert ChildCounts(specs=1, active=1, supervisors=1, workers=0) == sup.count_children()


async def test_started_child_goes_to_the_end_and_keeps_its_place_over_restarts() -> None:
    """Stop order is the reverse of start order, whenever a child came."""
    recorder = Recorder()
    async with open_supervisor(SupervisorSpec(children=(child("b"), child("a"))), on_event=recorder) as sup:
        await sup.start_child(child("0"))
        await sup.ref("b").tell(Boom())
        await settle()
        recorder.events.clear()
    assert ["-0", "-a", "-b"] == recorder.life()


async def test_child_that_fails_to_start_is_not_kept_but_one_that_fails_to_restart_is() -> None:
    """As in OTP; the error names the child and its cause."""
    async with open_supervisor(SupervisorSpec(children=(scripted("a", None, fail),))) as sup:
        with pytest.raises(StartFailed, match="mocha/new did not start") as caught:
            await sup.start_child(scripted("new", fail))
        assert isinstance(caught.value.__cause__, Boom)
        await sup.terminate_child("a")
        with pytest.raises(StartFailed, match="mocha/a did not start"):
            await sup.restart_child("a")
        assert [("a", "stopped")] == [(each.name, each.state) for each in sup.which_children()]
        assert not sup.ref("a").tell_nowait("anybody?")


async def test_temporary_child_is_forgotten_when_it_is_terminated_and_its_id_is_free() -> None:
    """Nothing of it is kept."""
    async with open_supervisor(SupervisorSpec()) as sup:
        for _ in range(2):
            await sup.start_child(child("t", restart=Restart.TEMPORARY))
            await sup.terminate_child("t")
        assert () == sup.which_children()


async def test_restarting_child_is_known_counted_and_can_be_terminated(autojump_clock: trio.testing.MockClock) -> None:
    """While it waits it is `restarting`; terminating it ends the wait, and nothing starts later."""
    async with open_supervisor(SupervisorSpec(children=(child("a", backoff=WAITS), child("b")))) as sup:
        await sup.ref("a").tell(Boom())
        await settle()
        assert ChildCounts(specs=2, active=1, supervisors=0, workers=2) == sup.count_children()
        for operation, reason in (
            (lambda: sup.start_child(child("a")), "already_present"),
            (lambda: sup.restart_child("a"), "restarting"),
            (lambda: sup.delete_child("a"), "restarting"),
        ):
            with pytest.raises(ChildError) as caught:
                await operation()
            assert reason == caught.value.reason
        await sup.terminate_child("a")
        await trio.sleep(2000)
        assert ["stopped", "running"] == [each.state for each in sup.tree().children]


async def test_terminating_the_one_a_group_waits_for_leaves_the_group_down_and_closed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Nobody sends into mailboxes that nobody will ever read."""
    spec = SupervisorSpec(children=(child("a", backoff=WAITS), child("b")), strategy=Strategy.ONE_FOR_ALL)
    async with open_supervisor(spec) as sup:
        await sup.ref("a").tell(Boom())
        await settle()
        assert sup.ref("b").tell_nowait("kept for later")
        await sup.terminate_child("a")
        assert not sup.ref("b").tell_nowait("too late")
        await sup.restart_child("b")
        assert 1 == await sup.ref("b").ask(Ping(), timeout=1)


async def test_termination_that_overtakes_a_restart_wins() -> None:
    """A restart that is due already but not begun is called off. The order of the two is chance, hence many rounds."""
    recorder = Recorder()
    async with open_supervisor(SupervisorSpec(children=(child("a"),), max_restarts=100), on_event=recorder) as sup:
        for _ in range(20):
            exits = len(recorder.named("child.exited"))
            sup.ref("a").tell_nowait(Boom())
            while len(recorder.named("child.exited")) == exits:
                await trio.lowlevel.checkpoint()
            await sup.terminate_child("a")
            await settle()
            assert "stopped" == sup.tree().children[0].state
            await sup.restart_child("a")


async def test_start_that_hangs_can_be_terminated(autojump_clock: trio.testing.MockClock) -> None:
    """The one operation that need not wait for its turn."""
    async with open_supervisor(SupervisorSpec(children=(scripted("a", None, trio.sleep_forever),))) as sup:
        await sup.ref("a").tell(Boom())
        await settle()
        await sup.terminate_child("a")
        assert "stopped" == sup.tree().children[0].state


async def test_operation_that_is_cancelled_before_its_turn_is_not_done(autojump_clock: trio.testing.MockClock) -> None:
    """Who gave up waiting gets no child later."""
    slow = scripted("slow", partial(trio.sleep, 10))
    async with open_supervisor(SupervisorSpec()) as sup, trio.open_nursery() as nursery:
        nursery.start_soon(sup.start_child, slow)
        await settle()
        with trio.move_on_after(1):
            await sup.start_child(child("b"))
        await trio.sleep(20)
        assert ["slow"] == [each.name for each in sup.which_children()]


async def test_significant_child_does_not_fit_a_supervisor_that_does_not_mind() -> None:
    """The same check as for initial children."""
    spec = child("a", significant=True, restart=Restart.TRANSIENT)
    async with open_supervisor(SupervisorSpec()) as sup:
        with pytest.raises(SpecError, match="auto_shutdown never"):
            await sup.start_child(spec)
    async with open_supervisor(SupervisorSpec(auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)) as sup:
        await sup.start_child(spec)


async def test_child_whose_group_waits_for_an_earlier_member_is_stopped_and_not_restarting() -> None:
    """It waits for nothing of its own, so it can be started or deleted by hand when the other one is terminated."""
    children = (scripted("a", None, fail, backoff=WAITS), child("b"), child("c"))
    async with open_supervisor(SupervisorSpec(children=children, strategy=Strategy.ONE_FOR_ALL)) as sup:
        await sup.ref("b").tell(Boom())
        await settle()
        assert ["restarting", "stopped", "stopped"] == [each.state for each in sup.tree().children]
        await sup.terminate_child("a")
        await sup.restart_child("b")
        await sup.delete_child("c")
        assert ["stopped", "running"] == [each.state for each in sup.tree().children]


class Meddler(Actor[Any]):
    """Asks its own supervisor for something while it starts, or when it is told to."""

    def __init__(
        self, trees: list[Supervisor], operation: Callable[[Supervisor], Awaitable[Any]], *, early: bool
    ) -> None:
        self._trees, self._operation, self._early = trees, operation, early

    async def on_start(self, ctx: Context[Any]) -> None:
        if self._early:
            await self._operation(self._trees[0])

    async def handle(self, message: Any, ctx: Context[Any]) -> None:
        await self._operation(self._trees[0])


@pytest.mark.parametrize(
    "operation",
    [
        lambda sup: sup.start_child(child("more"), under="s"),
        lambda sup: sup.restart_child("s/first"),
        lambda sup: sup.delete_child("s/first"),
        lambda sup: sup.terminate_child("s/first"),
    ],
    ids=["start", "restart", "delete", "terminate"],
)
async def test_actor_that_starts_cannot_wait_for_the_supervisor_that_waits_for_it(operation: Any) -> None:
    """In OTP this hangs for ever; here the start fails, and its cause says what to do instead."""
    trees: list[Supervisor] = []
    async with open_supervisor(SupervisorSpec((ChildSpec("s", SupervisorSpec((child("first"),))),))) as sup:
        trees.append(sup)
        with trio.fail_after(5), pytest.raises(StartFailed) as caught:
            await sup.start_child(ChildSpec("m", partial(Meddler, trees, operation, early=True)), under="s")
        assert isinstance(caught.value.__cause__, WaitsForItself)
        text = "mocha/s/m waits for mocha/s, which waits for its start, which cannot happen while it waits; do it when it has started"
        assert text in str(caught.value.__cause__)
        await sup.start_child(ChildSpec("m", partial(Meddler, trees, operation, early=False)), under="s")


async def test_actor_that_starts_may_add_children_elsewhere() -> None:
    """Another supervisor does not wait for it."""
    trees: list[Supervisor] = []

    async def add(sup: Supervisor) -> None:
        await sup.start_child(child("more"), under="pool")

    async with open_supervisor(SupervisorSpec((ChildSpec("pool", SupervisorSpec()),))) as sup:
        trees.append(sup)
        await sup.start_child(ChildSpec("m", partial(Meddler, trees, add, early=True)))
        assert ["more"] == [each.name for each in sup.which_children("pool")]


@pytest.mark.parametrize("path", ["s/m", "s"])
async def test_actor_cannot_wait_for_its_own_end(path: str) -> None:
    """Neither for that of itself nor for that of a supervisor above; it fails at once instead of being killed later."""
    trees: list[Supervisor] = []

    async def end(sup: Supervisor) -> None:
        await sup.terminate_child(path)

    recorder = Recorder()
    meddler = ChildSpec("m", partial(Meddler, trees, end, early=False), shutdown=None)
    with trio.fail_after(5):
        async with open_supervisor(
            SupervisorSpec((ChildSpec("s", SupervisorSpec((meddler,))),)), on_event=recorder
        ) as sup:
            trees.append(sup)
            await sup.ref("s/m").tell("go")
            await settle()
    assert isinstance(recorder.named("child.exited")[0].fields["exception"], WaitsForItself)


async def test_spec_of_a_child_can_be_read_back_with_its_defaults() -> None:
    """S13 and S14: whatever its state; what is not known is not found."""
    async with open_supervisor(SupervisorSpec((ChildSpec("s", SupervisorSpec((child("a"),))),))) as sup:
        await sup.terminate_child("s/a")
        spec = sup.get_childspec("s/a")
        assert ("a", Restart.PERMANENT, 5.0) == (spec.id, spec.restart, spec.stop_seconds)
        assert spec is sup.get_childspec(sup.ref("s/a"))
        with pytest.raises(ChildError, match="mocha/s/b is not known"):
            sup.get_childspec("s/b")
