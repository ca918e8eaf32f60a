"""Reactions as Discord sends them."""

from __future__ import annotations

from typing import Any

import pytest

from mocha_actors.discord.events import Resumed
from mocha_actors.errors import DataError
from mocha_actors.pipeline.facts import ReactionAdded, ReactionRemoved, ReactionsCleared
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors.reaction import translate
from tests.discord.payloads import BOT, MEMBER, event

STAMP = Stamp(at_ms=1_000, bound_ms=5, shard=0)
PLACE: dict[str, Any] = {"guild_id": "1", "channel_id": "2", "message_id": "3"}
SMILE: dict[str, Any] = {"id": None, "name": "🙂"}


def facts(t: str, **fields: Any) -> tuple[Any, ...]:
    """The facts of an event with these fields; one of None is left out."""
    return translate(event(t, {key: value for key, value in (PLACE | fields).items() if value is not None}), STAMP)


def added(**fields: Any) -> ReactionAdded:
    """The fact of an add."""
    values: dict[str, Any] = {
        "user_id": "4",
        "emoji": SMILE,
        "member": MEMBER,
        "message_author_id": "5",
        "burst": False,
        "type": 0,
    }
    (fact,) = facts("MESSAGE_REACTION_ADD", **(values | fields))
    assert isinstance(fact, ReactionAdded)
    return fact


def test_an_add_says_who_gave_what_to_whom() -> None:
    """At the moment of its receipt, which is all there is."""
    assert added() == ReactionAdded(1, 2, 3, 4, "🙂", None, False, 5, False, 1_000, 5)


def test_a_custom_emoji_is_known_by_its_id() -> None:
    """Its name may change, or be gone with it."""
    assert (added(emoji={"id": "7", "name": "cat"}).emoji, added(emoji={"id": "7", "name": "cat"}).emoji_name) == (
        "7",
        "cat",
    )
    assert (added(emoji={"id": "7", "name": None}).emoji, added(emoji={"id": "7", "name": None}).emoji_name) == (
        "7",
        None,
    )


@pytest.mark.parametrize("fields", [{"burst": True}, {"type": 1}])
def test_a_super_reaction_is_told_by_either_of_two_fields(fields: dict[str, Any]) -> None:
    """Old and new."""
    assert added(**fields).burst is True


def test_bots_are_marked_and_what_is_not_said_is_not_known() -> None:
    """Neither the member nor the author is always there."""
    assert added(member=MEMBER | {"user": BOT}).is_bot is True
    assert added(member=None).is_bot is None
    assert added(message_author_id=None).receiver_id is None


def test_a_removal_and_the_two_ways_to_clear() -> None:
    """One, all, or all of one emoji."""
    assert facts("MESSAGE_REACTION_REMOVE", user_id="4", emoji=SMILE) == (
        ReactionRemoved(1, 2, 3, 4, "🙂", False, 1_000, 5),
    )
    assert facts("MESSAGE_REACTION_REMOVE_ALL") == (ReactionsCleared(1, 2, 3, None, 1_000, 5),)
    assert facts("MESSAGE_REACTION_REMOVE_EMOJI", emoji=SMILE) == (ReactionsCleared(1, 2, 3, "🙂", 1_000, 5),)


def test_direct_messages_are_not_recorded() -> None:
    """They have no guild."""
    assert facts("MESSAGE_REACTION_ADD", guild_id=None, user_id="4", emoji=SMILE) == ()


def test_an_emoji_without_id_and_name_is_a_defect_of_the_data() -> None:
    """It becomes a dead letter, not a key of nothing."""
    with pytest.raises(DataError, match="neither id nor name"):
        added(emoji={"id": None, "name": None})


def test_an_event_of_another_kind_is_a_mistake_in_the_routes() -> None:
    """The processor says what it takes."""
    with pytest.raises(TypeError, match="takes no RESUMED"):
        translate(Resumed(s=1), STAMP)
