"""Rules of `mocha_actors.simulator.settings`."""

from __future__ import annotations

from typing import Any

import pytest

from mocha_actors.simulator.errors import SettingsError
from mocha_actors.simulator.settings import SimulatorSettings


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"profile": "voice"}, "profile is voice, but must be one of messages"),
        ({"host": "0.0.0.0"}, "host is 0.0.0.0, but must be one of 127.0.0.1, ::1, localhost"),  # noqa: S104
        ({"port": 70_000}, "port is 70000, but must be between 0 and 65535"),
        ({"token": ""}, "token is empty, but must be at least one character"),
        ({"shards": 0}, "shards is 0, but must be at least 1"),
        ({"guilds": 2501}, "guilds is 2501, but must be between 1 and 2500 for each shard"),
        ({"rate": -1.0}, "rate is -1.0, but must be between 0 and 20000"),
        ({"compress_level": 10}, "compress level is 10, but must be between 0 and 9"),
        ({"burst": 0}, "burst is 0, but must be at least 1"),
        ({"resume_address": "far"}, "resume address is far, but must be one of own, same, dead"),
        ({"max_concurrency": 0}, "max concurrency is 0, but must be at least 1"),
        ({"identify_spacing": -1}, "identify spacing is -1, but must be at least 0 seconds"),
        ({"members": 0}, "members is 0, but must be between 1 and 1000000"),
        ({"session_timeout": 0}, "session timeout is 0, but must be more than 0 seconds"),
    ],
)
def test_what_cannot_work_is_refused(setting: dict[str, Any], sentence: str) -> None:
    """The error names the setting, what it is and what is allowed."""
    with pytest.raises(SettingsError, match=sentence):
        SimulatorSettings(**setting)


def test_the_token_is_not_shown() -> None:
    """Somebody may try a real token; it has no place in a repr."""
    assert "hush" not in repr(SimulatorSettings(token="hush"))
