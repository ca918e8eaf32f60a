"""Reactions.

Source: https://discord.com/developers/docs/events/gateway-events#message-reaction-add
"""

from __future__ import annotations

import msgspec

from mocha_actors.discord.dispatch import Dispatch, Snowflake
from mocha_actors.discord.members import Member


class Emoji(msgspec.Struct, gc=False):
    """An emoji: a Unicode one has no id, a custom one that was deleted has no name."""

    id: Snowflake | None = None
    name: str | None = None


class Reaction(msgspec.Struct, gc=False):
    """One reaction of one user.

    Attributes:
        user_id: who reacts.
        channel_id: where.
        message_id: to what.
        emoji: with what.
        guild_id: absent in direct messages.
        member: who, when a reaction is added in a guild.
        message_author_id: whose message; absent for old messages and webhooks, and when a reaction is removed.
        burst: whether it is a super reaction.
        type: 0 is a normal one, 1 a super reaction.

    """

    user_id: Snowflake
    channel_id: Snowflake
    message_id: Snowflake
    emoji: Emoji
    guild_id: Snowflake | None = None
    member: Member | None = None
    message_author_id: Snowflake | None = None
    burst: bool = False
    type: int = 0


class MessageReactionAdd(Dispatch, tag="MESSAGE_REACTION_ADD"):
    """Somebody reacted."""

    d: Reaction


class MessageReactionRemove(Dispatch, tag="MESSAGE_REACTION_REMOVE"):
    """A reaction was taken back, or away."""

    d: Reaction


class ReactedMessage(msgspec.Struct, gc=False):
    """The message whose reactions are gone; how many there were is not said."""

    channel_id: Snowflake
    message_id: Snowflake
    guild_id: Snowflake | None = None


class MessageReactionRemoveAll(Dispatch, tag="MESSAGE_REACTION_REMOVE_ALL"):
    """All reactions to a message were removed."""

    d: ReactedMessage


class ReactedEmoji(ReactedMessage, gc=False, kw_only=True):
    """The message, and the emoji of which no reaction is left."""

    emoji: Emoji


class MessageReactionRemoveEmoji(Dispatch, tag="MESSAGE_REACTION_REMOVE_EMOJI"):
    """All reactions of one emoji to a message were removed."""

    d: ReactedEmoji
