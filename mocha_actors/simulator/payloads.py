"""The dispatches that tell a client where it is: READY and GUILD_CREATE, and what REST says of the bot.

Keys and their order follow what Discord sends. Source: https://discord.com/developers/docs/resources and
https://discord.com/developers/docs/events/gateway-events.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.objects import (
    channel_object,
    emoji_object,
    full_member,
    presence_object,
    role_object,
    thread_object,
    timestamp,
    user_object,
    voice_object,
)
from mocha_actors.simulator.session import Session
from mocha_actors.simulator.world import Member, World

GUILDS_INTENT = 1 << 0
GUILD_MEMBERS_INTENT = 1 << 1
GUILD_PRESENCES_INTENT = 1 << 8

GATEWAY_VERSION = 10

MOST_PRESENCES = 75_000
"""In a guild with more members, GUILD_CREATE tells of no presences."""

_encode = msgspec.json.Encoder().encode


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
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
    }


def ready(world: World, guild_ids: Iterable[int], session: Session, resume_gateway_url: str) -> Event:
    """Make the first dispatch of a session: who the bot is, and this shard's guilds, all of them still unavailable.

    Args:
        world: holds the bot.
        guild_ids: the guilds that the bot is in now, those of other shards too.
        session: whose first dispatch it is.
        resume_gateway_url: where to RESUME.
    """
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
        "guilds": [{"unavailable": True, "id": str(guild_id)} for guild_id in guild_ids if session.sees(guild_id)],
        "guild_join_requests": [],
        "geo_ordered_rtc_regions": [],
        "auth": {},
        "application": {"id": str(world.bot.id), "flags": 0},
        "_trace": ['["simulator",{"micros":0}]'],
    }))  # fmt: skip


def own_user_update(world: World) -> Event:
    """Make a dispatch that every session sees and nobody minds: the bot's account is as it was."""
    return Event(b"USER_UPDATE", 0, 0, _encode(own_user_object(world)))


def guild_create(state: GuildState, *, joined: bool = False, everybody: bool = False) -> Event:
    """Make the dispatch that fills in a guild which READY named, or one that the bot has just `joined`.

    What it says depends on who is told, and is what is true at the moment of asking; with `everybody` all members are
    named, though Discord would not do so.
    """
    # That `unavailable` is missing is how Discord tells a new guild from one that becomes available.
    availability = {} if joined else {"unavailable": False}

    def view(intents: int, large_threshold: int) -> bytes:
        members = state.members.values()
        told = list(members) if everybody else _members_told(state, intents, large_threshold)
        presences = state.presences if intents & GUILD_PRESENCES_INTENT and len(members) <= MOST_PRESENCES else {}
        return _encode(guild_object(state) | availability | {
            "joined_at": timestamp(state.guild.bots[0].joined_ms),
            "large": len(members) > large_threshold,
            "member_count": len(members),
            "voice_states": [voice_object(voice, state.members[voice.user_id]) for voice in state.voice.values()],
            "members": [full_member(member) for member in told],
            "channels": [channel_object(channel) for channel in state.channels.values()],
            "threads": [thread_object(thread, state.id) for thread in state.threads.values() if not thread.archived],
            "presences": [
                presence_object(each.user.id, presences[each.user.id]) for each in members if each.user.id in presences
            ],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "embedded_activities": [],
        })  # fmt: skip

    return Event(b"GUILD_CREATE", state.id, GUILDS_INTENT, b"", view=view)


def _members_told(state: GuildState, intents: int, large_threshold: int) -> list[Member]:
    """List the members that GUILD_CREATE names.

    Source: https://discord.com/developers/docs/events/gateway-events#guild-create. Without the intent for presences, or
    in a very large guild, they are the bot and whoever is in voice; in a large one those who are online.
    """
    own, everybody = state.guild.bots[0].user.id, state.members.values()
    if not intents & GUILD_PRESENCES_INTENT or len(everybody) > MOST_PRESENCES:
        return [state.members[own], *(state.members[each] for each in state.voice if each != own)]
    if len(everybody) <= large_threshold:
        return list(everybody)
    return [each for each in everybody if each.user.id == own or _is_seen(state, each.user.id)]


def _is_seen(state: GuildState, user_id: int) -> bool:
    return user_id in state.presences or user_id in state.voice


def guild_object(state: GuildState) -> dict[str, Any]:
    """Describe a guild itself, as in GUILD_UPDATE: without members, channels and all else that GUILD_CREATE adds."""
    guild = state.guild
    nothing = dict.fromkeys((
        "icon", "splash", "discovery_splash", "banner", "description", "vanity_url_code", "application_id",
        "rules_channel_id", "public_updates_channel_id", "safety_alerts_channel_id",
    ))  # fmt: skip
    return nothing | {
        "id": str(guild.id),
        "name": state.name,
        "afk_channel_id": None if state.afk_channel_id is None else str(state.afk_channel_id),
        "system_channel_id": str(guild.system_channel_id),
        "owner_id": str(guild.owner_id),
        "region": "deprecated",
        "afk_timeout": 300,
        "verification_level": 1,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "features": ["COMMUNITY"],
        "emojis": [emoji_object(emoji) for emoji in guild.emojis],
        "stickers": [],
        "roles": [role_object(role, place) for place, role in enumerate(guild.roles)],
        "mfa_level": 0,
        "system_channel_flags": 0,
        "max_members": 500_000,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "nsfw_level": 0,
        "premium_progress_bar_enabled": False,
    }
