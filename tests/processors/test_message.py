"""Messages: who stands behind one, and what it counts as."""

from __future__ import annotations

import msgspec
import pytest

from mocha_actors.discord.events import Message, MessageCreate, Resumed, User
from mocha_actors.pipeline.facts import AuthorClass, MessageKind, MessageSent
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors.message import translate

STAMP = Stamp(at_ms=0, bound_ms=0, shard=0)
"""Not looked at: a message says its time itself."""


def sent(**fields: object) -> MessageSent:
    """The fact of a guild message with these fields."""
    values = {
        "id": 10,
        "channel_id": 20,
        "guild_id": 30,
        "author": User(id=40, username="ann", global_name="Ann"),
    } | fields
    (fact,) = translate(MessageCreate(s=1, d=Message(**values)), STAMP)  # type: ignore[arg-type]
    assert isinstance(fact, MessageSent)
    return fact


def test_a_message_is_a_fact_with_its_place_author_and_names() -> None:
    """Guild, channel, author and names are taken over; the time is in the id."""
    assert MessageSent(30, 10, 20, 40, AuthorClass.HUMAN, MessageKind.MESSAGE, 0, "ann", "Ann") == sent()


@pytest.mark.parametrize(
    ("type_", "kind"),
    [(0, MessageKind.MESSAGE), (19, MessageKind.MESSAGE), (20, MessageKind.COMMAND), (23, MessageKind.COMMAND)]
    + [(type_, MessageKind.SYSTEM) for type_ in (1, 6, 7, 8, 18, 21, 24, 46, 9_999)],
)
def test_messages_and_replies_count_commands_are_apart_and_the_rest_is_system(type_: int, kind: MessageKind) -> None:
    """Rules A.3 and A3.19: unknown types are of kind system."""
    fact = sent(type=type_)

    assert (type_, kind) == (fact.type, fact.kind)


def test_bots_are_recorded_as_bots() -> None:
    """Rule A.1: recorded with a flag, so that questions decide."""
    assert AuthorClass.BOT == sent(author=User(id=40, bot=True)).author_class


@pytest.mark.parametrize(
    ("webhook_id", "application_id", "author_class", "user_id"),
    [
        (7, None, AuthorClass.WEBHOOK, 7),
        (7, 8, AuthorClass.WEBHOOK, 7),
        (7, 7, AuthorClass.BOT, 40),
        (None, 8, AuthorClass.HUMAN, 40),
    ],
)
def test_a_webhook_is_its_own_class_unless_it_is_an_interaction_reply(
    webhook_id: int | None, application_id: int | None, author_class: AuthorClass, user_id: int
) -> None:
    """Rule A3.2: only `webhook_id == application_id` is the bot's own reply; a webhook stands under its own id."""
    fact = sent(webhook_id=webhook_id, application_id=application_id)

    assert (author_class, user_id) == (fact.author_class, fact.user_id)


def test_direct_and_ephemeral_messages_are_no_facts() -> None:
    """Without a guild a message is never stored (A2)."""
    message = Message(id=1, channel_id=2, author=User(id=3))

    assert () == translate(MessageCreate(s=1, d=message), STAMP)


def test_an_event_of_another_kind_is_a_mistake_in_the_routes() -> None:
    """The processor says what it takes."""
    with pytest.raises(TypeError, match="takes no RESUMED"):
        translate(Resumed(s=1), STAMP)


def test_no_content_survives_the_decoding() -> None:
    """The struct has no place for content, so nothing after the decoder can store it (P9)."""
    assert "content" not in msgspec.structs.asdict(Message(id=1, channel_id=2, author=User(id=3)))
