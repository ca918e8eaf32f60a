"""A child that is a supervisor: how trees become deep."""

from __future__ import annotations

from collections.abc import Callable

from mocha_actors.runtime.child import Child, contain
from mocha_actors.runtime.dynamic import DynamicSupervisorTask
from mocha_actors.runtime.leaf import ActorChild
from mocha_actors.runtime.outcome import Outcome
from mocha_actors.runtime.spec import AnySupervisorSpec, ChildSpec, DynamicSupervisorSpec
from mocha_actors.runtime.supervisor import SupervisorTask
from mocha_actors.runtime.tree import Place, Snapshot, Tree


class SupervisorChild(Child):
    """A child that is a supervisor; each incarnation is a fresh `SupervisorTask` with the children of the spec.

    Attributes:
        task: The newest incarnation's supervisor.
    """

    kind = "supervisor"

    def __init__(self, spec: ChildSpec, start: AnySupervisorSpec, place: Place, tree: Tree) -> None:
        super().__init__(spec, place, tree)
        self._start = start
        self.task = make_task(start, place.path, tree)

    def _begin(self) -> None:
        super()._begin()
        if self.place.incarnation:
            self._forget_dynamic_children()
            self.task = make_task(self._start, self.place.path, self.tree)

    def _forget_dynamic_children(self) -> None:
        """A restarted supervisor has the children of its spec; those added at run time are gone, as in OTP."""
        initial = {child.id for child in self._start.children}
        for child in tuple(self.task.children.values()):
            if child.spec.id not in initial:
                self.task.forget(child)

    async def _live(self, started: Callable[[], None]) -> Outcome:
        return await contain(self._scope, lambda: self.task.run(started))

    def _ask_to_stop(self, *, final: bool) -> None:
        self.task.request_stop(final=final)

    def kill(self) -> None:
        """Kill everything below; the supervisor itself then ends by its own rules."""
        self.task.kill()

    def abort_start(self) -> None:
        """Stop what has started below."""
        self.task.request_stop(final=False)

    def _settle_hand(self, outcome: Outcome) -> None:
        """A supervisor has no messages of its own."""

    @property
    def deliveries_left(self) -> int:
        """None, as there are no messages."""
        return 0

    def _bury(self) -> None:
        for child in reversed(self.task.children.values()):
            child.close()

    def snapshot(self) -> Snapshot:
        """The supervisor now, with everything below."""
        return Snapshot(
            path=self.place.path,
            kind="supervisor",
            state=self.state,
            incarnation=self.place.incarnation,
            restarts=self.place.restarts,
            backoff=self.current_backoff,
            mailbox=None,
            last_error=self.place.last_error,
            children=self.task.snapshots(),
            breakers=self.task.breakers(),
            spent=self.task.spent(),
            budget=self.task.spec.max_restarts,
        )


def make_task(spec: AnySupervisorSpec, path: str, tree: Tree) -> SupervisorTask:
    """One incarnation of the supervisor of a spec."""
    if isinstance(spec, DynamicSupervisorSpec):
        return DynamicSupervisorTask(spec, path, tree, make_child)
    return SupervisorTask(spec, path, tree, make_child)


def make_child(spec: ChildSpec, path: str, tree: Tree) -> Child:
    """The child object for a spec."""
    place = tree.settle(path, spec)
    if isinstance(spec.start, AnySupervisorSpec):
        return SupervisorChild(spec, spec.start, place, tree)
    return ActorChild(spec, spec.start, place, tree)
