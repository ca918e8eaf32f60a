"""Logs: the two styles, and that no secret gets into them."""

from __future__ import annotations

import io
import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from mocha_actors import logs
from mocha_actors.errors import ConfigError


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    logs.close()
    structlog.reset_defaults()
    logs._secrets.clear()


def test_a_json_line_is_one_object_with_event_level_time_and_fields() -> None:
    """The json style is for machines: an object a line, fields as they are."""
    stream = io.StringIO()
    logs.configure("json", stream=stream)

    structlog.get_logger().info("shard.ready", shard=0, guilds=3)

    line = json.loads(stream.getvalue())
    assert {"event": "shard.ready", "level": "info", "shard": 0, "guilds": 3} == {
        k: v for k, v in line.items() if k != "timestamp"
    }
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_secret_reaches_a_line_by_name_or_by_value(style: str) -> None:
    """Fields with a secret's name are replaced, and a registered secret is taken out wherever it stands, tracebacks included."""
    stream = io.StringIO()
    logs.configure(style, "debug", stream=stream)  # type: ignore[arg-type]
    logs.add_secret("tok.en.value")

    fields = {"session_id": "abc123", "nested": {"token": "inner"}, "url": "wss://x/?t=tok.en.value"}
    try:
        message = "refused tok.en.value"
        raise ValueError(message)
    except ValueError:
        structlog.get_logger().exception("shard.fatal", **fields)

    assert [] == [secret for secret in ("tok.en.value", "abc123", "inner") if secret in stream.getvalue()]
    assert "refused <secret>" in stream.getvalue()


def test_lines_below_the_level_are_not_written() -> None:
    """The level of the configuration is the least that is written."""
    stream = io.StringIO()
    logs.configure("json", "warning", stream=stream)

    structlog.get_logger().info("shard.ready")

    assert "" == stream.getvalue()


def test_a_log_file_is_appended_to_and_private(tmp_path: Path) -> None:
    """The file is made with its folder, mode 0600, and a second start appends."""
    file = tmp_path / "logs" / "mocha.log"
    for _ in range(2):
        logs.configure("json", file=str(file))
        structlog.get_logger().info("service.started")

    assert 2 == len(file.read_text().splitlines())
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)


def test_a_log_file_that_cannot_be_opened_is_a_clear_error(tmp_path: Path) -> None:
    """The error names the option and the file."""
    with pytest.raises(ConfigError, match=r"logging\.file: cannot write .*: Is a directory"):
        logs.configure(file=str(tmp_path))


def test_unlisted_finds_the_names_that_the_list_does_not_have() -> None:
    """A name that nobody described is found."""
    assert {"shard.reddy"} == logs.unlisted(["shard.ready", "shard.reddy"])


def test_a_secret_too_short_to_protect_anything_does_not_spoil_the_lines() -> None:
    """A token of one letter would take that letter out of every word."""
    stream = io.StringIO()
    logs.configure("json", stream=stream)
    logs.add_secret("t")

    structlog.get_logger().info("shard.connecting")

    assert "shard.connecting" in stream.getvalue()


def test_what_the_runtime_says_by_standard_logging_is_a_line_like_any_other() -> None:
    """The watchdog's report of a hanging actor is in the structured log, and nowhere else."""
    stream = io.StringIO()
    logs.configure("json", stream=stream)

    logging.getLogger("mocha_actors.runtime").error("%s has not reached a checkpoint", "mocha/writer")

    line = json.loads(stream.getvalue())
    assert ("runtime.report", "error", "mocha/writer has not reached a checkpoint") == (
        line["event"],
        line["level"],
        line["text"],
    )
