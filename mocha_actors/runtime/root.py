"""`open_supervisor`: a tree as a context manager, and the handle through which a program works with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any, TypeVar

import trio

from mocha_actors.runtime import operations
from mocha_actors.runtime.branch import SupervisorChild, make_task
from mocha_actors.runtime.errors import ActorDead, ChildError, SpecError, WaitsForItself, text_of
from mocha_actors.runtime.events import EventHook, log_event
from mocha_actors.runtime.letters import DeadLetters
from mocha_actors.runtime.operations import ChildCounts
from mocha_actors.runtime.outcome import leaf_exceptions
from mocha_actors.runtime.ref import ActorRef, acting_actor
from mocha_actors.runtime.slow import report_slow_steps
from mocha_actors.runtime.spec import AnySupervisorSpec, ChildSpec, check_refs
from mocha_actors.runtime.supervisor import SupervisorTask
from mocha_actors.runtime.tree import Snapshot, State, Terminated, Tree

T = TypeVar("T")


class Supervisor:
    """A running tree. Made by `open_supervisor`; paths are relative to the root, such as `gateway/shard-0`."""

    def __init__(self, spec: AnySupervisorSpec, tree: Tree) -> None:
        self._tree = tree
        self._task = make_task(spec, tree.name, tree)
        self._state: State = "starting"
        self._up = trio.Event()
        self._down = trio.Event()
        self._error: BaseException | None = None
        # What is cancelled when the tree goes down with an error: the body of the `async with` block.
        self._body = trio.CancelScope()

    # Addresses and pictures

    def ref(self, path: str) -> ActorRef[Any]:
        """The address of the actor at this path.

        Raises:
            ChildError: There is no actor at this path (`not_found`).
        """
        place = self._tree.place(self._absolute(path))
        if place.ref is None:
            raise ChildError(place.path, "not_found")
        return place.ref

    @asynccontextmanager
    async def watch(self, target: str | ActorRef[Any]) -> AsyncIterator[trio.MemoryReceiveChannel[Terminated]]:
        """A channel that gets exactly one `Terminated` when the child is down and no restart is due, then its end.

        A restart is no termination. A child that is down already is told of at once.

        Raises:
            ChildError: The child is not known (`not_found`). A temporary child is forgotten when it ends; of its end a
                ref still tells, a path does not.
        """
        with self._tree.watch(target if isinstance(target, ActorRef) else self._absolute(target)) as deaths:
            yield deaths

    def tree(self) -> Snapshot:
        """The whole tree now."""
        return Snapshot(
            path=self._tree.name,
            kind="supervisor",
            state=self._state,
            incarnation=0,
            restarts=0,
            backoff=0.0,
            mailbox=None,
            last_error=None if self._error is None else f"{type(self._error).__name__}: {text_of(self._error)}",
            children=self._task.snapshots(),
            breakers=self._task.breakers(),
            spent=self._task.spent(),
            budget=self._task.spec.max_restarts,
        )

    async def live(self, seconds: float = 1.0) -> bool:
        """Liveness: whether the root supervisor's task serves its control channel within this many seconds.

        For readiness see `Snapshot.ready`.
        """
        with trio.move_on_after(seconds), suppress(ActorDead):
            await self._task.control.call(trio.lowlevel.checkpoint)
            return True
        return False

    @property
    def dead_letters(self) -> DeadLetters:
        """The messages that nobody will handle."""
        return self._tree.letters

    # The end

    async def wait(self) -> None:
        """Wait until the tree is down.

        Raises:
            RestartLimitExceeded: It gave up.
            FatalChildError: A child failed with an error that its spec declares fatal.
        """
        await self._down.wait()
        if self._error is not None:
            raise self._error

    async def wait_down(self) -> None:
        """Wait until the tree is down, however it ended."""
        await self._down.wait()

    def begin_stop(self) -> None:
        """Ask the tree to drain and stop; returns at once. This is the form for actors of the tree itself."""
        if self._state in {"starting", "running"}:
            self._enter_phase("stopping", "draining")
            self._task.request_stop(final=True)

    async def stop(self) -> None:
        """Drain and stop: every actor, newest first, handles what waits for it, within its own time to stop.

        An actor of the tree must not wait for its own end: it calls `begin_stop`.

        Raises:
            WaitsForItself: An actor of the tree called it.
        """
        self._refuse_actors("begin_stop")
        self.begin_stop()
        await self._down.wait()

    async def kill(self) -> None:
        """Cancel every actor now; what waits for them becomes dead letters.

        Raises:
            WaitsForItself: An actor of the tree called it.
        """
        self._refuse_actors("begin_kill")
        self.begin_kill()
        await self._down.wait()

    def begin_kill(self) -> None:
        """Cancel every actor now; returns at once."""
        if not self._down.is_set():
            self._enter_phase("stopping", "killing")
            self._task.kill()

    def _refuse_actors(self, instead: str) -> None:
        path = acting_actor(self._tree.journal)
        if path is not None:
            raise WaitsForItself(path, "waits for the end of its own tree", f"call {instead} instead")

    def _enter_phase(self, state: State, phase: str) -> None:
        if not self._down.is_set():
            self._state = state
            self._tree.journal.emit("shutdown.phase", self._tree.name, phase=phase, dead=self._tree.letters.total)

    # Operations

    async def start_child(
        self, spec: ChildSpec | None = None, *, under: str = "", args: tuple[object, ...] = ()
    ) -> ActorRef[Any] | None:
        """Add a child to the supervisor at `under` and start it; its ref, or None for a supervisor.

        Args:
            spec: The child; none for one more child of a dynamic supervisor's template.
            under: The path of the supervisor; the root by default.
            args: What the template's `start` is called with, in every incarnation of this child.

        Raises:
            ChildError: `already_started`, `already_present`, `max_children`, or the supervisor is `not_found`.
            SpecError: The spec does not fit the supervisor.
            StartFailed: It did not start; its spec is not kept.
            WaitsForItself: The supervisor waits for the start of the very actor that called this.
        """
        task = self._supervisor(under)
        return await self._call(task, lambda: operations.start_child(task, spec, args))

    async def terminate_child(self, target: str | ActorRef[Any]) -> None:
        """Stop a child, or its restart; the spec stays, but for a temporary child and under a dynamic supervisor.

        Raises:
            ChildError: `not_found`.
            WaitsForItself: The child called this itself; it ends by returning from `run`, or by raising.
        """
        task, child_id = self._locate(target)
        child, caller = operations.find_child(task, child_id), acting_actor(self._tree.journal)
        if caller is not None and f"{caller}/".startswith(f"{child.place.path}/"):
            raise WaitsForItself(caller, "waits for its own end", "return from run, or raise, instead")
        task.abort_start_of(child)
        await self._call(task, lambda: operations.terminate_child(task, child_id))

    async def restart_child(self, target: str | ActorRef[Any]) -> None:
        """Start a child that is stopped or parked.

        Raises:
            ChildError: `running`, `restarting` or `not_found`.
            StartFailed: It did not start; its spec is kept.
        """
        task, child_id = self._locate(target)
        await self._call(task, lambda: operations.restart_child(task, child_id))

    async def delete_child(self, target: str | ActorRef[Any]) -> None:
        """Forget a child that is stopped or parked.

        Raises:
            ChildError: `running`, `restarting` or `not_found`.
        """
        task, child_id = self._locate(target)
        await self._call(task, lambda: operations.delete_child(task, child_id))

    async def _call(self, task: SupervisorTask, operation: Callable[[], Awaitable[T]]) -> T:
        path = acting_actor(self._tree.journal)
        if path is not None and task.is_starting(path):
            instead = "do it when it has started, in run or handle"
            raise WaitsForItself(path, f"waits for {task.path}, which waits for its start", instead)
        return await task.control.call(operation)

    def get_childspec(self, target: str | ActorRef[Any]) -> ChildSpec:
        """The spec of a child, whatever its state.

        Raises:
            ChildError: `not_found`.
        """
        task, child_id = self._locate(target)
        return operations.find_child(task, child_id).spec

    def which_children(self, under: str = "") -> tuple[Snapshot, ...]:
        """The children of the supervisor at `under`, newest first.

        Raises:
            ChildError: There is no such supervisor (`not_found`).
        """
        return self._supervisor(under).snapshots()[::-1]

    def count_children(self, under: str = "") -> ChildCounts:
        """How many children the supervisor at `under` has.

        Raises:
            ChildError: There is no such supervisor (`not_found`).
        """
        return operations.count_children(self._supervisor(under))

    def _absolute(self, path: str) -> str:
        return f"{self._tree.name}/{path}" if path else self._tree.name

    def _locate(self, target: str | ActorRef[Any]) -> tuple[SupervisorTask, str]:
        path = target if isinstance(target, str) else self._path_of(target)
        parent, _, child_id = path.rpartition("/")
        return self._supervisor(parent), child_id

    def _path_of(self, ref: ActorRef[Any]) -> str:
        if self._tree.place(ref.path).ref is not ref:
            raise ChildError(ref.path, "not_found")
        return ref.path.removeprefix(f"{self._tree.name}/")

    def _supervisor(self, path: str) -> SupervisorTask:
        task = self._task
        for child_id in path.split("/") if path else ():
            child = operations.find_child(task, child_id)
            if not isinstance(child, SupervisorChild):
                raise ChildError(child.place.path, "not_found")
            task = child.task
        return task

    # For open_supervisor

    @trio.lowlevel.enable_ki_protection
    async def _live(self) -> None:
        """Run the tree to its end, shielded: a cancellation from outside means draining, which `stop` does."""
        with trio.CancelScope(shield=True):
            try:
                with report_slow_steps(self._tree.journal):
                    await self._task.run(self._on_up)
            except BaseException as error:  # noqa: BLE001 - it is raised again by open_supervisor
                self._error = error
        for child in reversed(self._task.children.values()):
            child.close()
        self._enter_phase("stopped", "stopped")
        self._tree.dissolve()
        self._up.set()
        self._down.set()
        if self._error is not None:
            self._body.cancel()

    def _on_up(self) -> None:
        self._state = "running"
        self._up.set()


@asynccontextmanager
async def open_supervisor(
    spec: AnySupervisorSpec, *, name: str = "mocha", on_event: EventHook | None = None, rng: Random | None = None
) -> AsyncIterator[Supervisor]:
    """Start a tree; when the block is left, for whatever reason, drain and stop it.

    A cancellation from outside cancels the block, not the actors: they are drained within their own times to stop.

    Args:
        spec: The root supervisor.
        name: The first part of every path.
        on_event: Called with every `Event`; without one, failures are written to the standard `logging`.
        rng: The source of chance for back-off jitter.

    Raises:
        SpecError: The spec is wrong; nothing was started.
        StartFailed: A child did not start; the ones before it were stopped again.
        RestartLimitExceeded: The root supervisor gave up; the block was cancelled.
        FatalChildError: A child failed with an error that its spec declares fatal; the block was cancelled.
        BaseException: What an actor raised that is no `Exception` (KeyboardInterrupt, SystemExit); the block was
            cancelled. An exception of the block itself passes as it is.
        KeyboardInterrupt: Ctrl-C. It comes in the main task, as anywhere in trio; a task in a nursery of an actor's own
            may be hit instead, and what comes out is a plain KeyboardInterrupt then, too.
    """
    check_refs(spec)
    tree = Tree(name, on_event or log_event, rng or Random())  # noqa: S311 - jitter only
    try:
        supervisor = Supervisor(spec, tree)
    except SpecError:
        tree.dissolve()
        raise
    problem: BaseException | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervisor._live, name=f"supervisor {name}")  # noqa: SLF001 - one module, two halves
        try:
            await supervisor._up.wait()  # noqa: SLF001
            with supervisor._body:  # noqa: SLF001
                if supervisor._error is None:  # noqa: SLF001
                    yield supervisor
        except BaseException as error:  # noqa: BLE001 - raised below, outside of the nursery, which would wrap it
            problem = error
        with trio.CancelScope(shield=True):
            await supervisor.stop()
    _raise(problem, supervisor._error)  # noqa: SLF001


def _raise(problem: BaseException | None, failure: BaseException | None) -> None:
    """Raise what went wrong in the block, in the tree, or in both."""
    problem, failure = _plain(problem), _plain(failure)
    if isinstance(problem, KeyboardInterrupt) and isinstance(failure, KeyboardInterrupt):
        problem = None  # the same one, seen by the block as it waited for the tree
    if problem is None or problem is failure:
        problem, failure = failure, None
    if problem is not None and failure is not None and not isinstance(problem, trio.Cancelled):
        raise BaseExceptionGroup("the block and its actors failed", [problem, failure])
    if failure is not None:
        raise failure
    if problem is not None:
        raise problem


def _plain(failure: BaseException | None) -> BaseException | None:
    """Ctrl-C without the groups of nurseries inside an actor around it; every other failure as it is."""
    kinds = {type(leaf) for leaf in leaf_exceptions(failure)} if isinstance(failure, BaseExceptionGroup) else set()
    if KeyboardInterrupt in kinds and kinds <= {KeyboardInterrupt, trio.Cancelled}:
        interrupt = KeyboardInterrupt()
        interrupt.__cause__ = failure
        return interrupt
    return failure
