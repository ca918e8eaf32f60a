"""What happens to a failure that no restart can mend (`ChildSpec.fatal`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trio

from mocha_actors.runtime import (
    ActorDead,
    ChildSpec,
    FatalChildError,
    Restart,
    RestartLimitExceeded,
    RestartNow,
    StartFailed,
    Strategy,
    SupervisorSpec,
    open_supervisor,
)

from .toys import NO_WAIT, Boom, Ping, Recorder, child, fail, scripted, settle


class Refused(Exception):
    """No restart mends this."""


def caused_by_refusal() -> Boom:
    """An error whose cause is fatal."""
    error = Boom("on the way")
    error.__cause__ = Refused("token")
    return error


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes."""
    while error is not None:
        yield error
        error = error.__cause__


@pytest.mark.parametrize(
    "failure",
    [
        Refused("token"),
        ExceptionGroup("several", [ValueError(), ExceptionGroup("inner", [Refused("token")])]),
        caused_by_refusal(),
        ExceptionGroup("several", [caused_by_refusal()]),
        RestartNow(Refused("token")),
    ],
    ids=["itself", "in a group", "as a cause", "as a cause in a group", "even with RestartNow"],
)
async def test_fatal_failure_is_not_answered_by_a_restart(failure: Exception) -> None:
    """Wherever in the failure the fatal error is, the supervisor gives up and its siblings are stopped."""
    recorder = Recorder()
    spec = SupervisorSpec(children=(child("sibling"), child("a", fatal=(KeyError, Refused))), max_restarts=100)
    with pytest.raises(FatalChildError, match="mocha gave up: mocha/a failed with") as caught:
        async with open_supervisor(spec, on_event=recorder) as sup:
            await sup.ref("a").tell(failure)
            await trio.sleep_forever()
    assert failure is caught.value.__cause__
    assert ["+sibling", "+a", "-a", "-sibling"] == recorder.life()
    assert [("mocha", "fatal error")] == [
        (event.path, event.fields["limit"]) for event in recorder.named("supervisor.escalated")
    ]


async def test_failure_of_another_type_is_restarted_as_ever() -> None:
    """A subclass of a fatal type is fatal, a relative is not."""
    async with open_supervisor(SupervisorSpec(children=(child("a", fatal=(Refused,)),))) as sup:
        await sup.ref("a").tell(Boom())
        await settle()
        assert 1 == await sup.ref("a").ask(Ping(), timeout=1)


async def test_fatal_end_passes_all_the_way_up_whatever_the_budgets() -> None:
    """Each level gives up in turn, and the chain of causes leads through all of them to the failure."""
    recorder, failure = Recorder(), Refused("token")
    inner = SupervisorSpec(children=(child("a", fatal=(Refused,)),), max_restarts=100)
    middle = SupervisorSpec(children=(ChildSpec("inner", inner, backoff=NO_WAIT),), max_restarts=100)
    spec = SupervisorSpec(children=(ChildSpec("middle", middle, restart=Restart.TRANSIENT, backoff=NO_WAIT),))
    with pytest.raises(FatalChildError) as caught:
        async with open_supervisor(spec, on_event=recorder) as sup:
            await sup.ref("middle/inner/a").tell(failure)
            await trio.sleep_forever()
    assert ["mocha/middle/inner", "mocha/middle", "mocha"] == [
        event.path for event in recorder.named("supervisor.escalated")
    ]
    assert ["mocha", "mocha/middle", "mocha/middle/inner"] == [
        each.path for each in chain(caught.value) if isinstance(each, FatalChildError)
    ]
    assert failure is list(chain(caught.value))[-1]


async def test_supervisor_may_be_declared_fatal_for_what_its_children_raise() -> None:
    """The error is looked for among the causes of its giving up."""
    inner = SupervisorSpec(children=(child("a"),), max_restarts=0)
    spec = SupervisorSpec(children=(ChildSpec("inner", inner, fatal=(Refused,)),), max_restarts=100)
    with pytest.raises(FatalChildError) as caught:
        async with open_supervisor(spec) as sup:
            await sup.ref("inner/a").tell(Refused("token"))
            await trio.sleep_forever()
    assert [FatalChildError, RestartLimitExceeded, Refused] == [type(each) for each in chain(caught.value)]


async def test_temporary_child_may_fail_fatally_too() -> None:
    """It is not restarted anyway; that it is fatal still ends its supervisor."""
    with pytest.raises(FatalChildError):
        async with open_supervisor(
            SupervisorSpec(children=(child("a", restart=Restart.TEMPORARY, fatal=(Boom,)),))
        ) as sup:
            await sup.ref("a").tell(Boom())
            await trio.sleep_forever()


async def test_fatal_failure_of_the_first_start_is_told_as_such() -> None:
    """The ones before it are stopped again, as with any start that fails."""
    recorder = Recorder()
    with pytest.raises(FatalChildError) as caught:
        async with open_supervisor(
            SupervisorSpec(children=(child("a"), scripted("b", fail, fatal=(Boom,)))), on_event=recorder
        ):
            pytest.fail("it never started")
    assert Boom is type(caught.value.__cause__)
    assert ["+a", "-b", "-a"] == recorder.life()


async def test_fatal_failure_during_a_restart_is_not_retried() -> None:
    """Neither of the child itself nor of a sibling that is restarted with it."""
    recorder = Recorder()
    children = (child("a"), scripted("b", None, fail, fatal=(Boom,)))
    with pytest.raises(FatalChildError, match="mocha/b"):
        async with open_supervisor(
            SupervisorSpec(children=children, strategy=Strategy.ONE_FOR_ALL, max_restarts=100), on_event=recorder
        ) as sup:
            await sup.ref("a").tell(KeyError())
            await trio.sleep_forever()
    assert ["+a", "+b", "-a", "-b", "+a", "-b", "-a"] == recorder.life()


async def test_fatal_failure_of_a_start_asked_for_is_told_to_who_asked() -> None:
    """It would not be answered by a restart anyway; the tree goes on."""
    async with open_supervisor(SupervisorSpec(children=(child("a"),))) as sup:
        with pytest.raises(StartFailed):
            await sup.start_child(scripted("b", fail, fatal=(Boom,)))
        assert ["a"] == [each.name for each in sup.which_children()]
        assert await sup.live()


async def test_fatal_failure_during_the_stop_changes_nothing() -> None:
    """The tree is going down already."""
    async with open_supervisor(SupervisorSpec(children=(child("a", fatal=(Refused,)),))) as sup:
        ref = sup.ref("a")
        await ref.tell(RestartNow(Refused("token")))
        await ref.tell("never handled, because no restart is due")
        await sup.stop()
        with pytest.raises(ActorDead):
            await ref.ask(Ping(), timeout=1)
    assert 2 == sup.dead_letters.total
