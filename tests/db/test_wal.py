"""The length of the write-ahead log is what SQLite says it is when it moves it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocha_actors.db.wal import log_of, pages_in


def log_at(path: Path) -> sqlite3.Connection:
    """A database whose log is moved only on request."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0", "CREATE TABLE t (a BLOB)"):
        connection.execute(statement)
    return connection


def moved(connection: sqlite3.Connection) -> int:
    """Move the log; returns how many pages SQLite says are in it."""
    _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages)


steps = st.lists(st.integers(1, 60_000) | st.just("move") | st.just("undo"), max_size=30)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_it_counts_what_stands_in_the_log_since_it_last_began_anew(path: Path, steps: list[int | str]) -> None:
    """Whatever was written, undone and moved before: what an earlier and longer log left behind in the file is none of it."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    with closing(log_at(path)) as connection:
        for step in steps:
            if step == "move":
                moved(connection)
            elif step == "undo":
                connection.execute("BEGIN")
                connection.execute("INSERT INTO t VALUES (zeroblob(9000))")
                connection.execute("ROLLBACK")
            else:
                connection.execute("INSERT INTO t VALUES (zeroblob(?))", (step,))

        assert pages_in(log_of(path)) == moved(connection)


def test_without_a_log_there_is_nothing_in_it(path: Path) -> None:
    """As before the first transaction, or after the last connection was closed; an empty file is the same."""
    assert pages_in(log_of(path)) == 0
    log_of(path).touch()
    assert pages_in(log_of(path)) == 0


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the locks of a process can be seen on Linux only")
def test_looking_at_the_log_gives_up_no_lock(path: Path) -> None:
    """Closing a file gives up all locks that the process has on it, so that the log must be the only one that is opened."""
    with closing(log_at(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (1)")
        pages_in(log_of(path))
        held = {line.split()[5] for line in Path("/proc/locks").read_text().splitlines()}

        stat = (path.with_name(f"{path.name}-shm")).stat()
        assert any(lock.endswith(f":{stat.st_ino}") for lock in held)
