"""The connection to a file, and what Pony does with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mocha_actors.db.errors import DatabaseUnavailableError
from mocha_actors.db.session import SqliteSession
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
