"""Every answer equals a recount in plain Python, for any history, range and filter."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.messages import MessageProjection
from mocha_actors.pipeline.facts import MessageSent
from mocha_actors.stats.channels import channel_stats
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.guilds import guild_stats, known_guilds
from mocha_actors.stats.questions import (
    ChannelQuestion,
    Filters,
    GuildQuestion,
    LeaderboardQuestion,
    UserQuestion,
)
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.users import leaderboard, user_stats
from tests.stats.oracle import (
    DAY,
    EPOCH_MS,
    GUILD,
    HOUR,
    OTHER_GUILD,
    START,
    Sent,
    board,
    counted,
    database,
    filters,
    histories,
    inside,
    ranges,
)

pytestmark = pytest.mark.usefixtures("both_databases")

WEEK = Range(START, START + 7 * DAY)


def message(
    ms: int,
    user: int = 1,
    author_class: int = 0,
    kind: int = 0,
    *,
    channel: int = 50,
    deleted: bool = False,
    low: int = 0,
) -> Sent:
    """A message in the guild."""
    return Sent(GUILD, ((ms - EPOCH_MS) << 22) | low, channel, user, author_class, kind, deleted)


def commands(rows: list[Sent], chosen: Filters) -> int:
    """Commands of humans and bots; of webhooks if asked for."""
    return sum(row.kind == 1 and (row.author_class != 2 or chosen.include_webhooks) for row in rows)


def ends(rows: list[Sent]) -> tuple[int | None, int | None, int | None, int | None]:
    """(first id, its time, last id, its time)."""
    if not rows:
        return None, None, None, None
    first, last = min(rows, key=lambda row: row.id), max(rows, key=lambda row: row.id)
    return first.id, first.ms, last.id, last.ms


@given(histories(), ranges(), filters)
def test_guild_stats_equal_a_recount(history: list[Sent], period: Range, chosen: Filters) -> None:
    """Rollups and edges together count each message of the range once, and distinct users and channels exactly."""
    rows = inside(history, period, chosen)
    wanted = counted(rows, chosen)

    with closing(database(history)) as connection:
        answer = guild_stats(connection, GuildQuestion(guild_id=GUILD, range=period, filters=chosen))

    assert answer.messages == len(wanted)
    assert answer.commands == commands(rows, chosen)
    assert answer.bot_messages == sum(row.kind == 0 and row.author_class == 1 for row in rows)
    assert answer.webhook_messages == sum(row.kind == 0 and row.author_class == 2 for row in rows)
    assert answer.deleted_messages == sum(row.deleted for row in counted(inside(history, period, Filters()), chosen))
    assert answer.active_users == len(board(rows, chosen))
    assert answer.active_channels == len({row.channel for row in wanted})
    assert answer.messages_per_day == pytest.approx(len(wanted) * DAY / (period.until_ms - period.since_ms))


@given(histories(), ranges(), filters, st.sampled_from([1, 2, 3, 11, 21, 999]))
def test_user_stats_equal_a_recount(history: list[Sent], period: Range, chosen: Filters, user: int) -> None:
    """A named user counts whatever the class, and ranks where the leaderboard of the same filters lists them."""
    rows = inside(history, period, chosen)
    mine = [row for row in rows if row.user == user and row.author_class != 2]
    written = [row for row in mine if row.kind == 0]
    listed = board(rows, chosen)

    with closing(database(history)) as connection:
        answer = user_stats(connection, UserQuestion(guild_id=GUILD, user_id=user, range=period, filters=chosen))

    assert answer.messages == len(written)
    assert answer.commands == sum(row.kind == 1 for row in mine)
    assert answer.deleted_messages == sum(
        row.deleted and row.kind == 0 and row.author_class != 2
        for row in inside(history, period, Filters())
        if row.user == user
    )
    assert answer.messages_per_day == pytest.approx(len(written) * DAY / (period.until_ms - period.since_ms))
    assert (answer.first_message_id, answer.first_message_ms, answer.last_message_id, answer.last_message_ms) == ends(
        written
    )
    assert answer.rank == next((rank for rank, key, _ in listed if key == user), None)
    assert answer.ranked_users == len(listed)


@given(histories(), ranges(), filters, st.integers(50, 54))
def test_channel_stats_equal_a_recount(history: list[Sent], period: Range, chosen: Filters, channel: int) -> None:
    """A channel's numbers, its share of the guild and its rank among the channels."""
    rows = inside(history, period, chosen)
    here = [row for row in rows if row.channel == channel]
    wanted = [row for row in counted(rows, chosen) if row.channel == channel]
    totals: dict[int, int] = {}
    for row in counted(rows, chosen):
        totals[row.channel] = totals.get(row.channel, 0) + 1

    with closing(database(history)) as connection:
        answer = channel_stats(
            connection, ChannelQuestion(guild_id=GUILD, channel_id=channel, range=period, filters=chosen)
        )

    assert answer.messages == len(wanted)
    assert answer.commands == commands(here, chosen)
    assert answer.bot_messages == sum(row.kind == 0 and row.author_class == 1 for row in here)
    assert answer.webhook_messages == sum(row.kind == 0 and row.author_class == 2 for row in here)
    everything = [row for row in counted(inside(history, period, Filters()), chosen) if row.channel == channel]
    assert answer.deleted_messages == sum(row.deleted for row in everything)
    assert answer.guild_share == pytest.approx(len(wanted) / sum(totals.values()) if totals else 0)
    assert answer.rank == (1 + sum(count > len(wanted) for count in totals.values()) if wanted else None)
    assert answer.ranked_channels == len(totals)
    assert (answer.first_message_id, answer.first_message_ms, answer.last_message_id, answer.last_message_ms) == ends(
        wanted
    )


@given(histories(), ranges(), filters, st.integers(1, 4))
def test_the_pages_of_a_leaderboard_equal_a_recount(
    history: list[Sent], period: Range, chosen: Filters, limit: int
) -> None:
    """Followed by its cursors, the leaderboard lists every user once, with ranks 1, 1, 3 and the lower id first."""
    expected = board(inside(history, period, chosen), chosen)
    listed: list[tuple[int, int, int]] = []
    cursor: str | None = None

    with closing(database(history)) as connection:
        while True:
            question = LeaderboardQuestion(guild_id=GUILD, range=period, filters=chosen, limit=limit, cursor=cursor)
            answer = leaderboard(connection, question)
            assert answer.ranked_users == len(expected)
            listed += [(entry.rank, entry.user_id, entry.value) for entry in answer.entries]
            if (cursor := answer.next_cursor) is None:
                break

    assert listed == expected


@given(histories())
def test_the_questions_read_what_the_projection_writes(history: list[Sent]) -> None:
    """The tables that these tests fill by themselves are those of the writer's own projection."""
    kept = [row._replace(deleted=False) for row in history]
    facts = [
        MessageSent(row.guild, row.id, row.channel, row.user, row.author_class, row.kind, 0, "", None) for row in kept
    ]

    with closing(database(kept)) as ours, closing(database()) as theirs:
        MessageProjection().apply(theirs, facts)

        for table in ("message_events", "user_day", "channel_hour", "guild_hour"):
            assert rows_of(ours, table) == rows_of(theirs, table)


def rows_of(connection: Connection, table: str) -> list[tuple[int | None, ...]]:
    """Everything that a table holds, by primary key."""
    return sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)


def test_a_range_ends_before_its_last_millisecond() -> None:
    """Half-open: the first millisecond is inside, ``until`` is not, whatever the low bits of the ids."""
    history = [
        message(START + 5, low=4_194_303),
        message(START + 6),
        message(START + HOUR + 7),
        message(START + HOUR + 8),
    ]

    with closing(database(history)) as connection:
        answer = guild_stats(connection, GuildQuestion(guild_id=GUILD, range=Range(START + 6, START + HOUR + 8)))

    assert answer.messages == 2


def test_humans_alone_count_by_default() -> None:
    """Bots, webhooks and system messages are left out unless asked for; commands are a number of their own."""
    history = [
        message(START, 1), message(START + 1, 11, 1), message(START + 2, 21, 2),
        message(START + 3, 1, 0, 2), message(START + 4, 11, 1, 1),
    ]  # fmt: skip

    with closing(database(history)) as connection:
        answer = guild_stats(connection, GuildQuestion(guild_id=GUILD, range=WEEK))

    assert (answer.messages, answer.commands, answer.active_users) == (1, 1, 1)
    assert (answer.bot_messages, answer.webhook_messages) == (1, 1)


def test_include_bots_brings_bots_and_no_webhooks() -> None:
    """They join the totals and the lists; webhooks need their own filter (A3.2)."""
    history = [message(START, 1), message(START + 1, 11, 1), message(START + 2, 21, 2)]

    with closing(database(history)) as connection:
        chosen = Filters(include_bots=True)
        guild = guild_stats(connection, GuildQuestion(guild_id=GUILD, range=WEEK, filters=chosen))
        users = leaderboard(connection, LeaderboardQuestion(guild_id=GUILD, range=WEEK, filters=chosen))

    assert guild.messages == 2
    assert [entry.user_id for entry in users.entries] == [1, 11]


def test_webhooks_stand_in_no_list_of_users() -> None:
    """Not even when they are included, be the range whole days or raw edges (A3.2)."""
    history = [message(START, 1), message(START + 2, 21, 2)]
    chosen = Filters(include_bots=True, include_webhooks=True)

    with closing(database(history)) as connection:
        for period in (WEEK, Range(START, START + HOUR)):
            users = leaderboard(connection, LeaderboardQuestion(guild_id=GUILD, range=period, filters=chosen))
            guild = guild_stats(connection, GuildQuestion(guild_id=GUILD, range=period, filters=chosen))
            assert ([entry.user_id for entry in users.entries], guild.messages, guild.active_users) == ([1], 2, 1)


def test_a_deleted_message_counts_as_sent_unless_excluded() -> None:
    """The activity happened (rule 5)."""
    history = [message(START, 1), message(START + 1, 1, deleted=True)]

    with closing(database(history)) as connection:
        sent = guild_stats(connection, GuildQuestion(guild_id=GUILD, range=WEEK))
        left = guild_stats(connection, GuildQuestion(guild_id=GUILD, range=WEEK, filters=Filters(exclude_deleted=True)))

    assert (sent.messages, sent.deleted_messages) == (2, 1)
    assert (left.messages, left.deleted_messages) == (1, 1)


def test_a_user_whose_messages_are_all_deleted_is_not_active_when_those_are_excluded() -> None:
    """They stand in no list; the first message is found behind a day that has only deleted ones."""
    history = [message(START, 1, deleted=True), message(START, 2, deleted=True, low=1)]
    history += [message(START + DAY, 2), message(START + 2 * DAY, 2)]
    chosen = Filters(exclude_deleted=True)

    with closing(database(history)) as connection:
        users = leaderboard(connection, LeaderboardQuestion(guild_id=GUILD, range=WEEK, filters=chosen))
        second = user_stats(connection, UserQuestion(guild_id=GUILD, user_id=2, range=WEEK, filters=chosen))

    assert [entry.user_id for entry in users.entries] == [2]
    assert second.first_message_ms == START + DAY


def test_a_bot_that_is_named_counts_and_ranks_only_among_bots_that_are_listed() -> None:
    """A3.3: whatever the class; but no rank in a list that leaves it out."""
    history = [message(START, 1), message(START + 1, 11, 1), message(START + 2, 11, 1)]

    with closing(database(history)) as connection:
        named = user_stats(connection, UserQuestion(guild_id=GUILD, user_id=11, range=WEEK))
        listed = user_stats(
            connection, UserQuestion(guild_id=GUILD, user_id=11, range=WEEK, filters=Filters(include_bots=True))
        )

    assert (named.messages, named.rank, named.ranked_users) == (2, None, 1)
    assert (listed.messages, listed.rank, listed.ranked_users) == (2, 1, 2)


def test_names_come_from_the_users_table_where_known() -> None:
    """A user that was never described, or without a name, is an id."""
    history = [message(START, 1), message(START + 1, 2), message(START + 2, 3)]

    with closing(database(history)) as connection:
        connection.execute("INSERT INTO users VALUES (1, 'ada', 'Ada L.', 0, 0), (2, '', NULL, 0, 0)")
        answer = leaderboard(connection, LeaderboardQuestion(guild_id=GUILD, range=WEEK))

    assert [(entry.username, entry.global_name, entry.is_bot) for entry in answer.entries] == [
        ("ada", "Ada L.", False), (None, None, False), (None, None, None),
    ]  # fmt: skip


def test_a_guild_or_user_without_messages_is_zero_and_no_error() -> None:
    """Nothing was written, which is a number too."""
    with closing(database()) as connection:
        guild = guild_stats(connection, GuildQuestion(guild_id=1, range=WEEK))
        user = user_stats(connection, UserQuestion(guild_id=1, user_id=1, range=WEEK))
        users = leaderboard(connection, LeaderboardQuestion(guild_id=1, range=WEEK))

    assert (guild.messages, guild.active_users, guild.active_channels, guild.guild_name) == (0, 0, 0, None)
    assert (user.messages, user.rank, user.first_message_id) == (0, None, None)
    assert (users.entries, users.next_cursor) == ((), None)


@pytest.mark.parametrize(
    ("limit", "cursor", "words"),
    [(0, None, "limit is 0; allowed are 1 to 1000"), (1001, None, "limit is 1001"), (1, "x", "cursor is 'x'")],
)
def test_a_page_that_cannot_be_is_refused(limit: int, cursor: str | None, words: str) -> None:
    """The error names parameter, value and what is allowed."""
    with pytest.raises(QuestionError, match=words):
        LeaderboardQuestion(guild_id=GUILD, range=WEEK, limit=limit, cursor=cursor)


@pytest.mark.parametrize("value", [0, -1, 1 << 63])
def test_an_id_that_cannot_be_one_is_refused_when_the_question_is_made(value: int) -> None:
    """No such number reaches the database, which would choke on it."""
    with pytest.raises(QuestionError, match=f"guild_id is {value}; allowed"):
        GuildQuestion(guild_id=value, range=WEEK)
    with pytest.raises(QuestionError, match=f"user_id is {value}; allowed"):
        UserQuestion(guild_id=GUILD, user_id=value, range=WEEK)
    with pytest.raises(QuestionError, match=f"channel_id is {value}; allowed"):
        ChannelQuestion(guild_id=GUILD, channel_id=value, range=WEEK)


def test_known_guilds_are_those_with_messages_or_a_description() -> None:
    """A guild with system messages only, one known by name only, and one of both."""
    rows = [message(START, kind=2), Sent(OTHER_GUILD, 1 << 40, 1, 1, 0, 0, deleted=False)]

    with closing(database(rows)) as connection:
        connection.execute("INSERT INTO guilds (id, name) VALUES (?, 'Tea House'), (5, NULL)", (OTHER_GUILD,))

        assert known_guilds(connection) == [(5, None), (GUILD, None), (OTHER_GUILD, "Tea House")]


def test_an_empty_database_knows_no_guild() -> None:
    """The walk over the guilds ends before it begins."""
    with closing(database()) as connection:
        assert known_guilds(connection) == []
