"""Reactions to messages: given, taken back, and cleared."""

from __future__ import annotations

from typing import Any

from mocha_actors.simulator import vocabulary
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life.state import Sent
from mocha_actors.simulator.life.talk import recent
from mocha_actors.simulator.life.turn import REACTIONS, Turn

SUPER = 0.05
"""Share of super reactions."""

CUSTOM = 0.25
"""Share of reactions with an emoji of the guild."""

Key = tuple[int, str, int]


def react(turn: Turn) -> list[Event]:
    """Let somebody react to a message, with the emoji of others as often as with one of their own choice."""
    sent = recent(turn)
    if sent is None:
        return []
    key = turn.pick(tuple(sent.reactions)) if sent.reactions and turn.chance(0.5) else _emoji(turn)
    user_id = turn.somebody()
    users = sent.reactions.setdefault(key, set())
    if user_id in users:
        return []
    users.add(user_id)
    member = turn.guild.full_member(user_id)
    data = {"user_id": str(user_id), "type": key[2]} | _where(sent) | {"member": member} | _what(key)
    if key[2]:
        data["burst_colors"] = ["#ff8800", "#ffe8b6"]
    if not sent.draft.extra.startswith('"webhook_id"'):
        data["message_author_id"] = str(sent.draft.author.id)
    return [turn.event("MESSAGE_REACTION_ADD", REACTIONS, data)]


def unreact(turn: Turn) -> list[Event]:
    """Let somebody take a reaction back."""
    sent = _reacted(turn)
    if sent is None:
        return []
    key = turn.pick(tuple(sent.reactions))
    user_id = turn.pick(sorted(sent.reactions[key]))
    sent.reactions[key].discard(user_id)
    if not sent.reactions[key]:
        del sent.reactions[key]
    data = {"user_id": str(user_id), "type": key[2]} | _where(sent) | _what(key)
    return [turn.event("MESSAGE_REACTION_REMOVE", REACTIONS, data)]


def clear_all(turn: Turn) -> list[Event]:
    """Let a moderator remove all reactions to a message."""
    sent = _reacted(turn)
    if sent is None:
        return []
    sent.reactions.clear()
    return [turn.event("MESSAGE_REACTION_REMOVE_ALL", REACTIONS, _where(sent))]


def clear_emoji(turn: Turn) -> list[Event]:
    """Let a moderator remove one emoji from a message, super reactions with it too."""
    sent = _reacted(turn)
    if sent is None:
        return []
    emoji_id, name, _ = turn.pick(tuple(sent.reactions))
    for kind in (0, 1):
        sent.reactions.pop((emoji_id, name, kind), None)
    data = _where(sent) | {"emoji": _emoji_object(emoji_id, name)}
    return [turn.event("MESSAGE_REACTION_REMOVE_EMOJI", REACTIONS, data)]


def _reacted(turn: Turn) -> Sent | None:
    """Find a message with reactions."""
    for _ in range(10):
        sent = recent(turn)
        if sent is not None and sent.reactions:
            return sent
    return None


def _emoji(turn: Turn) -> Key:
    kind = int(turn.chance(SUPER))
    if turn.chance(CUSTOM):
        emoji = turn.pick(turn.guild.guild.emojis)
        return emoji.id, emoji.name, kind
    return 0, turn.pick(vocabulary.REACTIONS), kind


def _where(sent: Sent) -> dict[str, Any]:
    return {"message_id": str(sent.id), "channel_id": str(sent.place.channel_id)}


def _what(key: Key) -> dict[str, Any]:
    return {"emoji": _emoji_object(key[0], key[1]), "burst": bool(key[2])}


def _emoji_object(emoji_id: int, name: str) -> dict[str, Any]:
    return {"name": name, "id": str(emoji_id)} if emoji_id else {"name": name, "id": None}
