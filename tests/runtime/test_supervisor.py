from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors.runtime import (
    Actor,
    AutoShutdown,
    Backoff,
    ChildSpec,
    Context,
    Mailbox,
    Restart,
    RestartLimitExceeded,
    RestartNow,
    StartFailed,
    StartIgnored,
    Strategy,
    SupervisorSpec,
    new_ref,
    open_supervisor,
)

from .toys import NO_WAIT, Boom, Echo, Forever, Ping, Recorder, child, fail, scripted, settle

MANY = {"max_restarts": 100, "max_seconds": 1.0}


async def ignore() -> None:
    """Do not want to start."""
    raise StartIgnored


async def test_children_start_one_by_one_in_order_and_stop_in_reverse() -> None:
    """The next child is started only when the one before has started, nested ones included."""
    recorder = Recorder()
    slow = scripted("b", trio.lowlevel.checkpoint)
    spec = SupervisorSpec(
        children=(child("a"), slow, ChildSpec("s", SupervisorSpec(children=(child("x"), child("y")))), child("c"))
    )
    async with open_supervisor(spec, on_event=recorder):
        assert ["+a", "+b", "+s/x", "+s/y", "+s", "+c"] == recorder.life()
        recorder.events.clear()
    assert ["-c", "-s/y", "-s/x", "-s", "-b", "-a"] == recorder.life()


async def test_failing_initial_start_stops_the_started_ones_and_is_raised_with_its_causes() -> None:
    """There is no retry; the chain names every level down to the cause."""
    recorder = Recorder()
    spec = SupervisorSpec(
        children=(child("a"), ChildSpec("s", SupervisorSpec(children=(child("x"), scripted("bad", fail)))))
    )
    with pytest.raises(StartFailed, match="mocha/s did not start") as caught:
        async with open_supervisor(spec, on_event=recorder):
            pytest.fail("the block must not run")
    inner = caught.value.__cause__
    assert "mocha/s/bad did not start" == str(inner)
    assert isinstance(inner.__cause__, Boom)
    assert ["+a", "+s/x", "-s/bad", "-s/x", "-s", "-a"] == recorder.life()
    assert [] == recorder.named("child.restarting")


async def test_child_that_ignores_its_start_stays_known_without_running() -> None:
    """The next ones start; a temporary one is forgotten."""
    spec = SupervisorSpec(
        children=(scripted("a", ignore), scripted("t", ignore, restart=Restart.TEMPORARY), child("b"))
    )
    async with open_supervisor(spec) as sup:
        assert [("a", "stopped"), ("b", "running")] == [(each.name, each.state) for each in sup.tree().children]


@pytest.mark.parametrize(
    ("strategy", "life"),
    [
        (Strategy.ONE_FOR_ONE, ["-b", "+b"]),
        (Strategy.ONE_FOR_ALL, ["-b", "-d", "-c", "-a", "+a", "+b", "+c", "+d"]),
        (Strategy.REST_FOR_ONE, ["-b", "-d", "-c", "+b", "+c", "+d"]),
    ],
)
async def test_strategy_restarts_its_group_newest_stopped_first_oldest_started_first(
    strategy: Strategy, life: list[str]
) -> None:
    """The failed child takes its group with it, and nobody else."""
    recorder = Recorder()
    spec = SupervisorSpec(children=tuple(map(child, "abcd")), strategy=strategy)
    async with open_supervisor(spec, on_event=recorder) as sup:
        recorder.events.clear()
        await sup.ref("b").tell(Boom())
        await settle()
        assert life == recorder.life()


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_temporary_bystander_of_a_group_restart_is_gone(strategy: Strategy) -> None:
    """It is stopped with the group and not started again."""
    spec = SupervisorSpec(children=(child("a"), child("t", restart=Restart.TEMPORARY)), strategy=strategy)
    async with open_supervisor(spec) as sup:
        await sup.ref("a").tell(Boom())
        await settle()
        assert [("a", 1)] == [(each.name, each.incarnation) for each in sup.tree().children]


async def test_group_restart_brings_back_members_that_had_ended_normally() -> None:
    """One_for_all starts every spec, as OTP does."""
    once = scripted("once", restart=Restart.TRANSIENT)
    spec = SupervisorSpec(children=(child("a"), once), strategy=Strategy.ONE_FOR_ALL)
    async with open_supervisor(spec) as sup:
        await sup.terminate_child("once")
        await sup.ref("a").tell(Boom())
        await settle()
        assert ["running", "running"] == [each.state for each in sup.tree().children]


@pytest.mark.parametrize(
    ("strategy", "life"),
    [
        (Strategy.ONE_FOR_ALL, ["-a", "-c", "-b", "+a", "-b", "-a", "+a", "+b", "+c"]),
        (Strategy.REST_FOR_ONE, ["-a", "-c", "-b", "+a", "-b", "+b", "+c"]),
    ],
)
async def test_member_that_fails_to_start_in_a_group_restart_is_retried(strategy: Strategy, life: list[str]) -> None:
    """One_for_all begins again from nothing; rest_for_one goes on from the failed member."""
    recorder = Recorder()
    spec = SupervisorSpec(children=(child("a"), scripted("b", None, fail, None), child("c")), strategy=strategy)
    async with open_supervisor(spec, on_event=recorder) as sup:
        recorder.events.clear()
        await sup.ref("a").tell(Boom())
        await settle()
        assert life == recorder.life()


async def test_siblings_that_crash_together_are_restarted_once() -> None:
    """An exit that the group restart has already dealt with is stale."""
    recorder = Recorder()
    spec = SupervisorSpec(children=tuple(map(child, "ab")), strategy=Strategy.ONE_FOR_ALL)
    async with open_supervisor(spec, on_event=recorder) as sup:
        for name in "ab":
            sup.ref(name).tell_nowait(Boom())
        await settle()
        assert [1, 1] == [each.incarnation for each in sup.tree().children]
        assert 1 == len(recorder.named("child.restarting"))


@pytest.mark.parametrize(("restart", "expected"), [(Restart.PERMANENT, 1), (Restart.TRANSIENT, 0)])
async def test_normal_exit_restarts_only_permanent_children(restart: Restart, expected: int) -> None:
    """A transient child that has done its work stays down."""

    class Once(Actor[Any]):
        async def run(self, ctx: Context[Any]) -> None:
            if ctx.incarnation:
                await trio.sleep_forever()

    spec = SupervisorSpec(children=(ChildSpec("a", Once, restart=restart, backoff=NO_WAIT, shutdown="kill"),))
    async with open_supervisor(spec) as sup:
        await settle()
        assert expected == sup.tree().children[0].incarnation


async def test_budget_is_shared_by_all_children_and_giving_up_is_abnormal() -> None:
    """One restart too many, whoever needs it, and the supervisor stops everything and raises, the cause attached."""
    recorder = Recorder()
    spec = SupervisorSpec(children=(child("a"), child("b")), max_restarts=2, max_seconds=5)
    text = "mocha gave up: mocha/a exceeded 2 restarts in 5 s"
    with trio.fail_after(5), pytest.raises(RestartLimitExceeded, match=text) as caught:
        async with open_supervisor(spec, on_event=recorder) as sup:
            for name in ("a", "b", "a"):
                sup.ref(name).tell_nowait(Boom(name))
                await settle()
            await sup.wait()
    assert isinstance(caught.value.__cause__, Boom)
    assert ["supervisor.escalated", "supervisor.stopped"] == [
        each.name for each in recorder.events if "supervisor" in each.name
    ]


async def test_window_slides_so_rare_crashes_never_exhaust_it(autojump_clock: trio.testing.MockClock) -> None:
    """One restart per second is allowed; crashes 2.1 s apart all survive."""
    spec = SupervisorSpec(children=(child("a"),), max_restarts=1, max_seconds=1)
    async with open_supervisor(spec) as sup:
        for _ in range(4):
            await sup.ref("a").tell(Boom())
            await trio.sleep(2.1)
        assert 4 == sup.tree().children[0].restarts


async def test_each_retry_of_a_failed_start_spends_the_budget() -> None:
    """A child whose restarts keep failing exhausts it by itself."""
    spec = SupervisorSpec(children=(scripted("a", None, fail),), max_restarts=4)
    with pytest.raises(RestartLimitExceeded):
        async with open_supervisor(spec) as sup:
            await sup.ref("a").tell(Boom())
            await trio.sleep_forever()


async def test_escalation_is_an_abnormal_exit_for_the_parent_and_keeps_the_chain() -> None:
    """Even a transient sub-supervisor is restarted; when the root gives up, every level stands in the chain."""
    inner = SupervisorSpec(children=(child("x"),), max_restarts=0)
    spec = SupervisorSpec(children=(ChildSpec("s", inner, restart=Restart.TRANSIENT, backoff=NO_WAIT),), max_restarts=1)
    with pytest.raises(RestartLimitExceeded, match="mocha gave up") as caught:
        async with open_supervisor(spec) as sup:
            x = sup.ref("s/x")
            await x.tell(Boom("first"))
            await settle()
            assert 1 == await x.ask(Ping(), timeout=1)
            await x.tell(Boom("second"))
            await trio.sleep_forever()
    assert "mocha/s gave up: mocha/s/x exceeded 0 restarts in 5 s" == str(caught.value.__cause__)
    assert "second" == str(caught.value.__cause__.__cause__)


async def test_refs_and_what_waits_survive_the_restart_of_their_whole_subtree() -> None:
    """The mailbox belongs to the place in the tree, not to the supervisor's incarnation; given refs and made ones."""
    given, handled = new_ref("x"), []
    inner = SupervisorSpec(
        children=(
            ChildSpec("x", partial(Echo, handled), ref=given, backoff=NO_WAIT),
            ChildSpec("y", partial(Echo, handled), mailbox=Mailbox(5), backoff=NO_WAIT),
            child("bad"),
        ),
        max_restarts=0,
    )
    async with open_supervisor(SupervisorSpec(children=(ChildSpec("s", inner, backoff=NO_WAIT),))) as sup:
        made = sup.ref("s/y")
        sup.ref("s/bad").tell_nowait(Boom())
        for number in range(3):
            assert given.tell_nowait(number)
            assert made.tell_nowait(number)
        await settle()
        assert made is sup.ref("s/y")
        assert [1, 1] == [await ref.ask(Ping(), timeout=1) for ref in (given, made)]
    assert sorted([0, 1, 2] * 2) == sorted(handled)
    assert 1 == sup.dead_letters.total


async def test_children_added_at_run_time_are_gone_after_their_supervisors_restart() -> None:
    """The initial ones are back, as in OTP; messages for the others are dead letters."""
    inner = SupervisorSpec(children=(child("x"),), max_restarts=0)
    async with open_supervisor(SupervisorSpec(children=(ChildSpec("s", inner, backoff=NO_WAIT),))) as sup:
        added = await sup.start_child(child("added"), under="s")
        assert added is not None
        await sup.ref("s/x").tell(Boom())
        await settle()
        assert ["x"] == [each.name for each in sup.which_children("s")]
        assert not added.tell_nowait("anybody?")


async def test_back_off_grows_and_starts_anew_after_stable_uptime(autojump_clock: trio.testing.MockClock) -> None:
    """Nothing starts before its delay; only uptime, not a successful start, resets the row."""
    recorder = Recorder()
    spec = SupervisorSpec(children=(child("a", backoff=Backoff(1, 30, jitter="none", reset_after=10)),), **MANY)
    async with open_supervisor(spec, on_event=recorder) as sup:
        for pause in (1, 2, 4 + 10, 1):
            await sup.ref("a").tell(Boom())
            await settle()
            assert "restarting" == sup.tree().children[0].state
            await trio.sleep(pause)
            await settle()
    assert [1, 2, 4, 1] == [event.fields["delay"] for event in recorder.named("child.restarting")]
    assert [0, 1, 3, 7, 18] == [event.at for event in recorder.named("child.started")]


async def test_group_stops_first_then_waits_once_then_starts(autojump_clock: trio.testing.MockClock) -> None:
    """Nobody of the group works while it waits."""
    spec = SupervisorSpec(
        children=(child("a", backoff=Backoff(5, jitter="none")), child("b")), strategy=Strategy.ONE_FOR_ALL
    )
    recorder = Recorder()
    async with open_supervisor(spec, on_event=recorder) as sup:
        await sup.ref("a").tell(Boom())
        await trio.sleep(6)
    assert [("+", 0), ("+", 0), ("-", 0), ("-", 0), ("+", 5), ("+", 5)] == [
        ("+" if event.name == "child.started" else "-", event.at)
        for event in recorder.events
        if event.name in {"child.started", "child.exited"}
    ][:6]


async def test_too_many_failures_in_a_row_park_the_child_while_siblings_run() -> None:
    """A parked child is down, its mailbox is closed, and nobody else is concerned."""
    recorder = Recorder()
    spec = SupervisorSpec(children=(child("a", max_consecutive=2, on_max_consecutive="park"), child("b")), **MANY)
    async with open_supervisor(spec, on_event=recorder) as sup:
        for _ in range(3):
            await sup.ref("a").tell(Boom())
            await settle()
        assert ["parked", "running"] == [each.state for each in sup.tree().children]
        assert not sup.ref("a").tell_nowait("anybody?")
        assert ["mocha/a"] == list(sup.tree().unready())
        await sup.restart_child("a")
        assert 3 == await sup.ref("a").ask(Ping(), timeout=1)
    assert ["child.parked a"] == recorder.story("child.parked")


async def test_too_many_failures_in_a_row_escalate_even_when_slow(autojump_clock: trio.testing.MockClock) -> None:
    """Where back-off keeps the window from ever filling, the limit of the row still ends it."""
    slow = child("a", backoff=Backoff(10, jitter="none"), max_consecutive=2)
    with pytest.raises(RestartLimitExceeded, match="mocha/a exceeded 2 restarts in a row"):
        async with open_supervisor(SupervisorSpec(children=(slow,))) as sup:
            while True:
                await sup.ref("a").tell(Boom())
                await trio.sleep(30)


@pytest.mark.parametrize("error", [RestartNow(Boom()), ExceptionGroup("nursery", [RestartNow(Boom())])])
async def test_restart_now_waits_for_nothing_and_spends_nothing(error: Exception) -> None:
    """Without back-off, intensity or the limit of the row; the message goes the way of any crash."""
    recorder = Recorder()
    spec = SupervisorSpec(children=(child("a", backoff=Backoff(30, 30), max_consecutive=0),), max_restarts=0)
    async with open_supervisor(spec, on_event=recorder) as sup:
        for _ in range(5):
            await sup.ref("a").tell(error)
        await settle()
        assert 5 == await sup.ref("a").ask(Ping(), timeout=1)
        assert {("mocha/a", "failed"): 5} == sup.dead_letters.counts
    assert [(True, 0.0)] * 5 == [
        (event.fields["immediate"], event.fields["delay"]) for event in recorder.named("child.restarting")
    ]


async def test_restart_now_without_a_message_in_hand_is_an_ordinary_failure() -> None:
    """Otherwise an actor that lives from no messages would be restarted at full speed for ever."""

    class Restless(Actor[Any]):
        async def run(self, ctx: Context[Any]) -> None:
            raise RestartNow(Boom())

    lives = Recorder()
    with trio.fail_after(5), pytest.raises(RestartLimitExceeded):
        spec = SupervisorSpec((ChildSpec("a", Restless, backoff=NO_WAIT),), max_restarts=3)
        async with open_supervisor(spec, on_event=lives):
            await trio.sleep_forever()
    assert 4 == len(lives.named("child.started"))


async def test_restart_now_in_on_start_is_an_ordinary_failure() -> None:
    """Otherwise a child that cannot start would spin for ever."""

    async def now() -> None:
        raise RestartNow(Boom())

    with pytest.raises(RestartLimitExceeded):
        async with open_supervisor(SupervisorSpec(children=(scripted("a", None, now),))) as sup:
            await sup.ref("a").tell(Boom())
            await trio.sleep_forever()


async def test_stop_is_served_during_back_off(autojump_clock: trio.testing.MockClock) -> None:
    """Nobody waits for the end of a back-off; what waits for the child is dead."""
    spec = SupervisorSpec(children=(child("a", backoff=Backoff(1000, 1000, jitter="none")),))
    async with open_supervisor(spec) as sup:
        await sup.ref("a").tell(Boom())
        await sup.ref("a").tell("waits")
        await settle()
    assert 0 == trio.current_time()
    assert [("waits", "stopped")] == [(each.message, each.reason) for each in sup.dead_letters.newest][1:]


async def test_stop_is_served_during_a_restart_loop_without_back_off() -> None:
    """Between two attempts, never behind them."""
    spec = SupervisorSpec(children=(scripted("a", None, fail),), max_restarts=10**9)
    with trio.fail_after(5):
        async with open_supervisor(spec, on_event=Recorder()) as sup:
            await sup.ref("a").tell(Boom())
            while sup.tree().children[0].restarts < 20:
                await trio.lowlevel.checkpoint()


async def test_stop_is_served_while_a_restart_hangs(autojump_clock: trio.testing.MockClock) -> None:
    """A child that never finishes its start is given up."""
    spec = SupervisorSpec(children=(scripted("a", None, trio.sleep_forever),))
    async with open_supervisor(spec) as sup:
        await sup.ref("a").tell(Boom())
        await settle()
        assert "starting" == sup.tree().children[0].state
    assert 0 == trio.current_time()


@pytest.mark.parametrize(
    ("mode", "restart", "ends_after"),
    [
        (AutoShutdown.ANY_SIGNIFICANT, Restart.TEMPORARY, 1),
        (AutoShutdown.ALL_SIGNIFICANT, Restart.TEMPORARY, 2),
        (AutoShutdown.ANY_SIGNIFICANT, Restart.TRANSIENT, None),
    ],
)
async def test_end_of_significant_children_ends_the_supervisor(
    mode: AutoShutdown, restart: Restart, ends_after: int | None
) -> None:
    """Any or all of them, ended by themselves for good; a transient one that crashes is restarted instead."""
    children = (
        child("a", significant=True, restart=restart),
        child("b", significant=True, restart=restart),
        child("c"),
    )
    async with open_supervisor(SupervisorSpec(children=children, auto_shutdown=mode)) as sup:
        ends = 0
        for name in "ab":
            if sup.tree().state == "running":
                sup.ref(name).tell_nowait(Boom())
                await settle()
                ends += 1
            if sup.tree().state == "stopped":
                break
        assert ("stopped", ends_after) == (sup.tree().state, ends) or ("running", None) == (
            sup.tree().state,
            ends_after,
        )


async def test_stopping_a_significant_child_by_hand_ends_nobody() -> None:
    """Only an end by itself counts."""
    children = (child("a", significant=True, restart=Restart.TRANSIENT), child("b"))
    async with open_supervisor(SupervisorSpec(children=children, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)) as sup:
        await sup.terminate_child("a")
        await settle()
        assert "running" == sup.tree().state


async def test_significant_sub_supervisor_propagates_its_automatic_shutdown() -> None:
    """Its end is a normal exit of a significant child."""
    inner = SupervisorSpec(
        children=(child("x", significant=True, restart=Restart.TEMPORARY),), auto_shutdown=AutoShutdown.ANY_SIGNIFICANT
    )
    sub = ChildSpec("s", inner, significant=True, restart=Restart.TRANSIENT)
    async with open_supervisor(SupervisorSpec(children=(sub,), auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)) as sup:
        await sup.ref("s/x").tell(Boom())
        with trio.fail_after(1):
            await sup.wait()


async def test_kill_reaches_every_level_at_once(autojump_clock: trio.testing.MockClock) -> None:
    """Nobody's time to stop is waited for."""
    inner = SupervisorSpec(children=(ChildSpec("x", Forever, shutdown=None),))
    spec = SupervisorSpec(children=(ChildSpec("a", Forever, shutdown=None), ChildSpec("s", inner)))
    async with open_supervisor(spec) as sup:
        await sup.kill()
    assert 0 == trio.current_time()
