"""Reading: questions run on threads and connections of their own, each in one read transaction, so that all its parts see the same moment."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, Protocol, TypeVar

import trio

from mocha_actors.db import migrations
from mocha_actors.db.address import DatabaseAddress, database_address, require_database
from mocha_actors.db.connection import Connection
from mocha_actors.db.engine import finished
from mocha_actors.db.errors import DeadlineExceededError, translated
from mocha_actors.db.sqlite import SqliteReader

R = TypeVar("R")
Question = Callable[[Connection], R]

CHECK_SECONDS: Final = 10.0
"""How long the look at the schema may take."""

INTERRUPT_AGAIN: Final = 0.02
"""Seconds between interrupts: one that falls between two statements of a question stops neither."""


class Reader(Protocol):
    """A connection that only reads."""

    def answer(self, question: Question[R], seconds: float) -> R:
        """Run ``question`` in a read transaction, a snapshot. Of PostgreSQL, the server itself stops a statement after ``seconds``.

        Raises:
            MochaError: the database is not available, or damaged.

        """

    def interrupt(self) -> None:
        """Stop the statement that runs now, if one does; from any thread, and this may take a trip to the server."""

    def close(self) -> None:
        """Close the connection."""


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

    def __init__(self, address: DatabaseAddress, threads: int) -> None:
        """Readers of the database at ``address``; a connection is opened by the first question of its thread."""
        self._address = address
        self._local = threading.local()
        self._readers: list[Reader] = []
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="mocha-reader")

    async def run(self, question: Question[R], *, deadline: float) -> R:
        """See :meth:`Readers.run`. A caller that is cancelled leaves no query running."""
        inquiry = Inquiry()
        future = self._threads.submit(self._perform, question, inquiry, deadline)
        try:
            with trio.move_on_after(deadline):
                await finished(future)
                return future.result()
        finally:
            if not future.done():
                await stop(inquiry, future)
        msg = f"the question took longer than {deadline:g} s and was stopped"
        raise DeadlineExceededError(msg)

    def _perform(self, question: Question[R], inquiry: Inquiry, seconds: float) -> R:
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = open_reader(self._address)
            self._readers.append(reader)
        with inquiry.on(reader):
            return reader.answer(question, seconds)

    async def close(self) -> None:
        """Wait for the questions under way, then close every connection."""
        await trio.to_thread.run_sync(self._threads.shutdown)
        for reader in self._readers:
            reader.close()


class Inquiry:
    """A question under way, as far as it takes to interrupt it and never the next one on its connection."""

    def __init__(self) -> None:
        """Not begun yet."""
        self._lock = threading.Lock()
        self._reader: Reader | None = None

    @contextmanager
    def on(self, reader: Reader) -> Iterator[None]:
        """The question runs on ``reader`` while the block does."""
        self._is_on(reader)
        try:
            yield
        finally:
            self._is_on(None)

    def _is_on(self, reader: Reader | None) -> None:
        with self._lock:
            self._reader = reader

    def interrupt(self) -> None:
        """Stop the statement that runs now, if one does."""
        with self._lock:
            if self._reader is not None:
                self._reader.interrupt()


async def stop(inquiry: Inquiry, future: Future[R]) -> None:
    """Interrupt a question until it has ended; one that still waits for a thread never begins."""
    if future.cancel():
        return
    with trio.CancelScope(shield=True):
        while not future.done():
            await trio.to_thread.run_sync(inquiry.interrupt)
            with trio.move_on_after(INTERRUPT_AGAIN):
                await finished(future)


class InlineReaders:
    """Readers without a thread, for virtual time: nothing else runs meanwhile, so there is no deadline to miss."""

    def __init__(self, address: DatabaseAddress) -> None:
        """A reader of the database at ``address``."""
        self._reader = open_reader(address)

    async def run(self, question: Question[R], *, deadline: float) -> R:
        """See :meth:`Readers.run`."""
        await trio.lowlevel.checkpoint()
        return self._reader.answer(question, deadline)

    async def close(self) -> None:
        """Close the connection."""
        self._reader.close()
        await trio.lowlevel.checkpoint()


def open_reader(address: DatabaseAddress) -> Reader:
    """Open an existing database for reading only; nothing is created.

    Raises:
        MochaError: there is none, it is no database, or its schema is not the one that this program reads.

    """
    reader = connect_reader(address)
    try:
        reader.answer(require_current, CHECK_SECONDS)
    except BaseException:
        reader.close()
        raise
    return reader


def connect_reader(address: DatabaseAddress) -> Reader:
    """A connection that only reads, whatever the schema is."""
    if isinstance(address, Path):
        require_database(address)
        with translated():
            return SqliteReader(address)
    from mocha_actors.db.postgresql import PostgresReader  # noqa: PLC0415 - its driver is an extra

    with translated():
        return PostgresReader(address)


def require_begun(address: DatabaseAddress) -> None:
    """Refuse an address where Mocha has never recorded, before anything is created, locked or migrated there.

    Raises:
        MochaError: there is no database, it is empty, another program's, newer than this one, or cannot be read.

    """
    reader = connect_reader(address)
    try:
        reader.answer(_refuse_empty, CHECK_SECONDS)
    finally:
        reader.close()


def _refuse_empty(connection: Connection) -> None:
    migrations.require_begun(connection, migrations.known(connection.dialect))


def require_current(connection: Connection) -> None:
    """Refuse a schema that this program does not read."""
    migrations.require_current(connection, migrations.known(connection.dialect))


@asynccontextmanager
async def open_readers(url: str, *, threads: int = 2, inline: bool = False) -> AsyncIterator[Readers]:
    """Open the database of ``url`` for questions until the block ends. It must exist; the writer may be at work on it.

    Args:
        url: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://user:password@host:port/database``.
        threads: questions answered at the same time.
        inline: without a thread, for virtual time.

    Raises:
        MochaError: a sentence that says what is wrong with the address, the file or its schema.

    """
    address = database_address(url)
    if inline:
        readers: InlineReaders | ThreadReaders = InlineReaders(address)
    else:
        (await trio.to_thread.run_sync(open_reader, address)).close()
        readers = ThreadReaders(address, threads)
    try:
        yield readers
    finally:
        with trio.CancelScope(shield=True):
            await readers.close()
