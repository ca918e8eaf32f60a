"""What all dispatches (opcode 0) share: their base, the types of their fields, and those that carry no data of a known shape.

Source: https://discord.com/developers/docs/events/gateway-events
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, cast

import msgspec

Snowflake = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""An id of Discord, as the database stores it: a signed 64-bit integer that is never negative."""

Sequence = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""The number of a dispatch within its session."""

Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
"""ISO 8601 with offset, with or without microseconds. One without offset could be any of 24 hours, and is refused."""


class Dispatch(msgspec.Struct, tag_field="t", gc=False):
    """A dispatch. ``s`` is its sequence number in the session."""

    s: Sequence

    @property
    def t(self) -> str:
        """Discord's name of the event, as in ``MESSAGE_CREATE``."""
        return str(self.__struct_config__.tag)


class UnknownEvent(msgspec.Struct, gc=False):
    """A dispatch whose ``t`` is not in the documentation that this version knows: its ``s`` counts, its data does not."""

    t: str
    s: int


class UndecodableEvent(msgspec.Struct, gc=False):
    """A dispatch of a known kind whose data has the wrong shape. It becomes a dead letter; the shard lives.

    Attributes:
        t: name of the event.
        s: sequence number.
        error: what is wrong, and at which JSON path.
        raw: the frame as it came; it may hold content and tokens and must be redacted before it is stored.

    """

    t: str
    s: int
    error: str
    raw: bytes


class OutlinedEvent(msgspec.Struct, gc=False):
    """A dispatch that is too large to be decoded in one step: of its lists only the cuts are known, each item is read by whoever wants it.

    Attributes:
        t: name of the event.
        s: sequence number.
        outline: its data, with the long lists as raw items.
        raw: the frame as it came, which the items are parts of.

    """

    t: str
    s: int
    outline: msgspec.Struct
    raw: memoryview


Event = Dispatch | UnknownEvent | UndecodableEvent | OutlinedEvent


@cache
def bare(t: str) -> type[Dispatch]:
    """The struct of an event ``t`` that nobody takes: ``s`` alone, so that its data is skipped rather than parsed."""
    name = t.title().replace("_", "")
    kind = msgspec.defstruct(name, [], bases=(Dispatch,), module=__name__, tag_field="t", tag=t, gc=False)
    return cast("type[Dispatch]", kind)
