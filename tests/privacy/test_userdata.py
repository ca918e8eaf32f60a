"""What is stored about a user is given out whole, to the user and to nobody else."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, TextIO

import msgspec
import pytest

from mocha_actors.db import export
from mocha_actors.db.connection import Connection
from mocha_actors.pipeline.facts import MessageSent
from mocha_actors.privacy.places import PLACES, SINGLES
from mocha_actors.privacy.userdata import ONLY_SUMS, PARTS, Single, write_csv, write_json
from tests.db.builders import GUILD
from tests.privacy.recorded import count, most_active, record, recorded

INTERNAL = {
    "guild_id",  # stands in every row
    "shard", "device", "visit", "suspended", "end_reason", "continues_id", "follows",  # how intervals are told apart
    "seq", "seen_ms",  # of channels and dead letters: how far the recorder had come
}  # fmt: skip
"""Columns that say nothing of the user."""


def written(connection: Connection, user: int) -> dict[str, Any]:
    """What is written about a user, as JSON."""
    file = io.StringIO()
    write_json(connection, user, file)
    return dict(msgspec.json.decode(file.getvalue()))


def test_every_place_where_an_erasure_looks_for_a_user_is_given_out() -> None:
    """A new one cannot be forgotten; left out is only what merely adds up other places."""
    mapped = {(place.table, place.column) for place in PLACES} | set(SINGLES.items())

    assert mapped == {part.place for part in PARTS} | ONLY_SUMS
    assert {("user_week", "user_id")} == ONLY_SUMS


def test_every_column_of_these_places_is_given_out(database_url: str) -> None:
    """But for the recorder's own, and the settings and counts of a guild that the user owns."""
    with recorded(database_url) as session, session.transaction() as connection:
        for part in PARTS:
            table, own = part.place
            read = {stored for stored, _ in (part.fields if isinstance(part, Single) else part.kind.columns).values()}
            given = {word for stored in read for word in stored.replace("t.", "").replace("d.", "").split()}
            assert not columns(connection, table) - {own} - given - ELSEWHERE.get((table, own), set()), part.name
            if part.name == "messages":
                assert not columns(connection, "message_details") - {"invoker_id"} - given


ELSEWHERE = {
    ("reaction_events", "receiver_id"): {"user_id", "receiver_bot"},  # the data of those who reacted, and the profile's
    ("reaction_state", "receiver_id"): {"user_id"},
    ("message_details", "invoker_id"): {"attachments", "embeds", "mentions", "links", "length", "words", "edited_ms", "edits"},  # of the bot's message
    ("guilds", "owner_id"): {"afk_channel_id", "member_count", "joined_ms", "left_ms", "unavailable", "time_zone", "week_start", "revision", "rewrites"},
}  # fmt: skip
"""Columns that are the data of somebody else."""


def columns(connection: Connection, table: str) -> set[str]:
    """The columns of a table that say something."""
    rows = connection.execute(f"SELECT * FROM {table} LIMIT 0")
    return {column[0] for column in rows.description} - INTERNAL  # type: ignore[attr-defined]


def test_every_row_of_the_user_is_there_and_no_other(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of a page; ids are text, times are readable."""
    monkeypatch.setattr(export, "PAGE", 7)
    with recorded(database_url) as session:
        with session.transaction() as connection:
            user = most_active(connection)
            invoker = connection.execute("SELECT MAX(invoker_id) FROM message_details").fetchone()[0]
            connection.execute(
                "INSERT INTO member_removals SELECT guild_id, user_id, 2, 5, 0 FROM members WHERE user_id = ?", (user,)
            )
            connection.execute("INSERT INTO guild_ignores SELECT id, 1, ? FROM guilds", (user,))
            connection.execute("UPDATE guilds SET owner_id = ?", (user,))
            letter = (user, b'{"a": 1}')
            connection.execute(
                "INSERT INTO dead_letters (shard, seq, type, reason, error, payload, at_ms, user_id) "
                "SELECT 0, 1, 'MESSAGE_CREATE', 'failed', 'x', ?, 5, ?", letter[::-1],
            )  # fmt: skip
            file = io.StringIO()
            rows = write_json(connection, user, file)
            commands = written(connection, invoker)["commands_used"]
        data = msgspec.json.decode(file.getvalue())
        for part in PARTS:
            table, column = part.place
            assert count(session, f"SELECT COUNT(*) FROM {table} WHERE {column} = ?", user) == len(data[part.name]), (
                part.name
            )
        assert count(session, "SELECT COUNT(*) FROM message_details WHERE invoker_id = ?", invoker) == len(commands) > 0

    assert str(user) == data["user_id"]
    assert {"messages", "reactions_given", "reactions_received", "voice", "voice_by_day", "kicks_and_bans"} <= {
        name for name, found in data.items() if found
    }
    assert rows == sum(len(part) for part in data.values() if isinstance(part, list))
    first = data["messages"][0]
    assert first["message_id"].isdigit()
    assert len({(row["guild_id"], row["message_id"]) for row in data["messages"]}) == len(data["messages"])


def test_what_is_written_is_meant_for_people_and_not_for_the_database(database_url: str) -> None:
    """A time is not called an id, what stands for a number is named, and roles are a list."""
    with recorded(database_url) as session, session.transaction() as connection:
        user = most_active(connection)
        connection.execute("UPDATE members SET roles = ',7005,7458,' WHERE user_id = ?", (user,))
        connection.execute("UPDATE voice_events SET flags = 257 WHERE user_id = ?", (user,))
        connection.execute(
            "INSERT INTO member_events (guild_id, at_ms, user_id, kind, is_bot, reason, bound_ms) SELECT MIN(id), 5, ?, 1, 0, 2, 0 FROM guilds", (user,)
        )  # fmt: skip
        data = written(connection, user)

    assert [["7005", "7458"]] == [row["roles"] for row in data["memberships"][:1]]
    assert {"self_mute alone"} == {row["flags"] for row in data["voice"]}
    assert {"add"} <= {row["action"] for row in data["reactions_given"]} <= {"add", "remove"}
    assert [("leave", "ban")] == [(row["kind"], row["reason"]) for row in data["joins_and_leaves"]]
    assert {"online"} <= {row["status"] for row in data["presence"]} <= set(export.STATUSES)
    assert {"human"} == {row["author_class"] for row in data["messages"]}
    assert not [name for part in PARTS for name in part.columns if name == "id" or name.endswith("_ms")]


def test_the_same_as_a_file_a_kind(database_url: str, tmp_path: Path) -> None:
    """For a spreadsheet; a name that would be a formula there is none."""

    def open_part(name: str) -> TextIO:
        return (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="")

    with recorded(database_url) as session:
        record(session, iter([MessageSent(GUILD, 1, 5, 77, 0, 0, 0, "=HYPERLINK(1)", None)]))
        with session.transaction() as connection:
            assert 3 == write_csv(connection, 77, open_part)

    with (tmp_path / "profile.csv").open(encoding="utf-8", newline="") as file:
        assert ["'=HYPERLINK(1)"] == [row["username"] for row in csv.DictReader(file)]
    with (tmp_path / "messages.csv").open(encoding="utf-8", newline="") as file:
        assert ["1"] == [row["message_id"] for row in csv.DictReader(file)]
    with (tmp_path / "presence.csv").open(encoding="utf-8", newline="") as file:
        assert ["guild_id,start,end,status,is_bot,uncertain_milliseconds"] == file.read().splitlines()


def test_of_an_unknown_user_there_is_nothing(database_url: str) -> None:
    """An empty answer is an answer."""
    with recorded(database_url) as session, session.transaction() as connection:
        file = io.StringIO()
        assert 0 == write_json(connection, 1, file)
    assert {"profile", "messages", "voice"} < set(msgspec.json.decode(file.getvalue()))
