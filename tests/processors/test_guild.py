"""Guilds and channels as Discord sends them."""

from __future__ import annotations

from typing import Any

import pytest

from mocha_actors.discord.events import Resumed
from mocha_actors.pipeline.facts import (
    ChannelDeleted,
    ChannelsSeen,
    GuildGone,
    GuildSeen,
    MembersListed,
    MembersSeen,
    Place,
    PresencesListed,
    VoiceListed,
)
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors.guild import MEMBERS_OF_FACT, translate
from tests.discord.payloads import BOT, MEMBER, event

STAMP = Stamp(at_ms=1_000, bound_ms=5, shard=3)
GUILD: dict[str, Any] = {
    "id": "1", "name": "Otters", "owner_id": "30", "afk_channel_id": "22", "member_count": 9, "joined_at": "2024-02-29T12:00:00.123000+00:00",
    "channels": [{"id": "20", "type": 0, "name": "general", "parent_id": None}, {"id": "22", "type": 2, "name": "away"}],
    "threads": [{"id": "21", "type": 11, "name": "help", "parent_id": "20", "owner_id": "30"}],
    "members": [MEMBER, MEMBER | {"user": BOT}, MEMBER],
    "voice_states": [{"user_id": "30", "channel_id": "22", "session_id": "secret"}],
    "presences": [{"user": {"id": "30"}, "status": "idle"}, {"user": {"id": "31"}, "status": "offline"}],
}  # fmt: skip


def facts(t: str, d: dict[str, Any]) -> tuple[Any, ...]:
    """The facts of an event."""
    return translate(event(t, d), STAMP)


def test_guild_create_is_everything_at_once() -> None:
    """The guild, its channels and threads, its members, who is in voice, who is online."""
    seen, channels, members, voice, presences = facts("GUILD_CREATE", GUILD)

    assert seen == GuildSeen(1, "Otters", 30, 22, 9, 1_709_208_000_123, 3, 1_000)
    assert channels == ChannelsSeen(
        1,
        (
            Place(20, 0, "general", None, None),
            Place(22, 2, "away", None, None),
            Place(21, 11, "help", 20, 30),
        ),
        True,
        1_000,
    )
    assert isinstance(members, MembersSeen)
    assert [(each.user_id, each.is_bot) for each in members.members] == [(30, False), (31, True)]
    assert isinstance(voice, VoiceListed)
    assert [(state.user_id, state.channel_id, state.guild_id) for state in voice.states] == [(30, 22, 1)]
    assert presences == PresencesListed(1, ((30, 2),), 3, 1_000, 5)


def test_a_list_of_all_members_is_said_to_be_complete() -> None:
    """It names two, one of them twice: that is as many as there are."""
    assert facts("GUILD_CREATE", GUILD | {"member_count": 2})[-1] == MembersListed(1, (30, 31), 1_000)
    assert not any(isinstance(fact, MembersListed) for fact in facts("GUILD_CREATE", GUILD | {"member_count": 3}))


def test_many_members_are_several_facts() -> None:
    """Each fits into a transaction; nobody is lost at the cuts."""
    count = 2 * MEMBERS_OF_FACT + 1
    members = [MEMBER | {"user": {"id": str(1000 + n), "username": "x"}} for n in range(count)]
    chunks = [fact for fact in facts("GUILD_CREATE", GUILD | {"members": members}) if isinstance(fact, MembersSeen)]

    assert [len(chunk.members) for chunk in chunks] == [MEMBERS_OF_FACT, MEMBERS_OF_FACT, 1]
    assert [each.user_id for chunk in chunks for each in chunk.members] == [1000 + n for n in range(count)]


def test_without_the_intent_nobody_is_said_to_be_offline() -> None:
    """No presences at all are sent then."""
    assert not any(isinstance(fact, PresencesListed) for fact in facts("GUILD_CREATE", GUILD | {"presences": []}))


@pytest.mark.parametrize(
    ("t", "data", "outage"),
    [
        ("GUILD_CREATE", {"id": "1", "unavailable": True}, True),
        ("GUILD_DELETE", {"id": "1", "unavailable": True}, True),
        ("GUILD_DELETE", {"id": "1"}, False),
    ],
)
def test_an_outage_is_no_goodbye(t: str, data: dict[str, Any], outage: bool) -> None:
    """Only a deletion without the flag is."""
    assert facts(t, data) == (GuildGone(1, outage, 1_000, 5),)


def test_an_update_says_no_count_of_members() -> None:
    """Nor when the bot joined; during an outage it says nothing."""
    assert facts("GUILD_UPDATE", {"id": "1", "name": "Badgers", "owner_id": "30"}) == (
        GuildSeen(1, "Badgers", 30, None, None, None, 3, 1_000),
    )
    assert facts("GUILD_UPDATE", {"id": "1"}) == ()


@pytest.mark.parametrize("t", ["CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE"])
def test_a_channel_or_thread_is_seen(t: str) -> None:
    """And is not all there is."""
    data = {"id": "20", "type": 0, "guild_id": "1", "name": "general", "parent_id": "9"}
    assert facts(t, data) == (ChannelsSeen(1, (Place(20, 0, "general", 9, None),), False, 1_000),)


def test_a_deletion_teaches_the_parent() -> None:
    """THREAD_DELETE says ids and type only."""
    assert facts("CHANNEL_DELETE", {"id": "20", "type": 0, "guild_id": "1", "name": "general"}) == (
        ChannelDeleted(1, Place(20, 0, "general", None, None), 1_000, 5),
    )
    assert facts("THREAD_DELETE", {"id": "21", "type": 11, "guild_id": "1", "parent_id": "20"}) == (
        ChannelDeleted(1, Place(21, 11, None, 20, None), 1_000, 5),
    )


def test_threads_that_become_visible_are_seen() -> None:
    """None of them is new by that, and none of the others is gone."""
    data = {"guild_id": "1", "threads": [{"id": "21", "type": 11, "name": "help", "parent_id": "20"}]}
    assert facts("THREAD_LIST_SYNC", data) == (ChannelsSeen(1, (Place(21, 11, "help", 20, None),), False, 1_000),)


def test_channels_of_direct_messages_are_not_recorded() -> None:
    """They have no guild."""
    assert facts("CHANNEL_CREATE", {"id": "20", "type": 1}) == ()


def test_an_event_of_another_kind_is_a_mistake_in_the_routes() -> None:
    """The processor says what it takes."""
    with pytest.raises(TypeError, match="takes no RESUMED"):
        translate(Resumed(s=1), STAMP)
