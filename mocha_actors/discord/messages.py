"""Messages: sent, changed, deleted.

Source: https://discord.com/developers/docs/events/gateway-events#messages
"""

from __future__ import annotations

import msgspec

from mocha_actors.discord.dispatch import Dispatch, Snowflake, Timestamp
from mocha_actors.discord.users import User


class Present(msgspec.Struct, gc=False):
    """Something that is counted and not looked into."""


class Invocation(msgspec.Struct, gc=False):
    """The interaction that a message answers. ``user`` is who used the command; None where it is not said."""

    user: User | None = None


class Message(msgspec.Struct, gc=False):
    """A message, without its content. No ``guild_id``: a direct or ephemeral message, which is not stored.

    This is the event that comes most often: each field more is paid for by every message.
    """

    id: Snowflake
    channel_id: Snowflake
    author: User
    guild_id: Snowflake | None = None
    type: int = 0
    webhook_id: Snowflake | None = None
    application_id: Snowflake | None = None
    interaction_metadata: Invocation | None = None


class MessageCreate(Dispatch, tag="MESSAGE_CREATE"):
    """A message was sent."""

    d: Message


class FullMessage(Message, gc=False):
    """A message with what the intent MESSAGE_CONTENT lets through. Its text is measured and then gone: it is in no repr."""

    content: str = ""
    attachments: list[Present] = []
    embeds: list[Present] = []
    mentions: list[Present] = []

    def __repr__(self) -> str:
        return f"FullMessage(id={self.id})"


class FullMessageCreate(MessageCreate, tag="MESSAGE_CREATE"):
    """A message was sent, and its content may be read. Decoded instead of :class:`MessageCreate` where the intent is there."""

    d: FullMessage


class MessageChange(msgspec.Struct, gc=False):
    """A message after something about it changed: an edit, but also an embed, a pin, a crosspost, a thread.

    It may be partial, and may be about a message that was never seen. An edit has an ``edited_timestamp`` later than the one known before.
    """

    id: Snowflake
    channel_id: Snowflake
    guild_id: Snowflake | None = None
    edited_timestamp: Timestamp | None = None


class MessageUpdate(Dispatch, tag="MESSAGE_UPDATE"):
    """Something about a message changed."""

    d: MessageChange


class DeletedMessage(msgspec.Struct, gc=False):
    """Which message is gone. Neither its author nor who deleted it is said."""

    id: Snowflake
    channel_id: Snowflake
    guild_id: Snowflake | None = None


class MessageDelete(Dispatch, tag="MESSAGE_DELETE"):
    """A message was deleted, perhaps one that was never seen."""

    d: DeletedMessage


class DeletedMessages(msgspec.Struct, gc=False):
    """Which messages are gone, all of one channel."""

    ids: list[Snowflake]
    channel_id: Snowflake
    guild_id: Snowflake | None = None


class MessageDeleteBulk(Dispatch, tag="MESSAGE_DELETE_BULK"):
    """Several messages were deleted at once."""

    d: DeletedMessages
