"""The tables of migration 2 as Pony entities; see :mod:`mocha_actors.db.entities`."""

from __future__ import annotations

from pony import orm


def define_kinds(db: orm.Database) -> None:
    """Declare the entities of every kind of event beside messages."""
    define_members(db)
    define_member_events(db)
    define_message_rollups(db)
    define_voice(db)
    define_voice_sums(db)
    define_reactions(db)
    define_reaction_sums(db)
    define_presence(db)


def define_members(db: orm.Database) -> None:
    """Members, channels and what questions leave out."""

    class Channel(db.Entity):  # type: ignore[misc]
        _table_ = "channels"
        guild_id = orm.Required(int, size=64)
        id = orm.Required(int, size=64)
        type = orm.Required(int, size=16)
        name = orm.Optional(str, nullable=True)
        parent_id = orm.Optional(int, size=64)
        owner_id = orm.Optional(int, size=64)
        deleted_ms = orm.Optional(int, size=64)
        seen_ms = orm.Required(int, size=64)
        orm.PrimaryKey(guild_id, id)

    class GuildIgnore(db.Entity):  # type: ignore[misc]
        _table_ = "guild_ignores"
        guild_id = orm.Required(int, size=64)
        kind = orm.Required(int, size=16)
        id = orm.Required(int, size=64)
        orm.PrimaryKey(guild_id, kind, id)

    class Member(db.Entity):  # type: ignore[misc]
        _table_ = "members"
        guild_id = orm.Required(int, size=64)
        user_id = orm.Required(int, size=64)
        is_bot = orm.Required(int, size=16)
        joined_ms = orm.Optional(int, size=64)
        left_ms = orm.Optional(int, size=64)
        pending = orm.Optional(int, size=16)
        nick = orm.Optional(str, nullable=True)
        roles = orm.Required(str)
        seen_ms = orm.Required(int, size=64)
        orm.PrimaryKey(guild_id, user_id)


def define_member_events(db: orm.Database) -> None:
    """Joins, leaves and their sums."""

    class MemberEvent(db.Entity):  # type: ignore[misc]
        _table_ = "member_events"
        guild_id = orm.Required(int, size=64)
        at_ms = orm.Required(int, size=64)
        user_id = orm.Required(int, size=64)
        kind = orm.Required(int, size=16)
        is_bot = orm.Required(int, size=16)
        joined_ms = orm.Optional(int, size=64)
        reason = orm.Optional(int, size=16)
        bound_ms = orm.Required(int, size=64)
        orm.PrimaryKey(guild_id, at_ms, user_id, kind)

    class MemberRemoval(db.Entity):  # type: ignore[misc]
        _table_ = "member_removals"
        guild_id = orm.Required(int, size=64)
        user_id = orm.Required(int, size=64)
        reason = orm.Required(int, size=16)
        at_ms = orm.Required(int, size=64)
        bound_ms = orm.Required(int, size=64)
        orm.PrimaryKey(guild_id, user_id)

    class MemberHour(db.Entity):  # type: ignore[misc]
        _table_ = "member_hour"
        guild_id = orm.Required(int, size=64)
        hour = orm.Required(int)
        is_bot = orm.Required(int, size=16)
        joins = orm.Required(int)
        leaves = orm.Required(int)
        orm.PrimaryKey(guild_id, hour, is_bot)

    class MemberCount(db.Entity):  # type: ignore[misc]
        _table_ = "member_counts"
        guild_id = orm.Required(int, size=64)
        at_ms = orm.Required(int, size=64)
        count = orm.Required(int)
        orm.PrimaryKey(guild_id, at_ms)


def define_message_rollups(db: orm.Database) -> None:
    """More of messages: details and the coarser rollups."""

    class MessageDetail(db.Entity):  # type: ignore[misc]
        _table_ = "message_details"
        guild_id = orm.Required(int, size=64)
        message_id = orm.Required(int, size=64)
        attachments = orm.Required(int, size=16)
        embeds = orm.Optional(int, size=16)
        mentions = orm.Optional(int, size=16)
        links = orm.Optional(int, size=16)
        length = orm.Optional(int)
        words = orm.Optional(int)
        invoker_id = orm.Optional(int, size=64)
        edited_ms = orm.Optional(int, size=64)
        edits = orm.Required(int, size=16)
        orm.PrimaryKey(guild_id, message_id)

    class UserWeek(db.Entity):  # type: ignore[misc]
        _table_ = "user_week"
        guild_id = orm.Required(int, size=64)
        week = orm.Required(int)
        user_id = orm.Required(int, size=64)
        author_class = orm.Required(int, size=16)
        kind = orm.Required(int, size=16)
        sent = orm.Required(int)
        deleted = orm.Required(int)
        orm.PrimaryKey(guild_id, week, user_id, author_class, kind)

    class ChannelDay(db.Entity):  # type: ignore[misc]
        _table_ = "channel_day"
        guild_id = orm.Required(int, size=64)
        day = orm.Required(int)
        channel_id = orm.Required(int, size=64)
        author_class = orm.Required(int, size=16)
        kind = orm.Required(int, size=16)
        sent = orm.Required(int)
        deleted = orm.Required(int)
        orm.PrimaryKey(guild_id, day, channel_id, author_class, kind)

    class ChannelUserDay(db.Entity):  # type: ignore[misc]
        _table_ = "channel_user_day"
        guild_id = orm.Required(int, size=64)
        day = orm.Required(int)
        channel_id = orm.Required(int, size=64)
        user_id = orm.Required(int, size=64)
        author_class = orm.Required(int, size=16)
        kind = orm.Required(int, size=16)
        sent = orm.Required(int)
        deleted = orm.Required(int)
        orm.PrimaryKey(guild_id, day, channel_id, user_id, author_class, kind)

    class ClosedDay(db.Entity):  # type: ignore[misc]
        _table_ = "closed_days"
        guild_id = orm.Required(int, size=64)
        day = orm.Required(int)
        dirty = orm.Required(int, size=16)
        orm.PrimaryKey(guild_id, day)

    class UserColumns(db.Entity):  # type: ignore[misc]
        _table_ = "user_columns"
        guild_id = orm.Required(int, size=64)
        number = orm.Required(int)
        unit_days = orm.Required(int, size=16)
        state = orm.Required(int, size=16)
        users = orm.Optional(bytes, nullable=True)
        sent = orm.Optional(bytes, nullable=True)
        deleted = orm.Optional(bytes, nullable=True)
        orm.PrimaryKey(guild_id, number, unit_days)


def define_voice(db: orm.Database) -> None:
    """Voice: intervals and their sums."""

    class VoiceEvent(db.Entity):  # type: ignore[misc]
        _table_ = "voice_events"
        guild_id = orm.Required(int, size=64)
        id = orm.Required(int, size=64)
        user_id = orm.Required(int, size=64)
        channel_id = orm.Required(int, size=64)
        ended_ms = orm.Optional(int, size=64)
        flags = orm.Required(int)
        is_bot = orm.Required(int, size=16)
        device = orm.Required(int, size=64)
        shard = orm.Required(int)
        session_id = orm.Required(int, size=64)
        visit = orm.Required(int, size=16)
        continues_id = orm.Optional(int, size=64)
        end_reason = orm.Optional(int, size=16)
        bound_ms = orm.Required(int, size=64)
        suspended = orm.Required(int, size=16)
        orm.PrimaryKey(guild_id, id)


def define_voice_sums(db: orm.Database) -> None:
    """The sums of voice."""

    class VoiceUserDay(db.Entity):  # type: ignore[misc]
        _table_ = "voice_user_day"
        guild_id = orm.Required(int, size=64)
        day = orm.Required(int)
        user_id = orm.Required(int, size=64)
        is_bot = orm.Required(int, size=16)
        state = orm.Required(int, size=16)
        ms = orm.Required(int, size=64)
        muted_ms = orm.Required(int, size=64)
        streaming_ms = orm.Required(int, size=64)
        video_ms = orm.Required(int, size=64)
        suppressed_ms = orm.Required(int, size=64)
        sessions = orm.Required(int)
        orm.PrimaryKey(guild_id, day, user_id, is_bot, state)

    class VoiceChannelHour(db.Entity):  # type: ignore[misc]
        _table_ = "voice_channel_hour"
        guild_id = orm.Required(int, size=64)
        hour = orm.Required(int)
        channel_id = orm.Required(int, size=64)
        is_bot = orm.Required(int, size=16)
        state = orm.Required(int, size=16)
        ms = orm.Required(int, size=64)
        muted_ms = orm.Required(int, size=64)
        streaming_ms = orm.Required(int, size=64)
        video_ms = orm.Required(int, size=64)
        suppressed_ms = orm.Required(int, size=64)
        visits = orm.Required(int)
        orm.PrimaryKey(guild_id, hour, channel_id, is_bot, state)

    class VoiceGuildHour(db.Entity):  # type: ignore[misc]
        _table_ = "voice_guild_hour"
        guild_id = orm.Required(int, size=64)
        hour = orm.Required(int)
        is_bot = orm.Required(int, size=16)
        state = orm.Required(int, size=16)
        ms = orm.Required(int, size=64)
        muted_ms = orm.Required(int, size=64)
        streaming_ms = orm.Required(int, size=64)
        video_ms = orm.Required(int, size=64)
        suppressed_ms = orm.Required(int, size=64)
        sessions = orm.Required(int)
        orm.PrimaryKey(guild_id, hour, is_bot, state)


def define_reactions(db: orm.Database) -> None:
    """Reactions: events, what stands, and the sums."""

    class ReactionEvent(db.Entity):  # type: ignore[misc]
        _table_ = "reaction_events"
        guild_id = orm.Required(int, size=64)
        id = orm.Required(int, size=64)
        message_id = orm.Required(int, size=64)
        channel_id = orm.Required(int, size=64)
        user_id = orm.Required(int, size=64)
        receiver_id = orm.Optional(int, size=64)
        receiver_bot = orm.Required(int, size=16)
        emoji = orm.Required(str)
        burst = orm.Required(int, size=16)
        action = orm.Required(int, size=16)
        is_bot = orm.Required(int, size=16)
        bound_ms = orm.Required(int, size=64)
        orm.PrimaryKey(guild_id, id)

    class ReactionState(db.Entity):  # type: ignore[misc]
        _table_ = "reaction_state"
        guild_id = orm.Required(int, size=64)
        message_id = orm.Required(int, size=64)
        user_id = orm.Required(int, size=64)
        emoji = orm.Required(str)
        burst = orm.Required(int, size=16)
        channel_id = orm.Required(int, size=64)
        receiver_id = orm.Optional(int, size=64)
        is_bot = orm.Required(int, size=16)
        orm.PrimaryKey(guild_id, message_id, user_id, emoji, burst)

    class EmojiName(db.Entity):  # type: ignore[misc]
        _table_ = "emojis"
        guild_id = orm.Required(int, size=64)
        emoji = orm.Required(str)
        name = orm.Required(str)
        seen_ms = orm.Required(int, size=64)
        orm.PrimaryKey(guild_id, emoji)


def define_reaction_sums(db: orm.Database) -> None:
    """The sums of reactions."""

    class ReactionChannelHour(db.Entity):  # type: ignore[misc]
        _table_ = "reaction_channel_hour"
        guild_id = orm.Required(int, size=64)
        hour = orm.Required(int)
        channel_id = orm.Required(int, size=64)
        is_bot = orm.Required(int, size=16)
        added = orm.Required(int)
        removed = orm.Required(int)
        burst = orm.Required(int)
        orm.PrimaryKey(guild_id, hour, channel_id, is_bot)

    class ReactionEmojiDay(db.Entity):  # type: ignore[misc]
        _table_ = "reaction_emoji_day"
        guild_id = orm.Required(int, size=64)
        day = orm.Required(int)
        emoji = orm.Required(str)
        is_bot = orm.Required(int, size=16)
        added = orm.Required(int)
        removed = orm.Required(int)
        burst = orm.Required(int)
        orm.PrimaryKey(guild_id, day, emoji, is_bot)

    class ReactionUserDay(db.Entity):  # type: ignore[misc]
        _table_ = "reaction_user_day"
        guild_id = orm.Required(int, size=64)
        day = orm.Required(int)
        user_id = orm.Required(int, size=64)
        is_bot = orm.Required(int, size=16)
        given = orm.Required(int)
        removed = orm.Required(int)
        received = orm.Required(int)
        received_bot = orm.Required(int)
        self = orm.Required(int)
        orm.PrimaryKey(guild_id, day, user_id, is_bot)


def define_presence(db: orm.Database) -> None:
    """Presence: intervals and their sums."""

    class PresenceEvent(db.Entity):  # type: ignore[misc]
        _table_ = "presence_events"
        guild_id = orm.Required(int, size=64)
        id = orm.Required(int, size=64)
        user_id = orm.Required(int, size=64)
        status = orm.Required(int, size=16)
        ended_ms = orm.Optional(int, size=64)
        is_bot = orm.Required(int, size=16)
        shard = orm.Required(int)
        end_reason = orm.Optional(int, size=16)
        bound_ms = orm.Required(int, size=64)
        follows = orm.Required(int, size=16)
        orm.PrimaryKey(guild_id, id)

    class PresenceHour(db.Entity):  # type: ignore[misc]
        _table_ = "presence_hour"
        guild_id = orm.Required(int, size=64)
        hour = orm.Required(int)
        status = orm.Required(int, size=16)
        is_bot = orm.Required(int, size=16)
        ms = orm.Required(int, size=64)
        orm.PrimaryKey(guild_id, hour, status, is_bot)
