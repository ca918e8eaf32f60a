"""Runtime events as structlog lines: `open_supervisor(spec, on_event=StructlogHook())`.

The only module of the runtime that needs structlog, and only once a hook is made.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from mocha_actors.runtime.events import Event

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

WARNINGS: Final = frozenset({
    "child.exited", "child.restarting", "child.parked", "child.stuck", "supervisor.escalated", "mailbox.overflow", "message.dead",
    "message.poison", "message.slow", "ask.timeout", "breaker.opened",
})  # fmt: skip
"""What an operator should see; everything else is logged at debug level."""

EXPECTED: Final = frozenset({"stopped", "exited", "ignored"})
"""Outcomes with which the end of a child is nothing to warn of."""


class StructlogHook:
    """An event hook that writes each event as a line with its name, path, incarnation and fields.

    The error of a failed child comes with its traceback; fields that are None are left out.
    """

    def __init__(self, logger: FilteringBoundLogger | None = None) -> None:
        """Write to this logger; to `structlog.get_logger()` when there is none."""
        import structlog  # noqa: PLC0415 - the runtime must not need it

        self._logger: FilteringBoundLogger = logger or structlog.get_logger()

    def __call__(self, event: Event) -> None:
        """Write one line."""
        fields = {name: value for name, value in event.fields.items() if value is not None and name != "exception"}
        self._logger.log(
            level_of(event),
            event.name,
            path=event.path,
            incarnation=event.incarnation,
            exc_info=event.fields.get("exception"),
            **fields,
        )


def level_of(event: Event) -> int:
    """The level of `logging` that an event deserves."""
    expected = event.fields.get("outcome") in EXPECTED
    return logging.WARNING if event.name in WARNINGS and not expected else logging.DEBUG
