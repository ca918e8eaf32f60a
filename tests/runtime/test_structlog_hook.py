from __future__ import annotations

import logging
import subprocess
import sys

import pytest
import structlog.testing

from mocha_actors.runtime import Event, SupervisorSpec, open_supervisor
from mocha_actors.runtime.structlog_hook import StructlogHook, level_of

from .toys import Boom, child, settle


async def test_each_event_is_a_line_with_its_name_place_and_fields() -> None:
    """A crash brings its error, its message's type and its traceback; fields without a value are left out."""
    with structlog.testing.capture_logs() as lines:
        async with open_supervisor(SupervisorSpec(children=(child("a"),)), on_event=StructlogHook()) as supervisor:
            await supervisor.ref("a").tell(error := Boom("secret of life"))
            await settle()
    (crash,) = [line for line in lines if line["event"] == "child.exited" and line["outcome"] == "failed"]
    assert ("mocha/a", 0, "Boom", "warning") == (
        crash["path"],
        crash["incarnation"],
        crash["error_type"],
        crash["log_level"],
    )
    assert (error, "Boom") == (crash["exc_info"], crash["message_type"])
    assert all(
        value is not None for line in lines for key, value in line.items() if key not in {"exc_info", "incarnation"}
    )
    assert {"child.started", "child.exited", "child.restarting", "child.stopped"} <= {line["event"] for line in lines}


@pytest.mark.parametrize(
    ("name", "fields", "level"),
    [
        ("child.exited", {"outcome": "failed"}, logging.WARNING),
        ("child.exited", {"outcome": "killed"}, logging.WARNING),
        ("child.exited", {"outcome": "stopped"}, logging.DEBUG),
        ("child.started", {}, logging.DEBUG),
        ("breaker.opened", {}, logging.WARNING),
        ("an.actors.own", {}, logging.DEBUG),
    ],
)
def test_what_an_operator_should_see_is_a_warning(name: str, fields: dict[str, object], level: int) -> None:
    """Orderly ends are not."""
    assert level == level_of(Event(name, "mocha/a", 0.0, 0, fields))


def test_structlog_is_loaded_only_when_a_hook_is_made() -> None:
    """Importing the adapter costs nothing to those who do not use it."""
    code = "import sys, mocha_actors.runtime.structlog_hook; sys.exit('structlog' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
