"""The shapes of messages: what people, bots, webhooks and Discord itself write, and how often.

Each shape is a function from a `Scene` to a `Draft`. `SHAPES` gives their frequencies. Types of messages are Discord's:
https://discord.com/developers/docs/resources/message#message-object-message-types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mocha_actors.simulator.draft import Author, Draft, Place

DEFAULT = 0
PINNED = 6
JOIN = 7
BOOST = 8
THREAD_CREATED = 18
REPLY = 19
COMMAND = 20
THREAD_STARTER = 21
CONTEXT_COMMAND = 23

VOICE_MESSAGE = 1 << 13


@dataclass(slots=True)
class Scene:
    """What a shape may draw on: somebody writes somewhere.

    Attributes:
        human: a member.
        other: another member.
        bot: some bot of the guild, not necessarily the simulated one.
        own: the simulated bot, whose id is that of its application.
        webhook: a webhook without application.
        proxy: a webhook that an application made for members to speak through.
        proxy_application: the id of that application.
        content: what is said, the inside of a JSON string.
        number: a draw of at most 32 bits for whatever else varies.
        place: where.
    """

    human: Author
    other: Author
    bot: Author
    own: Author
    webhook: Author
    proxy: Author
    proxy_application: int
    content: str
    number: int
    place: Place


def reference(place: Place, message_id: int) -> str:
    """Point at a message, as an `extra` of a draft."""
    return (
        f'"message_reference":{{"type":0,"message_id":"{message_id}","guild_id":"{place.guild_id}",'
        f'"channel_id":"{place.channel_id}"}},'
    )


def _reference(scene: Scene) -> str:
    return reference(scene.place, scene.place.previous_id)


def _invocation(scene: Scene, kind: int) -> str:
    """Say which command of whom is answered."""
    return (
        f'"webhook_id":"{scene.own.id}","interaction_metadata":{{"user":{scene.human.user},"type":2,'
        f'"id":"{scene.place.channel_id + scene.number}","command_type":{kind},'
        f'"authorizing_integration_owners":{{"0":"{scene.place.guild_id}"}}}},"application_id":"{scene.own.id}",'
    )


def plain(scene: Scene) -> Draft:
    """Write what most people write."""
    return Draft(DEFAULT, scene.human, scene.content, f'"nonce":"{scene.place.channel_id + scene.number}",')


def phone(scene: Scene) -> Draft:
    """Write from a client whose nonce is a number."""
    return Draft(DEFAULT, scene.human, scene.content, f'"nonce":{scene.number},')


def mention(scene: Scene) -> Draft:
    """Name another member."""
    named = f'{scene.other.user[:-1]},"member":{scene.other.member}}}'
    return Draft(DEFAULT, scene.human, f"<@{scene.other.id}> {scene.content}", mentions=named)


def role_mention(scene: Scene) -> Draft:
    """Name a role, here the one that everybody has."""
    return Draft(
        DEFAULT, scene.human, f"<@&{scene.place.guild_id}> {scene.content}", mention_roles=f'"{scene.place.guild_id}"'
    )


def link(scene: Scene) -> Draft:
    """Post a link that Discord unfurls."""
    url = f"https://example.org/articles/{scene.number}"
    return Draft(DEFAULT, scene.human, url, embeds=link_embed(scene.number, scene.content))


def link_embed(number: int, description: str) -> str:
    """Render the preview of a link; the description is the inside of a JSON string."""
    url = f"https://example.org/articles/{number}"
    return (
        f'{{"type":"article","url":"{url}","title":"Article {number}","description":"{description}",'
        f'"provider":{{"name":"Example"}},"thumbnail":{{"url":"{url}.png","proxy_url":"{url}.png","width":1200,"height":630,'
        f'"flags":0}},"content_scan_version":0}}'
    )


def _file(scene: Scene, name: str, content_type: str, more: str) -> str:
    url = f"https://cdn.example.org/attachments/{scene.place.channel_id}/{scene.number}/{name}"
    return (
        f'{{"id":"{scene.place.channel_id + scene.number}","filename":"{name}","size":{scene.number % 8_000_000},'
        f'"url":"{url}","proxy_url":"{url}","content_type":"{content_type}","content_scan_version":1{more}}}'
    )


def picture(scene: Scene) -> Draft:
    """Post a picture."""
    size = ',"width":1080,"height":1920,"placeholder":"Y/gFDIRqeHd4iIeAeIeHd1d4d4B3","placeholder_version":1'
    return Draft(DEFAULT, scene.human, scene.content, attachments=_file(scene, "photo.png", "image/png", size))


def voice_message(scene: Scene) -> Draft:
    """Send a spoken message, which has no text."""
    sound = _file(scene, "voice-message.ogg", "audio/ogg", ',"duration_secs":3.2,"waveform":"AAEDBQcJCw0PEQ=="')
    return Draft(DEFAULT, scene.human, "", attachments=sound, flags=VOICE_MESSAGE)


def sticker(scene: Scene) -> Draft:
    """Post a sticker, without text."""
    item = f'"sticker_items":[{{"name":"wave","id":"{749_000_000_000_000_000 + scene.number}","format_type":1}}],'
    return Draft(DEFAULT, scene.human, "", item)


def reply(scene: Scene) -> Draft:
    """Answer the message before."""
    if not scene.place.previous_id:
        return plain(scene)
    return Draft(REPLY, scene.human, scene.content, _reference(scene), quoted=scene.place.previous)


def reply_to_deleted(scene: Scene) -> Draft:
    """Answer a message that is gone meanwhile."""
    if not scene.place.previous_id:
        return plain(scene)
    return Draft(REPLY, scene.human, scene.content, _reference(scene), quoted="null")


def bot_message(scene: Scene) -> Draft:
    """Let a bot post an embed by itself."""
    fields = ",".join(f'{{"name":"Field {n}","value":"{scene.number % (n + 7)}","inline":true}}' for n in range(3))
    embed = f'{{"type":"rich","title":"Status","description":"{scene.content}","color":5793266,"fields":[{fields}]}}'
    return Draft(DEFAULT, scene.bot, "", embeds=embed)


def bot_reply(scene: Scene) -> Draft:
    """Let a bot answer a member."""
    if not scene.place.previous_id:
        return bot_message(scene)
    return Draft(REPLY, scene.bot, scene.content, _reference(scene), quoted=scene.place.previous)


def command(scene: Scene) -> Draft:
    """Let the bot answer a slash command: an interaction's webhook, whose id is that of the application."""
    return Draft(COMMAND, scene.own, scene.content, _invocation(scene, 1))


def command_with_buttons(scene: Scene) -> Draft:
    """Let the bot answer a slash command with something to press."""
    row = '{"type":1,"id":1,"components":[{"type":2,"style":1,"label":"Again","id":2,"custom_id":"again"}]}'
    return Draft(COMMAND, scene.own, scene.content, _invocation(scene, 1), components=row)


def context_command(scene: Scene) -> Draft:
    """Let the bot answer a command of a context menu."""
    return Draft(CONTEXT_COMMAND, scene.own, scene.content, _invocation(scene, 3))


def follow_up(scene: Scene) -> Draft:
    """Let the bot add to its answer of a command: an ordinary message by the interaction's webhook."""
    return Draft(DEFAULT, scene.own, scene.content, _invocation(scene, 1))


def webhook_message(scene: Scene) -> Draft:
    """Let a webhook of no application post."""
    return Draft(DEFAULT, scene.webhook, scene.content, f'"webhook_id":"{scene.webhook.id}",')


def proxy_message(scene: Scene) -> Draft:
    """Let a member speak through an application's webhook, the way PluralKit does."""
    ids = f'"webhook_id":"{scene.proxy.id}","application_id":"{scene.proxy_application}",'
    return Draft(DEFAULT, scene.proxy, scene.content, ids)


def pinned(scene: Scene) -> Draft:
    """Announce that a message was pinned."""
    return Draft(PINNED, scene.human, "", _reference(scene))


def joined(scene: Scene) -> Draft:
    """Announce a new member."""
    return Draft(JOIN, scene.other, "")


def boosted(scene: Scene) -> Draft:
    """Announce a boost."""
    return Draft(BOOST, scene.human, "")


def thread_created(scene: Scene) -> Draft:
    """Announce a thread."""
    return Draft(THREAD_CREATED, scene.human, scene.content, _reference(scene))


def thread_starter(scene: Scene) -> Draft:
    """Repeat, inside a thread, the message that it began with."""
    return Draft(THREAD_STARTER, scene.human, "", _reference(scene), quoted=scene.place.previous or "null")


def direct(scene: Scene) -> Draft:
    """Write to the bot in private."""
    return Draft(DEFAULT, scene.human, scene.content, f'"nonce":"{scene.place.channel_id + scene.number}",')


Shape = Callable[[Scene], Draft]

SHAPES: Final[tuple[tuple[Shape, int], ...]] = (
    (plain, 400), (phone, 80), (mention, 60), (role_mention, 10), (link, 50), (picture, 60), (voice_message, 5),
    (sticker, 10), (reply, 150), (reply_to_deleted, 5), (bot_message, 40), (bot_reply, 15), (command, 25),
    (command_with_buttons, 10), (context_command, 5), (follow_up, 5), (webhook_message, 20), (proxy_message, 15),
    (pinned, 5), (joined, 10), (boosted, 3), (thread_created, 7), (thread_starter, 5), (direct, 5),
)  # fmt: skip
"""Each shape with its frequency in a thousand messages."""

QUOTABLE: Final = frozenset({plain, phone, mention, picture, link, webhook_message})
"""Shapes that others answer. Discord quotes one level deep, so a reply is not among them."""
