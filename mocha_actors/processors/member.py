"""Members: who joins, changes and leaves, and why.

Source: https://discord.com/developers/docs/events/gateway-events#guild-member-add
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mocha_actors.discord.events import Event
from mocha_actors.discord.members import (
    GuildMemberAdd,
    GuildMemberRemove,
    GuildMembersChunk,
    GuildMemberUpdate,
    Member,
)  # fmt: skip
from mocha_actors.discord.moderation import GuildAuditLogEntryCreate, GuildBanAdd
from mocha_actors.discord.snowflake import time_ms
from mocha_actors.discord.times import ms_of
from mocha_actors.discord.users import User
from mocha_actors.pipeline.batch import IGNORED
from mocha_actors.pipeline.facts import Fact, LeaveReason, MemberJoined, MemberLeft, MemberRemoved, MembersSeen, Profile
from mocha_actors.pipeline.timing import Stamp

REMOVALS: Final = {20: int(LeaveReason.KICK), 22: int(LeaveReason.BAN)}
"""Actions of the audit log that make somebody leave.

https://discord.com/developers/docs/resources/audit-log#audit-log-entry-object-audit-log-events
"""

HANDLES: Final = (
    GuildMemberAdd,
    GuildMemberUpdate,
    GuildMemberRemove,
    GuildMembersChunk,
    GuildBanAdd,
    GuildAuditLogEntryCreate,
)
"""The events that :func:`translate` takes."""


def translate(event: Event, stamp: Stamp) -> tuple[Fact, ...]:
    """The facts about members.

    Raises:
        TypeError: ``event`` is none of :data:`HANDLES`, which is a mistake in the routes.

    """
    match event:
        case GuildMemberAdd(d=member):
            joined = profile(member, member.user)
            return (MemberJoined(member.guild_id, joined, stamp.at_ms, stamp.bound_ms),)
        case GuildMemberUpdate(d=member):
            return (MembersSeen(member.guild_id, (profile(member, member.user),), stamp.at_ms),)
        case GuildMemberRemove(d=gone):
            return (MemberLeft(gone.guild_id, gone.user.id, gone.user.bot, stamp.at_ms, stamp.bound_ms),)
        case GuildMembersChunk(d=chunk):
            members = tuple(profiles(chunk.members))
            return (MembersSeen(chunk.guild_id, members, stamp.at_ms),) if members else IGNORED
        case GuildBanAdd(d=banned):
            reason = int(LeaveReason.BAN)
            return (MemberRemoved(banned.guild_id, banned.user.id, reason, stamp.at_ms, stamp.bound_ms),)
        case GuildAuditLogEntryCreate():
            return moderated(event)
    msg = f"the member processor takes no {event.t}"
    raise TypeError(msg)


def moderated(event: GuildAuditLogEntryCreate) -> tuple[Fact, ...]:
    """An entry of the audit log, which says its time itself: nothing, unless it is a kick or a ban."""
    entry = event.d
    reason = REMOVALS.get(entry.action_type)
    if reason is None or entry.target_id is None:
        return IGNORED
    return (MemberRemoved(entry.guild_id, entry.target_id, reason, time_ms(entry.id), 0),)


def profiles(members: Iterable[Member]) -> Iterator[Profile]:
    """Those of ``members`` that say who they are."""
    return (profile(member, member.user) for member in members if member.user is not None)


def profile(member: Member, user: User, roles: tuple[int, ...] | None = None) -> Profile:
    """A member as facts know it; ``roles`` are the member's, where somebody has them as a tuple already."""
    return Profile(
        user_id=user.id,
        username=user.username,
        global_name=user.global_name,
        is_bot=user.bot,
        joined_ms=None if member.joined_at is None else ms_of(member.joined_at),
        nick=member.nick,
        roles=tuple(member.roles) if roles is None else roles,
        pending=member.pending,
    )
