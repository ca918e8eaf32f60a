"""Discord's objects as JSON, each for itself: users, members, presences, channels and what else events are made of.

Keys and their order follow what Discord sends. Source: https://discord.com/developers/docs/resources.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from mocha_actors.discord.snowflake import time_ms
from mocha_actors.simulator.life.parts import OFFLINE, Presence, Voice
from mocha_actors.simulator.world import CATEGORY, FORUM, STAGE, VOICE, Channel, Emoji, Member, User

EVERYBODYS_PERMISSIONS = 1_071_698_660_929

MODERATORS_PERMISSIONS = 1 << 1 | 1 << 2 | 1 << 5 | 1 << 7 | 1 << 13 | 1 << 40
"""To kick, ban, manage the guild, see its log, manage messages and time people out: what the highest role adds."""

HIGHEST_ROLE = 5
"""Place of the highest role of a guild."""


def timestamp(ms: int) -> str:
    """Write a time, in milliseconds since the Unix epoch, as Discord does: ISO 8601 with microseconds and offset."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="microseconds")


def user_object(user: User) -> dict[str, Any]:
    """Describe an account as it stands inside messages and members."""
    described: dict[str, Any] = {
        "username": user.username,
        "public_flags": 0,
        "primary_guild": None,
        "id": str(user.id),
        "global_name": user.global_name,
        "display_name_styles": None,
        "discriminator": f"{user.id % 9999 + 1:04}" if user.bot else "0",
        "collectibles": None,
        "clan": None,
        "avatar_decoration_data": None,
        "avatar": user.avatar,
    }
    return described | {"bot": True} if user.bot else described


def member_object(member: Member) -> dict[str, Any]:
    """Describe a membership, without its user."""
    return {
        "roles": [str(role) for role in member.roles],
        "premium_since": None,
        "pending": member.pending,
        "nick": member.nick,
        "mute": member.mute,
        "joined_at": timestamp(member.joined_ms),
        "flags": 0,
        "deaf": member.deaf,
        "communication_disabled_until": None,
        "banner": None,
        "avatar": None,
    }


def full_member(member: Member) -> dict[str, Any]:
    """Describe a membership with its user, as in GUILD_CREATE and GUILD_MEMBERS_CHUNK."""
    return member_object(member) | {"user": user_object(member.user)}


def presence_object(user_id: int, presence: Presence | None) -> dict[str, Any]:
    """Describe how somebody is seen; None is offline."""
    return {
        "user": {"id": str(user_id)},
        "status": OFFLINE if presence is None else presence.status,
        "activities": [] if presence is None else msgspec.Raw(presence.activities.encode()),
        "client_status": {} if presence is None else {presence.device: presence.status},
    }


def voice_object(voice: Voice, member: Member) -> dict[str, Any]:
    """Describe somebody in a voice channel, as it stands in GUILD_CREATE: without guild and member."""
    streaming = {"self_stream": True} if voice.stream else {}
    return {
        "user_id": str(voice.user_id),
        "suppress": voice.suppress,
        "session_id": voice.session_id,
        "self_video": voice.video,
        "self_mute": voice.self_mute,
        "self_deaf": voice.self_deaf,
        "request_to_speak_timestamp": voice.hand,
        "mute": member.mute,
        "deaf": member.deaf,
        "channel_id": str(voice.channel_id),
    } | streaming


def emoji_object(emoji: Emoji) -> dict[str, Any]:
    """Describe an emoji of a guild."""
    return {
        "id": str(emoji.id),
        "name": emoji.name,
        "roles": [],
        "require_colons": True,
        "managed": False,
        "animated": False,
        "available": True,
    }


def role_permissions(place: int) -> int:
    """Tell what the role at this place in the order of roles lets its members do."""
    return EVERYBODYS_PERMISSIONS | (MODERATORS_PERMISSIONS if place == HIGHEST_ROLE else 0)


def role_object(role: int, place: int) -> dict[str, Any]:
    """Describe a role at its place in the order of roles."""
    return {
        "id": str(role),
        "name": f"role {place}" if place else "@everyone",
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "position": place,
        "permissions": str(role_permissions(place)),
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def channel_object(channel: Channel) -> dict[str, Any]:
    """Describe a channel as it stands inside GUILD_CREATE, without the guild's id."""
    common = {
        "id": str(channel.id),
        "type": channel.type,
        "name": channel.name,
        "position": channel.position,
        "parent_id": None if channel.parent_id is None else str(channel.parent_id),
        "permission_overwrites": [],
        "flags": 0,
    }
    if channel.type == CATEGORY:
        return common
    spoken = (
        {"bitrate": 64_000, "user_limit": 0, "rtc_region": None} if channel.type in {VOICE, STAGE} else {"topic": None}
    )
    posts: dict[str, Any] = {"available_tags": [], "default_reaction_emoji": None} if channel.type == FORUM else {}
    return common | spoken | posts | {"nsfw": False, "rate_limit_per_user": 0, "last_message_id": None}


def thread_object(thread: Channel, guild_id: int) -> dict[str, Any]:
    """Describe a thread."""
    made = timestamp(time_ms(thread.id))
    return {
        "id": str(thread.id),
        "type": thread.type,
        "name": thread.name,
        "guild_id": str(guild_id),
        "parent_id": str(thread.parent_id),
        "owner_id": str(thread.owner_id or 0),
        "last_message_id": None,
        "message_count": 0,
        "member_count": 1,
        "total_message_sent": 0,
        "rate_limit_per_user": 0,
        "flags": 0,
        "thread_metadata": {
            "archived": thread.archived,
            "auto_archive_duration": 4320,
            "archive_timestamp": made,
            "create_timestamp": made,
            "locked": False,
        },
    }
