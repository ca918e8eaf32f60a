"""Members as Discord sends them."""

from __future__ import annotations

from typing import Any

import pytest

from mocha_actors.discord.events import Resumed
from mocha_actors.pipeline.facts import MemberJoined, MemberLeft, MemberRemoved, MembersSeen, Profile
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors.member import translate
from tests.discord.payloads import BOT, MEMBER, USER, event

STAMP = Stamp(at_ms=1_000, bound_ms=5, shard=0)
JOINED_MS = 1_709_208_000_123
"""2024-02-29 12:00:00.123 UTC."""

ADA = Profile(30, "ada", "Ada", False, JOINED_MS, None, (50, 51), False)


def facts(t: str, **fields: Any) -> tuple[Any, ...]:
    """The facts of an event."""
    return translate(event(t, {"guild_id": "1"} | fields), STAMP)


def test_who_joins_is_described() -> None:
    """With the time at which it was, and when that was told."""
    assert facts("GUILD_MEMBER_ADD", **MEMBER) == (MemberJoined(1, ADA, 1_000, 5),)


def test_an_update_and_a_chunk_are_no_joins() -> None:
    """They say how members are; one without user cannot be told."""
    assert facts("GUILD_MEMBER_UPDATE", **MEMBER) == (MembersSeen(1, (ADA,), 1_000),)
    chunk = {"members": [MEMBER, MEMBER | {"user": None}], "chunk_index": 0, "chunk_count": 1}
    assert facts("GUILD_MEMBERS_CHUNK", **chunk) == (MembersSeen(1, (ADA,), 1_000),)
    assert facts("GUILD_MEMBERS_CHUNK", members=[], chunk_index=0, chunk_count=1) == ()


def test_a_leave_says_who_and_whether_it_is_a_bot() -> None:
    """Why, other events say."""
    assert facts("GUILD_MEMBER_REMOVE", user=USER) == (MemberLeft(1, 30, False, 1_000, 5),)
    assert facts("GUILD_MEMBER_REMOVE", user=BOT) == (MemberLeft(1, 31, True, 1_000, 5),)


def test_a_ban_is_told_by_its_event() -> None:
    """At its receipt."""
    assert facts("GUILD_BAN_ADD", user=USER) == (MemberRemoved(1, 30, 2, 1_000, 5),)


@pytest.mark.parametrize(("action", "reason"), [(20, 1), (22, 2)])
def test_kicks_and_bans_are_told_by_the_audit_log(action: int, reason: int) -> None:
    """Whose entries have a time of their own."""
    entry_id = (1_700_000_000_000 - 1_420_070_400_000) << 22
    assert facts("GUILD_AUDIT_LOG_ENTRY_CREATE", id=str(entry_id), action_type=action, target_id="30") == (
        MemberRemoved(1, 30, reason, 1_700_000_000_000, 0),
    )


@pytest.mark.parametrize("fields", [{"action_type": 1, "target_id": "30"}, {"action_type": 20, "target_id": None}])
def test_other_entries_of_the_audit_log_are_nothing(fields: dict[str, Any]) -> None:
    """Also a kick of nobody."""
    assert facts("GUILD_AUDIT_LOG_ENTRY_CREATE", id="9", **fields) == ()


def test_an_event_of_another_kind_is_a_mistake_in_the_routes() -> None:
    """The processor says what it takes."""
    with pytest.raises(TypeError, match="takes no RESUMED"):
        translate(Resumed(s=1), STAMP)
