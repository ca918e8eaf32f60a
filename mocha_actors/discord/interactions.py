"""Interactions: commands, buttons and forms.

Source: https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object
"""

from __future__ import annotations

from typing import Final

import msgspec

from mocha_actors.discord.dispatch import Dispatch, Snowflake
from mocha_actors.discord.members import Member
from mocha_actors.discord.users import User

AUTOCOMPLETE: Final = 4
"""The type of an interaction that is no use of anything: somebody is still typing."""


class InteractionData(msgspec.Struct, gc=False):
    """What was used; buttons and forms have no name."""

    id: Snowflake | None = None
    name: str | None = None


class Interaction(msgspec.Struct, gc=False):
    """A use of a command, button or form. Its token is a secret and is not read.

    Attributes:
        id: the interaction, and its time.
        application_id: whose command it is.
        type: Discord's number; :data:`AUTOCOMPLETE` is no use.
        guild_id: where; a user's own installation works in guilds that the bot is not in.
        channel_id: where in the guild.
        member: who, in a guild.
        user: who, elsewhere.
        data: what; absent for a ping.

    """

    id: Snowflake
    application_id: Snowflake
    type: int
    guild_id: Snowflake | None = None
    channel_id: Snowflake | None = None
    member: Member | None = None
    user: User | None = None
    data: InteractionData | None = None

    @property
    def actor(self) -> User | None:
        """Who used it, in a guild or elsewhere."""
        return self.member.user if self.member is not None else self.user


class InteractionCreate(Dispatch, tag="INTERACTION_CREATE"):
    """Somebody used a command, button or form."""

    d: Interaction
