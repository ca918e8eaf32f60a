"""Discord's objects as JSON: users, members, channels, READY and GUILD_CREATE.

Keys and their order follow what Discord sends. Source: https://discord.com/developers/docs/resources and
https://discord.com/developers/docs/events/gateway-events.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from mocha_actors.discord.snowflake import time_ms
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.session import Session
from mocha_actors.simulator.world import CATEGORY, FORUM, VOICE, Channel, Guild, Member, User, World

GUILDS_INTENT = 1 << 0
GUILD_MEMBERS_INTENT = 1 << 1
GUILD_PRESENCES_INTENT = 1 << 8

GATEWAY_VERSION = 10

LARGE_THRESHOLD = 250
"""A guild with more members is called large."""

BOT_PERMISSIONS = "1071698660929"

_encode = msgspec.json.Encoder().encode


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
        "pending": False,
        "nick": member.nick,
        "mute": False,
        "joined_at": timestamp(member.joined_ms),
        "flags": 0,
        "deaf": False,
        "communication_disabled_until": None,
        "banner": None,
        "avatar": None,
    }


def full_member(member: Member) -> dict[str, Any]:
    """Describe a membership with its user, as in GUILD_CREATE and GUILD_MEMBERS_CHUNK."""
    return member_object(member) | {"user": user_object(member.user)}


def presence_object(member: Member) -> dict[str, Any]:
    """Describe somebody who is online."""
    return {
        "user": {"id": str(member.user.id)},
        "status": "online",
        "activities": [],
        "client_status": {"desktop": "online"},
    }


def own_user_object(world: World) -> dict[str, Any]:
    """Describe the bot to itself, as in READY and `/users/@me`."""
    return user_object(world.bot) | {"verified": True, "mfa_enabled": False, "flags": 0, "email": None}


def application_object(world: World) -> dict[str, Any]:
    """Describe the bot's application, as in `/oauth2/applications/@me`."""
    return {
        "id": str(world.bot.id),
        "name": world.bot.username,
        "icon": None,
        "description": "A bot on a simulated Discord.",
        "bot_public": False,
        "bot_require_code_grant": False,
        "verify_key": f"{world.bot.id:064x}",
        "flags": 0,
        "owner": user_object(world.guilds[0].members[0].user),
        "team": None,
        "hook": True,
    }


def ready(world: World, session: Session, resume_gateway_url: str) -> Event:
    """Make the first dispatch of a session: who the bot is, and this shard's guilds, all of them still unavailable."""
    return Event(b"READY", 0, 0, _encode({
        "v": GATEWAY_VERSION,
        "user_settings": {},
        "user": own_user_object(world),
        "shard": [session.shard, session.shards],
        "session_type": "normal",
        "session_id": session.id,
        "resume_gateway_url": resume_gateway_url,
        "relationships": [],
        "private_channels": [],
        "presences": [],
        "guilds": [{"unavailable": True, "id": str(guild.id)} for guild in world.guilds if session.sees(guild.id)],
        "guild_join_requests": [],
        "geo_ordered_rtc_regions": [],
        "auth": {},
        "application": {"id": str(world.bot.id), "flags": 0},
        "_trace": ['["simulator",{"micros":0}]'],
    }))  # fmt: skip


def own_user_update(world: World) -> Event:
    """Make a dispatch that every session sees and nobody minds: the bot's account is as it was."""
    return Event(b"USER_UPDATE", 0, 0, _encode(own_user_object(world)))


def guild_create(guild: Guild, *, joined: bool = False) -> Event:
    """Make the dispatch that fills in a guild which READY named, or one that the bot has just `joined`."""
    members = [*guild.bots, *guild.members]
    # That `unavailable` is missing is how Discord tells a new guild from one that becomes available.
    availability = {} if joined else {"unavailable": False}
    return Event(b"GUILD_CREATE", guild.id, GUILDS_INTENT, _encode(_guild_settings(guild) | availability | {
        "joined_at": timestamp(guild.bots[0].joined_ms),
        "large": len(members) > LARGE_THRESHOLD,
        "member_count": len(members),
        "voice_states": [],
        "members": [full_member(member) for member in members],
        "channels": [channel_object(channel) for channel in guild.channels],
        "threads": [_thread_object(thread, guild) for thread in guild.threads],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
        "embedded_activities": [],
    }))  # fmt: skip


def _guild_settings(guild: Guild) -> dict[str, Any]:
    nothing = dict.fromkeys((
        "icon", "splash", "discovery_splash", "banner", "description", "vanity_url_code", "application_id",
        "afk_channel_id", "rules_channel_id", "public_updates_channel_id", "safety_alerts_channel_id",
        "system_channel_id",
    ))  # fmt: skip
    return nothing | {
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner_id),
        "region": "deprecated",
        "afk_timeout": 300,
        "verification_level": 1,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "features": ["COMMUNITY"],
        "emojis": [],
        "stickers": [],
        "roles": [_role_object(role, place) for place, role in enumerate(guild.roles)],
        "mfa_level": 0,
        "system_channel_flags": 0,
        "max_members": 500_000,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "nsfw_level": 0,
        "premium_progress_bar_enabled": False,
    }


def _role_object(role: int, place: int) -> dict[str, Any]:
    return {
        "id": str(role),
        "name": f"role {place}" if place else "@everyone",
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "position": place,
        "permissions": BOT_PERMISSIONS,
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
    spoken = {"bitrate": 64_000, "user_limit": 0, "rtc_region": None} if channel.type == VOICE else {"topic": None}
    posts: dict[str, Any] = {"available_tags": [], "default_reaction_emoji": None} if channel.type == FORUM else {}
    return common | spoken | posts | {"nsfw": False, "rate_limit_per_user": 0, "last_message_id": None}


def _thread_object(thread: Channel, guild: Guild) -> dict[str, Any]:
    made = timestamp(time_ms(thread.id))
    return {
        "id": str(thread.id),
        "type": thread.type,
        "name": thread.name,
        "guild_id": str(guild.id),
        "parent_id": str(thread.parent_id),
        "owner_id": str(guild.owner_id),
        "last_message_id": None,
        "message_count": 0,
        "member_count": 1,
        "total_message_sent": 0,
        "rate_limit_per_user": 0,
        "flags": 0,
        "thread_metadata": {
            "archived": False,
            "auto_archive_duration": 4320,
            "archive_timestamp": made,
            "create_timestamp": made,
            "locked": False,
        },
    }
