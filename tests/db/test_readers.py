"""Readers: one read transaction a question, interrupted at its deadline, creating nothing."""

from __future__ import annotations

import time
from concurrent.futures import Future
from pathlib import Path

import pytest
import trio
import trio.testing

from mocha_actors.db.connection import Connection
from mocha_actors.db.errors import DatabaseOpenError, DeadlineExceededError
from mocha_actors.db.migrations import SchemaError
from mocha_actors.db.readers import Inquiry, open_readers, stop
from mocha_actors.db.session import Session
from mocha_actors.errors import MochaError
from tests.db.builders import connected

BOTH = pytest.mark.parametrize("inline", [False, True], ids=["thread", "inline"])
ENDLESS = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT count(*) FROM numbers"


def count(connection: Connection) -> int:
    """A question."""
    (guilds,) = connection.execute("SELECT count(*) FROM guilds").fetchone()
    return int(guilds)


def endless(connection: Connection) -> None:
    """A question without end."""
    connection.execute(ENDLESS).fetchone()


@BOTH
async def test_a_question_sees_one_moment(url: str, session: Session, inline: bool) -> None:
    """What is committed meanwhile is not in its later parts."""

    def twice(connection: Connection) -> tuple[int, int]:
        before = count(connection)
        with connected(url) as writer:
            writer.execute("INSERT INTO guilds (id) VALUES (1)")
        return before, count(connection)

    async with open_readers(url, inline=inline) as readers:
        assert await readers.run(twice, deadline=5) == (0, 0)
        assert await readers.run(count, deadline=5) == 1


@BOTH
async def test_a_question_cannot_write(url: str, session: Session, inline: bool) -> None:
    """There is one writer."""
    async with open_readers(url, inline=inline) as readers:
        with pytest.raises(MochaError, match="read-?only"):
            await readers.run(
                lambda connection: connection.execute("INSERT INTO guilds (id) VALUES (1)").rowcount, deadline=5
            )


async def test_a_question_that_takes_too_long_is_interrupted(url: str, session: Session) -> None:
    """And its reader answers the next one."""
    async with open_readers(url, threads=1) as readers:
        began = time.perf_counter()
        with pytest.raises(DeadlineExceededError, match=r"longer than 0\.1 s"):
            await readers.run(endless, deadline=0.1)

        assert time.perf_counter() - began < 2
        assert await readers.run(count, deadline=5) == 0


async def test_a_question_of_many_short_statements_is_interrupted_too(url: str, session: Session) -> None:
    """One interrupt may fall between two of them."""

    def chatty(connection: Connection) -> None:
        while True:
            connection.execute(ENDLESS.replace("numbers)", "numbers WHERE n < 2000)", 1)).fetchone()

    async with open_readers(url, threads=1) as readers:
        with pytest.raises(DeadlineExceededError):
            await readers.run(chatty, deadline=0.1)


async def test_a_question_whose_asker_went_away_is_interrupted(url: str, session: Session) -> None:
    """Nobody waits for it, and the reader is needed."""
    async with open_readers(url, threads=1) as readers:
        with trio.move_on_after(0.05):
            await readers.run(endless, deadline=60)

        assert await readers.run(count, deadline=5) == 0


async def test_as_many_questions_run_at_a_time_as_there_are_threads(url: str, session: Session) -> None:
    """A slow one does not hold up a quick one."""
    async with open_readers(url, threads=2) as readers, trio.open_nursery() as nursery:

        async def slow() -> None:
            with pytest.raises(DeadlineExceededError):
                await readers.run(endless, deadline=0.5)

        nursery.start_soon(slow)
        assert await readers.run(count, deadline=0.4) == 0


async def test_waiting_for_a_reader_is_part_of_the_deadline(url: str, session: Session) -> None:
    """The asker counts from the question."""
    async with open_readers(url, threads=1) as readers, trio.open_nursery() as nursery:

        async def slow() -> None:
            with pytest.raises(DeadlineExceededError):
                await readers.run(endless, deadline=0.3)

        nursery.start_soon(slow)
        await trio.sleep(0.01)
        with pytest.raises(DeadlineExceededError):
            await readers.run(count, deadline=0.1)


async def test_a_missing_database_is_an_error_and_is_not_created(path: Path) -> None:
    """A typing error in a url must not leave a file."""
    with pytest.raises(DatabaseOpenError, match="there is no database"):
        async with open_readers(f"sqlite:///{path}"):
            pass
    assert list(path.parent.iterdir()) == []


async def test_a_schema_that_is_not_the_newest_is_an_error(path: Path, url: str) -> None:
    """An empty database has version 0."""
    path.touch()

    with pytest.raises(SchemaError, match="start mocha-run once"):
        async with open_readers(url):
            pass


async def test_an_interrupt_that_hit_nothing_is_repeated(autojump_clock: trio.testing.MockClock) -> None:
    """Until the question has ended."""
    future: Future[None] = Future()
    future.set_running_or_notify_cancel()

    class HardOfHearing(Inquiry):
        """Listens the third time."""

        heard = 0

        def interrupt(self) -> None:
            self.heard += 1
            if self.heard == 3:
                future.set_result(None)

    await stop(HardOfHearing(), future)

    assert future.done()
