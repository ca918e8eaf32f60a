"""Structured events: what the runtime tells the world about itself.

One hook receives every event. It is called synchronously between two steps of the runtime, so it must be quick (write
a log line, bump a counter, put into a queue); what it raises is logged once and otherwise ignored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

import trio

logger = logging.getLogger("mocha_actors.runtime")

EVENT_NAMES: Final = frozenset(
    {
        "child.started",
        "child.exited",
        "child.restarting",
        "child.parked",
        "child.stopped",
        "child.stuck",
        "supervisor.escalated",
        "supervisor.stopped",
        "mailbox.overflow",
        "message.dead",
        "message.poison",
        "message.slow",
        "ask.timeout",
        "breaker.opened",
        "breaker.half_opened",
        "breaker.closed",
        "shutdown.phase",
    }
)
"""The events of the runtime itself; actors add their own with `Context.emit`."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the tree.

    Attributes:
        name: A stable dotted name, one of `EVENT_NAMES` or an actor's own.
        path: Where: the path of the actor or supervisor, or the name of the breaker.
        at: When, by the clock of trio, in seconds.
        incarnation: Which incarnation of the actor, counted from 0; None where there is none.
        fields: Further facts. Messages appear by type only, never by content.
    """

    name: str
    path: str
    at: float
    incarnation: int | None
    fields: Mapping[str, object]


EventHook: TypeAlias = Callable[[Event], None]


_WORTH_A_LINE = frozenset(
    {"child.parked", "child.stuck", "mailbox.overflow", "message.dead", "message.poison", "message.slow"}
)


def log_event(event: Event) -> None:
    """The hook of a tree that was given none: failures become lines of the standard `logging`, so none is invisible."""
    error = event.fields.get("exception")
    if isinstance(error, BaseException) or event.name in _WORTH_A_LINE:
        text = ", ".join(f"{key}={value}" for key, value in event.fields.items() if key != "exception")
        exc_info = error if isinstance(error, BaseException) else None
        logger.warning("%s %s#%s: %s", event.name, event.path, event.incarnation, text, exc_info=exc_info)


class Journal:
    """Hands events to the hook and keeps the hook's own failures away from the runtime."""

    def __init__(self, hook: EventHook | None) -> None:
        self._hook = hook
        self._hook_failed = False

    def emit(self, name: str, path: str, incarnation: int | None = None, /, **fields: object) -> None:
        """Publish an event that happens now."""
        if self._hook is None:
            return
        event = Event(name, path, trio.current_time(), incarnation, MappingProxyType(fields))
        try:
            self._hook(event)
        except Exception:
            if not self._hook_failed:
                self._hook_failed = True
                logger.exception("the event hook raised on %s; further failures of it are not reported", name)
