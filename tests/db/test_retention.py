"""Retention: raw rows older than wanted go in small pieces, their sums stay, and a mark says from when on there are rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import trio

from mocha_actors.db import retention
from mocha_actors.db.closing import ClosedDays
from mocha_actors.db.comparison import Verification
from mocha_actors.db.connection import Connection
from mocha_actors.db.janitor import Job
from mocha_actors.db.marks import HOURLY, KINDS, OF_ROLLUPS
from mocha_actors.db.readers import open_readers
from mocha_actors.db.recounts.registry import RECOUNTS
from mocha_actors.db.retention import STORES, Limits, Retention
from mocha_actors.db.session import Session
from mocha_actors.db.verify import verify
from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS, from_time_ms
from tests.db.builders import NOON_MS
from tests.db.test_closing import writing
from tests.privacy.recorded import count, recorded

TODAY_MS = NOON_MS - NOON_MS % DAY_MS
LIMITS = Limits(messages=2, voice=2, reactions=2, presence=2, members=2, hours=3)
ALL_ROWS = {store.table: store for stores in STORES.values() for store in stores}


@pytest.fixture
def past(url: str) -> Iterator[Session]:
    """Four days of two guilds, up to noon."""
    with recorded(url) as session:
        yield session


async def work_off(job: Job, session: Session, now_ms: int = NOON_MS) -> int:
    """Do all there is to do; returns how many steps that were."""
    steps = 0
    while await job.step(writing(session), now_ms):
        steps += 1
    return steps


async def retain(url: str, session: Session, limits: Limits = LIMITS, now_ms: int = NOON_MS) -> int:
    """Let the retention do its work."""
    async with open_readers(url, inline=True) as readers:
        return await work_off(Retention(readers, limits), session, now_ms)


async def verified(url: str) -> Verification:
    """The result of `verify`."""
    async with open_readers(url, inline=True) as readers:
        return await verify(readers)


def rows_before(session: Session, table: str, ms: int) -> int:
    """How many rows a table has from before ``ms``, open intervals aside."""
    store = ALL_ROWS[table]
    return count(session, f"SELECT COUNT(*) FROM {table} WHERE {store.along} < ?{store.only}", store.key(ms))


async def test_rows_before_the_limit_go_and_the_others_stay(url: str, past: Session) -> None:
    """Two days before today's midnight for raw rows, three for the sums by the hour."""
    limits = {table: TODAY_MS - (3 if table in HOURLY else 2) * DAY_MS for table in ALL_ROWS}
    all_rows = {table: count(past, f"SELECT COUNT(*) FROM {table}") for table in ALL_ROWS}
    old = {table: rows_before(past, table, limits[table]) for table in ALL_ROWS}
    assert min(old[table] for table in ("message_events", "voice_events", "presence_events", "guild_hour")) > 0

    await retain(url, past)

    for table, before_ms in limits.items():
        assert rows_before(past, table, before_ms) == 0, table
        assert count(past, f"SELECT COUNT(*) FROM {table}") == all_rows[table] - old[table], table


async def test_sums_by_day_and_week_stay_for_ever(url: str, past: Session) -> None:
    """They are what the raw rows came to."""
    tables = sorted(KINDS.keys() - set(HOURLY))
    before = [count(past, f"SELECT COUNT(*) FROM {table}") for table in tables]

    await retain(url, past)

    assert [count(past, f"SELECT COUNT(*) FROM {table}") for table in tables] == before


async def test_nothing_goes_unless_it_is_asked_for(url: str, past: Session) -> None:
    """Everything is kept by default, and no mark is set."""
    assert await retain(url, past, Limits()) == 0
    assert count(past, "SELECT COUNT(*) FROM retention_marks") == 0


async def test_a_kind_has_its_own_limit(url: str, past: Session) -> None:
    """Voice alone."""
    await retain(url, past, Limits(voice=2))

    assert rows_before(past, "voice_events", TODAY_MS - 2 * DAY_MS) == 0
    assert rows_before(past, "message_events", TODAY_MS - 2 * DAY_MS) > 0
    assert count(past, "SELECT COUNT(*) FROM retention_marks WHERE kind <> 'voice'") == 0


async def test_the_mark_is_there_as_soon_as_the_first_row_is_gone(
    url: str, past: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each single piece, what is before no mark is whole."""
    monkeypatch.setattr(retention, "ROWS", 20)
    messages = count(past, "SELECT COUNT(*) FROM message_events")
    async with open_readers(url, inline=True) as readers:
        job = Retention(readers, Limits(messages=2))
        while count(past, "SELECT COUNT(*) FROM message_events") == messages:
            assert await job.step(writing(past), NOON_MS)
    before_ms = count(past, "SELECT MIN(before_ms) FROM retention_marks")

    assert before_ms == TODAY_MS - 2 * DAY_MS
    assert messages - count(past, "SELECT COUNT(*) FROM message_events") <= 20


async def test_a_piece_is_small(url: str, past: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction deletes more rows than it may, whatever there is to delete."""
    monkeypatch.setattr(retention, "ROWS", 20)
    deleted: list[int] = []

    async def write(work: Callable[[Connection], int], *, resets: bool = False) -> int:
        deleted.append(await writing(past)(work, resets=resets))
        return deleted[-1]

    async with open_readers(url, inline=True) as readers:
        job = Retention(readers, Limits(messages=2, voice=2, presence=2))
        while await job.step(write, NOON_MS):
            await trio.lowlevel.checkpoint()

    assert sum(deleted) > 100
    assert max(deleted) <= 20


async def test_verify_passes_over_what_cannot_be_recounted_and_says_how_much(url: str, past: Session) -> None:
    """The rest is compared as before."""
    before = await verified(url)

    await retain(url, past)
    after = await verified(url)

    assert (before.not_retained, before.differences, after.differences) == (0, (), ())
    assert after.not_retained > 0
    assert 0 < after.compared < before.compared


async def test_without_the_marks_verify_would_report_what_retention_did(url: str, past: Session) -> None:
    """So it is the marks that verify goes by."""
    await retain(url, past)
    with past.transaction() as connection:
        connection.execute("DELETE FROM retention_marks")

    assert (await verified(url)).different > 0


async def test_a_day_whose_messages_are_gone_is_not_built_again(url: str, past: Session) -> None:
    """Or its rollup by channel and user would become empty."""
    async with open_readers(url, inline=True) as readers:
        await work_off(ClosedDays(readers), past)
        rows = count(past, "SELECT COUNT(*) FROM channel_user_day")
        await retain(url, past)
        with past.transaction() as connection:
            connection.execute("UPDATE closed_days SET dirty = 1")
        await work_off(ClosedDays(readers), past)

    assert count(past, "SELECT COUNT(*) FROM channel_user_day") == rows


async def test_days_are_looked_for_once_and_again_after_midnight(url: str, past: Session) -> None:
    """Days go as a whole."""
    async with open_readers(url, inline=True) as readers:
        job = Retention(readers, Limits(messages=2))
        assert await work_off(job, past) > 0
        assert await work_off(job, past, TODAY_MS + DAY_MS - 1) == 0
        assert await work_off(job, past, TODAY_MS + DAY_MS) > 0

    assert rows_before(past, "message_events", TODAY_MS - DAY_MS) == 0


async def test_an_interval_that_is_open_stays_however_old_it_is(url: str, session: Session) -> None:
    """It is still going on."""
    old = from_time_ms(NOON_MS - 30 * DAY_MS)
    with session.transaction() as connection:
        connection.execute("INSERT INTO guilds (id, name) VALUES (1, 'g')")
        for key, ended in ((old, None), (old + 1, NOON_MS - 30 * DAY_MS + HOUR_MS)):
            connection.execute(
                "INSERT INTO voice_events VALUES (1, ?, 7, 8, ?, 0, 0, 0, 0, ?, 1, NULL, NULL, 0, 0)", (key, ended, key)
            )

    await retain(url, session, Limits(voice=2))

    assert count(session, "SELECT COUNT(*) FROM voice_events") == 1
    assert count(session, "SELECT COUNT(*) FROM voice_events WHERE ended_ms IS NULL") == 1


async def test_dead_letters_go_by_their_age(url: str, session: Session) -> None:
    """To the millisecond, since they have no day."""
    with session.transaction() as connection:
        for at_ms in (NOON_MS - 2 * DAY_MS - 1, NOON_MS - 2 * DAY_MS):
            connection.execute(
                "INSERT INTO dead_letters (shard, seq, type, reason, error, payload, at_ms) VALUES (0, 1, 't', 'r', 'e', ?, ?)",
                (b"{}", at_ms),
            )

    await retain(url, session, Limits(dead_letters=2))

    assert count(session, "SELECT COUNT(*) FROM dead_letters") == 1
    assert count(session, "SELECT MIN(at_ms) FROM dead_letters") == NOON_MS - 2 * DAY_MS


def test_every_recounted_rollup_says_what_it_consists_of() -> None:
    """A rollup that is missing in the map could not be verified after a retention."""
    assert {recount.table for recount in RECOUNTS if recount.recounted is not None} == KINDS.keys() | OF_ROLLUPS
    assert {recount.table for recount in RECOUNTS if recount.recounted and recount.bucket == "hour"} == set(HOURLY)
