"""Voice states."""

from __future__ import annotations

from tests.discord.payloads import BOT, MEMBER, data, error

STATE = {
    "guild_id": "40", "channel_id": "22", "user_id": "30", "member": MEMBER, "session_id": "v1", "deaf": False, "mute": False,
    "self_deaf": False, "self_mute": True, "self_video": False, "suppress": False, "request_to_speak_timestamp": None,
}  # fmt: skip


def test_whoever_left_is_in_no_channel() -> None:
    """Null says so."""
    assert data("VOICE_STATE_UPDATE", STATE | {"channel_id": None}).channel_id is None


def test_streaming_is_said_only_by_those_who_stream() -> None:
    """Absent means no."""
    assert not data("VOICE_STATE_UPDATE", STATE).self_stream
    assert data("VOICE_STATE_UPDATE", STATE | {"self_stream": True}).self_stream


def test_flags_are_told_apart() -> None:
    """Each of them is a sum of its own."""
    for flag in ("deaf", "mute", "self_deaf", "self_stream", "self_video", "suppress"):
        state = data("VOICE_STATE_UPDATE", STATE | {flag: True})
        assert getattr(state, flag)
        assert state.self_mute


def test_a_guest_has_not_joined_and_a_bot_is_a_bot() -> None:
    """Invited guests of a voice channel are no members."""
    guest = data("VOICE_STATE_UPDATE", STATE | {"member": MEMBER | {"joined_at": None}})
    bot = data("VOICE_STATE_UPDATE", STATE | {"member": MEMBER | {"user": BOT}})

    assert guest.member.joined_at is None
    assert bot.member.user.bot


def test_a_state_of_nobody_is_refused() -> None:
    """Who is what we rely on."""
    assert "user_id" in error("VOICE_STATE_UPDATE", {"channel_id": "22"})
