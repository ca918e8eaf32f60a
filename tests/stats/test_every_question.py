"""Every question equals a recount, for any history, range, zone and filter, on both databases."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Hashable
from contextlib import closing
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mocha_actors.cache.bases import Bases
from mocha_actors.pipeline.counters import CacheCounters
from mocha_actors.runtime import Request
from mocha_actors.stats import message_sources
from mocha_actors.stats.answers import answer
from mocha_actors.stats.live import Live
from mocha_actors.stats.message_sources import MANY, PACKED
from mocha_actors.stats.questions import (
    CHANNEL_GROUPS,
    CHANNEL_METRICS,
    HOUR_METRICS,
    USER_METRICS,
    ActiveMembersQuestion,
    BusiestHoursQuestion,
    ChannelQuestion,
    ChannelRankingQuestion,
    CompareQuestion,
    Filters,
    GuildQuestion,
    HeatmapQuestion,
    InactiveMembersQuestion,
    LeaderboardQuestion,
    MemberGrowthQuestion,
    MessageQuestion,
    MessageTimelineQuestion,
    OnlineTimelineQuestion,
    RankQuestion,
    ReactionQuestion,
    RetentionQuestion,
    TopEmojiQuestion,
    UserActivityQuestion,
    UserQuestion,
    VoiceQuestion,
    VoiceSessionsQuestion,
    VoiceTimelineQuestion,
)  # fmt: skip
from mocha_actors.stats.ranges import Range
from tests.stats.oracle import DAY, GUILD, ranked
from tests.stats.recount import Recount, all_minutes, bucket, local
from tests.stats.world import (
    BEGIN,
    BOTS,
    MINUTE,
    PLACES,
    PRESENT,
    ZONES,
    World,
    at,
    filters,
    opened,
    pack,
    ranges,
    worlds,
)  # fmt: skip

pytestmark = pytest.mark.usefixtures("both_databases")

R = TypeVar("R")

zones = st.sampled_from(ZONES)
intervals = st.sampled_from(["hour", "day", "week", "month"])
week_starts = st.sampled_from([0, 6])
calendars = st.tuples(zones, intervals, week_starts)
EXAMPLES = int(os.environ.get("MOCHA_EXAMPLES", "12"))
"""Histories that each question is compared on; hundreds for a campaign."""

some = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def asked(world: World, kind: Callable[..., Request[R]], period: Range, chosen: Filters, **own: Any) -> R:
    """The answer to a question of ``kind``, to which it makes no difference what is cheap to read, nor do the live counters, asked twenty minutes earlier too."""
    bases = Eager(1 << 20, CacheCounters())
    with closing(opened(world)) as connection:
        connection.execute("INSERT INTO guilds (id) VALUES (?)", (GUILD,))
        question: Any = kind(guild_id=GUILD, range=period, filters=chosen, **own)
        result: Any = answer(connection, question)
        earlier = max(period.since_ms + MINUTE, period.until_ms - 20 * MINUTE)
        for until_ms in (earlier, period.until_ms, period.until_ms):
            asked_then = replace(question, range=Range(period.since_ms, until_ms))
            # By a clock that is behind, the last third of the range is not over yet and is read each time.
            lively = answer(connection, asked_then, Live(bases, until_ms - period.duration_ms // 3))
        assert lively == result
        pack(connection)
        assert answer(connection, question) == result
        with pytest.MonkeyPatch.context() as patch:
            # As in a large guild, where it is cheap to read all of a unit and take off what lies beside the range.
            patch.setattr(message_sources, "STATEMENT", 0)
            for prices in (MANY, PACKED):
                for unit in prices:
                    patch.setitem(prices, unit, 0)
            assert answer(connection, question) == result
    return result


class Eager(Bases):
    """Everything is worth a base."""

    def hot(self, key: Hashable) -> bool:
        """It is."""
        return True


def by_bucket(steps: Any, zone: str, interval: str, week_start: int) -> dict[Any, Any]:
    """The steps of a timeline by what they are called there; no two are called the same."""
    found = {bucket(step.since_ms, zone, interval, week_start): step for step in steps}
    assert len(found) == len(steps)
    return found


@some
@given(ranges(), zones, intervals, week_starts, worlds())
def test_the_buckets_of_a_timeline_are_those_of_clock_and_calendar(
    period: Range, zone: str, interval: Any, week_start: int, world: World
) -> None:
    """Each minute of the range lies in the bucket that is called as it is; a bucket is partial when minutes beside the range are called so too."""
    result = asked(
        world, MessageTimelineQuestion, period, Filters(), time_zone=zone, interval=interval, week_start=week_start
    )

    expected = Counter(bucket(ms, zone, interval, week_start) for ms in all_minutes(period))
    found = by_bucket(result.buckets, zone, interval, week_start)
    assert {name: (step.until_ms - step.since_ms) // MINUTE for name, step in found.items()} == expected
    beside = {bucket(ms, zone, interval, week_start) for ms in (period.since_ms - MINUTE, period.until_ms)}
    assert {name for name, step in found.items() if step.partial} == beside & set(expected)


@some
@given(worlds(), ranges(), filters())
def test_message_stats(world: World, period: Range, chosen: Filters) -> None:
    """Totals by class and kind."""
    recount = Recount(world, period, chosen)
    kept = [row for row in recount.rows() if not (chosen.exclude_deleted and row.deleted)]

    result = asked(world, MessageQuestion, period, chosen)

    assert result.messages == len(recount.messages())
    assert result.bot_messages == sum(row.kind == 0 and row.author_class == 1 for row in kept)
    assert result.webhook_messages == sum(row.kind == 0 and row.author_class == 2 for row in kept)
    assert result.commands == sum(row.kind == 1 and (row.author_class != 2 or recount.hooks) for row in kept)
    assert result.deleted_messages == sum(row.deleted for row in recount.rows() if recount.counts(row))


@some
@given(worlds(), ranges(), filters(), calendars)
def test_message_timeline(world: World, period: Range, chosen: Filters, calendar: tuple[str, Any, int]) -> None:
    """Each message in the local bucket of its time."""
    zone, interval, week_start = calendar
    expected = Counter(bucket(row.ms, zone, interval, week_start) for row in Recount(world, period, chosen).messages())

    result = asked(
        world, MessageTimelineQuestion, period, chosen, time_zone=zone, interval=interval, week_start=week_start
    )

    found = by_bucket(result.buckets, zone, interval, week_start)
    assert {name: step.messages for name, step in found.items() if step.messages} == expected
    assert result.messages == sum(expected.values())


@some
@given(worlds(), ranges(), filters(), zones, st.sampled_from(HOUR_METRICS))
def test_heatmap(world: World, period: Range, chosen: Filters, zone: str, metric: Any) -> None:
    """Sums and hours of each cell; the busiest are those with the greatest averages."""
    recount = Recount(world, period, chosen)
    moments = (
        [row.ms for row in recount.messages()] if metric == "messages" else [ms for ms, _ in recount.voice_minutes()]
    )
    unit = 1 if metric == "messages" else 60
    sums = Counter((local(ms, zone).weekday(), local(ms, zone).hour) for ms in moments)
    lengths = Counter((local(ms, zone).weekday(), local(ms, zone).hour) for ms in all_minutes(period))

    result = asked(world, HeatmapQuestion, period, chosen, time_zone=zone, metric=metric)
    busiest = asked(world, BusiestHoursQuestion, period, chosen, time_zone=zone, metric=metric, limit=3)

    assert [(cell.weekday, cell.hour) for cell in result.cells] == [
        (day, hour) for day in range(7) for hour in range(24)
    ]
    for cell in result.cells:
        name = cell.weekday, cell.hour
        assert cell.value == sums[name] * unit
        assert cell.hours == pytest.approx(lengths[name] / 60)
        assert (cell.average_per_hour is None) == (lengths[name] == 0)
    best = sorted((-sums[name] * unit * 60 / lengths[name], name) for name in sums)[:3]
    assert [-cell.average_per_hour for cell in busiest.cells if cell.average_per_hour] == pytest.approx(
        [value for value, _ in best]
    )


def user_counts(recount: Recount, metric: str) -> Counter[int]:
    """What a leaderboard lists."""
    found = {
        "messages": recount.writers, "voice_seconds": recount.speakers, "reactions_given": recount.givers, "reactions_received": recount.receivers,
    }[metric]()  # fmt: skip
    unit = 60 if metric == "voice_seconds" else 1
    return recount.listed(Counter({user: count * unit for user, count in found.items()}))


@some
@given(worlds(), ranges(), filters(), st.sampled_from(USER_METRICS), st.integers(1, 3))
def test_leaderboard_and_rank(world: World, period: Range, chosen: Filters, metric: Any, user: int) -> None:
    """Everybody by each metric, and the neighbours of one of them."""
    expected = ranked(user_counts(Recount(world, period, chosen), metric))

    result = asked(world, LeaderboardQuestion, period, chosen, metric=metric, limit=100)
    place = asked(world, RankQuestion, period, chosen, metric=metric, user_id=user, neighbours=1)

    assert [(entry.rank, entry.user_id, entry.value) for entry in result.entries] == expected
    assert place.rank == next((rank for rank, key, _ in expected if key == user), None)
    position = next((index for index, entry in enumerate(expected) if entry[1] == user), None)
    near = [] if position is None else expected[max(0, position - 1) : position + 2]
    assert [(entry.rank, entry.user_id, entry.value) for entry in place.entries] == near


def channel_counts(recount: Recount, metric: str) -> Counter[int]:
    """By channel or thread, each by itself."""
    if metric == "messages":
        return Counter(row.channel for row in recount.messages())
    if metric == "reactions":
        return Counter(each.channel for each in recount.reactions() if each.action == 0)
    return Counter(
        {key: count * 60 for key, count in Counter(each.channel for _, each in recount.voice_minutes()).items()}
    )


@some
@given(worlds(), ranges(), filters(), st.sampled_from(CHANNEL_METRICS), st.sampled_from(CHANNEL_GROUPS))
def test_channel_ranking(world: World, period: Range, chosen: Filters, metric: Any, group: Any) -> None:
    """Threads by themselves, with their channels, or all by category."""
    recount = Recount(world, period, chosen)
    grouped: Counter[int] = Counter()
    for key, count in channel_counts(recount, metric).items():
        target = {"thread": key, "channel": recount.channel_of(key), "category": recount.category_of(key)}[group]
        if target is not None:
            grouped[target] += count

    result = asked(world, ChannelRankingQuestion, period, chosen, metric=metric, group=group, limit=100)

    assert [(entry.rank, entry.channel_id, entry.value) for entry in result.entries] == ranked(grouped)
    assert sum(entry.share for entry in result.entries) == pytest.approx(1 if grouped else 0)


@some
@given(worlds(), ranges(), filters(), st.sampled_from(PLACES), st.booleans())
def test_channel_stats(world: World, period: Range, chosen: Filters, channel: int, threads: bool) -> None:
    """A channel that is named, with or without its threads, ignored or not."""
    everywhere = Recount(world, period, chosen)
    held = {place for place in PLACES if place == channel or (threads and everywhere.channel_of(place) == channel)}
    here = everywhere._replace(
        filters=_only(chosen, held), world=world._replace(ignores={i for i in world.ignores if i[0]})
    )

    result = asked(world, ChannelQuestion, period, chosen, channel_id=channel, include_threads=threads)

    rows = [row for row in here.messages() if row.channel in held]
    assert result.messages == len(rows)
    assert result.first_message_id == min((row.id for row in rows), default=None)
    assert result.last_message_id == max((row.id for row in rows), default=None)
    assert result.voice_seconds == 60 * sum(each.channel in held for _, each in here.voice_minutes())
    assert result.reactions == sum(each.action == 0 and each.channel in held for each in here.reactions())


def _only(chosen: Filters, held: set[int]) -> Filters:
    return replace(chosen, channels=tuple(held), categories=())


@some
@given(worlds(), ranges(), filters(), st.sampled_from([1, 2, 3, 11]), zones)
def test_user_stats_and_activity(world: World, period: Range, chosen: Filters, user: int, zone: str) -> None:
    """A user that is named counts whatever the class, and ignored or not."""
    recount = Recount(world, period, chosen, named=user)

    result = asked(world, UserQuestion, period, chosen, user_id=user)
    days = asked(world, UserActivityQuestion, period, chosen, user_id=user, time_zone=zone)

    assert result.messages == len(recount.messages())
    assert result.first_message_id == min((row.id for row in recount.messages()), default=None)
    assert result.voice_seconds == 60 * recount.speakers()[user]
    assert result.voice_sessions == len(recount.begun())
    assert result.reactions_given == recount.givers()[user]
    assert result.reactions_received == recount.receivers()[user]
    listed = ranked(Recount(world, period, chosen).listed(Recount(world, period, chosen).writers()))
    assert result.rank == next((rank for rank, key, _ in listed if key == user), None)
    assert (result.first_seen_ms, result.last_seen_ms) == seen(recount)
    written = Counter(local(row.ms, zone).date() for row in recount.messages())
    spoken = Counter(local(ms, zone).date() for ms, _ in recount.voice_minutes())
    active = {day for day in written | spoken if written[day] or spoken[day]}
    assert days.active_days == len(active)
    assert days.longest_streak_days == longest(active)
    last = local(period.until_ms - 1, zone).date()
    end = next((day for day in (last, last - timedelta(days=1)) if day in active), None)
    assert days.current_streak_days == (0 if end is None else streak_until(active, end))


def seen(recount: Recount) -> tuple[int | None, int | None]:
    """First and last message, voice or reaction of the one user named; voice and reactions wherever they were."""
    anywhere = recount._replace(filters=_only(recount.filters, set()), world=recount.world._replace(ignores=set()))
    moments = [row.ms for row in recount.messages()]
    moments += [at(each.minute) for each in anywhere.reactions() if each.action == 0]
    for each in anywhere.spoken():
        assert each.end is not None
        begin, end = max(at(each.begin), recount.period.since_ms), min(at(each.end), recount.period.until_ms)
        moments += [begin, end] if begin < end else []
    return (min(moments), max(moments)) if moments else (None, None)


def longest(days: set[Any]) -> int:
    """The greatest number of days in a row."""
    return max((streak_until(days, day) for day in days), default=0)


def streak_until(days: set[Any], end: Any) -> int:
    """How many days in a row end with ``end``."""
    return 0 if end not in days else 1 + streak_until(days, end - timedelta(days=1))


@some
@given(worlds(), ranges(), filters())
def test_voice_stats(world: World, period: Range, chosen: Filters) -> None:
    """Every sum is of the counted time, AFK time is its own."""
    recount = Recount(world, period, chosen)
    minutes = [each for _, each in recount.voice_minutes()]

    result = asked(world, VoiceQuestion, period, chosen)

    assert result.voice_seconds == 60 * len(minutes)
    for field, flags in (
        ("muted", 3),
        ("deafened", 12),
        ("alone", 256),
        ("streaming", 16),
        ("video", 32),
        ("suppressed", 64),
    ):
        assert getattr(result, f"{field}_seconds") == 60 * sum(bool(each.flags & flags) for each in minutes), field
    assert result.afk_seconds == 60 * sum(bool(each.flags & 128) for _, each in recount.voice_minutes(all_states=True))
    assert result.sessions == len(recount.begun())
    assert result.speakers == len(recount.speakers())


@some
@given(worlds(), ranges(), filters(), calendars)
def test_voice_timeline(world: World, period: Range, chosen: Filters, calendar: tuple[str, Any, int]) -> None:
    """Each minute in the bucket that is called as it is; a session where it began."""
    zone, interval, week_start = calendar
    recount = Recount(world, period, chosen)
    minutes = Counter(bucket(ms, zone, interval, week_start) for ms, _ in recount.voice_minutes())
    begun = Counter(bucket(at(each.begin), zone, interval, week_start) for each in recount.begun())

    result = asked(
        world, VoiceTimelineQuestion, period, chosen, time_zone=zone, interval=interval, week_start=week_start
    )

    found = by_bucket(result.buckets, zone, interval, week_start)
    assert {name: step.voice_seconds // 60 for name, step in found.items() if step.voice_seconds} == minutes
    assert {name: step.sessions for name, step in found.items() if step.sessions} == begun


@some
@given(worlds(), ranges(), filters())
def test_voice_sessions(world: World, period: Range, chosen: Filters) -> None:
    """Those that began in the range, newest first, each with all of its intervals."""
    recount = Recount(world, period, chosen)
    begun = [
        each
        for each in recount.spoken()
        if each.session == each.id and period.since_ms <= at(each.begin) < period.until_ms
    ]

    result = asked(world, VoiceSessionsQuestion, period, chosen, limit=100)

    expected = sorted(((each.id, each.user, at(each.begin)) for each in begun), reverse=True)
    assert [(each.session_id, each.user_id, each.joined_ms) for each in result.sessions] == expected


@some
@given(worlds(), ranges(), filters(), zones, st.sampled_from(["day", "week"]))
def test_active_members(world: World, period: Range, chosen: Filters, zone: str, interval: Any) -> None:
    """Distinct in each bucket and in all: a message, or a minute of voice in sum."""
    recount = Recount(world, period, chosen)
    active: dict[Any, set[int]] = {}
    for name, user in [
        *((bucket(row.ms, zone, interval), row.user) for row in recount.messages() if row.author_class != 2),
        *((bucket(ms, zone, interval), each.user) for ms, each in recount.voice_minutes()),
    ]:
        active.setdefault(name, set()).add(user)

    result = asked(world, ActiveMembersQuestion, period, chosen, time_zone=zone, interval=interval)

    found = by_bucket(result.buckets, zone, interval, 0)
    assert {name: step.active_members for name, step in found.items() if step.active_members} == {
        name: len(users) for name, users in active.items()
    }
    everybody = set(recount.writers()) | set(recount.speakers())
    assert result.active_members == len(everybody)
    assert result.active_with_reactions == len(everybody | set(recount.givers()))


@some
@given(worlds(), ranges(), filters())
def test_inactive_members(world: World, period: Range, chosen: Filters) -> None:
    """Present members without any sign of life in the range, and when there was the last one before its end."""
    recount = Recount(world, period, chosen)
    everything = recount._replace(filters=_lenient(chosen))
    alive = (
        set(everything.writers())
        | {each.user for _, each in everything.voice_minutes(all_states=True)}
        | set(everything.givers())
    )
    present = [user for user in PRESENT if recount.wanted(user) and (recount.bots or user not in BOTS)]

    result = asked(world, InactiveMembersQuestion, period, chosen, limit=100)

    assert [each.user_id for each in result.members] == [user for user in sorted(present) if user not in alive]
    assert result.present_members == len(present)
    for each in result.members:
        before = Recount(world, Range(BEGIN - DAY, period.until_ms), chosen, named=each.user_id)
        assert each.last_seen_ms == seen(before)[1]


def _lenient(chosen: Filters) -> Filters:
    return replace(chosen, include_bots=True, exclude_deleted=False)


@some
@given(worlds(), ranges(), filters(), zones, intervals)
def test_member_growth(world: World, period: Range, chosen: Filters, zone: str, interval: Any) -> None:
    """Joins, leaves, and Discord's number with the events since."""
    recount = Recount(world, period, chosen)
    joins = Counter(bucket(at(each.minute), zone, interval) for each in recount.moves() if each.kind == 0)
    leaves = Counter(bucket(at(each.minute), zone, interval) for each in recount.moves() if each.kind == 1)
    doubtful = {bucket(at(each.minute), zone, interval) for each in recount.moves() if each.bound}

    result = asked(world, MemberGrowthQuestion, period, chosen, time_zone=zone, interval=interval)

    found = by_bucket(result.buckets, zone, interval, 0)
    assert {name: step.joins for name, step in found.items() if step.joins} == joins
    assert {name: step.leaves for name, step in found.items() if step.leaves} == leaves
    assert {name for name, step in found.items() if step.estimated} == doubtful
    assert [step.member_count for step in result.buckets] == [
        recount.member_count(step.until_ms) for step in result.buckets
    ]


@some
@given(worlds(), ranges(), filters(), zones)
def test_retention(world: World, period: Range, chosen: Filters, zone: str) -> None:
    """Of those whose first week was seen, who did not leave in it; nobody was seen for a month here."""
    recount = Recount(world, period, chosen)
    cohorts: dict[Any, dict[int, int]] = {}
    for each in sorted(recount.moves()):
        if each.kind == 0:
            cohorts.setdefault(bucket(at(each.minute), zone, "day"), {}).setdefault(each.user, each.minute)

    result = asked(world, RetentionQuestion, period, chosen, time_zone=zone, interval="day")

    found = by_bucket(result.buckets, zone, "day", 0)
    assert {name: step.joined for name, step in found.items() if step.joined} == {
        name: len(users) for name, users in cohorts.items()
    }
    for name, users in cohorts.items():
        whole = {user: joined for user, joined in users.items() if joined + 7 * 1440 <= world.alive}
        stayed = [user for user, joined in whole.items() if not left_within(world, user, joined, 7 * 1440)]
        assert (found[name].week_observed, found[name].week_stayed) == (len(whole), len(stayed))
        assert found[name].month_observed == 0


def left_within(world: World, user: int, joined: int, minutes: int) -> bool:
    """Whether the membership that began at ``joined`` ended within ``minutes``; a leave of the same moment ended the one before."""
    leaves = [each.minute for each in world.moves if each.user == user and each.kind == 1 and each.minute > joined]
    rejoined = [each.minute for each in world.moves if each.user == user and each.kind == 0 and each.minute > joined]
    end = min(leaves, default=None)
    if end is None or (rejoined and min(rejoined) < end):
        return False
    return end - joined < minutes


@some
@given(worlds(), ranges(), filters())
def test_reaction_stats_and_top_emoji(world: World, period: Range, chosen: Filters) -> None:
    """Adds are the number, what was taken back is another, and what stands a third."""
    recount = Recount(world, period, chosen)
    adds = [each for each in recount.reactions() if each.action == 0]
    channel = {row.id: row for row in world.messages}
    standing = [
        message for message, user, _ in world.standing
        if period.since_ms <= channel[message].ms < period.until_ms and recount.here(channel[message].channel)
        and recount.wanted(user) and (recount.bots or user not in BOTS)
    ]  # fmt: skip

    result = asked(world, ReactionQuestion, period, chosen)
    emoji = asked(world, TopEmojiQuestion, period, chosen, limit=100)

    assert (result.added, result.removed) == (len(adds), len(recount.reactions()) - len(adds))
    assert result.burst == sum(each.burst for each in adds)
    assert result.standing == len(standing)
    assert (result.givers, result.emoji) == (len(recount.givers()), len({each.emoji for each in adds}))
    totals = Counter(each.emoji for each in adds)
    assert [(each.emoji, each.added) for each in emoji.entries] == sorted(
        totals.items(), key=lambda item: (-item[1], item[0])
    )


@some
@given(worlds(), ranges(), filters(), zones, intervals)
def test_online_timeline(world: World, period: Range, chosen: Filters, zone: str, interval: Any) -> None:
    """Minutes of each status that were observed, by all that were of the bucket; where none was, there is no number and no zero."""
    recount = Recount(world, period, chosen)
    minutes: Counter[Any] = Counter()
    for each in world.online:
        if not recount.wanted(each.user) or (each.user in BOTS and not recount.bots):
            continue
        end = each.end
        if end is None:
            open_end = period.until_ms if period.until_ms - at(world.alive) <= 120_000 else at(world.alive)
            end = (open_end - BEGIN) // MINUTE
        for minute in range(each.begin, end):
            if period.since_ms <= at(minute) < period.until_ms and world.observed(minute, period):
                minutes[bucket(at(minute), zone, interval), each.status] += 1
    observed = Counter(
        bucket(ms, zone, interval) for ms in all_minutes(period) if world.observed((ms - BEGIN) // MINUTE, period)
    )

    result = asked(world, OnlineTimelineQuestion, period, chosen, time_zone=zone, interval=interval)

    for name, step in by_bucket(result.buckets, zone, interval, 0).items():
        found = [step.online_average, step.idle_average, step.dnd_average, step.present_average]
        if not observed[name]:
            assert found == [None] * 4
            continue
        averages = [minutes[name, status] / observed[name] for status in (1, 2, 3)]
        assert found == pytest.approx([*averages, sum(averages)])


@some
@given(worlds(), ranges(), filters())
def test_guild_stats_and_comparison(world: World, period: Range, chosen: Filters) -> None:
    """All kinds at once, and beside the period of the same length before."""
    before = Range(period.since_ms - period.duration_ms, period.since_ms)
    recounts = [Recount(world, each, chosen) for each in (period, before)]

    result = asked(world, GuildQuestion, period, chosen)
    compared = asked(world, CompareQuestion, period, chosen)

    now, then = ([
        len(each.messages()), len(each.writers()), 60 * sum(each.speakers().values()), sum(each.givers().values()),
        sum(move.kind == 0 for move in each.moves()), sum(move.kind == 1 for move in each.moves()),
    ] for each in recounts)  # fmt: skip
    names = ("messages", "active_users", "voice_seconds", "reactions", "joins", "leaves")
    assert [getattr(result, name) for name in names] == now
    assert [getattr(compared, name).current for name in names] == now
    assert [getattr(compared, name).previous for name in names] == then
    assert result.active_channels == len({recounts[0].channel_of(row.channel) for row in recounts[0].messages()})
    assert result.member_count == recounts[0].member_count(period.until_ms)
