"""Voice: what a moment in a channel comes to. Every expected number is worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from mocha_actors.db.projections.voice import VoiceProjection
from mocha_actors.db.session import Session
from mocha_actors.discord.snowflake import from_time_ms, time_ms
from mocha_actors.pipeline.facts import (
    ChannelDeleted,
    Fact,
    GuildGone,
    GuildSeen,
    MemberJoined,
    MemberLeft,
    MembersSeen,
    Place,
    Profile,
    SessionEnded,
    VoiceChanged,
    VoiceFlag,
    VoiceListed,
)
from tests.db.builders import NOON_MS
from tests.db.projections.histories import apply, stored

GUILD, LOUNGE, STAGE, QUIET = 1 << 22, 501, 502, 503
ADA, BEN, BEEP = 601, 602, 603
HOUR, DAY = 3_600_000, 86_400_000
MIDNIGHT = NOON_MS + 12 * HOUR


def at(user: int, channel: int | None, ms: int, flags: int = 0, **fields: Any) -> VoiceChanged:
    """Somebody is in a channel at noon and so many milliseconds."""
    values = {
        "device": 1,
        "is_bot": user == BEEP,
        "username": f"u{user}",
        "global_name": None,
        "shard": 0,
        "bound_ms": 0,
    }
    return VoiceChanged(
        guild_id=GUILD, user_id=user, channel_id=channel, flags=int(flags), at_ms=NOON_MS + ms, **values | fields
    )


def listed(ms: int, *states: VoiceChanged, shard: int = 0) -> VoiceListed:
    """GUILD_CREATE names those who are there."""
    return VoiceListed(GUILD, states, shard, NOON_MS + ms, 0)


def lost(evidence: int, *, shard: int = 0) -> SessionEnded:
    """A session of the gateway was lost, and a new one began an hour later."""
    return SessionEnded(shard, NOON_MS + evidence, NOON_MS + evidence + HOUR)


def play(session: Session, *facts: Fact, projection: VoiceProjection | None = None) -> None:
    """Apply, a transaction each."""
    projection = projection or VoiceProjection()
    for fact in facts:
        apply(session, [projection], [fact])


def intervals(session: Session, user: int = ADA) -> list[tuple[int, int | None, int, int]]:
    """(start, end, channel, flags) of a user, times from noon on."""
    rows = stored(session, "voice_events", "user_id, id, ended_ms, channel_id, flags")
    mine = sorted((row[1:] for row in rows if row[0] == user), key=lambda row: (row[0], row[1] is not None))
    return [(time_ms(i) - NOON_MS, None if e is None else e - NOON_MS, c, f) for i, e, c, f in mine]


def seconds(session: Session, user: int = ADA) -> dict[int, int]:
    """Whole seconds of closed time by state, over all days."""
    sums: dict[int, int] = {}
    for who, state, ms in stored(session, "voice_user_day", "user_id, state, ms"):
        if who == user:
            sums[state] = sums.get(state, 0) + ms // 1000
    return sums


def counts(session: Session) -> tuple[int, int, int]:
    """Sessions by user, visits by channel, sessions by guild."""
    users = sum(row[0] for row in stored(session, "voice_user_day", "sessions"))
    visits = sum(row[0] for row in stored(session, "voice_channel_hour", "visits"))
    return users, visits, sum(row[0] for row in stored(session, "voice_guild_hour", "sessions"))


def test_from_joining_to_leaving_is_one_interval_one_session_and_one_visit(sqlite_session: Session) -> None:
    """Alone in the channel for ten minutes."""
    play(sqlite_session, at(ADA, LOUNGE, 0), at(ADA, None, 600_000))

    assert intervals(sqlite_session) == [(0, 600_000, LOUNGE, VoiceFlag.ALONE)]
    assert seconds(sqlite_session) == {4: 600}
    assert counts(sqlite_session) == (1, 1, 1)


def test_an_open_interval_is_a_row_and_in_no_sum(sqlite_session: Session) -> None:
    """So it survives the process, and a question adds it up to now."""
    play(sqlite_session, at(ADA, LOUNGE, 0))

    assert intervals(sqlite_session) == [(0, None, LOUNGE, VoiceFlag.ALONE)]
    assert stored(sqlite_session, "voice_user_day") == []


def test_muted_streaming_and_video_time_are_sums_of_the_same_time(sqlite_session: Session) -> None:
    """They overlap freely; deafened is a state of its own, muting is none."""
    play(
        sqlite_session,
        at(ADA, LOUNGE, 0),
        at(ADA, LOUNGE, 10_000, VoiceFlag.SELF_MUTE | VoiceFlag.STREAM),
        at(ADA, LOUNGE, 30_000, VoiceFlag.MUTE | VoiceFlag.VIDEO | VoiceFlag.SELF_DEAF),
        at(ADA, LOUNGE, 70_000, VoiceFlag.SUPPRESS),
        at(ADA, None, 150_000),
    )

    columns = "state, ms, muted_ms, streaming_ms, video_ms, suppressed_ms, sessions"
    assert stored(sqlite_session, "voice_user_day", columns) == [
        (4, 110_000, 20_000, 20_000, 0, 80_000, 1),
        (6, 40_000, 40_000, 0, 40_000, 0, 0),
    ]
    assert counts(sqlite_session) == (1, 1, 1)


def test_another_human_ends_being_alone_and_a_bot_does_not(sqlite_session: Session) -> None:
    """Ada's time is cut when Ben joins and when he leaves; the bot hears Ada, hence is not alone, until she goes."""
    play(
        sqlite_session,
        at(ADA, LOUNGE, 0), at(BEEP, LOUNGE, 10_000), at(BEN, LOUNGE, 20_000), at(BEN, None, 50_000), at(ADA, None, 60_000),
        at(BEEP, None, 90_000),
    )  # fmt: skip

    alone = VoiceFlag.ALONE
    assert intervals(sqlite_session) == [
        (0, 20_000, 501, alone),
        (20_000, 50_000, 501, 0),
        (50_000, 60_000, 501, alone),
    ]
    assert intervals(sqlite_session, BEEP) == [(10_000, 60_000, 501, 0), (60_000, 90_000, 501, alone)]
    assert seconds(sqlite_session) == {0: 30, 4: 30}
    assert counts(sqlite_session) == (3, 3, 3)


def test_a_move_goes_on_with_the_session_and_begins_a_visit(sqlite_session: Session) -> None:
    """A3.15: one session, a visit of each channel."""
    play(sqlite_session, at(ADA, LOUNGE, 0), at(ADA, STAGE, 60_000), at(ADA, LOUNGE, 90_000), at(ADA, None, 100_000))

    assert [row[:3] for row in intervals(sqlite_session)] == [
        (0, 60_000, 501),
        (60_000, 90_000, 502),
        (90_000, 100_000, 501),
    ]
    assert counts(sqlite_session) == (1, 3, 1)


def test_another_device_in_the_same_channel_changes_nothing(sqlite_session: Session) -> None:
    """A3.13: the interval goes on; the row knows the device of now."""
    play(sqlite_session, at(ADA, LOUNGE, 0, device=1), at(ADA, LOUNGE, 5_000, device=2), at(ADA, None, 10_000))

    assert [row[:2] for row in intervals(sqlite_session)] == [(0, 10_000)]
    assert stored(sqlite_session, "voice_events", "device, visit") == [(2, 1)]


def test_the_same_state_again_and_a_leave_from_nowhere_change_nothing(sqlite_session: Session) -> None:
    """Discord repeats itself."""
    play(
        sqlite_session,
        at(ADA, None, 0),
        at(ADA, LOUNGE, 1_000),
        at(ADA, LOUNGE, 5_000),
        at(ADA, None, 9_000),
        at(ADA, None, 9_500),
    )

    assert [row[:2] for row in intervals(sqlite_session)] == [(1_000, 9_000)]
    assert counts(sqlite_session) == (1, 1, 1)


def test_time_in_the_afk_channel_is_a_state_of_its_own(sqlite_session: Session) -> None:
    """The guild's AFK channel changes while Ada is there: her time is cut."""
    play(
        sqlite_session,
        at(ADA, QUIET, 0),
        GuildSeen(GUILD, None, None, QUIET, None, None, 0, NOON_MS + 40_000),
        at(ADA, None, 100_000),
    )

    assert seconds(sqlite_session) == {4: 40, 5: 60}
    assert counts(sqlite_session) == (1, 1, 1)


def test_hours_and_days_are_those_of_utc_and_a_session_counts_where_it_begins(sqlite_session: Session) -> None:
    """From 22:30 to 00:45: two rows, four hours; midnight is 12 hours after noon."""
    play(sqlite_session, at(ADA, LOUNGE, 10 * HOUR + HOUR // 2), at(ADA, None, 12 * HOUR + 45 * 60_000))

    noon_hour, day = NOON_MS // HOUR, NOON_MS // DAY
    assert [row[:2] for row in intervals(sqlite_session)] == [(37_800_000, 43_200_000), (43_200_000, 45_900_000)]
    assert stored(sqlite_session, "voice_events", "visit, end_reason") == [(0, 1), (1, 5)]
    assert stored(sqlite_session, "voice_user_day", "day, ms, sessions") == [
        (day, 5_400_000, 1),
        (day + 1, 2_700_000, 0),
    ]
    assert stored(sqlite_session, "voice_channel_hour", "hour, ms, visits") == [
        (noon_hour + 10, 1_800_000, 1), (noon_hour + 11, 3_600_000, 0), (noon_hour + 12, 2_700_000, 0),
    ]  # fmt: skip
    assert stored(sqlite_session, "voice_guild_hour", "hour, ms, sessions") == [
        (noon_hour + 10, 1_800_000, 1), (noon_hour + 11, 3_600_000, 0), (noon_hour + 12, 2_700_000, 0),
    ]  # fmt: skip


def test_a_lost_session_ends_at_the_last_evidence_and_goes_on_when_found(sqlite_session: Session) -> None:
    """P6: the hour between is nobody's; one session, one visit, and the second row names the first."""
    play(
        sqlite_session,
        at(ADA, LOUNGE, 0),
        lost(600_000),
        listed(4_200_000, at(ADA, LOUNGE, 4_200_000)),
        at(ADA, None, 4_500_000),
    )

    assert [row[:2] for row in intervals(sqlite_session)] == [(0, 600_000), (4_200_000, 4_500_000)]
    assert seconds(sqlite_session) == {4: 900}
    assert counts(sqlite_session) == (1, 1, 1)
    first, second = stored(
        sqlite_session, "voice_events", "id, session_id, continues_id, end_reason, suspended, bound_ms"
    )
    assert first == (from_time_ms(NOON_MS), from_time_ms(NOON_MS), None, 2, 0, 0)
    assert second == (from_time_ms(NOON_MS + 4_200_000), first[0], first[0], 1, 0, 1)


@pytest.mark.parametrize("found", [[], [at(ADA, STAGE, 4_200_000)]], ids=["nowhere", "elsewhere"])
def test_a_session_whose_user_is_not_found_in_the_same_channel_is_over(
    sqlite_session: Session, found: list[VoiceChanged]
) -> None:
    """What comes later is a session of its own."""
    play(sqlite_session, at(ADA, LOUNGE, 0), lost(600_000), listed(4_200_000, *found), at(ADA, None, 4_300_000))
    play(sqlite_session, at(ADA, LOUNGE, 4_400_000), at(ADA, None, 4_500_000))

    assert counts(sqlite_session) == (2 + len(found),) * 3
    assert stored(sqlite_session, "voice_events", "suspended, continues_id") == [(0, None)] * (2 + len(found))


def test_an_outage_is_closed_at_its_moment_and_bridged_by_the_session_only(sqlite_session: Session) -> None:
    """A3.12: its seconds are never counted."""
    outage = GuildGone(GUILD, outage=True, at_ms=NOON_MS + 60_000, bound_ms=0)
    play(sqlite_session, at(ADA, LOUNGE, 0), outage, listed(120_000, at(ADA, LOUNGE, 120_000)), at(ADA, None, 150_000))

    assert [row[:2] for row in intervals(sqlite_session)] == [(0, 60_000), (120_000, 150_000)]
    assert counts(sqlite_session) == (1, 1, 1)
    assert [row[0] for row in stored(sqlite_session, "voice_events", "end_reason")] == [1, 3]


def test_a_missed_leave_is_found_when_the_guild_is_listed_and_flagged(sqlite_session: Session) -> None:
    """Within an unbroken session: it ended by then, and may have ended at any time since it began."""
    play(sqlite_session, at(ADA, LOUNGE, 0), listed(90_000))

    assert stored(sqlite_session, "voice_events", "ended_ms, end_reason, bound_ms") == [(NOON_MS + 90_000, 1, 90_000)]


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (ChannelDeleted(GUILD, Place(LOUNGE, 2, None, None, None), NOON_MS + 50_000, 0), 4),
        (GuildGone(GUILD, outage=False, at_ms=NOON_MS + 50_000, bound_ms=0), 4),
        (MemberLeft(GUILD, ADA, is_bot=False, at_ms=NOON_MS + 50_000, bound_ms=0), 1),
    ],
    ids=["channel", "guild", "member"],
)
def test_who_loses_the_place_leaves_it(sqlite_session: Session, fact: Fact, reason: int) -> None:
    """A deleted channel, a guild that removed the bot, a member that left."""
    play(sqlite_session, at(ADA, LOUNGE, 0), fact)

    assert stored(sqlite_session, "voice_events", "ended_ms, end_reason, suspended") == [(NOON_MS + 50_000, reason, 0)]


def test_time_that_runs_backwards_is_no_time(sqlite_session: Session) -> None:
    """Never negative: what ends before it began leaves no row; what changes before it began is what it is from the beginning."""
    play(
        sqlite_session,
        at(ADA, LOUNGE, 10_000),
        at(ADA, None, 4_000),
        at(BEN, LOUNGE, 10_000),
        at(BEN, STAGE, 9_000),
        at(BEN, None, 30_000),
    )

    assert intervals(sqlite_session) == []
    assert intervals(sqlite_session, BEN) == [(10_000, 30_000, STAGE, VoiceFlag.ALONE)]
    assert counts(sqlite_session) == (1, 1, 1)


def test_a_session_lost_in_the_moment_of_a_change_is_still_known(sqlite_session: Session) -> None:
    """The empty row keeps the chain: one session, not two."""
    play(
        sqlite_session,
        at(ADA, LOUNGE, 0), at(ADA, LOUNGE, 10_000, VoiceFlag.MUTE), lost(10_000), listed(60_000, at(ADA, LOUNGE, 60_000)), at(ADA, None, 70_000),
    )  # fmt: skip

    assert [row[:2] for row in intervals(sqlite_session)] == [(0, 10_000), (10_000, 10_000), (60_000, 70_000)]
    assert counts(sqlite_session) == (1, 1, 1)


def test_what_another_shard_told_ended_with_that_shard(sqlite_session: Session) -> None:
    """The number of shards changed between two starts; the old shard was last alive a minute after noon."""
    with sqlite_session.transaction() as connection:
        connection.execute(
            "INSERT INTO gateway_sessions (shard, session_id, seq, fingerprint, epoch, last_alive_ms, user_id, application_id) "
            "VALUES (3, 's', 1, 'f', 1, ?, 7, 8)",
            (NOON_MS + 60_000,),
        )
    play(sqlite_session, at(ADA, LOUNGE, 0, shard=3))
    play(sqlite_session, listed(HOUR, at(ADA, LOUNGE, HOUR, shard=1), shard=1), at(ADA, None, HOUR + 5_000, shard=1))

    assert [row[:2] for row in intervals(sqlite_session)] == [(0, 60_000), (HOUR, HOUR + 5_000)]
    assert counts(sqlite_session) == (1, 1, 1)


def test_a_session_that_ends_later_in_the_transaction_is_its_own_evidence(sqlite_session: Session) -> None:
    """The table knows the new session of the old shard already, whose life is no evidence of the old one."""
    play(sqlite_session, at(ADA, LOUNGE, 0, shard=3))
    with sqlite_session.transaction() as connection:
        connection.execute(
            "INSERT INTO gateway_sessions (shard, session_id, seq, fingerprint, epoch, last_alive_ms, user_id, application_id) "
            "VALUES (3, 'new', 1, 'f', 1, ?, 7, 8)",
            (NOON_MS + HOUR,),
        )
    facts = [listed(HOUR, at(ADA, LOUNGE, HOUR, shard=1), shard=1), SessionEnded(3, NOON_MS + 60_000, NOON_MS + HOUR)]
    apply(sqlite_session, [VoiceProjection()], facts)

    assert [row[:2] for row in intervals(sqlite_session)] == [(0, 60_000), (HOUR, None)]


def test_a_replayed_moment_makes_what_it_bounds_estimated(sqlite_session: Session) -> None:
    """Start and end are uncertain together, and so is Ben's aloneness from then on."""
    play(
        sqlite_session,
        at(BEN, LOUNGE, 0),
        at(ADA, LOUNGE, 10_000, bound_ms=300),
        at(ADA, None, 20_000, bound_ms=50),
        at(BEN, None, 30_000),
    )

    columns = "user_id, id, bound_ms"
    bounds = [(user, time_ms(i) - NOON_MS, bound) for user, i, bound in stored(sqlite_session, "voice_events", columns)]
    assert bounds == [(ADA, 10_000, 350), (BEN, 0, 300), (BEN, 10_000, 350), (BEN, 20_000, 50)]


def test_a_bot_is_known_by_its_state_or_as_a_member(sqlite_session: Session) -> None:
    """A state that does not say it is looked up among the members."""
    with sqlite_session.transaction() as connection:
        connection.execute(
            "INSERT INTO members (guild_id, user_id, is_bot, roles, seen_ms) VALUES (?, ?, 1, '', 0)", (GUILD, BEEP)
        )
    play(sqlite_session, at(BEEP, LOUNGE, 0, is_bot=None), at(ADA, LOUNGE, 5_000, is_bot=None))

    assert sorted(stored(sqlite_session, "voice_events", "user_id, is_bot")) == [(ADA, 0), (BEEP, 1), (BEEP, 1)]


def test_a_bot_is_known_from_the_facts_of_the_same_transaction(sqlite_session: Session) -> None:
    """The table of members is written after the voice channels: GUILD_CREATE and a join tell of bots before it does."""
    beep, other = (
        Profile(user, "b", None, is_bot=True, joined_ms=None, nick=None, roles=(), pending=None) for user in (BEEP, 99)
    )
    facts = [MembersSeen(GUILD, (beep,), NOON_MS), MemberJoined(GUILD, other, NOON_MS, 0)]
    states = [at(BEEP, LOUNGE, 0, is_bot=None), at(99, STAGE, 0, is_bot=None), at(ADA, QUIET, 0, is_bot=None)]
    apply(sqlite_session, [VoiceProjection()], [*facts, *states])

    assert stored(sqlite_session, "voice_events", "user_id, is_bot") == [(ADA, 0), (BEEP, 1), (99, 1)]


def test_a_clock_that_stands_before_discord_does_not_stop_the_writer(sqlite_session: Session) -> None:
    """A small computer without a battery wakes up in 1970: there is no time then, but there are no errors either."""
    play(sqlite_session, at(ADA, LOUNGE, -NOON_MS), at(ADA, STAGE, 60_000 - NOON_MS), at(ADA, None, 120_000 - NOON_MS))

    assert stored(sqlite_session, "voice_events") == []


def test_guilds_out_of_use_are_let_go_and_found_again(sqlite_session: Session) -> None:
    """Memory is bounded; what is reloaded goes on."""
    projection = VoiceProjection(remembered=1)
    other = VoiceChanged(
        2 << 22, ADA, LOUNGE, 1, 0, is_bot=False, username="", global_name=None, shard=0, at_ms=NOON_MS, bound_ms=0
    )
    play(sqlite_session, at(ADA, LOUNGE, 0), other, at(ADA, None, 1_000), projection=projection)

    assert {row[:2] for row in intervals(sqlite_session)} == {(0, 1_000), (0, None)}
    assert len(projection._guilds) == 1
