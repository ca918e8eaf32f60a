"""After an end that was none, the database is looked through before it is used."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import structlog
import trio

from mocha_actors.db.errors import DatabaseDamagedError
from mocha_actors.db.integrity import quick_check
from mocha_actors.db.ownership import Ownership
from mocha_actors.db.store import open_store
from tests.db.builders import message, open_session
from tests.privacy.recorded import record

PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of some hundred pages that was closed."""
    path = tmp_path / "mocha.db"
    with open_session(path) as session:
        record(session, iter([message(n, user=n + 1) for n in range(3_000)]))
    return path


def damage(path: Path) -> None:
    """Overwrite every page of the messages with what no page is."""
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'message_events'").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\xa5" * PAGE)


def interrupt(path: Path) -> None:
    """Leave the lock file as a process that was killed leaves it."""
    path.with_name("mocha.db.lock").write_text("12345\n")


async def used(path: Path) -> list[str]:
    """Take the database into use and give it up; returns what was found by checks."""
    with structlog.testing.capture_logs() as logs:
        async with open_store(f"sqlite:///{path}", inline=True):
            pass
    return [line["result"] for line in logs if line["event"] == "database.checked"]


async def test_after_a_clean_end_nothing_is_checked(path: Path) -> None:
    """It costs nothing, however large the database is."""
    assert await used(path) == []
    assert await used(path) == []
    assert path.with_name("mocha.db.lock").read_bytes() == b""


async def test_after_a_kill_the_database_is_checked_once(path: Path) -> None:
    """Its process id still stood in the lock file."""
    await used(path)
    interrupt(path)

    assert await used(path) == ["ok"]
    assert await used(path) == []


async def test_an_end_by_an_error_is_no_clean_end(path: Path) -> None:
    """Whatever it was may have been about the database."""
    with pytest.raises(ZeroDivisionError):
        async with open_store(f"sqlite:///{path}", inline=True):
            raise ZeroDivisionError

    assert await used(path) == ["ok"]


async def test_a_damaged_database_is_not_taken_into_use_and_says_what_to_do(path: Path) -> None:
    """Neither at the first attempt nor at the next one: the end was no clean one again."""
    await used(path)
    interrupt(path)
    damage(path)

    for _ in range(2):
        with pytest.raises(
            DatabaseDamagedError, match=r"mocha\.db is damaged \(.+\); restore a back-up, or save what can be read"
        ):
            await used(path)


async def test_what_is_in_the_log_only_is_looked_at_too(path: Path) -> None:
    """After a kill the newest pages are in the write-ahead log, which the check reads as any reader does."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    with connection:
        connection.execute("UPDATE message_events SET type = 7")
    damage(path)

    try:
        assert quick_check(path, 60.0) == ""
    finally:
        connection.close()


def test_the_check_ends_when_its_time_is_over(path: Path) -> None:
    """Then nothing is known, and nothing is claimed."""
    assert quick_check(path, 0.0) is None
    assert quick_check(path, 60.0) == ""


async def test_who_waits_for_an_owner_that_then_ends_well_checks_nothing(
    path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """What counts is what stands in the file when the lock is had."""
    first = await Ownership.acquire(path)
    first.clean = True

    async def end() -> None:
        await trio.sleep(1)
        first.release()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(end)
        second = await Ownership.acquire(path, wait=10)

    assert not second.interrupted
    second.release()
