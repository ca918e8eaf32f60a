"""Presence, of which nothing is validated by whoever sends it."""

from __future__ import annotations

import pytest

from tests.discord.payloads import data, error


@pytest.mark.parametrize("status", ["online", "idle", "dnd", "offline", "invisible"])
def test_a_documented_status_is_known(status: str) -> None:
    """These are all."""
    presence = data("PRESENCE_UPDATE", {"user": {"id": "30"}, "guild_id": "40", "status": status, "activities": []})

    assert (30, 40, status) == (presence.user.id, presence.guild_id, presence.known_status)


@pytest.mark.parametrize("status", [None, 5, "dancing", ["online"], {"x": 1}, True])
def test_any_other_status_is_none(status: object) -> None:
    """It is no reason to lose the event."""
    wild = {
        "user": {"id": 30, "username": 5},
        "guild_id": "40",
        "status": status,
        "activities": "?",
        "client_status": 1,
    }

    assert data("PRESENCE_UPDATE", wild).known_status is None


def test_two_ids_are_all_that_is_needed() -> None:
    """Everything else may be missing."""
    assert data("PRESENCE_UPDATE", {"user": {"id": "30"}, "guild_id": "40"}).known_status is None


@pytest.mark.parametrize("wild", [{"guild_id": "40"}, {"user": {"id": "30"}}, {"user": "who", "guild_id": "40"}])
def test_without_them_the_event_is_refused(wild: dict[str, object]) -> None:
    """It becomes a dead letter; its neighbours do not."""
    assert error("PRESENCE_UPDATE", wild)
