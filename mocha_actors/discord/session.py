"""Dispatches about the session itself.

Source: https://discord.com/developers/docs/events/gateway-events#connect-and-resume
"""

from __future__ import annotations

import msgspec

from mocha_actors.discord.dispatch import Dispatch, Snowflake
from mocha_actors.discord.users import User


class UnavailableGuild(msgspec.Struct, gc=False):
    """A guild that READY promises to describe later by GUILD_CREATE. ``unavailable`` means "not loaded yet" there, and no outage."""

    id: Snowflake
    unavailable: bool = True


class PartialApplication(msgspec.Struct, gc=False):
    """The bot's application, as READY names it."""

    id: Snowflake


class ReadyData(msgspec.Struct, gc=False):
    """What READY says. ``session_id`` is a secret (promise P9): it is never logged and has no place in a repr."""

    session_id: str
    resume_gateway_url: str
    user: User
    guilds: list[UnavailableGuild] = []
    application: PartialApplication | None = None

    def __repr__(self) -> str:
        return f"ReadyData(session_id=<secret>, user={self.user.id}, guilds={len(self.guilds)})"


class Ready(Dispatch, tag="READY"):
    """The session exists. https://discord.com/developers/docs/events/gateway-events#ready."""

    d: ReadyData


class Resumed(Dispatch, tag="RESUMED"):
    """The replay of a RESUME is complete; live events follow. Nothing that was known before is sent again."""


class RateLimitMeta(msgspec.Struct, gc=False):
    """Which request was refused, as far as Discord says it: for requests of members, guild and nonce."""

    guild_id: Snowflake | None = None
    nonce: str | None = None


class RateLimitedData(msgspec.Struct, gc=False):
    """A refusal.

    Attributes:
        opcode: of the command that was refused.
        retry_after: seconds after which it may be sent again.
        meta: see :class:`RateLimitMeta`.

    """

    opcode: int
    retry_after: float
    meta: RateLimitMeta = msgspec.field(default_factory=RateLimitMeta)


class RateLimited(Dispatch, tag="RATE_LIMITED"):
    """A command was refused because it came too soon. https://discord.com/developers/docs/events/gateway-events#rate-limited."""

    d: RateLimitedData
