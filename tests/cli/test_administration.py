"""Administrative commands, asked of a running service and of a database that nobody runs."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from mocha_actors.cli.main import mocha
from tests.db.builders import GUILD, message, open_session
from tests.privacy.recorded import count, record

USER = 612_345_678_901_234_567


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with one message of a user."""
    database = tmp_path / "mocha.db"
    with open_session(f"sqlite:///{database}") as session:
        record(session, iter([message(user=USER, username="ada")]))
    return database


def run(path: Path, *arguments: str) -> Result:
    """Run ``mocha`` on the database."""
    return CliRunner().invoke(mocha, [*arguments, "--database", str(path)])


def number(path: Path, sql: str) -> int:
    """What a query gives."""
    with open_session(f"sqlite:///{path}") as session:
        return count(session, sql)


def test_forget_erases_and_says_what_proves_it(path: Path) -> None:
    """Without a service the command owns the database for that time."""
    result = run(path, "forget", "--user", str(USER), "--yes")

    assert 0 == result.exit_code, result.output
    assert "a search of every table finds nothing" in result.output
    assert 0 == number(path, f"SELECT COUNT(*) FROM message_events WHERE user_id = {USER}")
    assert 1 == number(path, "SELECT COUNT(*) FROM message_events")


def test_forget_asks_first(path: Path) -> None:
    """It cannot be undone."""
    result = CliRunner().invoke(mocha, ["forget", "--user", str(USER), "--database", str(path)], input="n\n")

    assert 1 == result.exit_code
    assert 1 == number(path, f"SELECT COUNT(*) FROM message_events WHERE user_id = {USER}")


def test_opt_out_and_back(path: Path) -> None:
    """The list names nobody; taking somebody off who is not on it is said."""
    assert "not recorded any more\n" in run(path, "opt-out", "--user", str(USER)).output
    assert 1 == number(path, "SELECT COUNT(*) FROM opt_outs")
    assert "recorded again\n" in run(path, "opt-out", "--user", str(USER), "--undo").output
    assert "recorded again, as before" in run(path, "opt-out", "--user", str(USER), "--undo").output
    assert 0 == number(path, "SELECT COUNT(*) FROM opt_outs")


def test_user_data_are_json_and_the_access_is_noted(path: Path) -> None:
    """The log does not say whose."""
    result = CliRunner().invoke(mocha, ["user-data", "--user", str(USER), "--database", str(path)])

    assert 0 == result.exit_code, result.output
    assert "ada" == json.loads(result.stdout)["profile"][0]["username"]
    entries = json.loads(run(path, "audit", "--json").output)
    assert ["read_audit", "read_user_data"] == [entry["action"] for entry in entries]
    assert str(USER) not in msgspec.json.encode(entries).decode()


def test_user_data_go_to_a_private_file_and_never_over_another(path: Path, tmp_path: Path) -> None:
    """What is asked for once may lie there from an earlier time."""
    out = tmp_path / "data.json"
    assert 0 == run(path, "user-data", "--user", str(USER), "--out", str(out)).exit_code
    assert 0o600 == out.stat().st_mode & 0o777

    again = run(path, "user-data", "--user", str(USER), "--out", str(out))

    assert 2 == again.exit_code
    assert "exists already" in again.output


def test_the_settings_of_a_guild(path: Path) -> None:
    """They are kept, audited, and refused in one line where they cannot be."""
    arguments = (
        "--time-zone",
        "Asia/Kathmandu",
        "--week-start",
        "sunday",
        "--ignore",
        "channel:5",
        "--ignore",
        "user:6",
    )
    assert "4 settings changed" in run(path, "guild", "set", "--guild", str(GUILD), *arguments).output
    assert 1 == number(path, "SELECT COUNT(*) FROM guilds WHERE time_zone = 'Asia/Kathmandu' AND week_start = 6")
    assert 2 == number(path, "SELECT COUNT(*) FROM guild_ignores")
    assert "1 settings changed" in run(path, "guild", "set", "--guild", str(GUILD), "--heed", "user:6").output
    assert 1 == number(path, "SELECT COUNT(*) FROM guild_ignores")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("guild", "set", "--guild", "5", "--time-zone", "UTC"), "the database holds no guild 5"),
        (("guild", "set", "--guild", str(GUILD)), "nothing to set"),
        (("guild", "set", "--guild", str(GUILD), "--time-zone", "Mars/Phobos"), "time_zone is 'Mars/Phobos'"),
        (("guild", "set", "--guild", str(GUILD), "--ignore", "planet:5"), "found 'planet:5'"),
        (("guild", "set", "--guild", str(GUILD), "--ignore", "channel:x"), "found 'channel:x'"),
        (("forget", "--user", "-4", "--yes"), "found -4"),
        (("opt-out", "--user", str(1 << 63)), f"found {1 << 63}"),
        (("user-data", "--user", "1", "--out", "a", "--csv", "b"), "--csv and --out"),
        (("user-data", "--user", "1", "--out", "i.csv"), "give --csv FOLDER"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(path: Path, arguments: tuple[str, ...], says: str) -> None:
    """Nothing is changed by it."""
    result = run(path, *arguments)

    assert 2 == result.exit_code, result.output
    assert says in result.output
    assert 1 == len(result.output.splitlines())
