"""READY, RESUMED and RATE_LIMITED."""

from __future__ import annotations

from typing import Any

import pytest

from mocha_actors.discord.events import Resumed
from tests.discord.payloads import data, error, event

READY: dict[str, Any] = {
    "v": 10, "user": {"id": "1", "bot": True}, "session_id": "hush", "resume_gateway_url": "wss://g", "shard": [0, 2],
    "guilds": [], "application": {"id": "1", "flags": 0}, "_trace": [{}], "undocumented": [None],
}  # fmt: skip


def test_ready_lists_guilds_that_are_not_loaded_yet() -> None:
    """Up to 2,500, all of them unavailable; keys that nobody documented are ignored."""
    ready = data("READY", READY | {"guilds": [{"id": str(each), "unavailable": True} for each in range(2500)]})

    assert list(range(2500)) == [guild.id for guild in ready.guilds]
    assert {True} == {guild.unavailable for guild in ready.guilds}


@pytest.mark.parametrize("key", ["session_id", "resume_gateway_url", "user"])
def test_ready_without_what_a_session_needs_is_refused(key: str) -> None:
    """Here we are strict: nothing can be resumed without it."""
    assert key in error("READY", {name: value for name, value in READY.items() if name != key})


@pytest.mark.parametrize("trace", [None, {}, {"_trace": ["x"]}])
def test_resumed_may_carry_anything(trace: object) -> None:
    """Its number is what counts."""
    assert Resumed(7) == event("RESUMED", trace)


def test_a_rate_limit_names_the_request() -> None:
    """Guild and nonce are in the meta data; an opcode whose meta data is not known is a rate limit too."""
    limited = data("RATE_LIMITED", {"opcode": 8, "retry_after": 12.5, "meta": {"guild_id": "40", "nonce": "n1"}})
    other = data("RATE_LIMITED", {"opcode": 3, "retry_after": 2})

    assert (8, 12.5, 40, "n1") == (limited.opcode, limited.retry_after, limited.meta.guild_id, limited.meta.nonce)
    assert (2.0, None) == (other.retry_after, other.meta.nonce)
