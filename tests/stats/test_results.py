"""Answers as JSON: identifiers are strings, everything else is as in Python."""

from __future__ import annotations

import msgspec

from mocha_actors.stats.results import Coverage, Entry, Gap, Leaderboard

ANSWER = Leaderboard(
    guild_id=80351110224678912,
    since_ms=1,
    until_ms=2,
    time_zone="UTC",
    metric="messages",
    coverage=Coverage(
        complete=False, observed_share=0.0, gaps=(Gap(shard=0, since_ms=1, until_ms=2, reason="session_invalid"),)
    ),
    entries=(
        Entry(rank=1, user_id=9007199254740993, username="ada", global_name=None, is_bot=False, left=None, value=3),
    ),
    ranked_users=1,
    next_cursor=None,
)


def test_identifiers_are_strings_at_any_depth() -> None:
    """2^53 + 1 would lose its last digit in a JavaScript number (rule 30)."""
    shown = ANSWER.to_builtins()

    assert shown["guild_id"] == "80351110224678912"
    assert shown["entries"][0]["user_id"] == "9007199254740993"


def test_numbers_stay_numbers() -> None:
    """Counts, times, ranks and shards are no identifiers."""
    shown = ANSWER.to_builtins()

    assert (shown["since_ms"], shown["ranked_users"], shown["entries"][0]["value"]) == (1, 1, 3)
    assert shown["coverage"] == {
        "complete": False,
        "observed_share": 0.0,
        "gaps": [{"shard": 0, "since_ms": 1, "until_ms": 2, "reason": "session_invalid"}],
    }


def test_what_is_unknown_is_null() -> None:
    """Also where an identifier could stand."""
    assert msgspec.json.decode(msgspec.json.encode(ANSWER.to_builtins()))["entries"][0]["global_name"] is None
