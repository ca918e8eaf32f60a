"""Guilds, their channels and threads. GUILD_CREATE is all at once: the guild, its channels, its members, and who is in voice and online.

Source: https://discord.com/developers/docs/events/gateway-events#guild-create
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Final

import msgspec

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
from mocha_actors.discord.decode import UNREADABLE, whole_guild
from mocha_actors.discord.dispatch import OutlinedEvent, UndecodableEvent
from mocha_actors.discord.events import Event
from mocha_actors.discord.guilds import Guild, GuildCreate, GuildDelete, GuildOutline, GuildUpdate
from mocha_actors.discord.members import Member
from mocha_actors.discord.presence import ListedPresence
from mocha_actors.discord.times import ms_of
from mocha_actors.pipeline.batch import IGNORED, Outcome
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
from mocha_actors.pipeline.letters import undecodable
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors import presence, voice
from mocha_actors.processors.member import profile

MEMBERS_OF_FACT: Final = 1_000
"""Members of one fact: each fact must fit into a transaction that is not too long."""

CHANNELS: Final = (ChannelCreate, ChannelUpdate, ThreadCreate, ThreadUpdate)
DELETIONS: Final = (ChannelDelete, ThreadDelete)

HANDLES: Final = (GuildCreate, OutlinedEvent, GuildUpdate, GuildDelete, *CHANNELS, *DELETIONS, ThreadListSync)
"""The events that :func:`translate` takes."""

SLOW: Final = (OutlinedEvent,)
"""Those that are translated in a thread, whatever else is in their batch."""

_members: Final = msgspec.json.Decoder(Member, strict=False)
_presences: Final = msgspec.json.Decoder(ListedPresence, strict=False)


def translate(event: Event, stamp: Stamp) -> Outcome:
    """The facts about a guild or its channels; nothing for the channel of a direct message; a dead letter where only now it turns out to be undecodable.

    Raises:
        TypeError: ``event`` is none of :data:`HANDLES`, which is a mistake in the routes.

    """
    if isinstance(event, GuildCreate):
        return available(event.d, event.d.members, event.d.presences, stamp)
    if isinstance(event, OutlinedEvent):
        return outlined(event, stamp)
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


def outlined(event: OutlinedEvent, stamp: Stamp) -> Outcome:
    """A guild of tens of thousands of members, each read and translated before the next: what Discord says of all of them is never in memory at once.

    Between two of them the interpreter's lock can be given up, so that the loop goes on beside it.
    """
    guild = event.outline
    assert isinstance(guild, GuildOutline)
    try:
        return available(guild, map(_members.decode, guild.members), map(_presences.decode, guild.presences), stamp)
    except UNREADABLE:
        whole = whole_guild(event)
        return undecodable(whole) if isinstance(whole, UndecodableEvent) else translate(whole, stamp)


def available(
    guild: Guild | GuildOutline, members: Iterable[Member], presences: Iterable[ListedPresence], stamp: Stamp
) -> tuple[Fact, ...]:
    """A guild with all that the bot may see of it; or, when it is unavailable, that it is. Each of ``members`` is let go before the next is taken."""
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
    named, in_voice = profiles(members, {state.user_id for state in guild.voice_states})
    facts += [MembersSeen(guild.id, chunk, stamp.at_ms) for chunk in chunks(named.values())]
    facts.append(voice.listed(guild.voice_states, in_voice, guild.id, stamp))
    # Without the intent none is sent; with it at least the bot's own.
    if guild.presences:
        facts.append(presence.listed(presences, guild.id, stamp))
    # Large guilds, and all without the intents, name a part of their members only: who is missing there has not left.
    if guild.member_count is not None and len(named) >= guild.member_count:
        facts.append(MembersListed(guild.id, tuple(sorted(named)), stamp.at_ms))
    return tuple(facts)


def profiles(members: Iterable[Member], wanted: AbstractSet[int]) -> tuple[dict[int, Profile], list[Member]]:
    """Those of ``members`` that say who they are, by user, and of them the ``wanted`` ones as they are described.

    Some are named twice (api-docs #997, #1907), then the last time counts. Most have the same few sets of roles, of which each is kept once.
    """
    named: dict[int, Profile] = {}
    found: list[Member] = []
    roles: dict[tuple[int, ...], tuple[int, ...]] = {}
    for member in members:
        user = member.user
        if user is not None:
            of_member = tuple(member.roles)
            named[user.id] = profile(member, user, roles.setdefault(of_member, of_member))
            if user.id in wanted:
                found.append(member)
    return named, found


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
