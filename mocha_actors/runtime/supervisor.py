"""The supervisor: one task that reads one channel.

Exits of children, ends of back-off waits, and operations asked from outside all arrive on the same control channel, so
every awkward case (an exit while siblings are being stopped, an operation during a restart) is a question of order.
The decisions themselves are in `restart` and `backoff`.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, cast

import trio

from mocha_actors.runtime.child import Child
from mocha_actors.runtime.envelope import Answer
from mocha_actors.runtime.errors import ActorDead, FatalChildError, RestartLimitExceeded, SpecError, StartFailed
from mocha_actors.runtime.outcome import Failed, Outcome, ends_program, error_of, failed_with, wants_restart_now
from mocha_actors.runtime.restart import IntensityWindow, Restart, Verdict, decide, restart_group, shuts_down
from mocha_actors.runtime.spec import ChildSpec, SupervisorSpec
from mocha_actors.runtime.tree import Snapshot, Tree

T = TypeVar("T")
MakeChild: TypeAlias = Callable[[ChildSpec, str, Tree], Child]


@dataclass(frozen=True, slots=True)
class Exit:
    """A child ended by itself."""

    child: Child
    incarnation: int


@dataclass(frozen=True, slots=True)
class Retry:
    """A child has waited long enough for its restart; the timer tells this wait from a cancelled one."""

    child: Child
    timer: trio.CancelScope


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody wants an operation done, and waits for its result."""

    operation: Callable[[], Awaitable[object]]
    answer: Answer


@dataclass(frozen=True, slots=True)
class Wake:
    """Look whether it is time to end."""


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
        children: Its children, in start order.
        path: Where it is.
    """

    def __init__(self, spec: SupervisorSpec, path: str, tree: Tree, make_child: MakeChild) -> None:
        self.spec = spec
        self.path = path
        self.tree = tree
        self._make_child = make_child
        self.children: list[Child] = [self.adopt(child) for child in spec.children]
        self._window = IntensityWindow(spec.max_restarts, spec.max_seconds)
        self._post, self._control = trio.open_memory_channel[Exit | Retry | Call | Wake](math.inf)
        self._nursery: trio.Nursery
        self._starting: Child | None = None
        self._ending: Ending | None = None
        self._killed = False
        self._over = False

    def adopt(self, spec: ChildSpec) -> Child:
        """Make the child object for a spec; nothing is started.

        Raises:
            SpecError: A ref belongs to another child; nothing of the spec is kept.
        """
        path = f"{self.path}/{spec.id}"
        try:
            return self._make_child(spec, path, self.tree)
        except SpecError:
            self.tree.forget(path)
            raise

    # The life of the supervisor

    async def run(self, started: Callable[[], None]) -> None:
        """Start the children, serve until there is a reason to end, stop the children.

        Raises:
            StartFailed: A child did not start; the ones before it were stopped again.
            RestartLimitExceeded: The restarts were too many.
            FatalChildError: A child failed with an error that its spec declares fatal.
            BaseException: A child raised something that must end the program, such as KeyboardInterrupt.
        """
        async with trio.open_nursery() as self._nursery:
            await self._start_all()
            if self._ending is None:
                started()
            while self._ending is None:
                await self._serve(await self._control.receive())
            await self._stop_all(self._ending)
            self._nursery.cancel_scope.cancel()
        self._refuse_calls()
        error = self._ending.error
        self.tree.journal.emit("supervisor.stopped", self.path, error=None if error is None else str(error))
        if error is not None:
            raise error

    async def _start_all(self) -> None:
        for child in tuple(self.children):
            outcome = await self.start(child)
            if isinstance(outcome, Failed) and not self._ends_at_once(child):
                error = StartFailed(child.place.path)
                error.__cause__ = outcome.error
                self._end(error)
            if self._ending is not None:
                return

    async def _serve(self, signal: Exit | Retry | Call | Wake) -> None:
        match signal:
            case Exit(child, incarnation) if child.exit_pending and child.place.incarnation == incarnation:
                await self._on_exit(child)
            case Retry(child, timer) if child.timer is timer:
                await self._start_group(child)
            case Call(operation, answer):
                await self._answer(operation, answer)

    async def _stop_all(self, ending: Ending) -> None:
        for child in reversed(tuple(self.children)):
            await self.stop(child, final=ending.final)

    def _end(self, error: BaseException | None, *, final: bool = False) -> None:
        """End for this reason, unless there is an earlier one."""
        if self._ending is None:
            self._ending = Ending(error, final)

    def request_stop(self, *, final: bool) -> None:
        """Ask the supervisor to stop its children, newest first, and end normally; returns at once."""
        self._end(None, final=final)
        if self._starting is not None:
            self._starting.abort_start()
        self._post.send_nowait(Wake())

    def abort_start_of(self, child: Child) -> None:
        """Give up the start of a child if it is the one that everything waits for."""
        if self._starting is child:
            child.abort_start()

    def kill(self) -> None:
        """Cancel all children now and end."""
        self._killed = True
        self.request_stop(final=False)
        for child in self.children:
            if child.alive:
                child.kill()

    # Starting and stopping one child

    async def start(self, child: Child) -> Outcome | None:
        """Start a child and wait until it has; None if it runs now, else how the attempt ended."""
        self._starting = child
        try:
            outcome = await child.start(self._nursery, self._report)
        finally:
            self._starting = None
        if outcome is not None and not isinstance(outcome, Failed):
            self._retire(child, Verdict.FORGET if child.spec.restart is Restart.TEMPORARY else Verdict.KEEP)
        return outcome

    def _report(self, child: Child, incarnation: int) -> None:
        self._post.send_nowait(Exit(child, incarnation))

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

    async def _drain_on(self, child: Child, deadline: float) -> None:
        """Restart a child that asked for `RestartNow` while messages wait, so that a bad one does not cost the others.

        Its time to stop does not begin anew, and it may not crash more often than there are messages to do that.
        """
        for _ in range(child.deliveries_left):
            again = wants_restart_now(child.outcome) and not self._is_fatal(child)
            if self._killed or not again or trio.current_time() >= deadline:
                return
            child.await_restart(0.0, immediate=True)
            if await child.start(self._nursery, self._report, deadline=deadline) is not None:
                return
            await child.stop(final=True, deadline=deadline)

    def _retire(self, child: Child, verdict: Verdict) -> None:
        child.close()
        if verdict is Verdict.FORGET:
            self.forget(child)

    def forget(self, child: Child) -> None:
        """Drop a child that is down, with its spec."""
        child.close()
        self.children.remove(child)
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
            others_alive = any(other.spec.significant and other.up for other in self.children if other is not child)
            if shuts_down(self.spec.auto_shutdown, significant=child.spec.significant, others_alive=others_alive):
                self._end(None)

    async def _restart_after_exit(self, child: Child) -> None:
        """Stop the group first, then wait once, then start the group."""
        immediate = wants_restart_now(child.outcome)
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
            self._nursery.start_soon(self._post_retry, Retry(child, timer), delay)
        else:
            self._post.send_nowait(Retry(child, timer))

    async def _post_retry(self, retry: Retry, delay: float) -> None:
        with retry.timer:
            await trio.sleep(delay)
            self._post.send_nowait(retry)

    def _group(self, child: Child) -> Sequence[Child]:
        return restart_group(self.spec.strategy, self.children, child)

    async def _stop_group(self, group: Iterable[Child]) -> None:
        for member in reversed(tuple(group)):
            await self.stop(member, final=False)

    async def _start_group(self, child: Child) -> None:
        """Start a stopped group in order; where one does not start, that one is retried and the later ones wait for it.

        What an earlier attempt had started is stopped first, as in OTP. A parked child stays down.
        """
        child.timer = None
        await self._stop_group(member for member in self._group(child) if member.state != "parked")
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

    # Operations

    async def call(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Run an operation in the supervisor's task, in turn with everything else.

        Raises:
            ActorDead: The supervisor has ended, or ends before it comes to the operation.
            ActorError: What the operation raised.
        """
        if self._over:
            raise ActorDead(self.path)
        answer = Answer(math.inf)
        self._post.send_nowait(Call(operation, answer))
        try:
            await answer.wait()
        finally:
            answer.abandoned = not answer.settled
        return cast("T", answer.result())

    async def _answer(self, operation: Callable[[], Awaitable[object]], answer: Answer) -> None:
        if answer.abandoned:
            return
        try:
            answer.give(await operation())
        except Exception as error:  # noqa: BLE001 - it belongs to the caller
            answer.fail(error)

    def _refuse_calls(self) -> None:
        self._over = True
        while self._control.statistics().current_buffer_used:
            signal = self._control.receive_nowait()
            if isinstance(signal, Call):
                signal.answer.fail(ActorDead(self.path))

    def snapshots(self) -> tuple[Snapshot, ...]:
        """The children now, in start order."""
        return tuple(child.snapshot() for child in self.children)
