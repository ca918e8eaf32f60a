"""Back-ups of SQLite: a copy of one moment, made by SQLite's own means while the service writes on.

Everything of a moment is in one transaction, rows, rollups and where each shard stands; so a restored back-up goes on from there as after a crash: Discord sends what came since,
if it still can, and otherwise a gap is recorded. The copy is one file, mode 0600, and appears under its name only when it is whole.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from mocha_actors.db.address import PRIVATE, DatabaseAddress, require_database, unusable
from mocha_actors.db.errors import DatabaseDamagedError, translated
from mocha_actors.db.integrity import quick_check
from mocha_actors.db.verify import Progress, quiet
from mocha_actors.errors import ConfigError

PAGES: Final = 1_000
"""Pages that are copied between two looks at the progress: some milliseconds."""

CHECK_SECONDS: Final = 3_600.0


class BackedUp(NamedTuple):
    """A finished copy: its size in bytes, and the last ``s`` of each shard that it holds."""

    size: int
    shards: dict[int, int]


def file_of(address: DatabaseAddress) -> Path:
    """The file at ``address``.

    Raises:
        ConfigError: it is a database of a server.

    """
    if isinstance(address, Path):
        return address
    msg = f"{address} is backed up and restored by its server's own tools: pg_dump and pg_restore"
    raise ConfigError(msg)


def back_up(source: Path, target: Path, progress: Progress = quiet) -> BackedUp:
    """Copy the database ``source`` to the new file ``target``.

    Raises:
        ConfigError: ``target`` exists, or cannot be made.
        MochaError: ``source`` is no database, or cannot be read, or the disk is full; nothing is left behind.

    """
    require_database(source)
    if target.exists():
        msg = f"{target} exists already; give another name"
        raise ConfigError(msg)
    with _new_file(target) as part, translated():
        with closing(_open(source, "ro")) as read, closing(_open(part, "rw")) as written:
            # The copy is made in pieces of one snapshot, and so begins anew for nobody's writes.
            read.execute("BEGIN")
            read.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
            read.backup(written, pages=PAGES, progress=lambda _, left, total: progress(total - left, total), sleep=0.0)
            written.execute("PRAGMA journal_mode = DELETE").fetchone()
            shards = dict(written.execute("SELECT shard, seq FROM gateway_sessions ORDER BY shard").fetchall())
        if problem := quick_check(part, CHECK_SECONDS):
            msg = f"the database {source} is damaged ({problem}), and so is its copy"
            raise DatabaseDamagedError(msg)
        size = _settle(part, target)
    return BackedUp(size, shards)


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None)


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """An empty file beside ``target`` that only its owner can read; it is gone afterwards."""
    part = target.with_name(f"{target.name}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE))
    except FileExistsError:
        msg = f"{part} is there: another back-up is under way, or one was interrupted; delete it then"
        raise ConfigError(msg) from None
    except OSError as error:
        msg = f"{target} cannot be written: {error.strerror or error}"
        raise ConfigError(msg) from None
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _settle(part: Path, target: Path) -> int:
    """Give the copy its name once it is on the disk; returns its size."""
    try:
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        raise unusable(target, error) from error
    return target.stat().st_size
