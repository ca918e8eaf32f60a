"""Messages: what counts as one, whose it is, what became of it.

Source: https://discord.com/developers/docs/resources/message#message-object-message-types
"""

from __future__ import annotations

import re
from typing import Final

from mocha_actors.discord.events import Event, FullMessageCreate, Message, MessageCreate
from mocha_actors.discord.messages import FullMessage, MessageDelete, MessageDeleteBulk, MessageUpdate
from mocha_actors.discord.times import ms_of
from mocha_actors.pipeline.batch import IGNORED
from mocha_actors.pipeline.facts import (
    AuthorClass,
    Fact,
    MessageDetails,
    MessageEdited,
    MessageKind,
    MessagesDeleted,
    MessageSent,
)
from mocha_actors.pipeline.timing import Stamp

KINDS: Final = {
    0: int(MessageKind.MESSAGE),  # DEFAULT
    19: int(MessageKind.MESSAGE),  # REPLY
    20: int(MessageKind.COMMAND),  # CHAT_INPUT_COMMAND
    23: int(MessageKind.COMMAND),  # CONTEXT_MENU_COMMAND
}
"""What each message type counts as; every other type, unknown ones included, is of kind system."""

SYSTEM: Final = int(MessageKind.SYSTEM)
HUMAN: Final = int(AuthorClass.HUMAN)
BOT: Final = int(AuthorClass.BOT)
WEBHOOK: Final = int(AuthorClass.WEBHOOK)

LINK: Final = re.compile(r"https?://\S")

HANDLES: Final = (MessageCreate, FullMessageCreate, MessageUpdate, MessageDelete, MessageDeleteBulk)
"""The events that :func:`translate` takes."""


def translate(event: Event, stamp: Stamp) -> tuple[Fact, ...]:
    """The facts about messages; nothing for a direct or ephemeral message, which has no guild and is never stored.

    Raises:
        TypeError: ``event`` is none of :data:`HANDLES`, which is a mistake in the routes.

    """
    # Tests on the type itself, since the usual event must not pay for the others.
    if isinstance(event, MessageCreate):
        return sent(event.d)
    if isinstance(event, MessageUpdate):
        return edited(event)
    if isinstance(event, MessageDelete):
        gone, ids = event.d.guild_id, (event.d.id,)
    elif isinstance(event, MessageDeleteBulk):
        gone, ids = event.d.guild_id, tuple(sorted(set(event.d.ids)))  # type: ignore[assignment]  # one or many
    else:
        msg = f"the message processor takes no {event.t}"
        raise TypeError(msg)
    if gone is None or not ids:
        return IGNORED
    return (MessagesDeleted(gone, event.d.channel_id, ids, stamp.at_ms, stamp.bound_ms),)


def sent(message: Message) -> tuple[Fact, ...]:
    """A message was sent, and what else is known of it, if anything is."""
    if message.guild_id is None:
        return IGNORED
    author = message.author
    author_class = class_of(message)
    user_id = author.id if author_class != WEBHOOK else message.webhook_id or author.id
    kind = KINDS.get(message.type, SYSTEM)
    # In the order of the fields: to make it of names takes a third more time.
    fact = MessageSent(
        message.guild_id, message.id, message.channel_id, user_id, author_class, kind, message.type, author.username, author.global_name
    )  # fmt: skip
    if message.interaction_metadata is None and not isinstance(message, FullMessage):
        return (fact,)
    details = details_of(message, message.guild_id)
    return (fact,) if details is None else (fact, details)


def details_of(message: Message, guild_id: int) -> MessageDetails | None:
    """What is known of a message beside that it was sent; None if nothing is.

    A message without text and embeds may be one whose content is kept from the bot: then what needs the content is not known, rather than 0
    (statistics, rule 23).
    """
    used = message.interaction_metadata
    invoker = used.user.id if used is not None and used.user is not None else None
    if not isinstance(message, FullMessage) or not (message.content or message.embeds):
        attachments = len(message.attachments) if isinstance(message, FullMessage) else 0
        return MessageDetails(guild_id, message.id, attachments, invoker_id=invoker) if invoker or attachments else None
    text = message.content
    return MessageDetails(
        guild_id,
        message.id,
        attachments=len(message.attachments),
        embeds=len(message.embeds),
        mentions=len(message.mentions),
        links=len(LINK.findall(text)),
        length=len(text),
        words=len(text.split()),
        invoker_id=invoker,
    )


def edited(event: MessageUpdate) -> tuple[Fact, ...]:
    """A message was edited. An update without an ``edited_timestamp`` is about an embed, a pin or a thread (rule 4)."""
    change = event.d
    if change.guild_id is None or change.edited_timestamp is None:
        return IGNORED
    edited_ms = ms_of(change.edited_timestamp)
    return (MessageEdited(change.guild_id, change.id, change.channel_id, edited_ms),)


def class_of(message: Message) -> int:
    """Who stands behind a message, as the int of an :class:`~mocha_actors.pipeline.facts.AuthorClass`.

    A message with a ``webhook_id`` is the bot's own reply to an interaction if that id is its application's; any other one is a webhook's,
    whatever application made the webhook.
    """
    if message.webhook_id is not None:
        return BOT if message.webhook_id == message.application_id else WEBHOOK
    return BOT if message.author.bot else HUMAN
