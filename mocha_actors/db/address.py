"""Where the database is: the URL of the configuration, made into a path that can be opened, or the address of a server."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import stat
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit
from zlib import crc32

from mocha_actors.config import Secret
from mocha_actors.db.errors import DatabaseOpenError
from mocha_actors.errors import ConfigError

SCHEME: Final = "sqlite:///"
SERVER_SCHEMES: Final = frozenset({"postgresql", "postgres"})
ALLOWED: Final = (
    "sqlite:///path/to/file.db (four slashes begin an absolute path) or postgresql://user:password@host:port/database"
)
PRIVATE: Final = 0o600

MAX_NAME: Final = 60
"""Characters of the name of a server's database; the path of a socket may have about a hundred bytes."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A database of a PostgreSQL server.

    Attributes:
        url: the whole URL as the driver takes it; it may hold a password (promise P9).
        name: user, host, port and database: what logs, errors and the status show.

    """

    url: Secret
    name: str

    def __str__(self) -> str:
        return self.name


DatabaseAddress = Path | ServerAddress
"""A file of SQLite, or a database of a server."""


def database_address(url: str) -> DatabaseAddress:
    """What ``url`` names. Nothing is created and nothing connected.

    Raises:
        ConfigError: another scheme, no path, no database, the current folder is gone, or PostgreSQL's driver is not installed.

    """
    if url.partition(":")[0] not in SERVER_SCHEMES:
        return database_path(url)
    if find_spec("psycopg2") is None:
        msg = "database.url names PostgreSQL, whose driver is not installed; install it with: pip install 'mocha-actors[postgresql]'"
        raise ConfigError(msg)
    return server_address(url)


def database_path(url: str) -> Path:
    """The absolute path that ``sqlite:///relative.db`` or ``sqlite:////absolute.db`` names, links followed. Creates nothing.

    Raises:
        ConfigError: another scheme, no path, or the current folder is gone.

    """
    name = url.removeprefix(SCHEME)
    if not url.startswith(SCHEME) or not name or name == ":memory:" or "\0" in name:
        msg = f"database.url is {without_password(url)!r}; allowed is {ALLOWED}"
        raise ConfigError(msg)
    try:
        # Resolved, so that the lock beside it is the same under whatever name the database is reached.
        return Path(name).expanduser().resolve()
    except OSError as error:
        raise ConfigError(f"database.url: {name} cannot be looked up: {error.strerror}") from None


def server_address(url: str) -> ServerAddress:
    """The database that ``postgresql://user:password@host:port/database?option=value`` names; the options are those of libpq.

    Raises:
        ConfigError: it is no such URL, or names no database. The text shows no password.

    """
    parts = urlsplit(url)
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        msg = "database.url: a password or user with one of : / ? # [ ] @ in it must be percent-encoded, as in p%40ss for p@ss"
        raise ConfigError(msg)
    try:
        name = _name(parts)
    except ValueError:
        raise ConfigError(f"database.url has a port that is no number; allowed is {ALLOWED}") from None
    if len(parts.path) < 2 or "/" in parts.path[1:] or "\0" in url:
        msg = f"database.url names no database of PostgreSQL ({name}); allowed is {ALLOWED}"
        raise ConfigError(msg)
    return ServerAddress(Secret(url), name)


def _name(parts: SplitResult) -> str:
    user = f"{unquote(parts.username)}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    host = parts.hostname or ""
    return f"postgresql://{user}{f'[{host}]' if ':' in host else host}{port}{unquote(parts.path)}"


def without_password(url: str) -> str:
    """``url`` without what stands before the last ``@``, if it has any, and without options: either may hold a password."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2].partition('?')[0]}" if "@" in rest else url


def local_path(address: DatabaseAddress) -> Path:
    """Where on this machine things stand that belong beside the database: the file itself, or, of a server, a name below ``data``.

    For a server it depends on the current directory, as the path of the default database does.
    """
    if isinstance(address, Path):
        return address
    name = re.sub(r"[^\w.@-]+", "-", address.name.partition("://")[2])
    if len(name) > MAX_NAME:
        name = f"{name[: MAX_NAME - 9]}-{crc32(name.encode()):08x}"
    return Path("data", name).resolve()


def prepare(address: DatabaseAddress) -> None:
    """Make sure that there can be a database at ``address``; on a server that is for its administrator.

    Raises:
        DatabaseOpenError: it is no database, or the permissions do not allow it.

    """
    if isinstance(address, Path):
        prepare_file(address)
    else:
        local_path(address).parent.mkdir(parents=True, exist_ok=True)


def prepare_file(path: Path) -> None:
    """Make sure that ``path`` is a database file, or an empty one, which only its owner can read (mode 0600); parents are created.

    Raises:
        DatabaseOpenError: it is no database, or the permissions do not allow it.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _create(path)
        if stat.S_IMODE(path.stat().st_mode) & ~PRIVATE:
            path.chmod(PRIVATE)
    except FileExistsError:
        raise unusable(path, NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))) from None
    except OSError as error:
        raise unusable(path, error) from None
    require_database(path)
    if not os.access(path.parent, os.W_OK):
        msg = f"the directory {path.parent} is not writable, and SQLite keeps its log beside the database"
        raise DatabaseOpenError(msg)


def _create(path: Path) -> None:
    """Make an empty file if there is none. One that exists is not opened, see :func:`require_database`."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE))
    if not stat.S_ISREG(path.stat().st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def require_database(path: Path) -> None:
    """Check that ``path`` is an existing SQLite database or an empty file.

    SQLite itself looks. Opening and closing the file by other means would release the locks of every connection that this process has to it
    (POSIX advisory locks are the process's), and the next program to close the database would take itself for the last one and remove the
    write-ahead log from under the writer. https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_

    Raises:
        DatabaseOpenError: it is neither.

    """
    try:
        found = path.stat()
    except FileNotFoundError:
        msg = f"there is no database at {path}"
        raise DatabaseOpenError(msg) from None
    except OSError as error:
        raise unusable(path, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise unusable(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    if not os.access(path, os.R_OK):
        raise unusable(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    if found.st_size and not _is_database(path):
        msg = f"{path} is not an SQLite database"
        raise DatabaseOpenError(msg)


def _is_database(path: Path) -> bool:
    """Whether SQLite takes the file for one of its own; one that is busy or damaged otherwise is."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            connection.execute("PRAGMA schema_version").fetchone()
        except sqlite3.Error as error:
            return getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_NOTADB
    return True


def unusable(path: Path, error: OSError) -> DatabaseOpenError:
    """The error for a file that the operating system does not let us use."""
    return DatabaseOpenError(f"the database {path} cannot be used: {error.strerror or error}")
