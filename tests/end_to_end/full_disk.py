"""``mocha-run`` on a disk that is full while the file ``full`` stands in the current folder: its database may not grow by a page then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mocha_actors.cli import run
from mocha_actors.db.connection import Connection
from mocha_actors.db.session import SqliteSession

FULL = Path("full").resolve()
ORIGINAL = SqliteSession.transaction


@contextmanager
def transaction(session: SqliteSession) -> Iterator[Connection]:
    """As the session's own, within the pages that there are."""
    for connection in session._connections:
        connection.execute(f"PRAGMA max_page_count = {1 if FULL.exists() else 1_000_000_000}").fetchone()
    with ORIGINAL(session) as connection:
        yield connection


if __name__ == "__main__":
    SqliteSession.transaction = transaction  # type: ignore[method-assign]
    run.main()
