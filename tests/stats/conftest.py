"""Fixtures of the tests of questions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import pytest

from mocha_actors.db import migrations
from mocha_actors.db.address import database_address
from tests.conftest import postgres_schema
from tests.stats import oracle


class Schemas:
    """Connections, each with an empty, migrated schema of its own; closing one rolls back and gives it to the next test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack, self._free = stack, []

    def take(self) -> Any:
        """One that is free."""
        return self._free.pop() if self._free else self._connect()

    def _connect(self) -> Any:
        postgresql = import_module("mocha_actors.db.postgresql")

        class Returned(postgresql.PostgresConnection):  # type: ignore[name-defined, misc]
            """Goes back instead of being closed."""

            def close(kept) -> None:  # noqa: N805 - of the connection, not of the schemas
                kept.rollback()
                self._free.append(kept)

        options = postgresql.connection_options(database_address(self._stack.enter_context(postgres_schema())))
        connection = postgresql.psycopg2.connect(**options | {"connection_factory": Returned})
        self._stack.callback(super(Returned, connection).close)
        postgresql.prepare(connection)
        migrations.migrate(connection, 1, migrations.known("postgresql"))
        connection.commit()
        return connection


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def both_databases(request: pytest.FixtureRequest) -> Iterator[None]:
    """The test runs on SQLite and on PostgreSQL: ``oracle.database`` gives the one or the other."""
    with ExitStack() as stack:
        if request.param == "postgresql":
            stack.enter_context(postgres_schema())
            oracle.POSTGRES.append(Schemas(stack).take)
            stack.callback(oracle.POSTGRES.clear)
        yield
