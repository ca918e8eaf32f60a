"""The runtime beside the model of OTP's supervisor: the same operations, the same answers, in the same order.

The rules drive the model, which is synchronous; at the end of each example the runtime does the same in virtual time,
and is compared with the model after every single step: children of every level with their states, counts, the order
and time of every start and stop, the result of every operation, and how the tree ended.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest
import trio
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mocha_actors.runtime import ChildCounts, Supervisor

from .machines import run_campaign, run_machine
from .otp_driver import Driver, replay, runtime_child
from .otp_model import Model, Reason, Spec, SupSpec, World

IDS = ("d", "a", "c", "b")  # not in alphabetical order, so that no sorting passes for start order
SUBTREES = ("s", "t")

# What ends at the same time, ends in any order, and the model knows only one. These fractions were searched for: no two
# children, whose failures begin at quarters of a second, can wait until the same moment, at no delay and no sum of delays.
NUMERATORS = (23080, 23200, 24188, 27732, 28028, 29188, 29700, 30784, 32128, 32200)
BASES = dict(zip((*IDS, *SUBTREES, "s/x", "s/y", "t/x", "t/y"), (each / 2**15 for each in NUMERATORS), strict=True))


WHICH = st.integers(0, 11)
PLANS = st.lists(st.sampled_from(["ok", "fail", "fail", "ignore"]), min_size=1, max_size=4)


RESTARTS = [("permanent", False), ("transient", False), ("temporary", False), ("transient", True), ("temporary", True)]
STOPS = [(0.0, 8.0), (1.25, 8.0), (3.5, 8.0), (3.5, 2.25), (1.25, 0.0)]
LIMITS = [(None, "escalate"), (2, "escalate"), (0, "park"), (2, "park")]


@cache
@st.composite
def leaves(draw: st.DrawFn, path: str, *, minds: bool, instant: bool) -> Spec:
    """An actor; significant only where its supervisor minds, and stopping at once if it is to."""
    restart, significant = draw(st.sampled_from(RESTARTS if minds else RESTARTS[:3]))
    stops_in, shutdown = draw(st.sampled_from(STOPS[:1] if instant else STOPS))
    limit, at_limit = draw(st.sampled_from(LIMITS))
    base = draw(st.sampled_from([0.0, BASES[path]]))
    return Spec(path.rpartition("/")[2], restart, significant, stops_in, shutdown, base, limit, at_limit)


@cache
@st.composite
def supervisors(draw: st.DrawFn, paths: tuple[str, ...], *, deep: bool) -> SupSpec:
    """A supervisor of actors, or of actors and supervisors."""
    auto = draw(st.sampled_from(["never", "any_significant", "all_significant"]))
    children = []
    for path in draw(st.lists(st.sampled_from(paths), unique=True, max_size=4)):
        leaf = draw(leaves(path, minds=auto != "never", instant=deep or paths is not IDS))
        below = draw(supervisors((f"{path}/x", f"{path}/y"), deep=False)) if path in SUBTREES else None
        children.append(Spec(**{**vars(leaf), "below": below}))
    return SupSpec(
        tuple(children),
        draw(st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"])),
        draw(st.sampled_from([0, 1, 2, 3, 5, 100])),
        draw(st.sampled_from([2.0, 5.0])),
        auto,
    )


class SupervisorMachine(RuleBasedStateMachine):
    """Drives the model, and keeps what it answered for the runtime to match."""

    names, deep = IDS, False

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.model: Model | None = None
        self.driver: Driver
        self.steps: list[Callable[[Driver], Any]] = []

    @initialize(data=st.data(), bad=st.sampled_from([None, None, None, "ignore", "fail"]))
    def boot(self, data: st.DataObject, bad: Any) -> None:
        """Start the tree, in some examples with a start that does not go well."""
        spec = data.draw(supervisors(self.names, deep=self.deep))
        self.driver = Driver(spec)
        if bad and spec.children:
            self.plan(data.draw(st.sampled_from(spec.children)).id, [bad])
        self.model = Model(spec, self.world)
        self.model.boot()

    def plan(self, path: str, results: list[Any]) -> None:
        """Say how the next starts of a child will go, to both."""
        self.world.plans[path] = list(results)
        if not self.steps:
            self.driver.world.plans[path] = list(results)

    @property
    def up(self) -> bool:
        """Whether there is anything to drive."""
        return self.model is not None and self.model.ended is None

    @property
    def live(self) -> list[str]:
        """The paths of the actors that run."""
        subtrees = {path for path, _ in self.model.picture() if path in SUBTREES}
        return [path for path, state in self.model.picture() if state == "running" and path not in subtrees]

    def supervisor_of(self, path: str) -> Model | None:
        """The supervisor that a path belongs to; None if it does not run."""
        parent = path.rpartition("/")[0]
        if not parent:
            return self.model
        child = self.model.find(parent)
        return child.sup if child is not None and child.state == "running" else None

    def done(self, act: Callable[[Driver], Any], result: str | None = None) -> None:
        """The model has done it; note what the runtime has to answer."""
        self.model.run_until(self.world.now)
        ended, picture, now = self.model.ended, self.model.picture(), self.world.now
        trace = tuple(self.world.trace)
        counts = ChildCounts(
            specs=len(self.model.children),
            active=sum(child.state == "running" for child in self.model.children),
            supervisors=sum(child.spec.below is not None for child in self.model.children),
            workers=sum(child.spec.below is None for child in self.model.children),
        )

        async def step(driver: Driver) -> None:
            answer = await act(driver)
            await driver.quiet()
            assert answer == result
            if ended is None:
                assert driver.picture() == picture
                assert driver.sup.count_children() == counts
                assert trio.current_time() == now
            assert tuple(driver.world.trace) == trace

        self.steps.append(step)

    @precondition(lambda self: self.up and self.live)
    @rule(which=WHICH, reason=st.sampled_from(["normal", "abnormal", "abnormal", "abnormal", "now", "fatal"]))
    def crash(self, which: int, reason: Reason) -> None:
        """A child ends by itself."""
        path = self.live[which % len(self.live)]
        model = self.supervisor_of(path)
        model.exit(model.find(path.rpartition("/")[2]), reason)
        self.done(lambda driver: driver.crash(path, reason))

    @precondition(lambda self: self.up)
    @rule(which=WHICH, results=PLANS)
    def plan_starts(self, which: int, results: list[Any]) -> None:
        """The next starts of an actor will go like this."""
        paths = [path for path, _ in self.model.picture() if path not in SUBTREES] or ["a"]
        path = paths[which % len(paths)]
        self.world.plans[path] = list(results)

        async def plan(driver: Driver) -> None:
            driver.world.plans[path] = list(results)

        self.done(plan)

    @precondition(lambda self: self.up)
    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 5.0, 20.0]))
    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.model.run_until(self.world.now + seconds)
        self.done(partial(wait, seconds))

    @precondition(lambda self: self.up)
    @rule(which=WHICH, data=st.data())
    def start_child(self, which: int, data: st.DataObject) -> None:
        """Start a child at run time, under the root or below."""
        names = [*IDS, "s/x", "s/y"] if self.deep else IDS
        name = names[which % len(names)]
        model = self.supervisor_of(name)
        if model is None:
            return
        under = name.rpartition("/")[0]
        spec = data.draw(leaves(name, minds=model.spec.auto != "never", instant=self.deep))
        result = model.start_child(spec)
        self.done(
            lambda driver: driver.operate(lambda sup: sup.start_child(runtime_child(spec, driver.world), under=under)),
            result,
        )

    @precondition(lambda self: self.up)
    @rule(which=WHICH, verb=st.sampled_from(["terminate_child", "restart_child", "delete_child"]))
    def operate(self, which: int, verb: str) -> None:
        """Terminate, restart or delete a child, known or not."""
        paths = [*self.names, "s/x", "t/y"] if self.deep else self.names
        path = paths[which % len(paths)]
        model = self.supervisor_of(path)
        if model is None:
            return
        result = getattr(model, verb)(path.rpartition("/")[2])
        self.done(lambda driver: driver.operate(lambda sup: call(sup, verb, path)), result)

    @precondition(lambda self: self.model is not None and not self.up)
    @rule()
    def ask_the_dead(self) -> None:
        """Whatever is asked of a tree that is down fails at once."""

        async def step(driver: Driver) -> None:
            assert await driver.operate(lambda sup: sup.start_child(runtime_child(Spec("a"), driver.world))) == "dead"

        self.steps.append(step)

    def teardown(self) -> None:
        """The runtime does what the model did."""
        if self.model is None:
            return
        if self.model.ended is None:
            self.model.end("normal")
        assert replay(self.driver, self.steps) == self.model.ended
        assert self.driver.world.trace == self.world.trace


async def wait(seconds: float, _: Driver) -> None:
    """Let virtual time pass."""
    await trio.sleep(seconds)


def call(sup: Supervisor, verb: str, path: str) -> Any:
    """Call an operation by name."""
    return getattr(sup, verb)(path)


class NestedMachine(SupervisorMachine):
    """The same for trees of two levels, whose children stop at once."""

    names, deep = (*SUBTREES, "a", "b"), True


@pytest.mark.parametrize("machine", [SupervisorMachine, NestedMachine])
def test_runtime_answers_like_the_model(machine: type[SupervisorMachine]) -> None:
    """Flat with times to stop, and nested; strategies, budgets, back-off, parking, automatic shutdown."""
    run_machine(machine, examples=60)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("machine", [SupervisorMachine, NestedMachine])
def test_runtime_answers_like_the_model_in_twenty_thousand_examples(machine: type[SupervisorMachine]) -> None:
    """The same, for long."""
    run_campaign(machine, steps=20)
