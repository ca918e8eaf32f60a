"""The README: every command in it is run, in order, in one fresh folder, as a stranger would."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import trio

from mocha_actors.simulator.server import open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.stats.coverage import STALE_MS
from tests.end_to_end.harness import until

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ENDLESS = {"scripts/run", ".venv/bin/mocha-run config/bot.toml"}
"""Commands that run until a signal."""

TOKEN = "readme.test.token"


def commands() -> list[str]:
    """The commands of the console blocks, in order."""
    blocks = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_the_pictures_are_those_that_the_readme_shows() -> None:
    """None is missing, and none is left over; `scripts/pictures` makes them."""
    shown = re.findall(r"^!\[.+?\]\((.+?)\)$", README, re.MULTILINE)

    assert sorted(shown) == sorted(f".pictures/{path.name}" for path in (ROOT / ".pictures").iterdir())


def test_up_to_when_an_open_session_counts_is_said_as_it_is() -> None:
    """An answer just after a crash has up to so much that nobody saw."""
    assert f"while the last sign of life is no older than {STALE_MS // 1000} s" in README


@contextmanager
def stranger(folder: Path, api_url: str) -> Iterator[dict[str, str]]:
    """The environment of somebody without any settings; a bot of theirs connects to the simulator, since tests use no network."""
    (folder / "config").symlink_to(ROOT / "config")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MOCHA_", "DISCORD_"))}
    yield clean | {"MOCHA_DISCORD__API_URL": api_url, "COLUMNS": "80", "PWD": str(folder)}


def arguments(command: str) -> list[str]:
    """The command line with our own scripts and programs by their absolute paths."""
    first, *rest = shlex.split(command)
    return [str(ROOT / first) if first.startswith(("scripts/", ".venv/")) else first, *rest]


def position(database: Path) -> tuple[str, int]:
    """The session in a database that a service may be making right now, and how many of its events are recorded; none while it loads a past."""
    if database.exists():
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            with suppress(sqlite3.OperationalError):
                found = connection.execute("SELECT session_id, seq FROM gateway_sessions WHERE resume_url IS NOT NULL")
                return next(found, ("", 0))
    return "", 0


def recorded(database: Path, before: tuple[str, int]) -> bool:
    """Whether a hundred events came since."""
    session, seq = position(database)
    return seq > 100 + (before[1] if session == before[0] else 0)


async def run_endless(command: str, database: Path, environment: dict[str, str]) -> None:
    """Start it, wait until it has recorded something, interrupt it, and expect a clean end."""
    before = position(database)
    with subprocess.Popen(
        arguments(command), cwd=environment["PWD"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            await until(lambda: recorded(database, before), f"{command} records")
            process.send_signal(signal.SIGINT)
            output, _ = await trio.to_thread.run_sync(process.communicate)
        finally:
            process.kill()
    assert process.returncode == 0, output
    assert b"committed" in output


async def test_every_command_of_the_readme_does_what_it_says(tmp_path: Path) -> None:
    """Each ends with exit 0; the endless ones after Ctrl-C. `scripts/test` is what runs this test, so it is only looked up."""
    settings = SimulatorSettings(token=TOKEN, rate=500, guilds=1)
    async with open_simulator(settings) as simulator:
        with stranger(tmp_path, simulator.api_url) as environment:
            for command in commands():
                if command.startswith("export "):
                    name, _ = command.removeprefix("export ").split("=")
                    environment[name] = TOKEN
                elif command == "scripts/test":
                    assert os.access(ROOT / command, os.X_OK)
                elif command in ENDLESS:
                    database = "data/demo/mocha.db" if command == "scripts/run" else "data/mocha.db"
                    await run_endless(command, tmp_path / database, environment)
                else:
                    done = await trio.run_process(
                        arguments(command),
                        cwd=tmp_path,
                        env=environment,
                        capture_stdout=True,
                        capture_stderr=True,
                        check=False,
                    )
                    assert done.returncode == 0, f"{command}: {done.stdout!r} {done.stderr!r}"
    assert len(commands()) >= 9


async def test_the_ten_lines_record_and_answer(tmp_path: Path) -> None:
    """The program of the README, asking every second instead of every minute, prints messages of a guild."""
    program = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "bot.py").write_text(program.replace("trio.sleep(60)", "trio.sleep(1)"))
    async with open_simulator(SimulatorSettings(token=TOKEN, rate=500, guilds=1)) as simulator:
        with stranger(tmp_path, simulator.api_url) as environment:
            environment |= {"DISCORD_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1", "MOCHA_LOGGING__LEVEL": "error"}
            command = [sys.executable, "bot.py"]
            with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
                try:
                    assert process.stdout is not None
                    lines = iter(process.stdout.readline, "")
                    with trio.fail_after(60):
                        answer = await trio.to_thread.run_sync(
                            lambda: next(filter(is_answer, lines)), abandon_on_cancel=True
                        )
                finally:
                    process.kill()

    assert answer.startswith(simulator.world.guilds[0].name)


def is_answer(line: str) -> bool:
    """Whether a line of the program's output is a guild with messages, and not a log line."""
    return re.fullmatch(r"[\w ]+ [1-9]\d* [1-9]\d*\n", line) is not None


def test_every_file_that_the_readme_links_to_exists() -> None:
    """No dead link inside the project."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)

    assert [] == [link for link in links if not (ROOT / link).exists()]
