"""Each subcommand of ``mocha query`` as a table, as JSON and as CSV, and its charts."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from matplotlib import rcParams

from mocha_actors.cli.charts import bar, sparkline
from mocha_actors.cli.main import mocha
from mocha_actors.cli.names import user_named
from mocha_actors.cli.query import QUESTIONS as HELP
from mocha_actors.cli.query_commands import command
from mocha_actors.db.plain import cell
from mocha_actors.errors import ConfigError
from mocha_actors.plurals import counted
from mocha_actors.showing.words import duration, moment
from tests.stats import world as worlds
from tests.stats.oracle import GUILD, Sent, database
from tests.stats.world import BEGIN, GENERAL, MUSIC, THREAD, Moved, Reacted, Spoken, World, at, key, opened

RANGE = ("--since", "2026-03-20", "--until", "2026-03-22")

ADA = "Ada Lovelace"

WORLD = World(
    messages=[
        Sent(GUILD, key(minute, low), channel, user, 0, 0, deleted=False)
        for low, (minute, channel, user) in enumerate(
            [(5, GENERAL, 1), (70, THREAD, 1), (80, GENERAL, 2), (1500, GENERAL, 1)]
        )
    ],
    voice=[
        Spoken(key(60, 1), 1, MUSIC, 60, 150, 1, key(60, 1), 1, 0),
        Spoken(key(100, 2), 2, MUSIC, 100, 130, 0, key(100, 2), 1, 5000),
    ],
    reactions=[
        Reacted(key(20, 1), 20, 1, 2, GENERAL, "1234", 1, 0),
        Reacted(key(21, 2), 21, 2, 1, GENERAL, "👍", 0, 0),
    ],
    moves=[Moved(30, 1, 0, 0), Moved(1600, 2, 1, 900)],
    counts={10: 40},
    online=[worlds.Online(key(0, 1), 1, 1, 0, 720)],
    standing=[],
    ignores=set(),
    closed={},
    alive=4000,
)

ARGUMENTS: dict[str, list[str]] = {
    "user": ["--user", ADA],
    "user-activity": ["--user", "@user 2"],
    "rank": ["--user", "1"],
    "channel": ["--channel", "#name 50"],
}

WORDS = {
    "active-members": ["2026-03-20", "Writers", "█"],
    "busiest-hours": ["Fri 01:00", "2.0"],
    "channel": ["Channel name 50 (50)", "Belongs to", "name 70 (70)", "Threads"],
    "channel-ranking": ["name 50", "100.0%", "1 of 1 channels"],
    "compare": ["Active users", "Before", "2026-03-18 00:00 UTC"],
    "coverage": ["Observed", "100.00%"],
    "guild": ["Guild Tea House (900)", "2 h 00 min", "Voice sessions"],
    "heatmap": ["Mon", "Sun", "21", "full: 2.0 messages an hour"],
    "inactive-members": ["Last seen", "never", "1 of 3 members were silent"],
    "leaderboard": [ADA, "2 of 2 users"],
    "member-growth": ["Joins", "+1", "-1", "41", "~ times not exact"],
    "message-timeline": ["2026-03-21", "█"],
    "messages": ["Messages per day", "2.0"],
    "online-timeline": ["2026-03-20", "0.5"],
    "rank": [f"user {ADA} (1): 1 of 2 by messages", "user 2"],
    "reactions": ["Of these super reactions", "Distinct emoji"],
    "retention": ["After 7 d"],
    "top-emoji": [":wave:", "👍", "2 of 2 emoji"],
    "user": [f"User {ADA} (1)", "1 of 2", "1 h 30 min", "First seen"],
    "user-activity": ["1 of 2", "1 day"],
    "voice": ["2 h 00 min", "Of it muted", "Uncertain by"],
    "voice-sessions": ["name 51", "1 h 30 min", "~ 30 min 00 s", "left"],
    "voice-timeline": ["2 h 00 min", "~"],
}
"""What each table shows of the world."""


QUESTIONS = sorted(set(command.commands) - {"guilds"})


def test_the_guilds_that_are_known_are_listed(path: Path) -> None:
    """With their names, as a table, as JSON and as CSV; that is no question about a range."""
    table = CliRunner().invoke(mocha, ["query", "guilds", "--database", str(path)])
    shown = CliRunner().invoke(mocha, ["query", "guilds", "--database", str(path), "--json"])

    assert [word for word in ("Guild", "Tea House", "900") if word not in table.stdout] == []
    assert json.loads(shown.stdout) == [{"guild_id": "900", "guild_name": "Tea House"}]
    sheet = CliRunner().invoke(mocha, ["query", "guilds", "--database", str(path), "--csv"])
    assert "guild_id,guild_name\r\n900,Tea House\r\n" == sheet.stdout_bytes.decode()
    both = CliRunner().invoke(mocha, ["query", "guilds", "--database", str(path), "--csv", "--json"])
    assert (2, 1) == (both.exit_code, both.stderr.count("\n"))


def test_a_timeline_of_all_time_begins_with_the_first_number(path: Path) -> None:
    """Of the years since Discord's beginning, the empty ones before are no rows of a table; JSON has them all."""
    asked = ["query", "message-timeline", "--database", str(path), "--period", "all_time", "--interval", "month"]
    table = CliRunner().invoke(mocha, asked)
    document = json.loads(CliRunner().invoke(mocha, [*asked, "--json"]).stdout)

    assert "2026-03" in table.stdout
    assert "2026-02" not in table.stdout
    assert document["buckets"][0]["label"] == "2015-01"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with a guild in which everything happened."""
    return save(WORLD, tmp_path_factory.mktemp("world"))


def save(world: World, folder: Path) -> Path:
    """A database file with ``world``."""
    file = folder / "mocha.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worlds, "database", lambda history: database(history, str(file)))
        connection = opened(world)
    connection.execute("INSERT INTO guilds (id, name) VALUES (900, 'Tea House')")
    connection.execute("INSERT INTO emojis VALUES (900, '1234', 'wave', 0)")
    connection.execute("UPDATE users SET global_name = ? WHERE id = 1", (ADA,))
    connection.close()
    return file


def query(path: Path, name: str, *arguments: str) -> Result:
    """Run a subcommand as a script would."""
    own = [] if "--user" in arguments else ARGUMENTS.get(name, [])
    return CliRunner().invoke(mocha, ["query", name, "--database", str(path), *own, *RANGE, *arguments])


def test_the_help_that_is_shown_without_an_import_is_that_of_the_subcommands() -> None:
    """In the same order."""
    assert list(HELP.items()) == [(name, each.get_short_help_str(200)) for name, each in command.commands.items()]


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_table_of_each_question_shows_its_numbers(path: Path, name: str) -> None:
    """Plain text of at most 80 columns when piped; only the line to be copied may be longer."""
    result = query(path, name)

    assert result.exit_code == 0, result.output
    assert [word for word in WORDS[name] if word not in result.stdout] == [], result.stdout
    assert "\x1b" not in result.stdout
    assert max(len(line) for line in result.stdout.splitlines() if "next page" not in line) <= 80


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_question_as_json_and_as_csv(path: Path, name: str) -> None:
    """JSON is one document; CSV has a heading and as many columns in each row."""
    document: dict[str, Any] = json.loads(query(path, name, "--json").stdout)
    rows = list(csv.reader(io.StringIO(query(path, name, "--csv").stdout)))

    assert (document["guild_id"], document["since_ms"], document["until_ms"]) == ("900", BEGIN, at(2 * 1440))
    entries = next((value for value in document.values() if isinstance(value, list)), [document])
    assert len(rows) == 1 + len(entries)
    assert {len(row) for row in rows} == {len(rows[0])}


def test_members_online_are_asked_by_day_unless_told_otherwise(path: Path) -> None:
    """As every timeline but that of retention; by hour a month would be 720 rows."""
    by_day, by_hour = (
        json.loads(query(path, "online-timeline", *asked, "--json").stdout) for asked in ([], ["--interval", "hour"])
    )

    assert [len(answer["buckets"]) for answer in (by_day, by_hour)] == [2, 48]


def test_a_day_of_the_guilds_own_zone(path: Path) -> None:
    """In Kathmandu the message of 00:05 UTC was written at 05:50, and the one of the 21st at 01:00 UTC at 06:45."""
    result = query(path, "message-timeline", "--time-zone", "Asia/Kathmandu", "--interval", "hour", "--csv")

    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    written = {row["label"]: row["messages"] for row in rows if row["messages"] != "0"}
    assert written == {
        "2026-03-20T05:00+05:45": "1", "2026-03-20T06:00+05:45": "1", "2026-03-20T07:00+05:45": "1", "2026-03-21T06:00+05:45": "1"
    }  # fmt: skip


def test_a_calendar_range_is_named(path: Path) -> None:
    """Up to now, in the zone."""
    result = CliRunner().invoke(mocha, ["query", "messages", "--database", str(path), "--period", "all_time", "--json"])

    assert json.loads(result.stdout)["messages"] == 4


def test_filters_take_names(path: Path) -> None:
    """A category with its threads, and a user."""
    shown = [json.loads(query(path, "messages", *filters, "--json").stdout)["messages"] for filters in (
        ["--category", "name 70"], ["--channel", "name 60"], ["--user", ADA], ["--channel", "53"], ["--role", "82"],
    )]  # fmt: skip

    assert shown == [4, 1, 3, 0, 1]


def test_every_filter_is_named_above_the_numbers(path: Path) -> None:
    """By name where one is known."""
    shown = query(path, "messages", "--user", ADA, "--role", "82", "--category", "name 70", "--exclude-alone").stdout

    words = "humans in name 70 (70); only Ada Lovelace (1); only holders of role 82; without voice of those alone"
    assert words in " ".join(shown.split())


def test_active_members_of_the_whole_range_stand_above_the_steps(path: Path) -> None:
    """They are no sum of the steps: who is active on two days is one."""
    shown = query(path, "active-members").stdout

    assert "In all: 2 active members, 2 writers, 2 speakers; 2 with those who only reacted" in shown


def test_the_other_timelines_have_their_sums(path: Path) -> None:
    """Of the whole range."""
    assert "In all: 4 messages" in query(path, "message-timeline").stdout
    assert "In all: 2 h 00 min of voice" in query(path, "voice-timeline").stdout
    assert "In all: 1 joins, 1 leaves, +0 net" in query(path, "member-growth").stdout


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--channel", "<#60>"], 1), (["--category", "<#70>"], 4), (["--user", "<@1>"], 3), (["--user", " <@!1> "], 3), (["--role", "<@&82>"], 1),
        (["--channel", "#NAME 60"], 1), (["--category", "Name 70"], 4), (["--user", "ada LOVELACE"], 3), (["--guild", "tea house"], 4),
    ],
)  # fmt: skip
def test_a_pasted_mention_is_the_id_and_case_tells_names_apart_only_where_it_must(
    path: Path, arguments: list[str], count: int
) -> None:
    """As they are copied out of Discord, or remembered."""
    assert count == json.loads(query(path, "messages", *arguments, "--json").stdout)["messages"]


def test_of_names_that_differ_in_case_the_one_as_written_is_meant(tmp_path: Path) -> None:
    """Another spelling is that of several."""
    with database([], str(tmp_path / "mocha.db")) as connection:
        connection.execute(
            "INSERT INTO users VALUES (1, 'ada', NULL, 0, 0), (2, 'Ada', NULL, 0, 0), (3, 'bob', 'ADA', 0, 0)"
        )
        found = [user_named(connection, name) for name in ("ada", "Ada", "ADA")]
        with pytest.raises(ConfigError, match="--user is 'aDA', which 3 have as their name; give the id: 1, 2, 3"):
            user_named(connection, "aDA")

    assert [1, 2, 3] == found


@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "channel", "--channel", "50", "--channel", "60"], ["query", "user", "--user", "1", "--user", "2"],
        ["query", "rank", "--user", "1", "--user", "2"], ["query", "guild", "--guild", "900", "--guild", "901"],
        ["forget", "--yes", "--user", "1", "--user", "2"], ["opt-out", "--user", "1", "--user", "2"],
        ["user-data", "--user", "1", "--user", "2"],
    ],
)  # fmt: skip
def test_what_one_alone_can_be_named_for_is_not_the_last_of_several(path: Path, arguments: list[str]) -> None:
    """Nobody asks for two to be answered for one, and least of all to have one of two erased."""
    result = CliRunner().invoke(mocha, [*arguments, "--database", str(path)])

    expected = f"mocha: {arguments[-2]} is given 2 times; one is allowed here\n"
    assert (2, "", expected) == (result.exit_code, result.stdout, result.stderr)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["messages", "--role", "Mods"], ["'Mods' is no id, and the names of roles are not recorded"]),
        (["messages", "--user", "<#1>"], ["--user is '<#1>'", "give the id"]),
        (["messages", "--channel", "nowhere"], ["--channel is 'nowhere'", "give the id"]),
        (["messages", "--channel", "\udcff"], ["--channel is", "give the id"]),
        (["user", "--user", "\udcff"], ["--user is", "give the id"]),
        (["messages", "--time-zone", "Mars/Base"], ["time_zone is 'Mars/Base'", "Europe/Berlin"]),
        (["messages", "--week-start", "7"], ["week_start is 7", "0 (Monday) to 6 (Sunday)"]),
        (["messages", "--period", "soon"], ["period is 'soon'", "this_week"]),
        (["messages", "--period", "today", "--days", "1"], ["--period", "--days"]),
        (["messages", "--json", "--csv"], ["--json", "--csv", "one of them"]),
        (["messages", "--png", "x.png"], ["there is no chart of 'Messages'"]),
        (["guild", "--svg", "x.svg"], ["there is no chart of 'Guild Tea House (900)'"]),
        (["heatmap", "--png", "x.gif"], ["x.gif", ".png or .svg"]),
        (["message-timeline", "--interval", "year"], ["'year'", "hour"]),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_exit_code_2(path: Path, arguments: list[str], words: list[str]) -> None:
    """What was found and what is allowed."""
    range_ = [] if {"--period", "--days"} & set(arguments) else RANGE
    result = CliRunner().invoke(mocha, ["query", arguments[0], "--database", str(path), *arguments[1:], *range_])

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert [word for word in words if word not in result.stderr] == []


def test_an_hourly_timeline_of_years_is_refused(path: Path) -> None:
    """No picture has so many bars; the line says what to do."""
    result = CliRunner().invoke(
        mocha, ["query", "message-timeline", "--database", str(path), "--period", "all_time", "--interval", "hour"]
    )

    assert result.exit_code == 2
    assert "ask for a longer one" in result.stderr


def test_commands_are_a_line_of_bots_since_their_replies_are_the_only_messages_that_are_any(tmp_path: Path) -> None:
    """A 0 in the table of a person would say that none was used."""
    database = save(WORLD._replace(messages=[Sent(GUILD, key(5, 0), GENERAL, 11, 1, 1, deleted=False)]), tmp_path)

    of_person, of_bot = (query(database, "user", "--user", user).stdout for user in ("2", "11"))

    assert "Messages per day" in of_person
    assert "Commands" not in of_person
    assert ["Commands", "1"] in [line.split() for line in of_bot.splitlines()]


def test_members_online_while_nobody_looked_are_unknown_and_not_nobody(tmp_path: Path) -> None:
    """One was online all of the hour: the half that was observed says so, and of the next hour there is nothing to say."""
    database = save(WORLD._replace(gaps=((30, 120),)), tmp_path)
    period = ("--since", "2026-03-20T00:00", "--until", "2026-03-20T03:00", "--interval", "hour")

    steps = json.loads(query(database, "online-timeline", *period, "--json").stdout)["buckets"]
    rows = [line.split() for line in query(database, "online-timeline", *period).stdout.splitlines() if "T0" in line]

    assert [(0.5, 1.0), (0.0, None), (1.0, 1.0)] == [
        (step["observed_share"], step["present_average"]) for step in steps
    ]
    assert ["1.0", "-", "1.0"] == [row[1] for row in rows]
    table = csv.DictReader(io.StringIO(query(database, "online-timeline", *period, "--csv").stdout))
    assert ["1.0", "", "1.0"] == [row["present_average"] for row in table]
    assert 0 == query(database, "online-timeline", *period, "--svg", str(tmp_path / "hole.svg")).exit_code


@pytest.mark.parametrize(
    "name",
    [
        "message-timeline", "heatmap", "leaderboard", "channel-ranking", "member-growth", "voice-timeline", "active-members", "online-timeline",
        "top-emoji",
    ],
)  # fmt: skip
def test_charts_are_drawn_as_svg(path: Path, tmp_path: Path, name: str) -> None:
    """With title and zone; what comes from strangers is text."""
    file = tmp_path / "chart.svg"

    result = query(path, name, "--svg", str(file))

    assert result.stdout == f"drawn: {file}\n", result.output
    assert file.read_text(encoding="utf-8").startswith("<?xml")


def test_a_chart_names_its_filters_below_the_title(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a line of their own; without filters there is none."""
    monkeypatch.setitem(rcParams, "svg.fonttype", "none")
    plain, filtered = tmp_path / "plain.svg", tmp_path / "filtered.svg"

    query(path, "leaderboard", "--svg", str(plain))
    query(path, "leaderboard", "--user", ADA, "--include-bots", "--svg", str(filtered))

    assert "humans" not in plain.read_text(encoding="utf-8")
    assert "humans, bots; only Ada Lovelace (1)" in filtered.read_text(encoding="utf-8")


def test_a_chart_as_png(path: Path, tmp_path: Path) -> None:
    """The bytes of one."""
    file = tmp_path / "chart.png"

    query(path, "message-timeline", "--png", str(file))

    assert file.read_bytes().startswith(b"\x89PNG")


def test_a_chart_of_what_no_font_has_says_nothing_beside_that_it_is_drawn(path: Path, tmp_path: Path) -> None:
    """Among the emoji is one that the fonts of matplotlib lack."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = query(path, "top-emoji", "--png", str(tmp_path / "chart.png"))

    assert (result.stdout, result.stderr) == (f"drawn: {tmp_path / 'chart.png'}\n", "")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "＝1"])
def test_a_name_that_a_spreadsheet_would_run_is_quoted(text: str) -> None:
    """Numbers that are numbers stay so."""
    assert cell(text) == f"'{text}"
    assert cell(-5) == -5


def test_colours_are_for_terminals_and_no_color_is_honoured(path: Path) -> None:
    """A heatmap has a ground of colours on a terminal, and characters where NO_COLOR is set."""
    program = [sys.executable, "-m", "mocha_actors", "query", "heatmap", "--database", str(path), *RANGE]
    plain = {"PATH": "/usr/bin:/bin", "TERM": "xterm-256color"}

    coloured = subprocess.run(program, env=plain | {"FORCE_COLOR": "1"}, capture_output=True, check=True).stdout
    without = subprocess.run(
        program, env=plain | {"FORCE_COLOR": "1", "NO_COLOR": "1"}, capture_output=True, check=True
    ).stdout

    assert b"\x1b[48;" in coloured
    assert b"\x1b[48;" not in without
    assert "██".encode() in without
    assert b"full: 2.0 messages an hour" in without


def test_bars_and_sparklines_fit_their_width() -> None:
    """To an eighth of a column; the least that is more than nothing is seen."""
    assert [bar(value, 10, 4).plain for value in (0, 0.01, 5, 10)] == ["", "▏", "██", "████"]
    assert sparkline([0, 1, 2, 4, 8, 8], 3) == "▁▃█"
    assert sparkline([], 10) == ""


@pytest.mark.parametrize(("number", "text"), [(0, "0 guilds"), (1, "1 guild"), (2, "2 guilds"), (2000, "2,000 guilds")])
def test_one_is_no_plural(number: int, text: str) -> None:
    """Anything else is."""
    assert text == counted(number, "guild")


def test_durations_and_moments_for_people() -> None:
    """Two units; local time with its offset, UTC by name."""
    assert [duration(seconds) for seconds in (5, 65, 3_660, 360_000)] == [
        "5 s",
        "1 min 05 s",
        "1 h 01 min",
        "100 h 00 min",
    ]
    assert moment(BEGIN, "UTC") == "2026-03-20 00:00 UTC"
    assert moment(BEGIN, "America/St_Johns") == "2026-03-19 21:30 -02:30"


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own terminal must not reach into the output."""
    for name in ("FORCE_COLOR", "COLUMNS", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
