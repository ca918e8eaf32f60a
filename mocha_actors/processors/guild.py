"""Guilds, their channels and threads. GUILD_CREATE is all at once: the guild, its channels, its members, and who is in voice and online.

Source: https://discord.com/developers/docs/events/gateway-events#guild-create
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from mocha_actors.discord.channels import (
    Channel,
    ChannelCreate,
    ChannelDelete,
    ChannelUpdate,
    ThreadCreate,
    ThreadDelete,
    ThreadListSync,
    ThreadUpdate,
)
from mocha_actors.discord.events import Event
from mocha_actors.discord.guilds import Guild, GuildCreate, GuildDelete, GuildUpdate
from mocha_actors.discord.times import ms_of
from mocha_actors.pipeline.batch import IGNORED
from mocha_actors.pipeline.facts import (
    ChannelDeleted,
    ChannelsSeen,
    Fact,
    GuildGone,
    GuildSeen,
    MembersListed,
    MembersSeen,
    Place,
    Profile,
)
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors import presence, voice
from mocha_actors.processors.member import profiles

MEMBERS_OF_FACT: Final = 1_000
"""Members of one fact: each fact must fit into a transaction that is not too long."""

CHANNELS: Final = (ChannelCreate, ChannelUpdate, ThreadCreate, ThreadUpdate)
DELETIONS: Final = (ChannelDelete, ThreadDelete)

HANDLES: Final = (GuildCreate, GuildUpdate, GuildDelete, *CHANNELS, *DELETIONS, ThreadListSync)
"""The events that :func:`translate` takes."""


def translate(event: Event, stamp: Stamp) -> tuple[Fact, ...]:
    """The facts about a guild or its channels; nothing for the channel of a direct message.

    Raises:
        TypeError: ``event`` is none of :data:`HANDLES`, which is a mistake in the routes.

    """
    if isinstance(event, GuildCreate):
        return available(event.d, stamp)
    if isinstance(event, GuildUpdate):
        return updated(event, stamp)
    if isinstance(event, GuildDelete):
        return (GuildGone(event.d.id, event.d.unavailable, stamp.at_ms, stamp.bound_ms),)
    if isinstance(event, ThreadListSync):
        return (ChannelsSeen(event.d.guild_id, places(event.d.threads), complete=False, at_ms=stamp.at_ms),)
    if not isinstance(event, CHANNELS + DELETIONS):
        msg = f"the guild processor takes no {event.t}"
        raise TypeError(msg)
    channel: Channel = event.d
    if channel.guild_id is None:
        return IGNORED
    if isinstance(event, DELETIONS):
        return (ChannelDeleted(channel.guild_id, place(channel), stamp.at_ms, stamp.bound_ms),)
    return (ChannelsSeen(channel.guild_id, (place(channel),), complete=False, at_ms=stamp.at_ms),)


def available(guild: Guild, stamp: Stamp) -> tuple[Fact, ...]:
    """A guild with all that the bot may see of it; or, when it is unavailable, that it is."""
    if guild.unavailable:
        return (GuildGone(guild.id, outage=True, at_ms=stamp.at_ms, bound_ms=stamp.bound_ms),)
    seen = GuildSeen(
        guild_id=guild.id,
        name=guild.name,
        owner_id=guild.owner_id,
        afk_channel_id=guild.afk_channel_id,
        member_count=guild.member_count,
        joined_ms=None if guild.joined_at is None else ms_of(guild.joined_at),
        shard=stamp.shard,
        at_ms=stamp.at_ms,
    )
    facts: list[Fact] = [seen]
    facts.append(ChannelsSeen(guild.id, places([*guild.channels, *guild.threads]), complete=True, at_ms=stamp.at_ms))
    # Some members are named twice (api-docs #997, #1907).
    members = {member.user_id: member for member in profiles(guild.members)}
    facts += [MembersSeen(guild.id, chunk, stamp.at_ms) for chunk in chunks(members.values())]
    facts.append(voice.listed(guild.voice_states, guild.members, guild.id, stamp))
    # Without the intent none is sent; with it at least the bot's own.
    if guild.presences:
        facts.append(presence.listed(guild.presences, guild.id, stamp))
    # Large guilds, and all without the intents, name a part of their members only: who is missing there has not left.
    if guild.member_count is not None and len(members) >= guild.member_count:
        facts.append(MembersListed(guild.id, tuple(sorted(members)), stamp.at_ms))
    return tuple(facts)


def updated(event: GuildUpdate, stamp: Stamp) -> tuple[Fact, ...]:
    """A guild's profile changed. An update during an outage says no name, and nothing else either."""
    guild = event.d
    if guild.name is None:
        return IGNORED
    return (
        GuildSeen(
            guild_id=guild.id,
            name=guild.name,
            owner_id=guild.owner_id,
            afk_channel_id=guild.afk_channel_id,
            member_count=None,
            joined_ms=None,
            shard=stamp.shard,
            at_ms=stamp.at_ms,
        ),
    )


def places(channels: Iterable[Channel]) -> tuple[Place, ...]:
    """Channels as facts know them; of one that is named twice the last."""
    return tuple({channel.id: place(channel) for channel in channels}.values())


def place(channel: Channel) -> Place:
    """A channel or thread as facts know it."""
    return Place(channel.id, channel.type, channel.name, channel.parent_id, channel.owner_id)


def chunks(members: Iterable[Profile]) -> Iterable[tuple[Profile, ...]]:
    """``members``, at most :data:`MEMBERS_OF_FACT` at a time."""
    rest = iter(members)
    while chunk := tuple(islice(rest, MEMBERS_OF_FACT)):
        yield chunk
