"""Reading: questions run on threads and connections of their own, each in one read transaction, so that all its parts see the same moment."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, Protocol, TypeVar

import trio

from mocha_actors.db import migrations
from mocha_actors.db.address import database_path, require_database
from mocha_actors.db.engine import finished
from mocha_actors.db.errors import DeadlineExceededError, translated

R = TypeVar("R")
Question = Callable[[sqlite3.Connection], R]

PRAGMAS: Final = (
    "PRAGMA query_only = ON",
    "PRAGMA cache_size = -65536",
    "PRAGMA mmap_size = 268435456",
    "PRAGMA temp_store = MEMORY",
)

INTERRUPT_AGAIN: Final = 0.02
"""Seconds between interrupts: one that falls between two statements of a question stops neither."""


class Readers(Protocol):
    """What asks the database."""

    async def run(self, question: Question[R], *, deadline: float) -> R:
        """Answer ``question(connection)``, which returns plain data, in one read transaction.

        Args:
            question: reads by the connection that it is given, and keeps nothing of it.
            deadline: seconds that it may take, waiting for a free reader included.

        Raises:
            DeadlineExceededError: it took longer and was interrupted.
            MochaError: the database is not available, or damaged.

        """


class ThreadReaders:
    """As many questions at a time as there are threads; the others wait in order."""

    def __init__(self, path: Path, threads: int) -> None:
        """Readers of the database at ``path``; a connection is opened by the first question of its thread."""
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="mocha-reader")

    async def run(self, question: Question[R], *, deadline: float) -> R:
        """See :meth:`Readers.run`. A caller that is cancelled leaves no query running."""
        inquiry = Inquiry()
        future = self._threads.submit(self._perform, question, inquiry)
        try:
            with trio.move_on_after(deadline):
                await finished(future)
                return future.result()
        finally:
            if not future.done():
                await stop(inquiry, future)
        msg = f"the question took longer than {deadline:g} s and was stopped"
        raise DeadlineExceededError(msg)

    def _perform(self, question: Question[R], inquiry: Inquiry) -> R:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = open_reader(self._path)
            self._connections.append(connection)
        with inquiry.on(connection):
            return answer(connection, question)

    async def close(self) -> None:
        """Wait for the questions under way, then close every connection."""
        await trio.to_thread.run_sync(self._threads.shutdown)
        for connection in self._connections:
            connection.close()


class Inquiry:
    """A question under way, as far as it takes to interrupt it and never the next one on its connection."""

    def __init__(self) -> None:
        """Not begun yet."""
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def on(self, connection: sqlite3.Connection) -> Iterator[None]:
        """The question runs on ``connection`` while the block does."""
        self._is_on(connection)
        try:
            yield
        finally:
            self._is_on(None)

    def _is_on(self, connection: sqlite3.Connection | None) -> None:
        with self._lock:
            self._connection = connection

    def interrupt(self) -> None:
        """Stop the statement that runs now, if one does."""
        with self._lock:
            if self._connection is not None:
                self._connection.interrupt()


async def stop(inquiry: Inquiry, future: Future[R]) -> None:
    """Interrupt a question until it has ended; one that still waits for a thread never begins."""
    if future.cancel():
        return
    with trio.CancelScope(shield=True):
        while not future.done():
            inquiry.interrupt()
            with trio.move_on_after(INTERRUPT_AGAIN):
                await finished(future)


class InlineReaders:
    """Readers without a thread, for virtual time: nothing else runs meanwhile, so there is no deadline to miss."""

    def __init__(self, path: Path) -> None:
        """A reader of the database at ``path``."""
        self._connection = open_reader(path)

    async def run(self, question: Question[R], *, deadline: float) -> R:
        """See :meth:`Readers.run`."""
        await trio.lowlevel.checkpoint()
        return answer(self._connection, question)

    async def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        await trio.lowlevel.checkpoint()


def open_reader(path: Path) -> sqlite3.Connection:
    """Open an existing database for reading only; nothing is created.

    Raises:
        MochaError: there is none, it is no database, or its schema is not the one that this program reads.

    """
    require_database(path)
    with translated():
        # Interrupts and the closing come from another thread; nothing is ever executed from one.
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            for pragma in PRAGMAS:
                connection.execute(pragma)
            migrations.require_current(connection, migrations.known("sqlite"))
        except BaseException:
            connection.close()
            raise
    return connection


def answer(connection: sqlite3.Connection, question: Question[R]) -> R:
    """Run ``question`` in a deferred transaction, which on SQLite is a snapshot from its first statement on."""
    with translated():
        connection.execute("BEGIN DEFERRED")
        try:
            return question(connection)
        finally:
            connection.rollback()


@asynccontextmanager
async def open_readers(url: str, *, threads: int = 2, inline: bool = False) -> AsyncIterator[Readers]:
    """Open the database of ``url`` for questions until the block ends. It must exist; the writer may be at work on it.

    Args:
        url: ``sqlite:///relative.db`` or ``sqlite:////absolute.db``.
        threads: questions answered at the same time.
        inline: without a thread, for virtual time.

    Raises:
        MochaError: a sentence that says what is wrong with the address, the file or its schema.

    """
    path = database_path(url)
    open_reader(path).close()
    readers = InlineReaders(path) if inline else ThreadReaders(path, threads)
    try:
        yield readers
    finally:
        with trio.CancelScope(shield=True):
            await readers.close()
