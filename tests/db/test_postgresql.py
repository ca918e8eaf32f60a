"""What is PostgreSQL's alone: connections that are lost, the ownership bound to one, the driver that may be missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import cast
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import trio

from mocha_actors.db.address import ServerAddress, database_address
from mocha_actors.db.engine import bring_up
from mocha_actors.db.errors import DatabaseOpenError, DatabaseUnavailableError, DeadlineExceededError
from mocha_actors.db.ownership import ShardOwnedError
from mocha_actors.db.postgresql import PostgresReader, connection_options
from mocha_actors.db.postgresql_session import PostgresSession
from mocha_actors.db.projections.messages import DELETE
from mocha_actors.db.readers import open_readers
from mocha_actors.db.session import Session, open_session
from mocha_actors.db.store import open_store
from mocha_actors.errors import ConfigError, FencedOutError, TransientError
from tests.conftest import in_postgres
from tests.db.builders import begin, connected, ready, rows


@pytest.fixture
def new_session(postgres_url: str) -> Iterator[Callable[[], PostgresSession]]:
    """Makes sessions with one database, closed after the test."""
    made: list[PostgresSession] = []

    def new() -> PostgresSession:
        session = cast("PostgresSession", open_session(database_address(postgres_url)))
        made.append(session)
        return session

    yield new
    for session in made:
        session.close()


def backend(session: Session) -> int:
    """The process of the server that serves this session."""
    with session.transaction() as connection:
        return int(connection.execute("SELECT pg_backend_pid()").fetchone()[0])


def end_connection(postgres_url: str, process: int) -> None:
    """What an administrator, or a restart of the server, does."""
    with connected(postgres_url) as connection:
        connection.execute("SELECT pg_terminate_backend(?, 5000)", (process,))


# The writer's session


def test_a_few_messages_are_found_by_the_index_whatever_the_server_believes_of_the_table(
    new_session: Callable[[], PostgresSession],
) -> None:
    """Nothing was analysed since the table was empty; a guild has many messages, and one of them is deleted."""
    session = new_session()
    bring_up(session)
    with session.transaction() as connection:
        connection.execute(
            "INSERT INTO message_events (guild_id, message_id, channel_id, user_id, author_class, kind, type) SELECT 1, n, 2, 3, 0, 0, 0 FROM generate_series(1, 50000) AS n"
        )
        plan = connection.execute(f"EXPLAIN {DELETE}", (7, 1, "[5]")).fetchall()

    assert any("Index Cond" in line and "message_id" in line for (line,) in plan), plan


def test_a_lost_connection_is_transient_and_made_anew(
    postgres_url: str, new_session: Callable[[], PostgresSession]
) -> None:
    """The writer tries the same transaction again, which finds a new connection."""
    session = new_session()
    bring_up(session)
    lost = backend(session)
    end_connection(postgres_url, lost)

    with pytest.raises(TransientError), session.transaction() as connection:
        connection.execute("INSERT INTO guilds (id) VALUES (1)")
    with session.transaction() as connection:
        connection.execute("INSERT INTO guilds (id) VALUES (2)")

    assert backend(session) != lost
    assert rows(postgres_url, "guilds", "id") == [(2,)]


def test_a_connection_lost_within_a_transaction_undoes_it(
    postgres_url: str, new_session: Callable[[], PostgresSession]
) -> None:
    """All of it is written again."""
    session = new_session()
    bring_up(session)

    with pytest.raises(DatabaseUnavailableError), session.transaction() as connection:
        connection.execute("INSERT INTO guilds (id) VALUES (1)")
        end_connection(postgres_url, connection.execute("SELECT pg_backend_pid()").fetchone()[0])
        connection.execute("INSERT INTO guilds (id) VALUES (2)")

    assert rows(postgres_url, "guilds", "id") == []


def test_a_connection_lost_before_the_commit_undoes_the_transaction(
    postgres_url: str, new_session: Callable[[], PostgresSession]
) -> None:
    """The error comes out of COMMIT."""
    session = new_session()
    bring_up(session)

    with pytest.raises(DatabaseUnavailableError), session.transaction() as connection:
        connection.execute("INSERT INTO guilds (id) VALUES (1)")
        end_connection(postgres_url, connection.execute("SELECT pg_backend_pid()").fetchone()[0])

    assert rows(postgres_url, "guilds", "id") == []


def test_the_ownership_is_one_sessions_until_it_ends(new_session: Callable[[], PostgresSession]) -> None:
    """Whatever transactions commit, fail or roll back meanwhile."""
    first, second = new_session(), new_session()

    assert first.try_own()
    assert first.try_own()
    with pytest.raises(ZeroDivisionError), first.transaction():
        raise ZeroDivisionError
    assert not second.try_own()
    assert second.owner() == backend(first)
    first.close()
    assert second.try_own()


def test_the_ownership_is_taken_again_with_a_new_connection(
    postgres_url: str, new_session: Callable[[], PostgresSession]
) -> None:
    """It went with the old one."""
    first, second = new_session(), new_session()
    first.try_own()
    end_connection(postgres_url, backend(first))
    with pytest.raises(TransientError):
        backend(first)

    backend(first)

    assert not second.try_own()


def test_an_owner_whose_lock_another_took_meanwhile_is_fenced_out(
    postgres_url: str, new_session: Callable[[], PostgresSession]
) -> None:
    """It writes nothing more (P10), however often it tries."""
    first, second = new_session(), new_session()
    first.try_own()
    end_connection(postgres_url, backend(first))
    assert second.try_own()
    with pytest.raises(TransientError):
        backend(first)

    for _ in range(2):
        with pytest.raises(FencedOutError, match="another process took the database over"):
            backend(first)


def test_an_old_connection_that_the_server_still_holds_is_ended(new_session: Callable[[], PostgresSession]) -> None:
    """After a network fault the server may take hours to notice; the lock must not keep its own holder out."""
    first = new_session()
    first.try_own()
    held = first._owner
    first._db.provider.pool.con = None

    with pytest.raises(DatabaseUnavailableError, match="being ended"):
        backend(first)
    for _ in range(100):
        try:
            backend(first)
            break
        except DatabaseUnavailableError:
            continue

    assert first._owner is not None
    assert held is not None
    assert first._owner[1] != held[1]


def test_what_is_committed_is_on_disk_and_a_writer_that_hangs_is_ended(
    postgres_url: str, new_session: Callable[[], PostgresSession]
) -> None:
    """Whatever the server's defaults are."""
    relaxed = open_session(database_address(postgres_url + "%20-csynchronous_commit%3Doff"))
    try:
        with relaxed.transaction() as connection:
            settings = connection.execute(
                "SELECT current_setting('synchronous_commit'), current_setting('statement_timeout'), "
                "current_setting('idle_in_transaction_session_timeout'), current_setting('application_name')"
            ).fetchone()
    finally:
        relaxed.close()

    assert settings == ("on", "1min", "1min", "mocha")


async def test_a_database_in_use_is_refused_and_can_be_waited_for(postgres_url: str) -> None:
    """The owner's epoch ends with the next one's."""
    async with trio.open_nursery() as nursery:
        async with open_store(postgres_url) as store:
            await store.port.run(lambda session: begin(session, ready(), epoch=store.epoch))
            with pytest.raises(ShardOwnedError, match="belongs to another running process"):
                async with open_store(postgres_url):
                    pass

            async def wait() -> None:
                async with open_store(postgres_url, wait=20) as later:
                    assert later.epoch == store.epoch + 1

            nursery.start_soon(wait)
            await trio.sleep(0.3)


# Readers


async def test_a_reader_whose_connection_was_lost_makes_another(postgres_url: str) -> None:
    """The question is asked again, and its asker notices nothing."""
    open_and_migrate(postgres_url)
    async with open_readers(postgres_url, threads=1) as readers:
        process = await readers.run(
            lambda connection: connection.execute("SELECT pg_backend_pid()").fetchone()[0], deadline=5
        )
        end_connection(postgres_url, process)

        assert await readers.run(lambda connection: connection.execute("SELECT 1").fetchone(), deadline=5) == (1,)


def test_the_server_itself_stops_a_question_at_its_deadline(postgres_url: str) -> None:
    """Should the asker die, the question does not live on."""
    open_and_migrate(postgres_url)
    reader = PostgresReader(cast("ServerAddress", database_address(postgres_url)))
    try:
        with pytest.raises(DeadlineExceededError):
            reader.answer(lambda connection: connection.execute("SELECT pg_sleep(60)").fetchone(), 0.05)
        assert reader.answer(lambda connection: connection.execute("SELECT 1").fetchone(), 5) == (1,)
    finally:
        reader.close()


def open_and_migrate(url: str) -> None:
    """Leave a migrated database."""
    session = open_session(database_address(url))
    bring_up(session)
    session.close()


# Bad addresses


def test_a_server_that_is_not_there_is_one_line_without_the_password() -> None:
    """The line names what was tried."""
    address = database_address("postgresql://mocha:hunter2@127.0.0.1:1/stats")

    with pytest.raises(DatabaseUnavailableError, match=r"127\.0\.0\.1.*port 1") as caught:
        open_session(address)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_that_cannot_hold_every_text_is_refused(postgres_url: str) -> None:
    """Names hold any character; losing those events one by one would be worse."""
    name = f"mocha_latin_{uuid4().hex[:8]}"
    in_postgres(f"CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    url = urlsplit(postgres_url)._replace(path=f"/{name}", query="").geturl()
    try:
        with pytest.raises(DatabaseOpenError, match="encoding LATIN1, Mocha needs UTF8"):
            open_session(database_address(url))
    finally:
        in_postgres(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_schema_that_is_not_there_is_refused(postgres_url: str) -> None:
    """It is not made: that the name is misspelt is likelier."""
    with pytest.raises(DatabaseOpenError, match="no schema of its search_path"):
        open_session(database_address(postgres_url + "_misspelt"))


def test_an_option_that_the_driver_does_not_know_is_one_line_without_the_password() -> None:
    """The driver's own text quotes the address."""
    address = cast("ServerAddress", database_address("postgresql://mocha:hunter2@127.0.0.1/stats?sslmodus=x"))

    with pytest.raises(ConfigError, match="not understood") as caught:
        connection_options(address)
    assert "hunter2" not in str(caught.value)


def test_without_the_driver_the_error_says_what_to_install() -> None:
    """It is an extra: SQLite needs none."""
    program = """
import sys
sys.modules["psycopg2"] = None
from mocha_actors.db.address import database_address
from mocha_actors.errors import ConfigError
try:
    database_address("postgresql://localhost/mocha")
except ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "pip install 'mocha-actors[postgresql]'" in done.stdout
