"""Mocha: statistics for Discord servers whose numbers are right.

The names below are loaded when they are first used (PEP 562), so that importing a subpackage, such as :mod:`mocha_actors.runtime`, brings in
no other.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mocha_actors.client import StatsClient
    from mocha_actors.config import Config, Secret, load
    from mocha_actors.errors import (
        ConfigError,
        DataError,
        FencedOutError,
        MochaError,
        PermanentError,
        SystemFailure,
        TransientError,
    )
    from mocha_actors.questions import open_questions

__version__ = "0.1.0"

_HOMES = {
    "StatsClient": "client",
    "Config": "config",
    "Secret": "config",
    "load": "config",
    "ConfigError": "errors",
    "DataError": "errors",
    "FencedOutError": "errors",
    "MochaError": "errors",
    "PermanentError": "errors",
    "SystemFailure": "errors",
    "TransientError": "errors",
    "open_questions": "questions",
}

__all__ = [
    "Config",
    "ConfigError",
    "DataError",
    "FencedOutError",
    "MochaError",
    "PermanentError",
    "Secret",
    "StatsClient",
    "SystemFailure",
    "TransientError",
    "load",
    "open_questions",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
