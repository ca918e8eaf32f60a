"""What the tests share: the services that some of them need.

A newcomer without PostgreSQL sees those tests skipped, with the reason; with MOCHA_REQUIRE_SERVICES=1, as in continuous integration, they fail.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import pytest
import structlog
from hypothesis import settings

from mocha_actors import logs

# How long an example takes says something about the machine and nothing about the program.
settings.register_profile("mocha", deadline=None)
settings.load_profile("mocha")


def missing(reason: str) -> NoReturn:
    """Skip the test for a service that is not there, or fail it where services are required."""
    if os.environ.get("MOCHA_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{reason} (MOCHA_REQUIRE_SERVICES is 1)")
    pytest.skip(reason)


@cache
def postgres_fault() -> str:
    """Why PostgreSQL cannot be used; empty when it can."""
    try:
        import psycopg2
    except ImportError:
        return "the extra postgresql is not installed"
    try:
        psycopg2.connect(postgres_server(), connect_timeout=3).close()
    except psycopg2.OperationalError as error:
        return f"no PostgreSQL (MOCHA_TEST_POSTGRES names the server): {str(error).splitlines()[0]}"
    return ""


def postgres_server() -> str:
    """The URL of the database in which tests make schemas of their own."""
    return os.environ.get("MOCHA_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/test")


def in_postgres(sql: str) -> None:
    """Run a statement beside the test."""
    import psycopg2

    connection = psycopg2.connect(postgres_server())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql)
    connection.close()


@contextmanager
def postgres_schema() -> Iterator[str]:
    """The URL of an empty schema on PostgreSQL, dropped at the end of the block."""
    if fault := postgres_fault():
        missing(fault)
    schema = f"mocha_test_{uuid4().hex[:12]}"
    in_postgres(f"CREATE SCHEMA {schema}")
    server = postgres_server()
    yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{schema}"
    in_postgres(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The URL of an empty schema on PostgreSQL, dropped after the test."""
    with postgres_schema() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Gives the URL of another empty database with each call: the test runs on SQLite and on PostgreSQL."""
    with ExitStack() as stack:
        number = count()

        def new() -> str:
            if request.param == "postgresql":
                return stack.enter_context(postgres_schema())
            return f"sqlite:///{tmp_path}/mocha{next(number) or ''}.db"

        yield new


@pytest.fixture
def database_url(new_database_url: Callable[[], str]) -> str:
    """The URL of an empty database: the test runs on SQLite and on PostgreSQL."""
    return new_database_url()


@pytest.fixture(autouse=True)
def logs_from_scratch() -> Iterator[None]:
    """What a test, or a command that it calls, sets up for logging is not there for the next one, nor what came from another folder."""
    logs.close()
    structlog.reset_defaults()
    yield
    logs.close()
    structlog.reset_defaults()
