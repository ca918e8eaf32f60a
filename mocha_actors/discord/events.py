"""Dispatch events of the gateway (opcode 0), typed as far as statistics need them.

A frame is decoded in one pass straight into the struct of its ``t``: :mod:`msgspec` picks the struct by the tag field, skips every key that
is not declared here and reads snowflakes (strings on the wire) as integers. An event that nothing counts has a struct with ``s`` alone, so
that its payload is skipped rather than parsed.

Source: https://discord.com/developers/docs/events/gateway-events
"""

from __future__ import annotations

from typing import Annotated, Final, cast

import msgspec

Snowflake = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""An id of Discord, as the database stores it: a signed 64-bit integer that is never negative."""

Sequence = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""The number of a dispatch within its session."""


class Dispatch(msgspec.Struct, tag_field="t", gc=False):
    """A dispatch. ``s`` is its sequence number in the session."""

    s: Sequence

    @property
    def t(self) -> str:
        """Discord's name of the event, as in ``MESSAGE_CREATE``."""
        return str(self.__struct_config__.tag)


class UnknownEvent(msgspec.Struct, gc=False):
    """A dispatch whose ``t`` is not in the documentation that this version knows: its ``s`` counts, its data does not."""

    t: str
    s: int


class UndecodableEvent(msgspec.Struct, gc=False):
    """A dispatch of a known kind whose data has the wrong shape. It becomes a dead letter; the shard lives.

    Attributes:
        t: name of the event.
        s: sequence number.
        error: what is wrong, and at which JSON path.
        raw: the frame as it came; it may hold content and tokens and must be redacted before it is stored.

    """

    t: str
    s: int
    error: str
    raw: bytes


Event = Dispatch | UnknownEvent | UndecodableEvent


class User(msgspec.Struct, gc=False):
    """A user as it appears inside events."""

    id: Snowflake
    username: str = ""
    global_name: str | None = None
    bot: bool = False


class UnavailableGuild(msgspec.Struct, gc=False):
    """A guild that READY promises to describe later by GUILD_CREATE."""

    id: Snowflake
    unavailable: bool = True


class PartialApplication(msgspec.Struct, gc=False):
    """The bot's application, as READY names it."""

    id: Snowflake


class ReadyData(msgspec.Struct, gc=False):
    """What READY says. ``session_id`` is a secret (promise P9): it is never logged and has no place in a repr."""

    session_id: str
    resume_gateway_url: str
    user: User
    guilds: list[UnavailableGuild] = []
    application: PartialApplication | None = None

    def __repr__(self) -> str:
        return f"ReadyData(session_id=<secret>, user={self.user.id}, guilds={len(self.guilds)})"


class Ready(Dispatch, tag="READY"):
    """The session exists. https://discord.com/developers/docs/events/gateway-events#ready."""

    d: ReadyData


class Resumed(Dispatch, tag="RESUMED"):
    """The replay of a RESUME is complete; live events follow."""


class Message(msgspec.Struct, gc=False):
    """A message, without its content. No ``guild_id``: a direct or ephemeral message, which is not stored."""

    id: Snowflake
    channel_id: Snowflake
    author: User
    guild_id: Snowflake | None = None
    type: int = 0
    webhook_id: Snowflake | None = None
    application_id: Snowflake | None = None


class MessageCreate(Dispatch, tag="MESSAGE_CREATE"):
    """A message was sent."""

    d: Message


class GuildCreate(Dispatch, tag="GUILD_CREATE"):
    """A guild became available, lazily after READY, after an outage, or because the bot joined it."""


_UNCOUNTED: Final = """
APPLICATION_COMMAND_PERMISSIONS_UPDATE
AUTO_MODERATION_RULE_CREATE AUTO_MODERATION_RULE_UPDATE AUTO_MODERATION_RULE_DELETE AUTO_MODERATION_ACTION_EXECUTION
CHANNEL_CREATE CHANNEL_UPDATE CHANNEL_DELETE CHANNEL_PINS_UPDATE CHANNEL_INFO
ENTITLEMENT_CREATE ENTITLEMENT_UPDATE ENTITLEMENT_DELETE
GUILD_UPDATE GUILD_DELETE GUILD_AUDIT_LOG_ENTRY_CREATE GUILD_BAN_ADD GUILD_BAN_REMOVE GUILD_EMOJIS_UPDATE GUILD_STICKERS_UPDATE
GUILD_INTEGRATIONS_UPDATE GUILD_MEMBER_ADD GUILD_MEMBER_REMOVE GUILD_MEMBER_UPDATE GUILD_MEMBERS_CHUNK
GUILD_ROLE_CREATE GUILD_ROLE_UPDATE GUILD_ROLE_DELETE
GUILD_SCHEDULED_EVENT_CREATE GUILD_SCHEDULED_EVENT_UPDATE GUILD_SCHEDULED_EVENT_DELETE
GUILD_SCHEDULED_EVENT_USER_ADD GUILD_SCHEDULED_EVENT_USER_REMOVE
GUILD_SOUNDBOARD_SOUND_CREATE GUILD_SOUNDBOARD_SOUND_UPDATE GUILD_SOUNDBOARD_SOUND_DELETE GUILD_SOUNDBOARD_SOUNDS_UPDATE SOUNDBOARD_SOUNDS
INTEGRATION_CREATE INTEGRATION_UPDATE INTEGRATION_DELETE INTERACTION_CREATE INVITE_CREATE INVITE_DELETE
MESSAGE_UPDATE MESSAGE_DELETE MESSAGE_DELETE_BULK MESSAGE_POLL_VOTE_ADD MESSAGE_POLL_VOTE_REMOVE
MESSAGE_REACTION_ADD MESSAGE_REACTION_REMOVE MESSAGE_REACTION_REMOVE_ALL MESSAGE_REACTION_REMOVE_EMOJI
PRESENCE_UPDATE RATE_LIMITED
STAGE_INSTANCE_CREATE STAGE_INSTANCE_UPDATE STAGE_INSTANCE_DELETE SUBSCRIPTION_CREATE SUBSCRIPTION_UPDATE SUBSCRIPTION_DELETE
THREAD_CREATE THREAD_UPDATE THREAD_DELETE THREAD_LIST_SYNC THREAD_MEMBER_UPDATE THREAD_MEMBERS_UPDATE
TYPING_START USER_UPDATE VOICE_CHANNEL_EFFECT_SEND VOICE_CHANNEL_START_TIME_UPDATE VOICE_CHANNEL_STATUS_UPDATE
VOICE_SERVER_UPDATE VOICE_STATE_UPDATE WEBHOOKS_UPDATE
"""  # one that gets counted leaves this list for a class of its own above


def _empty(t: str) -> type[Dispatch]:
    """A dispatch that is known and carries nothing that counts: its data is skipped, not parsed."""
    name = t.title().replace("_", "")
    kind = msgspec.defstruct(name, [], bases=(Dispatch,), module=__name__, tag_field="t", tag=t, gc=False)
    return cast("type[Dispatch]", kind)


DISPATCHES: Final[tuple[type[Dispatch], ...]] = (
    Ready, Resumed, MessageCreate, GuildCreate, *(_empty(t) for t in _UNCOUNTED.split()),
)  # fmt: skip
"""A struct for every documented dispatch."""
