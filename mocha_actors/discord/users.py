"""Users, as they appear inside other objects and alone.

Source: https://discord.com/developers/docs/resources/user#user-object
"""

from __future__ import annotations

import msgspec

from mocha_actors.discord.dispatch import Dispatch, Snowflake


class User(msgspec.Struct, gc=False):
    """A user as it appears inside events."""

    id: Snowflake
    username: str = ""
    global_name: str | None = None
    bot: bool = False


class UserUpdate(Dispatch, tag="USER_UPDATE"):
    """The bot's own account changed."""

    d: User
