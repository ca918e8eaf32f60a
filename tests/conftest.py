"""What the tests share: the services that some of them need.

A newcomer without PostgreSQL sees those tests skipped, with the reason; with MOCHA_REQUIRE_SERVICES=1, as in continuous integration, they fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from typing import NoReturn
from uuid import uuid4

import pytest
from hypothesis import settings

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


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The URL of an empty schema on PostgreSQL, dropped after the test."""
    if fault := postgres_fault():
        missing(fault)
    schema = f"mocha_test_{uuid4().hex[:12]}"
    in_postgres(f"CREATE SCHEMA {schema}")
    server = postgres_server()
    yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{schema}"
    in_postgres(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: os.PathLike[str]) -> str:
    """The URL of an empty database: the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/mocha.db"
    url: str = request.getfixturevalue("postgres_url")
    return url
