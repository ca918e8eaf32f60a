"""A reference model of OTP's supervisor, written from its documented rules and sharing no code with the runtime.

It is synchronous: an operation runs to its end, stops that take time included, and then whatever has become due is
done. Times are exact (binary fractions), so that model and runtime agree to the last bit. The numbers in comments are
those of the rules in OTP's `supervisor`; four things are not OTP's: back-off, parking, `RestartNow` and fatal errors,
and giving up is an abnormal exit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Result = Literal["ok", "fail", "ignore"]
Reason = Literal["normal", "abnormal", "now", "fatal"]


@dataclass(frozen=True)
class Spec:
    """A child; `below` makes it a supervisor. `stops_in` is how long it takes to stop when nobody cancels it."""

    id: str
    restart: str = "permanent"
    significant: bool = False
    stops_in: float = 0.0
    shutdown: float = 8.0
    base: float = 0.0
    limit: int | None = None
    at_limit: str = "escalate"
    below: SupSpec | None = None

    @property
    def cap(self) -> float:
        """The longest wait, another one for each child: what would end at the same time ends in no certain order."""
        return CAP + self.base / 4


@dataclass(frozen=True)
class SupSpec:
    """A supervisor."""

    children: tuple[Spec, ...]
    strategy: str = "one_for_one"
    max_restarts: int = 1
    period: float = 5.0
    auto: str = "never"


@dataclass
class World:
    """What all supervisors share: time, what happened, and how the next starts of each child will go."""

    now: float = 0.0
    serial: int = 0
    trace: list[tuple[float, str]] = field(default_factory=list)
    plans: dict[str, list[Result]] = field(default_factory=dict)

    def note(self, sign: str, path: str) -> None:
        """Something happened to a child."""
        self.trace.append((self.now, sign + path))

    def next_start(self, path: str) -> Result:
        """How this start goes."""
        plan = self.plans.get(path)
        return plan.pop(0) if plan else "ok"


RESET_AFTER, CAP = 16.0, 4.0


class Child:
    """A child that the model knows."""

    def __init__(self, spec: Spec, path: str) -> None:
        self.spec, self.path = spec, path
        self.state = "stopped"
        self.failures = 0
        self.started_at: float | None = None
        self.due: tuple[float, int] | None = None
        self.sup: Model | None = None


class Model:
    """One incarnation of a supervisor; `ended` says how it ended: normal, failed or fatal."""

    def __init__(self, spec: SupSpec, world: World, path: str = "", owner: tuple[Model, Child] | None = None) -> None:
        self.spec, self.world, self.path, self.owner = spec, world, path, owner
        self.children = [self.adopt(child) for child in spec.children]
        self.attempts: list[float] = []
        self.ended: str | None = None

    def adopt(self, spec: Spec) -> Child:
        """Make a child for a spec."""
        return Child(spec, f"{self.path}/{spec.id}".lstrip("/"))

    def boot(self) -> bool:
        """Rules 6 to 8: start in order; a failure stops what has started, newest first."""
        for child in self.children[:]:
            if self.start(child) == "fail":
                self.end("failed")
                return False
        return True

    # One child

    def start(self, child: Child) -> Result:
        """Start a child."""
        result: Result = self.world.next_start(child.path)
        child.due, child.started_at = None, None
        if child.spec.below is not None:
            child.sup = Model(child.spec.below, self.world, child.path, (self, child))
            result = "ok" if child.sup.boot() else "fail"
        child.state = "running" if result == "ok" else "stopped"
        self.world.note({"ok": "+", "fail": "!", "ignore": "~"}[result], child.path)
        if result == "ok":
            child.started_at = self.world.now
        if result == "ignore" and child.spec.restart == "temporary":  # rule 9
            self.children.remove(child)
        return result

    def stop(self, child: Child) -> None:
        """Rules 13, 19 and 30: each child has its own time to stop; a temporary one is forgotten."""
        if child.state == "restarting":
            child.state, child.due = "stopped", None
        if child.state == "running":
            if child.sup is not None:
                child.sup.end("normal")
            self.world.now += min(child.spec.stops_in, child.spec.shutdown)
            child.state = "stopped"
            self.world.note("-", child.path)
        if child.spec.restart == "temporary":
            self.children.remove(child)

    def end(self, how: str) -> None:
        """Rules 25 and 29: stop all, newest first."""
        self.ended = how
        for child in reversed(self.children[:]):
            self.stop(child)

    # Exits and restarts

    def exit(self, child: Child, reason: str) -> None:
        """Rules 10 to 13: a child ended by itself."""
        child.state = "stopped"
        self.world.note("-", child.path)
        restart = child.spec.restart
        if reason == "fatal":
            self.give_up("fatal")
        elif restart == "permanent" or (restart == "transient" and reason != "normal"):
            if reason == "now" or self.may_restart(child):
                for member in reversed(self.group(child)):  # rules 15 to 17
                    self.stop(member)
                self.wait(child, 0.0 if reason == "now" else self.delay(child))
        else:
            if restart == "temporary":
                self.children.remove(child)
            self.mind_end_of(child)

    def mind_end_of(self, child: Child) -> None:
        """The rules of auto_shutdown."""
        alive = any(each.spec.significant and each.state in ("running", "restarting") for each in self.children)
        if child.spec.significant and (
            self.spec.auto == "any_significant" or (self.spec.auto == "all_significant" and not alive)
        ):
            self.end("normal")
            self.tell_owner("normal")

    def give_up(self, how: str) -> None:
        """Rule 25, but abnormal for the supervisor above (see 26); a fatal error passes all the way up."""
        self.end(how)
        self.tell_owner("fatal" if how == "fatal" else "abnormal")

    def tell_owner(self, reason: str) -> None:
        """The supervisor is a child that ended by itself."""
        if self.owner is not None:
            self.owner[0].exit(self.owner[1], reason)

    def group(self, child: Child) -> list[Child]:
        """Who stops and starts together with this child."""
        position = self.children.index(child)
        everybody = self.children[:]
        return {
            "one_for_one": [child],
            "one_for_all": everybody,
            "rest_for_one": everybody[position:],
        }[self.spec.strategy]

    def may_restart(self, child: Child) -> bool:
        """Rules 22 to 24 (every attempt counts, one window for all) and 41 (failures in a row)."""
        if child.started_at is not None and self.world.now - child.started_at >= RESET_AFTER:  # rule 39
            child.failures = 0
        child.failures += 1
        if child.spec.limit is not None and child.failures > child.spec.limit:
            if child.spec.at_limit == "park":
                child.state = "parked"
            else:
                self.give_up("failed")
            return False
        self.attempts.append(self.world.now)
        recent = [at for at in self.attempts if at >= self.world.now - self.spec.period]
        if len(recent) > self.spec.max_restarts:
            self.give_up("failed")
            return False
        return True

    def delay(self, child: Child) -> float:
        """Rule 37."""
        return float(min(child.spec.cap, child.spec.base * 2 ** (child.failures - 1)))

    def wait(self, child: Child, delay: float) -> None:
        """Rule 42: the group is down; wait once."""
        self.world.serial += 1
        child.state, child.due = "restarting", (self.world.now + delay, self.world.serial)

    def retry(self, child: Child) -> None:
        """Rules 18 to 20: start the group; where one does not start, that one is retried and later ones wait."""
        child.state, child.due = "stopped", None
        for member in reversed(self.group(child)):
            if member is not child and member.state != "parked":
                self.stop(member)
        for member in self.group(child):
            if member.state == "parked" or self.start(member) != "fail":
                continue
            if self.may_restart(member):
                self.wait(member, self.delay(member))
                return
            if self.ended is not None:
                return

    def due(self) -> list[tuple[tuple[float, int], Model, Child]]:
        """The waits of this supervisor and those below."""
        found = [(child.due, self, child) for child in self.children if child.due is not None]
        for child in self.children:
            if child.sup is not None and child.state == "running":
                found += child.sup.due()
        return found

    def run_until(self, until: float) -> None:
        """Let time pass; what becomes due while a stop takes its time is done after it."""
        while due := [each for each in self.due() if each[0][0] <= max(until, self.world.now)]:
            (at, _), model, child = min(due, key=lambda each: each[0])
            self.world.now = max(self.world.now, at)
            model.retry(child)
        self.world.now = max(self.world.now, until)

    # Operations, rules 33 to 36

    def find(self, child_id: str) -> Child | None:
        """The child with this id."""
        return next((child for child in self.children if child.spec.id == child_id), None)

    def start_child(self, spec: Spec) -> str:
        """A failing start leaves nothing."""
        known = self.find(spec.id)
        if known is not None:
            return "already_started" if known.state == "running" else "already_present"
        child = self.adopt(spec)
        self.children.append(child)
        result = self.start(child)
        if result == "fail":
            self.children.remove(child)
        return "failed" if result == "fail" else "ok"

    def terminate_child(self, child_id: str) -> str:
        """Never a failure, never an automatic shutdown."""
        child = self.find(child_id)
        if child is None:
            return "not_found"
        self.stop(child)
        return "ok"

    def restart_child(self, child_id: str) -> str:
        """A failing start keeps the spec."""
        child = self.find(child_id)
        if child is None or child.state in ("running", "restarting"):
            return "not_found" if child is None else child.state
        child.failures = 0
        return "failed" if self.start(child) == "fail" else "ok"

    def delete_child(self, child_id: str) -> str:
        """Only what is down."""
        child = self.find(child_id)
        if child is None or child.state in ("running", "restarting"):
            return "not_found" if child is None else child.state
        self.children.remove(child)
        return "ok"

    def picture(self) -> list[tuple[str, str]]:
        """Path and state of every child of every level, newest first."""
        lines: list[tuple[str, str]] = []
        for child in reversed(self.children):
            lines.append((child.path, child.state))
            if child.sup is not None and child.state == "running":
                lines += child.sup.picture()
        return lines
