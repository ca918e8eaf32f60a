"""The operations on a running supervisor, with OTP's names and OTP's answers.

Each runs in the task of the supervisor that it concerns, in turn with exits and restarts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mocha_actors.runtime.child import Child
from mocha_actors.runtime.errors import ChildError, StartFailed
from mocha_actors.runtime.outcome import Failed, Outcome
from mocha_actors.runtime.ref import ActorRef
from mocha_actors.runtime.spec import ChildSpec
from mocha_actors.runtime.supervisor import SupervisorTask


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """How many children a supervisor has.

    Attributes:
        specs: Known ones, running or not.
        active: Running ones.
        supervisors: Known ones that are supervisors.
        workers: Known ones that are actors.
    """

    specs: int
    active: int
    supervisors: int
    workers: int


def find_child(task: SupervisorTask, child_id: str) -> Child:
    """The child with this id.

    Raises:
        ChildError: `not_found`.
    """
    child = task.children.get(child_id)
    if child is None:
        raise ChildError(f"{task.path}/{child_id}", "not_found")
    return child


async def start_child(task: SupervisorTask, spec: ChildSpec | None, args: tuple[object, ...]) -> ActorRef[Any] | None:
    """Add a child as the last one and start it; its ref, or None for a supervisor.

    Raises:
        ChildError: The id runs (`already_started`), is known without running (`already_present`), or the dynamic
            supervisor has as many children as it may (`max_children`).
        SpecError: The spec does not fit the supervisor.
        StartFailed: It did not start; its spec is not kept.
    """
    child = task.adopt(task.admit(spec, args))
    outcome = await task.start(child)
    if isinstance(outcome, Failed):
        task.forget(child)
    _raise_failed_start(child, outcome)
    return child.place.ref


async def terminate_child(task: SupervisorTask, child_id: str) -> None:
    """Stop a child, or its restart; the spec stays, but for a temporary child and under a dynamic supervisor.

    It is no failure: it spends no budget and never causes an automatic shutdown. Siblings that were waiting for the
    restart of their group stay down.

    Raises:
        ChildError: `not_found`.
    """
    await task.terminate(find_child(task, child_id))


async def restart_child(task: SupervisorTask, child_id: str) -> None:
    """Start a child that is stopped or parked, in its old place of the order.

    Raises:
        ChildError: `running`, `restarting` or `not_found`.
        StartFailed: It did not start; its spec is kept.
    """
    child = _stopped(task, child_id)
    child.failures = 0
    outcome = await task.start(child)
    if isinstance(outcome, Failed):
        child.close()
    _raise_failed_start(child, outcome)


async def delete_child(task: SupervisorTask, child_id: str) -> None:
    """Forget a child that is stopped or parked.

    Raises:
        ChildError: `running`, `restarting` or `not_found`.
    """
    task.forget(_stopped(task, child_id))


def count_children(task: SupervisorTask) -> ChildCounts:
    """Count the children."""
    supervisors = sum(child.spec.is_supervisor for child in task.children.values())
    return ChildCounts(
        specs=len(task.children),
        active=sum(child.alive for child in task.children.values()),
        supervisors=supervisors,
        workers=len(task.children) - supervisors,
    )


def _stopped(task: SupervisorTask, child_id: str) -> Child:
    child = find_child(task, child_id)
    if child.state == "restarting":
        raise ChildError(child.place.path, "restarting")
    if child.up:
        raise ChildError(child.place.path, "running")
    return child


def _raise_failed_start(child: Child, outcome: Outcome | None) -> None:
    if isinstance(outcome, Failed):
        raise StartFailed(child.place.path) from outcome.error
