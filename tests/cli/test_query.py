"""``mocha query`` on a database file: tables, JSON, and one line for each kind of wrong usage."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from mocha_actors.cli.asking import chosen_guild
from mocha_actors.cli.main import mocha
from mocha_actors.errors import ConfigError
from mocha_actors.stats.options import chosen_range
from mocha_actors.stats.ranges import Range
from tests.stats.oracle import DAY, EPOCH_MS, GUILD, HOUR, OTHER_GUILD, START, Sent, database

JANUARY = ("--since", "2026-01-01", "--until", "2026-02-01")
ADA, BOB, BOT, HOOK = 80351110224678912, 2, 11, 21


def message(ms: int, user: int, author_class: int = 0, kind: int = 0, *, guild: int = GUILD) -> Sent:
    """A message in channel 50."""
    return Sent(guild, ((ms - EPOCH_MS) << 22) | user % 1000, 50, user, author_class, kind, deleted=False)


HISTORY = [
    message(START, ADA), message(START + HOUR, ADA), message(START + DAY, BOB), message(START + DAY + 1, BOT, 1),
    message(START + DAY + 2, BOT, 1, 1), message(START + DAY + 3, HOOK, 2), message(START + DAY + 4, ADA, 0, 2),
]  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with one guild, whose last session is alive until after January."""
    return store(tmp_path / "mocha.db", HISTORY)


def store(path: Path, history: list[Sent]) -> Path:
    """Write a database file with names of the users."""
    connection = database(history, str(path))
    connection.execute("INSERT INTO users VALUES (?, 'ada', 'Ada Lovelace', 0, 0), (11, 'helper', NULL, 1, 0)", (ADA,))
    connection.execute(
        "INSERT INTO gateway_sessions VALUES (0, 's', 'u', 1, 'f', 1, ?, 1, 1, NULL)", (START + 40 * DAY,)
    )
    connection.close()
    return path


def query(*arguments: object) -> Result:
    """Run ``mocha query`` as a script would."""
    return CliRunner().invoke(mocha, ["query", *map(str, arguments)])


def in_json(*arguments: object) -> dict[str, Any]:
    """The JSON that a question prints."""
    result = query(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def assert_one_line(result: Result, exit_code: int, *words: str) -> None:
    """Nothing on standard output, and one line on standard error that holds ``words``."""
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr.startswith("mocha: ")
    assert result.stderr.count("\n") == 1
    assert [word for word in words if word not in result.stderr] == []


def test_the_guild_as_json(path: Path) -> None:
    """Every number of the answer; identifiers are strings."""
    assert in_json("guild", "--database", path, *JANUARY) == {
        "guild_id": "900", "guild_name": None, "since_ms": START, "until_ms": START + 31 * DAY,
        "time_zone": "UTC", "coverage": {"complete": True, "observed_share": 1.0, "gaps": []},
        "messages": 3, "commands": 1, "bot_messages": 1, "webhook_messages": 1, "deleted_messages": 0,
        "active_users": 2, "active_channels": 1, "messages_per_day": pytest.approx(3 / 31),
        "voice_seconds": 0, "voice_sessions": 0, "reactions": 0, "joins": 0, "leaves": 0, "member_count": None, "not_retained_before_ms": None,
    }  # fmt: skip


def test_filters_are_options(path: Path) -> None:
    """Bots and webhooks join the totals; webhooks no list of users."""
    answer = in_json("guild", "--database", path, *JANUARY, "--include-bots", "--include-webhooks")

    assert (answer["messages"], answer["active_users"]) == (5, 3)


def test_exclude_deleted_is_an_option(tmp_path: Path) -> None:
    """What was deleted since is not counted."""
    deleted = [row._replace(deleted=row.user == BOB) for row in HISTORY]

    answer = in_json("guild", "--database", store(tmp_path / "deleted.db", deleted), *JANUARY, "--exclude-deleted")

    assert (answer["messages"], answer["deleted_messages"]) == (2, 1)


def test_a_user_as_json(path: Path) -> None:
    """With the names that are known, the rank and the times of the first and last message."""
    answer = in_json("user", "--user", ADA, "--database", path, *JANUARY)

    assert (answer["user_id"], answer["username"], answer["global_name"]) == (str(ADA), "ada", "Ada Lovelace")
    assert (answer["messages"], answer["rank"], answer["ranked_users"]) == (2, 1, 2)
    assert (answer["first_message_ms"], answer["last_message_ms"]) == (START, START + HOUR)
    assert answer["first_message_id"] == str(HISTORY[0].id)


def test_a_channel_as_json(path: Path) -> None:
    """With its share of the guild."""
    answer = in_json("channel", "--channel", 50, "--database", path, *JANUARY)

    assert (answer["channel_id"], answer["messages"], answer["guild_share"], answer["rank"]) == ("50", 3, 1.0, 1)


def test_a_leaderboard_is_paged_by_cursor(path: Path) -> None:
    """The second page begins behind the cursor of the first."""
    first = in_json("leaderboard", "--limit", 1, "--database", path, *JANUARY)
    second = in_json("leaderboard", "--limit", 1, "--cursor", first["next_cursor"], "--database", path, *JANUARY)

    listed = [entry["user_id"] for page in (first, second) for entry in page["entries"]]
    assert listed == [str(ADA), str(BOB)]
    assert (second["next_cursor"], second["ranked_users"]) == (None, 2)


def test_without_a_range_the_last_thirty_days_are_asked(path: Path) -> None:
    """Rolling: 30 times 24 hours."""
    answer = in_json("guild", "--database", path)

    assert int(str(answer["until_ms"])) - int(str(answer["since_ms"])) == 30 * DAY


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["guild"],
            ["Guild 900", "2026-01-01 00:00 UTC to 2026-02-01 00:00 UTC (31 days); humans", "Messages", "Active users"],
        ),
        (["user", "--user", ADA], [f"User Ada Lovelace ({ADA})", "1 of 2", "2026-01-01 01:00 UTC"]),
        (["user", "--user", 999], ["User 999", "Rank", " -\n"]),
        (["channel", "--channel", 50], ["Channel 50", "100.0%"]),
        (["leaderboard"], ["Rank", "Ada Lovelace", str(ADA), "2 of 2 users"]),
        (["leaderboard", "--include-bots"], ["helper (bot)", "humans, bots"]),
        (
            ["leaderboard", "--limit", 1],
            ["--since 2026-01-01T00:00:00.000Z --until 2026-02-01T00:00:00.000Z --cursor 2-80351110224678912"],
        ),
    ],
)
def test_a_table_names_what_it_shows(path: Path, arguments: list[object], words: list[str]) -> None:
    """Title with names where known, range, who is counted, and the numbers."""
    result = query(*arguments, "--database", path, *JANUARY)

    assert result.exit_code == 0
    assert [word for word in words if word not in result.stdout] == []
    assert "Observed without a gap." in result.stdout


def test_a_piped_table_has_no_colours_and_fits_80_columns(path: Path) -> None:
    """Whatever reads it gets plain text; only the line to be copied may be longer."""
    result = query("leaderboard", "--database", path, *JANUARY, "--include-bots")

    assert "\x1b" not in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


def test_an_incomplete_range_says_so_under_the_table(path: Path) -> None:
    """With the first gaps, and how many more there are."""
    connection = sqlite3.connect(path)
    connection.executemany(
        "INSERT INTO coverage_gaps VALUES (0, ?, ?, 'session_invalid')",
        [(START + hour * HOUR, START + hour * HOUR + 60_000) for hour in range(5)],
    )  # fmt: skip
    connection.commit()
    connection.close()

    result = query("guild", "--database", path, *JANUARY)

    assert "events may be missing" in result.stdout
    assert "2026-01-01 02:00 UTC to 2026-01-01 02:01 UTC: Discord had ended the session" in result.stdout
    assert "and 2 more gaps" in result.stdout


def test_a_name_cannot_steer_the_terminal(path: Path) -> None:
    """Names come from strangers: no escape sequence, no markup of the table's, survives."""
    connection = sqlite3.connect(path)
    connection.execute("UPDATE users SET global_name = ? WHERE id = ?", ("\x1b[2J[red]Ada\n\u202e", ADA))
    connection.commit()
    connection.close()

    result = query("leaderboard", "--database", path, *JANUARY)

    assert "[2J[red]Ada" in result.stdout
    assert {character for character in result.stdout if unicodedata.category(character).startswith("C")} == {"\n"}


def test_a_database_may_be_named_by_url_or_configuration(path: Path, tmp_path: Path) -> None:
    """Three ways to say the same."""
    config = tmp_path / "mocha.toml"
    config.write_text(f'[database]\nurl = "sqlite:///{path}"\n')

    answers = [
        in_json("guild", *named, *JANUARY) for named in (("--database", f"sqlite:///{path}"), ("--config", config))
    ]

    assert [answer["messages"] for answer in answers] == [3, 3]


def test_the_database_of_the_demo_is_the_default(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If there is one below the current directory."""
    (tmp_path / "data/demo").mkdir(parents=True)
    path.rename(tmp_path / "data/demo/mocha.db")
    monkeypatch.chdir(tmp_path)

    assert in_json("guild", *JANUARY)["messages"] == 3


def test_without_a_demo_a_database_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says how."""
    monkeypatch.chdir(tmp_path)

    assert_one_line(query("guild"), 2, "data/demo/mocha.db", "--database PATH", "--config FILE")


def test_a_missing_database_is_one_line_and_nothing_is_created(tmp_path: Path) -> None:
    """Asking never makes a file."""
    assert_one_line(query("guild", "--database", tmp_path / "none.db"), 1, "none.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--database", "--config"])
def test_an_empty_name_is_one_line(option: str) -> None:
    """A variable of a script that is not set; it is not the current folder."""
    assert_one_line(query("guild", option, ""), 2, f"{option} is empty")


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    """The text names the file."""
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be looked at")

    assert_one_line(query("guild", "--database", tmp_path / "notes.txt"), 1, "notes.txt", "not an SQLite database")


def test_asking_while_a_service_writes_waits_for_nobody(path: Path) -> None:
    """A transaction that is open elsewhere is invisible and no hindrance."""
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM guild_hour")

    answer = in_json("guild", "--database", path, *JANUARY)

    writer.execute("ROLLBACK")
    writer.close()
    assert answer["messages"] == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--days", "3", "--since", "2026-01-01"], ["--days", "--since"]),
        (["--until", "2026-01-01"], ["--until needs --since"]),
        (["--days", "0"], ["days is 0", "allowed are 1 to"]),
        (["--days", "many"], ["--days", "'many'", "mocha query guild --help"]),
        (["--since", "2026-02-01", "--until", "2026-01-01"], ["reversed", "2026-02-01"]),
        (["--since", "2010-01-01"], ["since is 2010-01-01", "2015-01-01"]),
        (["--since", "soon"], ["since is 'soon'", "ISO 8601"]),
        (["--guild", "900x"], ["no guild '900x'", "--guild"]),
        (["--guild", ""], ["no guild ''; name one with --guild: 900"]),
        (["--time-zone", ""], ["time_zone is ''", "Europe/Berlin"]),
        (["--png", ""], ["--png", "the name is empty"]),
        (["--since", "0001-01-01"], ["since is 0001-01-01 00:00 UTC"]),
        (["--guild", "905"], ["no guild 905", "900"]),
        (["--days", "3", "--colour"], ["--colour"]),
        (["--config", "nowhere.toml"], ["--database and --config"]),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(path: Path, arguments: list[str], words: list[str]) -> None:
    """What was found and what is allowed, without a traceback."""
    assert_one_line(query("guild", "--database", path, *arguments), 2, *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["user"], ["--user", "mocha query user --help"]),
        (["user", "--user", "-5"], ["user_id is -5"]),
        (["channel"], ["--channel"]),
        (["leaderboard", "--limit", "0"], ["limit is 0; allowed are 1 to 1000"]),
        (["leaderboard", "--cursor", "here"], ["cursor is 'here'", "next_cursor"]),
        (["weather"], ["'weather'", "mocha query --help"]),
    ],
)
def test_a_question_that_cannot_be_is_one_line_and_exit_code_2(
    path: Path, arguments: list[str], words: list[str]
) -> None:
    """Of each subcommand."""
    named = [] if arguments == ["weather"] else ["--database", path]

    assert_one_line(query(*arguments, *named), 2, *words)


def test_with_several_guilds_one_must_be_named(tmp_path: Path) -> None:
    """The line lists them."""
    path = store(tmp_path / "two.db", [*HISTORY, message(START, 1, guild=OTHER_GUILD)])

    assert_one_line(query("guild", "--database", path), 2, "2 guilds", "--guild", "900", "901")
    assert in_json("guild", "--database", path, "--guild", "901", *JANUARY)["messages"] == 1


def test_a_database_without_guilds_has_nothing_to_ask(tmp_path: Path) -> None:
    """Not zero, since no guild was meant."""
    assert_one_line(query("guild", "--database", store(tmp_path / "empty.db", [])), 2, "no guild yet")


def test_a_bot_of_many_guilds_gets_a_short_list() -> None:
    """Ten with their names, and how many more."""
    with pytest.raises(ConfigError) as caught:
        chosen_guild(None, [(guild, f"Guild {guild}") for guild in range(1, 5001)])

    assert "10 (Guild 10) and 4,990 more" in str(caught.value)
    assert "11" not in str(caught.value)


def test_an_open_range_ends_now() -> None:
    """``--since`` alone."""
    zone = ZoneInfo("UTC")
    assert chosen_range(None, "2026-01-01", None, None, now_ms=START + 5, zone=zone).range == Range(START, START + 5)


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own terminal must not reach into the output."""
    for name in ("FORCE_COLOR", "COLUMNS", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
