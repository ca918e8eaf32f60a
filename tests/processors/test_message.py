"""Messages: who stands behind one, and what it counts as."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mocha_actors.discord.decode import EventDecoder
from mocha_actors.discord.events import FullMessageCreate, Message, MessageCreate, Resumed, User
from mocha_actors.discord.messages import FullMessage, Invocation, Present
from mocha_actors.pipeline.facts import (
    AuthorClass,
    MessageDetails,
    MessageEdited,
    MessageKind,
    MessagesDeleted,
    MessageSent,
)
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors.message import translate
from tests.discord.payloads import event

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


def full(**fields: object) -> tuple[Any, ...]:
    """The facts of a message whose content may be read."""
    values = {"id": 10, "channel_id": 20, "guild_id": 30, "author": User(id=40)} | fields
    return translate(FullMessageCreate(s=1, d=FullMessage(**values)), STAMP)  # type: ignore[arg-type]


def test_what_is_written_is_measured_and_not_kept() -> None:
    """Characters, words and links of the text; how many of the rest (rule 23)."""
    text = "two links: https://a.example and http://b.example/x?y=z, no ftp://c"
    _, details = full(content=text, attachments=[Present()], embeds=[Present(), Present()], mentions=[Present()])

    assert details == MessageDetails(30, 10, 1, 2, 1, 2, len(text), 7, None)
    assert text not in repr(FullMessage(id=1, channel_id=2, author=User(id=3), content=text))


def test_without_text_and_embeds_the_content_may_be_kept_from_the_bot() -> None:
    """Then it is not known, rather than 0; attachments are."""
    assert full(content="", attachments=[Present()])[1:] == (MessageDetails(30, 10, 1),)
    assert full(content="")[1:] == ()


def test_who_used_the_command_that_a_message_answers_is_recorded() -> None:
    """Beside the bot that answers (rule 3)."""
    message = Message(
        id=10, channel_id=20, guild_id=30, author=User(id=40, bot=True), type=20, webhook_id=7, application_id=7,
        interaction_metadata=Invocation(User(id=50)),
    )  # fmt: skip
    fact, details = translate(MessageCreate(s=1, d=message), STAMP)

    assert isinstance(fact, MessageSent)
    assert (fact.author_class, fact.kind) == (AuthorClass.BOT, MessageKind.COMMAND)
    assert details == MessageDetails(30, 10, 0, invoker_id=50)


def test_an_update_is_an_edit_only_if_it_says_when() -> None:
    """It also comes for embeds, pins and threads (rule 4)."""
    place = {"id": "10", "channel_id": "20", "guild_id": "30"}
    edit = event("MESSAGE_UPDATE", place | {"edited_timestamp": "2024-02-29T12:00:00.123999+00:00"})

    assert translate(edit, STAMP) == (MessageEdited(30, 10, 20, 1_709_208_000_123),)
    assert translate(event("MESSAGE_UPDATE", place | {"edited_timestamp": None}), STAMP) == ()
    assert translate(event("MESSAGE_UPDATE", {"id": "10", "channel_id": "20", "pinned": True}), STAMP) == ()


def test_a_deletion_takes_one_message_or_many() -> None:
    """At the moment of its receipt; direct messages were never stored."""
    stamp = Stamp(1_000, 5, 0)
    one = event("MESSAGE_DELETE", {"id": "10", "channel_id": "20", "guild_id": "30"})
    many = event("MESSAGE_DELETE_BULK", {"ids": ["12", "11", "12"], "channel_id": "20", "guild_id": "30"})

    assert translate(one, stamp) == (MessagesDeleted(30, 20, (10,), 1_000, 5),)
    assert translate(many, stamp) == (MessagesDeleted(30, 20, (11, 12), 1_000, 5),)
    assert translate(event("MESSAGE_DELETE", {"id": "10", "channel_id": "20"}), stamp) == ()


def test_content_is_decoded_with_its_intent_alone() -> None:
    """Whoever has it not pays nothing for it."""
    frame = b'{"t":"MESSAGE_CREATE","s":1,"op":0,"d":{"id":"1","channel_id":"2","author":{"id":"3"},"content":"hi"}}'
    ((plain,),) = EventDecoder([MessageCreate]).decode(frame).pieces
    ((read,),) = EventDecoder([MessageCreate], content=True).decode(frame).pieces

    assert type(plain) is MessageCreate
    assert isinstance(read, FullMessageCreate)
    assert read.d.content == "hi"
