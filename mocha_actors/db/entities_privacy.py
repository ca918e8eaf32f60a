"""The tables of migration 3 as Pony entities; see :mod:`mocha_actors.db.entities`."""

from __future__ import annotations

from pony import orm


def define_privacy(db: orm.Database) -> None:
    """Declare the entities of what privacy needs."""

    class SecretKey(db.Entity):  # type: ignore[misc]
        _table_ = "secret_keys"
        name = orm.PrimaryKey(str)
        value = orm.Required(bytes)

    class OptOut(db.Entity):  # type: ignore[misc]
        _table_ = "opt_outs"
        user_hash = orm.PrimaryKey(bytes)
        at_ms = orm.Required(int, size=64)

    class Erasure(db.Entity):  # type: ignore[misc]
        _table_ = "erasures"
        user_id = orm.Required(int, size=64)
        guild_id = orm.Required(int, size=64)
        alias = orm.Required(int, size=64)
        orm.PrimaryKey(user_id, guild_id)

    class RetentionMark(db.Entity):  # type: ignore[misc]
        _table_ = "retention_marks"
        guild_id = orm.Required(int, size=64)
        kind = orm.Required(str)
        before_ms = orm.Required(int, size=64)
        orm.PrimaryKey(guild_id, kind)

    class AuditEntry(db.Entity):  # type: ignore[misc]
        _table_ = "audit_log"
        id = orm.PrimaryKey(int, auto=True)
        at_ms = orm.Required(int, size=64)
        actor = orm.Required(str)
        action = orm.Required(str)
        guild_id = orm.Optional(int, size=64)
        detail = orm.Required(str)
