"""Messages: what is read of them, and what of it may be missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.discord.payloads import BOT, USER, data, error

MESSAGE: dict[str, Any] = {
    "id": "10", "channel_id": "20", "author": USER, "content": "hi", "timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": None,
    "tts": False, "mention_everyone": False, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "pinned": False,
    "type": 0, "nonce": 5, "guild_id": "40", "member": {"roles": [], "joined_at": None, "nick": None},
}  # fmt: skip


def test_a_message_without_guild_is_direct_or_ephemeral() -> None:
    """Nothing else tells the two apart, and neither is stored."""
    message = data(
        "MESSAGE_CREATE", {key: value for key, value in MESSAGE.items() if key not in {"guild_id", "member"}}
    )

    assert message.guild_id is None


def test_an_author_may_be_a_webhook() -> None:
    """Then there is no member, and an application only if the webhook belongs to one."""
    webhook = {"id": "60", "username": "news", "avatar": None, "discriminator": "0000", "bot": True}
    message = data("MESSAGE_CREATE", MESSAGE | {"author": webhook, "webhook_id": "60"})
    reply = data("MESSAGE_CREATE", MESSAGE | {"author": BOT, "webhook_id": "31", "application_id": "31"})

    assert (60, None) == (message.webhook_id, message.application_id)
    assert (31, 31) == (reply.webhook_id, reply.application_id)


@pytest.mark.parametrize("nonce", [7, "7", "seven", None])
def test_a_nonce_may_be_a_number_or_a_string(nonce: object) -> None:
    """It belongs to the sender; nobody here reads it."""
    assert 10 == data("MESSAGE_CREATE", MESSAGE | {"nonce": nonce}).id


def test_ids_may_be_numbers() -> None:
    """Strings are the rule; numbers have been seen."""
    message = data("MESSAGE_CREATE", MESSAGE | {"id": 10, "channel_id": 20, "guild_id": 40})

    assert (10, 20, 40) == (message.id, message.channel_id, message.guild_id)


def test_an_unknown_type_is_kept_as_a_number() -> None:
    """Discord adds types without warning."""
    assert 4711 == data("MESSAGE_CREATE", MESSAGE | {"type": 4711}).type


def test_a_name_that_reads_null_is_a_name() -> None:
    """Strings stand for numbers where numbers are expected, and for nothing else."""
    author = data("MESSAGE_CREATE", MESSAGE | {"author": {"id": "1", "username": "null", "global_name": "null"}}).author

    assert ("null", "null") == (author.username, author.global_name)


@pytest.mark.parametrize("key", ["id", "channel_id", "author"])
def test_a_message_without_its_keys_is_refused(key: str) -> None:
    """Where it is, whose it is and which it is: without these it cannot be stored."""
    assert key in error("MESSAGE_CREATE", {name: value for name, value in MESSAGE.items() if name != key})


def test_content_is_not_even_read() -> None:
    """It cannot leak from where it never was; the same holds for everything else that a message carries."""
    assert "secret" not in repr(
        data("MESSAGE_CREATE", MESSAGE | {"content": "secret", "embeds": [{"title": "secret"}]})
    )


def test_an_update_may_be_partial_and_is_an_edit_only_with_a_time_of_it() -> None:
    """An embed that unfolds comes as an update too, without author, type or time of edit."""
    assert data("MESSAGE_UPDATE", {"id": "10", "channel_id": "20", "embeds": [{}]}).edited_timestamp is None
    assert data("MESSAGE_UPDATE", MESSAGE | {"edited_timestamp": None}).edited_timestamp is None


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-01-01T00:00:09+00:00", 0),
        ("2026-01-01T00:00:09.5+00:00", 500_000),
        ("2026-01-01T00:00:09.123456+00:00", 123_456),
        ("2026-01-01T02:00:09+02:00", 0),
        ("2026-01-01T00:00:09Z", 0),
    ],
)
def test_times_may_have_microseconds_and_any_offset(text: str, microsecond: int) -> None:
    """The same object comes in either form."""
    edited = data("MESSAGE_UPDATE", MESSAGE | {"edited_timestamp": text}).edited_timestamp

    assert datetime(2026, 1, 1, 0, 0, 9, microsecond, UTC) == edited


def test_a_time_without_offset_is_refused() -> None:
    """It would be taken for local time."""
    assert "timezone" in error("MESSAGE_UPDATE", MESSAGE | {"edited_timestamp": "2026-01-01T00:00:09"})


def test_deletes_name_ids_and_nothing_else() -> None:
    """One or many; in direct messages without a guild."""
    one = data("MESSAGE_DELETE", {"id": "10", "channel_id": "20"})
    many = data("MESSAGE_DELETE_BULK", {"ids": ["10", "11"], "channel_id": "20", "guild_id": "40"})

    assert (10, 20, None) == (one.id, one.channel_id, one.guild_id)
    assert ([10, 11], 20, 40) == (many.ids, many.channel_id, many.guild_id)
