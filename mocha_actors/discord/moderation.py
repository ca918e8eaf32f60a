"""What moderators do: how a leave becomes a kick or a ban.

Source: https://discord.com/developers/docs/resources/audit-log#audit-log-entry-object
"""

from __future__ import annotations

import msgspec

from mocha_actors.discord.dispatch import Dispatch, Snowflake
from mocha_actors.discord.members import MemberOfGuild


class GuildBanAdd(Dispatch, tag="GUILD_BAN_ADD"):
    """A user was banned."""

    d: MemberOfGuild


class GuildBanRemove(Dispatch, tag="GUILD_BAN_REMOVE"):
    """A ban was lifted."""

    d: MemberOfGuild


class AuditLogEntry(msgspec.Struct, gc=False):
    """Who did what to whom.

    Attributes:
        id: the entry, and its time.
        guild_id: the guild.
        action_type: what was done; 20 is a kick, 22 a ban.
        user_id: who did it; None when Discord did.
        target_id: to whom or what; None for actions without a target.

    """

    id: Snowflake
    guild_id: Snowflake
    action_type: int
    user_id: Snowflake | None = None
    target_id: Snowflake | None = None


class GuildAuditLogEntryCreate(Dispatch, tag="GUILD_AUDIT_LOG_ENTRY_CREATE"):
    """An entry of the audit log was made."""

    d: AuditLogEntry
