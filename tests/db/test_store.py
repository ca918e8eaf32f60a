"""Taking a database into use: the lock first, then the file, then the epoch."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import trio

from mocha_actors.db.ownership import ShardOwnedError
from mocha_actors.db.readers import open_readers
from mocha_actors.db.session import Session
from mocha_actors.db.store import open_store
from tests.db.builders import begin, ready


async def test_each_use_begins_a_new_epoch_and_keeps_it(url: str) -> None:
    """Whoever wrote before is fenced out once there is a session to write for."""
    async with open_store(url, inline=True) as store:
        assert store.epoch == 1
        await store.port.run(lambda session: begin(session, ready(), epoch=store.epoch))
    async with open_store(url, inline=True) as store:
        assert store.epoch == 2


async def test_a_database_in_use_is_refused(url: str) -> None:
    """Before anything of it is touched."""
    async with open_store(url, inline=True):
        with pytest.raises(ShardOwnedError):
            async with open_store(url, inline=True):
                pass


async def test_a_store_that_cannot_be_opened_keeps_no_lock(path: Path) -> None:
    """Nothing is left behind."""
    path.write_bytes(b"SQLite format 3\0" + b"rubbish" * 100)
    for _ in range(2):
        with pytest.raises(Exception, match="database") as caught:
            async with open_store(f"sqlite:///{path}", inline=True):
                pass
        assert not isinstance(caught.value, ShardOwnedError)


PASSER_BY = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT COUNT(*) FROM guilds").fetchone()[0])
connection.close()
"""
"""Another program that opens the database, looks and closes it, such as the sqlite3 shell."""


async def test_another_program_that_closes_the_database_takes_nothing_with_it(path: Path) -> None:
    """As long as the service runs nobody else is the last one to close: the write-ahead log stays, and what is in it."""
    url = f"sqlite:///{path}"
    async with open_store(url) as store, open_readers(url, threads=1) as readers:
        for number in range(1, 4):

            def insert(session: Session, number: int = number) -> None:
                with session.transaction() as connection:
                    connection.execute("INSERT INTO guilds (id) VALUES (?)", (number,))

            await store.port.run(insert)
            await readers.run(lambda connection: connection.execute("SELECT 1").fetchone(), deadline=60)
            seen = await trio.run_process([sys.executable, "-c", PASSER_BY, str(path)], capture_stdout=True)
            assert number == int(seen.stdout)
            assert path.with_name(f"{path.name}-wal").exists()
