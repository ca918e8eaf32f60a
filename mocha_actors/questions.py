"""Asking alone: the questions of a database that somebody else may be writing to, without a tree, a token or a lock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from mocha_actors.config import Config
from mocha_actors.db.readers import Readers, open_readers
from mocha_actors.runtime import Request
from mocha_actors.stats.answers import answer
from mocha_actors.stats.asking import Asking

R = TypeVar("R")


class Questions(Asking):
    """The questions of one database; made by :func:`open_questions`."""

    def __init__(self, readers: Readers, *, zone: str, deadline: float) -> None:
        """Ask ``readers``, at most ``deadline`` seconds a question; ``zone`` is that of guilds without one."""
        self._readers, self._zone, self._deadline = readers, zone, deadline

    @property
    def default_zone(self) -> str:
        """See :attr:`~mocha_actors.stats.asking.Asking.default_zone`."""
        return self._zone

    async def ask(self, question: Request[R]) -> R:
        """Ask any question of :mod:`mocha_actors.stats.questions`.

        Raises:
            QuestionError: something of the question is not allowed.
            DeadlineExceededError: it took longer than ``stats.deadline_s`` and was interrupted.

        """
        return cast(
            "R",
            await self._readers.run(
                lambda connection: answer(connection, cast("Any", question)), deadline=self._deadline
            ),
        )


@asynccontextmanager
async def open_questions(database: str | Config) -> AsyncIterator[Questions]:
    """Ask a database, on trio, as long as the block lasts. Nothing is written, and nothing is kept in a cache.

    Args:
        database: its URL, or a configuration that names it.

    Raises:
        MochaError: there is no such database, or it is none that can be read.

    """
    config = database if isinstance(database, Config) else Config()
    url = config.database.url if isinstance(database, Config) else database
    stats = config.stats
    async with open_readers(url, threads=stats.reader_threads) as readers:
        yield Questions(readers, zone=stats.timezone, deadline=stats.deadline_s)
