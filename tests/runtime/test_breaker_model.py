"""The breaker beside a model that keeps every result and counts anew each time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mocha_actors.runtime import BreakerPolicy
from mocha_actors.runtime.breaker import Circuit, Permit

from .machines import run_campaign, run_machine

SLOW_AFTER = 4.0


@dataclass
class BreakerModel:
    """What resilience4j documents of its state machine, in the words of this runtime."""

    policy: BreakerPolicy
    state: str = "closed"
    period: int = 0
    wait: float = 0.0
    opened_at: float = 0.0
    rejected: int = 0
    probes_out: int = 0
    results: list[tuple[float, bool, bool]] = field(default_factory=list)

    def admit(self, now: float) -> int | None:
        """The period that an admitted call belongs to; None for a rejected one."""
        if self.state == "opened" and now >= self.opened_at + self.wait:
            self.enter("half_opened")
        full = self.probes_out + len(self.results) >= self.policy.probes
        if self.state == "opened" or (self.state == "half_opened" and full):
            self.rejected += 1
            return None
        self.probes_out += 1
        return self.period

    def leave(self, period: int) -> bool:
        """A call has ended; whether it belongs to this period."""
        self.probes_out -= period == self.period
        return period == self.period

    def record(self, period: int, now: float, seconds: float, *, failed: bool) -> None:
        """A call has said something."""
        if not self.leave(period):
            return
        self.results.append((now, failed, seconds >= SLOW_AFTER))
        rates = self.rates(now)
        if rates is None:
            return
        if rates[0] >= self.policy.failure_rate or rates[1] >= self.policy.slow_rate:
            longer = min(self.policy.max_wait, self.wait * self.policy.wait_factor)
            self.wait = longer if self.state == "half_opened" else self.policy.wait
            self.opened_at = now
            self.enter("opened")
        elif self.state == "half_opened":
            self.enter("closed")

    def enter(self, state: str) -> None:
        """Everything begins anew."""
        self.state, self.results, self.probes_out = state, [], 0
        self.period += 1

    def rates(self, now: float) -> tuple[float, float] | None:
        """The shares of failed and slow calls in the window; None while there are too few."""
        half_open = self.state == "half_opened"
        if half_open:
            window = self.results
        elif self.policy.window_type == "count":
            window = self.results[-self.policy.window :]
        else:
            window = [each for each in self.results if int(each[0]) > int(now) - self.policy.window]
        if len(window) < (self.policy.probes if half_open else self.policy.minimum_calls):
            return None
        return sum(each[1] for each in window) / len(window), sum(each[2] for each in window) / len(window)


class BreakerMachine(RuleBasedStateMachine):
    """Any number of calls at once, ending in any order and in any way, through any number of openings."""

    @initialize(
        window_type=st.sampled_from(["count", "time"]),
        window=st.integers(2, 6),
        minimum=st.integers(1, 2),
        probes=st.integers(1, 4),
        rates=st.tuples(st.sampled_from([0.25, 0.5, 1.0]), st.sampled_from([0.5, 1.0])),
        factor=st.sampled_from([1.0, 1.5]),
    )
    def boot(
        self, *, window_type: str, window: int, minimum: int, probes: int, rates: tuple[float, float], factor: float
    ) -> None:
        """One policy for each example."""
        policy = BreakerPolicy(
            failure_rate=rates[0],
            slow_rate=rates[1],
            slow_after=SLOW_AFTER,
            window=window,
            window_type=window_type,
            minimum_calls=minimum,
            wait=5.0,
            wait_factor=factor,
            max_wait=10.0,
            probes=probes,
        )
        self.now = 0.0
        self.circuit, self.model = Circuit(policy), BreakerModel(policy)
        self.out: list[tuple[Permit, int]] = []

    @rule(seconds=st.sampled_from([0.25, 1.0, 4.0, 5.0, 10.0]))
    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.compare()

    @rule(calls=st.integers(1, 3))
    def admit(self, calls: int) -> None:
        """Calls ask to be made."""
        for _ in range(calls):
            permit, period = self.circuit.admit(self.now), self.model.admit(self.now)
            assert (permit is None) == (period is None)
            if permit is not None and period is not None:
                self.out.append((permit, period))
        self.compare()

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 9), failed=st.booleans())
    def record(self, which: int, failed: bool) -> None:
        """A call succeeds or fails, perhaps one from long ago."""
        permit, period = self.out.pop(which % len(self.out))
        self.circuit.record(permit, self.now, failed=failed)
        self.model.record(period, self.now, self.now - permit.at, failed=failed)
        self.compare()

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 9))
    def release(self, which: int) -> None:
        """A call says nothing: cancelled, or an ignored exception."""
        permit, period = self.out.pop(which % len(self.out))
        self.circuit.release(permit)
        self.model.leave(period)
        self.compare()

    def compare(self) -> None:
        """State, rejections, rates and the time of the next attempt."""
        circuit, model = self.circuit, self.model
        assert (circuit.state.value, circuit.rejected) == (model.state, model.rejected)
        assert circuit.rates(self.now) == model.rates(self.now)
        due = max(0.0, model.opened_at + model.wait - self.now) if model.state == "opened" else 0.0
        assert circuit.retry_after(self.now) == due


def test_breaker_decides_like_the_model() -> None:
    """Count and time windows, failure and slow rates, probes, growing waits, results of earlier periods."""
    run_machine(BreakerMachine, examples=100)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_breaker_decides_like_the_model_in_twenty_thousand_examples() -> None:
    """The same, for long."""
    run_campaign(BreakerMachine, steps=50)
