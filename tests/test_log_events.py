"""The list of log events: the program logs what is listed, and what is listed is logged."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from mocha_actors import logs
from mocha_actors.runtime import EVENT_NAMES

PACKAGE = Path(logs.__file__).parent
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}


def logged(tree: ast.AST) -> Iterator[str]:
    """Names of events in calls such as ``logger.info("a.b", …)`` and ``Log("a.b", …)``."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        position = {"log": 1, "Log": 0}.get(called, 0 if called in METHODS else None)
        name = node.args[position] if position is not None and len(node.args) > position else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value


def events_of_the_program() -> set[str]:
    """Every event name in the package's code, those of the runtime included; the runtime itself logs plain text."""
    files = [
        path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in {"runtime", "simulator"}
    ]
    return {name for path in files for name in logged(ast.parse(path.read_text()))} | set(EVENT_NAMES)


def test_the_program_logs_no_event_that_is_not_listed() -> None:
    """A name that nobody described would be useless to whoever reads the logs."""
    assert set() == logs.unlisted(events_of_the_program())


def test_every_event_that_is_listed_is_logged_somewhere() -> None:
    """A list that promises more than the program does misleads."""
    assert set() == set(logs.EVENTS) - events_of_the_program()
