"""The example in the docstring of `mocha_actors.simulator` does what it says."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import mocha_actors.simulator

REPOSITORY = Path(__file__).parents[2]

MY_BOT = """
import sys
import discord, yarl

discord.http.Route.BASE = sys.argv[1]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(sys.argv[1]).with_scheme("ws").with_path("/")
discord.Client(intents=discord.Intents.default()).run("simulator", log_handler=None)
"""


def example() -> str:
    """Return the code of the docstring."""
    text = mocha_actors.simulator.__doc__ or ""
    block = text.partition("::\n")[2].partition("\nThe token")[0]
    return textwrap.dedent(block)


@pytest.mark.parametrize(("expected", "status"), [("== 1", 0), ("== 2", 1)], ids=["as it is", "expecting nonsense"])
def test_the_example_runs(expected: str, status: int, tmp_path: Path) -> None:
    """With a real bot it passes, and it fails if the bot does something else than what it asserts."""
    pytest.importorskip("discord", reason="discord.py is not installed; it belongs to the extra `dev`")
    (tmp_path / "my_bot.py").write_text(MY_BOT)
    code = example()
    assert code.count("== 1") == 1
    result = subprocess.run(
        [sys.executable, "-c", code.replace("== 1", expected)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == status, result.stderr
    assert ("AssertionError" in result.stderr) is (status == 1)


def fixtures() -> str:
    """Return the code of the docstring that is a file of tests."""
    text = mocha_actors.simulator.__doc__ or ""
    block = text.partition("::\n")[2].partition("::\n")[2].partition("\nSlash commands")[0]
    return textwrap.dedent(block)


def test_the_fixture_serves_bots_of_both_libraries(tmp_path: Path) -> None:
    """The tests of the docstring pass as they stand there."""
    for library in ("discord", "hikari"):
        pytest.importorskip(library, reason=f"{library} is not installed; it belongs to the extra `dev`")
    (tmp_path / "test_bots.py").write_text(fixtures())
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:trio",
            "-W",
            "ignore",
            "test_bots.py",
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 passed" in result.stdout
