"""GUILD_CREATE with all that it holds, and what comes after it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.discord.payloads import BOT, MEMBER, USER, data

GUILD: dict[str, Any] = {
    "id": "40", "name": "tea", "icon": None, "owner_id": "30", "afk_channel_id": None, "preferred_locale": "en-US", "features": ["NEWS"],
    "joined_at": "2026-01-01T00:00:00+00:00", "large": False, "member_count": 7, "members": [MEMBER], "presences": [], "threads": [],
    "channels": [{"id": "20", "type": 0, "name": "general", "parent_id": "19", "last_message_id": 5}], "voice_states": [],
    "stage_instances": [], "guild_scheduled_events": [], "soundboard_sounds": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "meant"), [({}, None), ({"unavailable": False}, False), ({"unavailable": True}, True)]
)
def test_a_guild_is_joined_back_or_out_of_order(said: dict[str, bool], meant: bool | None) -> None:
    """Absent, false and true are three different things."""
    assert meant is data("GUILD_CREATE", GUILD | said).unavailable


def test_a_guild_in_an_outage_is_an_id_and_nothing_else() -> None:
    """No name is no reason to forget the name."""
    guild = data("GUILD_CREATE", {"id": "40", "unavailable": True})

    assert (40, None, None, []) == (guild.id, guild.name, guild.member_count, guild.members)


def test_the_list_of_members_is_not_the_number_of_members() -> None:
    """It holds some of them, and may hold one twice."""
    guild = data("GUILD_CREATE", GUILD | {"members": [MEMBER, MEMBER]})

    assert (7, [30, 30]) == (guild.member_count, [member.user.id for member in guild.members])


def test_what_a_guild_holds_does_not_repeat_its_id() -> None:
    """Channels, threads and voice states belong to the guild that they stand in; an id may be a number."""
    guild = data("GUILD_CREATE", GUILD | {
        "threads": [{"id": "21", "type": 11, "name": "t", "parent_id": "20", "owner_id": "30", "thread_metadata": {"archived": False}}],
        "voice_states": [{"user_id": "30", "channel_id": "22", "session_id": "v", "deaf": False, "mute": False, "self_deaf": True,
                          "self_mute": True, "self_video": False, "suppress": False, "request_to_speak_timestamp": None}],
    })  # fmt: skip

    assert [(20, 19, None)] == [(each.id, each.parent_id, each.guild_id) for each in guild.channels]
    assert [(21, 20, 30)] == [(each.id, each.parent_id, each.owner_id) for each in guild.threads]
    assert [(30, 22, True, None)] == [
        (each.user_id, each.channel_id, each.self_mute, each.guild_id) for each in guild.voice_states
    ]


def test_a_wild_presence_does_not_spoil_its_guild() -> None:
    """Discord validates nothing of it; one that names nobody is passed over by whoever reads them."""
    wild = [
        {"user": {"id": "30"}, "status": "idle"},
        {"user": "who"},
        {"status": 5},
        {"user": {"id": "31"}, "status": ["x"], "activities": 3},
    ]
    guild = data("GUILD_CREATE", GUILD | {"presences": wild})

    assert [(30, "idle"), (None, None), (None, None), (31, None)] == [
        (each.user_id, each.known_status) for each in guild.presences
    ]


def test_an_update_says_nothing_about_the_members() -> None:
    """It is a profile: what it does not mention is not gone."""
    profile = data(
        "GUILD_UPDATE", {"id": "40", "name": "coffee", "owner_id": "30", "afk_channel_id": "22", "member_count": 9}
    )

    assert ("coffee", 22) == (profile.name, profile.afk_channel_id)
    assert not hasattr(profile, "member_count")


@pytest.mark.parametrize(
    ("said", "outage"), [({}, False), ({"unavailable": False}, False), ({"unavailable": True}, True)]
)
def test_a_guild_that_goes_is_left_unless_it_is_unavailable(said: dict[str, bool], outage: bool) -> None:
    """Only true means an outage."""
    gone = data("GUILD_DELETE", {"id": "40"} | said)

    assert (40, outage) == (gone.id, gone.unavailable)


def test_an_invite_may_have_no_maker() -> None:
    """Vanity addresses and widgets have none."""
    invite = {"code": "abc", "channel_id": "20", "guild_id": "40", "created_at": "2026-01-01T00:00:00+00:00", "uses": 0}
    made, vanity = data("INVITE_CREATE", invite | {"inviter": USER}), data("INVITE_CREATE", invite)
    gone = data("INVITE_DELETE", {"code": "abc", "channel_id": "20"})

    assert (30, None) == (made.inviter.id, vanity.inviter)
    assert ("abc", None) == (gone.code, gone.guild_id)


@pytest.mark.parametrize("type_", [1, 2, 3, 4, 5])
def test_an_interaction_has_a_member_or_a_user_and_never_shows_its_token(type_: int) -> None:
    """In a guild and elsewhere; the token is a secret and is not even read."""
    base = {
        "id": "9",
        "application_id": "31",
        "type": type_,
        "token": "hush",
        "version": 1,
        "authorizing_integration_owners": {},
    }
    inside = data(
        "INTERACTION_CREATE",
        base | {"guild_id": "40", "channel_id": "20", "member": MEMBER, "data": {"id": "8", "name": "roll"}},
    )
    outside = data("INTERACTION_CREATE", base | {"user": BOT, "data": {"custom_id": "ok", "component_type": 2}})

    assert (30, "roll", 40) == (inside.actor.id, inside.data.name, inside.guild_id)
    assert (31, None, None) == (outside.actor.id, outside.data.name, outside.guild_id)
    assert "hush" not in repr(inside) + repr(outside)
