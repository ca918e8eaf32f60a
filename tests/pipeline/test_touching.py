"""What facts change: for whom, of which subject, and at which times."""

from __future__ import annotations

from typing import get_args

import pytest

from mocha_actors.discord.snowflake import from_time_ms
from mocha_actors.pipeline import facts as f
from mocha_actors.pipeline.notices import (
    ALL_SUBJECTS,
    EVERYTHING,
    FIRST_HOUR,
    LAST_HOUR,
    Changed,
    Subject,
    Touched,
    everything_of,
)
from mocha_actors.pipeline.touching import EVERYWHERE, TOUCHES, changes

HOUR_MS = 3_600_000
HOUR = 491_000  # 2026-01-05T08:00Z
AT_MS = HOUR * HOUR_MS + 1_000
OLD_HOUR = HOUR - 1_000
OLD_MESSAGE = from_time_ms(OLD_HOUR * HOUR_MS + 5)


def sent(guild_id: int = 1, at_ms: int = AT_MS) -> f.MessageSent:
    """A message at a time."""
    return f.MessageSent(guild_id, from_time_ms(at_ms), 50, 7, 0, 0, 0, "", None)


def voice(at_ms: int, bound_ms: int = 0) -> f.VoiceChanged:
    """Somebody's voice state at a time."""
    return f.VoiceChanged(1, 7, None, 0, 0, None, "", None, 0, at_ms, bound_ms)


def touched(*facts: f.Fact) -> set[tuple[int | None, Subject, int, int]]:
    """The notice for ``facts`` as plain tuples."""
    return {tuple(one) for one in changes(facts).touched}


def test_every_kind_of_fact_says_what_it_changes() -> None:
    """A fact without a rule would leave wrong answers in the cache."""
    assert set(get_args(f.Fact)) == TOUCHES.keys() | EVERYWHERE
    assert set() == TOUCHES.keys() & EVERYWHERE


def test_no_facts_change_nothing() -> None:
    """The notice is empty, and need not be sent."""
    assert Changed() == changes([])


def test_messages_touch_their_own_hours_and_guilds() -> None:
    """Many messages of an hour are one stretch; two hours are two, and nothing in between is touched."""
    notice = touched(
        sent(), sent(at_ms=AT_MS + 5), sent(at_ms=AT_MS - 10 * HOUR_MS), sent(guild_id=2, at_ms=AT_MS + HOUR_MS)
    )

    assert notice == {
        (1, Subject.MESSAGES, HOUR, HOUR),
        (1, Subject.MESSAGES, HOUR - 10, HOUR - 10),
        (2, Subject.MESSAGES, HOUR + 1, HOUR + 1),
    }


def test_a_late_delete_touches_the_time_of_the_message() -> None:
    """And, of reactions, all the time since it: their net state goes with the message."""
    young = from_time_ms(AT_MS)

    assert touched(f.MessagesDeleted(1, 50, (young, OLD_MESSAGE), AT_MS, 0)) == {
        (1, Subject.MESSAGES, OLD_HOUR, OLD_HOUR),
        (1, Subject.MESSAGES, HOUR, HOUR),
        (1, Subject.REACTIONS, OLD_HOUR, HOUR),
    }


def test_an_edit_and_details_touch_the_message_and_not_the_present() -> None:
    """Whatever the time at which they come."""
    expected = {(1, Subject.MESSAGES, OLD_HOUR, OLD_HOUR)}

    assert touched(f.MessageEdited(1, OLD_MESSAGE, 50, AT_MS)) == expected
    assert touched(f.MessageDetails(1, OLD_MESSAGE)) == expected


def test_a_reaction_counts_when_it_is_made_and_one_that_is_taken_back_may_be_as_old_as_its_message() -> None:
    """A fact with a bound touches all the time in which it may have happened; what stands on an old message is a number of that message's time."""
    added = f.ReactionAdded(1, 50, OLD_MESSAGE, 7, "x", None, False, None, None, AT_MS, 2 * HOUR_MS)
    removed = f.ReactionRemoved(1, 50, OLD_MESSAGE, 7, "x", False, AT_MS, 0)

    assert touched(added) == {
        (1, Subject.REACTIONS, HOUR, HOUR + 2),
        (1, Subject.REACTIONS, OLD_HOUR, OLD_HOUR),
    }
    assert touched(removed) == {(1, Subject.REACTIONS, OLD_HOUR, HOUR)}


def test_a_voice_state_ends_what_may_have_begun_a_day_before() -> None:
    """No session is longer than 24 hours."""
    assert touched(voice(AT_MS)) == {(1, Subject.VOICE, HOUR - 24, HOUR)}


def test_a_join_counts_when_discord_says_and_changes_who_is_a_member_now() -> None:
    """The roster has no time: it is what is true at the asking."""
    member = f.Profile(7, "ada", None, False, AT_MS - 3 * HOUR_MS, None, (), None)

    assert touched(f.MemberJoined(1, member, AT_MS, 0)) == {
        (1, Subject.MEMBERS, HOUR - 3, HOUR),
        (1, Subject.ROSTER, FIRST_HOUR, LAST_HOUR),
    }


def test_a_channel_that_is_renamed_changes_names_at_any_time_and_no_count() -> None:
    """Answers about last year show today's names."""
    assert touched(f.ChannelsSeen(1, (), False, AT_MS)) == {(1, Subject.NAMES, FIRST_HOUR, LAST_HOUR)}


@pytest.mark.parametrize(
    "fact", [f.SessionStarted(0, "s", "u", "f", 1, 1, AT_MS, "first_start"), f.SessionEnded(0, AT_MS, AT_MS)]
)
def test_a_lost_session_may_change_every_answer(fact: f.Fact) -> None:
    """Its gap stands in the coverage of all guilds."""
    assert EVERYTHING == changes([sent(), fact])


def test_a_notice_may_be_about_everything_of_one_guild() -> None:
    """After a forget or an opt-out."""
    assert frozenset({Touched(5, ALL_SUBJECTS, FIRST_HOUR, LAST_HOUR)}) == everything_of(5).touched
    assert [5, 6] == everything_of(6).merged(everything_of(5)).guilds
