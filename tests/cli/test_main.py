"""``mocha``: lazy subcommands, and errors that are one line with the right exit code."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mocha_actors.cli.main import COMMANDS, LazyGroup, main, mocha
from mocha_actors.errors import ConfigError, DataError, FencedOutError, MochaError, SystemFailure, TransientError
from tests.db.builders import message as fact
from tests.db.builders import open_session
from tests.privacy.recorded import record

HEAVY = (
    "pony",
    "trio",
    "trio_websocket",
    "rich",
    "httpx",
    "msgspec",
    "mocha_actors.db",
    "mocha_actors.stats",
    "mocha_actors.simulator",
)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=60)


def failing(error: Exception) -> LazyGroup:
    """A ``mocha`` whose subcommand ``fail`` raises ``error``."""

    class Failing(LazyGroup):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            def fail() -> None:
                raise error

            return click.Command(cmd_name, callback=fail)

    return Failing("mocha")


def test_help_lists_the_subcommands() -> None:
    """Each with a sentence."""
    result = CliRunner().invoke(mocha, ["--help"])

    assert result.exit_code == 0
    assert [
        name for name, text in COMMANDS.items() if name not in result.stdout or text[:30] not in result.stdout
    ] == []


@pytest.mark.parametrize(("arguments", "shown"), [(["--help"], "verify"), (["query", "--help"], "leaderboard")])
def test_help_imports_neither_database_nor_discord_parts(arguments: list[str], shown: str) -> None:
    """In a fresh interpreter, so that it is there at once."""
    program = (
        "import sys, contextlib, io\n"
        "from mocha_actors.cli.main import mocha\n"
        "with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):\n"
        f"    mocha({arguments!r}, prog_name='mocha')\n"
        f"assert {shown!r} in out.getvalue()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    result = python("-c", program)

    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_the_package_runs_as_a_module() -> None:
    """``python -m mocha_actors`` is ``mocha``, also in what it calls itself."""
    result = python("-m", "mocha_actors", "--help")

    assert result.returncode == 0
    assert "Usage: mocha [OPTIONS] COMMAND" in result.stdout


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_subcommand_that_is_listed_exists(name: str) -> None:
    """Its module holds a command, which explains itself."""
    result = CliRunner().invoke(mocha, [name, "--help"])

    assert (result.exit_code, result.stderr) == (0, "")
    assert "Usage: mocha" in result.stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("the text"), 2), (FencedOutError("the text"), 3), (TransientError("the text"), 1),
        (DataError("the text"), 1), (SystemFailure("the text"), 1), (click.ClickException("the text"), 1),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_its_category_the_exit_code(error: MochaError, code: int) -> None:
    """2 for configuration, 3 for a process that was fenced out, else 1; no traceback."""
    result = CliRunner().invoke(failing(error), ["fail"])

    assert (result.exit_code, result.stdout, result.stderr) == (code, "", "mocha: the text\n")


def test_a_defect_is_no_users_mistake_and_keeps_its_traceback() -> None:
    """What is not Mocha's error is not hidden."""
    result = CliRunner().invoke(failing(ZeroDivisionError("a bug")), ["fail"])

    assert isinstance(result.exception, ZeroDivisionError)


@pytest.mark.parametrize("arguments", [["tea"], ["--tea"]])
def test_an_unknown_name_is_one_line_that_points_to_the_help(arguments: list[str]) -> None:
    """Exit code 2."""
    result = CliRunner().invoke(mocha, arguments)

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "tea" in result.stderr
    assert "(see mocha --help)" in result.stderr


def test_without_arguments_the_help_is_shown() -> None:
    """It is the answer to the question what there is."""
    result = CliRunner().invoke(mocha, [])

    assert "Usage: mocha" in result.output
    assert "query" in result.output


def test_output_in_a_poor_encoding_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ASCII does not have is a question mark."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "argv", ["mocha", "--help"])
    with pytest.raises(SystemExit):
        main()
    print("☃ 1", file=output, flush=True)

    assert output.buffer.getvalue().endswith(b"? 1\n")  # type: ignore[attr-defined]  # a BytesIO


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_as_one_that_nobody_reads(tmp_path: Path, closed: str) -> None:
    """No traceback, whether the command prints, fails or asks."""
    with open_session(f"sqlite:///{tmp_path}/mocha.db") as session:
        record(session, iter([fact()]))
    found = [
        shell(f"{command} {closed}", tmp_path)
        for command in (
            "audit --database mocha.db", "query leaderboard --database mocha.db", "query leaderboard --database nope.db",
            "forget --user 5 --database mocha.db",
        )
    ]  # fmt: skip

    assert [0, 0, 1, 1] == [result.returncode for result in found]
    assert [] == [result.stderr for result in found if "Traceback" in result.stderr]


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``mocha`` by a shell in a folder; the package is found as it is here."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    line = f"{shlex.quote(sys.executable)} -m mocha_actors {command}"
    return subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False, timeout=60, cwd=folder, env=environment)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One with a database, ``mocha.db``."""
    with open_session(f"sqlite:///{tmp_path}/mocha.db") as session:
        record(session, iter([fact()]))
    return tmp_path


NOWHERE = "cannot be written: No such file or directory\n"


@pytest.mark.parametrize(
    "command",
    ["backup {}", "export messages --out {}", "query heatmap --png {}", "user-data --user 5 --out {}", "user-data --user 5 --csv {}"],
)  # fmt: skip
def test_a_file_that_cannot_be_made_is_named(folder: Path, command: str) -> None:
    """By each command that writes one, in the same words; it is wrong usage."""
    file = folder / "nowhere" / "x.png"
    result = CliRunner().invoke(mocha, [*command.format(file).split(), "--database", str(folder / "mocha.db")])

    assert (2, f"mocha: {file} {NOWHERE}") == (result.exit_code, result.output)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
@pytest.mark.parametrize("command", ["query guild", "query guild --csv", "audit --json", "export messages"])
def test_an_output_that_is_full_is_named(folder: Path, command: str) -> None:
    """It is no mistake of the command line."""
    result = shell(f"{command} --database mocha.db >/dev/full", folder)

    assert (1, "mocha: standard output cannot be written: No space left on device\n") == (result.returncode, result.stderr)  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
def test_a_disk_that_is_full_is_named_with_the_file(folder: Path) -> None:
    """What was opened, and then cannot be written."""
    (folder / "chart.png").symlink_to("/dev/full")
    result = shell("query heatmap --png chart.png --database mocha.db", folder)

    assert (1, "mocha: chart.png cannot be written: No space left on device\n") == (result.returncode, result.stderr)  # fmt: skip
