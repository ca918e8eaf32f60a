"""What a bot does with a message, from nothing to what is usually written first and what is usually written second."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import aiosqlite

TABLE: Final = (
    "CREATE TABLE messages (id INTEGER PRIMARY KEY, guild INTEGER, channel INTEGER, author INTEGER, bot INTEGER)"
)
INSERT: Final = "INSERT INTO messages VALUES (?, ?, ?, ?, ?)"

FLUSH_SECONDS: Final = 1.0


class Store:
    """Counts messages, stores them in the current directory as ``mode`` says, and prints the time when ``count`` of them are done.

    Modes: ``empty`` stores nothing, ``naive`` inserts and commits each by itself, ``buffered`` inserts what a second brought at once. Rows only, no
    rollups.
    """

    def __init__(self, mode: str, count: int) -> None:
        self.mode, self.count, self.done = mode, count, 0
        self._rows: list[tuple[Any, ...]] = []
        self._database: Any = None

    async def open(self) -> None:
        """Open the database, where there is one."""
        if self.mode == "naive":
            self._database = await aiosqlite.connect("peer.db")
            await self._database.execute("PRAGMA journal_mode = WAL")
            await self._database.execute(TABLE)
        elif self.mode == "buffered":
            self._database = sqlite3.connect("peer.db", check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute(TABLE)
            self._flushing = asyncio.create_task(self._flush_for_ever())

    async def take(self, *row: Any) -> None:
        """One message."""
        if self.mode == "naive":
            await self._database.execute(INSERT, row)
            await self._database.commit()
        elif self.mode == "buffered":
            self._rows.append(row)
            if self.done + len(self._rows) < self.count:
                return
            await asyncio.to_thread(self._flush)
            return
        self._finish(1)

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await asyncio.to_thread(self._flush)

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            with self._database:
                self._database.executemany(INSERT, rows)
            self._finish(len(rows))

    def _finish(self, more: int) -> None:
        self.done += more
        if self.done == self.count:
            print(time.time(), flush=True)


async def watch(seq: Callable[[], int]) -> None:
    """Read the last ``s`` from standard input, and print the time when the library has seen it."""
    line = await asyncio.to_thread(sys.stdin.readline)
    while line and seq() < int(line):  # noqa: ASYNC110 - a library's number, not an event
        await asyncio.sleep(0.002)
    print(time.time(), flush=True)
