"""Presence: who is online.

Discord says of this event that no field is required and no type is validated, so that nothing is relied on here but the two ids.
Source: https://discord.com/developers/docs/events/gateway-events#presence-update
"""

from __future__ import annotations

from typing import Any, Final, Literal, cast, get_args

import msgspec

from mocha_actors.discord.dispatch import Dispatch, Snowflake

Status = Literal["online", "idle", "dnd", "offline", "invisible"]
_STATUSES: Final = frozenset(get_args(Status))


class PresenceUser(msgspec.Struct, gc=False):
    """The user of a presence, of whom nothing else can be trusted to be there, or to be up to date."""

    id: Snowflake


class Presence(msgspec.Struct, gc=False, kw_only=True):
    """A user's presence in a guild. ``status`` is whatever was sent; :attr:`known_status` is safe."""

    user: PresenceUser
    guild_id: Snowflake
    status: Any = None

    @property
    def known_status(self) -> Status | None:
        """The status, if it is one that Discord documents."""
        return known_status(self.status)


class PresenceUpdate(Dispatch, tag="PRESENCE_UPDATE"):
    """A user's status or activities changed. It comes once for each guild that is shared with the user."""

    d: Presence


class ListedPresence(msgspec.Struct, gc=False, kw_only=True):
    """A presence inside GUILD_CREATE. One that is out of shape must not spoil the guild, hence not even its user is checked."""

    user: Any = None
    status: Any = None

    @property
    def user_id(self) -> int | None:
        """Whose presence it is; None when that cannot be told."""
        try:
            return msgspec.convert(self.user, PresenceUser, strict=False).id
        except msgspec.ValidationError:
            return None

    @property
    def known_status(self) -> Status | None:
        """The status, if it is one that Discord documents."""
        return known_status(self.status)


def known_status(status: object) -> Status | None:
    """``status``, if it is one that Discord documents."""
    return cast("Status", status) if isinstance(status, str) and status in _STATUSES else None
