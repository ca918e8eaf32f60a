"""The opt-out list in the database, and the key of its hashes."""

from __future__ import annotations

import secrets
from typing import Final

from mocha_actors.db.connection import Connection
from mocha_actors.db.optout import Gate, user_hash

KEY_NAME: Final = "users"
KEY_BYTES: Final = 32

KEY: Final = "SELECT value FROM secret_keys WHERE name = ?"
MAKE_KEY: Final = "INSERT INTO secret_keys (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
LIST: Final = "SELECT user_hash FROM opt_outs"
ADD: Final = "INSERT INTO opt_outs (user_hash, at_ms) VALUES (?, ?) ON CONFLICT (user_hash) DO NOTHING"
REMOVE: Final = "DELETE FROM opt_outs WHERE user_hash = ?"


def key_of(connection: Connection) -> bytes:
    """The key of the hashes, made on first use, inside a writing transaction."""
    row = connection.execute(KEY, (KEY_NAME,)).fetchone()
    if row is None:
        connection.execute(MAKE_KEY, (KEY_NAME, secrets.token_bytes(KEY_BYTES)))
        row = connection.execute(KEY, (KEY_NAME,)).fetchone()
    return bytes(row[0])


def load_gate(connection: Connection, *, anonymise: bool) -> Gate:
    """The gate as the database knows it."""
    opted_out = [bytes(user) for (user,) in connection.execute(LIST)]
    # Without anybody on the list and without pseudonyms no key is needed, and none is made.
    key = key_of(connection) if opted_out or anonymise else b"unused"
    return Gate(key, opted_out, anonymise=anonymise)


def set_opt_out(connection: Connection, user_id: int, at_ms: int, *, out: bool) -> bool:
    """Put a user on the list, or take it off; whether that changed anything."""
    digest = user_hash(key_of(connection), user_id)
    parameters = (digest, at_ms) if out else (digest,)
    return connection.execute(ADD if out else REMOVE, parameters).rowcount > 0


def is_out(connection: Connection, user_id: int) -> bool:
    """Whether a user is on the list."""
    row = connection.execute(KEY, (KEY_NAME,)).fetchone()
    if row is None:
        return False
    digest = user_hash(bytes(row[0]), user_id)
    return connection.execute("SELECT 1 FROM opt_outs WHERE user_hash = ?", (digest,)).fetchone() is not None
