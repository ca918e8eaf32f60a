"""Purge: of a guild that removed the bot nothing is left after the grace time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mocha_actors.db import migrations, purge
from mocha_actors.db.purge import TABLES, PurgeLeftGuilds
from mocha_actors.db.readers import open_readers
from mocha_actors.db.session import Session
from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.privacy.audit import entries
from mocha_actors.tree import note_purge
from tests.db.builders import NOON_MS
from tests.db.projections.steps import select
from tests.db.test_closing import writing
from tests.db.test_retention import verified
from tests.privacy.recorded import count, recorded

GRACE = 30
OTHER_TABLES = {
    "guilds",  # the last to go
    "retention_marks",  # go with it
    "audit_log",  # tells of the purge
    "erasures",  # ended by the erasure itself
}


@pytest.fixture
def past(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Two guilds; small pieces."""
    monkeypatch.setattr(purge, "ROWS", 100)
    with recorded(url) as session:
        yield session


async def purged(url: str, session: Session, now_ms: int, steps: int = 1_000_000) -> int:
    """Let the job work; returns how many steps it took."""
    done = 0
    async with open_readers(url, inline=True) as readers:
        job = PurgeLeftGuilds(readers, GRACE, note_purge)
        while done < steps and await job.step(writing(session), now_ms):
            done += 1
    return done


def remove_bot(session: Session, at_ms: int) -> tuple[int, int]:
    """Have one guild remove the bot; returns it and the other one."""
    gone, other = (guild for (guild,) in select(session, "SELECT id FROM guilds ORDER BY id"))
    with session.transaction() as connection:
        connection.execute("UPDATE guilds SET left_ms = ? WHERE id = ?", (at_ms, gone))
    return gone, other


def rows_of(session: Session, guild: int) -> dict[str, int]:
    """How many rows each table has of a guild."""
    return {table: count(session, f"SELECT COUNT(*) FROM {table} WHERE guild_id = ?", guild) for table in TABLES}


async def test_after_the_grace_time_nothing_is_left_of_the_guild_and_all_of_the_others(url: str, past: Session) -> None:
    """The audit log tells of it."""
    gone, other = remove_bot(past, NOON_MS)
    before = rows_of(past, other)
    assert sum(rows_of(past, gone).values()) > 500

    assert await purged(url, past, NOON_MS + GRACE * DAY_MS + 1) > 5

    assert set(rows_of(past, gone).values()) == {0}
    assert rows_of(past, other) == before
    assert select(past, "SELECT id FROM guilds") == [(other,)]
    assert count(past, "SELECT COUNT(*) FROM retention_marks") == 0
    with past.transaction() as connection:
        (entry,) = entries(connection)
    assert (entry.actor, entry.action, entry.guild_id) == ("janitor", "purge", gone)
    assert (await verified(url)).differences == ()


async def test_during_the_grace_time_everything_stays(url: str, past: Session) -> None:
    """Answers are as before."""
    gone, _ = remove_bot(past, NOON_MS)
    before = rows_of(past, gone)

    assert await purged(url, past, NOON_MS + GRACE * DAY_MS) == 0
    assert rows_of(past, gone) == before


async def test_a_guild_that_comes_back_is_purged_no_further(url: str, past: Session) -> None:
    """What was deleted is marked as not retained, so that no recount takes the rest for whole."""
    gone, _ = remove_bot(past, NOON_MS)
    await purged(url, past, NOON_MS + GRACE * DAY_MS + 1, steps=2)
    with past.transaction() as connection:
        connection.execute("UPDATE guilds SET left_ms = NULL WHERE id = ?", (gone,))
    left = rows_of(past, gone)

    assert await purged(url, past, NOON_MS + GRACE * DAY_MS + 1) == 0
    assert rows_of(past, gone) == left
    assert count(past, "SELECT COUNT(*) FROM retention_marks WHERE guild_id = ?", gone) == 6
    assert (await verified(url)).differences == ()


def test_every_table_of_a_guild_is_in_the_map(session: Session) -> None:
    """A table that is forgotten would keep what was to be deleted."""
    with session.transaction() as connection:
        tables = [name for (name,) in connection.execute(migrations.TABLES)]
        keyed = {table for table in tables if table != "guilds" and "guild_id" in columns(connection, table)}

    assert keyed - OTHER_TABLES == TABLES.keys()


def columns(connection: object, table: str) -> list[str]:
    """The columns of a table."""
    cursor = connection.execute(f"SELECT * FROM {table} LIMIT 0")
    return [column[0] for column in cursor.description]
