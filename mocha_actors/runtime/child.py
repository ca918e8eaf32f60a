"""One child of a supervisor, over all its incarnations.

An incarnation is one task. Whatever happens in it becomes an `Outcome`; nothing is ever raised into the nursery of the
supervisor, so no failure of a child can take the supervisor or the siblings with it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

import trio

from mocha_actors.runtime.errors import StartIgnored, text_of
from mocha_actors.runtime.outcome import (
    Exited,
    Failed,
    Ignored,
    Killed,
    Outcome,
    Stopped,
    error_of,
    name_of,
    wants_restart_now,
)
from mocha_actors.runtime.spec import ChildSpec
from mocha_actors.runtime.tree import Place, Snapshot, State, Tree

ON_STOP_SECONDS = 5.0
"""How long `on_stop` may take; it runs when the time to stop may already be up, so it has its own bound."""

STUCK_SECONDS = 2 * ON_STOP_SECONDS
"""How long a child may take to end when it is cancelled before it is reported by name."""


async def contain(scope: trio.CancelScope, action: Callable[[], Awaitable[object]]) -> Outcome:
    """Run an action inside a cancel scope and turn however it ends into an outcome.

    Only a cancellation from outside of the scope passes, for that is somebody else's. The scope itself already takes
    its own `Cancelled` out of exception groups; one that an action kept and raises too late is a failure of the action.
    """
    try:
        with scope:
            await action()
    except BaseException as error:
        if isinstance(error, trio.Cancelled) and trio.current_effective_deadline() == -math.inf:
            raise
        return Failed(error)
    return Killed() if scope.cancelled_caught else Exited()


class Child(ABC):
    """The part that actors and sub-supervisors have in common.

    Attributes:
        spec: Its specification.
        place: What outlives this object.
        state: What it does; `stopped` also between the end of an incarnation and the supervisor's decision.
        outcome: How the newest incarnation ended.
        exit_pending: Whether it ended by itself and the supervisor has not decided yet.
        restart_is_free: Whether it ended asking for `RestartNow` over a message in hand.
        failures: Failures in a row that were not followed by a stable uptime.
        timer: The wait for its restart; None when there is none.
    """

    kind: str

    def __init__(self, spec: ChildSpec, place: Place, tree: Tree) -> None:
        self.spec = spec
        self.place = place
        self.tree = tree
        self.state: State = "stopped"
        self.outcome: Outcome = Stopped()
        self.exit_pending = False
        self.restart_is_free = False
        self.failures = 0
        self.timer: trio.CancelScope | None = None
        self._delay: float | None = None
        self._wait = 0.0
        self._scope = trio.CancelScope()
        self._done = trio.Event()
        self._patience = trio.CancelScope()
        self._stop_asked = False
        self._begun_at = 0.0
        self._started_at: float | None = None
        self._closed = False

    @property
    def alive(self) -> bool:
        """Whether there is an incarnation."""
        return self.state in {"starting", "running", "stopping"}

    @property
    def up(self) -> bool:
        """Whether there is an incarnation or there will be one by itself."""
        return self.alive or self.state == "restarting" or self.exit_pending

    # One incarnation

    async def start(
        self, nursery: trio.Nursery, report: Callable[[Child, int], None], *, deadline: float = math.inf
    ) -> Outcome | None:
        """Start an incarnation and wait until it has started; the outcome if it did not, else None.

        Args:
            nursery: Where its task lives.
            report: Called with the child and the number of the incarnation when that ends by itself.
            deadline: When it is cancelled at the latest.
        """
        self._begin()
        self._scope.deadline = deadline
        outcome: Outcome | None = await nursery.start(self._incarnation, report)
        return outcome

    def _begin(self) -> None:
        self.state = "starting"
        self.timer = None
        self.exit_pending = self._stop_asked = self._closed = False
        self._scope, self._done = trio.CancelScope(), trio.Event()
        self._begun_at, self._started_at = trio.current_time(), None
        self.place.incarnation += 1
        self.place.ended = None

    # Ctrl-C is meant for the program, not for the actor that happens to run when it comes: trio hands it to the main
    # task instead, which leaves its block, and the tree drains.
    @trio.lowlevel.enable_ki_protection
    async def _incarnation(
        self, report: Callable[[Child, int], None], *, task_status: trio.TaskStatus[Outcome | None]
    ) -> None:
        number = self.place.incarnation

        def started() -> None:
            self._on_started()
            task_status.started(None)

        outcome = self._judge(await self._live(started))
        self._on_ended(outcome)
        if self._started_at is None:
            task_status.started(outcome)
        elif not self._stop_asked:
            self.exit_pending = True
            report(self, number)
        self._done.set()

    def _on_started(self) -> None:
        self._started_at = trio.current_time()
        if not self._stop_asked:
            self.state = "running"
        self.emit("child.started", kind=self.kind, duration=self._started_at - self._begun_at)

    def _judge(self, outcome: Outcome) -> Outcome:
        match outcome:
            case Exited() if self._stop_asked:
                return Stopped()
            case Failed(StartIgnored()) if self._started_at is None:
                return Ignored()
            case _:
                return outcome

    def _on_ended(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.state = "stopped"
        message_type = self._message_type()
        self.restart_is_free = message_type is not None and wants_restart_now(outcome)
        error = error_of(outcome)
        if error is not None:
            self.place.last_error = f"{type(error).__name__}: {text_of(error)}"
        self.emit(
            "child.exited",
            outcome=name_of(outcome),
            error_type=None if error is None else type(error).__name__,
            error=None if error is None else text_of(error),
            exception=error,
            message_type=message_type,
            restarts=self.place.restarts,
            uptime=self.uptime,
        )
        self._settle_hand(outcome)

    @abstractmethod
    async def _live(self, started: Callable[[], None]) -> Outcome:
        """Run one incarnation to its end; call `started` in between."""

    def _message_type(self) -> str | None:
        """The type of the message in hand."""
        return None

    @abstractmethod
    def _settle_hand(self, outcome: Outcome) -> None:
        """Put back or bury what the incarnation had in hand."""

    @property
    def uptime(self) -> float:
        """Seconds since the newest incarnation started; 0 if it did not."""
        return 0.0 if self._started_at is None else trio.current_time() - self._started_at

    # Restarting

    def count_failure(self) -> None:
        """The incarnation ended by itself: it is the first failure of a row if it was up for long enough."""
        if self._started_at is not None and self.uptime >= self.spec.backoff.reset_after:
            self.failures = 0
            self._delay = None
        self.failures += 1

    def next_delay(self) -> float:
        """Seconds to wait before the restart after the failure just counted."""
        self._delay = self.spec.backoff.delay(self.failures - 1, self.tree.rng, self._delay)
        return self._delay

    def await_restart(self, delay: float, *, immediate: bool) -> trio.CancelScope:
        """Enter the state `restarting`; the scope is the identity of this wait, and ends it."""
        self.state = "restarting"
        self.timer = trio.CancelScope()
        self._wait = delay
        self.place.restarts += 1
        self.emit(
            "child.restarting",
            delay=delay,
            immediate=immediate,
            restarts=self.place.restarts,
            failures_in_a_row=self.failures,
            outcome=name_of(self.outcome),
        )
        return self.timer

    def cancel_restart(self) -> None:
        """End the wait for a restart, if there is one."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
            self.state = "stopped"

    # Stopping

    async def stop(self, *, final: bool, deadline: float) -> None:
        """End the incarnation: ask, wait until the deadline, then cancel.

        Args:
            final: Whether the mailbox is drained; otherwise what waits is left to the next incarnation.
            deadline: When its time to stop is up.
        """
        self._stop_asked = True
        self.state = "stopping"
        if self.spec.shutdown != "kill" and not self._scope.cancel_called:
            self._ask_to_stop(final=final)
            with trio.CancelScope(deadline=deadline) as self._patience:
                await self._done.wait()
        if not self._done.is_set():
            self.kill()
            await self.name_if_stuck()
            await self._done.wait()

    @trio.lowlevel.enable_ki_protection
    async def name_if_stuck(self) -> None:
        """Nothing can force the end of a cancelled task that shields itself; what can be done is to say who it is."""
        with trio.move_on_after(STUCK_SECONDS):
            await self._done.wait()
            return
        self.emit("child.stuck", seconds=STUCK_SECONDS)

    @abstractmethod
    def _ask_to_stop(self, *, final: bool) -> None: ...

    @abstractmethod
    def kill(self) -> None:
        """Cancel the incarnation now; it has ended when `stop` returns."""

    @abstractmethod
    def abort_start(self) -> None:
        """Give up an incarnation that is still starting."""

    @property
    @abstractmethod
    def deliveries_left(self) -> int:
        """How many crashes can at most be caused by the messages that wait."""

    def close(self) -> None:
        """The child is down and no restart is due: bury what waits for it and tell who watches it."""
        if self._closed:
            return
        self._closed = True
        self._bury()
        if self.place.incarnation >= 0:
            self.emit("child.stopped", outcome=name_of(self.outcome), parked=self.state == "parked")
        self.tree.terminated(self.place, self.outcome)

    @abstractmethod
    def _bury(self) -> None:
        """Give up what waits for the child."""

    # Seeing

    def emit(self, name: str, **fields: object) -> None:
        """Publish an event of this child."""
        self.tree.journal.emit(name, self.place.path, max(0, self.place.incarnation), **fields)

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """The child now."""

    @property
    def current_backoff(self) -> float:
        """Seconds of the current wait for a restart."""
        return self._wait if self.state == "restarting" else 0.0
