"""What a client heard, as far as a ledger can tell: around a gap it says for whom it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mocha_actors.simulator.hearing import hear

LOST, FOUND, LAG = 10_000, 14_000, 1_000
GAP = (0, LOST, FOUND)


def line(at_ms: int, session: str, s: int, name: str, data: dict[str, Any]) -> str:
    """A line of a ledger."""
    frame = {"op": 0, "s": s, "t": name, "d": data}
    return json.dumps({"at": at_ms / 1000, "shard": 0, "session": session, "frame": frame})


def voice(user: int) -> dict[str, Any]:
    """Somebody in a channel of guild 5."""
    return {"guild_id": "5", "user_id": str(user), "channel_id": "6"}


@pytest.mark.parametrize(
    ("at_ms", "heard", "sure"),
    [
        (LOST - LAG - 1, True, True),
        (LOST - LAG, True, False),
        (LOST - 1, True, False),
        (LOST, True, False),
        (LOST + 1, True, False),
        (LOST + 2, False, True),
        (FOUND - 1, False, True),
    ],
)
def test_what_was_sent_as_a_session_was_lost_may_have_been_heard_or_not(
    tmp_path: Path, at_ms: int, heard: bool, sure: bool
) -> None:
    """A gap begins with the last that was heard: that itself lies at its edge, by the clock of the other end."""
    ledger = tmp_path / "ledger.jsonl"
    lines = [
        line(1, "old", 1, "READY", {}), line(at_ms, "old", 2, "VOICE_STATE_UPDATE", voice(7)),
        line(FOUND - 3, "new", 1, "READY", {}), line(FOUND + 3, "new", 2, "VOICE_STATE_UPDATE", voice(8)),
    ]  # fmt: skip
    ledger.write_text("\n".join(lines) + "\n")

    hearing = hear(ledger, [GAP], LAG)

    states = [found.data["user_id"] for found in hearing.heard if found.name == "VOICE_STATE_UPDATE"]
    assert (["7", "8"] if heard else ["8"]) == states
    assert (set() if sure else {(5, 7)}) == hearing.unsure


def test_what_was_sent_once_more_may_have_been_heard_that_late(tmp_path: Path) -> None:
    """It counts once, and the longest delay is told."""
    ledger = tmp_path / "ledger.jsonl"
    lines = [
        line(1, "one", 1, "READY", {}), line(2_000, "one", 2, "VOICE_STATE_UPDATE", voice(7)),
        line(3_000, "one", 3, "VOICE_STATE_UPDATE", voice(8)), line(9_000, "one", 2, "VOICE_STATE_UPDATE", voice(7)),
        line(9_001, "one", 3, "VOICE_STATE_UPDATE", voice(8)),
    ]  # fmt: skip
    ledger.write_text("\n".join(lines) + "\n")

    hearing = hear(ledger, [], LAG)

    assert [2_000, 3_000] == [found.at for found in hearing.heard]
    assert 7_000 == hearing.late_ms
