"""Voice and presence held against an account with other clocks: what may differ and what may not."""

from __future__ import annotations

import pytest

from mocha_actors.db.comparison import Difference
from mocha_actors.db.projections.presence import PresenceProjection
from mocha_actors.db.projections.voice import VoiceProjection
from mocha_actors.db.session import Session
from mocha_actors.db.stays import Stay, compare_stays, guilds, online, visits
from mocha_actors.discord.snowflake import from_time_ms
from mocha_actors.pipeline.facts import PresenceChanged, SessionEnded, VoiceChanged, VoiceFlag, VoiceListed
from tests.db.builders import NOON_MS
from tests.db.projections.histories import apply

GUILD, LOUNGE, STAGE, ADA, BEN = 1 << 22, 501, 502, 601, 602
LAG = 1_000


def stay(
    start: int = 0,
    end: int | None = 60_000,
    *,
    channel: int = LOUNGE,
    begins: bool = True,
    muted: int = 0,
    bound: int = 0,
) -> Stay:
    """A visit of Ada, times from noon on."""
    length = 0 if end is None else end - start
    ended = None if end is None else NOON_MS + end
    return Stay(GUILD, ADA, channel, NOON_MS + start, ended, begins, (length, muted, 0, 0, 0, 0, 0, 0), 1, bound)


def differences(stored: list[Stay], expected: list[Stay]) -> list[tuple[bool, bool]]:
    """Of each difference whether it is stored and whether it is expected."""
    result = compare_stays("voice_events", stored, expected, LAG)
    return [(found.stored is not None, found.expected is not None) for found in result.differences]


def test_what_is_the_same_but_for_the_clocks_is_equal() -> None:
    """A second later at both ends."""
    assert differences([stay(1_000, 61_000)], [stay(0, 60_000)]) == []
    assert differences([stay(0, None)], [stay(0, None)]) == []


BOTH, STORED, EXPECTED = (True, True), (True, False), (False, True)


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (stay(1_001), [STORED, EXPECTED]),
        (stay(0, 61_001), [BOTH]),
        (stay(0, None), [BOTH]),
        (stay(channel=STAGE), [EXPECTED, STORED]),
        (stay(begins=False), [BOTH]),
        (stay(muted=2_001), [BOTH]),
    ],
    ids=["start", "end", "open", "channel", "session", "muted"],
)
def test_what_differs_by_more_is_found(other: Stay, found: list[tuple[bool, bool]]) -> None:
    """A visit that began at another time or elsewhere is another one. Of a sum of one row on each side two deliveries may be missing."""
    assert differences([stay()], [other]) == found


def test_what_a_row_does_not_claim_to_know_may_differ() -> None:
    """A replayed moment is known within its bound only."""
    assert differences([stay(5_000, 60_000, bound=4_000)], [stay(0, 60_000)]) == []


def test_of_a_time_online_that_lasts_the_rows_may_be_cut_differently() -> None:
    """How much of it is closed already depends on what was a flap, by the moments that each side knows; its start and its end do not."""
    here = Stay(GUILD, BEN, 0, NOON_MS, None, begins=False, sums=(35_000,), parts=3, bound=0)
    there = here._replace(sums=(0,), parts=1)

    assert [] == differences([here], [there])
    assert [(True, True)] == differences([here], [there._replace(end=NOON_MS + 60_000, sums=(60_000,))])


def test_a_visit_that_one_side_does_not_have_is_found() -> None:
    """And what follows is compared all the same."""
    assert differences([stay(), stay(100_000, 200_000)], [stay(), stay(70_000, 90_000), stay(100_000, 200_000)]) == [
        (False, True)
    ]
    assert differences([stay(), stay(70_000, 90_000)], [stay()]) == [(True, False)]


def test_a_visit_no_longer_than_a_delivery_may_be_on_one_side_only() -> None:
    """Two events of one millisecond came in two."""
    assert differences([stay(0, 900), stay(5_000, 60_000)], [stay(5_000, 60_000)]) == []
    assert differences([], [stay(0, 1_000)]) == []


def test_a_session_that_one_side_saw_begin_in_a_visit_too_short_for_the_other_begins_with_the_next() -> None:
    """Joined and moved on within twelve milliseconds, which came in one; who left in between and returned began another session."""
    moved = [stay(0, 12, channel=STAGE), stay(12, begins=False)]

    assert differences([stay(12)], moved) == differences(moved, [stay(12)]) == []
    assert differences([stay(12)], [stay(0, 10, channel=STAGE), stay(12, begins=False)]) == [BOTH]
    assert differences([stay(12)], [stay(0, 12, channel=STAGE, begins=False), stay(12, begins=False)]) == [BOTH]


def test_a_difference_names_the_row_and_both_sides() -> None:
    """User, channel, whether a session begins, start, end, and the sums."""
    [found] = compare_stays("voice_events", [stay()], [stay(0, 99_000)], LAG).differences

    here = (ADA, LOUNGE, 1, NOON_MS, NOON_MS + 60_000, 60_000, 0, 0, 0, 0, 0, 0, 0)
    there = (ADA, LOUNGE, 1, NOON_MS, NOON_MS + 99_000, 99_000, 0, 0, 0, 0, 0, 0, 0)
    assert found == Difference("voice_events", (GUILD, from_time_ms(NOON_MS)), here, there)


def at(user: int, channel: int | None, ms: int, flags: int = 0) -> VoiceChanged:
    """Somebody is in a channel at noon and so many milliseconds."""
    return VoiceChanged(
        GUILD, user, channel, 1, int(flags), is_bot=False, username="", global_name=None, shard=0, at_ms=NOON_MS + ms, bound_ms=0
    )  # fmt: skip


def test_a_visit_is_put_together_from_its_rows(session: Session) -> None:
    """A change of flags and a lost session are inside a visit; a move and a return are not."""
    facts = [
        at(ADA, LOUNGE, 0), at(ADA, LOUNGE, 10_000, VoiceFlag.MUTE), SessionEnded(0, NOON_MS + 30_000, NOON_MS + 90_000),
        VoiceListed(GUILD, (at(ADA, LOUNGE, 100_000),), 0, NOON_MS + 100_000, 0), at(ADA, STAGE, 120_000), at(ADA, None, 125_000),
    ]  # fmt: skip
    apply(session, [VoiceProjection()], facts)
    with session.transaction() as connection:
        found = visits(connection, GUILD)
        assert guilds(connection) == [GUILD]

    # Alone all the time: the last of the sums. Found again: one millisecond of uncertainty.
    assert found == [
        Stay(
            GUILD,
            ADA,
            LOUNGE,
            NOON_MS,
            NOON_MS + 120_000,
            begins=True,
            sums=(50_000, 20_000, 0, 0, 0, 0, 0, 50_000),
            parts=3,
            bound=1,
        ),
        Stay(
            GUILD,
            ADA,
            STAGE,
            NOON_MS + 120_000,
            NOON_MS + 125_000,
            begins=False,
            sums=(5_000, 0, 0, 0, 0, 0, 0, 5_000),
            parts=1,
            bound=0,
        ),
    ]


def test_a_time_online_is_put_together_from_its_statuses(session: Session) -> None:
    """Which status it was is not told; a time offline ends it."""
    statuses = ((0, 1), (60_000, 2), (120_000, 0), (200_000, 3))
    apply(session, [PresenceProjection()], [PresenceChanged(GUILD, BEN, s, 0, NOON_MS + ms, 0) for ms, s in statuses])
    with session.transaction() as connection:
        found = online(connection, GUILD)

    assert found == [
        Stay(GUILD, BEN, 0, NOON_MS, NOON_MS + 120_000, begins=False, sums=(120_000,), parts=2, bound=0),
        Stay(GUILD, BEN, 0, NOON_MS + 200_000, None, begins=False, sums=(0,), parts=1, bound=0),
    ]


@pytest.mark.parametrize(("absence", "found"), [(LAG, []), (LAG + 1, [BOTH, EXPECTED])])
def test_an_absence_shorter_than_a_delivery_may_not_have_been_seen(
    absence: int, found: list[tuple[bool, bool]]
) -> None:
    """Of presences that come together only the last is looked at; a longer absence must be there. Either side may be the one that saw it."""
    through = stay(0, None, channel=0, begins=False)
    twice = [stay(0, 60_000, channel=0, begins=False), stay(60_000 + absence, None, channel=0, begins=False)]

    assert differences([through], twice) == found
    assert differences(twice, [through]) == [(expected, stored) for stored, expected in found]


def test_an_absence_from_a_voice_channel_is_never_passed_over() -> None:
    """There every event counts."""
    assert differences([stay(0, None)], [stay(0, 60_000), stay(60_010, None)]) == [BOTH, EXPECTED]
