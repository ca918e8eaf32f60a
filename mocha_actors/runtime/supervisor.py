"""The supervisor: one task that reads one channel.

Exits of children, ends of back-off waits, and operations asked from outside all arrive on the same control channel, so
every awkward case (an exit while siblings are being stopped, an operation during a restart) is a question of order.
The decisions themselves are in `restart` and `backoff`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import trio

from mocha_actors.runtime.breaker import BreakerSnapshot
from mocha_actors.runtime.child import Child
from mocha_actors.runtime.control import Call, Control, Exit, Retry, Signal, Wake
from mocha_actors.runtime.errors import (
    ChildError,
    FatalChildError,
    RestartLimitExceeded,
    SpecError,
    StartFailed,
    text_of,
)
from mocha_actors.runtime.outcome import Failed, Outcome, ends_program, error_of, failed_with
from mocha_actors.runtime.restart import IntensityWindow, Restart, Strategy, Verdict, decide, restart_group, shuts_down
from mocha_actors.runtime.spec import AnySupervisorSpec, ChildSpec, check_admission
from mocha_actors.runtime.tree import Snapshot, Tree

MakeChild: TypeAlias = Callable[[ChildSpec, str, Tree], Child]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the supervisor ends.

    Attributes:
        error: What its own end is to raise; None for a normal end.
        final: Whether its children drain. If not, their mailboxes are kept, because its own supervisor may restart it.
    """

    error: BaseException | None
    final: bool


class SupervisorTask:
    """One incarnation of a supervisor.

    Attributes:
        children: Its children by id, in start order.
        control: What it reads.
        path: Where it is.
    """

    def __init__(self, spec: AnySupervisorSpec, path: str, tree: Tree, make_child: MakeChild) -> None:
        self.spec = spec
        self.path = path
        self.tree = tree
        self._make_child = make_child
        self.children: dict[str, Child] = {}
        for child in spec.children:
            self.adopt(child)
        for breaker in spec.breakers:
            breaker.report_to(tree.journal)
        self._window = IntensityWindow(spec.max_restarts, spec.max_seconds)
        self.control = Control(path)
        self._nursery: trio.Nursery
        self._starting: Child | None = None
        self._ending: Ending | None = None
        self._killed = False

    def admit(self, spec: ChildSpec | None, args: tuple[object, ...]) -> ChildSpec:
        """What to start for a request to start a child, which consists of a spec, or of arguments for a template.

        Raises:
            ChildError: The id runs (`already_started`), or is known without running (`already_present`).
            SpecError: The spec does not fit.
        """
        if spec is None or args:
            raise SpecError(f"{self.path} has no template; allowed: a spec, without args")
        check_admission(spec, self.spec)
        known = self.children.get(spec.id)
        if known is not None:
            raise ChildError(known.place.path, "already_started" if known.alive else "already_present")
        return spec

    def adopt(self, spec: ChildSpec) -> Child:
        """Make the child object for a spec, as the last one; nothing is started.

        Raises:
            SpecError: A ref belongs to another child; nothing of the spec is kept.
        """
        path = f"{self.path}/{spec.id}"
        try:
            child = self.children[spec.id] = self._make_child(spec, path, self.tree)
        except SpecError:
            self.tree.forget(path)
            raise
        return child

    # The life of the supervisor

    async def run(self, started: Callable[[], None]) -> None:
        """Start the children, serve until there is a reason to end, stop the children.

        Raises:
            StartFailed: A child did not start; the ones before it were stopped again.
            RestartLimitExceeded: The restarts were too many.
            FatalChildError: A child failed with an error that its spec declares fatal.
            BaseException: A child raised something that must end the program, such as KeyboardInterrupt.
        """
        try:
            async with trio.open_nursery() as self._nursery:
                await self._start_all()
                if self._ending is None:
                    started()
                while self._ending is None:
                    await self._serve(await self.control.receive())
                await self._stop_all(self._ending)
                self._nursery.cancel_scope.cancel()
        finally:
            self.control.close()
        error = self._ending.error
        self.tree.journal.emit("supervisor.stopped", self.path, error=None if error is None else text_of(error))
        if error is not None:
            raise error

    async def _start_all(self) -> None:
        for child in tuple(self.children.values()):
            outcome = await self.start(child)
            if isinstance(outcome, Failed) and not self._ends_at_once(child):
                error = StartFailed(child.place.path)
                error.__cause__ = outcome.error
                self._end(error)
            if self._ending is not None:
                return

    async def _serve(self, signal: Signal) -> None:
        match signal:
            case Exit(child, incarnation) if child.exit_pending and child.place.incarnation == incarnation:
                await self._on_exit(child)
            case Retry(child, timer) if child.timer is timer:
                await self._start_group(child)
            case Call():
                await signal.run()

    async def _stop_all(self, ending: Ending) -> None:
        for child in reversed(tuple(self.children.values())):
            await self.stop(child, final=ending.final)

    def _end(self, error: BaseException | None, *, final: bool = False) -> None:
        """End for this reason, unless there is an earlier one."""
        if self._ending is None:
            self._ending = Ending(error, final)

    def request_stop(self, *, final: bool) -> None:
        """Ask the supervisor to stop its children, newest first, and end normally; returns at once."""
        self._end(None, final=final)
        if self._starting is not None:
            self._abort(self._starting)
        self.control.post(Wake())

    def abort_start_of(self, child: Child) -> None:
        """Give up the start of a child if it is the one that everything waits for."""
        if self._starting is child:
            self._abort(child)

    def _abort(self, child: Child) -> None:
        child.abort_start()
        if not child.spec.is_supervisor:
            self._nursery.start_soon(child.name_if_stuck)

    def kill(self) -> None:
        """Cancel all children now and end."""
        self._killed = True
        self.request_stop(final=False)
        for child in self.children.values():
            if child.alive:
                child.kill()

    # Starting and stopping one child

    async def start(self, child: Child) -> Outcome | None:
        """Start a child and wait until it has; None if it runs now, else how the attempt ended."""
        self._starting = child
        try:
            outcome = await child.start(self._nursery, self.control.report_exit)
        finally:
            self._starting = None
        if outcome is not None and not isinstance(outcome, Failed):
            self._retire(child, Verdict.FORGET if child.spec.restart is Restart.TEMPORARY else Verdict.KEEP)
        return outcome

    @trio.lowlevel.enable_ki_protection
    async def stop(self, child: Child, *, final: bool) -> None:
        """Stop a child, whatever it is doing; a temporary one is forgotten.

        Args:
            child: The child.
            final: Whether it drains and its mailbox is closed, because no restart is due.
        """
        final = final or child.spec.restart is Restart.TEMPORARY
        was_up, deadline = child.up, trio.current_time() + child.spec.stop_seconds
        child.cancel_restart()
        child.exit_pending = False
        if child.alive:
            if self._killed:
                child.kill()
            await child.stop(final=final, deadline=deadline)
        if final:
            if was_up:
                await self._drain_on(child, deadline)
            self._retire(child, Verdict.FORGET if child.spec.restart is Restart.TEMPORARY else Verdict.KEEP)

    async def terminate(self, child: Child) -> None:
        """Stop a child by hand. Siblings that were waiting for the restart of their group stay down."""
        await self.stop(child, final=True)
        if self.spec.strategy is not Strategy.ONE_FOR_ONE:
            for sibling in self.children.values():
                if not sibling.up:
                    sibling.close()

    async def _drain_on(self, child: Child, deadline: float) -> None:
        """Restart a child that asked for `RestartNow` while messages wait, so that a bad one does not cost the others.

        Its time to stop does not begin anew, and it may not crash more often than there are messages to do that.
        """
        for _ in range(child.deliveries_left):
            again = child.restart_is_free and not self._is_fatal(child)
            if self._killed or not again or trio.current_time() >= deadline:
                return
            child.await_restart(0.0, immediate=True)
            if await child.start(self._nursery, self.control.report_exit, deadline=deadline) is not None:
                return
            await child.stop(final=True, deadline=deadline)

    def _retire(self, child: Child, verdict: Verdict) -> None:
        child.close()
        if verdict is Verdict.FORGET:
            self.forget(child)

    def forget(self, child: Child) -> None:
        """Drop a child that is down, with its spec."""
        child.close()
        del self.children[child.spec.id]
        self.tree.forget(child.place.path)

    # Restarting

    async def _on_exit(self, child: Child) -> None:
        child.exit_pending = False
        verdict = decide(child.spec.restart, child.outcome)
        if self._ends_at_once(child):
            return
        if verdict is Verdict.RESTART:
            await self._restart_after_exit(child)
        else:
            self._retire(child, verdict)
            significant = child.spec.significant
            if significant and shuts_down(self.spec.auto_shutdown, others_alive=self._has_significant_up()):
                self._end(None)

    def _has_significant_up(self) -> bool:
        return any(child.spec.significant and child.up for child in self.children.values())

    async def _restart_after_exit(self, child: Child) -> None:
        """Stop the group first, then wait once, then start the group."""
        immediate = child.restart_is_free
        if immediate or self._may_restart(child):
            await self._stop_group(self._group(child))
            self._restart_later(child, 0.0 if immediate else child.next_delay(), immediate=immediate)

    def _ends_at_once(self, child: Child) -> bool:
        """End if the child's failure is one that no supervisor answers with a restart; whether it is."""
        error = error_of(child.outcome)
        if ends_program(child.outcome):
            self._end(error)
        elif error is not None and self._is_fatal(child):
            self._give_up(child, "fatal error", FatalChildError(self.path, child.place.path, error))
        return self._ending is not None

    def _is_fatal(self, child: Child) -> bool:
        escalated = child.spec.is_supervisor and isinstance(error_of(child.outcome), FatalChildError)
        return escalated or failed_with(child.outcome, child.spec.fatal)

    def _may_restart(self, child: Child) -> bool:
        """Spend the budgets of the child and of the supervisor; at their end, park the child or give up."""
        child.count_failure()
        limit = child.spec.max_consecutive
        if limit is not None and child.failures > limit:
            if child.spec.on_max_consecutive == "park":
                self._park(child)
            else:
                self._exhaust(child, f"{limit} restarts in a row")
            return False
        if not self._window.spend(trio.current_time()):
            self._exhaust(child, f"{self.spec.max_restarts} restarts in {self.spec.max_seconds:g} s")
            return False
        return True

    def _park(self, child: Child) -> None:
        child.state = "parked"
        child.emit("child.parked", failures_in_a_row=child.failures, error=child.place.last_error)
        child.close()

    def _exhaust(self, child: Child, limit: str) -> None:
        self._give_up(child, limit, RestartLimitExceeded(self.path, child.place.path, limit))

    def _give_up(self, child: Child, limit: str, error: Exception) -> None:
        error.__cause__ = error_of(child.outcome)
        self.tree.journal.emit(
            "supervisor.escalated", self.path, child=child.place.path, limit=limit, error=child.place.last_error
        )
        self._end(error)

    def _restart_later(self, child: Child, delay: float, *, immediate: bool = False) -> None:
        """Always by way of the control channel, so that a stop is served between two attempts, never behind them."""
        timer = child.await_restart(delay, immediate=immediate)
        if delay:
            self._nursery.start_soon(self.control.post_later, Retry(child, timer), delay)
        else:
            self.control.post(Retry(child, timer))

    def _group(self, child: Child) -> Sequence[Child]:
        return restart_group(self.spec.strategy, self.children.values(), child)

    async def _stop_group(self, group: Iterable[Child]) -> None:
        for member in reversed(tuple(group)):
            await self.stop(member, final=False)

    async def _start_group(self, child: Child) -> None:
        """Start a stopped group in order; where one does not start, that one is retried and the later ones wait for it.

        What an earlier attempt had started is stopped first, as in OTP. A parked child stays down.
        """
        child.timer = None
        await self._stop_group(member for member in self._group(child) if member.state != "parked")
        # It waits no longer; if a member before it does not start, it is that member which waits for all.
        child.state = "stopped"
        for member in self._group(child):
            if self._ending is not None or member.state == "parked":
                continue
            outcome = await self.start(member)
            if isinstance(outcome, Failed) and not self._survives_failed_start(member):
                return

    def _survives_failed_start(self, child: Child) -> bool:
        """Whether the rest of the group is to start in spite of this failure: only if the child was parked for it."""
        if not self._ends_at_once(child) and self._may_restart(child):
            self._restart_later(child, child.next_delay())
        return child.state == "parked"

    # Seeing

    def snapshots(self) -> tuple[Snapshot, ...]:
        """The children now, in start order."""
        return tuple(child.snapshot() for child in self.children.values())

    def spent(self) -> int:
        """How much of its restart budget is spent now."""
        return self._window.spent(trio.current_time())

    def is_starting(self, path: str) -> bool:
        """Whether it waits for the start of the child at this path, or of one that this path is below of."""
        return self._starting is not None and f"{path}/".startswith(f"{self._starting.place.path}/")

    def breakers(self) -> tuple[BreakerSnapshot, ...]:
        """The breakers of its spec, now."""
        return tuple(breaker.snapshot() for breaker in self.spec.breakers)
