"""Scenarios of other libraries' test suites that no other file of these tests has, and where all of them are.

OTP's `supervisor_SUITE` (S1 to S85 in the order of its cases)
    S1, S4-S5, S19, S22 (dead supervisor), S26-S34, S36, S70-S74, S80: here.
    S3, S16-S18, S35, S37-S43, S50-S52, S54, S76-S78: `test_supervisor`, `test_child`; each again in `test_otp`.
    S10-S14, S22, S77-S79, S85: `test_operations`. S15, S24-S25: `test_spec`.
    S55-S62: `test_supervisor` and `test_otp`. S6-S7, S20, S23, S44-S49, S75, S79: `test_dynamic`.
    S81: `test_campaigns`. S84: `test_root` (a ref that serves another tree).
    Not applicable: S2, S8-S9 (there is no init callback), S21 (a start returns nothing but the actor), S53 (a child cannot detach itself), S63-S69 (no change of options
    at run time), S82-S83 (formatting belongs to the log).
Elixir's `DynamicSupervisor` (E1 to E8): `test_dynamic`.
Akka (K1 to K14)
    K2, K7-K9: here. K3, K5-K6: `test_supervisor`. K4: `test_otp`, nested. K11: `test_ref`. K12: `test_root`.
    K13: `test_backoff`.
    Not applicable: K1 (each child spec says what happens), K10 (levels belong to the log), K12's death pact, K14 (a
    message to a stopped actor is a dead letter).
Pykka (P1 to P14)
    P4, P7-P8, P13: here. P1, P11-P12: `test_ref`. P2, P9: `test_root`. P3, P5: `test_child`. P9 again, in order: `test_containment`. P10: as S80.
    Not applicable: P6 (`on_stop` is told the outcome), P14 (`tree()`, and the watchdog in `test_slow`).
Broadway (W1 to W15)
    W1-W3: here. W11: `test_child`, `test_campaigns`.
    Not applicable to the runtime: W4-W10, W12-W15 (batches, acknowledgements and rates belong to pipelines).
tractor (T1 to T5): T2 `test_signals`, T3 `test_inbox` (dropping policies), T4 `test_bridge`, T5 `test_root`.
resilience4j (R1 to R8): `test_breaker`, `test_breaker_model`; forced and disabled modes do not exist.
"""

from __future__ import annotations

import traceback
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors.runtime import (
    Actor,
    ActorDead,
    ActorFailed,
    Backoff,
    ChildCounts,
    ChildSpec,
    Context,
    Mailbox,
    Overflow,
    Restart,
    RestartLimitExceeded,
    StartFailed,
    StartIgnored,
    Strategy,
    Supervisor,
    SupervisorSpec,
    open_supervisor,
)
from mocha_actors.runtime.testing import EventLog, crash, expected_restarts, fail_starts, settle, until_ready

from .toys import NO_WAIT, Boom, Echo, Ping, child, fail, scripted

END = "end"


class Mortal(Actor[Any]):
    """Ends normally when it is told `END`, and fails when it is told an exception."""

    async def run(self, ctx: Context[Any]) -> None:
        async for message in ctx:
            if message is END:
                return
            raise message


async def ignore() -> None:
    """Answer a start with `ignore`."""
    raise StartIgnored


def mortal(name: str, restart: Restart) -> ChildSpec:
    """A `Mortal` that restarts without waiting."""
    return ChildSpec(name, Mortal, restart=restart, backoff=NO_WAIT)


def states(sup: Supervisor) -> dict[str, str]:
    """The state of every child of the root."""
    return {each.name: each.state for each in sup.tree().children}


async def test_supervisor_without_children_starts_and_stops() -> None:
    """S1: nothing to supervise is no error."""
    async with open_supervisor(SupervisorSpec()) as sup:
        assert sup.tree().ready
    assert "stopped" == sup.tree().state


async def test_temporary_child_that_ignores_its_start_is_not_kept() -> None:
    """S4 and S5: neither an initial one nor one started later; the next child is fine."""
    ignored = scripted("a", ignore, restart=Restart.TEMPORARY)
    async with open_supervisor(SupervisorSpec(children=(ignored, child("b")))) as sup:
        assert {"b": "running"} == states(sup)
        await sup.start_child(ignored)
        assert {"b": "running"} == states(sup)


async def test_children_that_end_while_the_supervisor_waits_for_a_later_one_keep_their_outcomes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """S19: nine that end by themselves, in every way and of every restart type, wedge nothing and are not restarted."""
    ends: list[tuple[Any, str]] = [(END, "exited"), (Boom(), "failed"), (None, "stopped")]
    children = [(f"{restart.value}-{outcome}", restart, end) for restart in Restart for end, outcome in ends]
    events = EventLog()

    async def slow() -> None:
        for name, _, end in children:
            if end is not None:
                sup.ref(name).tell_nowait(end)
        await trio.sleep(3)

    spec = SupervisorSpec(
        children=(*(mortal(name, restart) for name, restart, _ in children), scripted("slow", stop=slow, shutdown=5))
    )
    async with open_supervisor(spec, on_event=events) as sup:
        await sup.stop()
    outcomes = {event.path.partition("/")[2]: event.fields["outcome"] for event in events.named("child.exited")}
    assert {name: name.partition("-")[2] for name, _, _ in children} | {"slow": "stopped"} == outcomes
    assert 3 == trio.current_time()
    assert [] == events.named("child.restarting")


async def test_everything_asked_of_a_dead_supervisor_fails_at_once() -> None:
    """S22: nobody waits for an answer that cannot come."""
    async with open_supervisor(SupervisorSpec(children=(child("a"),))) as sup:
        await sup.stop()
        for operation in (
            partial(sup.start_child, child("b")),
            partial(sup.terminate_child, "a"),
            partial(sup.restart_child, "a"),
            partial(sup.delete_child, "a"),
        ):
            with pytest.raises(ActorDead):
                await operation()
        assert not await sup.live()


@pytest.mark.parametrize(
    ("restart", "end", "left"),
    [
        (Restart.PERMANENT, END, "running"),
        (Restart.PERMANENT, Boom(), "running"),
        (Restart.TRANSIENT, END, "stopped"),
        (Restart.TRANSIENT, Boom(), "running"),
        (Restart.TEMPORARY, END, None),
        (Restart.TEMPORARY, Boom(), None),
    ],
)
async def test_restart_type_says_what_an_end_leads_to(restart: Restart, end: object, left: str | None) -> None:
    """S26 to S34: a new incarnation, a spec that can be started by hand, or an id that is free again."""
    async with open_supervisor(SupervisorSpec(children=(mortal("a", restart),))) as sup:
        await sup.ref("a").tell(end)
        await settle()
        assert left == states(sup).get("a")
        if left == "stopped":
            await sup.restart_child("a")
        if left is None:
            await sup.start_child(mortal("a", restart))
        assert {"a": "running"} == states(sup)
        assert (0 if left is None else 1) == sup.tree().children[0].incarnation


async def test_failing_start_of_a_grandchild_surfaces_with_its_whole_chain_of_causes() -> None:
    """S36: each level names the child that did not start."""
    inner = SupervisorSpec(children=(scripted("leaf", fail),))
    middle = SupervisorSpec(children=(ChildSpec("inner", inner),))
    with pytest.raises(StartFailed) as caught:
        async with open_supervisor(SupervisorSpec(children=(ChildSpec("middle", middle),))):
            pytest.fail("it never started")
    error, paths = caught.value, []
    while isinstance(error, StartFailed):
        paths.append(error.path)
        error = error.__cause__
    assert ["mocha/middle", "mocha/middle/inner", "mocha/middle/inner/leaf"] == paths
    assert Boom is type(error)


async def test_thousands_of_children_are_counted() -> None:
    """S70 and S71: actors and supervisors, running and not."""
    actors = tuple(ChildSpec(f"a{number}", Actor) for number in range(500))
    supervisors = tuple(ChildSpec(f"s{number}", SupervisorSpec()) for number in range(500))
    async with open_supervisor(SupervisorSpec(children=actors + supervisors)) as sup:
        assert ChildCounts(specs=1000, active=1000, supervisors=500, workers=500) == sup.count_children()
        await sup.terminate_child("a7")
        assert ChildCounts(specs=1000, active=999, supervisors=500, workers=500) == sup.count_children()


async def test_children_that_fail_to_restart_are_known_but_not_active(autojump_clock: trio.testing.MockClock) -> None:
    """S72: two of three, until the fault clears."""
    waits = Backoff(1, 1, jitter="none")
    spec = SupervisorSpec(children=tuple(child(name, backoff=waits) for name in "abc"), max_restarts=100)
    async with open_supervisor(spec) as sup:
        for name in "ab":
            fail_starts(sup, name, times=5)
            crash(sup, name)
        await trio.sleep(3.5)
        assert ChildCounts(specs=3, active=1, supervisors=0, workers=3) == sup.count_children()
        await until_ready(sup)
        assert ChildCounts(specs=3, active=3, supervisors=0, workers=3) == sup.count_children()


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_nothing_of_a_temporary_child_is_kept_however_it_ends(strategy: Strategy) -> None:
    """S73 and S74: by itself, by a crash, by hand, or with the group of a sibling."""
    names = ("ended", "crashed", "terminated")
    children = (child("first"), *(mortal(name, Restart.TEMPORARY) for name in (*names, "grouped")))
    async with open_supervisor(SupervisorSpec(children=children, strategy=strategy, max_restarts=9)) as sup:
        await sup.ref("ended").tell(END)
        await sup.ref("crashed").tell(Boom())
        await sup.terminate_child("terminated")
        await settle()
        crash(sup, "first")
        await settle()
        kept = {"first"} if strategy is not Strategy.ONE_FOR_ONE else {"first", "grouped"}
        assert kept == {*states(sup)}
        assert kept == {path.partition("/")[2] for path in sup._tree._places}


async def test_order_of_children_is_that_of_their_start_and_not_of_their_names() -> None:
    """S80: the third of five fails; those after it stop backwards, and start forwards with it."""
    events = EventLog()
    spec = SupervisorSpec(children=tuple(child(name) for name in "dbeac"), strategy=Strategy.REST_FOR_ONE)
    async with open_supervisor(spec, on_event=events) as sup:
        async with expected_restarts(sup, {"e": 1, "a": 1, "c": 1}):
            crash(sup, "e")
    assert "+d +b +e +a +c -e -c -a +e +a +c -c -a -e -b -d" == " ".join(events.life())


async def test_state_of_an_actor_is_fresh_after_its_restart() -> None:
    """K2: attributes belong to the incarnation, the mailbox to the place."""

    class Counter(Actor[Any]):
        def __init__(self) -> None:
            self.count = 0

        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            self.count += 1
            return self.count

    async with open_supervisor(SupervisorSpec(children=(ChildSpec("a", Counter, backoff=NO_WAIT),))) as sup:
        assert [1, 2] == [await sup.ref("a").ask(Ping(), timeout=1) for _ in range(2)]
        crash(sup, "a")
        assert 1 == await sup.ref("a").ask(Ping(), timeout=1)


async def test_start_that_always_fails_is_tried_exactly_as_often_as_the_limit_allows() -> None:
    """K7: n restarts are n attempts; the first start comes on top of them."""
    lives: list[int] = []

    class Stubborn(Actor[Any]):
        async def on_start(self, ctx: Context[Any]) -> None:
            lives.append(ctx.incarnation)
            if ctx.incarnation:
                raise Boom

    spec = SupervisorSpec(children=(ChildSpec("a", Stubborn, backoff=NO_WAIT),), max_restarts=4)
    with pytest.raises(RestartLimitExceeded):
        async with open_supervisor(spec) as sup:
            crash(sup, "a")
            await trio.sleep_forever()
    assert [0, 1, 2, 3, 4] == lives


async def test_mailbox_of_an_actor_in_back_off_takes_what_fits_and_buries_the_rest(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """K8: with room for two, the first two of four are handled by the next incarnation."""
    handled: list[Any] = []
    start, mailbox = partial(Echo, handled), Mailbox(2, Overflow.DROP_NEWEST)
    spec = ChildSpec("a", start, mailbox=mailbox, backoff=Backoff(5, jitter="none"))
    async with open_supervisor(SupervisorSpec(children=(spec,))) as sup:
        crash(sup, "a")
        await settle()
        assert [True, True, False, False] == [sup.ref("a").tell_nowait(number) for number in range(4)]
        await until_ready(sup)
        await settle()
        assert [0, 1] == handled
        assert [(2, "overflow"), (3, "overflow")] == [(each.message, each.reason) for each in sup.dead_letters.newest]


async def test_messages_from_before_a_failing_restart_survive_it() -> None:
    """K9: whatever number of attempts the restart needs."""
    handled: list[Any] = []
    spec = ChildSpec("a", partial(Echo, handled), backoff=NO_WAIT)
    async with open_supervisor(SupervisorSpec(children=(spec,), max_restarts=9)) as sup:
        fail_starts(sup, "a", times=3)
        crash(sup, "a")
        for number in range(3):
            await sup.ref("a").tell(number)
        await until_ready(sup)
        await settle()
    assert [0, 1, 2] == handled


async def test_actor_that_stops_its_tree_while_it_starts_handles_nothing() -> None:
    """P4: the stop does not wait for the start, nor the start for the stop; what was sent is a dead letter."""
    handled: list[Any] = []
    holder: list[Supervisor] = []

    class Quitter(Echo):
        async def on_start(self, ctx: Context[Any]) -> None:
            await ctx.ref.tell("to myself")
            holder[0].begin_stop()
            await trio.lowlevel.checkpoint()

    async with open_supervisor(SupervisorSpec()) as sup:
        holder.append(sup)
        await sup.start_child(ChildSpec("a", partial(Quitter, handled)))
        await sup.wait()
    assert [] == handled
    assert ["stopped"] == [letter.reason for letter in sup.dead_letters.newest]


async def test_actor_may_stop_its_tree_twice_and_handles_what_it_told_itself_before() -> None:
    """P7 and P8: a stop drains, and nobody deadlocks."""
    handled: list[Any] = []

    async def quit_twice() -> None:
        await sup.ref("a").tell("to myself")
        sup.begin_stop()
        sup.begin_stop()

    async with open_supervisor(SupervisorSpec(children=(ChildSpec("a", partial(Echo, handled)),))) as sup:
        await sup.ref("a").tell(quit_twice)
        await sup.wait()
    assert ["to myself"] == handled


async def test_failure_of_an_ask_keeps_the_traceback_of_the_handler() -> None:
    """P13: the asker sees where it happened."""

    class Faulty(Actor[Any]):
        async def handle(self, message: Any, ctx: Context[Any]) -> object:
            raise Boom

    async with open_supervisor(SupervisorSpec(children=(ChildSpec("a", Faulty),))) as sup:
        with pytest.raises(ActorFailed) as caught:
            await sup.ref("a").ask(Ping(), timeout=1)
    frames = traceback.extract_tb(caught.value.__cause__.__traceback__)
    assert "raise Boom" == frames[-1].line


async def test_only_what_a_crashing_stage_has_in_hand_is_lost_and_only_it_restarts() -> None:
    """W1 to W3: 1, 2, a poisonous message, 3, 4, 5: everything but the poisonous one comes out, in order."""
    out: list[Any] = []

    class Stage(Actor[Any]):
        def __init__(self, sup: list[Supervisor]) -> None:
            self.sup = sup

        async def handle(self, message: Any, ctx: Context[Any]) -> None:
            if isinstance(message, Exception):
                raise message
            await self.sup[0].ref("sink").tell(message)

    holder: list[Supervisor] = []
    spec = SupervisorSpec(
        children=(
            ChildSpec("sink", partial(Echo, out)),
            ChildSpec("stage", partial(Stage, holder), backoff=NO_WAIT),
            child("source"),
        )
    )
    async with open_supervisor(spec) as sup:
        holder.append(sup)
        async with expected_restarts(sup, {"stage": 1}):
            for message in (1, 2, Boom(), 3, 4, 5):
                await sup.ref("stage").tell(message)
    assert [1, 2, 3, 4, 5] == out
    assert ["failed"] == [letter.reason for letter in sup.dead_letters.newest]
