from __future__ import annotations

import math

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.runtime import BreakerPolicy, BreakerState, CircuitBreaker, CircuitOpen, SpecError
from mocha_actors.runtime.breaker import Circuit

from .toys import Boom, Recorder

POLICY = BreakerPolicy(minimum_calls=5, window=10, wait=60.0, probes=3)


def call(circuit: Circuit, now: float, *, failed: bool, seconds: float = 0.0) -> None:
    """One admitted call."""
    permit = circuit.admit(now)
    assert permit is not None
    circuit.record(permit, now + seconds, failed=failed)


def opened(policy: BreakerPolicy = POLICY) -> Circuit:
    """A circuit that opened at time 0."""
    circuit = Circuit(policy)
    for _ in range(policy.minimum_calls):
        call(circuit, 0.0, failed=True)
    assert BreakerState.OPEN is circuit.state
    return circuit


def test_too_few_calls_have_no_rate_and_open_nothing() -> None:
    """Below the minimum number of calls nothing is decided."""
    circuit = Circuit(POLICY)
    for _ in range(4):
        call(circuit, 0.0, failed=True)
    assert (None, BreakerState.CLOSED) == (circuit.rates(0.0), circuit.state)


def test_it_opens_at_the_rate_even_on_a_successful_call() -> None:
    """Three failures and two successes are 60 %: the fifth call opens it though it succeeded."""
    circuit = Circuit(POLICY)
    for failed in (True, True, True, False):
        call(circuit, 0.0, failed=failed)
    call(circuit, 0.0, failed=False)
    assert BreakerState.OPEN is circuit.state


def test_slow_successes_count_for_the_slow_rate_only() -> None:
    """Slow calls open it by their own rate."""
    circuit = Circuit(BreakerPolicy(minimum_calls=2, window=2, slow_after=1.0, slow_rate=1.0))
    call(circuit, 0.0, failed=False, seconds=1.0)
    assert BreakerState.CLOSED is circuit.state
    call(circuit, 0.0, failed=False, seconds=2.0)
    assert BreakerState.OPEN is circuit.state


def test_open_rejects_until_the_wait_is_over_and_counts() -> None:
    """The first call after the wait turns it half-open; no timer is needed."""
    circuit = opened()
    assert circuit.admit(59.9) is None
    assert (1, pytest.approx(0.1)) == (circuit.rejected, circuit.retry_after(59.9))
    assert circuit.admit(60.0) is not None
    assert BreakerState.HALF_OPEN is circuit.state


def test_half_open_admits_exactly_its_probes() -> None:
    """Further calls are rejected until the probes have decided, also when some have reported."""
    circuit = opened()
    permits = [circuit.admit(60.0) for _ in range(4)]
    assert [True, True, True, False] == [permit is not None for permit in permits]
    assert permits[0] is not None
    circuit.record(permits[0], 61.0, failed=False)
    assert circuit.admit(61.0) is None


def test_probes_close_it_or_open_it_again() -> None:
    """It decides after all probes, by their rates; a new opening starts the wait anew."""
    circuit = opened()
    for failed in (True, True, False):
        call(circuit, 60.0, failed=failed)
    assert BreakerState.OPEN is circuit.state
    assert circuit.admit(119.9) is None
    for failed in (True, False, False):
        call(circuit, 120.0, failed=failed)
    assert BreakerState.CLOSED is circuit.state
    assert circuit.rates(120.0) is None


def test_wait_grows_by_its_factor_and_falls_back_when_closed() -> None:
    """Each failed round of probes waits longer, up to the limit."""
    circuit = opened(BreakerPolicy(minimum_calls=1, window=1, wait=5, wait_factor=1.5, max_wait=10, probes=1))
    waits, now = [], 0.0
    for _ in range(4):
        waits.append(circuit.retry_after(now))
        now += waits[-1]
        call(circuit, now, failed=True)
    assert [5, 7.5, 10, 10] == waits
    now += 10
    call(circuit, now, failed=False)
    call(circuit, now, failed=True)
    assert 5 == circuit.retry_after(now)


def test_released_probe_is_free_again() -> None:
    """A probe that says nothing gives its place back, or the breaker would be half-open for ever."""
    circuit = opened()
    permits = [circuit.admit(60.0) for _ in range(3)]
    assert circuit.admit(60.0) is None
    assert permits[0] is not None
    circuit.release(permits[0])
    assert circuit.admit(60.0) is not None


def test_result_of_an_earlier_generation_is_ignored() -> None:
    """A call from before says nothing about now, and takes no probe's place."""
    circuit = Circuit(BreakerPolicy(minimum_calls=1, window=1, wait=1, probes=1))
    old = circuit.admit(0.0)
    call(circuit, 0.0, failed=True)
    probe = circuit.admit(1.0)
    assert old is not None
    assert probe is not None
    circuit.record(old, 1.0, failed=False)
    circuit.release(old)
    assert BreakerState.HALF_OPEN is circuit.state
    assert circuit.admit(1.0) is None


@given(
    steps=st.lists(st.tuples(st.sampled_from(["admit", "ok", "fail", "release"]), st.floats(0, 20)), max_size=80),
    probes=st.integers(1, 3),
)
def test_circuit_is_never_stuck_and_never_admits_too_many(steps: list[tuple[str, float]], probes: int) -> None:
    """However calls end: at most `probes` at once while half-open, and once all have ended a call is admitted again."""
    policy = BreakerPolicy(minimum_calls=2, window=4, wait=10, probes=probes)
    circuit, now, held = Circuit(policy), 0.0, []
    for step, gap in steps:
        now += gap
        if step == "admit":
            permit = circuit.admit(now)
            held += [permit] if permit else []
        elif held and step == "release":
            circuit.release(held.pop(0))
        elif held:
            circuit.record(held.pop(0), now, failed=step == "fail")
        current = [permit for permit in held if permit.generation == circuit._generation]
        assert circuit.state is not BreakerState.HALF_OPEN or len(current) <= probes
    for permit in held:
        circuit.release(permit)
    assert circuit.admit(now + 10) is not None


async def test_breaker_counts_exceptions_and_rejects_when_open(autojump_clock: trio.testing.MockClock) -> None:
    """Around calls it opens, tells when to come back, and closes after good probes, with one event per change."""
    recorder = Recorder()
    breaker = CircuitBreaker("db", BreakerPolicy(minimum_calls=1, window=1, wait=30, probes=1), on_event=recorder)
    with pytest.raises(Boom):
        async with breaker:
            raise Boom
    with pytest.raises(CircuitOpen, match="circuit db is open; next attempt in 30 s") as caught:
        async with breaker:
            pytest.fail("the call must not be tried")
    assert 30 == caught.value.retry_after
    await trio.sleep(30)
    async with breaker:
        pass
    assert ["breaker.opened", "breaker.half_opened", "breaker.closed"] == [each.name for each in recorder.events]
    assert 1 == breaker.rejected


async def test_cancelled_probe_gives_its_place_back(autojump_clock: trio.testing.MockClock) -> None:
    """A probe that is cancelled is neither a success nor a failure."""
    breaker = CircuitBreaker("db", BreakerPolicy(minimum_calls=1, window=1, wait=1, probes=1))
    with pytest.raises(Boom):
        async with breaker:
            raise Boom
    await trio.sleep(1)
    with trio.move_on_after(5):
        async with breaker:
            await trio.sleep_forever()
    assert BreakerState.HALF_OPEN is breaker.state
    async with breaker:
        pass
    assert BreakerState.CLOSED is breaker.state


async def test_ignored_exceptions_touch_nothing() -> None:
    """Exceptions of the policy's list, also inside a group, say nothing about the dependency."""
    breaker = CircuitBreaker("db", BreakerPolicy(minimum_calls=1, window=1, ignore=(KeyError,)))
    for error in (KeyError(), ExceptionGroup("", [KeyError()])):
        with pytest.raises(type(error)):
            async with breaker:
                raise error
    assert BreakerState.CLOSED is breaker.state


async def test_calls_of_many_tasks_and_nested_calls_keep_their_own_permits() -> None:
    """One breaker may be entered by several tasks at once, and twice by one."""
    breaker = CircuitBreaker("db", BreakerPolicy(minimum_calls=3, window=3, failure_rate=1.0))

    async def use() -> None:
        async with breaker:
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(use)
        async with breaker, breaker:
            await trio.lowlevel.checkpoint()
    assert (0.0, 0.0) == breaker._circuit.rates(trio.current_time())
    assert not breaker._permits


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"failure_rate": 0}, "breaker.failure_rate is 0"),
        ({"wait": math.inf}, "breaker.wait is inf"),
        ({"wait": "long"}, "breaker.wait is 'long'; allowed: a number"),
        ({"probes": 0}, "breaker.probes is 0"),
        ({"window": 2.5}, "breaker.window is 2.5; allowed: a whole number"),
        ({"ignore": KeyError}, "breaker.ignore is .*; allowed: a tuple of subclasses of Exception"),
        ({"window_type": "weeks"}, "'count' or 'time'"),
        ({"minimum_calls": 11, "window": 10}, "at most the window of 10 calls"),
    ],
)
def test_wrong_policies_are_refused_with_field_and_value(options: dict[str, object], named: str) -> None:
    """A policy that could never work says which field is wrong."""
    with pytest.raises(SpecError, match=named):
        BreakerPolicy(**options)
