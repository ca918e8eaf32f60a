"""Voice states: what an event says about somebody, and what it cannot say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mocha_actors.discord.events import Resumed
from mocha_actors.discord.members import Member
from mocha_actors.discord.voice import VoiceState
from mocha_actors.pipeline.facts import VoiceChanged, VoiceFlag, VoiceListed
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors.voice import device_of, listed, translate, voice_state
from tests.discord.payloads import BOT, MEMBER, event

STAMP = Stamp(at_ms=1_790_000_000_000, bound_ms=70, shard=3)

STATE: dict[str, Any] = {
    "guild_id": "10", "channel_id": "20", "user_id": "30", "session_id": "secret", "deaf": False, "mute": False, "self_deaf": False,
    "self_mute": False, "self_video": False, "suppress": False, "request_to_speak_timestamp": None, "member": MEMBER,
}  # fmt: skip


def changed(**fields: object) -> VoiceChanged:
    """The fact of a VOICE_STATE_UPDATE with these fields."""
    (fact,) = translate(event("VOICE_STATE_UPDATE", STATE | fields), STAMP)
    assert isinstance(fact, VoiceChanged)
    return fact


def test_a_voice_state_says_who_is_where_and_when_it_was_received() -> None:
    """Names come with the member, the time with the stamp."""
    expected = VoiceChanged(
        10,
        30,
        20,
        device_of("secret"),
        0,
        is_bot=False,
        username="ada",
        global_name="Ada",
        shard=3,
        at_ms=1_790_000_000_000,
        bound_ms=70,
    )

    assert expected == changed()


def test_leaving_is_a_state_without_a_channel() -> None:
    """Discord sends `channel_id: null`."""
    assert changed(channel_id=None).channel_id is None


@pytest.mark.parametrize(
    ("field", "flag"),
    [
        ("self_mute", VoiceFlag.SELF_MUTE),
        ("mute", VoiceFlag.MUTE),
        ("self_deaf", VoiceFlag.SELF_DEAF),
        ("deaf", VoiceFlag.DEAF),
        ("self_stream", VoiceFlag.STREAM),
        ("self_video", VoiceFlag.VIDEO),
        ("suppress", VoiceFlag.SUPPRESS),
    ],
)
def test_each_field_is_its_own_flag(field: str, flag: VoiceFlag) -> None:
    """AFK and alone are none of them: an event does not tell."""
    assert int(flag) == changed(**{field: True}).flags


def test_flags_add_up() -> None:
    """Deafening oneself mutes oneself too, as the client does it."""
    assert VoiceFlag.SELF_MUTE | VoiceFlag.SELF_DEAF == changed(self_mute=True, self_deaf=True).flags


def test_a_device_is_told_apart_without_keeping_the_secret() -> None:
    """The session id of a voice connection lets one join it: only a hash that fits into 63 bits goes on (promise P9)."""
    assert changed(session_id="one").device != changed(session_id="two").device
    assert changed(session_id="one").device == changed(session_id="one").device
    assert all(0 <= device_of(str(n)) < 1 << 63 for n in range(100))
    assert "secret" not in repr(msgspec.structs.asdict(changed()))
    assert device_of("") == 0


def test_who_is_a_bot_is_said_by_the_member_only() -> None:
    """Without one it is not known, which is not the same as a human."""
    assert changed(member=MEMBER | {"user": BOT}, user_id="31").is_bot is True
    unknown = changed(member=None)
    assert (unknown.is_bot, unknown.username, unknown.global_name) == (None, "", None)


def test_a_call_in_no_guild_is_not_recorded() -> None:
    """Direct calls are as private as direct messages."""
    assert () == translate(event("VOICE_STATE_UPDATE", STATE | {"guild_id": None}), STAMP)


def test_an_event_of_another_kind_is_a_mistake_in_the_routes() -> None:
    """The processor says what it takes."""
    with pytest.raises(TypeError, match="takes VOICE_STATE_UPDATE, not RESUMED"):
        translate(Resumed(s=1), STAMP)


def test_a_list_of_states_takes_its_users_from_the_members_beside_it() -> None:
    """The states inside GUILD_CREATE name neither their guild nor their member; of two states of one user the last holds."""
    members = msgspec.convert([MEMBER, MEMBER | {"user": BOT}], list[Member], strict=False)
    states = [VoiceState(30, 20), VoiceState(31, 20), VoiceState(32, 20), VoiceState(33, None), VoiceState(30, 21)]

    fact = listed(states, members, 10, STAMP)

    assert isinstance(fact, VoiceListed)
    assert (10, 3, 1_790_000_000_000, 70) == (fact.guild_id, fact.shard, fact.at_ms, fact.bound_ms)
    seen = [(s.guild_id, s.user_id, s.channel_id, s.is_bot, s.username) for s in fact.states]
    assert [(10, 30, 21, False, "ada"), (10, 31, 20, True, "beep"), (10, 32, 20, None, "")] == seen


def test_a_state_in_a_list_is_the_same_fact_as_an_event() -> None:
    """One translation for both."""
    state = msgspec.convert(STATE | {"guild_id": None}, VoiceState, strict=False)

    assert changed() == voice_state(state, 10, STAMP)
