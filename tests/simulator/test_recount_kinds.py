"""Rules of the oracles of what surrounds messages and of members. Every expected value is worked out by hand."""

from __future__ import annotations

from typing import Any

from mocha_actors.simulator.recount_members import Members
from mocha_actors.simulator.recount_talk import Talk

MESSAGE: dict[str, Any] = {"guild_id": "1", "channel_id": "2", "id": "3"}
REACTION: dict[str, Any] = {
    "guild_id": "1",
    "channel_id": "2",
    "message_id": "3",
    "user_id": "4",
    "emoji": {"id": None, "name": "🙂"},
}
ADD, REMOVE = "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE"


def member(user: str = "4", joined: str | None = "2024-01-01T00:00:00.000000+00:00", **fields: Any) -> dict[str, Any]:
    """A member, with its guild."""
    return {"guild_id": "1", "user": {"id": user}, "joined_at": joined, "roles": []} | fields


JOINED_MS = 1_704_067_200_000
"""2024-01-01 00:00 UTC."""


def test_what_is_written_is_measured() -> None:
    """Two words, one link; without content only what needs none is known."""
    talk = Talk()
    talk.describe(
        MESSAGE | {"content": "see https://a.example", "embeds": [{}], "mentions": [], "attachments": []}, reads=True
    )
    talk.describe(MESSAGE | {"id": "5", "content": "", "attachments": [{}, {}]}, reads=True)
    talk.describe(MESSAGE | {"id": "6", "content": "", "interaction_metadata": {"user": {"id": "9"}}}, reads=True)
    talk.describe(MESSAGE | {"id": "7", "content": ""}, reads=True)

    assert talk.details == {
        (1, 3): (0, 1, 0, 1, 21, 2, None, None, 0),
        (1, 5): (2, None, None, None, None, None, None, None, 0),
        (1, 6): (0, None, None, None, None, None, 9, None, 0),
    }


def test_newer_edits_of_known_messages_count() -> None:
    """The same again is none, and an embed is none."""
    talk = Talk()
    stamp = {"edited_timestamp": "2024-01-01T00:00:00.001999+00:00"}
    talk.edit(MESSAGE | stamp, known=True)
    talk.edit(MESSAGE | stamp, known=True)
    talk.edit(MESSAGE | {"edited_timestamp": None}, known=True)
    talk.edit(MESSAGE | stamp | {"id": "5"}, known=False)

    assert talk.details == {(1, 3): (0, None, None, None, None, None, None, JOINED_MS + 1, 1)}


def test_reactions_stand_until_they_are_taken_back_or_cleared_or_their_message_goes() -> None:
    """A super reaction stands beside a normal one."""
    talk = Talk()
    talk.react(ADD, REACTION)
    talk.react(ADD, REACTION | {"burst": True, "member": {"user": {"id": "4", "bot": True}}})
    talk.react(ADD, REACTION | {"emoji": {"id": "7", "name": "cat"}})
    assert talk.reactions == {(1, 3, 4, "🙂", 0): (2, 0), (1, 3, 4, "🙂", 1): (2, 1), (1, 3, 4, "7", 0): (2, 0)}

    talk.react(REMOVE, REACTION)
    talk.react("MESSAGE_REACTION_REMOVE_EMOJI", REACTION | {"emoji": {"id": "7", "name": None}})
    assert talk.reactions.keys() == {(1, 3, 4, "🙂", 1)}

    talk.delete(1, 3)
    assert talk.reactions == {}


def test_members_are_as_they_were_described_last() -> None:
    """Roles in order; whoever left stays gone, whatever is told of the old membership."""
    members = Members()
    members.take("GUILD_MEMBER_ADD", member())
    members.take("GUILD_MEMBER_UPDATE", member(nick="Ace", roles=["9", "8"]))
    assert members.known[1, 4].row() == (0, JOINED_MS, 0, "Ace", ",8,9,")

    members.take("GUILD_MEMBER_REMOVE", member())
    members.take("GUILD_MEMBER_UPDATE", member(nick="late"))
    assert members.known[1, 4].row() == (0, JOINED_MS, 1, "Ace", ",8,9,")

    members.take("GUILD_MEMBER_ADD", member(joined="2024-01-01T00:00:03.000000+00:00"))
    assert members.known[1, 4].row() == (0, JOINED_MS + 3_000, 0, None, "")


def test_who_is_missing_in_a_complete_list_has_left() -> None:
    """A list is complete if it names as many as there are."""
    members = Members()
    members.take("GUILD_MEMBER_ADD", member("5"))
    guild = {"id": "1", "members": [member("4")]}
    members.take("GUILD_CREATE", guild | {"member_count": 2})
    assert not members.known[1, 5].gone

    members.take("GUILD_CREATE", guild | {"member_count": 1})
    assert members.known[1, 5].gone
    assert not members.known[1, 4].gone


def test_a_leave_of_somebody_unknown_is_known() -> None:
    """Since when he was a member is not."""
    members = Members()
    members.take("GUILD_MEMBER_REMOVE", {"guild_id": "1", "user": {"id": "4", "bot": True}})

    assert members.known[1, 4].row() == (1, None, 1, None, "")
