"""The tables as Pony entities: a map of what the migrations create, bound to one :class:`pony.orm.Database` instance.

Bulk writes do not pass here, since an entity a row costs four times as much as ``executemany``. A test holds this map against the migrations.
"""

from __future__ import annotations

from typing import Any

from pony import orm

from mocha_actors.db.entities_kinds import define_kinds
from mocha_actors.db.entities_privacy import define_privacy


def define(db: orm.Database) -> None:
    """Declare the entities on ``db``. There is no module-level database: several live in one process."""
    define_gateway(db)
    define_names(db)
    define_messages(db)
    define_kinds(db)
    define_privacy(db)


def define_gateway(db: orm.Database) -> None:
    """What the gateway needs after a crash, and what it lost."""

    class GatewaySession(db.Entity):  # type: ignore[misc]
        _table_ = "gateway_sessions"
        shard = orm.PrimaryKey(int)
        session_id = orm.Required(str)
        resume_url = orm.Optional(str, nullable=True)
        seq = orm.Required(int, size=64)
        fingerprint = orm.Required(str)
        epoch = orm.Required(int, size=64)
        last_alive_ms = orm.Required(int, size=64)
        user_id = orm.Required(int, size=64)
        application_id = orm.Required(int, size=64)
        previous_session_id = orm.Optional(str, nullable=True)

    class IdentifyAttempt(db.Entity):  # type: ignore[misc]
        _table_ = "identify_log"
        application_id = orm.Required(int, size=64)
        at_ms = orm.Required(int, size=64)
        shard = orm.Required(int)
        orm.PrimaryKey(application_id, at_ms, shard)

    class CoverageGap(db.Entity):  # type: ignore[misc]
        _table_ = "coverage_gaps"
        shard = orm.Required(int)
        from_ms = orm.Required(int, size=64)
        to_ms = orm.Required(int, size=64)
        reason = orm.Required(str)
        orm.PrimaryKey(shard, from_ms, to_ms)

    class DeadLetterRow(db.Entity):  # type: ignore[misc]
        _table_ = "dead_letters"
        id = orm.PrimaryKey(int, auto=True)
        shard = orm.Required(int)
        seq = orm.Required(int, size=64)
        type = orm.Required(str)
        reason = orm.Required(str)
        error = orm.Required(str)
        payload = orm.Required(bytes)
        at_ms = orm.Required(int, size=64)
        user_id = orm.Optional(int, size=64)


def define_names(db: orm.Database) -> None:
    """Who and where."""

    class Guild(db.Entity):  # type: ignore[misc]
        _table_ = "guilds"
        id = orm.PrimaryKey(int, size=64)
        name = orm.Optional(str, nullable=True)
        owner_id = orm.Optional(int, size=64)
        afk_channel_id = orm.Optional(int, size=64)
        member_count = orm.Optional(int)
        joined_ms = orm.Optional(int, size=64)
        left_ms = orm.Optional(int, size=64)
        unavailable = orm.Required(int, size=16)
        seen_ms = orm.Required(int, size=64)
        shard = orm.Optional(int)
        time_zone = orm.Optional(str, nullable=True)
        week_start = orm.Optional(int, size=16)
        revision = orm.Required(int, size=64)
        rewrites = orm.Required(int, size=64)

    class User(db.Entity):  # type: ignore[misc]
        _table_ = "users"
        id = orm.PrimaryKey(int, size=64)
        username = orm.Required(str)
        global_name = orm.Optional(str, nullable=True)
        is_bot = orm.Required(int, size=8)
        seen_ms = orm.Required(int, size=64)


def define_messages(db: orm.Database) -> None:
    """Messages and their three rollups."""

    class MessageEvent(db.Entity):  # type: ignore[misc]
        _table_ = "message_events"
        guild_id = orm.Required(int, size=64)
        message_id = orm.Required(int, size=64)
        channel_id = orm.Required(int, size=64)
        user_id = orm.Required(int, size=64)
        author_class = orm.Required(int, size=8)
        kind = orm.Required(int, size=8)
        type = orm.Required(int, size=16)
        deleted_ms = orm.Optional(int, size=64)
        orm.PrimaryKey(guild_id, message_id)

    class UserDay(db.Entity):  # type: ignore[misc]
        _table_ = "user_day"
        guild_id = orm.Required(int, size=64)
        day = orm.Required(int)
        user_id = orm.Required(int, size=64)
        author_class, kind, sent, deleted = counted()
        orm.PrimaryKey(guild_id, day, user_id, author_class, kind)

    class ChannelHour(db.Entity):  # type: ignore[misc]
        _table_ = "channel_hour"
        guild_id = orm.Required(int, size=64)
        hour = orm.Required(int)
        channel_id = orm.Required(int, size=64)
        author_class, kind, sent, deleted = counted()
        orm.PrimaryKey(guild_id, hour, channel_id, author_class, kind)

    class GuildHour(db.Entity):  # type: ignore[misc]
        _table_ = "guild_hour"
        guild_id = orm.Required(int, size=64)
        hour = orm.Required(int)
        author_class, kind, sent, deleted = counted()
        orm.PrimaryKey(guild_id, hour, author_class, kind)


def counted() -> tuple[Any, Any, Any, Any]:
    """The columns that every rollup has: author class, kind, sent, deleted."""
    return orm.Required(int, size=8), orm.Required(int, size=8), orm.Required(int), orm.Required(int)
