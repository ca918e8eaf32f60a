"""Messages become one raw row each, and are counted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocha_actors.db.projections.messages import MessageProjection
from mocha_actors.db.session import Session
from mocha_actors.pipeline.facts import AuthorClass, MessageKind, MessageSent
from tests.db.builders import CHANNEL, GUILD, NOON_MS, USER, message

HOUR_MS = 3_600_000


def apply(session: Session, projection: MessageProjection, messages: Sequence[MessageSent]) -> None:
    """Apply in one transaction."""
    with session.transaction() as connection:
        projection.apply(connection, messages)


def select(session: Session, sql: str) -> list[tuple[object, ...]]:
    """The result of a query."""
    with session.transaction() as connection:
        return connection.execute(sql).fetchall()


def test_a_message_becomes_a_row(session: Session) -> None:
    """The raw row holds what can be asked for, and no content."""
    sent = message(author=AuthorClass.BOT, kind=MessageKind.COMMAND)
    apply(session, MessageProjection(), [sent])

    assert select(session, "SELECT * FROM message_events") == [(GUILD, sent.message_id, CHANNEL, USER, 1, 1, 0, None)]


def test_a_message_is_counted_once_however_often_it_comes(session: Session) -> None:
    """Twice in a group, again in the next one, again after a restart."""
    projection = MessageProjection()
    apply(session, projection, [message(1), message(1), message(2)])
    apply(session, projection, [message(2), message(3)])
    apply(session, MessageProjection(), [message(1), message(2), message(3)])

    for table in ("user_day", "channel_hour", "guild_hour"):
        assert select(session, f"SELECT sent, deleted FROM {table}") == [(3, 0)]


facts = st.builds(
    message,
    st.integers(0, 3),
    at_ms=st.sampled_from([NOON_MS, NOON_MS + HOUR_MS - 1, NOON_MS + HOUR_MS, NOON_MS + 12 * HOUR_MS]),
    guild=st.sampled_from([GUILD, GUILD + 1]),
    channel=st.sampled_from([CHANNEL, CHANNEL + 1]),
    user=st.sampled_from([USER, USER + 1]),
    author=st.sampled_from(AuthorClass),
    kind=st.sampled_from(MessageKind),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=st.lists(st.tuples(st.lists(facts, max_size=12), st.booleans()), max_size=6))
def test_rollups_equal_a_recount_after_any_groups_and_rollbacks(
    session: Session, groups: list[tuple[list[MessageSent], bool]]
) -> None:
    """Promise P7: random facts, repeated, in random groups of which some fail at the end."""
    projection = MessageProjection()
    truth: dict[tuple[int, int], MessageSent] = {}
    with session.transaction() as connection:
        for table in ("message_events", "user_day", "channel_hour", "guild_hour"):
            connection.execute(f"DELETE FROM {table}")
    for group, fails in groups:
        try:
            with session.transaction() as connection:
                projection.apply(connection, group)
                if fails:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            projection.reset()
        else:
            for fact in group:
                truth.setdefault((fact.guild_id, fact.message_id), fact)

    counted = [fact for fact in truth.values() if fact.kind != MessageKind.SYSTEM]
    by_user = [fact for fact in counted if fact.author_class != AuthorClass.WEBHOOK]
    assert as_counter(session, "SELECT guild_id, user_id, author_class, kind, day, sent FROM user_day") == Counter(
        (m.guild_id, m.user_id, m.author_class, m.kind, hour_of(m) // 24) for m in by_user
    )
    assert as_counter(
        session, "SELECT guild_id, channel_id, author_class, kind, hour, sent FROM channel_hour"
    ) == Counter((m.guild_id, m.channel_id, m.author_class, m.kind, hour_of(m)) for m in counted)
    assert as_counter(session, "SELECT guild_id, author_class, kind, hour, sent FROM guild_hour") == Counter(
        (m.guild_id, m.author_class, m.kind, hour_of(m)) for m in counted
    )
    assert len(select(session, "SELECT 1 FROM message_events")) == len(truth)


def hour_of(fact: MessageSent) -> int:
    """The hour by arithmetic of the test's own: 2015 began 394,464 hours after 1970."""
    return 394_464 + (fact.message_id // 2**22) // HOUR_MS


def as_counter(session: Session, sql: str) -> Counter[tuple[object, ...]]:
    """Rows whose last column is the count."""
    return Counter({row[:-1]: row[-1] for row in select(session, sql)})  # type: ignore[misc]
