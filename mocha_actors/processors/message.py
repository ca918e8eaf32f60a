"""Messages: what counts as one, and whose it is.

Source: https://discord.com/developers/docs/resources/message#message-object-message-types
"""

from __future__ import annotations

from typing import Final

from mocha_actors.discord.events import Event, Message, MessageCreate
from mocha_actors.pipeline.batch import IGNORED
from mocha_actors.pipeline.facts import AuthorClass, Fact, MessageKind, MessageSent
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

HANDLES: Final = (MessageCreate,)
"""The events that :func:`translate` takes."""


def translate(event: Event, stamp: Stamp) -> tuple[Fact, ...]:  # noqa: ARG001 - as every translation; a message says its time itself
    """The fact that a message was sent; nothing for a direct or ephemeral message, which has no guild and is never stored.

    Raises:
        TypeError: ``event`` is none of :data:`HANDLES`, which is a mistake in the routes.

    """
    if not isinstance(event, MessageCreate):
        msg = f"the message processor takes MESSAGE_CREATE, not {event.t}"
        raise TypeError(msg)
    message = event.d
    if message.guild_id is None:
        return IGNORED
    author = message.author
    author_class = class_of(message)
    return (
        MessageSent(
            guild_id=message.guild_id,
            message_id=message.id,
            channel_id=message.channel_id,
            user_id=author.id if author_class != WEBHOOK else message.webhook_id or author.id,
            author_class=author_class,
            kind=KINDS.get(message.type, SYSTEM),
            type=message.type,
            username=author.username,
            global_name=author.global_name,
        ),
    )


def class_of(message: Message) -> int:
    """Who stands behind a message, as the int of an :class:`~mocha_actors.pipeline.facts.AuthorClass`.

    A message with a ``webhook_id`` is the bot's own reply to an interaction if that id is its application's; any other one is a webhook's,
    whatever application made the webhook.
    """
    if message.webhook_id is not None:
        return BOT if message.webhook_id == message.application_id else WEBHOOK
    return BOT if message.author.bot else HUMAN
