"""Invites.

Source: https://discord.com/developers/docs/events/gateway-events#invites
"""

from __future__ import annotations

import msgspec

from mocha_actors.discord.dispatch import Dispatch, Snowflake, Timestamp
from mocha_actors.discord.users import User


class Invite(msgspec.Struct, gc=False):
    """An invite: who made it, for which channel. Uses are not announced: they can only be compared."""

    code: str
    channel_id: Snowflake
    guild_id: Snowflake | None = None
    inviter: User | None = None
    created_at: Timestamp | None = None
    uses: int = 0


class InviteCreate(Dispatch, tag="INVITE_CREATE"):
    """An invite was made."""

    d: Invite


class GoneInvite(msgspec.Struct, gc=False):
    """An invite that works no more."""

    code: str
    channel_id: Snowflake
    guild_id: Snowflake | None = None


class InviteDelete(Dispatch, tag="INVITE_DELETE"):
    """An invite was withdrawn."""

    d: GoneInvite
