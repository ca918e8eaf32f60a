from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors.runtime import (
    Actor,
    ActorDead,
    ChildError,
    ChildSpec,
    Context,
    DynamicSupervisorSpec,
    Exited,
    Failed,
    Restart,
    RestartLimitExceeded,
    Stopped,
    SupervisorSpec,
    Terminated,
    WaitsForItself,
    new_ref,
    open_supervisor,
)

from .toys import Boom, Echo, Forever, Recorder, child, scripted, settle


async def test_cancelling_the_block_drains_the_actors(autojump_clock: trio.testing.MockClock) -> None:
    """A cancellation from outside means: stop orderly, within the actors' own times."""
    handled: list[Any] = []
    spec = SupervisorSpec(children=(ChildSpec("a", lambda: Echo(handled)), ChildSpec("b", Forever, shutdown=2)))
    with trio.move_on_after(1) as scope:
        async with open_supervisor(spec) as sup:
            await sup.ref("a").tell(partial(trio.sleep, 10))
            await sup.ref("a").tell("last")
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert ([], 8.0) == (handled, trio.current_time())
    assert 2 == sup.dead_letters.total


async def test_cancelling_a_start_that_hangs_stops_what_has_started(autojump_clock: trio.testing.MockClock) -> None:
    """Nobody hangs because a child never finishes its start."""
    recorder = Recorder()
    with trio.move_on_after(3) as scope:
        async with open_supervisor(
            SupervisorSpec(children=(child("a"), scripted("b", trio.sleep_forever))), on_event=recorder
        ):
            pytest.fail("the block must not run")
    assert scope.cancelled_caught
    assert (["+a", "-b", "-a"], 3.0) == (recorder.life(), trio.current_time())


async def test_exception_of_the_block_passes_as_it_is_after_draining() -> None:
    """No group around it, and the actors are stopped."""
    recorder = Recorder()
    with pytest.raises(KeyError):
        async with open_supervisor(SupervisorSpec(children=(child("a"),)), on_event=recorder):
            raise KeyError
    assert ["+a", "-a"] == recorder.life()


async def test_giving_up_cancels_the_block() -> None:
    """A block that sleeps learns that its tree is gone."""
    with trio.fail_after(1), pytest.raises(RestartLimitExceeded):
        async with open_supervisor(SupervisorSpec(children=(child("a"),), max_restarts=0)) as sup:
            await sup.ref("a").tell(Boom())
            await trio.sleep_forever()


async def test_error_of_the_block_and_of_the_tree_are_both_told() -> None:
    """Neither hides the other."""
    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_supervisor(SupervisorSpec(children=(child("a"),), max_restarts=0)) as sup:
            sup.ref("a").tell_nowait(Boom())
            with trio.CancelScope(shield=True):
                await settle()
            raise KeyError
    assert [KeyError, RestartLimitExceeded] == [type(error) for error in caught.value.exceptions]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), BaseExceptionGroup("", [Boom(), SystemExit(3)])])
async def test_what_must_end_the_program_stops_everything_and_comes_out(error: BaseException) -> None:
    """From any depth; it is never answered by a restart."""
    recorder = Recorder()
    spec = SupervisorSpec(
        children=(child("a"), ChildSpec("s", SupervisorSpec(children=(child("x"), child("y")))), child("b"))
    )
    with pytest.raises(type(error)) as caught:
        async with open_supervisor(spec, on_event=recorder) as sup:
            recorder.events.clear()
            await sup.ref("s/x").tell(error)
            await trio.sleep_forever()
    assert caught.value is error
    assert ["-s/x", "-s/y", "-s", "-b", "-a"] == recorder.life()


async def test_wait_returns_after_a_clean_stop_and_stop_may_be_called_twice() -> None:
    """Stopping is idempotent."""
    async with open_supervisor(SupervisorSpec(children=(child("a"),))) as sup:
        await sup.stop()
        await sup.stop()
        await sup.wait()
        assert "stopped" == sup.tree().state


async def test_actor_may_begin_the_stop_of_its_own_tree() -> None:
    """It asks and goes on; waiting would be waiting for itself."""
    trees: list[Any] = []

    class Last(Actor[str]):
        async def handle(self, message: str, ctx: Context[str]) -> None:
            trees[0].begin_stop()

    async with open_supervisor(SupervisorSpec(children=(ChildSpec("a", Last),))) as sup:
        trees.append(sup)
        await sup.ref("a").tell("enough")
        with trio.fail_after(1):
            await sup.wait()


@pytest.mark.parametrize("verb", ["stop", "kill"])
async def test_actor_cannot_wait_for_the_end_of_its_own_tree(verb: str) -> None:
    """It would wait for itself, in a tree without limit for ever; a task that is no actor's may, whoever started it."""
    errors: list[WaitsForItself] = []

    class Last(Actor[str]):
        async def handle(self, message: str, ctx: Context[str]) -> None:
            try:
                await getattr(sup, verb)()
            except WaitsForItself as error:
                errors.append(error)
                nursery.start_soon(getattr(sup, verb))

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            async with open_supervisor(SupervisorSpec((ChildSpec("a", Last, shutdown=None),))) as sup:
                await sup.ref("a").tell("enough")
                await sup.wait()
    assert [
        f"mocha/a waits for the end of its own tree, which cannot happen while it waits; call begin_{verb} instead"
    ] == [str(error) for error in errors]


async def test_shutdown_phases_are_told() -> None:
    """Draining, then stopped; with how many letters are dead by then."""
    recorder = Recorder()
    async with open_supervisor(
        SupervisorSpec(children=(ChildSpec("a", Forever, shutdown="kill"),)), on_event=recorder
    ) as sup:
        await sup.ref("a").tell("never handled")
    phases = [(event.fields["phase"], event.fields["dead"]) for event in recorder.named("shutdown.phase")]
    assert [("draining", 0), ("stopped", 1)] == phases


async def test_watch_tells_once_of_the_end_and_not_of_a_restart() -> None:
    """A restart is no termination; the channel ends after its one message."""
    async with open_supervisor(SupervisorSpec(children=(child("a"),))) as sup, sup.watch("a") as deaths:
        await sup.ref("a").tell(Boom())
        await settle()
        with pytest.raises(trio.WouldBlock):
            deaths.receive_nowait()
        await sup.terminate_child("a")
        assert [Terminated("mocha/a", Stopped())] == [each async for each in deaths]
        async with sup.watch(sup.ref("a")) as again:
            assert [Terminated("mocha/a", Stopped())] == [each async for each in again]


async def test_watch_of_a_temporary_child_tells_how_it_ended() -> None:
    """The outcome of its one life."""
    error = Boom()
    spec = SupervisorSpec(children=(child("a", restart=Restart.TEMPORARY),))
    async with open_supervisor(spec) as sup, sup.watch("a") as deaths:
        await sup.ref("a").tell(error)
        assert [Terminated("mocha/a", Failed(error))] == [each async for each in deaths]
        with pytest.raises(ChildError, match="mocha/a is not known"):
            async with sup.watch("a"):
                pass


async def test_watch_by_ref_tells_of_an_end_that_is_over_and_forgotten() -> None:
    """Between the start of a child and the watch of it there is time to die; a ref of another tree stays unknown."""
    error = Boom()
    pool = DynamicSupervisorSpec(child("worker", restart=Restart.TEMPORARY))
    async with open_supervisor(pool, on_event=Recorder()) as sup, open_supervisor(pool) as other:
        worker, stranger = await sup.start_child(), await other.start_child()
        assert worker is not None
        assert stranger is not None
        await worker.tell(error)
        await settle()
        async with sup.watch(worker) as deaths:
            assert [Terminated("mocha/worker-1", Failed(error))] == [each async for each in deaths]
        await other.terminate_child(stranger)
        with pytest.raises(ChildError, match="mocha/worker-1 is not known"):
            async with sup.watch(stranger):
                pass


async def test_watch_that_is_over_leaves_nothing_behind() -> None:
    """Neither where the child ended nor where the watcher went."""
    async with open_supervisor(SupervisorSpec((child("a"), child("b")))) as sup:
        for name in "ab":
            async with sup.watch(name), sup.watch(name):
                if name == "a":
                    await sup.terminate_child(name)
        assert {} == sup._tree._watchers


async def test_watch_tells_of_a_normal_exit_and_of_supervisors_too() -> None:
    """Whatever has a path may be watched; when the tree goes down everybody is told."""

    class Once(Actor[Any]):
        async def run(self, ctx: Context[Any]) -> None:
            await trio.lowlevel.checkpoint()

    inner = SupervisorSpec(children=(ChildSpec("x", Once, restart=Restart.TRANSIENT),))
    spec = SupervisorSpec(children=(ChildSpec("s", inner),))
    async with open_supervisor(spec) as sup, sup.watch("s/x") as deaths, sup.watch("s") as ends:
        assert [Terminated("mocha/s/x", Exited())] == [each async for each in deaths]
        sup.begin_stop()
        assert [Terminated("mocha/s", Stopped())] == [each async for each in ends]


async def test_ref_of_a_path_that_is_no_actor_is_refused() -> None:
    """Neither unknown paths nor supervisors have an address."""
    spec = SupervisorSpec(children=(ChildSpec("s", SupervisorSpec()),))
    async with open_supervisor(spec) as sup:
        for path in ("nobody", "s", "s/nobody"):
            with pytest.raises(ChildError, match="is not known"):
                sup.ref(path)


async def test_ref_may_serve_a_second_tree_after_the_first_but_not_beside_it() -> None:
    """One address, one actor at a time."""
    ref, handled = new_ref("a"), []
    spec = SupervisorSpec(children=(ChildSpec("a", lambda: Echo(handled), ref=ref),))
    free = ChildSpec("free", Echo, ref=new_ref("free"))
    mixed = SupervisorSpec(children=(free, *spec.children))
    async with open_supervisor(spec):
        with pytest.raises(ValueError, match=r"other/a\.ref is already the address of mocha/a"):
            async with open_supervisor(mixed, name="other"):
                pass
        async with open_supervisor(SupervisorSpec(children=(free,)), name="unharmed"):
            pass
    async with open_supervisor(spec, name="later"):
        await ref.tell(1)
    assert [1] == handled


async def test_live_tells_whether_the_supervisor_serves() -> None:
    """Liveness is an answer of the supervisor's own task."""
    async with open_supervisor(SupervisorSpec()) as sup:
        assert await sup.live()
        await sup.stop()
        assert not await sup.live()
        with pytest.raises(ActorDead):
            await sup.start_child(child("late"))


def test_runtime_brings_in_nothing_else() -> None:
    """Whoever uses the runtime alone loads neither database nor Discord parts, nor their libraries."""
    code = "import sys, mocha_actors.runtime; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    own = {name for name in loaded if name.startswith("mocha_actors.") and not name.startswith("mocha_actors.runtime")}
    assert set() == own
    assert set() == {"pony", "msgspec", "structlog", "httpx", "trio_websocket", "cachetools"} & set(loaded)
