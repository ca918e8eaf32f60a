"""A dispatch before it belongs to a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

View = Callable[[int, int], bytes]
"""Renders the `d` of a frame for a session's intents and its `large_threshold`."""


class Event(NamedTuple):
    """Something that happened in a guild, rendered once and then dispatched to each session that may see it.

    Attributes:
        name: Discord's name of the event, as in `b"MESSAGE_CREATE"`.
        guild_id: where it happened; 0 is a direct message.
        intent: bit of the intents without which a session does not get it; 0 if every session gets it.
        data: the `d` of the frame, as JSON.
        bare: the `d` for sessions without the MESSAGE_CONTENT intent; None if it is the same for all.
        view: renders `d` for each session, if there is no one for all; to be asked before anything else happens.
    """

    name: bytes
    guild_id: int
    intent: int
    data: bytes
    bare: bytes | None = None
    view: View | None = None


def control(op: int, data: bytes = b"null") -> bytes:
    """Render a frame that is no dispatch. Like Discord, `t` comes first, and is null."""
    return b'{"t":null,"s":null,"op":%d,"d":%b}' % (op, data)
