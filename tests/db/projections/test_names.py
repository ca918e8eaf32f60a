"""Names follow the time of the fact that told them (statistics, rule A3.18)."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocha_actors.db.projections.names import CONFIRM_MS, NameProjection
from mocha_actors.db.session import Session
from mocha_actors.pipeline.facts import AuthorClass, MessageSent
from tests.db.builders import NOON_MS, USER, message


def learn(session: Session, names: NameProjection, *messages: MessageSent) -> None:
    """Learn from messages in one transaction."""
    with session.transaction() as connection:
        names.apply(connection, messages)


def users(session: Session) -> Sequence[tuple[object, ...]]:
    """The whole table."""
    with session.transaction() as connection:
        return connection.execute("SELECT * FROM users ORDER BY id").fetchall()


def test_the_author_of_a_message_becomes_a_user(session: Session) -> None:
    """With both names, whether it is a bot, and when that was said."""
    learn(session, NameProjection(), message(username="ada", global_name=None, author=AuthorClass.BOT))

    assert users(session) == [(USER, "ada", None, 1, NOON_MS)]


def test_a_webhook_becomes_no_user(session: Session) -> None:
    """Its id is no user's."""
    learn(session, NameProjection(), message(author=AuthorClass.WEBHOOK))

    assert users(session) == []


def test_an_empty_name_is_none(session: Session) -> None:
    """A stub never overwrites a known name."""
    learn(session, NameProjection(), message(), message(at_ms=NOON_MS + 1, username="", global_name=None))

    assert users(session) == [(USER, "ada", "Ada", 0, NOON_MS)]


def test_a_newer_name_replaces_an_older_one(session: Session) -> None:
    """Also within one group."""
    learn(session, NameProjection(), message(), message(at_ms=NOON_MS + 1, username="countess"))

    assert users(session) == [(USER, "countess", "Ada", 0, NOON_MS + 1)]


def test_an_older_fact_never_overwrites_a_newer_name(session: Session) -> None:
    """Neither from memory nor from the table."""
    names = NameProjection()
    learn(session, names, message(at_ms=NOON_MS + 1000, username="countess"))
    learn(session, names, message(username="ada"))
    learn(session, NameProjection(), message(username="ada"))

    assert users(session) == [(USER, "countess", "Ada", 0, NOON_MS + 1000)]


def test_a_name_that_stays_is_confirmed_once_a_day(session: Session) -> None:
    """Each repetition would cost a row a message."""
    names = NameProjection()
    learn(session, names, message(), message(at_ms=NOON_MS + CONFIRM_MS - 1))
    assert users(session) == [(USER, "ada", "Ada", 0, NOON_MS)]

    learn(session, names, message(at_ms=NOON_MS + CONFIRM_MS))
    assert users(session) == [(USER, "ada", "Ada", 0, NOON_MS + CONFIRM_MS)]


def test_memory_may_forget(session: Session) -> None:
    """Whoever does not fit into memory is looked up in the table."""
    names = NameProjection(remembered=1)
    learn(session, names, message(user=USER, at_ms=NOON_MS + 5), message(user=USER + 1))
    learn(
        session,
        names,
        message(user=USER, username="older"),
        message(user=USER + 1, at_ms=NOON_MS + 5, username="newer"),
    )

    assert [(user, name) for user, name, *_ in users(session)] == [(USER, "ada"), (USER + 1, "newer")]


said = st.tuples(st.integers(0, 2), st.integers(0, 3 * CONFIRM_MS), st.sampled_from(["ada", "countess", ""]))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(said, max_size=12), cut=st.integers(0, 12))
def test_how_facts_are_cut_into_groups_makes_no_difference(
    session: Session, history: list[tuple[int, int, str]], cut: int
) -> None:
    """One group, two groups with a restart between, or one fact at a time: the same table."""
    facts = [
        message(n, at_ms=NOON_MS + after, user=USER + user, username=name)
        for n, (user, after, name) in enumerate(history)
    ]
    tables = []
    for groups in ([facts], [facts[:cut], facts[cut:]], [[fact] for fact in facts]):
        with session.transaction() as connection:
            connection.execute("DELETE FROM users")
            for group in groups:
                NameProjection().apply(connection, group)
        tables.append(users(session))

    assert tables[0] == tables[1] == tables[2]
