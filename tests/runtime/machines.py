"""How the state machines of these tests are run: shortly in every test run, for long under the marker `long`."""

from __future__ import annotations

import time

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

EXAMPLES, ROUNDS = 20_000, 20

COMMON = settings(deadline=None, suppress_health_check=list(HealthCheck))


def run_machine(machine: type[RuleBasedStateMachine], *, examples: int, steps: int = 20) -> None:
    """Run a machine; a long campaign prints its figures."""
    run_state_machine_as_test(machine, settings=settings(COMMON, max_examples=examples, stateful_step_count=steps))


def run_campaign(machine: type[RuleBasedStateMachine], *, steps: int = 20) -> None:
    """Twenty thousand examples, with figures; in rounds, because what hypothesis remembers of a round grows with it."""
    began = time.perf_counter()
    for _ in range(ROUNDS):
        run_machine(machine, examples=EXAMPLES // ROUNDS, steps=steps)
    seconds = time.perf_counter() - began
    print(f"\n{machine.__name__}: {EXAMPLES:,} examples of up to {steps} steps, no counter-example, {seconds:.0f} s")
