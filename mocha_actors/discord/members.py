"""Members of guilds: those who join, change and leave, and those that were asked for.

Source: https://discord.com/developers/docs/events/gateway-events#guilds
"""

from __future__ import annotations

from typing import Any

import msgspec

from mocha_actors.discord.dispatch import Dispatch, Snowflake, Timestamp
from mocha_actors.discord.users import User


class Member(msgspec.Struct, gc=False, kw_only=True):
    """A member of a guild.

    Attributes:
        user: who; absent in the member of a message, whose author it is.
        nick: the name in this guild, if any.
        roles: ids of roles, the complete list.
        joined_at: when; None for guests of a voice channel.
        pending: whether the member has yet to pass the guild's screening; None when it is not said.

    """

    user: User | None = None
    nick: str | None = None
    roles: list[Snowflake] = []
    joined_at: Timestamp | None = None
    pending: bool | None = None


class GuildMember(Member, gc=False, kw_only=True):
    """A member with the guild it is of."""

    guild_id: Snowflake
    user: User


class GuildMemberAdd(Dispatch, tag="GUILD_MEMBER_ADD"):
    """Somebody joined; or is named again, twice within half a second or as a member of long standing (api-docs #3377, #8337)."""

    d: GuildMember


class GuildMemberUpdate(Dispatch, tag="GUILD_MEMBER_UPDATE"):
    """A member changed, or the user behind it."""

    d: GuildMember


class MemberOfGuild(msgspec.Struct, gc=False):
    """A user and a guild."""

    guild_id: Snowflake
    user: User


class GuildMemberRemove(Dispatch, tag="GUILD_MEMBER_REMOVE"):
    """Somebody left, was kicked or was banned: it is one event for all three."""

    d: MemberOfGuild


class MembersChunk(msgspec.Struct, gc=False):
    """A part of the answer to a request of members. Parts may come in any order.

    Attributes:
        guild_id: the guild.
        members: at most 1,000.
        chunk_index: which part, from 0.
        chunk_count: how many parts there are.
        not_found: what was asked for and is no member; not always ids.
        nonce: of the request, if it had one.

    """

    guild_id: Snowflake
    members: list[Member]
    chunk_index: int
    chunk_count: int
    not_found: list[Any] = []
    nonce: str | None = None


class GuildMembersChunk(Dispatch, tag="GUILD_MEMBERS_CHUNK"):
    """A part of the answer to a request of members came."""

    d: MembersChunk
