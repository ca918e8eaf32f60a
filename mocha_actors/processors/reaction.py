"""Reactions: added, taken back, cleared.

Source: https://discord.com/developers/docs/events/gateway-events#message-reaction-add
"""

from __future__ import annotations

from typing import Final

from mocha_actors.discord.events import Event
from mocha_actors.discord.reactions import (
    Emoji,
    MessageReactionAdd,
    MessageReactionRemove,
    MessageReactionRemoveAll,
    MessageReactionRemoveEmoji,
    ReactedEmoji,
    ReactedMessage,
    Reaction,
)
from mocha_actors.errors import DataError
from mocha_actors.pipeline.batch import IGNORED
from mocha_actors.pipeline.facts import Fact, ReactionAdded, ReactionRemoved, ReactionsCleared
from mocha_actors.pipeline.timing import Stamp

BURST: Final = 1
"""The type of a super reaction."""

HANDLES: Final = (
    MessageReactionAdd,
    MessageReactionRemove,
    MessageReactionRemoveAll,
    MessageReactionRemoveEmoji,
)  # fmt: skip
"""The events that :func:`translate` takes."""


def translate(event: Event, stamp: Stamp) -> tuple[Fact, ...]:
    """What became of reactions; nothing for those of direct messages.

    Raises:
        DataError: an emoji has neither id nor name.
        TypeError: ``event`` is none of :data:`HANDLES`, which is a mistake in the routes.

    """
    if not isinstance(event, HANDLES):
        msg = f"the reaction processor takes no {event.t}"
        raise TypeError(msg)
    guild_id = event.d.guild_id
    if guild_id is None:
        return IGNORED
    if isinstance(event, MessageReactionAdd):
        return (added(event.d, guild_id, stamp),)
    if isinstance(event, MessageReactionRemove):
        return (removed(event.d, guild_id, stamp),)
    return (cleared(event.d, guild_id, stamp),)


def added(reaction: Reaction, guild_id: int, stamp: Stamp) -> ReactionAdded:
    """Somebody reacted."""
    emoji, member = reaction.emoji, reaction.member
    name = emoji.name if emoji.id is not None else None
    is_bot = None if member is None or member.user is None else member.user.bot
    return ReactionAdded(
        guild_id, reaction.channel_id, reaction.message_id, reaction.user_id, key_of(emoji), name, is_burst(reaction), reaction.message_author_id, is_bot,
        stamp.at_ms, stamp.bound_ms,
    )  # fmt: skip


def removed(reaction: Reaction, guild_id: int, stamp: Stamp) -> ReactionRemoved:
    """A reaction was taken back, or away."""
    return ReactionRemoved(
        guild_id=guild_id,
        channel_id=reaction.channel_id,
        message_id=reaction.message_id,
        user_id=reaction.user_id,
        emoji=key_of(reaction.emoji),
        burst=is_burst(reaction),
        at_ms=stamp.at_ms,
        bound_ms=stamp.bound_ms,
    )


def cleared(message: ReactedMessage, guild_id: int, stamp: Stamp) -> ReactionsCleared:
    """All reactions to a message are gone, or all of one emoji."""
    emoji = key_of(message.emoji) if isinstance(message, ReactedEmoji) else None
    return ReactionsCleared(guild_id, message.channel_id, message.message_id, emoji, stamp.at_ms, stamp.bound_ms)


def is_burst(reaction: Reaction) -> bool:
    """Whether it is a super reaction, which either of two fields says."""
    return reaction.burst or reaction.type == BURST


def key_of(emoji: Emoji) -> str:
    """The id of a custom emoji, whose name may change, else the Unicode emoji itself. Raises DataError when there is neither."""
    key = str(emoji.id) if emoji.id is not None else emoji.name
    if not key:
        msg = "a reaction with an emoji that has neither id nor name"
        raise DataError(msg)
    return key
