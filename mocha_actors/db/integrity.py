"""Whether a database of SQLite is whole: asked at the start when the owner before did not end by itself.

A crash of the process alone damages nothing; a power cut on a disk that lies, a copy made while somebody wrote, or a failing disk does. ``PRAGMA quick_check`` reads
everything, so it is given a limited time: what it has not looked at by then is believed until a page turns out to be damaged in use.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import structlog
import trio

from mocha_actors.db.errors import TRANSIENT_CODES, DatabaseDamagedError, translate

CHECK_SECONDS: Final = 20.0
"""Seconds that the check may take: about a gigabyte in the page cache."""

STEPS: Final = 10_000
"""Instructions of SQLite's machine between two looks at the clock: some milliseconds."""

log = structlog.get_logger()


async def check_whole(path: Path, seconds: float = CHECK_SECONDS, *, inline: bool = False) -> None:
    """Check the database at ``path``, as far as that takes no longer than ``seconds``.

    Raises:
        DatabaseDamagedError: it is damaged.
        DatabaseUnavailableError: it cannot be read now.

    """
    began = time.monotonic()
    problem = quick_check(path, seconds) if inline else await trio.to_thread.run_sync(quick_check, path, seconds)
    result = "unfinished" if problem is None else "damaged" if problem else "ok"
    log.info("database.checked", path=str(path), result=result, seconds=round(time.monotonic() - began, 3))
    if problem:
        msg = f"the database {path} is damaged ({problem}); restore a back-up, or save what can be read: sqlite3 {path} .recover"
        raise DatabaseDamagedError(msg)


def quick_check(path: Path, seconds: float) -> str | None:
    """The first problem of a database; empty when there is none, None when ``seconds`` were not enough to tell."""
    deadline = time.monotonic() + seconds
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() >= deadline, STEPS)
        try:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            return _said(error)
    return "" if found == "ok" else str(found).replace("\n", " ")


def _said(error: sqlite3.DatabaseError) -> str | None:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_INTERRUPT:
        return None
    if code in TRANSIENT_CODES:
        raise translate(error) from error
    return str(error)
