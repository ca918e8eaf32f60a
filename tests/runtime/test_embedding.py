from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors.runtime import (
    ChildSpec,
    Restart,
    RestartLimitExceeded,
    Supervisor,
    SupervisorSpec,
    new_ref,
    open_supervisor,
)
from mocha_actors.runtime.embedding import NestedProgram, run_program

from .toys import NO_WAIT, Boom, Echo, child, fail, scripted, settle


@asynccontextmanager
async def program(spec: SupervisorSpec, log: list[str]) -> AsyncIterator[Supervisor]:
    """A tree that comes with something to open before and to close after."""
    log.append("opened")
    try:
        async with open_supervisor(spec, name="inner") as supervisor:
            yield supervisor
    finally:
        log.append("closed")


def nested(inner: SupervisorSpec, log: list[str], **options: Any) -> ChildSpec:
    """A child that is a whole program."""
    options.setdefault("backoff", NO_WAIT)
    return ChildSpec("guest", partial(NestedProgram, partial(program, inner, log)), **options)


async def test_tree_runs_as_a_task_of_somebodys_nursery(autojump_clock: trio.testing.MockClock) -> None:
    """The nursery gets the running supervisor; cancelling it drains the actors."""
    handled: list[Any] = []
    spec = SupervisorSpec(children=(ChildSpec("a", lambda: Echo(handled)),))
    async with trio.open_nursery() as nursery:
        supervisor = await nursery.start(run_program, partial(open_supervisor, spec))
        await supervisor.ref("a").tell(partial(trio.sleep, 1))
        await supervisor.ref("a").tell("waits")
        nursery.cancel_scope.cancel()
    assert (["waits"], "stopped") == (handled, supervisor.tree().state)


async def test_task_ends_when_its_tree_does() -> None:
    """Nobody has to cancel anything."""
    async with trio.open_nursery() as nursery:
        supervisor = await nursery.start(run_program, partial(open_supervisor, SupervisorSpec(children=(child("a"),))))
        supervisor.begin_stop()


async def test_program_is_a_child_of_another_tree_and_is_stopped_in_its_turn() -> None:
    """It has started before the next child starts, and is closed before the earlier one is stopped."""
    log: list[str] = []

    async def note(what: str) -> None:
        log.append(what)

    spec = SupervisorSpec(
        children=(
            scripted("first", stop=partial(note, "first stops")),
            nested(SupervisorSpec(children=(child("x"),)), log),
            scripted("last", partial(note, "last starts")),
        )
    )
    async with open_supervisor(spec):
        assert ["opened", "last starts"] == log
    assert ["opened", "last starts", "closed", "first stops"] == log


async def test_program_drains_when_the_outer_tree_stops(autojump_clock: trio.testing.MockClock) -> None:
    """Its messages are handled within its own times."""
    handled: list[Any] = []
    ref = new_ref("x")
    inner = SupervisorSpec(children=(ChildSpec("x", lambda: Echo(handled), ref=ref),))
    async with open_supervisor(SupervisorSpec(children=(nested(inner, []),))):
        await ref.tell(partial(trio.sleep, 1))
        await ref.tell("waits")
    assert ["waits"] == handled


async def test_program_that_gives_up_is_restarted_by_the_outer_supervisor() -> None:
    """Everything it opens is closed and opened again; its refs live on."""
    log: list[str] = []
    ref, handled = new_ref("x"), list[Any]()
    inner = SupervisorSpec(children=(ChildSpec("x", lambda: Echo(handled), ref=ref),), max_restarts=0)
    async with open_supervisor(SupervisorSpec(children=(nested(inner, log),))) as supervisor:
        await ref.tell(Boom())
        await settle()
        await ref.tell("after")
        await settle()
        (guest,) = supervisor.tree().children
        assert ("running", 1, ["after"]) == (guest.state, guest.restarts, handled)
        assert "RestartLimitExceeded" in (guest.last_error or "")
    assert ["opened", "closed", "opened", "closed"] == log


async def test_program_that_ends_by_itself_is_a_normal_exit() -> None:
    """A transient one is not started again."""
    trees: list[Supervisor] = []

    @asynccontextmanager
    async def remembered() -> AsyncIterator[Supervisor]:
        async with open_supervisor(SupervisorSpec()) as supervisor:
            trees.append(supervisor)
            yield supervisor

    guest = ChildSpec("guest", partial(NestedProgram, remembered), restart=Restart.TRANSIENT)
    async with open_supervisor(SupervisorSpec(children=(guest,))) as outer:
        trees[0].begin_stop()
        await settle()
        assert ["stopped"] == [each.state for each in outer.tree().children]


async def test_program_that_does_not_start_fails_the_start_of_the_outer_tree() -> None:
    """As for any child, with the chain of causes."""
    inner = SupervisorSpec(children=(scripted("x", fail),))
    with pytest.raises(Exception, match="mocha/guest did not start") as caught:
        async with open_supervisor(SupervisorSpec(children=(nested(inner, []),))):
            pytest.fail("the block must not run")
    assert "inner/x did not start" == str(caught.value.__cause__)


async def test_program_in_somebodys_nursery_that_gives_up_says_so() -> None:
    """Its error is the nursery's."""
    spec = SupervisorSpec(children=(child("a"),), max_restarts=0)
    with pytest.raises(ExceptionGroup) as caught:
        async with trio.open_nursery() as nursery:
            supervisor = await nursery.start(run_program, partial(open_supervisor, spec))
            await supervisor.ref("a").tell(Boom())
    assert [RestartLimitExceeded] == [type(each) for each in caught.value.exceptions]
