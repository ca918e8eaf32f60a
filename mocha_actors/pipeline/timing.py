"""When an event happened, as well as that can be known. Pure.

A message, an interaction and whatever else carries a snowflake says its own time. Voice, presence, reactions, leaves and deletions carry none: they
happened when they were received, if they came live. In a RESUME's replay they come late; all that is known then is that they happened between
their neighbours in the stream, which is in order. They are placed at the earliest such moment, and the width of the uncertainty goes with
them (promise P1): so a batch cut differently, or replayed twice, gives the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mocha_actors.discord.dispatch import Event
from mocha_actors.discord.interactions import InteractionCreate
from mocha_actors.discord.members import GuildMemberAdd
from mocha_actors.discord.messages import MessageCreate
from mocha_actors.discord.moderation import GuildAuditLogEntryCreate
from mocha_actors.discord.snowflake import time_ms


class Stamp(NamedTuple):
    """When an event without a time of its own happened.

    Attributes:
        at_ms: the earliest moment possible, milliseconds since the Unix epoch; the very moment when ``bound_ms`` is 0.
        bound_ms: how much later it may have been; 0 for an event that was received live. More than 0 flags what is derived as estimated.
        shard: the shard that received it.

    """

    at_ms: int
    bound_ms: int
    shard: int


SNOWFLAKED: Final = (MessageCreate, InteractionCreate, GuildAuditLogEntryCreate)
"""Events that come into being together with their id."""


def own_time_ms(event: Event) -> int | None:
    """The time that ``event`` says of itself, milliseconds since the Unix epoch; None when it says none."""
    if isinstance(event, SNOWFLAKED):
        return time_ms(event.d.id)
    if isinstance(event, GuildMemberAdd) and event.d.joined_at is not None:
        return int(event.d.joined_at.timestamp() * 1000)
    return None


def replay_stamps(events: Sequence[Event], *, floor_ms: int, received_ms: int, shard: int) -> list[Stamp]:
    """A stamp for each of ``events``, which were replayed in order.

    The bounds never run backwards: an event that says an older time than its predecessor, as clocks of Discord's machines differ, moves nothing.

    Args:
        events: in the order of the stream.
        floor_ms: the last known moment before the first of them.
        received_ms: when they came: nothing of a replay happened later.
        shard: who received them.

    """
    lows = _running_max(events, floor_ms, received_ms)
    stamps: list[Stamp] = []
    high = received_ms
    for event, low in zip(reversed(events), reversed(lows), strict=True):
        own = own_time_ms(event)
        if own is not None:
            high = min(high, max(own, low))
        stamps.append(Stamp(low, max(0, high - low), shard))
    stamps.reverse()
    return stamps


def _running_max(events: Sequence[Event], floor_ms: int, received_ms: int) -> list[int]:
    """For each event the latest time that it or one before it says, at least ``floor_ms`` and at most ``received_ms``."""
    low = min(floor_ms, received_ms)
    lows = []
    for event in events:
        own = own_time_ms(event)
        if own is not None:
            low = max(low, min(own, received_ms))
        lows.append(low)
    return lows
