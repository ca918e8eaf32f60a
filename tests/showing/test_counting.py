"""What an answer counts, in words: nothing that restricts it is left unsaid."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from mocha_actors.showing.counting import counted
from mocha_actors.stats.questions import Filters
from mocha_actors.stats.results import GuildSettings

BARE: Final = GuildSettings(guild_id=900)
IGNORING: Final = GuildSettings(guild_id=900, ignored_channel_id=(50, 51), ignored_user_id=(3,))


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({}, "humans"),
        ({"include_bots": True, "include_webhooks": True}, "humans, bots, webhooks"),
        ({"channels": (50,), "categories": (70,)}, "humans in tea (50), 70"),
        ({"users": (1, 2)}, "humans; only Ada (1), 2"),
        ({"roles": (81,)}, "humans; only holders of role 81"),
        ({"users": (1, 2, 3, 4, 5, 6, 7)}, "humans; only Ada (1), 2, 3, 4, 5 and 2 more"),
        (
            {"exclude_deleted": True, "include_left": False},
            "humans; without deleted messages; those who left are not listed",
        ),
        (
            {"exclude_afk": False, "exclude_deaf": True},
            "humans; with voice in the AFK channel; without voice of the deafened",
        ),
    ],
)
def test_each_filter_is_said(filters: dict[str, Any], words: str) -> None:
    """By name where one is known."""
    assert counted(Filters(**filters), BARE, {50: "tea", 1: "Ada"}) == words


def test_no_filter_is_forgotten() -> None:
    """One that is added to the questions has to be said too."""
    usual = Filters()
    for field in msgspec.structs.fields(Filters):
        value = getattr(usual, field.name)
        changed = msgspec.structs.replace(usual, **{field.name: (7,) if value == () else not value})
        assert counted(changed, IGNORING, {}) != counted(usual, IGNORING, {}), field.name


def test_what_the_settings_ignore_is_said() -> None:
    """And when it is counted in spite of them."""
    assert counted(Filters(), IGNORING, {}) == "humans; 2 channels, 1 user ignored by the settings"
    assert counted(Filters(include_ignored=True), IGNORING, {}).endswith(
        "1 user counted though the settings ignore them"
    )
