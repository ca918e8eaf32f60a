"""Refs: the addresses of actors, and what may be said to an address.

A ref is made before its actor, outlives every incarnation of it, and is the only thing that others hold of it.
"""

from __future__ import annotations

from contextvars import ContextVar
from math import inf
from typing import Any, Generic, TypeVar

import trio

from mocha_actors.runtime.deadlines import current_deadlines
from mocha_actors.runtime.envelope import Answer
from mocha_actors.runtime.errors import AskTimeout, SelfAsk, WaitsForItself
from mocha_actors.runtime.events import Journal
from mocha_actors.runtime.inbox import Inbox
from mocha_actors.runtime.mailbox import Mailbox

M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)
Q = TypeVar("Q")
Q_co = TypeVar("Q_co", covariant=True)

DEFAULT_MAILBOX = Mailbox(1000)


class Request(Generic[Q_co]):
    """Base of the messages that are asked; its parameter is the type of the answer.

    ```python
    @dataclass(frozen=True, slots=True)
    class TopMembers(Request[list[MemberCount]]):
        guild_id: int
    ```
    """

    __slots__ = ()


class Caller:
    """The actor on whose behalf the current task runs, found through a context variable.

    Attributes:
        inbox: The actor's own mailbox.
        journal: The events of its tree.
        task: The task of its incarnation; other tasks may act on its behalf, too. None until that has begun.
        serves: Whether that task handles the messages one by one, so that nobody receives while it waits.
    """

    __slots__ = ("inbox", "journal", "serves", "task")

    def __init__(self, inbox: Inbox, journal: Journal) -> None:
        self.inbox = inbox
        self.journal = journal
        self.task: trio.lowlevel.Task | None = None
        self.serves = False


CALLER: ContextVar[Caller | None] = ContextVar("mocha_actors_caller", default=None)

DEADLINE: ContextVar[float] = ContextVar("mocha_actors_deadline", default=inf)
"""When the asker of the request gives up that the current task handles, or was started to handle; infinite otherwise."""


def acting_actor(journal: Journal) -> str | None:
    """The path of the actor of this tree whose own task this is; None if it is no actor's."""
    caller = CALLER.get()
    if caller is None or caller.journal is not journal or caller.task is not trio.lowlevel.current_task():
        return None
    return caller.inbox.path


class ActorRef(Generic[M_contra]):
    """The address of an actor that takes messages of type `M_contra`."""

    __slots__ = ("_inbox", "name")

    def __init__(self, name: str, inbox: Inbox) -> None:
        self.name = name
        self._inbox = inbox

    def __repr__(self) -> str:
        return f"<ActorRef {self.path}>"

    @property
    def path(self) -> str:
        """Where the actor is in its tree, such as `mocha/gateway/shard-0`; the name until there is a tree."""
        return self._inbox.path

    async def tell(self, message: M_contra) -> None:
        """Send a message; wait, drop or raise at the limit, as the mailbox says.

        It never raises because the receiver is dead or being restarted: a stopped actor's messages are dead letters.

        Raises:
            MailboxFull: The mailbox is full and its policy is `Overflow.FAIL`.
            WaitsForItself: The mailbox is full, and its actor itself would wait for room while it handles a message.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        inbox = self._inbox
        envelope = inbox.envelope(message)
        if not inbox.offer(envelope):
            _check_who_waits(inbox)
            await inbox.post(envelope)

    def tell_nowait(self, message: M_contra) -> bool:
        """Send a message without waiting; False if it was refused, which is counted and makes a dead letter."""
        inbox = self._inbox
        envelope = inbox.envelope(message)
        return inbox.offer(envelope) or inbox.post_nowait(envelope)

    async def ask(self, request: Request[Q], *, timeout: float) -> Q:  # noqa: ASYNC109 - part of the message, see below
        """Send a request and wait for its answer.

        The timeout becomes a deadline that travels with the request: an expired request is not handled, and asks made
        while a request is handled end no later than that request.

        Args:
            request: The request; its class says what type the answer has.
            timeout: Seconds until `AskTimeout`.

        Raises:
            ActorDead: The actor is or was stopped before it answered.
            ActorFailed: Its handler raised; the error is the cause.
            AskTimeout: There was no answer in time.
            MailboxFull: The mailbox dropped the request.
            SelfAsk: An actor asked itself.
        """
        caller = CALLER.get()
        if caller is not None and caller.inbox is self._inbox:
            raise SelfAsk(self.path)
        began = trio.current_time()
        answer = Answer(min(began + timeout, DEADLINE.get()))
        try:
            envelope = self._inbox.envelope(request, answer)
            if self._inbox.offer(envelope):
                current_deadlines().add(answer)
                await answer.wait()
            else:
                with trio.move_on_at(answer.deadline):
                    await self._inbox.post(envelope)
                    await answer.wait()
        finally:
            answer.abandoned = not answer.settled
        if answer.abandoned:
            raise self._timed_out(request, answer.deadline - began)
        return answer.result()  # type: ignore[no-any-return]

    def _timed_out(self, request: object, seconds: float) -> AskTimeout:
        name = type(request).__name__
        if self._inbox.letters is not None:
            self._inbox.letters.ask_timed_out(self.path, self._inbox.incarnation, message_type=name, timeout=seconds)
        return AskTimeout(self.path, name, seconds)


def _check_who_waits(inbox: Inbox) -> None:
    caller = CALLER.get()
    if caller is None or caller.inbox is not inbox or not inbox.blocks:
        return
    if caller.serves and caller.task is trio.lowlevel.current_task():
        raise WaitsForItself(inbox.path, "waits for room in its own mailbox", "use tell_nowait, or a larger capacity")


def new_ref(name: str, mailbox: Mailbox = DEFAULT_MAILBOX) -> ActorRef[Any]:
    """Make an address with its live mailbox, before there is an actor or a tree.

    Give it to those who will send to it, and to the `ChildSpec` of its actor. Annotate the variable to have messages
    type-checked: `writer: ActorRef[Batch] = new_ref("writer")`.
    """
    return ActorRef(name, Inbox(name, mailbox))


def inbox_of(ref: ActorRef[Any]) -> Inbox:
    """The queue behind a ref, for the runtime itself."""
    return ref._inbox  # noqa: SLF001 - the one place
