"""Keys of questions, and the state of the database that an answer is true for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mocha_actors.cache.keys import Kind, Wanted
from mocha_actors.pipeline.notices import ALL_SUBJECTS, FIRST_HOUR, LAST_HOUR, Subject
from mocha_actors.runtime import Request
from mocha_actors.stats.caching import ages, answer_type, dated, stamp_of, wanted_by
from mocha_actors.stats.options import Options, resolve
from mocha_actors.stats.questions import (
    ChannelQuestion,
    CompareQuestion,
    Filters,
    GuildQuestion,
    GuildsQuestion,
    LeaderboardQuestion,
    MessageQuestion,
    RangeQuestion,
    SettingsQuestion,
    UserQuestion,
)
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import ChannelStats, Coverage, Gap, GuildSettings, GuildStats, Leaderboard, UserStats
from tests.stats.oracle import DAY, GUILD, HOUR, START, database

NOW = START + 10 * DAY + 5 * HOUR + 12_345
"""Not at a whole second."""


def guild_question(now_ms: int, **options: Any) -> GuildQuestion:
    """As the client makes it."""
    resolved = resolve(Options(**options), now_ms, GuildSettings(guild_id=GUILD))
    return GuildQuestion(guild_id=GUILD, **resolved.fields)


def wanted(question: Any, now_ms: int = NOW) -> Wanted:
    """As the cache sees it."""
    found = wanted_by(question, now_ms)
    assert found is not None
    return found


def test_rolling_days_have_one_key_whenever_they_are_asked() -> None:
    """And another one for another number of days."""
    keys = [wanted(guild_question(now, days=7), now + 3).key for now in (NOW, NOW + 1, NOW + 777_777)]

    assert keys[0] == keys[1] == keys[2]
    assert keys[0] != wanted(guild_question(NOW, days=8)).key


def test_a_range_from_a_fixed_time_until_now_has_one_key_by_that_time() -> None:
    """As today, and this month."""
    keys = [wanted(guild_question(now, since="2026-01-03"), now).key for now in (NOW, NOW + 55_555)]

    assert keys[0] == keys[1]
    assert keys[0] != wanted(guild_question(NOW, since="2026-01-04")).key


def test_a_calendar_range_that_ended_just_now_is_itself() -> None:
    """Yesterday, asked half a second after midnight, is a day long and no rolling day."""
    midnight = START + 10 * DAY
    asked = guild_question(midnight + 500, since="2026-01-10", until="2026-01-11")

    assert wanted(asked, midnight + 500).key == wanted(asked, midnight + 5 * DAY).key
    assert wanted(asked, midnight + 500).key != wanted(guild_question(midnight + 501, days=1), midnight + 501).key


@pytest.mark.parametrize(
    ("asked_ms", "moving"), [(START + DAY - 1, True), (START + DAY + 1_999, True), (START + DAY + 2_000, False)]
)
def test_a_range_moves_until_its_end_is_surely_over(asked_ms: int, moving: bool) -> None:
    """Two seconds after it."""
    question = GuildQuestion(guild_id=GUILD, range=Range(START, START + DAY))

    assert moving == wanted(question, asked_ms).moving


def test_a_closed_range_reads_its_own_hours() -> None:
    """The last one included, though the range ends before it does."""
    found = wanted(GuildQuestion(guild_id=GUILD, range=Range(START + 1, START + 2 * HOUR)))

    assert (found.first_hour, found.last_hour) == (START // HOUR, START // HOUR + 1)
    assert wanted(guild_question(NOW, days=1)).last_hour == LAST_HOUR


def test_everything_that_is_asked_is_in_the_key() -> None:
    """Type, guild, ids, filters, limit, cursor and range."""
    period, other = Range(START, START + DAY), Range(START, START + 2 * DAY)
    questions = [
        GuildQuestion(guild_id=GUILD, range=period),
        GuildQuestion(guild_id=GUILD, range=other),
        GuildQuestion(guild_id=1, range=period),
        GuildQuestion(guild_id=GUILD, range=period, filters=Filters(include_bots=True)),
        UserQuestion(guild_id=GUILD, user_id=5, range=period),
        ChannelQuestion(guild_id=GUILD, channel_id=5, range=period),
        LeaderboardQuestion(guild_id=GUILD, range=period),
        LeaderboardQuestion(guild_id=GUILD, range=period, limit=5),
        LeaderboardQuestion(guild_id=GUILD, range=period, cursor="5-5"),
    ]

    assert len(questions) == len({wanted(question).key for question in questions})


def test_each_kind_of_question_has_its_cache_and_its_type_of_answer() -> None:
    """What has no cache of its own shares the general one."""
    period = Range(START, START + DAY)
    found = [
        wanted(UserQuestion(guild_id=GUILD, user_id=5, range=period)),
        wanted(GuildQuestion(guild_id=GUILD, range=period)),
        wanted(LeaderboardQuestion(guild_id=GUILD, range=period)),
        wanted(ChannelQuestion(guild_id=GUILD, channel_id=5, range=period)),
    ]

    assert [one.kind for one in found] == [Kind.USER, Kind.GUILD, Kind.LEADERBOARD, Kind.QUERY]
    assert [one.answer for one in found] == [UserStats, GuildStats, Leaderboard, ChannelStats]
    assert {one.subjects for one in found} == {ALL_SUBJECTS & ~Subject.PRESENCE}


def test_where_roles_decide_what_counts_the_roster_is_read() -> None:
    """By a filter, or by what the guild's settings leave out. It has no time, so that its changes reach closed ranges."""
    period = Range(START, START + DAY)
    filters = [Filters(), Filters(include_ignored=True), Filters(include_ignored=True, roles=(5,))]
    read = [wanted(MessageQuestion(guild_id=GUILD, range=period, filters=each)).subjects for each in filters]

    assert [Subject.ROSTER in subjects for subjects in read] == [True, False, True]
    assert {Subject.MESSAGES | Subject.NAMES} == {subjects & ~Subject.ROSTER for subjects in read}


def test_a_comparison_of_rolling_days_has_one_key_whenever_it_is_asked() -> None:
    """The period before moves with them; another period before is another question."""

    def compare(now_ms: int, back: int) -> Wanted:
        period = Range.last_days(7, now_ms)
        previous = Range(period.since_ms - back * DAY, period.since_ms)
        return wanted(CompareQuestion(guild_id=GUILD, range=period, previous=previous), now_ms)

    assert compare(NOW, 7).key == compare(NOW + 999, 7).key
    assert compare(NOW, 7).key != compare(NOW, 8).key


def test_a_question_that_is_not_listed_is_taken_to_read_everything_of_any_time() -> None:
    """Retention follows people beyond the range, a comparison looks before it."""

    class Unlisted(RangeQuestion, Request[int], frozen=True, kw_only=True):
        """Something new."""

    found = wanted(Unlisted(guild_id=GUILD, range=Range(START, START + DAY)))

    assert (found.subjects, found.first_hour, found.last_hour) == (ALL_SUBJECTS, FIRST_HOUR, LAST_HOUR)
    assert (found.kind, found.answer) == (Kind.QUERY, int)


def test_the_settings_of_a_guild_are_kept_until_its_names_or_settings_change() -> None:
    """They are asked for before most questions."""
    found = wanted(SettingsQuestion(guild_id=GUILD))

    assert (found.subjects, found.first_hour, found.last_hour) == (Subject.NAMES, FIRST_HOUR, LAST_HOUR)
    assert (found.moving, found.answer) == (False, GuildSettings)


def test_a_question_about_no_guild_is_not_kept() -> None:
    """As the list of guilds."""
    assert wanted_by(GuildsQuestion(), NOW) is None


def test_a_question_must_say_what_its_answer_is() -> None:
    """Else it could not be read back from Redis."""
    with pytest.raises(TypeError, match="Request"):
        answer_type(int)


def test_the_state_of_the_database_moves_with_the_revision_of_the_guild_and_with_every_gap() -> None:
    """A guild that is not known has none."""
    connection = database()
    stamps = [stamp_of(connection, GUILD)]
    for statement in (
        f"INSERT INTO guilds (id) VALUES ({GUILD})",
        f"UPDATE guilds SET revision = revision + 1 WHERE id = {GUILD}",
        "INSERT INTO coverage_gaps (shard, from_ms, to_ms, reason) VALUES (0, 5, 9, 'session_invalid')",
    ):
        connection.execute(statement)
        stamps.append(stamp_of(connection, GUILD))
    connection.close()

    assert stamps == [None, "0.0.0", "1.0.0", "1.1.9"]


def test_an_answer_ages_while_a_part_of_its_range_is_not_yet_observed() -> None:
    """The next sign of life changes it, and that is no fact."""

    def answer(reason: str) -> Leaderboard:
        gap = Gap(shard=None, since_ms=0, until_ms=1, reason=reason)
        coverage = Coverage(complete=False, observed_share=0.0, gaps=(gap,))
        return Leaderboard(
            guild_id=1,
            since_ms=0,
            until_ms=1,
            time_zone="UTC",
            coverage=coverage,
            metric="messages",
            entries=(),
            ranked_users=0,
            next_cursor=None,
        )

    assert ages(answer("not_yet_observed"))
    assert not ages(answer("session_invalid"))
    assert not ages([(1, None)])
    assert dated(answer("x"), 5) == msgspec.structs.replace(answer("x"), as_of_ms=5)
    assert dated([1], 5) == [1]
