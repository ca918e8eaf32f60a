"""The log of changes: it never misses one, and takes nothing for changed that was not, as long as its memory suffices."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.cache import changes
from mocha_actors.cache.changes import BUSY_CHANGES, ChangeLog
from mocha_actors.pipeline.notices import EVERYTHING, Changed, Subject, Touched, everything_of
from tests.cache.questions import GUILD, NOW_HOUR, OTHER_GUILD, change, closed, rolling

SUBJECTS = [Subject.MESSAGES, Subject.VOICE, Subject.NAMES]

stretches = st.builds(
    lambda guild, subject, first, length: Touched(guild, subject, first, first + length),
    st.sampled_from([GUILD, OTHER_GUILD]), st.sampled_from(SUBJECTS), st.integers(0, 12), st.integers(0, 3),
)  # fmt: skip
notices = st.builds(lambda touched: Changed(frozenset(touched)), st.lists(stretches, min_size=1, max_size=3))
histories = st.lists(notices | st.sampled_from([everything_of(GUILD)]), max_size=20)


def changed_since(log: ChangeLog, since: int, guild_id: int, first: int, last: int) -> bool:
    """What the log says about a question."""
    return log.last_change(closed(first, last, guild_id=guild_id), since) > since


def really_changed(history: list[Changed], since: int, guild_id: int, first: int, last: int) -> bool:
    """What a list of all notices says."""
    return any(
        touched.guild_id in {guild_id, None}
        and touched.subjects & (Subject.MESSAGES | Subject.NAMES)
        and touched.first_hour <= last
        and touched.last_hour >= first
        for notice in history[since:]
        for touched in notice.touched
    )


@given(histories, st.integers(0, 20), st.sampled_from([GUILD, OTHER_GUILD]), st.integers(0, 12), st.integers(0, 6))
def test_the_log_agrees_with_a_list_of_all_notices(
    history: list[Changed], since: int, guild_id: int, first: int, length: int
) -> None:
    """For any question, asked at any time before or after."""
    since = min(since, len(history))
    log = ChangeLog(5.0)
    for notice in history:
        log.note(notice, 0.0)

    expected = really_changed(history, since, guild_id, first, first + length)

    assert changed_since(log, since, guild_id, first, first + length) == expected


@given(histories, st.integers(0, 20), st.integers(0, 12), st.integers(0, 6))
def test_with_too_little_memory_the_log_forgets_answers_and_never_changes(
    history: list[Changed], since: int, first: int, length: int
) -> None:
    """Two stretches of each log, two logs: what it cannot know it takes for changed."""
    since = min(since, len(history))
    log = ChangeLog(5.0, most_logs=2)
    with patch.object(changes, "MOST_STRETCHES", 2):
        for notice in history:
            log.note(notice, 0.0)

    if really_changed(history, since, GUILD, first, first + length):
        assert changed_since(log, since, GUILD, first, first + length)


def test_live_traffic_is_one_stretch_however_long_it_lasts() -> None:
    """A check of an old answer against a million changes of this hour takes one step."""
    log = ChangeLog(5.0)
    for _ in range(1_000):
        log.note(change(), 0.0)

    (stretches,) = log._logs.values()
    assert 1 == len(stretches._touched)
    assert not changed_since(log, 0, GUILD, NOW_HOUR - 48, NOW_HOUR - 25)


def test_a_change_of_everything_reaches_every_guild() -> None:
    """Those of which nothing was ever heard, too."""
    log = ChangeLog(5.0)
    log.note(EVERYTHING, 0.0)

    assert changed_since(log, 0, 77, 0, 1)
    assert not changed_since(log, 1, 77, 0, 1)


def test_a_guild_is_busy_while_it_changes_often() -> None:
    """Five changes in this or the last stretch of five seconds; after a pause it is quiet."""
    log = ChangeLog(5.0)
    for number in range(BUSY_CHANGES):
        assert not log.busy(GUILD, 10.0)
        log.note(change(), 10.0 + number / 10)

    assert [log.busy(GUILD, now) for now in (14.9, 15.0, 19.9, 20.0, 100.0)] == [True, True, True, False, False]
    assert not log.busy(OTHER_GUILD, 14.9)


def test_a_moving_question_is_changed_by_what_happens_now() -> None:
    """Its range has no end."""
    log = ChangeLog(5.0)
    log.note(change(NOW_HOUR + 1_000), 0.0)

    assert log.last_change(rolling(), 0) == 1
