"""What members may do: https://discord.com/developers/docs/topics/permissions."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Final

from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.objects import role_permissions
from mocha_actors.simulator.world import Member

ADMINISTRATOR: Final = 1 << 3
USE_APPLICATION_COMMANDS: Final = 1 << 31

ALL: Final = sum(1 << bit for bit in (*range(47), 49, 50))
"""Every permission there is; 47 and 48 belong to none."""


def member_permissions(state: GuildState, member: Member) -> int:
    """Add up what somebody may do in a guild: no channel here has overwrites, so that it holds in each of them."""
    everybody = state.guild.roles[0]
    granted = [role_permissions(state.guild.roles.index(role)) for role in {everybody, *member.roles}]
    permissions = reduce(or_, granted)
    return ALL if member.user.id == state.guild.owner_id or permissions & ADMINISTRATOR else permissions


def may_use(permissions: int, needed: str | None) -> bool:
    """Tell whether a member with these permissions may use a command with these `default_member_permissions`.

    None lets everybody use it, "0" administrators alone. All of the named permissions are needed.
    """
    if permissions & ADMINISTRATOR:
        return True
    if not permissions & USE_APPLICATION_COMMANDS or needed == "0":
        return False
    return needed is None or not int(needed) & ~permissions
