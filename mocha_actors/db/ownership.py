"""One owner (promise P10), by a lock that the death of its holder releases.

For SQLite it is a file lock beside the database, for PostgreSQL an advisory lock of the writer's own connection.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import trio

from mocha_actors.db.address import PRIVATE, ServerAddress, unusable
from mocha_actors.db.engine import Port
from mocha_actors.db.session import Session
from mocha_actors.errors import PermanentError

if TYPE_CHECKING:
    from mocha_actors.db.postgresql_session import PostgresSession

POLL_SECONDS: Final = 0.1

NOTICED_SECONDS: Final = 3.0
"""How long a server may take to notice that the owner was killed: so long a starter waits in any case."""


class ShardOwnedError(PermanentError):
    """Another process writes to this database."""


@dataclass(slots=True)
class Ownership:
    """The held lock. Closing the file releases it, and so does any end of the process.

    Attributes:
        path: of the lock file.
        interrupted: the owner before did not end by itself: its process id still stood in the file.
        clean: set it when everything went well; then the process id is taken out at the end.

    """

    path: Path
    _file: int
    interrupted: bool = False
    clean: bool = False

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
        self.interrupted = bool(os.pread(self._file, 1, 0))
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
        if self.clean:
            os.truncate(self._file, 0)
        os.close(self._file)


async def own_server(port: Port, *, address: ServerAddress, wait: float = 0.0) -> None:
    """Take the ownership of a database of a server within ``wait`` seconds, or a few; it ends with the connection of ``port``.

    Raises:
        ShardOwnedError: another process holds it.
        MochaError: the server cannot be reached, or refuses.

    """
    deadline = trio.current_time() + max(wait, NOTICED_SECONDS)
    while not await port.run(try_own):
        if trio.current_time() >= deadline:
            holder = await port.run(owner)
            msg = f"the database {address} belongs to another running process (connection {holder} of the server); stop that one first"
            raise ShardOwnedError(msg)
        await trio.sleep(POLL_SECONDS)


def try_own(session: Session) -> bool:
    """Whether the ownership could be taken on the connection of ``session``."""
    return cast("PostgresSession", session).try_own()


def owner(session: Session) -> int | None:
    """Which connection of the server holds the ownership."""
    return cast("PostgresSession", session).owner()
