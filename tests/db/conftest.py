"""Fixtures of the database tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mocha_actors.db.session import Session
from tests.db.builders import open_session


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the test's database is."""
    return tmp_path / "mocha.db"


@pytest.fixture
def session(path: Path) -> Iterator[Session]:
    """A migrated database."""
    with open_session(path) as session:
        yield session
