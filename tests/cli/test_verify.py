"""``mocha verify`` proves that the numbers are right, or shows where they are not."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mocha_actors.cli.main import mocha
from tests.stats.oracle import DAY, EPOCH_MS, GUILD, START, Sent, database

HISTORY = [
    Sent(GUILD, (START - EPOCH_MS) << 22, 50, 1, 0, 0, deleted=False),
    Sent(GUILD, (START + DAY - EPOCH_MS) << 22, 50, 11, 1, 1, deleted=True),
    Sent(GUILD, (START + DAY + 1 - EPOCH_MS) << 22, 51, 21, 2, 0, deleted=False),
    Sent(GUILD, (START + DAY + 2 - EPOCH_MS) << 22, 51, 1, 0, 2, deleted=False),
]
ROWS = 4
ROLLUPS = 2 + 2 + 3 + 3 + 3
"""The rollups of users have no row for the webhook; the system message is in none."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database whose rollups are right."""
    path = tmp_path / "mocha.db"
    database(HISTORY, str(path)).close()
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """The ledger of the same history, with a replay that counts nothing."""
    events = [("MESSAGE_CREATE", sent(row)) for row in HISTORY]
    events += [("MESSAGE_DELETE", gone(row)) for row in HISTORY if row.deleted]
    frames = [{"op": 0, "s": number, "t": name, "d": data} for number, (name, data) in enumerate(events, 1)]
    lines = [{"at": 0.0, "shard": 0, "session": "s", "frame": frame} for frame in frames]
    path = tmp_path / "ledger.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in [*lines, {**lines[0], "replay": True}]))
    return path


def sent(row: Sent) -> dict[str, object]:
    """The payload of a message, as Discord sends it."""
    kinds = {0: 0, 1: 20, 2: 7}
    payload: dict[str, object] = {
        "id": str(row.id),
        "guild_id": str(row.guild),
        "channel_id": str(row.channel),
        "type": kinds[row.kind],
    }
    payload["author"] = {"id": str(row.user), "bot": row.author_class == 1}
    return payload | ({"webhook_id": str(row.user)} if row.author_class == 2 else {})


def gone(row: Sent) -> dict[str, object]:
    """The payload of its deletion."""
    return {"id": str(row.id), "guild_id": str(row.guild), "channel_id": str(row.channel)}


def verify(*arguments: object) -> Result:
    """Run ``mocha verify``."""
    return CliRunner().invoke(mocha, ["verify", *map(str, arguments)])


def change(path: Path, statement: str) -> None:
    """Damage the database."""
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_rollups_that_are_right_are_all_equal(path: Path) -> None:
    """One line, exit code 0."""
    result = verify("--database", path)

    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{ROLLUPS} of {ROLLUPS} equal\n", "")


def test_a_wrong_rollup_is_shown_and_fails(path: Path) -> None:
    """With its key, what is stored and what should be, and exit code 1."""
    change(path, "UPDATE user_day SET sent = 7 WHERE user_id = 1")

    result = verify("--database", path)

    assert result.exit_code == 1
    assert result.stdout.endswith(f"{ROLLUPS - 1} of {ROLLUPS} equal\n")
    assert [word for word in ("user_day", "user_id=1", "7, 0", "1, 0") if word not in result.stdout] == []


def test_a_ledger_that_agrees_is_all_equal(path: Path, ledger: Path) -> None:
    """Raw rows and rollups."""
    result = verify("--database", path, "--ledger", ledger)

    assert (result.exit_code, result.stdout) == (0, f"{ROWS + ROLLUPS} of {ROWS + ROLLUPS} equal\n")


@pytest.mark.parametrize(
    ("statement", "different", "words"),
    [
        ("DELETE FROM message_events WHERE kind = 2", 1, ["message_events", "51, 1, 0, 2, 0"]),
        ("UPDATE message_events SET channel_id = 99 WHERE kind = 2", 1, ["99, 1, 0, 2, 0", "51, 1, 0, 2, 0"]),
        ("UPDATE guild_hour SET sent = sent + 1", 3, ["guild_hour"]),
        ("INSERT INTO channel_hour VALUES (900, 490896, 77, 0, 0, 5, 0)", 1, ["channel_id=77"]),
    ],
)
def test_a_ledger_finds_what_is_lost_changed_or_counted_twice(
    path: Path, ledger: Path, statement: str, different: int, words: list[str]
) -> None:
    """In raw rows and in rollups, rows that nobody sent included."""
    change(path, statement)

    result = verify("--database", path, "--ledger", ledger)

    assert result.exit_code == 1
    equal, compared = (int(word) for word in result.stdout.splitlines()[-1].split() if word.isdigit())
    assert compared - equal == different
    assert [word for word in words if word not in result.stdout] == []


def test_of_many_differences_the_first_twenty_are_shown(tmp_path: Path) -> None:
    """And how many more there are; the table fits 80 columns."""
    history = [
        Sent(GUILD, (START + hour * 3_600_000 - EPOCH_MS) << 22, 50, 1, 0, 0, deleted=False) for hour in range(24)
    ]
    path = tmp_path / "many.db"
    database(history, str(path)).close()
    change(path, "UPDATE channel_hour SET sent = 2")

    lines = verify("--database", path).stdout.splitlines()

    assert "and 4 more differences" in lines
    assert max(len(line) for line in lines) <= 80


def test_a_ledger_that_is_missing_is_wrong_usage(path: Path, tmp_path: Path) -> None:
    """One line, exit code 2."""
    result = verify("--database", path, "--ledger", tmp_path / "none.jsonl")

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "none.jsonl cannot be read" in result.stderr


def test_a_file_that_is_no_ledger_is_one_line(path: Path, tmp_path: Path) -> None:
    """With the number of the line that is wrong."""
    (tmp_path / "notes.txt").write_text("good morning\n")

    result = verify("--database", path, "--ledger", tmp_path / "notes.txt")

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "line 1 of" in result.stderr


def test_a_missing_database_is_one_line_and_nothing_is_created(tmp_path: Path) -> None:
    """Exit code 1, as for every command that asks."""
    result = verify("--database", tmp_path / "none.db")

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert list(tmp_path.iterdir()) == []
