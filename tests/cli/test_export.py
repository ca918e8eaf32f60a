"""``mocha export``: every row of the guild asked for and of no other, in forms that other programs read."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from mocha_actors.cli.main import mocha
from mocha_actors.db import export
from mocha_actors.db.export import EXPORTS, Kind
from mocha_actors.db.plain import moment
from mocha_actors.pipeline.facts import MessageSent
from tests.db.builders import CHANNEL, GUILD, NOON_MS, message, open_session
from tests.privacy.recorded import PAST, count, facts_of, record, recorded


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a past of two guilds."""
    database = tmp_path_factory.mktemp("export") / "mocha.db"
    with recorded(f"sqlite:///{database}"):
        pass
    return database


def run(path: Path, *arguments: str) -> Result:
    """Run ``mocha export`` on the database."""
    return CliRunner().invoke(mocha, ["export", *arguments, "--database", str(path)])


def guilds(path: Path) -> list[int]:
    """The guilds of the past."""
    with open_session(f"sqlite:///{path}") as session, session.transaction() as connection:
        return [guild for (guild,) in connection.execute("SELECT id FROM guilds ORDER BY id")]


@pytest.mark.parametrize("kind", EXPORTS)
def test_every_row_of_the_guild_is_there_once_whatever_the_size_of_a_page(
    path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no row of the other guild."""
    monkeypatch.setattr(export, "PAGE", 7)
    table = EXPORTS[kind].table
    guild = guilds(path)[0]
    result = run(path, kind, "--guild", str(guild), "--format", "jsonl")

    assert 0 == result.exit_code, result.output
    lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
    with open_session(f"sqlite:///{path}") as session:
        rows = count(session, f"SELECT COUNT(*) FROM {table} WHERE guild_id = ?", guild)
        assert rows < count(session, f"SELECT COUNT(*) FROM {table}")
    assert rows == len(lines)
    assert len(set(lines)) == len(lines)


def test_csv_json_and_parquet_say_the_same(path: Path, tmp_path: Path) -> None:
    """Types aside, as CSV has none."""
    guild = str(guilds(path)[0])
    as_csv = list(csv.DictReader(io.StringIO(run(path, "messages", "--guild", guild).stdout)))
    as_json = [
        json.loads(line) for line in run(path, "messages", "--guild", guild, "--format", "jsonl").stdout.splitlines()
    ]
    assert (
        0
        == run(
            path, "messages", "--guild", guild, "--format", "parquet", "--out", str(tmp_path / "m.parquet")
        ).exit_code
    )
    as_parquet = parquet.read_table(tmp_path / "m.parquet").to_pylist()

    assert as_json == as_parquet
    assert [{key: "" if value is None else str(value) for key, value in row.items()} for row in as_json] == as_csv
    assert {"human"} <= {row["author_class"] for row in as_json}


def test_the_roles_of_members_are_lists_of_ids(tmp_path: Path) -> None:
    """In every form; CSV has no lists, so there they stand with blanks between."""
    database = tmp_path / "mocha.db"
    with open_session(f"sqlite:///{database}") as session:
        record(session, facts_of(PAST))
        with session.transaction() as connection:
            connection.execute("UPDATE members SET roles = ',7005,7458,'")
    arguments = ("members", "--guild", str(guilds(database)[0]))
    run(database, *arguments, "--format", "parquet", "--out", str(tmp_path / "m.parquet"))

    assert "7005 7458" == next(csv.DictReader(io.StringIO(run(database, *arguments).stdout)))["roles"]
    as_json = json.loads(run(database, *arguments, "--format", "jsonl").stdout.splitlines()[0])
    assert ["7005", "7458"] == as_json["roles"] == parquet.read_table(tmp_path / "m.parquet").to_pylist()[0]["roles"]


@pytest.mark.parametrize("kind", [name for name, kind in EXPORTS.items() if kind.bound is not None])
def test_a_range_is_half_open_and_cuts_every_kind_that_has_a_time(path: Path, kind: str) -> None:
    """The parts before and after it make the whole."""

    def lines(guild: int, *period: str) -> list[str]:
        return run(path, kind, "--guild", str(guild), "--format", "jsonl", *period).stdout.splitlines()

    guild = max(guilds(path), key=lambda guild: len(lines(guild)))
    whole = lines(guild)
    times = [next(iter(json.loads(line).values())) for line in whole]
    middle = times[len(times) // 2]
    before = lines(guild, "--since", "2020-01-01", "--until", middle)
    after = lines(guild, "--since", middle, "--until", "2030-01-01")

    assert whole == before + after
    assert sum(time < middle for time in times) == len(before)


def test_names_that_would_be_formulas_are_harmless_in_csv(tmp_path: Path) -> None:
    """They come from strangers."""
    database = tmp_path / "mocha.db"
    with open_session(f"sqlite:///{database}") as session:
        record(session, facts_of(PAST))
        with session.transaction() as connection:
            connection.execute("UPDATE channels SET name = '=cmd|calc'")
            (guild,) = connection.execute("SELECT MIN(id) FROM guilds").fetchone()
    output = run(database, "channels", "--guild", str(guild)).stdout

    assert "'=cmd|calc" in output
    assert ",=cmd" not in output


def test_a_file_is_private_and_never_written_over(path: Path, tmp_path: Path) -> None:
    """Nor left half."""
    out = tmp_path / "rows.csv"
    guild = str(guilds(path)[0])
    assert 0 == run(path, "messages", "--guild", guild, "--out", str(out)).exit_code
    assert 0o600 == out.stat().st_mode & 0o777
    before = out.read_bytes()

    again = run(path, "messages", "--guild", guild, "--out", str(out))
    assert (2, True) == (again.exit_code, "exists already" in again.output)
    assert before == out.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("messages",), "the database holds 2 guilds"),
        (("messages", "--guild", "5"), "holds no guild 5"),
        (("messages", "--format", "parquet"), "--out FILE"),
        (("messages", "--until", "2026-01-01"), "--since"),
        (("nonsense",), "'KIND': 'nonsense' is not one of"),
        ((), "Missing argument 'KIND'. Choose from: messages,"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(path: Path, arguments: tuple[str, ...], says: str) -> None:
    """It names what was found and what is allowed."""
    result = run(path, *arguments)

    assert 2 == result.exit_code, result.output
    assert says in result.output
    assert 1 == len(result.output.splitlines())
    assert "\t" not in result.output
    assert 1 >= result.output.count("voice-by-user-and-day")


def test_an_export_is_read_on_both_databases(database_url: str) -> None:
    """Rows that differ in the last column of their key only are cut into pages in the right place."""
    sent = [message(n) for n in range(12)]
    system = MessageSent(GUILD, message(50).message_id, CHANNEL, 9, 0, 2, 7, "ann", None)
    with open_session(database_url) as session:
        record(session, iter([*sent, system]))
        with session.transaction() as connection:
            kind: Kind = EXPORTS["messages"]
            rows = list(kind.rows(connection, GUILD, None, None))
            hours = list(EXPORTS["messages-by-hour"].rows(connection, GUILD, None, None))

    assert [str(fact.message_id) for fact in (*sent, system)] == [row["message_id"] for row in rows]
    assert "system" == rows[-1]["kind"]
    assert [12] == [row["sent"] for row in hours]
    assert moment(NOON_MS) == hours[0]["hour"]
