"""Helpers: dispatches as Discord sends them."""

from __future__ import annotations

import json
from typing import Any

from mocha_actors.discord.decode import EventDecoder
from mocha_actors.discord.events import UndecodableEvent

_decoder = EventDecoder()

USER: dict[str, Any] = {"id": "30", "username": "ada", "global_name": "Ada", "discriminator": "0", "avatar": None}
BOT: dict[str, Any] = {"id": "31", "username": "beep", "discriminator": "0042", "bot": True}
MEMBER: dict[str, Any] = {
    "user": USER, "nick": None, "roles": ["50", "51"], "joined_at": "2024-02-29T12:00:00.123000+00:00", "premium_since": None,
    "deaf": False, "mute": False, "pending": False, "flags": 0, "communication_disabled_until": None, "avatar": None, "banner": None,
}  # fmt: skip


def event(t: str, d: object, s: int = 7) -> Any:
    """The one event of a frame."""
    [[found]] = _decoder.decode(json.dumps({"t": t, "s": s, "op": 0, "d": d}).encode()).pieces
    return found


def data(t: str, d: object) -> Any:
    """The data of an event that can be decoded."""
    found = event(t, d)
    assert not isinstance(found, UndecodableEvent), found.error
    assert (t, 7) == (found.t, found.s)
    return found.d


def error(t: str, d: object) -> str:
    """Why an event cannot be decoded."""
    found = event(t, d)
    assert isinstance(found, UndecodableEvent), found
    return found.error
