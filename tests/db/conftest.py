"""Fixtures of the database tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mocha_actors.db.session import Session
from tests.db.builders import open_session


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database of a test about SQLite is."""
    return tmp_path / "mocha.db"


@pytest.fixture
def url(database_url: str) -> str:
    """The URL of the test's database, which is empty: the test runs on SQLite and on PostgreSQL."""
    return database_url


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    """A migrated database, on SQLite and on PostgreSQL."""
    with open_session(url) as session:
        yield session


@pytest.fixture
def sqlite_session(path: Path) -> Iterator[Session]:
    """A migrated database of SQLite, at ``path``."""
    with open_session(path) as session:
        yield session
