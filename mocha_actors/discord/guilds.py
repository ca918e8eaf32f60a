"""Guilds: available, changed, gone.

Source: https://discord.com/developers/docs/events/gateway-events#guild-create
"""

from __future__ import annotations

import msgspec

from mocha_actors.discord.channels import Channel
from mocha_actors.discord.dispatch import Dispatch, Snowflake, Timestamp
from mocha_actors.discord.members import Member
from mocha_actors.discord.presence import ListedPresence
from mocha_actors.discord.voice import VoiceState


class GuildProfile(msgspec.Struct, gc=False, kw_only=True):
    """What a guild is like. Everything but the id is absent while the guild is unavailable.

    Attributes:
        id: the guild.
        name: its name.
        owner_id: whose it is.
        afk_channel_id: the voice channel whose time does not count; None if it has none.
        preferred_locale: of the guild, as in ``en-US``.

    """

    id: Snowflake
    name: str | None = None
    owner_id: Snowflake | None = None
    afk_channel_id: Snowflake | None = None
    preferred_locale: str | None = None


class SeenGuild(GuildProfile, gc=False, kw_only=True):
    """A guild with what the bot may see of it, members and presences aside.

    Attributes:
        unavailable: True during an outage, and then nothing else is said; False when the guild is back or loaded after READY; None, as the
            key is absent, when the bot has joined. It is a hint only: what is a join is for the database to tell.
        joined_at: when the bot joined.
        member_count: how many members there are.
        channels: without ``guild_id``, as are all that follow.
        threads: active ones that the bot may see.
        voice_states: who is in a voice channel at this moment: whoever is not named is in none.

    """

    unavailable: bool | None = None
    joined_at: Timestamp | None = None
    member_count: int | None = None
    channels: list[Channel] = []
    threads: list[Channel] = []
    voice_states: list[VoiceState] = []


class Guild(SeenGuild, gc=False, kw_only=True):
    """A guild with all that the bot may see of it.

    Attributes:
        members: not all that there are, and one may be named twice (api-docs #997, #1907).
        presences: of those who are online, as far as they are sent.

    """

    members: list[Member] = []
    presences: list[ListedPresence] = []


class GuildOutline(SeenGuild, gc=False, kw_only=True):
    """A :class:`Guild` whose long lists are cut into their items, which are not read yet: parts of the frame, and valid as long as they are kept."""

    members: list[msgspec.Raw] = []
    presences: list[msgspec.Raw] = []


class GuildCreate(Dispatch, tag="GUILD_CREATE"):
    """A guild became available, lazily after READY, after an outage, or because the bot joined it."""

    d: Guild


class OutlinedGuildCreate(Dispatch, tag="GUILD_CREATE"):
    """A :class:`GuildCreate` of tens of thousands of members. Cutting it takes a third of the time of reading it (21 ms of 66 for 50,000 members)."""

    d: GuildOutline


class GuildUpdate(Dispatch, tag="GUILD_UPDATE"):
    """A guild's profile changed. What GUILD_CREATE says beyond that is not repeated."""

    d: GuildProfile


class GoneGuild(msgspec.Struct, gc=False):
    """A guild; ``unavailable`` is an outage, otherwise the bot is no member any more."""

    id: Snowflake
    unavailable: bool = False


class GuildDelete(Dispatch, tag="GUILD_DELETE"):
    """A guild became unavailable, or the bot left it, or was removed."""

    d: GoneGuild
