"""How one incarnation of a child ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import trio

from mocha_actors.runtime.errors import RestartNow


@dataclass(frozen=True, slots=True)
class Exited:
    """The child returned by itself: a normal exit."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The child raised: an abnormal exit."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Stopped:
    """The child was asked to stop and did."""


@dataclass(frozen=True, slots=True)
class Killed:
    """The child was cancelled: by `kill`, or because its time to stop was up."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """The child did not want to start (it raised `StartIgnored`)."""


Outcome: TypeAlias = Exited | Failed | Stopped | Killed | Ignored


def leaf_exceptions(error: BaseException) -> Iterator[BaseException]:
    """The exceptions inside nested groups, or the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaf_exceptions(inner)
    else:
        yield error


def ends_program(outcome: Outcome) -> bool:
    """Whether this ends the whole tree: KeyboardInterrupt, SystemExit or their like, also inside a group.

    A cancellation that is nobody's, such as one kept and raised again too late, is a mistake of the child alone.
    """
    return isinstance(outcome, Failed) and any(
        not isinstance(leaf, Exception | trio.Cancelled) for leaf in leaf_exceptions(outcome.error)
    )


def failed_with(outcome: Outcome, types: tuple[type[Exception], ...]) -> bool:
    """Whether the child failed with one of these: as the error itself, inside its groups, or among its causes."""
    return isinstance(outcome, Failed) and any(isinstance(each, types) for each in _causes(outcome.error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, the members of its groups, and their causes, each once: two errors may be each other's cause."""
    found, seen = [error], set[int]()
    while found:
        each = found.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            found += each.exceptions
        if each.__cause__ is not None:
            found.append(each.__cause__)


def wants_restart_now(outcome: Outcome) -> bool:
    """Whether the actor asked to be restarted at once and for free (`RestartNow`)."""
    return isinstance(outcome, Failed) and all(isinstance(leaf, RestartNow) for leaf in leaf_exceptions(outcome.error))


def error_of(outcome: Outcome) -> BaseException | None:
    """The exception of a failed outcome, None for every other."""
    return outcome.error if isinstance(outcome, Failed) else None


def name_of(outcome: Outcome) -> str:
    """`exited`, `failed`, `stopped`, `killed` or `ignored`, as events carry it."""
    return type(outcome).__name__.lower()
