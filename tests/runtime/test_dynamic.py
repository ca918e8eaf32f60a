"""A supervisor of children that come and go: the scenarios of OTP's `simple_one_for_one` and Elixir's supervisor."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors.runtime import (
    Actor,
    Backoff,
    ChildCounts,
    ChildError,
    ChildSpec,
    Context,
    DynamicSupervisorSpec,
    Restart,
    RestartLimitExceeded,
    SpecError,
    StartFailed,
    StartIgnored,
    Supervisor,
    SupervisorSpec,
    new_ref,
    open_supervisor,
)

from .toys import NO_WAIT, Boom, Echo, Forever, Ping, Recorder, child, fail, scripted, settle

WAITS = Backoff(1000, 1000, jitter="none")


async def ignore() -> None:
    """Answer a start with `ignore`."""
    raise StartIgnored


class Greeter(Actor[Any]):
    """Tells what it was made with."""

    def __init__(self, greeting: str, name: str = "nobody") -> None:
        self.text = f"{greeting} {name}"

    async def handle(self, message: Any, ctx: Context[Any]) -> object:
        if isinstance(message, BaseException):
            raise message
        return self.text


def names(sup: Supervisor, under: str = "") -> list[str]:
    """The ids of the children, newest first."""
    return [each.name for each in sup.which_children(under)]


async def refused(reason: str, operation: Any) -> None:
    """Expect a `ChildError` with this reason."""
    with pytest.raises(ChildError) as caught:
        await operation
    assert reason == caught.value.reason


async def test_children_of_a_template_are_numbered_and_addressed_by_ref() -> None:
    """Each has a mailbox of its own, and its ref is enough to terminate it."""
    pool = DynamicSupervisorSpec(child("worker"))
    async with open_supervisor(SupervisorSpec(children=(ChildSpec("pool", pool),))) as sup:
        first, second = [await sup.start_child(under="pool") for _ in range(2)]
        assert ["mocha/pool/worker-1", "mocha/pool/worker-2"] == [first.path, second.path]
        assert ChildCounts(specs=2, active=2, supervisors=0, workers=2) == sup.count_children("pool")
        await sup.terminate_child(first)
        assert ["worker-2"] == names(sup, "pool")
        assert 0 == await second.ask(Ping(), timeout=1)
        await refused("not_found", sup.terminate_child(first))


async def test_arguments_are_added_to_the_templates_in_every_incarnation() -> None:
    """What `start_child` is given comes after what the template has already."""
    template = ChildSpec("greeter", partial(Greeter, "hello"), backoff=NO_WAIT)
    async with open_supervisor(DynamicSupervisorSpec(template)) as sup:
        ada, nobody = await sup.start_child(args=("Ada",)), await sup.start_child()
        await ada.tell(Boom())
        await settle()
        assert ["hello Ada", "hello nobody"] == [await ref.ask(Ping(), timeout=1) for ref in (ada, nobody)]


async def test_without_a_template_every_child_comes_with_its_own_spec() -> None:
    """Supervisors, too; ids are unique as under any supervisor, and free again when the child is gone."""
    async with open_supervisor(DynamicSupervisorSpec()) as sup:
        await sup.start_child(child("a"))
        assert await sup.start_child(ChildSpec("s", SupervisorSpec(children=(child("x"),)))) is None
        assert 0 == await sup.ref("s/x").ask(Ping(), timeout=1)
        await refused("already_started", sup.start_child(child("a")))
        await sup.terminate_child("a")
        await sup.start_child(child("a"))
        assert ["a", "s"] == names(sup)


async def test_spec_where_there_is_a_template_and_arguments_where_there_is_none_are_refused() -> None:
    """The text names the supervisor and what it takes."""
    async with open_supervisor(DynamicSupervisorSpec(child("worker"))) as sup:
        with pytest.raises(SpecError, match="mocha: spec is 'a'; allowed: none beside the template 'worker'"):
            await sup.start_child(child("a"))
    async with open_supervisor(SupervisorSpec()) as sup:
        with pytest.raises(SpecError, match="mocha has no template; allowed: a spec, without args"):
            await sup.start_child()


async def test_ref_of_another_tree_is_not_found_and_its_actor_untouched() -> None:
    """Even if it has the same path there."""
    async with open_supervisor(DynamicSupervisorSpec(child("worker"))) as other:
        foreign = await other.start_child()
        async with open_supervisor(DynamicSupervisorSpec(child("worker"))) as sup:
            mine = await sup.start_child()
            assert foreign.path == mine.path
            await refused("not_found", sup.terminate_child(foreign))
        await refused("not_found", other.terminate_child(new_ref("nowhere")))
        assert 0 == await foreign.ask(Ping(), timeout=1)


async def test_children_are_neither_restarted_by_hand_nor_deleted() -> None:
    """Whatever is down is gone already, so there is nothing that either could be done to."""
    async with open_supervisor(DynamicSupervisorSpec()) as sup:
        await sup.start_child(child("up"))
        waiting = await sup.start_child(child("waiting", backoff=WAITS))
        await waiting.tell(Boom())
        await settle()
        for operation in (sup.restart_child, sup.delete_child):
            await refused("running", operation("up"))
            await refused("restarting", operation(waiting))
        await sup.terminate_child("up")
        await sup.terminate_child(waiting)
        await refused("not_found", sup.restart_child("up"))
        await refused("not_found", sup.delete_child(waiting))


async def test_there_are_never_more_than_max_children() -> None:
    """Zero refuses the first; whoever leaves makes room."""
    async with open_supervisor(DynamicSupervisorSpec(child("worker"), max_children=0)) as sup:
        await refused("max_children", sup.start_child())
    async with open_supervisor(
        DynamicSupervisorSpec(child("worker", restart=Restart.TEMPORARY), max_children=1)
    ) as sup:
        worker = await sup.start_child()
        await refused("max_children", sup.start_child())
        await worker.tell(Boom())
        await settle()
        await sup.start_child()


async def test_children_that_wait_for_their_restart_count_as_children() -> None:
    """Those that crashed, and those whose restart failed."""
    async with open_supervisor(DynamicSupervisorSpec(max_children=2, max_restarts=10)) as sup:
        await (await sup.start_child(child("crashed", backoff=WAITS))).tell(Boom())
        await (await sup.start_child(scripted("failing", None, fail, backoff=WAITS))).tell(Boom())
        await settle()
        await refused("max_children", sup.start_child(child("third")))
        assert ChildCounts(specs=2, active=0, supervisors=0, workers=2) == sup.count_children()
        await sup.terminate_child("crashed")
        await sup.start_child(child("third"))


async def test_failing_start_is_told_and_leaves_nothing() -> None:
    """Neither a spec nor a place that counts."""
    async with open_supervisor(DynamicSupervisorSpec(scripted("worker", fail), max_children=1)) as sup:
        for _ in range(2):
            with pytest.raises(StartFailed):
                await sup.start_child()
        assert [] == names(sup)


@pytest.mark.parametrize("restart", list(Restart))
async def test_child_that_ignores_its_start_is_not_stored(restart: Restart) -> None:
    """Of any restart type; the supervisor then stops without error."""
    async with open_supervisor(DynamicSupervisorSpec(scripted("worker", ignore, restart=restart))) as sup:
        await sup.start_child()
        assert [] == names(sup)


async def test_restart_that_is_ignored_removes_the_child() -> None:
    """There is nobody to start it again."""
    async with open_supervisor(DynamicSupervisorSpec(scripted("worker", None, ignore))) as sup:
        worker = await sup.start_child()
        await worker.tell(Boom())
        await settle()
        assert [] == names(sup)
        assert not worker.tell_nowait("anybody?")


@pytest.mark.parametrize(
    ("restart", "left"), [(Restart.PERMANENT, ["worker-1"]), (Restart.TRANSIENT, ["worker-1"]), (Restart.TEMPORARY, [])]
)
async def test_crash_restarts_the_child_alone_unless_it_is_temporary(restart: Restart, left: list[str]) -> None:
    """What will not run again is forgotten; siblings are not concerned."""
    async with open_supervisor(DynamicSupervisorSpec(child("worker", restart=restart))) as sup:
        worker, sibling = await sup.start_child(), await sup.start_child()
        await worker.tell(Boom())
        await settle()
        assert ["worker-2", *left] == names(sup)
        assert 0 == await sibling.ask(Ping(), timeout=1)


async def test_transient_child_that_ends_normally_is_gone() -> None:
    """Its spec is not kept, unlike under other supervisors."""

    class Once(Actor[Any]):
        async def run(self, ctx: Context[Any]) -> None:
            await ctx.receive()

    async with open_supervisor(DynamicSupervisorSpec(ChildSpec("once", Once, restart=Restart.TRANSIENT))) as sup:
        once = await sup.start_child()
        await once.tell("end")
        await settle()
        assert [] == names(sup)


async def test_restart_that_fails_is_tried_again_and_each_attempt_spends_the_budget() -> None:
    """One failed attempt costs two of three; at the limit the supervisor gives up through retries alone."""
    template = scripted("worker", None, fail, None)
    async with open_supervisor(DynamicSupervisorSpec(template, max_restarts=2)) as sup:
        worker = await sup.start_child()
        await worker.tell(Boom())
        await settle()
        assert 2 == await worker.ask(Ping(), timeout=1)
    with pytest.raises(RestartLimitExceeded):
        async with open_supervisor(DynamicSupervisorSpec(scripted("worker", None, fail), max_restarts=5)) as sup:
            await (await sup.start_child()).tell(Boom())
            await trio.sleep_forever()


async def test_escalation_stops_every_child() -> None:
    """The budget is the supervisor's, not the child's."""
    recorder = Recorder()
    with pytest.raises(RestartLimitExceeded):
        async with open_supervisor(DynamicSupervisorSpec(child("worker"), max_restarts=1), on_event=recorder) as sup:
            workers = [await sup.start_child() for _ in range(3)]
            for worker in workers[:2]:
                await worker.tell(Boom())
            await trio.sleep_forever()
    assert ["+worker-3", "-worker-3"] == [each for each in recorder.life() if each.endswith("3")]


async def test_restarting_child_can_be_terminated_by_ref() -> None:
    """Its wait ends with it."""
    async with open_supervisor(DynamicSupervisorSpec(child("worker", backoff=WAITS))) as sup:
        worker = await sup.start_child()
        await worker.tell(Boom())
        await settle()
        await sup.terminate_child(worker)
        assert [] == names(sup)


async def test_children_stop_in_parallel_within_one_shared_time(autojump_clock: trio.testing.MockClock) -> None:
    """Two that take a second and one that hangs, with two seconds each, are down after two seconds, not six."""

    async def a_second() -> None:
        await trio.sleep(1)

    async with open_supervisor(DynamicSupervisorSpec()) as sup:
        for name in ("a", "b"):
            await sup.start_child(scripted(name, stop=a_second, shutdown=2))
        await sup.start_child(ChildSpec("hangs", Forever, shutdown=2))
        began = trio.current_time()
        await sup.stop()
    assert 2 == trio.current_time() - began


async def test_each_way_to_stop_holds_beside_the_others(autojump_clock: trio.testing.MockClock) -> None:
    """Killed at once, cancelled when its time is up, waited for without limit."""
    recorder = Recorder()

    async def nap() -> None:
        await trio.sleep(30)

    async with open_supervisor(DynamicSupervisorSpec(), on_event=recorder) as sup:
        await sup.start_child(ChildSpec("killed", Forever, shutdown="kill"))
        await sup.start_child(ChildSpec("bounded", Forever, shutdown=3))
        endless = await sup.start_child(child("endless", shutdown=None))
        await endless.tell(nap)
        await settle()
        await sup.stop()
    assert [("killed", 0, "killed"), ("bounded", 3, "killed"), ("endless", 30, "stopped")] == [
        (event.path.partition("/")[2], event.at, event.fields["outcome"]) for event in recorder.named("child.exited")
    ]


@pytest.mark.parametrize("restart", list(Restart))
async def test_child_that_crashes_while_it_is_stopped_does_not_wedge_the_stop(restart: Restart) -> None:
    """Of any restart type; nobody is restarted."""
    async with open_supervisor(DynamicSupervisorSpec(scripted("worker", stop=fail, restart=restart))) as sup:
        for _ in range(3):
            await sup.start_child()
        await sup.stop()
        assert [] == names(sup)


async def test_what_waits_is_drained_by_a_stop() -> None:
    """Draining is the same for pools as for any supervisor."""
    handled: list[Any] = []
    async with open_supervisor(DynamicSupervisorSpec(ChildSpec("worker", partial(Echo, handled)))) as sup:
        workers = [await sup.start_child() for _ in range(3)]
        for number, worker in enumerate(workers):
            await worker.tell(number)
    assert [0, 1, 2] == sorted(handled)


async def test_children_are_gone_after_the_restart_of_their_supervisor_and_numbers_are_not_used_again() -> None:
    """A number names one child for as long as the tree lives."""
    pool = DynamicSupervisorSpec(child("worker"), max_restarts=0)
    async with open_supervisor(SupervisorSpec(children=(ChildSpec("pool", pool, backoff=NO_WAIT),))) as sup:
        old = await sup.start_child(under="pool")
        await old.tell(Boom())
        await settle()
        assert [] == names(sup, "pool")
        assert not old.tell_nowait("anybody?")
        assert "mocha/pool/worker-2" == (await sup.start_child(under="pool")).path


async def test_nothing_of_a_temporary_child_is_kept() -> None:
    """No spec, no place, no message, however it ended: by itself, by a crash, by hand."""
    async with open_supervisor(DynamicSupervisorSpec(child("worker", restart=Restart.TEMPORARY))) as sup:
        for _ in range(3):
            crashed, terminated = await sup.start_child(), await sup.start_child()
            await crashed.tell(Boom())
            await sup.terminate_child(terminated)
            await settle()
        assert [] == names(sup)
        assert {} == sup._task.children
        assert {} == sup._tree._places


class Steps(trio.abc.Instrument):
    """Counts the steps of all tasks: work that no other load on the machine can change."""

    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += 1


@pytest.mark.parametrize(("few", "many"), [(50, 500), pytest.param(1_000, 10_000, marks=pytest.mark.long)])
def test_cost_of_a_child_does_not_grow_with_their_number(few: int, many: int) -> None:
    """S75: starting and terminating a child takes as many steps among many as among few; it prints the processor time, too."""

    async def cost(number: int) -> tuple[float, float]:
        steps = Steps()
        async with open_supervisor(DynamicSupervisorSpec(ChildSpec("worker", Actor))) as sup:
            trio.lowlevel.add_instrument(steps)
            began = time.thread_time()
            workers = [await sup.start_child() for _ in range(number)]
            for worker in workers:
                await sup.terminate_child(worker)
            trio.lowlevel.remove_instrument(steps)
            return (time.thread_time() - began) / number, steps.count / number

    (few_seconds, few_steps), (many_seconds, many_steps) = trio.run(cost, few), trio.run(cost, many)
    print(
        f"\nstart and terminate: {1e6 * few_seconds:.0f} µs and {few_steps:.1f} steps a child among {few:,}, "
        f"{1e6 * many_seconds:.0f} µs and {many_steps:.1f} steps among {many:,}"
    )
    assert many_steps <= 1.05 * few_steps
