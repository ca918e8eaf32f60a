"""Reactions (statistics, rules 22 and A3.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace

from mocha_actors.db.bulk import ROWS, SOME, BulkSelect
from mocha_actors.db.connection import Connection
from mocha_actors.db.session import Session
from mocha_actors.discord.snowflake import from_time_ms
from mocha_actors.pipeline.facts import (
    AuthorClass,
    MessagesDeleted,
    ReactionRemoved,
    ReactionsCleared,
)
from tests.db.builders import CHANNEL, GUILD, NOON_MS, USER, message
from tests.db.projections.steps import AUTHOR, DAY_MS, MESSAGE, apply, react, select, verified

DAY = 20_718
HOUR = 497_244
USERS = "SELECT user_id, is_bot, given, removed, received, received_bot, self FROM reaction_user_day ORDER BY user_id, is_bot"


def unreact(user: int = USER, emoji: str = "👍", at_ms: int = NOON_MS + 1, *, burst: bool = False) -> ReactionRemoved:
    """A removal."""
    return ReactionRemoved(GUILD, CHANNEL, MESSAGE, user, emoji, burst, at_ms, 0)


def cleared(emoji: str | None = None) -> ReactionsCleared:
    """All are gone, or all of one emoji."""
    return ReactionsCleared(GUILD, CHANNEL, MESSAGE, emoji, NOON_MS + 2, 0)


def state(session: Session) -> list[tuple[object, ...]]:
    """Who stands with what."""
    return select(session, "SELECT user_id, emoji, burst FROM reaction_state ORDER BY user_id, emoji, burst")


def test_an_add_is_an_event_a_state_and_a_number_in_each_rollup(session: Session) -> None:
    """Given by one, received by another."""
    apply(session, [react(bound_ms=7)])

    event_id = from_time_ms(NOON_MS)
    assert select(session, "SELECT * FROM reaction_events") == [
        (GUILD, event_id, MESSAGE, CHANNEL, USER, AUTHOR, 0, "👍", 0, 0, 0, 7)
    ]
    assert state(session) == [(USER, "👍", 0)]
    assert select(session, "SELECT * FROM reaction_channel_hour") == [(GUILD, HOUR, CHANNEL, 0, 1, 0, 0)]
    assert select(session, "SELECT * FROM reaction_emoji_day") == [(GUILD, DAY, "👍", 0, 1, 0, 0)]
    assert select(session, USERS) == [(USER, 0, 1, 0, 0, 0, 0), (AUTHOR, 0, 0, 0, 1, 0, 0)]


def test_an_add_after_a_removal_is_a_second_add(session: Session) -> None:
    """And the headline number is of adds."""
    apply(session, [react(), unreact(), react(at_ms=NOON_MS + 2)])

    assert select(session, "SELECT added, removed FROM reaction_channel_hour") == [(2, 1)]
    assert state(session) == [(USER, "👍", 0)]


def test_an_add_of_what_stands_and_a_removal_of_what_does_not_are_nothing(session: Session) -> None:
    """In one transaction and over two."""
    apply(session, [react(), react(), unreact(emoji="🎉")])
    apply(session, [react(at_ms=NOON_MS + 9), unreact(user=USER + 1)])

    assert select(session, "SELECT added, removed FROM reaction_channel_hour") == [(1, 0)]


def test_a_super_reaction_stands_beside_a_normal_one(session: Session) -> None:
    """Both count, and it is counted apart too."""
    apply(session, [react(), react(burst=True)])
    apply(session, [unreact(burst=True)])

    assert state(session) == [(USER, "👍", 0)]
    assert select(session, "SELECT added, removed, burst FROM reaction_emoji_day") == [(2, 1, 1)]


def test_a_reaction_to_an_own_message_is_given_and_not_received(session: Session) -> None:
    """It stands under `self` too."""
    apply(session, [react(user=AUTHOR)])

    assert select(session, USERS) == [(AUTHOR, 0, 1, 0, 0, 0, 1)]


def test_what_bots_give_is_received_apart(session: Session) -> None:
    """And stands under the bot's own row."""
    apply(session, [react(is_bot=True)])

    assert select(session, USERS) == [(USER, 1, 1, 0, 0, 0, 0), (AUTHOR, 0, 0, 0, 0, 1, 0)]


def test_the_author_of_a_known_message_receives_though_discord_does_not_say_who_it_is(session: Session) -> None:
    """As for old messages; and that it is a bot is known from the message."""
    apply(session, [message(user=AUTHOR, author=AuthorClass.BOT)])
    apply(session, [react(receiver_id=None)])

    assert select(session, USERS) == [(USER, 0, 1, 0, 0, 0, 0), (AUTHOR, 1, 0, 0, 1, 0, 0)]


def test_nobody_receives_what_a_webhook_is_given(session: Session) -> None:
    """It is no user."""
    apply(session, [message(user=AUTHOR, author=AuthorClass.WEBHOOK)])
    apply(session, [react(receiver_id=None)])

    assert select(session, USERS) == [(USER, 0, 1, 0, 0, 0, 0)]


def test_clearing_removes_each_reaction_that_stands(session: Session) -> None:
    """Those of one emoji, then the rest; each under whoever gave it, and other messages are left alone."""
    apply(session, [react(), react(user=USER + 1), react(emoji="🎉")])
    apply(session, [cleared("👍")])

    assert state(session) == [(USER, "🎉", 0)]
    assert select(session, "SELECT user_id, removed FROM reaction_user_day WHERE removed > 0 ORDER BY user_id") == [
        (USER, 1),
        (USER + 1, 1),
    ]

    apply(session, [cleared()])
    assert state(session) == []
    assert select(session, "SELECT added, removed FROM reaction_channel_hour") == [(3, 3)]


def test_a_deleted_message_takes_its_state_and_leaves_its_adds(session: Session) -> None:
    """It happened, and nobody took anything back."""
    apply(session, [message(user=AUTHOR), react()])
    apply(session, [MessagesDeleted(GUILD, CHANNEL, (MESSAGE,), NOON_MS + 3, 0)])

    assert state(session) == []
    assert select(session, "SELECT added, removed FROM reaction_channel_hour") == [(1, 0)]
    assert len(select(session, "SELECT 1 FROM reaction_events")) == 1


def test_what_is_taken_back_after_its_message_was_deleted_is_nothing(session: Session) -> None:
    """Also in one transaction: the reaction does not stand any more, so nothing is removed and nothing comes back."""
    apply(session, [react(), MessagesDeleted(GUILD, CHANNEL, (MESSAGE,), NOON_MS + 3, 0), unreact(at_ms=NOON_MS + 4)])

    assert state(session) == []
    assert select(session, "SELECT added, removed FROM reaction_channel_hour") == [(1, 0)]


def test_events_of_one_millisecond_have_ids_of_their_own(session: Session) -> None:
    """Also over transactions."""
    apply(session, [react(), react(emoji="🎉")])
    apply(session, [react(emoji="🔥")])

    first = from_time_ms(NOON_MS)
    assert select(session, "SELECT id FROM reaction_events ORDER BY id") == [(first,), (first + 1,), (first + 2,)]


def test_the_name_of_a_custom_emoji_follows_the_time_of_the_fact(session: Session) -> None:
    """An older one never replaces a newer one; one that stays is confirmed once a day. A Unicode emoji has no name."""
    apply(session, [react(emoji="7", emoji_name="cat"), react(emoji="👍")])
    apply(session, [react(user=USER + 1, emoji="7", emoji_name="dog", at_ms=NOON_MS - 1)])
    assert select(session, "SELECT emoji, name, seen_ms FROM emojis") == [("7", "cat", NOON_MS)]

    apply(session, [react(user=USER + 2, emoji="7", emoji_name="cat", at_ms=NOON_MS + DAY_MS)])
    assert select(session, "SELECT name, seen_ms FROM emojis") == [("cat", NOON_MS + DAY_MS)]
    assert verified(session).differences == ()


def test_what_stands_is_looked_up_by_hundreds_and_found(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement for each message was a third of what a reaction cost. Everybody adds again what stands, and takes it back."""
    people = [(MESSAGE + each, USER + each) for each in range(3 * ROWS + SOME + 1)]
    added = [replace(react(), message_id=message_id, user_id=user) for message_id, user in people]
    apply(session, added)
    looked_up: list[int] = []
    rows = BulkSelect.rows

    def counted(self: BulkSelect, connection: Connection, keys: Sequence[tuple[object, ...]]) -> Iterator[object]:
        execute = type(connection).execute
        with monkeypatch.context() as patch:
            patch.setattr(type(connection), "execute", lambda *arguments: (looked_up.append(1), execute(*arguments))[1])
            yield from rows(self, connection, keys)

    monkeypatch.setattr(BulkSelect, "rows", counted)
    apply(session, [*added, *(replace(unreact(), message_id=message_id, user_id=user) for message_id, user in people)])

    assert len(looked_up) == 3 + 2
    assert state(session) == []
    assert select(session, "SELECT added, removed FROM reaction_channel_hour") == [(len(people), len(people))]
