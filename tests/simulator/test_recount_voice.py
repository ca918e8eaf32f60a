"""Rules of the oracles of voice and presence, and of what a client is taken to have heard. Every expected number is worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mocha_actors.simulator.hearing import hear, stays
from mocha_actors.simulator.recount_presence import Presence, Span, hours
from mocha_actors.simulator.recount_voice import ALONE, LEFT, LOST, Heard, Look, Voice, tables

GUILD, LOUNGE, STAGE, ADA, BEN = 500, 600, 601, 700, 701
MIDNIGHT = 20_000 * 86_400_000
HOUR = 3_600_000


def state(user: int, channel: int | None, **flags: bool) -> dict[str, Any]:
    """The `d` of a VOICE_STATE_UPDATE."""
    where = None if channel is None else str(channel)
    return {
        "guild_id": str(GUILD),
        "user_id": str(user),
        "channel_id": where,
        "member": {"user": {"id": str(user)}},
        **flags,
    }


def told(*heard: tuple[int, str, dict[str, Any]]) -> Voice:
    """Hear dispatches at so many milliseconds after midnight."""
    voice = Voice()
    for at, name, data in heard:
        voice.hear(Heard(MIDNIGHT + at, 0, 0, name, data))
    return voice


def test_two_people_in_one_channel_around_midnight() -> None:
    """Ada from 23:30 to 00:30, Ben with her for the first half: she is alone from midnight on."""
    voice = told(
        (-HOUR // 2, "VOICE_STATE_UPDATE", state(ADA, LOUNGE)),
        (-HOUR // 2, "VOICE_STATE_UPDATE", state(BEN, LOUNGE, self_mute=True)),
        (0, "VOICE_STATE_UPDATE", state(BEN, None)),
        (HOUR // 2, "VOICE_STATE_UPDATE", state(ADA, None)),
    )

    half = HOUR // 2
    assert [(r.user, r.start - MIDNIGHT, (r.end or 0) - MIDNIGHT, r.look.flags, r.begins) for r in voice.rows()] == [
        (ADA, -half, 0, 0, True), (ADA, 0, half, ALONE, False), (BEN, -half, 0, 1, True),
    ]  # fmt: skip
    sums = tables(voice.rows())
    assert sums["voice_user_day"] == {
        (GUILD, 19_999, ADA, 0, 0): (half, 0, 0, 0, 0, 1),
        (GUILD, 20_000, ADA, 0, 4): (half, 0, 0, 0, 0, 0),
        (GUILD, 19_999, BEN, 0, 0): (half, half, 0, 0, 0, 1),
    }
    assert sums["voice_channel_hour"] == {
        (GUILD, 479_999, LOUNGE, 0, 0): (HOUR, half, 0, 0, 0, 2),
        (GUILD, 480_000, LOUNGE, 0, 4): (half, 0, 0, 0, 0, 0),
    }
    assert sums["voice_guild_hour"] == {
        (GUILD, 479_999, 0, 0): (HOUR, half, 0, 0, 0, 2),
        (GUILD, 480_000, 0, 4): (half, 0, 0, 0, 0, 0),
    }


def test_a_lost_session_goes_on_in_the_same_channel() -> None:
    """Rule 2: one session; the second row says that it goes on, and where the session began."""
    create = {"id": str(GUILD), "voice_states": [{"user_id": str(ADA), "channel_id": str(LOUNGE)}], "members": []}
    voice = told(
        (0, "VOICE_STATE_UPDATE", state(ADA, LOUNGE)),
        (60_000, "LOST", {}),
        (90_000, "GUILD_CREATE", create),
        (95_000, "GUILD_CREATE", create | {"voice_states": []}),
    )

    first, second = voice.rows()
    look = Look(LOUNGE, ALONE, bot=False)
    assert first[2:] == (MIDNIGHT, MIDNIGHT + 60_000, look, True, MIDNIGHT, True, False, LOST, 0, 0)
    assert second[2:] == (MIDNIGHT + 90_000, MIDNIGHT + 95_000, look, False, MIDNIGHT, False, True, LEFT, 1, 5_000)


def test_a_status_of_less_than_half_a_minute_is_none() -> None:
    """An hour online with 10 s of idle inside, then idle for good."""
    presence = Presence()
    for at, status in ((0, "online"), (60_000, "idle"), (70_000, "online"), (HOUR, "idle"), (2 * HOUR, "offline")):
        data = {"guild_id": str(GUILD), "user": {"id": str(ADA)}, "status": status}
        presence.hear(Heard(MIDNIGHT + at, 0, 0, "PRESENCE_UPDATE", data))

    spans = presence.spans()
    assert spans == [
        Span(GUILD, ADA, MIDNIGHT, MIDNIGHT + HOUR, 1, bot=False),
        Span(GUILD, ADA, MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR, 2, bot=False),
    ]
    assert hours(spans) == {(GUILD, 480_000, 1, 0): HOUR, (GUILD, 480_001, 2, 0): HOUR}


def write(path: Path, *lines: tuple[int, str, str, dict[str, Any]]) -> Path:
    """Write a ledger of (milliseconds after midnight, session, name, data)."""
    numbers: dict[str, int] = {}
    text = []
    for at, session, name, data in lines:
        numbers[session] = numbers.get(session, 0) + 1
        frame = {"t": name, "s": numbers[session], "op": 0, "d": data}
        text.append(json.dumps({"at": (MIDNIGHT + at) / 1000, "shard": 0, "session": session, "frame": frame}) + "\n")
    path.write_text("".join(text))
    return path


def test_what_was_sent_in_a_gap_was_not_heard(tmp_path: Path) -> None:
    """The gap lasts from 10 s to 20 s, and the session that ended it began a moment before; Ada's leave inside it is not known."""
    create = {"id": str(GUILD), "voice_states": [{"user_id": str(ADA), "channel_id": str(STAGE)}], "members": []}
    ledger = write(
        tmp_path / "ledger",
        (0, "a", "READY", {}), (2_000, "a", "VOICE_STATE_UPDATE", state(ADA, LOUNGE)), (9_500, "a", "VOICE_STATE_UPDATE", state(BEN, LOUNGE)),
        (12_000, "a", "VOICE_STATE_UPDATE", state(ADA, None)), (19_900, "b", "READY", {}), (19_950, "b", "GUILD_CREATE", create),
    )  # fmt: skip
    gaps = [(0, 0, MIDNIGHT + 20), (0, MIDNIGHT + 10_000, MIDNIGHT + 20_000), (1, 0, MIDNIGHT + 99_000)]

    hearing = hear(ledger, gaps, 1_000)
    voice, presence = stays(hearing)

    assert [heard.name for heard in hearing.heard] == [
        "VOICE_STATE_UPDATE",
        "VOICE_STATE_UPDATE",
        "LOST",
        "GUILD_CREATE",
    ]
    assert hearing.unsure == {(GUILD, BEN)}
    assert [(s.user, s.channel, s.start - MIDNIGHT, s.end and s.end - MIDNIGHT, s.begins) for s in voice] == [
        (ADA, LOUNGE, 2_000, 10_000, True), (ADA, STAGE, 19_950, None, True),
    ]  # fmt: skip
    assert presence == []


def test_a_replay_is_heard_once(tmp_path: Path) -> None:
    """It is known by session and number."""
    ledger = write(tmp_path / "ledger", (0, "a", "READY", {}), (5, "a", "VOICE_STATE_UPDATE", state(ADA, LOUNGE)))
    ledger.write_text(ledger.read_text() + ledger.read_text().splitlines(keepends=True)[1])

    assert len(hear(ledger, [], 1_000).heard) == 1
