"""A message before it is rendered, and the rendering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from mocha_actors.simulator.objects import member_object, user_object
from mocha_actors.simulator.world import Member, User, Webhook

_encode = msgspec.json.Encoder().encode


class Author(NamedTuple):
    """Who writes, rendered once per world. Both fields are JSON; a webhook has no membership."""

    id: int
    user: str
    member: str | None


def author_of(member: Member) -> Author:
    """Render a member of a guild as the author of messages."""
    return Author(member.user.id, _json(user_object(member.user)), _json(member_object(member)))


def stranger(user: User) -> Author:
    """Render somebody who writes outside of any guild."""
    return Author(user.id, _json(user_object(user)), None)


def author_of_webhook(webhook: Webhook) -> Author:
    """Render a webhook as the author of messages: no user, though it looks like one."""
    user = {
        "username": webhook.name,
        "public_flags": 0,
        "id": str(webhook.id),
        "global_name": None,
        "discriminator": "0000",
        "clan": None,
        "bot": True,
        "avatar": None,
    }
    return Author(webhook.id, _json(user), None)


def _json(value: object) -> str:
    return _encode(value).decode()


class Draft(NamedTuple):
    """What distinguishes one message from another.

    Fields that are not numbers hold JSON; `content` holds the inside of a JSON string.

    Attributes:
        type: Discord's type of message.
        author: who writes.
        content: the text, escaped.
        extra: further fields in front of the common ones, each with its comma.
        mentions: users that are named.
        mention_roles: ids of roles that are named.
        embeds: rich contents.
        attachments: files.
        components: buttons.
        flags: Discord's flags of messages.
        quoted: a message that is answered, as a whole.
    """

    type: int
    author: Author
    content: str
    extra: str = ""
    mentions: str = ""
    mention_roles: str = ""
    embeds: str = ""
    attachments: str = ""
    components: str = ""
    flags: int = 0
    quoted: str = ""


@dataclass(slots=True)
class Place:
    """A channel in which messages are written, and the message there that others may answer.

    Attributes:
        guild_id: the guild, 0 for a direct message.
        channel_id: the channel or thread.
        channel_type: Discord's type of channel.
        intent: bit of the intents without which messages from here are not seen.
        previous_id: id of the message that may be answered, 0 if there is none.
        previous: that message, as JSON.
        previous_bare: that message without its contents, as JSON.
    """

    guild_id: int
    channel_id: int
    channel_type: int
    intent: int
    previous_id: int = 0
    previous: str = ""
    previous_bare: str = ""


def without_content(draft: Draft, place: Place) -> Draft:
    """Take away what only sessions with the MESSAGE_CONTENT intent see, here and in the message that is answered.

    Source: https://discord.com/developers/docs/events/gateway#message-content-intent.
    """
    quoted = place.previous_bare if draft.quoted == place.previous else draft.quoted
    return draft._replace(content="", embeds="", attachments="", components="", quoted=quoted)


def render(draft: Draft, place: Place, message_id: int, when: str, edited: str = "null") -> str:
    """Render a message as the `d` of MESSAGE_CREATE; `when` is its timestamp, which the caller shares among messages.

    `edited` is JSON: when it was last edited.

    The order of keys is Discord's. A direct message has neither guild nor membership.
    """
    author, guild_id = draft.author, place.guild_id
    member = f'"member":{author.member},' if guild_id and author.member else ""
    guild = f',"guild_id":"{guild_id}"' if guild_id else ""
    quoted = f'"referenced_message":{draft.quoted},' if draft.quoted else ""
    return (
        f'{{{draft.extra}"type":{draft.type},"tts":false,"timestamp":"{when}",{quoted}"pinned":false,'
        f'"mentions":[{draft.mentions}],"mention_roles":[{draft.mention_roles}],"mention_everyone":false,{member}'
        f'"id":"{message_id}","flags":{draft.flags},"embeds":[{draft.embeds}],"edited_timestamp":{edited},'
        f'"content":"{draft.content}","components":[{draft.components}],"channel_type":{place.channel_type},'
        f'"channel_id":"{place.channel_id}","author":{author.user},"attachments":[{draft.attachments}]{guild}}}'
    )
