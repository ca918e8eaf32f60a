"""Voice states: where somebody is now. What that means, only the state before can tell, so it is left to the projection.

Source: https://discord.com/developers/docs/resources/voice#voice-state-object
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from mocha_actors.discord.dispatch import Event
from mocha_actors.discord.members import Member
from mocha_actors.discord.voice import VoiceState, VoiceStateUpdate
from mocha_actors.pipeline.batch import IGNORED
from mocha_actors.pipeline.facts import Fact, VoiceChanged, VoiceFlag, VoiceListed
from mocha_actors.pipeline.timing import Stamp

HANDLES: Final = (VoiceStateUpdate,)
"""The events that :func:`translate` takes."""

FLAGS: Final = {
    "self_mute": int(VoiceFlag.SELF_MUTE),
    "mute": int(VoiceFlag.MUTE),
    "self_deaf": int(VoiceFlag.SELF_DEAF),
    "deaf": int(VoiceFlag.DEAF),
    "self_stream": int(VoiceFlag.STREAM),
    "self_video": int(VoiceFlag.VIDEO),
    "suppress": int(VoiceFlag.SUPPRESS),
}
"""The fields of a voice state that are flags of a fact."""


def translate(event: Event, stamp: Stamp) -> tuple[Fact, ...]:
    """The fact where somebody is now; nothing for a call that is in no guild.

    Raises:
        TypeError: ``event`` is none of :data:`HANDLES`, which is a mistake in the routes.

    """
    if not isinstance(event, VoiceStateUpdate):
        msg = f"the voice processor takes VOICE_STATE_UPDATE, not {event.t}"
        raise TypeError(msg)
    state = event.d
    return IGNORED if state.guild_id is None else (voice_state(state, state.guild_id, stamp),)


def voice_state(state: VoiceState, guild_id: int, stamp: Stamp) -> VoiceChanged:
    """A voice state of a guild as a fact; the states inside GUILD_CREATE do not name their guild."""
    user = state.member.user if state.member is not None else None
    return VoiceChanged(
        guild_id=guild_id,
        user_id=state.user_id,
        channel_id=state.channel_id,
        device=device_of(state.session_id),
        flags=flags_of(state),
        is_bot=None if user is None else user.bot,
        username="" if user is None else user.username,
        global_name=None if user is None else user.global_name,
        shard=stamp.shard,
        at_ms=stamp.at_ms,
        bound_ms=stamp.bound_ms,
    )


def listed(states: Iterable[VoiceState], members: Iterable[Member], guild_id: int, stamp: Stamp) -> VoiceListed:
    """Everybody who is in a voice channel, as GUILD_CREATE names them: its states do not say who is a bot, but its members do."""
    present = {state.user_id: state for state in states if state.channel_id is not None}
    known = {m.user.id: m for m in members if m.user is not None and m.user.id in present}
    named = (msgspec.structs.replace(s, member=s.member or known.get(user)) for user, s in present.items())
    facts = tuple(voice_state(state, guild_id, stamp) for state in named)
    return VoiceListed(guild_id, facts, stamp.shard, stamp.at_ms, stamp.bound_ms)


def flags_of(state: VoiceState) -> int:
    """How somebody is there, as flags of :class:`~mocha_actors.pipeline.facts.VoiceFlag`."""
    return sum(flag for name, flag in FLAGS.items() if getattr(state, name))


def device_of(session_id: str) -> int:
    """What tells the connections of a user apart, without telling the session id, which is a secret; 0 where there is none."""
    if not session_id:
        return 0
    return int.from_bytes(blake2b(session_id.encode(), digest_size=8).digest()) >> 1
