"""Administrative commands, asked of a running service and of a database that nobody runs."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from mocha_actors.cli.main import mocha
from mocha_actors.db import migrations
from mocha_actors.db.sqlite import SqliteConnection
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
    assert "in 1 guild; a search of every table finds nothing" in result.output
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


def test_the_list_of_who_did_what_fits_a_terminal(path: Path) -> None:
    """A time stands on one line, and an id in a detail is not broken."""
    run(path, "guild", "set", "--guild", str(GUILD), "--ignore", "channel:661720242585600017")

    shown = run(path, "audit").stdout

    assert max(map(len, shown.splitlines())) <= 80
    assert (
        re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)? UTC .* guild_set .*guild " + f"{GUILD}:", shown, re.MULTILINE)
        != []
    )
    assert "661720242585600017" in shown


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
    assert "1 setting changed" in run(path, "guild", "set", "--guild", str(GUILD), "--heed", "user:6").output
    assert 1 == number(path, "SELECT COUNT(*) FROM guild_ignores")


def test_a_pasted_mention_is_the_id(path: Path) -> None:
    """Of a user, and of what a guild's settings leave out."""
    things = ("--ignore", "channel:<#5>", "--ignore", "user:<@!6>", "--ignore", "role:<@&7>")
    assert 0 == run(path, "guild", "set", "--guild", str(GUILD), *things).exit_code
    assert 3 == number(path, "SELECT COUNT(*) FROM guild_ignores WHERE id IN (5, 6, 7)")
    assert 0 == run(path, "forget", "--user", f"<@{USER}>", "--yes").exit_code
    assert 0 == number(path, f"SELECT COUNT(*) FROM message_events WHERE user_id = {USER}")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("forget", "--user", "ada", "--yes"), "'ada' is no id of a user"),
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


COMMANDS = (
    ("forget", "--user", "5", "--yes"), ("opt-out", "--user", "5"), ("user-data", "--user", "5"), ("audit",),
    ("backup", "copy.db"), ("export", "messages"), ("guild", "set", "--guild", "5", "--time-zone", "UTC"),
    ("dead-letters", "list"), ("dead-letters", "show", "1"), ("dead-letters", "retry", "--all"),
    ("dead-letters", "drop", "--all"), ("spool", "replay", "some.spool"), ("verify", "--repair"),
)  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_mistyped_database_is_neither_created_nor_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Who asked for an erasure would believe that it was done. It is said as a question about it says it."""
    monkeypatch.chdir(tmp_path)
    missing = tmp_path / "nope.db"

    result = run(missing, *arguments)

    assert (1, f"mocha: there is no database at {missing}\n") == (result.exit_code, result.output)
    assert run(missing, "query", "guild").output == result.output
    assert {} == contents(tmp_path)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("statement", "says"),
    [("SELECT 1", "schema version 0"), ("CREATE TABLE songs (title TEXT)", "the database is that of another program")],
)
def test_a_file_that_mocha_never_recorded_into_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], statement: str, says: str
) -> None:
    """An empty one is not filled, and beside one of another program no lock is left."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "other.db"
    path.touch()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    before = contents(tmp_path)

    result = run(path, *arguments)

    assert 1 == result.exit_code
    assert says in result.output
    assert 1 == len(result.output.splitlines())
    assert before == contents(tmp_path)


@pytest.mark.parametrize(("versions", "code"), [(slice(4), 0), (slice(None), 1)])
def test_an_older_schema_is_migrated_by_a_command_and_a_newer_one_left_as_it_is(
    tmp_path: Path, versions: slice, code: int
) -> None:
    """What was recorded by an earlier Mocha is there to be erased; beside that of a later one no lock is left."""
    path = tmp_path / "mocha.db"
    with closing(sqlite3.connect(path, factory=SqliteConnection, isolation_level=None)) as connection:
        migrations.migrate(connection, 1, migrations.known("sqlite")[versions])
        if code:
            connection.execute("INSERT INTO schema_version VALUES (99, 'later', 1)")
    before = contents(tmp_path)

    result = run(path, "opt-out", "--user", "5")

    assert code == result.exit_code, result.output
    assert bool(code) is (before == contents(tmp_path))
