"""Every documented dispatch, and the names under which the rest of Mocha knows events.

A frame is decoded in one pass straight into the struct of its ``t``: :mod:`msgspec` picks the struct by the tag field, skips every key that
is not declared and reads snowflakes (strings on the wire) as integers. Declared is what the statistics need, and nothing else.

Source: https://discord.com/developers/docs/events/gateway-events
"""

from __future__ import annotations

from typing import Final

from mocha_actors.discord.channels import (
    ChannelCreate,
    ChannelDelete,
    ChannelUpdate,
    ThreadCreate,
    ThreadDelete,
    ThreadListSync,
    ThreadUpdate,
)  # fmt: skip
from mocha_actors.discord.dispatch import Dispatch, Event, Sequence, Snowflake, UndecodableEvent, UnknownEvent
from mocha_actors.discord.guilds import GuildCreate, GuildDelete, GuildUpdate
from mocha_actors.discord.interactions import InteractionCreate
from mocha_actors.discord.invites import InviteCreate, InviteDelete
from mocha_actors.discord.members import GuildMemberAdd, GuildMemberRemove, GuildMembersChunk, GuildMemberUpdate
from mocha_actors.discord.messages import (
    FullMessageCreate,
    Message,
    MessageCreate,
    MessageDelete,
    MessageDeleteBulk,
    MessageUpdate,
)  # fmt: skip
from mocha_actors.discord.moderation import GuildAuditLogEntryCreate, GuildBanAdd, GuildBanRemove
from mocha_actors.discord.presence import PresenceUpdate
from mocha_actors.discord.reactions import (
    MessageReactionAdd,
    MessageReactionRemove,
    MessageReactionRemoveAll,
    MessageReactionRemoveEmoji,
)  # fmt: skip
from mocha_actors.discord.session import PartialApplication, RateLimited, Ready, ReadyData, Resumed, UnavailableGuild
from mocha_actors.discord.users import User, UserUpdate
from mocha_actors.discord.voice import VoiceStateUpdate

# Most of Mocha needs two or three of these and no more of the wire format: it finds them here.
__all__ = [
    "TYPED", "UNTYPED", "Dispatch", "Event", "FullMessageCreate", "GuildCreate", "Message", "MessageCreate", "PartialApplication", "Ready", "ReadyData",
    "Resumed", "Sequence", "Snowflake", "UnavailableGuild", "UndecodableEvent", "UnknownEvent", "User",
]  # fmt: skip

TYPED: Final[tuple[type[Dispatch], ...]] = (
    Ready, Resumed, RateLimited,
    GuildCreate, GuildUpdate, GuildDelete,
    ChannelCreate, ChannelUpdate, ChannelDelete, ThreadCreate, ThreadUpdate, ThreadDelete, ThreadListSync,
    MessageCreate, MessageUpdate, MessageDelete, MessageDeleteBulk,
    MessageReactionAdd, MessageReactionRemove, MessageReactionRemoveAll, MessageReactionRemoveEmoji,
    VoiceStateUpdate, PresenceUpdate, UserUpdate,
    GuildMemberAdd, GuildMemberUpdate, GuildMemberRemove, GuildMembersChunk,
    GuildBanAdd, GuildBanRemove, GuildAuditLogEntryCreate,
    InteractionCreate, InviteCreate, InviteDelete,
)  # fmt: skip
"""Events whose data statistics can use."""

_UNCOUNTED: Final = """
APPLICATION_COMMAND_PERMISSIONS_UPDATE
AUTO_MODERATION_RULE_CREATE AUTO_MODERATION_RULE_UPDATE AUTO_MODERATION_RULE_DELETE AUTO_MODERATION_ACTION_EXECUTION
CHANNEL_PINS_UPDATE CHANNEL_INFO
ENTITLEMENT_CREATE ENTITLEMENT_UPDATE ENTITLEMENT_DELETE
GUILD_EMOJIS_UPDATE GUILD_STICKERS_UPDATE GUILD_INTEGRATIONS_UPDATE
GUILD_ROLE_CREATE GUILD_ROLE_UPDATE GUILD_ROLE_DELETE
GUILD_SCHEDULED_EVENT_CREATE GUILD_SCHEDULED_EVENT_UPDATE GUILD_SCHEDULED_EVENT_DELETE
GUILD_SCHEDULED_EVENT_USER_ADD GUILD_SCHEDULED_EVENT_USER_REMOVE
GUILD_SOUNDBOARD_SOUND_CREATE GUILD_SOUNDBOARD_SOUND_UPDATE GUILD_SOUNDBOARD_SOUND_DELETE GUILD_SOUNDBOARD_SOUNDS_UPDATE SOUNDBOARD_SOUNDS
INTEGRATION_CREATE INTEGRATION_UPDATE INTEGRATION_DELETE
MESSAGE_POLL_VOTE_ADD MESSAGE_POLL_VOTE_REMOVE
STAGE_INSTANCE_CREATE STAGE_INSTANCE_UPDATE STAGE_INSTANCE_DELETE SUBSCRIPTION_CREATE SUBSCRIPTION_UPDATE SUBSCRIPTION_DELETE
THREAD_MEMBER_UPDATE THREAD_MEMBERS_UPDATE
TYPING_START VOICE_CHANNEL_EFFECT_SEND VOICE_CHANNEL_START_TIME_UPDATE VOICE_CHANNEL_STATUS_UPDATE
VOICE_SERVER_UPDATE WEBHOOKS_UPDATE
"""

UNTYPED: Final = tuple(_UNCOUNTED.split())
"""Documented events that carry nothing that counts; one that gets counted moves to :data:`TYPED` and gets a struct."""
