"""What all supervisors of one tree share, and the picture of the tree that anybody may take at any time."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, TypeAlias

import trio

from mocha_actors.runtime.breaker import BreakerSnapshot
from mocha_actors.runtime.errors import ChildError, SpecError
from mocha_actors.runtime.events import EventHook, Journal
from mocha_actors.runtime.letters import DeadLetters
from mocha_actors.runtime.mailbox import MailboxStatistics
from mocha_actors.runtime.outcome import Outcome
from mocha_actors.runtime.ref import DEFAULT_MAILBOX, ActorRef, inbox_of, new_ref
from mocha_actors.runtime.spec import ChildSpec

State: TypeAlias = Literal["starting", "running", "restarting", "stopping", "stopped", "parked"]


@dataclass(frozen=True, slots=True)
class Terminated:
    """A watched child is down and no restart is due.

    Attributes:
        path: The child.
        outcome: How its last incarnation ended.
    """

    path: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One child (or the root) at one moment.

    Attributes:
        path: Where it is.
        kind: `actor` or `supervisor`.
        state: `starting`, `running`, `restarting` (waiting for its restart), `stopping`, `stopped` (known, but not
            running) or `parked` (down after too many failures in a row).
        incarnation: Which life this is, from 0; -1 before the first start.
        restarts: How often it was restarted because it ended by itself.
        spent: How many restarts a supervisor's children needed within its window; `budget` is how many it allows. Both
            are 0 for an actor.
        backoff: Seconds of the current wait for a restart; 0 when it does not wait.
        mailbox: How full its mailbox is; None for a supervisor.
        last_error: Type and text of the newest failure; None if there was none.
        children: The children of a supervisor, in start order.
        breakers: The breakers of a supervisor's spec.
    """

    path: str
    kind: Literal["actor", "supervisor"]
    state: State
    incarnation: int
    restarts: int
    backoff: float
    mailbox: MailboxStatistics | None
    last_error: str | None
    children: tuple[Snapshot, ...] = ()
    breakers: tuple[BreakerSnapshot, ...] = ()
    spent: int = 0
    budget: int = 0

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def ready(self) -> bool:
        """Whether nothing below is starting, waiting for a restart, or parked, and no required breaker rejects calls."""
        return not list(self.unready())

    def unready(self) -> Iterator[str]:
        """What keeps the tree from being ready: paths of children, and `breaker` with its name."""
        if self.state in {"starting", "restarting", "parked"}:
            yield self.path
        for breaker in self.breakers:
            if breaker.required and breaker.rejects:
                yield f"breaker {breaker.name}"
        for child in self.children:
            yield from child.unready()

    def render(self) -> str:
        """The tree as text, one line for each child."""
        return "\n".join(self._lines(0))

    def _lines(self, depth: int) -> Iterator[str]:
        parts = [f"{'  ' * depth}{self.name}", self.state]
        if self.restarts:
            parts.append(f"restarts {self.restarts}")
        if self.spent:
            parts.append(f"budget spent {self.spent}/{self.budget}")
        if self.backoff:
            parts.append(f"back-off {self.backoff:.1f} s")
        if (box := self.mailbox) is not None:
            parts.append(f"mailbox {box.used}/{box.capacity} (peak {box.peak}, oldest {box.oldest_age:.1f} s)")
        if self.last_error is not None:
            parts.append(self.last_error)
        yield "  ".join(parts)
        for breaker in self.breakers:
            yield f"{'  ' * (depth + 1)}{breaker}"
        for child in self.children:
            yield from child._lines(depth + 1)  # noqa: SLF001 - the same class


@dataclass(slots=True)
class Place:
    """What of a child outlives its incarnations and the restarts of its supervisor.

    Attributes:
        path: Where it is.
        ref: Its address; None for a supervisor.
        incarnation: The newest incarnation, -1 before the first.
        restarts: How often it was restarted because it ended by itself.
        last_error: Type and text of its newest failure.
        ended: How it ended; None while it runs or is to be restarted.
    """

    path: str
    ref: ActorRef[Any] | None
    incarnation: int = -1
    restarts: int = 0
    last_error: str | None = None
    ended: Outcome | None = None


class Tree:
    """The shared parts of one tree: events, dead letters, chance, the places of all children, and who watches them.

    Attributes:
        name: The first part of every path.
        rng: The source of chance.
        journal: Where events go.
        letters: The dead letters.
        serial_numbers: What tells the children of a template apart; none is used twice.
    """

    def __init__(self, name: str, hook: EventHook | None, rng: Random) -> None:
        self.name = name
        self.rng = rng
        self.journal = Journal(hook)
        self.letters = DeadLetters(self.journal)
        self.serial_numbers = itertools.count(1)
        self._places: dict[str, Place] = {}
        self._watchers: defaultdict[str, set[trio.MemorySendChannel[Terminated]]] = defaultdict(set)

    def settle(self, path: str, spec: ChildSpec) -> Place:
        """The place for a child at this path; the same one again when its supervisor is restarted.

        Raises:
            SpecError: The ref of the spec belongs to another child.
        """
        place = self._places.get(path)
        if place is None or (spec.ref is not None and spec.ref is not place.ref):
            place = self._places[path] = Place(path, None if spec.is_supervisor else self._address(path, spec))
        return place

    def _address(self, path: str, spec: ChildSpec) -> ActorRef[Any]:
        ref = spec.ref or new_ref(spec.id, spec.mailbox or DEFAULT_MAILBOX)
        inbox = inbox_of(ref)
        if inbox.owned:
            raise SpecError(f"{path}.ref is already the address of {inbox.path}; allowed: each ref for one child")
        inbox.path = inbox.account = path
        inbox.ended = None
        inbox.letters = self.letters
        inbox.owned = True
        return ref

    def place(self, path: str) -> Place:
        """The place at this path.

        Raises:
            ChildError: There is none (`not_found`).
        """
        place = self._places.get(path)
        if place is None:
            raise ChildError(path, "not_found")
        return place

    def forget(self, path: str) -> None:
        """The child at this path, and whatever is below it, is no longer known; its refs may serve another tree."""
        place = self._places.get(path)
        is_actor = place is not None and place.ref is not None
        below = () if is_actor else tuple(each for each in self._places if each.startswith(f"{path}/"))
        for each in (*reversed(below), path):
            self._forget_one(each)

    def _forget_one(self, path: str) -> None:
        place = self._places.pop(path, None)
        parent = path.rpartition("/")[0]
        if place is not None and place.ref is not None:
            inbox = inbox_of(place.ref)
            inbox.owned = False
            inbox.account = parent
        self.letters.close_account(path, parent)

    def dissolve(self) -> None:
        """The tree is down: its refs may serve another tree."""
        self.letters.tell_rest()
        for place in self._places.values():
            if place.ref is not None:
                inbox_of(place.ref).owned = False

    def terminated(self, place: Place, outcome: Outcome) -> None:
        """Tell the watchers that a child is down for good."""
        place.ended = outcome
        if place.ref is not None:
            inbox_of(place.ref).ended = outcome
        for watcher in self._watchers.pop(place.path, ()):
            watcher.send_nowait(Terminated(place.path, outcome))
            watcher.close()

    @contextmanager
    def watch(self, target: str | ActorRef[Any]) -> Iterator[trio.MemoryReceiveChannel[Terminated]]:
        """A channel that gets one `Terminated` when the child is down for good, at once if it is already.

        Raises:
            ChildError: It is not known, and never was one of this tree (`not_found`).
        """
        path, ended = (target, self.place(target).ended) if isinstance(target, str) else self._end_of(target)
        send, receive = trio.open_memory_channel[Terminated](1)
        if ended is not None:
            send.send_nowait(Terminated(path, ended))
            send.close()
        else:
            self._watchers[path].add(send)
        try:
            with receive:
                yield receive
        finally:
            send.close()
            self._unwatch(path, send)

    def _end_of(self, ref: ActorRef[Any]) -> tuple[str, Outcome | None]:
        """Where the actor of a ref is, or was before it was forgotten, and how it ended if it has."""
        place, inbox = self._places.get(ref.path), inbox_of(ref)
        if place is not None and place.ref is ref:
            return place.path, place.ended
        if inbox.letters is not self.letters or inbox.ended is None:
            raise ChildError(ref.path, "not_found")
        return ref.path, inbox.ended

    def _unwatch(self, path: str, watcher: trio.MemorySendChannel[Terminated]) -> None:
        watchers = self._watchers.get(path, set())
        watchers.discard(watcher)
        if not watchers:
            self._watchers.pop(path, None)
