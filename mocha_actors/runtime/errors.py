"""What goes wrong in the runtime, one class per situation.

Every error derives from `ActorError`, except the two that an actor raises to *tell* its supervisor something:
`RestartNow` and `StartIgnored`.
"""

from __future__ import annotations

from typing import Final, Literal

LONGEST_TEXT: Final = 1000
"""How many characters of an error's text are kept and told; its traceback has all of it."""

ChildErrorReason = Literal["already_started", "already_present", "running", "restarting", "not_found", "max_children"]

_CHILD_ERROR_TEXTS: dict[ChildErrorReason, str] = {
    "already_started": "is already running",
    "already_present": "is already known but not running; use restart_child, or delete_child first",
    "running": "is running; stop it with terminate_child first",
    "restarting": "is being restarted; stop it with terminate_child first",
    "not_found": "is not known",
    "max_children": "has as many children as its max_children allows",
}


def text_of(error: BaseException) -> str:
    """What an error says, within bounds; also of one whose own text raises."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a report of a failure must not fail
        return "<its text cannot be had>"
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


class ActorError(Exception):
    """Base of the errors that the runtime raises to its users."""


class AskTimeout(ActorError):
    """No answer came before the deadline of an `ask`; the request may still be handled."""

    def __init__(self, path: str, request: str, seconds: float) -> None:
        super().__init__(f"{path} did not answer {request} within {seconds:g} s")


class ActorDead(ActorError):
    """The actor was stopped before it answered, or the tree it belongs to is down."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is stopped")


class RuntimeClosed(ActorError):
    """The runtime behind a bridge is closed, or is being closed, and takes nothing more."""

    def __init__(self) -> None:
        super().__init__("the actor runtime is closed")


class ActorFailed(ActorError):
    """The handler of an `ask` raised; the original exception is the `__cause__`."""

    def __init__(self, path: str, request: str) -> None:
        super().__init__(f"{path} failed while it handled {request}")


class UnhandledMessage(ActorError):
    """Raised by a handler that does not know this message: the sender's mistake, so the actor goes on.

    An `ask` is answered with `ActorFailed` caused by this; a `tell` becomes a dead letter with the reason `unhandled`.
    """

    def __init__(self, message: object) -> None:
        super().__init__(f"no handler for a message of type {type(message).__name__}")


class WaitsForItself(ActorError):
    """An actor was about to wait for what cannot happen while it waits; the wait is refused instead of never ending.

    That is: for room in its own mailbox, for its own end or that of its tree, or, while it starts, for its supervisor,
    which waits for that start.
    """

    def __init__(self, path: str, wait: str, instead: str) -> None:
        super().__init__(f"{path} {wait}, which cannot happen while it waits; {instead}")


class SelfAsk(WaitsForItself):
    """An actor asked itself. It would wait for an answer that only it can give, so the ask is refused."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "asked itself for an answer", "call the method instead")


class MailboxFull(ActorError):
    """The mailbox refused or evicted a message whose sender waits to know."""

    def __init__(self, path: str, capacity: int) -> None:
        super().__init__(f"the mailbox of {path} is full (capacity {capacity})")


class CircuitOpen(ActorError):
    """A circuit breaker rejected a call without trying it.

    Attributes:
        retry_after: Seconds until the breaker admits a probe; 0 when probes are under way already.
    """

    def __init__(self, name: str, retry_after: float) -> None:
        super().__init__(f"circuit {name} is open; next attempt in {retry_after:.3g} s")
        self.retry_after = retry_after


class RestartLimitExceeded(ActorError):
    """A supervisor gave up; the last child's error is the `__cause__`.

    Unlike OTP, where a supervisor that gives up exits with the reason `shutdown`, this is an abnormal exit for the
    parent: a transient sub-supervisor is restarted, too.
    """

    def __init__(self, path: str, child: str, limit: str) -> None:
        super().__init__(f"{path} gave up: {child} exceeded {limit}")
        self.path = path
        self.child = child


class FatalChildError(ActorError):
    """A supervisor gave up because a child failed with an error that its spec declares `fatal`: the `__cause__`.

    It passes all the way up: every supervisor above gives up, too, whatever its budget. At the top the cause chain
    leads through one such error for each level to the failure itself.

    Attributes:
        path: The supervisor that gave up.
        child: Its child that failed.
    """

    def __init__(self, path: str, child: str, error: BaseException) -> None:
        super().__init__(
            f"{path} gave up: {child} failed with {type(error).__name__}, which is fatal: {text_of(error)}"
        )
        self.path = path
        self.child = child


class StartFailed(ActorError):
    """A child did not start when its supervisor started (or in `start_child`); the reason is the `__cause__`."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} did not start")
        self.path = path


class ChildError(ActorError):
    """A run-time operation does not fit the state of the child.

    Attributes:
        reason: `already_started`, `already_present`, `running`, `restarting`, `not_found` or `max_children`, as in OTP.
    """

    def __init__(self, path: str, reason: ChildErrorReason) -> None:
        super().__init__(f"{path} {_CHILD_ERROR_TEXTS[reason]}")
        self.path = path
        self.reason = reason


class SpecError(ActorError, ValueError):
    """A specification is wrong; the text names the field, what was found and what is allowed."""


class RestartNow(Exception):
    """Raised by an actor to say: the message in hand did this, and I bound my restarts myself.

    The supervisor restarts the child at once: without back-off, and without spending the restart intensity or the
    consecutive-failure limit. The message in hand is treated as at any crash. Without one, as in `on_start`, it is an
    ordinary failure: nothing would bound how often it happens.
    """

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"{type(cause).__name__}: {text_of(cause)}")
        self.__cause__ = cause


class StartIgnored(Exception):
    """Raised by `on_start` to say: there is nothing to do for me here.

    The child stays known without running (a temporary child is forgotten), and the next one is started.
    """
