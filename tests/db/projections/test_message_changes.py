"""What becomes of messages: details, edits, deletions (statistics, rules 4, 5 and 23)."""

from __future__ import annotations

import pytest

from mocha_actors.db.session import Session
from mocha_actors.pipeline.facts import MessageDetails, MessageEdited, MessageKind, MessagesDeleted
from tests.db.builders import CHANNEL, GUILD, NOON_MS, message
from tests.db.projections.steps import MESSAGE, apply, select, verified

ROLLUPS = ("user_day", "user_week", "channel_hour", "channel_day", "guild_hour")


def edited(at_ms: int, message_id: int = MESSAGE) -> MessageEdited:
    """An edit."""
    return MessageEdited(GUILD, message_id, CHANNEL, at_ms)


def deleted(*message_ids: int, at_ms: int = NOON_MS + 5) -> MessagesDeleted:
    """A deletion, of one message or of several."""
    return MessagesDeleted(GUILD, CHANNEL, message_ids, at_ms, 0)


def counts(session: Session) -> dict[str, list[tuple[int, ...]]]:
    """Sent and deleted of every rollup."""
    return {table: select(session, f"SELECT sent, deleted FROM {table}") for table in ROLLUPS}


def each(counted: list[tuple[int, int]]) -> dict[str, list[tuple[int, int]]]:
    """The same in every rollup."""
    return dict.fromkeys(ROLLUPS, counted)


def test_details_stand_beside_the_message(session: Session) -> None:
    """Numbers, and null for what is not known."""
    apply(session, [message(), MessageDetails(GUILD, MESSAGE, 2, 1, None, 3, 40, 8, 99)])

    assert select(session, "SELECT * FROM message_details") == [(GUILD, MESSAGE, 2, 1, None, 3, 40, 8, 99, None, 0)]


def test_an_edit_counts_if_it_is_newer_than_the_last(session: Session) -> None:
    """The same edit comes again with an embed; an older one comes late."""
    apply(session, [message(), edited(NOON_MS + 10), edited(NOON_MS + 10)])
    apply(session, [edited(NOON_MS + 5), edited(NOON_MS + 20)])

    assert select(session, "SELECT edited_ms, edits FROM message_details") == [(NOON_MS + 20, 2)]


def test_an_edit_changes_no_count_and_keeps_the_details(session: Session) -> None:
    """Rule 4."""
    apply(session, [message(), MessageDetails(GUILD, MESSAGE, 1, length=7)])
    before = counts(session)
    apply(session, [edited(NOON_MS + 1)])

    assert counts(session) == before
    assert select(session, "SELECT attachments, length, edits FROM message_details") == [(1, 7, 1)]


def test_an_edit_of_an_unknown_message_is_nothing(session: Session) -> None:
    """It was sent before anybody looked."""
    apply(session, [edited(NOON_MS)])

    assert select(session, "SELECT * FROM message_details") == []


def test_a_deletion_is_counted_beside_what_was_sent_in_every_rollup(session: Session) -> None:
    """Nothing is decremented; the time of the deletion is kept."""
    apply(session, [message()])
    apply(session, [deleted(MESSAGE)])

    assert counts(session) == each([(1, 1)])
    assert select(session, "SELECT deleted_ms FROM message_events") == [(NOON_MS + 5,)]


def test_a_deletion_in_the_transaction_of_the_message_is_counted(session: Session) -> None:
    """As when a bot removes spam at once."""
    apply(session, [message(), deleted(MESSAGE)])

    assert counts(session) == each([(1, 1)])


def test_what_is_said_of_a_message_before_it_is_sent_is_about_an_unknown_one(session: Session) -> None:
    """As it would be in two transactions."""
    apply(session, [deleted(MESSAGE), edited(NOON_MS), message()])

    assert counts(session) == each([(1, 0)])
    assert select(session, "SELECT * FROM message_details") == []


def test_many_messages_deleted_at_once_are_counted_once_each(session: Session) -> None:
    """Unknown ids are nothing, and so is a second deletion, whose time does not replace the first."""
    sent = [message(n) for n in range(3)]
    apply(session, sent)
    apply(
        session,
        [deleted(*(one.message_id for one in sent[:2]), 12345), deleted(sent[0].message_id, at_ms=NOON_MS + 9)],
    )
    apply(session, [deleted(*(one.message_id for one in sent[:2]), at_ms=NOON_MS + 99)])

    assert counts(session) == each([(3, 2)])
    assert select(session, "SELECT deleted_ms FROM message_events ORDER BY message_id") == [
        (NOON_MS + 5,),
        (NOON_MS + 5,),
        (None,),
    ]


def test_the_deletion_of_a_system_message_is_in_no_rollup(session: Session) -> None:
    """As the message itself."""
    apply(session, [message(kind=MessageKind.SYSTEM), deleted(MESSAGE)])

    assert counts(session) == each([])


@pytest.mark.parametrize("late", [[message(7)], [deleted(MESSAGE)]])
def test_what_changes_a_closed_day_marks_it(session: Session, late: list[MessagesDeleted]) -> None:
    """So that its rollup by channel and user is built again; other days and guilds stay as they are."""
    apply(session, [message()])
    with session.transaction() as connection:
        for guild, day in ((GUILD, 20_718), (GUILD, 20_717), (GUILD + 1, 20_718)):
            connection.execute("INSERT INTO closed_days VALUES (?, ?, 0)", (guild, day))
    apply(session, late)

    assert select(session, "SELECT guild_id, day FROM closed_days WHERE dirty = 1") == [(GUILD, 20_718)]


def test_the_guilds_of_which_a_number_changed_are_told(session: Session) -> None:
    """A repetition changes none."""
    assert apply(session, [message(), message(1, guild=GUILD + 1)]) == {GUILD, GUILD + 1}
    assert apply(session, [message()]) == set()
    assert apply(session, [deleted(MESSAGE)]) == {GUILD}
    assert apply(session, [deleted(MESSAGE)]) == set()
    assert verified(session).differences == ()
