"""One owner (promise P10): a file lock beside the database, which the death of its holder releases."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from mocha_actors.db.address import PRIVATE, unusable
from mocha_actors.errors import PermanentError

POLL_SECONDS: Final = 0.1


class ShardOwnedError(PermanentError):
    """Another process writes to this database."""


@dataclass(slots=True)
class Ownership:
    """The held lock. Closing the file releases it, and so does any end of the process."""

    path: Path
    _file: int

    @classmethod
    async def acquire(cls, database: Path, wait: float = 0.0) -> Ownership:
        """Take the lock of ``database``, ``<database>.lock`` (mode 0600, holding the owner's process id), within ``wait`` seconds.

        Raises:
            ShardOwnedError: another process holds it.
            DatabaseOpenError: the lock file cannot be opened.

        """
        path = database.with_name(f"{database.name}.lock")
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        except OSError as error:
            raise unusable(path, error) from None
        ownership = cls(path, file)
        try:
            await ownership._lock(database, trio.current_time() + wait)
        except BaseException:
            ownership.release()
            raise
        return ownership

    async def _lock(self, database: Path, deadline: float) -> None:
        while not self._try_lock():
            if trio.current_time() >= deadline:
                msg = f"the database {database} belongs to the running process {self._owner()}; stop that one first"
                raise ShardOwnedError(msg)
            await trio.sleep(POLL_SECONDS)
        os.truncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _owner(self) -> str:
        return os.pread(self._file, 20, 0).decode("ascii", "replace").strip() or "of unknown id"

    def release(self) -> None:
        """Give the ownership up. The file stays: removing it could remove the lock of the next owner."""
        os.close(self._file)
