"""Fixtures of the projections' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mocha_actors.db.session import Session, SqliteSession
from tests.db.builders import open_session


@pytest.fixture
def quick_session(path: Path) -> Iterator[Session]:
    """A migrated database of SQLite that does not wait for the disk: for thousands of transactions."""
    with open_session(path) as session:
        assert isinstance(session, SqliteSession)
        with session.transaction():
            pass
        for connection in session._connections:
            connection.execute("PRAGMA synchronous = OFF")
        yield session
