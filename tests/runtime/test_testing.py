"""The kit for users' tests."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors.runtime import (
    Actor,
    Backoff,
    BreakerPolicy,
    ChildError,
    ChildSpec,
    CircuitBreaker,
    Context,
    Mailbox,
    RestartLimitExceeded,
    Strategy,
    SupervisorSpec,
    open_supervisor,
)
from mocha_actors.runtime.testing import (
    EventLog,
    InjectedFault,
    crash,
    expected_restarts,
    fail_starts,
    run_in_virtual_time,
    settle,
    until_ready,
)

from .toys import NO_WAIT, Boom, Ping, child

SLOW = Backoff(60, 600, jitter="none")


def test_hours_of_back_off_pass_in_virtual_time() -> None:
    """The example of the kit's manual: a crash, three failing starts, and everything in order afterwards."""
    tree = SupervisorSpec(
        children=(child("database", backoff=SLOW), child("cache")), strategy=Strategy.ONE_FOR_ALL, max_restarts=10
    )

    async def scenario() -> float:
        events = EventLog()
        async with open_supervisor(tree, on_event=events) as supervisor:
            async with expected_restarts(supervisor, {"database": 1, "cache": 1}):
                crash(supervisor, "database")
            fail_starts(supervisor, "database", times=3)
            crash(supervisor, "database")
            await until_ready(supervisor)
        assert ["+database", "+cache", "-database", "-cache", "+database", "+cache"] == events.life()[:6]
        assert ["child.restarting database"] * 5 == events.story("child.restarting")
        return trio.current_time()

    assert 60 + 120 + 240 + 480 + 600 == run_in_virtual_time(scenario)


async def test_crash_is_a_failure_like_any_other() -> None:
    """The message in hand goes through redelivery, the budget is spent, the error is told."""
    handled: list[Any] = []

    class Sleeper(Actor[str]):
        async def handle(self, message: str, ctx: Context[str]) -> None:
            handled.append(message)
            await trio.sleep_forever()

    spec = SupervisorSpec(
        children=(ChildSpec("a", Sleeper, mailbox=Mailbox(redeliver=2), backoff=NO_WAIT, shutdown="kill"),),
        max_restarts=1,
    )
    with pytest.raises(RestartLimitExceeded) as caught:
        async with open_supervisor(spec) as supervisor:
            ref = supervisor.ref("a")
            await ref.tell("hello")
            await settle()
            crash(supervisor, "a")
            await settle()
            crash(supervisor, ref, Boom("second"))
            await trio.sleep_forever()
    assert ["hello", "hello"] == handled
    assert "second" == str(caught.value.__cause__)


async def test_crash_is_refused_where_there_is_nothing_to_crash() -> None:
    """With a text that says what is there instead."""
    inner = SupervisorSpec(children=(child("x", backoff=SLOW),))
    async with open_supervisor(SupervisorSpec(children=(ChildSpec("s", inner),))) as supervisor:
        with pytest.raises(TypeError, match="mocha/s is a supervisor"):
            crash(supervisor, "s")
        with pytest.raises(ChildError, match="mocha/nobody is not known"):
            crash(supervisor, "nobody")
        crash(supervisor, "s/x")
        await settle()
        with pytest.raises(ValueError, match="mocha/s/x is restarting; only what runs can crash"):
            crash(supervisor, "s/x")


async def test_starts_fail_as_often_as_told() -> None:
    """Then the actor starts as before."""
    async with open_supervisor(SupervisorSpec(children=(child("a"),), max_restarts=10)) as supervisor:
        fail_starts(supervisor, "a", Boom("no"), times=2)
        crash(supervisor, "a")
        await until_ready(supervisor)
        assert 3 == await supervisor.ref("a").ask(Ping(), timeout=1)
        assert "Boom: no" == supervisor.tree().children[0].last_error


async def test_unexpected_restarts_are_named() -> None:
    """Too many, too few, and what is not there."""
    async with open_supervisor(SupervisorSpec(children=(child("a"), child("b")))) as supervisor:
        with pytest.raises(AssertionError, match="restarts differ: a: expected 0, found 1; b: expected 2, found 0"):
            async with expected_restarts(supervisor, {"b": 2}):
                crash(supervisor, "a")
        with pytest.raises(AssertionError, match="what is not there: c"):
            async with expected_restarts(supervisor, {"c": 1}):
                pytest.fail("the block does not begin")


async def test_error_of_the_block_is_not_hidden_by_a_wrong_expectation() -> None:
    """What happened first is told."""
    async with open_supervisor(SupervisorSpec(children=(child("a"),))) as supervisor:
        with pytest.raises(Boom):
            async with expected_restarts(supervisor, {"a": 5}):
                raise Boom


async def test_waiting_for_readiness_has_an_end_and_names_what_is_missing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A parked child never becomes ready, an open breaker does when its wait is over."""
    breaker = CircuitBreaker("database", BreakerPolicy(minimum_calls=1, window=1, wait=30))
    parked = child("parked", max_consecutive=0, on_max_consecutive="park")
    async with open_supervisor(SupervisorSpec(children=(parked,), breakers=(breaker,))) as supervisor:
        with pytest.raises(Boom):
            async with breaker:
                raise Boom
        await until_ready(supervisor)
        assert 30 == trio.current_time()
        crash(supervisor, "parked", InjectedFault("for good"))
        with pytest.raises(AssertionError, match="not ready after 10 s: mocha/parked"):
            await until_ready(supervisor, within=10)
