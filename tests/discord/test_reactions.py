"""Reactions."""

from __future__ import annotations

import pytest

from tests.discord.payloads import MEMBER, data, error

REACTION = {
    "user_id": "30",
    "channel_id": "20",
    "message_id": "10",
    "guild_id": "40",
    "emoji": {"id": None, "name": "🔥"},
}


@pytest.mark.parametrize(
    ("emoji", "key"),
    [
        ({"id": None, "name": "🔥"}, (None, "🔥")),
        ({"id": "70", "name": "pepe", "animated": True}, (70, "pepe")),
        ({"id": "70", "name": None}, (70, None)),
    ],
)
def test_an_emoji_is_known_by_its_name_or_by_its_id(
    emoji: dict[str, object], key: tuple[int | None, str | None]
) -> None:
    """Unicode has no id; a deleted custom one has no name."""
    found = data("MESSAGE_REACTION_ADD", REACTION | {"emoji": emoji}).emoji

    assert key == (found.id, found.name)


def test_an_added_reaction_may_name_giver_and_receiver() -> None:
    """The author of old messages, and of webhooks, is not said; super reactions have a type of their own."""
    full = data(
        "MESSAGE_REACTION_ADD",
        REACTION | {"member": MEMBER, "message_author_id": "31", "burst": True, "type": 1, "burst_colors": []},
    )
    bare = data("MESSAGE_REACTION_ADD", REACTION)

    assert (30, 31, True, 1) == (full.member.user.id, full.message_author_id, full.burst, full.type)
    assert (None, None, False, 0) == (bare.member, bare.message_author_id, bare.burst, bare.type)


def test_a_removed_reaction_names_no_member() -> None:
    """Whose it was, and of which type."""
    removed = data("MESSAGE_REACTION_REMOVE", REACTION | {"burst": False, "type": 0})

    assert (30, 10, 0, None) == (removed.user_id, removed.message_id, removed.type, removed.member)


def test_all_reactions_go_without_a_number() -> None:
    """Of the message, or of one emoji."""
    place = {"channel_id": "20", "message_id": "10", "guild_id": "40"}
    every = data("MESSAGE_REACTION_REMOVE_ALL", place)
    one = data("MESSAGE_REACTION_REMOVE_EMOJI", place | {"emoji": {"id": "70", "name": "pepe"}})

    assert (10, 40) == (every.message_id, every.guild_id)
    assert (10, 70) == (one.message_id, one.emoji.id)
    assert "emoji" in error("MESSAGE_REACTION_REMOVE_EMOJI", place)
