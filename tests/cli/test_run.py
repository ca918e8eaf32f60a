"""``mocha-run``: wrong configurations, tokens and surroundings are one line each, and leave nothing behind."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import structlog
import trio
from click.testing import CliRunner, Result

from mocha_actors import logs
from mocha_actors.cli.demo import INTENTS
from mocha_actors.cli.main import mocha
from mocha_actors.cli.run import command
from mocha_actors.db.address import database_path
from mocha_actors.db.ownership import Ownership
from mocha_actors.simulator.server import open_simulator
from mocha_actors.simulator.settings import SimulatorSettings

MINIMAL = '[database]\nurl = "sqlite:///mocha.db"\n[logging]\nlevel = "error"\n'


@pytest.fixture(autouse=True)
def _house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOCHA_CONFIG", raising=False)
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    yield
    logs.close()
    structlog.reset_defaults()
    logs._secrets.clear()


def run(*arguments: str, token: str | None = "a.b.c", **files: str) -> Result:
    """Run ``mocha-run`` in the current folder, with ``mocha.toml`` as given or minimal."""
    for name, text in files.items():
        Path(f"{name}.toml").write_text(text)
    environment = {} if token is None else {"DISCORD_TOKEN": token}
    return CliRunner(env=environment).invoke(command, list(arguments), prog_name="mocha-run")


def database_of_nonsense(folder: Path) -> dict[str, str]:
    """A file of that name that is no database."""
    (folder / "mocha.db").write_text("this is a diary and no database")
    return {"mocha": MINIMAL}


def database_under_a_file(folder: Path) -> dict[str, str]:
    """A folder that cannot be made, whoever asks (permissions would not stop root)."""
    (folder / "file").write_text("")
    return {"mocha": '[database]\nurl = "sqlite:///file/mocha.db"\n[logging]\nlevel = "error"\n'}


def newer_schema(folder: Path) -> dict[str, str]:
    """A database of a later version."""
    run("mocha.toml", "--seconds", "0.01", mocha=MINIMAL + '[discord]\napi_url = "http://127.0.0.1:9/"\n')
    with sqlite3.connect(folder / "mocha.db") as connection:
        connection.execute(
            "UPDATE schema_version SET version = 9999 WHERE version = (SELECT max(version) FROM schema_version)"
        )
    connection.close()
    return {"mocha": MINIMAL}


def text(content: str) -> Callable[[Path], dict[str, str]]:
    """A configuration with this content."""
    return lambda _: {"mocha": content}


@pytest.mark.parametrize(
    ("prepare", "exit_code", "parts"),
    [
        (text("[discrod]"), 2, ["mocha.toml", "discrod", "did you mean discord?"]),
        (text("[discord]\nshards = 'x'"), 2, ["mocha.toml", "discord.shards", "expected int", "'x'"]),
        (text("[discord]\nintents = ['GILDS']"), 2, ["discord.intents", "GILDS", "GUILDS"]),
        (text("[discord]\napi_url = 'http://discord.com'"), 2, ["mocha.toml", "discord.api_url", "loopback"]),
        (text("[database]\nurl = 'mysql://x'"), 2, ["database.url", "mysql://x", "sqlite:///"]),
        (text("[database]\nurl = 'postgresql://x'"), 2, ["database.url", "PostgreSQL"]),
        (text("[logging]\nfile = '/'"), 2, ["logging.file", "Is a directory"]),
        (database_of_nonsense, 1, ["mocha.db", "not an SQLite database"]),
        (database_under_a_file, 1, ["mocha.db", "Not a directory"]),
        (newer_schema, 1, ["schema version 9999", "use a newer Mocha"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_cannot_work_is_one_line_and_leaves_nothing_behind(
    prepare: Callable[[Path], dict[str, str]], exit_code: int, parts: list[str], tmp_path: Path
) -> None:
    """Exit 2 for the configuration, 1 for the surroundings; the line names what was found; no file is made."""
    files = prepare(tmp_path)
    (tmp_path / "mocha.toml").write_text(files["mocha"])
    before = sorted(tmp_path.rglob("*"))

    result = run("mocha.toml", **files)

    assert (exit_code, 1) == (result.exit_code, len(result.stderr.splitlines())), result.output
    assert [] == [part for part in parts if part not in result.stderr]
    assert before == sorted(tmp_path.rglob("*"))


def test_a_missing_token_says_where_to_put_it() -> None:
    """The line names the variable and the option, exit 2, and no database is made."""
    result = run("mocha.toml", token=None, mocha=MINIMAL)

    assert 2 == result.exit_code
    assert re.fullmatch(r"mocha: no bot token: .*DISCORD_TOKEN.*discord\.token_file.*\n", result.stderr)
    assert not Path("mocha.db").exists()


@pytest.mark.parametrize("option", ["--seconds", "--wait-owner"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "soon"])
def test_seconds_that_are_no_number_of_seconds_are_wrong_usage(option: str, value: str) -> None:
    """Not a number passes every comparison, so it is looked for."""
    result = run("mocha.toml", option, value, mocha=MINIMAL)

    assert (2, 1) == (result.exit_code, len(result.stderr.splitlines())), result.output
    assert option in result.stderr


def test_a_database_has_one_lock_whatever_name_it_is_reached_by(tmp_path: Path) -> None:
    """A symbolic link is no way around the ownership (P10)."""
    (tmp_path / "link.db").symlink_to(tmp_path / "mocha.db")

    assert database_path("sqlite:///mocha.db") == database_path("sqlite:///link.db")


def test_a_missing_configuration_is_named() -> None:
    """A file that is not there, and no file at all."""
    assert "absent.toml: cannot read the configuration" in run("absent.toml").stderr
    assert "mocha-run --demo" in run().stderr


def test_check_validates_and_starts_nothing() -> None:
    """`--check` says ok for what would start, and the same line as a start for what would not."""
    good = run("mocha.toml", "--check", mocha=MINIMAL)
    bad = run("mocha.toml", "--check", mocha=MINIMAL + "[discord]\nintents = ['GILDS']")

    assert (0, "mocha.toml: ok\n") == (good.exit_code, good.stdout)
    assert 2 == bad.exit_code
    assert not Path("mocha.db").exists()


def test_a_port_that_is_in_use_is_named_and_no_simulator_is_left() -> None:
    """The demo says which port it could not have."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = run("mocha.toml", mocha=MINIMAL + f'[simulator]\nport = {port}\nledger = "ledger.jsonl"\n')

    assert (1, 1) == (result.exit_code, len(result.stderr.splitlines())), result.output
    assert f"port {port}" in result.stderr


PAST = """\
[simulator]
guilds = 1
members = 20
past_days = 9
past_messages = 300
ledger = "ledger.jsonl"
"""


def start(*options: str, token: str = "a.b.c") -> subprocess.CompletedProcess[str]:
    """Run ``mocha-run mocha.toml`` as a program."""
    command = [sys.executable, "-m", "mocha_actors.cli.run", "mocha.toml", *options]
    environment = os.environ | {"DISCORD_TOKEN": token}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)


async def test_a_database_that_another_process_owns_is_refused_with_its_process_id(tmp_path: Path) -> None:
    """Promise P10: one writer; the second starter says who the first is."""
    Path("mocha.toml").write_text(MINIMAL)
    ownership = await Ownership.acquire(tmp_path / "mocha.db")
    try:
        done = await trio.to_thread.run_sync(start)
    finally:
        ownership.release()

    assert (1, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
    assert f"belongs to the running process {os.getpid()}" in done.stderr


async def test_a_token_that_discord_refuses_ends_the_program_with_what_to_do() -> None:
    """Exit 1, one line beside the log, no retry, and the token is in neither."""
    async with open_simulator(SimulatorSettings(token="the.right.one", rate=0, count=0)) as simulator:
        Path("mocha.toml").write_text(MINIMAL + f'[discord]\napi_url = "{simulator.api_url}"\n')
        done = await trio.to_thread.run_sync(partial(start, token="the.wrong.one"))
        stats = simulator.stats()

    lines = [line for line in done.stderr.splitlines() if line.startswith("mocha: ")]
    assert (1, 1) == (done.returncode, len(lines)), done.stderr
    assert "token" in lines[0]
    assert "developer portal" in lines[0]
    assert "the.wrong.one" not in done.stdout + done.stderr
    assert 0 == stats["identifies"]


def test_a_past_in_which_nothing_but_messages_happens_is_refused_before_anything_is_started() -> None:
    """One line with the key, what was found and what is allowed."""
    result = run("mocha.toml", "--check", mocha=MINIMAL + PAST + 'profile = "messages"\n')

    assert (2, 1) == (result.exit_code, len(result.stderr.splitlines())), result.output
    assert (
        "mocha.toml: simulator.past_days: profile 'messages' has no past; allowed are quiet, community" in result.stderr
    )


async def test_a_past_is_recorded_once_and_the_live_traffic_goes_on_from_it(tmp_path: Path) -> None:
    """The database equals a ledger that begins with the past; the members at the end of the past are those whom the live Discord names."""
    Path("mocha.toml").write_text(MINIMAL + f"[discord]\nshards = 2\nintents = {list(INTENTS)}\n" + PAST)
    told = [(await trio.to_thread.run_sync(partial(start, "--seconds", "1"))).stderr for _ in range(2)]
    database = ("--database", f"{tmp_path}/mocha.db")

    def ask(*arguments: str) -> str:
        result = CliRunner().invoke(mocha, [*arguments, *database])
        assert result.exit_code == 0, result.output
        return result.output

    checked, growth, past = await trio.to_thread.run_sync(
        lambda: (
            ask("verify", "--ledger", "ledger.jsonl"),
            json.loads(ask("query", "member-growth", "--days", "1", "--json")),
            json.loads(ask("query", "messages", "--since", "2020-01-01", "--until", "2080-01-01", "--json")),
        )
    )

    assert [text.count("loading what happened in the 9 days before") for text in told] == [1, 0]
    assert "left out" not in checked
    assert growth["coverage"]["observed_share"] > 0.9, "also on the shard on which there is no guild"
    assert past["messages"] > 150
    assert sum(step["leaves"] for step in growth["buckets"]) < 5, "who joined in the past is a member of the live guild"
