"""The database port: one thread, one job at a time, nothing lost by a cancellation."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import trio

from mocha_actors.db.engine import open_port
from mocha_actors.db.errors import DatabaseDamagedError, DatabaseUnavailableError
from mocha_actors.db.migrations import SchemaError
from mocha_actors.db.session import Session

BOTH = pytest.mark.parametrize("inline", [False, True], ids=["thread", "inline"])


def url(path: Path) -> str:
    """The address of a path."""
    return f"sqlite:///{path}"


def add_guild(session: Session, guild: int = 1) -> int:
    """A job that writes."""
    with session.transaction() as connection:
        return connection.execute("INSERT INTO guilds (id) VALUES (?)", (guild,)).rowcount


def guilds(session: Session) -> list[int]:
    """A job that reads."""
    with session.transaction() as connection:
        return [guild for (guild,) in connection.execute("SELECT id FROM guilds")]


@BOTH
async def test_a_job_returns_its_result_and_raises_its_error(path: Path, inline: bool) -> None:
    """As if it were called directly."""
    async with open_port(url(path), inline=inline) as port:
        assert await port.run(add_guild) == 1
        with pytest.raises(sqlite3.IntegrityError):
            await port.run(add_guild)


@BOTH
async def test_what_a_failed_transaction_wrote_is_gone(path: Path, inline: bool) -> None:
    """All of it or nothing."""

    def fail(session: Session) -> None:
        with session.transaction() as connection:
            connection.execute("INSERT INTO guilds (id) VALUES (1)")
            raise ZeroDivisionError

    async with open_port(url(path), inline=inline) as port:
        with pytest.raises(ZeroDivisionError):
            await port.run(fail)
        assert await port.run(guilds) == []


async def test_all_jobs_run_on_one_thread_that_is_not_the_callers(path: Path) -> None:
    """A connection belongs to its thread, and a slow disk must not stop the loop (P4)."""
    async with open_port(url(path)) as port:
        threads = {await port.run(lambda _: threading.get_ident()) for _ in range(3)}

    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_a_cancelled_caller_leaves_its_job_running(path: Path) -> None:
    """The next incarnation waits for it before it reads the checkpoint."""
    started, proceed = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    def slow(session: Session) -> None:
        token.run_sync_soon(started.set)
        proceed.wait(10)
        add_guild(session)

    async with open_port(url(path)) as port:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(port.run, slow)
            await started.wait()
            nursery.cancel_scope.cancel()
        with trio.move_on_after(0.05) as waiting:
            await port.idle()
        assert waiting.cancelled_caught, "the job is still in flight"
        proceed.set()
        await port.idle()

        assert await port.run(guilds) == [1]


@BOTH
async def test_the_log_is_write_ahead_and_every_commit_is_synced(path: Path, inline: bool) -> None:
    """What a heartbeat acknowledged must survive a power cut; readers must not wait for the writer."""

    def pragmas(session: Session) -> list[object]:
        with session.transaction() as connection:
            names = ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint")
            return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    async with open_port(url(path), inline=inline) as port:
        assert await port.run(pragmas) == ["wal", 2, 1, 10000]


async def test_the_write_ahead_log_can_be_emptied(path: Path) -> None:
    """What it held is in the database file then, for whoever copies that alone."""
    async with open_port(url(path), inline=True) as port:
        await port.run(add_guild)
        await port.run(lambda session: session.checkpoint_log())
        copy = path.with_name("copy.db")
        copy.write_bytes(path.read_bytes())

        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("SELECT id FROM guilds").fetchall() == [(1,)]


async def test_a_lock_held_by_another_program_is_a_transient_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same transaction will succeed when the other one has ended."""
    monkeypatch.setattr("mocha_actors.db.session.BUSY_SECONDS", 0.01)
    async with open_port(url(path), inline=True) as port:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailableError, match="database is locked"):
            await port.run(add_guild)
        other.execute("ROLLBACK")
        other.close()

        assert await port.run(add_guild) == 1


async def test_a_missing_table_is_damage(path: Path) -> None:
    """No retry brings it back."""
    async with open_port(url(path), inline=True) as port:

        def broken(session: Session) -> None:
            with session.transaction() as connection:
                connection.execute("SELECT * FROM nowhere")

        with pytest.raises(DatabaseDamagedError, match="no such table: nowhere"):
            await port.run(broken)


async def test_a_database_that_cannot_be_used_leaves_no_thread_behind(path: Path) -> None:
    """The sentence comes out of opening it."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.close()
    before = threading.active_count()

    with pytest.raises(SchemaError, match="another program"):
        async with open_port(url(path)):
            pass

    assert threading.active_count() == before


async def test_two_databases_live_in_one_process(tmp_path: Path) -> None:
    """There is no module-level database."""
    async with open_port(url(tmp_path / "a.db")) as first, open_port(url(tmp_path / "b.db")) as second:
        await first.run(add_guild)

        assert await second.run(guilds) == []
