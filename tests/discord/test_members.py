"""Members, users and bans."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.discord.payloads import BOT, MEMBER, USER, data, error


def test_a_new_member_has_a_guild_and_may_be_pending() -> None:
    """Screening comes after the join."""
    member = data("GUILD_MEMBER_ADD", MEMBER | {"guild_id": "40", "pending": True})

    assert (40, 30, True, [50, 51]) == (member.guild_id, member.user.id, member.pending, member.roles)
    assert datetime(2024, 2, 29, 12, 0, 0, 123_000, UTC) == member.joined_at


def test_a_changed_member_may_lack_almost_everything() -> None:
    """Null where it does not apply, absent where Discord saves it; absent is not False."""
    update = {"guild_id": "40", "user": BOT, "roles": [], "nick": None, "joined_at": None}
    member = data("GUILD_MEMBER_UPDATE", update)

    assert (None, None, None, True) == (member.nick, member.joined_at, member.pending, member.user.bot)


def test_a_member_without_user_or_guild_is_refused() -> None:
    """Nobody could say who joined what."""
    assert "user" in error("GUILD_MEMBER_ADD", {"guild_id": "40", "roles": []})
    assert "guild_id" in error("GUILD_MEMBER_ADD", MEMBER)


def test_whoever_leaves_is_named() -> None:
    """A kick and a ban look the same, the ban follows as an event of its own."""
    for t in ("GUILD_MEMBER_REMOVE", "GUILD_BAN_ADD", "GUILD_BAN_REMOVE"):
        left = data(t, {"guild_id": "40", "user": USER})
        assert (40, 30, "ada") == (left.guild_id, left.user.id, left.user.username)


def test_an_entry_of_the_audit_log_may_have_no_actor_and_no_target() -> None:
    """Discord acts by itself, and some actions concern nobody."""
    kick = data("GUILD_AUDIT_LOG_ENTRY_CREATE", {
        "id": "9", "guild_id": "40", "action_type": 20, "user_id": "31", "target_id": "30", "options": {"x": 1},
    })  # fmt: skip
    prune = data(
        "GUILD_AUDIT_LOG_ENTRY_CREATE",
        {"id": "9", "guild_id": "40", "action_type": 21, "user_id": None, "target_id": None},
    )

    assert (20, 31, 30) == (kick.action_type, kick.user_id, kick.target_id)
    assert (None, None) == (prune.user_id, prune.target_id)


def test_a_chunk_says_which_part_of_which_answer_it_is() -> None:
    """Ids that are not found come back as they were sent, be they ids or not; presences are not read."""
    chunk = data("GUILD_MEMBERS_CHUNK", {
        "guild_id": "40", "members": [MEMBER], "chunk_index": 1, "chunk_count": 3, "not_found": ["77", "nobody"], "nonce": "n1",
        "presences": [{"user": 5}],
    })  # fmt: skip
    plain = data("GUILD_MEMBERS_CHUNK", {"guild_id": "40", "members": [], "chunk_index": 0, "chunk_count": 1})

    assert (1, 3, "n1", ["77", "nobody"]) == (chunk.chunk_index, chunk.chunk_count, chunk.nonce, chunk.not_found)
    assert [30] == [member.user.id for member in chunk.members]
    assert (None, []) == (plain.nonce, plain.not_found)


def test_the_own_user_may_change() -> None:
    """Names are history."""
    assert "ada" == data("USER_UPDATE", USER | {"email": None, "mfa_enabled": True}).username
