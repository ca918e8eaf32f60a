"""Where the database is: the URL of the configuration, made into a path that can be opened, or the address of a server."""

from __future__ import annotations

import errno
import os
import re
import stat
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
MAGIC: Final = b"SQLite format 3\x00"
"""First bytes of every SQLite database. https://sqlite.org/fileformat.html#the_database_header."""

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
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE))
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


def require_database(path: Path) -> None:
    """Check that ``path`` is an existing SQLite database or an empty file.

    Raises:
        DatabaseOpenError: it is neither.

    """
    try:
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
    except FileNotFoundError:
        msg = f"there is no database at {path}"
        raise DatabaseOpenError(msg) from None
    except OSError as error:
        raise unusable(path, error) from None
    if head and head != MAGIC:
        msg = f"{path} is not an SQLite database"
        raise DatabaseOpenError(msg)


def unusable(path: Path, error: OSError) -> DatabaseOpenError:
    """The error for a file that the operating system does not let us use."""
    return DatabaseOpenError(f"the database {path} cannot be used: {error.strerror or error}")
