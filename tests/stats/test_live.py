"""Live counters against the database: whatever happens between two questions, an answer is the one that the database alone gives."""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mocha_actors.cache.bases import Bases
from mocha_actors.db import closing as closed
from mocha_actors.db import migrations, packing
from mocha_actors.db.apply import Applier
from mocha_actors.db.connection import Connection
from mocha_actors.db.guild_settings import change_ignores
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.purge import delete_some
from mocha_actors.db.recounts.base import Piece as Day
from mocha_actors.db.recounts.registry import RECOUNTS
from mocha_actors.db.recounts.user_columns import USER_COLUMNS
from mocha_actors.db.repair import rebuild
from mocha_actors.db.retention import STORES, Sweep
from mocha_actors.db.retention import delete_some as delete_old
from mocha_actors.db.session import Session
from mocha_actors.db.sqlite import SqliteReader
from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS, from_time_ms
from mocha_actors.pipeline.counters import CacheCounters
from mocha_actors.pipeline.facts import (
    Fact,
    GuildSeen,
    MessagesDeleted,
    MessageSent,
    ReactionAdded,
    VoiceChanged,
)
from mocha_actors.privacy.erasure import Piece, bound, least
from mocha_actors.privacy.places import PLACES
from mocha_actors.stats import activity
from mocha_actors.stats.answers import answer
from mocha_actors.stats.live import Live, add, ways
from mocha_actors.stats.message_sums import WRITTEN
from mocha_actors.stats.questions import (
    USER_METRICS,
    ActiveMembersQuestion,
    Filters,
    GuildQuestion,
    LeaderboardQuestion,
    RankQuestion,
    ReactionQuestion,
    VoiceQuestion,
)
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.scope import Scope, Selection
from tests.db.builders import open_session

MINUTE_MS = 60_000
BEGIN_MS = 1_792_864_800_000
"""2026-10-24 18:00 UTC: clocks are changed in Berlin seven hours later."""

GUILD, CHANNELS, HUMANS, BOT = 900, (50, 51), (1, 2, 3, 4), 11
ALIAS = 1 << 62

EXAMPLES = int(os.environ.get("MOCHA_EXAMPLES", "5"))
"""Histories; hundreds for a campaign."""

FILTERS = (
    Filters(), Filters(), Filters(exclude_deleted=True), Filters(include_bots=True, exclude_afk=False), Filters(channels=(50,)),
    Filters(include_left=False, include_ignored=True, exclude_alone=True),
)  # fmt: skip
ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu")

questions = st.one_of(
    st.builds(partial, st.just(LeaderboardQuestion), limit=st.just(2), metric=st.sampled_from(["messages", *USER_METRICS])),
    st.builds(partial, st.just(RankQuestion), user_id=st.just(1)),
    st.builds(partial, st.just(ActiveMembersQuestion), interval=st.sampled_from(["hour", "day", "week"])),
    st.sampled_from([GuildQuestion, VoiceQuestion, ReactionQuestion]),
)  # fmt: skip


forms: st.SearchStrategy[Any] = st.sampled_from([
    lambda now_ms: Range.last_days(1, now_ms),
    lambda now_ms: Range.last_days(3, now_ms),
    lambda now_ms: Range(BEGIN_MS - 2 * DAY_MS - 12_345, now_ms),
    lambda _: Range(BEGIN_MS - 3 * DAY_MS + 1, BEGIN_MS - DAY_MS - 5_000_000),
    lambda now_ms: Range(BEGIN_MS - DAY_MS, now_ms + 3 * HOUR_MS),
])  # fmt: skip


class Machine(RuleBasedStateMachine):
    """Writes by the product's own projections, erases, deletes, repairs and asks, with a clock that moves as it likes."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """A guild, and four questions that are asked again and again."""
        self.now_ms, self.number, self.ahead_ms = BEGIN_MS, 0, 0
        with self.session.transaction() as connection:
            for (table,) in connection.execute(migrations.TABLES).fetchall():
                if table != "schema_version":
                    connection.execute(f"DELETE FROM {table}")
        self.applier = Applier(projections(), 1)
        self.bases = Bases(1 << 20, CacheCounters(), clock=lambda: 0.0)
        self.erasing: Iterator[Piece] = iter(())
        self.sent: list[int] = []
        self.asked = [
            (
                data.draw(questions),
                data.draw(st.sampled_from(FILTERS)),
                data.draw(st.sampled_from(ZONES)),
                data.draw(forms),
            )
            for _ in range(4)
        ]
        self.write(
            GuildSeen(GUILD, "g", 1, None, 9, None, 0, BEGIN_MS),
            *(self.message(hours * HOUR_MS, HUMANS[hours % 3], 50 + hours % 2) for hours in range(0, 96, 5)),
        )

        with self.session.transaction() as connection:
            connection.execute(
                "INSERT INTO gateway_sessions (shard, session_id, resume_url, seq, fingerprint, epoch, last_alive_ms, user_id, application_id) "
                "VALUES (0, 's', 'u', 1, 'f', 1, ?, 7, 8)", (BEGIN_MS,),
            )  # fmt: skip

    session: Session

    def write(self, *facts: Fact) -> None:
        self.applier.apply_facts(self.session, facts)

    def message(self, ago_ms: int, user: int, channel: int) -> MessageSent:
        self.number += 1
        message = from_time_ms(self.now_ms - ago_ms, self.number)
        self.sent.append(message)
        return MessageSent(GUILD, message, channel, user, int(user == BOT), 0, 0, f"user {user}", None)

    agos = st.sampled_from([0, 0, 0, 5 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 25 * HOUR_MS, 71 * HOUR_MS])
    users = st.sampled_from([*HUMANS, BOT])
    channels = st.sampled_from(CHANNELS)

    @rule(ms=st.sampled_from([1_000, 7 * MINUTE_MS, HOUR_MS, HOUR_MS + 1, 7 * HOUR_MS, 25 * HOUR_MS]))
    def wait(self, ms: int) -> None:
        """Time passes."""
        self.now_ms += ms

    @rule(ago_ms=agos, user=users, channel=channels)
    def somebody_writes(self, ago_ms: int, user: int, channel: int) -> None:
        """Now, or, as after a replay, at an earlier time."""
        self.write(self.message(ago_ms, user, channel))

    @rule(data=st.data())
    def a_message_is_deleted(self, data: st.DataObject) -> None:
        """However old."""
        self.write(MessagesDeleted(GUILD, 50, (data.draw(st.sampled_from(self.sent)),), self.now_ms, 0))

    @rule(data=st.data(), ago_ms=agos, user=users, receiver=users)
    def somebody_reacts(self, data: st.DataObject, ago_ms: int, user: int, receiver: int) -> None:
        """To any message."""
        message = data.draw(st.sampled_from(self.sent))
        self.number += 1
        fact = ReactionAdded(
            GUILD, 50, message, user, f"e{self.number % 3}", None, False, receiver, user == BOT, self.now_ms - ago_ms, 0
        )
        self.write(fact)

    @rule(user=users, channel=st.sampled_from([None, *CHANNELS]), flags=st.sampled_from([0, 4]))
    def somebody_enters_or_leaves_a_voice_channel(self, user: int, channel: int | None, flags: int) -> None:
        """Receive stamps never run backwards."""
        self.write(VoiceChanged(GUILD, user, channel, 1, flags, user == BOT, f"user {user}", None, 0, self.now_ms, 0))

    @rule()
    def the_shard_gives_a_sign_of_life(self) -> None:
        """So that open intervals last until now."""
        with self.session.transaction() as connection:
            connection.execute("UPDATE gateway_sessions SET last_alive_ms = ?", (self.now_ms,))

    @rule(user=users)
    def an_erasure_begins(self, user: int) -> None:
        """It goes on piece by piece."""
        self.erasing = self.pieces(user)

    def pieces(self, user: int) -> Iterator[Piece]:
        with self.session.transaction() as connection:
            connection.execute(
                "INSERT INTO erasures VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (user, GUILD, ALIAS + user)
            )
        for place in PLACES:
            with self.session.transaction() as connection:
                low = least(connection, GUILD, place)
            while low is not None:
                with self.session.transaction() as connection:
                    high = bound(connection, GUILD, place, low)
                yield Piece(place, user, GUILD, ALIAS + user, low, high)
                low = high
        with self.session.transaction() as connection:
            connection.execute("DELETE FROM erasures WHERE user_id = ?", (user,))

    @rule(count=st.integers(1, 12))
    def an_erasure_goes_on(self, count: int) -> None:
        """A few of its pieces, each in a transaction of its own."""
        for piece, _ in zip(self.erasing, range(count), strict=False):
            with self.session.transaction() as connection:
                piece.work(connection)
        self.applier.reset()

    @rule(days=st.integers(1, 4))
    def days_are_closed(self, days: int) -> None:
        """What the janitor does with days that are over."""
        for day in range(self.now_ms // DAY_MS - days, self.now_ms // DAY_MS):
            piece = Day(GUILD, day)
            with self.session.transaction() as connection:
                connection.execute(closed.BEGIN, piece)
                connection.execute("DELETE FROM channel_user_day WHERE guild_id = ? AND day = ?", piece)
                closed.insert(closed.count(piece, connection), connection)
                closed.finish(piece, connection)

    @rule(count=st.integers(1, 9))
    def columns_of_users_are_built(self, count: int) -> None:
        """Of some days and weeks that are over."""
        for _ in range(count):
            with self.session.transaction() as connection:
                _, unit = packing.next_due(self.now_ms // DAY_MS - 1, packing.START, 1, connection)
                if unit is not None:
                    connection.execute(packing.BEGIN, unit)
                    packing.finish(unit, packing.pack(unit, 1, connection), connection)

    @invariant()
    def columns_of_users_say_what_the_rows_say(self) -> None:
        """Whatever happened, and whatever was built when."""
        if not hasattr(self, "asked"):
            return
        with self.session.transaction() as connection:
            days = {day for (day,) in connection.execute("SELECT day FROM closed_days").fetchall()}
            for recount, day in product(USER_COLUMNS, days):
                piece = Day(GUILD, day)
                assert recount.recounted is not None
                assert recount.stored(connection, piece) == recount.recounted(connection, piece)

    @rule(kind=st.sampled_from(["messages", "voice", "reactions", "hours"]), days=st.integers(2, 4))
    def retention_deletes(self, kind: Any, days: int) -> None:
        """Whole days, and says so first."""
        for store in STORES[kind]:
            sweep = Sweep(GUILD, kind, store, (self.now_ms // DAY_MS - days) * DAY_MS)
            with self.session.transaction() as connection:
                delete_old(sweep, connection)

    @rule(ignored=st.sampled_from([("channel", 51), ("user", 2)]), heeded=st.booleans())
    def settings_change(self, ignored: tuple[str, int], heeded: bool) -> None:
        """What questions leave out."""
        with self.session.transaction() as connection:
            change_ignores(connection, GUILD, ignore=[] if heeded else [ignored], heed=[ignored] if heeded else [])

    @rule(share=st.sampled_from([0.0005, 0.01, 1.0]))
    def memory_is_short(self, share: float) -> None:
        """Bases go, and come back."""
        self.bases.resize(share)

    @rule(ahead_ms=st.sampled_from([0, -HOUR_MS, 5_000, 2 * DAY_MS]))
    def the_clock_of_the_answering_process_is_wrong(self, ahead_ms: int) -> None:
        """It decides what an answer costs, and not what it is."""
        self.ahead_ms = ahead_ms

    @invariant()
    def every_answer_is_that_of_the_database_alone(self) -> None:
        """After each of these steps."""
        for kind, chosen, zone, form in getattr(self, "asked", ()):
            question = kind(guild_id=GUILD, range=form(self.now_ms), filters=chosen, time_zone=zone)
            with self.session.transaction() as connection:
                alone = answer(connection, question)
                assert alone == answer(connection, question, Live(self.bases, self.now_ms + self.ahead_ms))


Machine.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[None]:
    """What the machine writes by."""
    with open_session(tmp_path / "mocha.db") as Machine.session:
        yield


@pytest.mark.usefixtures("session")
class TestLive(Machine.TestCase):  # type: ignore[misc, name-defined]
    """Every answer equals that of the database alone."""


# What it costs


class Listening:
    """A connection that notes the tables that are read by it."""

    def __init__(self, connection: Any) -> None:
        self.connection, self.dialect = connection, connection.dialect
        self.tables: set[str] = set()

    def execute(self, statement: Any, parameters: Any = ()) -> Any:
        """Note, then run."""
        self.tables |= set(re.findall(r"(?:FROM|JOIN) (\w+)", str(statement)))
        return self.connection.execute(statement, parameters)


@pytest.fixture
def guild(tmp_path: Path) -> Iterator[Session]:
    """A guild of which three people wrote one message an hour each, for four days."""
    with open_session(tmp_path / "mocha.db") as session:
        facts = [
            MessageSent(GUILD, from_time_ms(BEGIN_MS - hours * HOUR_MS, user), 50, user, 0, 0, 0, f"user {user}", None)
            for hours in range(96)
            for user in HUMANS[:3]
        ]
        Applier(projections(), 1).apply_facts(session, facts)
        yield session


def board(session: Session, bases: Bases | None, now_ms: int = BEGIN_MS, **own: Any) -> tuple[Any, set[str]]:
    """The leaderboard of three days, and what was read for it."""
    question = LeaderboardQuestion(guild_id=GUILD, range=Range.last_days(3, now_ms), **own)
    with session.transaction() as connection:
        listening: Any = Listening(connection)
        result = answer(listening, question, None if bases is None else Live(bases, now_ms))
    return result, listening.tables


def sent(session: Session, message: MessageSent) -> None:
    """Commit a message."""
    Applier(projections(), 1).apply_facts(session, [message])


def message(ago_ms: int, user: int, number: int = 77) -> MessageSent:
    """A message of the past."""
    return MessageSent(GUILD, from_time_ms(BEGIN_MS - ago_ms, number), 50, user, 0, 0, 0, f"user {user}", None)


def test_after_a_message_the_sums_by_user_and_day_are_not_read_again(guild: Session) -> None:
    """The first answer is computed as a whole, the second makes the base, and from then on the open hour is enough."""
    counters = CacheCounters()
    bases = Bases(1 << 20, counters)
    assert "user_day" in board(guild, bases)[1]
    assert "user_day" in board(guild, bases)[1]
    for number in range(3):
        sent(guild, message(0, 4, number))
        found, tables = board(guild, bases, BEGIN_MS + number * 60_000)
        assert tables.isdisjoint({"user_day", "user_week"})
        assert found == board(guild, None, BEGIN_MS + number * 60_000)[0]
    assert (counters.hits, counters.misses, counters.entries) == (3, 1, 1)


def test_a_day_later_the_base_has_moved_and_was_not_made_anew(guild: Session) -> None:
    """Nothing of the days between is read as a whole: one goes, one comes."""
    counters = CacheCounters()
    bases = Bases(1 << 20, counters)
    for now_ms in (BEGIN_MS, BEGIN_MS, *(BEGIN_MS + hours * HOUR_MS for hours in range(0, 25, 2))):
        found, _ = board(guild, bases, now_ms)
        assert found == board(guild, None, now_ms)[0]
    assert (counters.misses, counters.entries) == (1, 1)


def test_a_late_message_costs_one_computation_and_a_late_deletion_none_where_it_counts_all_the_same(
    guild: Session,
) -> None:
    """What was sent counts unless deleted messages are to be left out."""
    counters = CacheCounters()
    bases = Bases(1 << 20, counters)
    for _ in range(2):
        board(guild, bases)
    Applier(projections(), 1).apply_facts(
        guild, [MessagesDeleted(GUILD, 50, (message(30 * HOUR_MS, 1, 1).message_id,), BEGIN_MS, 0)]
    )
    board(guild, bases)
    assert counters.invalidated == 0
    sent(guild, message(30 * HOUR_MS, 2))
    assert board(guild, bases)[0] == board(guild, None)[0]
    assert counters.invalidated == 1
    for _ in range(3):
        found, _ = board(guild, bases, filters=Filters(exclude_deleted=True))
    assert [(entry.user_id, entry.value) for entry in found.entries] == [(2, 73), (3, 72), (1, 71)]


def test_a_base_of_a_later_state_is_not_used_in_an_earlier_snapshot(guild: Session, tmp_path: Path) -> None:
    """A question that began before a commit gets the state before it, whatever another one has kept meanwhile."""
    bases = Bases(1 << 20, CacheCounters())
    for _ in range(2):
        board(guild, bases)
    question = LeaderboardQuestion(guild_id=GUILD, range=Range.last_days(3, BEGIN_MS))
    with closing(SqliteReader(tmp_path / "mocha.db")) as reader:

        def early(connection: Connection) -> tuple[Any, Any]:
            before = answer(connection, question)
            sent(guild, message(30 * HOUR_MS, 2))
            board(guild, bases)
            return before, answer(connection, question, Live(bases, BEGIN_MS))

        before, after = reader.answer(early, 10)
    assert before == after
    assert board(guild, bases)[0] == board(guild, None)[0] != before


def test_a_base_that_was_read_from_a_damaged_rollup_goes_with_the_repair(guild: Session) -> None:
    """The sums that seal it were right all the time."""
    bases = Bases(1 << 20, CacheCounters())
    day = BEGIN_MS // DAY_MS - 1
    with guild.transaction() as connection:
        for table, column, number in (("user_day", "day", day), ("user_week", "week", (day + 3) // 7)):
            connection.execute(f"UPDATE {table} SET sent = sent + 100 WHERE user_id = 3 AND {column} = ?", (number,))
    for _ in range(2):
        assert board(guild, bases)[0].entries[0].value == 172
    with guild.transaction() as connection:
        for recount in RECOUNTS:
            if recount.table in {"user_day", "user_week"}:
                piece = Day(GUILD, day)
                assert rebuild(recount, piece if recount.days == 1 else piece.monday, connection)
    assert [entry.value for entry in board(guild, bases)[0].entries] == [72, 72, 72]


def test_nothing_of_a_guild_that_was_purged_is_in_an_answer(guild: Session) -> None:
    """Neither while it is being deleted, nor when it has come back."""
    bases = Bases(1 << 20, CacheCounters())
    for _ in range(2):
        board(guild, bases)
    with guild.transaction() as connection:
        connection.execute("UPDATE guilds SET left_ms = 1")
    deleted = 1
    while deleted:
        with guild.transaction() as connection:
            deleted = delete_some(GUILD, BEGIN_MS - 40 * DAY_MS, connection)
        assert board(guild, bases)[0] == board(guild, None)[0]
    with guild.transaction() as connection:
        connection.execute("DELETE FROM retention_marks")
        connection.execute("DELETE FROM guilds")
    assert board(guild, bases)[0].entries == ()
    sent(guild, message(30 * HOUR_MS, 2))
    assert [(entry.user_id, entry.value) for entry in board(guild, bases)[0].entries] == [(2, 1)]


hours = st.integers(0, 40)


@given(hours, hours, hours, hours, st.lists(hours))
def test_the_ways_from_one_range_to_another_give_its_sums(a: int, b: int, c: int, d: int, moments: list[int]) -> None:
    """Whether begin and end move forth or back; where that is more work than reading it all, there is none."""
    old, new = (Range(BEGIN_MS + min(pair), BEGIN_MS + max(pair) + 1) for pair in ((a, b), (c, d)))
    inside = lambda period: sum(period.since_ms <= BEGIN_MS + moment < period.until_ms for moment in moments)  # noqa: E731 - short

    moves = ways(old, new)
    if moves is None:
        assert 2 * (abs(old.since_ms - new.since_ms) + abs(old.until_ms - new.until_ms)) > new.duration_ms
    else:
        assert inside(old) + sum(sign * inside(part) for part, sign in moves) == inside(new)


def test_what_comes_to_nothing_is_in_no_list() -> None:
    """A user whose last message has left the range is not ranked with a zero."""
    sums = {1: 5, 2: 3}
    add(sums, {1: 5, 2: 1}, -1)
    add(sums, {3: 4}, 1)
    assert sums == {2: 2, 3: 4}


def test_a_step_that_an_open_voice_interval_reaches_into_is_not_over(guild: Session) -> None:
    """Somebody has been in a channel for two days; each sign of life of the shard makes yesterday's step longer."""
    bases = Bases(1 << 20, CacheCounters())
    question = ActiveMembersQuestion(guild_id=GUILD, range=Range.last_days(4, BEGIN_MS), interval="day")
    begun = VoiceChanged(GUILD, 4, 50, 1, 0, False, "user 4", None, 0, BEGIN_MS - 48 * HOUR_MS, 0)
    Applier(projections(), 1).apply_facts(guild, [begun])
    found = []
    for alive_ms in (BEGIN_MS - 48 * HOUR_MS, BEGIN_MS - 48 * HOUR_MS, BEGIN_MS):
        with guild.transaction() as connection:
            connection.execute("DELETE FROM gateway_sessions")
            connection.execute(
                "INSERT INTO gateway_sessions (shard, session_id, resume_url, seq, fingerprint, epoch, last_alive_ms, user_id, application_id) "
                "VALUES (0, 's', 'u', 1, 'f', 1, ?, 7, 8)",
                (alive_ms,),
            )
        with guild.transaction() as connection:
            found.append(answer(connection, question, Live(bases, BEGIN_MS)))
            assert found[-1] == answer(connection, question)
    assert [[step.speakers for step in each.buckets][2:4] for each in found] == [[0, 0], [0, 0], [1, 1]]


def test_the_first_question_about_a_range_that_is_over_reads_each_step_once(
    guild: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is made of the steps; that the last of them ends where the range does makes no base of the range yet."""
    read: list[int] = []

    def writers(connection: Any, scope: Scope, period: Range, *more: Any) -> Any:
        read.append(period.duration_ms // DAY_MS)
        return original(connection, scope, period, *more)

    original = activity.writers
    monkeypatch.setattr(activity, "writers", writers)
    begin_ms = BEGIN_MS - BEGIN_MS % DAY_MS - 4 * DAY_MS
    question = ActiveMembersQuestion(guild_id=GUILD, range=Range(begin_ms, begin_ms + 3 * DAY_MS), interval="day")
    with guild.transaction() as connection:
        first = answer(connection, question, Live(Bases(1 << 20, CacheCounters()), BEGIN_MS))

        assert read == [1, 1, 1]
        assert first == answer(connection, question)


def test_a_key_does_not_hold_everybody_who_is_left_out(guild: Session) -> None:
    """Keys are kept beside what the bytes of bases bound, those of questions that were asked once too."""
    counters = CacheCounters()
    bases, left_out = Bases(1 << 20, counters), frozenset(range(10_000, 10_100))
    kept = weakref.ref(left_out)
    scope = Scope(GUILD, Filters(), users=Selection(left_out))
    with guild.transaction() as connection:
        question = (connection, WRITTEN, scope, Range(BEGIN_MS - 3 * DAY_MS, BEGIN_MS))
        assert [Live(bases, BEGIN_MS).holds(*question) for _ in range(2)] == [False, True]
        assert Live(bases, BEGIN_MS).summed(*question)
    assert counters.entries == 1
    del left_out, scope, question
    assert kept() is None
