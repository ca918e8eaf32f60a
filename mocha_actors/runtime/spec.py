"""Specifications: what a supervisor starts, as frozen data that is refused before anything runs if it is wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from mocha_actors.runtime.actor import Actor
from mocha_actors.runtime.backoff import Backoff
from mocha_actors.runtime.breaker import CircuitBreaker
from mocha_actors.runtime.errors import SpecError
from mocha_actors.runtime.mailbox import Mailbox
from mocha_actors.runtime.ref import ActorRef
from mocha_actors.runtime.restart import AutoShutdown, Restart, Strategy

Shutdown: TypeAlias = float | Literal["default", "kill"] | None

ACTOR_SHUTDOWN = 5.0
"""Seconds that an actor has to drain when its spec does not say."""


@dataclass(frozen=True, slots=True)
class SupervisorSpec:
    """A supervisor and its children, in start order; they are stopped in reverse order.

    Attributes:
        children: The children to start, ids unique.
        strategy: Who is restarted together with a child that failed.
        max_restarts: How many restarts all children together may need within `max_seconds`; one more and the
            supervisor gives up, which is an abnormal exit for its own supervisor. 0: the first failure.
        max_seconds: The window, in seconds.
        auto_shutdown: Whether the end of significant children ends the supervisor.
        breakers: The circuit breakers of what its children depend on: `tree()` shows them, the tree is not ready while
            a required one rejects calls, and their events go to the hook of the tree.

    Raises:
        SpecError: A field is wrong; nothing was started.
    """

    children: tuple[ChildSpec, ...] = ()
    _: KW_ONLY
    strategy: Strategy = Strategy.ONE_FOR_ONE
    max_restarts: int = 3
    max_seconds: float = 5.0
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    breakers: tuple[CircuitBreaker, ...] = ()

    def __post_init__(self) -> None:
        _require(isinstance(self.strategy, Strategy), "strategy", self.strategy, "a member of Strategy")
        _require(
            isinstance(self.auto_shutdown, AutoShutdown),
            "auto_shutdown",
            self.auto_shutdown,
            "a member of AutoShutdown",
        )
        _check_budget(self.max_restarts, self.max_seconds)
        for field in ("children", "breakers"):
            _require(isinstance(getattr(self, field), tuple), field, getattr(self, field), "a tuple")
        for child in self.children:
            _require(isinstance(child, ChildSpec), "children", child, "ChildSpec")
            check_significant(child, self.auto_shutdown)
        _check_unique("children", [child.id for child in self.children])
        for breaker in self.breakers:
            _require(isinstance(breaker, CircuitBreaker), "breakers", breaker, "CircuitBreaker")
        _check_unique("breakers", [breaker.name for breaker in self.breakers])


@dataclass(frozen=True, slots=True)
class DynamicSupervisorSpec:
    """A supervisor whose children are started at run time, by `Supervisor.start_child`, such as a pool of workers.

    They are restarted one for one and stopped all at once. What will not run again is forgotten. As with any restarted
    supervisor, children started at run time do not survive it.

    Attributes:
        template: What all children are made from: each gets the id of the template with a number (`worker-17`), an
            address of its own, and the `args` of `start_child` for the template's `start`. None: each child comes with
            its own spec.
        max_children: How many children there may be, those that wait for a restart included; None for no limit.
        max_restarts: As for `SupervisorSpec`.
        max_seconds: As for `SupervisorSpec`.

    Raises:
        SpecError: A field is wrong; nothing was started.
    """

    template: ChildSpec | None = None
    _: KW_ONLY
    max_children: int | None = None
    max_restarts: int = 3
    max_seconds: float = 5.0

    children: ClassVar[tuple[ChildSpec, ...]] = ()
    strategy: ClassVar[Strategy] = Strategy.ONE_FOR_ONE
    auto_shutdown: ClassVar[AutoShutdown] = AutoShutdown.NEVER
    breakers: ClassVar[tuple[CircuitBreaker, ...]] = ()

    def __post_init__(self) -> None:
        limit, template = self.max_children, self.template
        _require(limit is None or _is_count(limit), "max_children", limit, "None or a whole number >= 0")
        _check_budget(self.max_restarts, self.max_seconds)
        _require(template is None or isinstance(template, ChildSpec), "template", template, "None or a ChildSpec")
        if template is not None:
            check_significant(template, self.auto_shutdown)
            _require(not template.is_supervisor, "template.start", template.start, "what makes an actor")
            _require(template.ref is None, "template.ref", template.ref, "none, as each child gets its own")


AnySupervisorSpec: TypeAlias = SupervisorSpec | DynamicSupervisorSpec


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One child of a supervisor.

    Attributes:
        id: Its name among its siblings; with the ids above it makes the path.
        start: What makes a fresh actor for each incarnation (a class, or a `functools.partial` of it), or the spec of
            a sub-supervisor. It is called without arguments, except that of a template.
        ref: The address made by `new_ref`; without one the runtime makes it from `mailbox`.
        mailbox: The mailbox of a ref that the runtime makes.
        restart: When it is started again.
        shutdown: Seconds it has to drain before it is cancelled; None for no limit; `kill` to cancel at once and skip
            `on_stop`. The default is 5 seconds for an actor and no limit for a supervisor.
        backoff: How long restarts wait.
        significant: Whether its end counts for the supervisor's `auto_shutdown`.
        max_consecutive: How many failures in a row, none followed by `backoff.reset_after` seconds of uptime, are
            answered by a restart; None for any number.
        on_max_consecutive: What the next failure does: `escalate` makes the supervisor give up, `park` leaves the child
            down while its siblings run.
        fatal: Errors that no restart can mend, such as a refused password. A failure with one of them, as the error
            itself, inside a group or among its causes, makes the supervisor give up at once, and the ones above it:
            `open_supervisor` raises `FatalChildError`. A start asked for at run time fails for whoever asked instead.

    Raises:
        SpecError: A field is wrong.
    """

    id: str
    start: Callable[..., Actor[Any]] | SupervisorSpec | DynamicSupervisorSpec
    _: KW_ONLY
    ref: ActorRef[Any] | None = None
    mailbox: Mailbox | None = None
    restart: Restart = Restart.PERMANENT
    shutdown: Shutdown = "default"
    backoff: Backoff = Backoff()  # noqa: RUF009 - frozen
    significant: bool = False
    max_consecutive: int | None = None
    on_max_consecutive: Literal["escalate", "park"] = "escalate"
    fatal: tuple[type[Exception], ...] = ()

    def __post_init__(self) -> None:
        is_name = isinstance(self.id, str) and self.id != "" and "/" not in self.id
        _require(is_name, "id", self.id, "a non-empty name without '/'")
        runnable = callable(self.start) or self.is_supervisor
        _require(runnable, f"{self.id}.start", self.start, "a callable that makes an actor, or a SupervisorSpec")
        _require(isinstance(self.restart, Restart), f"{self.id}.restart", self.restart, "a member of Restart")
        allowed = "seconds >= 0, None or 'kill'"
        _require(_is_shutdown(self.shutdown), f"{self.id}.shutdown", self.shutdown, allowed)
        _require(isinstance(self.backoff, Backoff), f"{self.id}.backoff", self.backoff, "a Backoff")
        _require(isinstance(self.ref, ActorRef | None), f"{self.id}.ref", self.ref, "None or what new_ref makes")
        _require(isinstance(self.mailbox, Mailbox | None), f"{self.id}.mailbox", self.mailbox, "None or a Mailbox")
        _require(isinstance(self.significant, bool), f"{self.id}.significant", self.significant, "True or False")
        limit = self.max_consecutive
        _require(limit is None or _is_count(limit), f"{self.id}.max_consecutive", limit, "None or a whole number >= 0")
        known = self.on_max_consecutive in ("escalate", "park")
        _require(known, f"{self.id}.on_max_consecutive", self.on_max_consecutive, "'escalate' or 'park'")
        _require(_are_errors(self.fatal), f"{self.id}.fatal", self.fatal, "a tuple of subclasses of Exception")
        addressed = self.ref is not None or self.mailbox is not None
        _require(not (self.is_supervisor and addressed), f"{self.id}.ref", self.ref, "none, as for any supervisor")
        doubly = self.ref is not None and self.mailbox is not None
        _require(not doubly, f"{self.id}.mailbox", self.mailbox, "none beside ref, which has its own")

    @property
    def is_supervisor(self) -> bool:
        """Whether the child is a supervisor."""
        return isinstance(self.start, SupervisorSpec | DynamicSupervisorSpec)

    @property
    def stop_seconds(self) -> float:
        """How long it may take to stop, in seconds, possibly infinite."""
        match self.shutdown:
            case "default":
                return math.inf if self.is_supervisor else ACTOR_SHUTDOWN
            case "kill":
                return 0.0
            case None:
                return math.inf
            case seconds:
                return seconds


def check_significant(child: ChildSpec, auto_shutdown: AutoShutdown) -> None:
    """Significance makes sense only for a child that can end for good, under a supervisor that minds.

    Raises:
        SpecError: It is neither.
    """
    if not child.significant:
        return
    field, ends = f"{child.id}.significant", child.restart is not Restart.PERMANENT
    _require(ends, field, child.significant, "False with restart permanent")
    minds = auto_shutdown is not AutoShutdown.NEVER
    _require(minds, field, child.significant, "False under auto_shutdown never")


def check_admission(child: ChildSpec, supervisor: AnySupervisorSpec) -> None:
    """Whether a child may be added to a supervisor that runs.

    Raises:
        SpecError: It does not fit.
    """
    _require(isinstance(child, ChildSpec), "spec", child, "a ChildSpec")
    check_significant(child, supervisor.auto_shutdown)
    if isinstance(child.start, AnySupervisorSpec):
        check_refs(child.start)


def check_refs(spec: AnySupervisorSpec) -> None:
    """One ref is the address of one child.

    Raises:
        SpecError: Two children of the tree have the same ref, or this is no supervisor.
    """
    _require(isinstance(spec, AnySupervisorSpec), "spec", spec, "a SupervisorSpec or a DynamicSupervisorSpec")
    for ref, count in Counter(_refs(spec)).items():
        _require(count == 1, "ref", ref.name, "each ref for one child")


def _refs(spec: AnySupervisorSpec) -> Iterator[ActorRef[Any]]:
    for child in spec.children:
        if isinstance(child.start, AnySupervisorSpec):
            yield from _refs(child.start)
        elif child.ref is not None:
            yield child.ref


def _check_budget(max_restarts: object, max_seconds: object) -> None:
    _require(_is_count(max_restarts), "max_restarts", max_restarts, "a whole number >= 0")
    _require(_is_seconds(max_seconds) and max_seconds != 0, "max_seconds", max_seconds, "seconds > 0")


def _check_unique(field: str, names: Sequence[str]) -> None:
    for name, count in Counter(names).items():
        _require(count == 1, field, name, f"each {'id' if field == 'children' else 'name'} once")


def _require(holds: bool, field: str, found: object, allowed: str) -> None:
    if not holds:
        raise SpecError(f"{field} is {found!r}; allowed: {allowed}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and not math.isnan(value)


def _are_errors(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, type) and issubclass(each, Exception) for each in value)


def _is_shutdown(value: object) -> bool:
    return value is None or value in ("default", "kill") or _is_seconds(value)
