"""Messages: written, edited, unfurled, pinned and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat

from mocha_actors.simulator.cast import direct_place
from mocha_actors.simulator.draft import Draft, Place, render, without_content
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life.state import Sent
from mocha_actors.simulator.life.turn import MESSAGES, Turn, id_of_long_ago
from mocha_actors.simulator.shapes import (
    JOIN,
    QUOTABLE,
    SHAPES,
    Scene,
    Shape,
    direct,
    joined,
    link_embed,
    thread_created,
    thread_starter,
)

BULK = 20
"""Most messages that are deleted at once here; Discord allows 100."""

_ELSEWHERE = frozenset({joined, thread_created, thread_starter})
"""Shapes that tell of a join or a thread: they come with it."""

_DECK: Sequence[Shape] = tuple(
    chain.from_iterable(repeat(shape, times) for shape, times in SHAPES if shape not in _ELSEWHERE)
)


def write(turn: Turn) -> list[Event]:
    """Let somebody write a message of any shape somewhere."""
    shape = turn.pick(_DECK)
    guild = turn.guild
    place = direct_place(guild.guild) if shape is direct else guild.place(guild.spots.zipf(turn.source.draw))
    scene = scene_at(turn, place)
    return [send(turn, place, shape(scene), quotable=shape in QUOTABLE)]


def scene_at(turn: Turn, place: Place) -> Scene:
    """Draw who is there."""
    guild, draw = turn.guild, turn.source.draw
    proxy, application = turn.pick(guild.proxies)
    return Scene(
        human=guild.author(turn.somebody()),
        other=guild.author(turn.anybody()),
        bot=guild.author(turn.pick(guild.guild.bots).user.id),
        own=guild.own,
        webhook=turn.pick(guild.webhooks),
        proxy=proxy,
        proxy_application=application,
        content=turn.pick(turn.source.contents),
        number=int(draw() * 0xFFFF_FFFF),
        place=place,
    )


def send(turn: Turn, place: Place, draft: Draft, *, quotable: bool = False, message_id: int = 0) -> Event:
    """Send a message, which can be changed, and answered if it is `quotable`, until newer ones have taken its place."""
    sent = Sent(message_id or turn.new_id(), place, draft, turn.stamp())
    data, bare = _texts(turn, sent)
    if place.guild_id:
        turn.guild.sent.append(sent)
    if quotable:
        place.previous_id, place.previous, place.previous_bare = sent.id, data, bare
    return Event(b"MESSAGE_CREATE", place.guild_id, place.intent, data.encode(), bare.encode())


def announce_join(turn: Turn, user_id: int) -> Event:
    """Let Discord itself write that somebody has joined."""
    place = turn.guild.place(turn.guild.guild.system_channel_id)
    return send(turn, place, Draft(JOIN, turn.guild.author(user_id), ""))


def edit(turn: Turn) -> list[Event]:
    """Let an author write something else."""
    sent = _changeable(turn)
    if sent is None:
        return []
    sent.draft = sent.draft._replace(content=turn.pick(turn.source.contents))
    sent.edited = f'"{turn.stamp()}"'
    return [tell_change(turn, sent)]


def unfurl(turn: Turn) -> list[Event]:
    """Let Discord add the preview of a link, or the pin of a moderator: an update that is no edit."""
    sent = _changeable(turn)
    if sent is None:
        return []
    sent.draft = sent.draft._replace(embeds=link_embed(sent.id % 100_000, sent.draft.content))
    return [tell_change(turn, sent)]


def _changeable(turn: Turn) -> Sent | None:
    """Find a message of somebody who is still there, and not one by Discord, a bot or a webhook."""
    sent = recent(turn)
    if sent is None or sent.draft.author.id not in turn.guild.people or sent.draft.type not in {0, 19}:
        return None
    return sent


def recent(turn: Turn) -> Sent | None:
    """Draw one of the newest messages, the newest most often."""
    sent = turn.guild.sent
    return sent[-1 - int(turn.source.draw() ** 3 * len(sent))] if sent else None


def tell_change(turn: Turn, sent: Sent) -> Event:
    """Tell a message as a whole, as Discord does whatever changed about it."""
    data, bare = _texts(turn, sent)
    if sent.place.previous_id == sent.id:
        sent.place.previous, sent.place.previous_bare = data, bare
    return Event(b"MESSAGE_UPDATE", sent.place.guild_id, MESSAGES, data.encode(), bare.encode())


def _texts(turn: Turn, sent: Sent) -> tuple[str, str]:
    """Render a message for those who may see its contents, and for those who may not."""
    draft, place = sent.draft, sent.place
    text = render(draft, place, sent.id, sent.when, sent.edited)
    if not place.guild_id or draft.author.id == turn.guild.own.id:
        # The contents of private messages, and of the bot's own, need no intent.
        return text, text
    return text, render(without_content(draft, place), place, sent.id, sent.when, sent.edited)


def delete(turn: Turn) -> list[Event]:
    """Let a message be deleted, now and then one from before the bot was there."""
    sent = None if turn.chance(0.1) else recent(turn)
    if sent is None:
        message_id, place = id_of_long_ago(turn), turn.guild.place(turn.guild.spots.any(turn.source.draw))
    else:
        message_id, place = sent.id, sent.place
        turn.guild.forget_sent(sent)
    data = {"id": str(message_id), "channel_id": str(place.channel_id)}
    return [turn.event("MESSAGE_DELETE", MESSAGES, data)]


def delete_bulk(turn: Turn) -> list[Event]:
    """Let a moderator clear the newest messages of a channel, some of which nobody knows."""
    newest = recent(turn)
    if newest is None:
        return []
    found = [each for each in turn.guild.sent if each.place is newest.place][-int(2 + turn.source.draw() * BULK) :]
    ids = [each.id for each in found]
    for each in found:
        turn.guild.forget_sent(each)
    if turn.chance(0.5):
        ids.append(id_of_long_ago(turn))
    data = {"ids": [str(each) for each in ids], "channel_id": str(newest.place.channel_id)}
    return [turn.event("MESSAGE_DELETE_BULK", MESSAGES, data)]
