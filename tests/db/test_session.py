"""The connection to a file, and what Pony does with it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from mocha_actors.db.errors import DatabaseUnavailableError
from mocha_actors.db.session import Session, SqliteSession
from mocha_actors.db.sqlite import SqliteConnection
from tests.db.builders import open_session


def test_the_log_is_not_cared_for_on_a_connection_that_was_given_up(path: Path) -> None:
    """That is the database being away, and no mistake that would restart the writer."""
    with open_session(path) as session:
        assert isinstance(session, SqliteSession)
        session._connections[0].close()
        with pytest.raises(DatabaseUnavailableError, match="given up"):
            session.checkpoint_log()
        with pytest.raises(DatabaseUnavailableError, match="given up"):
            session.compact_log()
        session._connections[0] = SqliteConnection(path)
        session.checkpoint_log()
        session._connections[0].close()


def test_compacting_leaves_nothing_that_was_overwritten(sqlite_session: Session, path: Path) -> None:
    """Not even the copies that rows left behind when their page was split, which SQLite zeroes by nothing else."""
    user, alias = 612_345_678_901_234_567, 1 << 62
    rows = [(n // 3, user if n % 9 < 3 else user + n, n % 3) for n in range(9_000)]
    Random(1).shuffle(rows)
    with sqlite_session.transaction() as connection:
        connection.execute("CREATE TABLE t (m INTEGER, u INTEGER, e INTEGER, PRIMARY KEY (m, u, e)) WITHOUT ROWID")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    with sqlite_session.transaction() as connection:
        connection.execute("UPDATE t SET u = ? WHERE u = ?", (alias, user))
    sqlite_session.checkpoint_log()
    assert user.to_bytes(8, "big") in path.read_bytes(), "nothing is left anyway; the test shows nothing"

    sqlite_session.compact_log()

    files = [file.read_bytes() for file in path.parent.glob(f"{path.name}*")]
    assert [0] * len(files) == [content.count(user.to_bytes(8, "big")) for content in files]
