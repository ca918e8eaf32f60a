"""What is stored about a user is given out whole, to the user and to nobody else."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TextIO

import msgspec
import pytest

from mocha_actors.pipeline.facts import MessageSent
from mocha_actors.privacy import userdata
from mocha_actors.privacy.userdata import write_csv, write_json
from tests.db.builders import GUILD
from tests.privacy.recorded import count, most_active, record, recorded


def test_every_row_of_the_user_is_there_and_no_other(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of a page; ids are text, times are readable."""
    monkeypatch.setattr(userdata, "PAGE", 7)
    with recorded(database_url) as session:
        with session.transaction() as connection:
            user = most_active(connection)
            file = io.StringIO()
            rows = write_json(connection, user, file)
        data = msgspec.json.decode(file.getvalue())
        parts = {
            "messages": "message_events", "reactions_given": "reaction_events", "voice": "voice_events",
            "joins_and_leaves": "member_events", "memberships": "members",
        }  # fmt: skip
        for part, table in parts.items():
            assert count(session, f"SELECT COUNT(*) FROM {table} WHERE user_id = ?", user) == len(data[part])

    assert str(user) == data["user_id"]
    assert len(data["profile"]) == 1
    assert rows == sum(len(part) for part in data.values() if isinstance(part, list))
    first = data["messages"][0]
    assert first["message_id"].isdigit()
    assert len({(row["guild_id"], row["message_id"]) for row in data["messages"]}) == len(data["messages"])


def test_the_same_as_a_file_a_kind(database_url: str, tmp_path: Path) -> None:
    """For a spreadsheet; a name that would be a formula there is none."""

    def open_part(name: str) -> TextIO:
        return (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="")

    with recorded(database_url) as session:
        record(session, iter([MessageSent(GUILD, 1, 5, 77, 0, 0, 0, "=HYPERLINK(1)", None)]))
        with session.transaction() as connection:
            assert 2 == write_csv(connection, 77, open_part)

    with (tmp_path / "profile.csv").open(encoding="utf-8", newline="") as file:
        assert ["'=HYPERLINK(1)"] == [row["username"] for row in csv.DictReader(file)]
    with (tmp_path / "messages.csv").open(encoding="utf-8", newline="") as file:
        assert ["1"] == [row["message_id"] for row in csv.DictReader(file)]


def test_of_an_unknown_user_there_is_nothing(database_url: str) -> None:
    """An empty answer is an answer."""
    with recorded(database_url) as session, session.transaction() as connection:
        file = io.StringIO()
        assert 0 == write_json(connection, 1, file)
    assert {"profile", "messages", "voice"} < set(msgspec.json.decode(file.getvalue()))
