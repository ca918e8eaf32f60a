"""`mocha verify --repair`: what differs from a recount is built anew, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mocha_actors.db.readers import open_readers
from mocha_actors.db.repair import ROLLUPS, Repaired, repair
from mocha_actors.db.retention import Limits
from mocha_actors.db.session import Session
from tests.db.projections.steps import select
from tests.db.test_closing import close_all, writing
from tests.db.test_retention import NOON_MS, retain, verified
from tests.privacy.recorded import count, recorded


@pytest.fixture
def past(url: str) -> Iterator[Session]:
    """Four days of two guilds."""
    with recorded(url) as session:
        yield session


async def repaired(url: str, session: Session, told: list[tuple[int, int]] | None = None) -> Repaired:
    """Repair, and note what was told of the progress."""
    async with open_readers(url, inline=True) as readers:
        return await repair(
            readers, writing(session), lambda done, of: (told if told is not None else []).append((done, of))
        )


def rollups(session: Session) -> dict[str, list[tuple[object, ...]]]:
    """All rollups, row by row."""
    return {each.table: sorted(select(session, f"SELECT * FROM {each.table}"), key=repr) for each in ROLLUPS}


async def test_what_is_right_is_left_alone(url: str, past: Session) -> None:
    """Not a row is written."""
    before = rollups(past)

    assert await repaired(url, past) == (0, 0)
    assert rollups(past) == before


async def test_every_kind_of_damage_in_every_rollup_is_mended(url: str, past: Session) -> None:
    """In each table one number is changed, one row is missing and one is invented; each of them is counted."""
    await close_all(url, past, NOON_MS)
    right = rollups(past)
    # Columns are no rows that could be added to: their damage has a test of its own.
    filled = [each for each in ROLLUPS if right[each.table] and each.table != "user_columns"]
    assert len(filled) >= 12
    for each in filled:
        keys = [column for column in each.key if column not in {"guild_id", each.time}]
        last = keys[-1]
        first, second = f"(SELECT MIN({each.time}) FROM {each.table})", f"(SELECT MAX({each.time}) FROM {each.table})"
        with past.transaction() as connection:
            connection.execute(
                f"UPDATE {each.table} SET {each.numbers[0]} = {each.numbers[0]} + 7 WHERE {each.time} = {first}"
            )
            columns = ", ".join((*each.key, *each.numbers))
            invented = ", ".join("77" if name == last else name for name in (*each.key, *each.numbers))
            if last != "emoji":
                connection.execute(
                    f"INSERT INTO {each.table} ({columns}) SELECT {invented} FROM {each.table} WHERE {each.time} = {second} LIMIT 1"
                )
    with past.transaction() as connection:
        connection.execute("DELETE FROM user_week")
        connection.execute("DELETE FROM channel_day")
    wrong = (await verified(url)).different
    assert wrong > 2 * len(filled)

    assert (await repaired(url, past)).rows == wrong
    assert rollups(past) == right


async def test_only_the_pieces_that_differ_are_written(url: str, past: Session) -> None:
    """One table of one day."""
    with past.transaction() as connection:
        day, guild = connection.execute("SELECT day, guild_id FROM user_day ORDER BY day, guild_id LIMIT 1").fetchone()
        connection.execute("UPDATE user_day SET sent = sent + 1 WHERE day = ? AND guild_id = ?", (day, guild))
    revisions = dict(select(past, "SELECT id, revision FROM guilds"))

    assert (await repaired(url, past)).pieces == 1
    assert {g: r - revisions[g] for g, r in select(past, "SELECT id, revision FROM guilds")} == {
        g: int(g == guild) for g in revisions
    }


async def test_what_is_past_its_retention_is_not_built_from_nothing(url: str, past: Session) -> None:
    """Its sums are all there is."""
    await retain(url, past, Limits(messages=2, voice=2, reactions=2, presence=2, members=2))
    before = rollups(past)

    assert await repaired(url, past) == (0, 0)
    assert rollups(past) == before


async def test_progress_is_told_up_to_the_end(url: str, past: Session) -> None:
    """In days of all guilds."""
    told: list[tuple[int, int]] = []

    await repaired(url, past, told)

    assert told[0][0] == 0
    assert (
        told[-1][0]
        == told[-1][1]
        == count(past, "SELECT COUNT(*) FROM (SELECT DISTINCT guild_id, day FROM channel_day) AS d")
    )
    assert told == sorted(told)
