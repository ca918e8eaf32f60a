"""Voice: who is in which channel, and how.

Source: https://discord.com/developers/docs/resources/voice#voice-state-object
"""

from __future__ import annotations

import msgspec

from mocha_actors.discord.dispatch import Dispatch, Snowflake
from mocha_actors.discord.members import Member


class VoiceState(msgspec.Struct, gc=False):
    """A user's place in a guild's voice channels. It carries no time: the moment of its arrival is all there is.

    Attributes:
        user_id: the user.
        channel_id: where; None after leaving.
        guild_id: absent inside GUILD_CREATE.
        session_id: of the voice connection: another one in the same channel is a change of device.
        member: who, where the event says it.
        deaf: deafened by the guild, as ``mute`` is muted by it.
        self_deaf: deafened, muted, streaming or filming by own choice, as are the three that follow.
        suppress: may not speak, as the audience of a stage.

    """

    user_id: Snowflake
    channel_id: Snowflake | None = None
    guild_id: Snowflake | None = None
    session_id: str = ""
    member: Member | None = None
    deaf: bool = False
    mute: bool = False
    self_deaf: bool = False
    self_mute: bool = False
    self_stream: bool = False
    self_video: bool = False
    suppress: bool = False


class VoiceStateUpdate(Dispatch, tag="VOICE_STATE_UPDATE"):
    """Somebody joined, moved, left or toggled something: which of these only the state before can tell."""

    d: VoiceState
