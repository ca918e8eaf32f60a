"""Where the database is: the URL of the configuration, made into a path that can be opened."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from mocha_actors.db.errors import DatabaseOpenError
from mocha_actors.errors import ConfigError

SCHEME: Final = "sqlite:///"
MAGIC: Final = b"SQLite format 3\x00"
"""First bytes of every SQLite database. https://sqlite.org/fileformat.html#the_database_header."""

PRIVATE: Final = 0o600


def database_path(url: str) -> Path:
    """The absolute path that ``sqlite:///relative.db`` or ``sqlite:////absolute.db`` names, links followed. Creates nothing.

    Raises:
        ConfigError: another scheme, no path, or the current folder is gone.

    """
    if url.startswith(("postgresql:", "postgres:")):
        msg = (
            "database.url names PostgreSQL, which this version does not write to; allowed is sqlite:///path/to/file.db"
        )
        raise ConfigError(msg)
    name = url.removeprefix(SCHEME)
    if not url.startswith(SCHEME) or not name or name == ":memory:" or "\0" in name:
        msg = f"database.url is {url!r}; allowed is sqlite:///path/to/file.db (four slashes begin an absolute path)"
        raise ConfigError(msg)
    try:
        # Resolved, so that the lock beside it is the same under whatever name the database is reached.
        return Path(name).expanduser().resolve()
    except OSError as error:
        raise ConfigError(f"database.url: {name} cannot be looked up: {error.strerror}") from None


def prepare(path: Path) -> None:
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
