"""One owner (promise P10), by a lock that the death of its holder releases.

For SQLite it is a file lock beside the database, for PostgreSQL an advisory lock of the writer's own connection.

Who takes over from an owner that lives, because it hangs or cannot be reached, takes the lock away: the lock file is replaced by another one, the
connection of the server is ended. The owner before finds that out in its next transaction, whatever it does there, and has written nothing
since: on SQLite it looks at the lock file once it is alone with the database, and the new owner has replaced that file before it reads
anything; on PostgreSQL its connection is gone, and the lock taken.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import structlog
import trio

from mocha_actors.db.address import PRIVATE, ServerAddress, unusable
from mocha_actors.db.engine import Port
from mocha_actors.db.session import Session
from mocha_actors.errors import FencedOutError, PermanentError

if TYPE_CHECKING:
    from mocha_actors.db.postgresql_session import PostgresSession
    from mocha_actors.db.session import SqliteSession

POLL_SECONDS: Final = 0.1

NOTICED_SECONDS: Final = 3.0
"""How long a server may take to notice that the owner was killed: so long a starter waits in any case."""

OUST_SECONDS: Final = 10.0
"""How long a server may take to end the connection of the owner from whom the database is taken."""

log = structlog.get_logger()


class ShardOwnedError(PermanentError):
    """Another process writes to this database."""


@dataclass(slots=True)
class Ownership:
    """The held lock. Closing the file releases it, and so does any end of the process.

    Attributes:
        path: of the lock file.
        taken_over: whether it was taken from an owner that lived.
        interrupted: the owner before did not end by itself: its process id still stood in the file.
        clean: set it when everything went well; then the process id is taken out at the end.

    """

    path: Path
    _file: int
    taken_over: bool = False
    interrupted: bool = False
    clean: bool = False

    @classmethod
    async def acquire(cls, database: Path, wait: float = 0.0, *, take_over: bool = False) -> Ownership:
        """Take the lock of ``database``, ``<database>.lock`` (mode 0600, holding the owner's process id), within ``wait`` seconds.

        Args:
            database: the file.
            wait: for another process to end.
            take_over: take the lock away from a process that does not end.

        Raises:
            ShardOwnedError: another process holds it.
            DatabaseOpenError: the lock file cannot be opened.

        """
        path = database.with_name(f"{database.name}.lock")
        deadline = trio.current_time() + wait
        try:
            while (ownership := cls._try(path)) is None:
                if trio.current_time() >= deadline:
                    return cls._replace(path, database) if take_over else cls._refuse(path, database)
                await trio.sleep(POLL_SECONDS)
        except OSError as error:
            raise unusable(path, error) from None
        return ownership

    @classmethod
    def _try(cls, path: Path) -> Ownership | None:
        """The lock, if nobody holds it. Raises OSError."""
        ownership = cls(path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE))
        # What was opened may have been replaced since: then it is the lock of nothing.
        if lock_file(ownership._file) and not ownership.lost:
            ownership._sign()
            return ownership
        ownership.release()
        return None

    @classmethod
    def _replace(cls, path: Path, database: Path) -> Ownership:
        """A lock of our own in the place of the other's. Raises OSError."""
        ours = path.with_name(f"{path.name}.{os.getpid()}")
        ours.unlink(missing_ok=True)
        ownership = cls(path, os.open(ours, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE), True)  # noqa: FBT003
        lock_file(ownership._file)
        ownership._sign()
        log.warning("ownership.taken_over", database=str(database), owner=owner_of(path))
        ours.rename(path)
        return ownership

    @classmethod
    def _refuse(cls, path: Path, database: Path) -> Ownership:
        msg = f"the database {database} belongs to the running process {owner_of(path)}; stop that one first"
        raise ShardOwnedError(msg)

    def _sign(self) -> None:
        self.interrupted = bool(os.pread(self._file, 1, 0))
        os.truncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    @property
    def lost(self) -> bool:
        """Whether another process has taken the lock away."""
        with suppress(FileNotFoundError):
            return not os.path.samestat(os.fstat(self._file), self.path.stat())
        return True

    def check(self) -> None:
        """Raise FencedOutError if the lock is lost."""
        if self.lost:
            msg = f"another process took the database over (lock file {self.path}); this one writes nothing more"
            raise FencedOutError(msg)

    def release(self) -> None:
        """Give the ownership up. The file stays: removing it could remove the lock of the next owner."""
        if self.clean:
            os.truncate(self._file, 0)
        os.close(self._file)


def lock_file(file: int) -> bool:
    """Lock an open file; False when another process has."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def owner_of(path: Path) -> str:
    """The process id in a lock file."""
    return path.read_bytes()[:20].decode("ascii", "replace").strip() or "of unknown id"


def guarded_by(ownership: Ownership) -> Callable[[Session], None]:
    """The job that lets a session with a file look at ``ownership`` in each of its transactions."""

    def guard(session: Session) -> None:
        cast("SqliteSession", session).guard = ownership.check

    return guard


async def own_server(port: Port, *, address: ServerAddress, wait: float = 0.0, take_over: bool = False) -> bool:
    """Take the ownership of a database of a server within ``wait`` seconds, or a few; it ends with the connection of ``port``.

    Args:
        port: the way to the server.
        address: of the database, for people.
        wait: for another process to end.
        take_over: end the connection of a process that does not end, as far as the server's roles allow it.

    Returns whether it was taken from an owner that lived.

    Raises:
        ShardOwnedError: another process holds it.
        MochaError: the server cannot be reached, or refuses.

    """
    deadline = trio.current_time() + max(wait, NOTICED_SECONDS)
    while not await port.run(try_own):
        if trio.current_time() >= deadline:
            if take_over and await _oust(port, address):
                return True
            holder = await port.run(owner)
            msg = f"the database {address} belongs to another running process (connection {holder} of the server); stop that one first"
            raise ShardOwnedError(msg)
        await trio.sleep(POLL_SECONDS)
    return False


async def _oust(port: Port, address: ServerAddress) -> bool:
    """End the owner's connection and take its place; it may be back before us, then again. Whether that succeeded in :data:`OUST_SECONDS`."""
    log.warning("ownership.taken_over", database=str(address), owner=await port.run(owner))
    with trio.move_on_after(OUST_SECONDS):
        while True:
            await port.run(end_owner)
            for _ in range(10):
                if await port.run(try_own):
                    return True
                await trio.sleep(POLL_SECONDS / 10)
    return False


def end_owner(session: Session) -> None:
    """Have the server end the connection that holds the ownership, if there is one."""
    cast("PostgresSession", session).end_owner()


def try_own(session: Session) -> bool:
    """Whether the ownership could be taken on the connection of ``session``."""
    return cast("PostgresSession", session).try_own()


def owner(session: Session) -> int | None:
    """Which connection of the server holds the ownership."""
    return cast("PostgresSession", session).owner()
