"""Channels and threads."""

from __future__ import annotations

import pytest

from tests.discord.payloads import data

CHANNEL = {"id": "20", "type": 0, "guild_id": "40", "name": "general", "position": 3, "parent_id": None, "nsfw": False}


@pytest.mark.parametrize("t", ["CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE"])
@pytest.mark.parametrize("type_", [0, 2, 4, 13, 15, 16, 99])
def test_channels_have_a_type_that_may_be_unknown(t: str, type_: int) -> None:
    """Types that do not exist yet are numbers too."""
    channel = data(t, CHANNEL | {"type": type_})

    assert (20, type_, 40, "general", None) == (
        channel.id,
        channel.type,
        channel.guild_id,
        channel.name,
        channel.parent_id,
    )


def test_a_channel_may_have_neither_name_nor_guild() -> None:
    """Direct messages have none."""
    channel = data("CHANNEL_CREATE", {"id": "20", "type": 1, "name": None})

    assert (None, None) == (channel.name, channel.guild_id)


@pytest.mark.parametrize(
    ("said", "new"), [({"newly_created": True}, True), ({"newly_created": False}, False), ({"member": {}}, False)]
)
def test_only_a_newly_created_thread_was_created(said: dict[str, object], new: bool) -> None:
    """The same event comes when the bot is added to an old one."""
    thread = data(
        "THREAD_CREATE", CHANNEL | {"type": 11, "parent_id": "19", "owner_id": "30", "applied_tags": []} | said
    )

    assert (new, 19, 30) == (thread.newly_created, thread.parent_id, thread.owner_id)


def test_a_deleted_thread_still_names_its_parent() -> None:
    """Ids and type is all it says."""
    thread = data("THREAD_DELETE", {"id": "21", "guild_id": "40", "parent_id": "20", "type": 11})

    assert (21, 20, None) == (thread.id, thread.parent_id, thread.name)


def test_threads_that_become_visible_are_not_created() -> None:
    """They come in a list, as channels without any word of being new."""
    sync = data(
        "THREAD_LIST_SYNC",
        {"guild_id": "40", "channel_ids": ["20"], "threads": [CHANNEL | {"type": 12}], "members": []},
    )

    assert (40, [20]) == (sync.guild_id, [thread.id for thread in sync.threads])
    assert not hasattr(sync.threads[0], "newly_created")


def test_an_unarchived_thread_comes_as_an_update() -> None:
    """The whole channel, as it may never have been seen."""
    assert (
        19
        == data(
            "THREAD_UPDATE", CHANNEL | {"type": 11, "parent_id": "19", "thread_metadata": {"archived": False}}
        ).parent_id
    )
