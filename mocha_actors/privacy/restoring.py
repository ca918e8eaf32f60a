"""Restoring a back-up: whoever opted out or was erased since it was made stays so.

A back-up holds people who were erased later. The database that it replaces knows them, by keyed hashes: its list is carried over, and of every user in the back-up whose hash is
newly on it, the erasure is done again. In anonymised mode the users of a back-up cannot be told by that list, since they stand there under other hashes.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from mocha_actors.db.backup import back_up
from mocha_actors.db.connection import Connection
from mocha_actors.db.engine import bring_up
from mocha_actors.db.errors import translated
from mocha_actors.db.optout import user_hash
from mocha_actors.db.optout_list import KEY, KEY_NAME, MAKE_KEY
from mocha_actors.db.session import Session, open_session
from mocha_actors.db.sqlite import SqliteConnection
from mocha_actors.db.verify import Progress, quiet
from mocha_actors.errors import ConfigError
from mocha_actors.privacy.places import PLACES, SINGLES

HASHES: Final = "SELECT user_hash, at_ms FROM opt_outs"
ADD: Final = "INSERT INTO opt_outs (user_hash, at_ms) VALUES (?, ?) ON CONFLICT (user_hash) DO NOTHING"


class OptOuts(NamedTuple):
    """A list with the key of its hashes; None where no key was ever made."""

    key: bytes | None
    hashes: dict[bytes, int]


NOBODY: Final = OptOuts(None, {})


def opt_outs_in(path: Path) -> OptOuts:
    """The list in the database at ``path``; an empty one where there is no database.

    Raises:
        MochaError: it cannot be read.

    """
    if not path.exists() or not path.stat().st_size:
        return NOBODY
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with translated(), closing(sqlite3.connect(uri, uri=True, factory=SqliteConnection)) as connection:
        return read_list(connection)


def read_list(connection: Connection) -> OptOuts:
    """The list of a database."""
    row = connection.execute(KEY, (KEY_NAME,)).fetchone()
    hashes = {bytes(digest): at_ms for digest, at_ms in connection.execute(HASHES).fetchall()}
    return OptOuts(None if row is None else bytes(row[0]), hashes)


def put_back(
    backup: Path, database: Path, opt_outs: OptOuts, progress: Progress = quiet
) -> tuple[Path | None, list[int]]:
    """Put a copy of ``backup`` in the place of ``database``, which is owned and not in use.

    Returns:
        Where the database before was moved, if there was one, and the users that have to be erased again.

    Raises:
        ConfigError: ``backup`` is of another database.
        MochaError: it is no database, or damaged, or the disk is full; then ``database`` is as it was.

    """
    fresh = database.with_name(f"{database.name}.restored")
    fresh.unlink(missing_ok=True)
    try:
        back_up(backup, fresh, progress)
        users = _carry_over(fresh, opt_outs)
        aside = _move_aside(database)
        fresh.rename(database)
    finally:
        for suffix in ("", "-wal", "-shm"):
            fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
    return aside, users


def _carry_over(path: Path, opt_outs: OptOuts) -> list[int]:
    session = open_session(path)
    try:
        bring_up(session)
        return merge(session, opt_outs)
    finally:
        session.close()


def merge(session: Session, opt_outs: OptOuts) -> list[int]:
    """Add a newer list to that of a database; returns the users of the database that are newly on it."""
    with session.transaction() as connection:
        known = read_list(connection)
        if opt_outs.key is None:
            return []
        if known.key is None:
            connection.execute(MAKE_KEY, (KEY_NAME, opt_outs.key))
        elif known.key != opt_outs.key:
            msg = "the back-up is of another database: the keys of their opt-out lists differ"
            raise ConfigError(msg)
        new = {digest: at_ms for digest, at_ms in opt_outs.hashes.items() if digest not in known.hashes}
        connection.executemany(ADD, sorted(new.items()))
        return [user for user in users_in(connection) if user_hash(opt_outs.key, user) in new] if new else []


def users_in(connection: Connection) -> list[int]:
    """Everybody whose id stands anywhere in a database."""
    columns = {(place.table, place.column) for place in PLACES} | set(SINGLES.items())
    return sorted({
        int(user)
        for table, column in sorted(columns)
        for (user,) in connection.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")  # noqa: S608 - names of the map
        if user > 0
    })  # fmt: skip


def _move_aside(database: Path) -> Path | None:
    """Give the files of a database another name; None if there is none."""
    if not database.exists():
        return None
    aside = next(
        path for number in count(1) if not (path := database.with_name(f"{database.name}.replaced-{number}")).exists()
    )
    for suffix in ("-wal", "-shm", ""):
        part = database.with_name(database.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside
