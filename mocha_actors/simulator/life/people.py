"""Membership: who joins, changes and leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life import talk, voice
from mocha_actors.simulator.life.turn import MEMBERS, MODERATION, PRESENCES, Turn
from mocha_actors.simulator.objects import full_member, presence_object, user_object
from mocha_actors.simulator.vocabulary import ADJECTIVES
from mocha_actors.simulator.world import Member, User

FEWEST = 0.7
"""A guild that has lost all but this share of its founding members gains some before it loses more."""

SILENT = 0.2
"""Share of those who leave a guild out of a voice channel of which no VOICE_STATE_UPDATE tells."""

KICK, BAN = 20, 22
"""Actions of the audit log: https://discord.com/developers/docs/resources/audit-log#audit-log-entry-object-audit-log-events."""


def join(turn: Turn) -> list[Event]:
    """Let somebody new, somebody who was there before, or a member of another guild join; Discord greets people."""
    guild = turn.guild
    user = _newcomer(turn)
    if user.id in guild.members:
        return []
    roles = guild.guild.roles[1:2] if turn.chance(0.2) else ()
    member = Member(user, None, turn.now_ms, roles, pending=not user.bot and turn.chance(0.4))
    guild.set_member(member)
    joined = turn.event("GUILD_MEMBER_ADD", MEMBERS, full_member(member))
    # Discord sends some of them twice: https://github.com/discord/discord-api-docs/issues/3377.
    told = [joined, joined] if turn.chance(0.03) else [joined]
    if not user.bot:
        told.append(talk.announce_join(turn, user.id))
    seen = guild.presences.get(user.id)
    return told if seen is None else [*told, turn.event("PRESENCE_UPDATE", PRESENCES, presence_object(user.id, seen))]


def _newcomer(turn: Turn) -> User:
    guild = turn.guild
    if turn.chance(0.02):
        return turn.source.new_account(turn.now_ms, bot=True)
    if guild.former and turn.chance(0.25):
        index = int(turn.source.draw() * len(guild.former))
        user = guild.former[index]
        del guild.former[index]
        return user
    if len(turn.guilds) > 1 and turn.chance(0.2):
        other = turn.pick(tuple(turn.guilds.values()))
        if other.people:
            return other.members[other.people.any(turn.source.draw)].user
    return turn.source.new_account(turn.now_ms)


def leave(turn: Turn) -> list[Event]:
    """Let somebody go by themselves."""
    user_id = _leaver(turn)
    return [] if user_id is None else _go(turn, user_id)


def kick(turn: Turn) -> list[Event]:
    """Let somebody be thrown out: the same event, and a line in the audit log."""
    user_id = _leaver(turn)
    return [] if user_id is None else [*_go(turn, user_id), _audit(turn, KICK, user_id)]


def ban(turn: Turn) -> list[Event]:
    """Let somebody be banned, who does not come back."""
    user_id = _leaver(turn)
    if user_id is None:
        return []
    user = turn.guild.members[user_id].user
    banned = turn.event("GUILD_BAN_ADD", MODERATION, {"user": user_object(user)})
    gone = _go(turn, user_id)
    turn.guild.former.remove(user)
    return [banned, *gone, _audit(turn, BAN, user_id)]


def _leaver(turn: Turn) -> int | None:
    guild = turn.guild
    if len(guild.people) <= max(1, FEWEST * len(guild.guild.members)):
        return None
    user_id = turn.anybody()
    return None if user_id == guild.guild.owner_id else user_id


def _go(turn: Turn, user_id: int) -> list[Event]:
    """Let somebody be gone from everywhere in the guild."""
    guild = turn.guild
    talking = guild.voice.get(user_id)
    # That somebody left voice is not always told: https://github.com/discord/discord-api-docs/issues/1319.
    told = [] if talking is None or turn.chance(SILENT) else [voice.hang_up(turn, talking)]
    member = guild.drop_member(user_id)
    if not any(user_id in other.members for other in turn.guilds.values()):
        guild.presences.pop(user_id, None)
    return [*told, turn.event("GUILD_MEMBER_REMOVE", MEMBERS, {"user": user_object(member.user)})]


def _audit(turn: Turn, action: int, user_id: int) -> Event:
    data: dict[str, Any] = {
        "id": str(turn.new_id()),
        "action_type": action,
        "user_id": str(turn.guild.guild.owner_id),
        "target_id": str(user_id),
        "changes": [],
        "reason": "spam",
    }
    return turn.event("GUILD_AUDIT_LOG_ENTRY_CREATE", MODERATION, data)


def pass_screening(turn: Turn) -> list[Event]:
    """Let somebody who has joined lately pass the guild's screening."""
    guild = turn.guild
    if not guild.pending:
        return []
    member = guild.members[turn.pick(tuple(guild.pending))]
    return _update(turn, replace(member, pending=False))


def rename(turn: Turn) -> list[Event]:
    """Let somebody take or give up a nickname, or change the name of the account."""
    member = turn.guild.members[turn.anybody()]
    if turn.chance(0.3):
        user = replace(member.user, global_name=f"{turn.pick(ADJECTIVES)} {member.user.username.split('.')[0]}".title())
        return _rename_account(turn, user)
    nick = None if member.nick else f"{turn.pick(ADJECTIVES)} {member.user.username.split('.')[0]}"
    return _update(turn, replace(member, nick=nick))


def _rename_account(turn: Turn, user: User) -> list[Event]:
    """Change an account, which every guild with this member is told of if it can be reached."""
    told = []
    for guild in turn.guilds.values():
        if user.id in guild.members:
            guild.set_member(replace(guild.members[user.id], user=user))
            guild.changes += 1
            if guild.available:
                data = full_member(guild.members[user.id])
                told.append(turn.event_of(guild, "GUILD_MEMBER_UPDATE", MEMBERS, data))
    return told


def change_roles(turn: Turn) -> list[Event]:
    """Let somebody get or lose a role."""
    member = turn.guild.members[turn.anybody()]
    role = turn.pick(turn.guild.guild.roles[1:])
    roles: Sequence[int] = [each for each in member.roles if each != role]
    return _update(turn, replace(member, roles=tuple(sorted({*roles, role} if role not in member.roles else roles))))


def _update(turn: Turn, member: Member) -> list[Event]:
    turn.guild.set_member(member)
    return [turn.event("GUILD_MEMBER_UPDATE", MEMBERS, full_member(member))]
