"""The audit log: who did what by an administrative command. An entry names nobody whose erasure it notes."""

from __future__ import annotations

from typing import Final

import msgspec

from mocha_actors.db.connection import Connection

ADD: Final = "INSERT INTO audit_log (at_ms, actor, action, guild_id, detail) VALUES (?, ?, ?, ?, ?)"
LIST: Final = "SELECT at_ms, actor, action, guild_id, detail FROM audit_log WHERE at_ms >= ? ORDER BY id DESC LIMIT ?"


class AuditEntry(msgspec.Struct, frozen=True):
    """One entry.

    Attributes:
        at_ms: when, milliseconds since the Unix epoch.
        actor: who asked, as far as the program knows.
        action: what was done.
        guild_id: where, if in one guild.
        detail: how much of it, in words.

    """

    at_ms: int
    actor: str
    action: str
    guild_id: int | None
    detail: str


def note(connection: Connection, entry: AuditEntry) -> None:
    """Write an entry, in the transaction of what it notes where that is one."""
    connection.execute(ADD, (entry.at_ms, entry.actor, entry.action, entry.guild_id, entry.detail))


def entries(connection: Connection, since_ms: int = 0, limit: int = 100) -> list[AuditEntry]:
    """The newest ``limit`` entries since a moment, newest first."""
    return [AuditEntry(*row) for row in connection.execute(LIST, (since_ms, limit))]
