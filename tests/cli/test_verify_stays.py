"""``mocha verify --ledger`` compares voice and presence with what was sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mocha_actors.cli.main import mocha
from mocha_actors.db.projections.presence import PresenceProjection
from mocha_actors.db.projections.voice import VoiceProjection
from mocha_actors.simulator.recount_voice import Heard
from tests.db.builders import NOON_MS, connected, open_session
from tests.db.projections.histories import apply, facts_of, voice_state

GUILD, LOUNGE, STAGE, ADA, BEN = 1 << 22, 501, 502, 601, 602

SENT = [
    (0, "VOICE_STATE_UPDATE", voice_state(ADA, LOUNGE)),
    (60_000, "VOICE_STATE_UPDATE", voice_state(BEN, LOUNGE, ["self_mute"])),
    (90_000, "PRESENCE_UPDATE", {"user": {"id": str(ADA)}, "status": "online"}),
    (120_000, "VOICE_STATE_UPDATE", voice_state(ADA, STAGE)),
    (180_000, "VOICE_STATE_UPDATE", voice_state(ADA, None)),
]
"""Two visits of Ada, one of Ben that goes on, and Ada online."""


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """What was sent, half a second before it was received."""
    path = tmp_path / "ledger.jsonl"
    with path.open("w") as file:
        for number, (ms, name, data) in enumerate(SENT, 1):
            frame = {"op": 0, "s": number, "t": name, "d": data | {"guild_id": str(GUILD)}}
            line = {"at": (NOON_MS + ms - 500) / 1000, "shard": 0, "session": "s", "frame": frame}
            file.write(json.dumps(line) + "\n")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """What was received, in a database."""
    path = tmp_path / "mocha.db"
    heard = [Heard(NOON_MS + ms, 0, 0, name, data | {"guild_id": str(GUILD)}) for ms, name, data in SENT]
    with open_session(path) as session:
        apply(session, [VoiceProjection(), PresenceProjection()], [fact for each in heard for fact in facts_of(each)])
    return path


def verify(*arguments: object) -> Result:
    """Run ``mocha verify``."""
    return CliRunner().invoke(mocha, ["verify", *map(str, arguments)])


def test_what_was_received_later_than_it_was_sent_is_equal(path: Path, ledger: Path) -> None:
    """Three visits and a time online; nothing else was sent."""
    result = verify("--database", path, "--ledger", ledger)

    assert (result.exit_code, result.stdout) == (0, "4 of 4 equal\n")


def test_a_delivery_cannot_have_taken_longer_than_it_is_said_to(path: Path, ledger: Path) -> None:
    """Half a second is more than 0.4 s."""
    result = verify("--database", path, "--ledger", ledger, "--lag", 0.4)

    assert result.exit_code == 1
    assert result.stdout.endswith("0 of 8 equal\n")


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM voice_events WHERE channel_id = 502",
        "UPDATE voice_events SET ended_ms = ended_ms - 30000 WHERE channel_id = 502",
        "UPDATE voice_events SET visit = 0 WHERE channel_id = 502",
        "UPDATE voice_events SET session_id = 1 WHERE channel_id = 501",
        "UPDATE presence_events SET user_id = 602",
    ],
    ids=["row lost", "time lost", "visit lost", "session lost", "wrong user"],
)
def test_each_kind_of_error_is_found(path: Path, ledger: Path, damage: str) -> None:
    """With exit code 1 and the row."""
    with connected(path) as connection:
        connection.execute(damage)
    result = verify("--database", path, "--ledger", ledger)

    assert result.exit_code == 1
    assert "_events" in result.stdout
