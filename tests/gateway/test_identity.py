"""Who a shard says it is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mocha_actors.config import Secret
from mocha_actors.gateway.identity import Identity, PayloadTooLongError, Session, heartbeat

IDENTITY = Identity(Secret("abc.def"), shard=2, shards=8, intents=513)


def test_no_repr_shows_a_secret() -> None:
    """Neither the token nor a session id (P9)."""
    assert "abc" not in f"{Secret('abc')!r} {Secret('abc')!s} {replace(IDENTITY, token=Secret('abc'))}"
    assert "secret-session" not in repr(Session("secret-session", "wss://x"))


@pytest.mark.parametrize(
    "change",
    [
        {"token": Secret("other")},
        {"shard": 3},
        {"shards": 9},
        {"intents": 1},
        {"large_threshold": 50},
        {"presence": {"status": "idle"}},
    ],
)
def test_whatever_a_resume_cannot_change_is_in_the_fingerprint(change: dict[str, object]) -> None:
    """RESUME keeps the parameters of the first IDENTIFY, so that others need a new session."""
    changed = replace(IDENTITY, **change)  # type: ignore[arg-type]

    assert IDENTITY.fingerprint("wss://a") != changed.fingerprint("wss://a")


def test_the_fingerprint_is_stable_and_knows_the_host() -> None:
    """Another port of the same host is the same Discord; another host is not."""
    assert IDENTITY.fingerprint("ws://127.0.0.1:1") == IDENTITY.fingerprint("ws://127.0.0.1:2/")
    assert IDENTITY.fingerprint("wss://a") != IDENTITY.fingerprint("wss://b")
    assert "abc" not in IDENTITY.fingerprint("wss://a")


def test_payloads_have_the_documented_names() -> None:
    """Snake case (``sessionId`` is refused), properties without a dollar."""
    assert {"op": 6, "d": {"token": "abc.def", "session_id": "s", "seq": 9}} == json.loads(
        IDENTITY.resume(Session("s", "wss://x"), 9)
    )
    assert {"os", "browser", "device"} == set(json.loads(IDENTITY.identify())["d"]["properties"])
    assert "presence" not in json.loads(IDENTITY.identify())["d"]
    assert {"op": 1, "d": None} == json.loads(heartbeat(None))


def test_a_payload_that_discord_would_refuse_is_never_made() -> None:
    """4,096 bytes of UTF-8, not characters."""
    presence = {"activities": [{"name": "ü" * 2000}]}

    with pytest.raises(PayloadTooLongError, match="allowed are 4096"):
        replace(IDENTITY, presence=presence).identify()
