"""Logs of an embedded Mocha: they go where the host's go, and its configuration stays as it is.

Where the host has set structlog up, Mocha's events pass its processors like its own. Where it has not, structlog would print them to standard output;
then they go to the standard ``logging`` instead, as lines of the logger ``mocha_actors``, whose level and handlers are the host's affair. The host's
own use of structlog's defaults is left alone: only loggers asked for inside of this package are redirected.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

from mocha_actors.logs import redact_keys, redact_text

PACKAGE: Final = "mocha_actors"
LOGGER: Final = logging.getLogger(PACKAGE)


def adopt_logging() -> None:
    """Send what Mocha logs to the standard logging, unless the host has set structlog up. May be called again."""
    if structlog.is_configured():
        return
    config = structlog.get_config()
    structlog.configure(
        processors=[_Processors(config["processors"])],
        logger_factory=_Factory(config["logger_factory"]),
    )


class _Factory:
    """Makes the standard logger for callers inside this package, and for everybody else what there was before."""

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(self, *args: Any) -> Any:
        return _Standard() if _caller() == PACKAGE else self._before(*args)


class _Processors:
    """Renders for the standard logger what is to go there, and passes everything else through the processors that there were before."""

    def __init__(self, before: list[Any]) -> None:
        self._before = before

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
        if isinstance(logger, _Standard):
            return ((redact_keys(logger, method, event),), {})
        result: Any = event
        for processor in self._before:
            result = processor(logger, method, result)
        return result


class _Standard:
    """Passes an event with its fields on as one line."""

    def __getattr__(self, method: str) -> Any:
        level = logging.getLevelNamesMapping().get(
            method.upper(), logging.ERROR if method == "exception" else logging.INFO
        )
        return lambda event: self._write(level, event)

    @staticmethod
    def _write(level: int, event: MutableMapping[str, Any]) -> None:
        if LOGGER.isEnabledFor(level):
            name, exc_info = event.pop("event", ""), event.pop("exc_info", None)
            fields = " ".join(f"{key}={value!r}" for key, value in event.items())
            line = redact_text(f"{name} {fields}".rstrip())
            LOGGER.log(level, line, exc_info=exc_info)


def _caller() -> str:
    """The top package of whoever logs: the first frame outside of structlog and of this module."""
    frame: Any = sys._getframe()  # noqa: SLF001 - as structlog's own factory for standard loggers does
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name != __name__ and name.split(".")[0] != "structlog":
            return str(name.split(".")[0])
        frame = frame.f_back
    return ""
