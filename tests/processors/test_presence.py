"""Presence: statuses and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from mocha_actors.discord.events import Resumed
from mocha_actors.discord.presence import ListedPresence
from mocha_actors.pipeline.facts import PresenceChanged, PresencesListed, PresenceStatus
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors.presence import listed, translate
from tests.discord.payloads import event

STAMP = Stamp(at_ms=1_790_000_000_000, bound_ms=70, shard=3)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("online", PresenceStatus.ONLINE),
        ("idle", PresenceStatus.IDLE),
        ("dnd", PresenceStatus.DND),
        ("offline", PresenceStatus.OFFLINE),
        ("invisible", PresenceStatus.OFFLINE),
    ],
)
def test_a_presence_is_a_status_in_a_guild(status: str, meaning: PresenceStatus) -> None:
    """Invisible is offline to everybody else."""
    data = {"user": {"id": "30"}, "guild_id": "10", "status": status, "activities": [{"name": "chess", "type": 0}]}

    facts = translate(event("PRESENCE_UPDATE", data), STAMP)

    assert (PresenceChanged(10, 30, meaning, 3, 1_790_000_000_000, 70),) == facts
    assert "chess" not in repr(facts)


@pytest.mark.parametrize("status", ["away", "", None, 7, ["online"]])
def test_a_status_that_discord_does_not_document_is_ignored(status: object) -> None:
    """Nothing of this event is validated on the other side."""
    assert () == translate(event("PRESENCE_UPDATE", {"user": {"id": "30"}, "guild_id": "10", "status": status}), STAMP)


def test_an_event_of_another_kind_is_a_mistake_in_the_routes() -> None:
    """The processor says what it takes."""
    with pytest.raises(TypeError, match="takes PRESENCE_UPDATE, not RESUMED"):
        translate(Resumed(s=1), STAMP)


def test_a_list_names_those_who_are_online() -> None:
    """Whoever is offline or out of shape is not named; of two presences of one user the last holds."""
    raw = [
        {"user": {"id": "30"}, "status": "dnd"},
        {"user": {"id": "31"}, "status": "offline"},
        {"user": {"id": "32"}, "status": "away"},
        {"user": None, "status": "online"},
        {"user": {"id": "33"}, "status": "idle"},
        {"user": {"id": "33"}, "status": "online"},
    ]

    fact = listed(msgspec.convert(raw, list[ListedPresence]), 10, STAMP)

    assert PresencesListed(10, ((30, 3), (33, 1)), 3, 1_790_000_000_000, 70) == fact
