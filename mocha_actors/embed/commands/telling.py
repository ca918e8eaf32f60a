"""What each answer of the statistics looks like as a reply. Nothing here asks, waits or draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mocha_actors.discord.snowflake import DAY_MS, DISCORD_EPOCH_MS
from mocha_actors.embed.commands.confirming import CONFIRM_SECONDS, Confirmation
from mocha_actors.embed.commands.replies import DESCRIPTION, Attached, Button, Chart, Field, Reply, lines_within, plain
from mocha_actors.showing.words import DAYS, GAP_REASONS, duration, local_time
from mocha_actors.stats.results import (
    Answer,
    Cell,
    ChannelEntry,
    ChannelRanking,
    ChannelStats,
    Coverage,
    Entry,
    GuildStats,
    Heatmap,
    Leaderboard,
    MemberGrowth,
    MessageTimeline,
    UserStats,
    VoiceTimeline,
)  # fmt: skip

NOBODY: Final = 1 << 62
"""Ids from here on are no snowflakes: they stand for users who were erased, or who are recorded under pseudonyms."""

GAPS_SHOWN: Final = 3
BUSIEST: Final = 5

METRIC_WORDS: Final = {
    "messages": "messages", "voice_seconds": "time in voice", "reactions": "reactions",
    "reactions_given": "reactions given", "reactions_received": "reactions received",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """What is said of every answer.

    Attributes:
        place: the server's name.
        counted: where and whom it counts, in words that follow the period; empty when that is everything.

    """

    place: str
    counted: tuple[str, ...] = ()


def server(answer: GuildStats, timeline: MessageTimeline, frame: Frame) -> Reply:
    """A server as a whole."""
    fields = [
        _messages(answer),
        Field("Active members", _number(answer.active_users)),
        Field("Active channels", _number(answer.active_channels)),
        Field("Voice", duration(answer.voice_seconds)),
        Field("Reactions", _number(answer.reactions)),
        Field("Members", _number(answer.member_count)),
        Field("Joined", _number(answer.joins)),
        Field("Left", _number(answer.leaves)),
    ]
    return _reply(plain(frame.place, 100), answer, frame, fields=fields, chart=_drawn(timeline, "Messages", frame))


def user(answer: UserStats, timeline: MessageTimeline | VoiceTimeline, frame: Frame, *, everywhere: bool) -> Reply:
    """One member. The statistics see somebody in every channel (A3.16); unless whoever is answered sees ``everywhere``, the last message stands instead."""
    name = answer.global_name or answer.username
    place = None if answer.rank is None else f"{answer.rank:,} of {answer.ranked_users:,}"
    fields = [
        _messages(answer),
        Field("Rank by messages", place or "none"),
        Field("Voice", duration(answer.voice_seconds)),
        Field("Reactions given", _number(answer.reactions_given)),
        Field("Reactions received", _number(answer.reactions_received)),
        Field(*_last(answer, everywhere=everywhere)),
        Field("Member since", _minute(answer.joined_ms, answer.time_zone) or "unknown"),
    ]
    title = "A member" if name is None else plain(name)
    chart = _drawn(timeline, f"{_about(timeline)} of {name or 'a member'}", frame)
    return _reply(title, answer, frame, description=mention(answer), fields=fields, chart=chart)


def _last(answer: UserStats, *, everywhere: bool) -> tuple[str, str]:
    name, ms = ("seen", answer.last_seen_ms) if everywhere else ("message", answer.last_message_ms)
    return f"Last {name} here", _minute(ms, answer.time_zone) or "not in this period"


def channel(answer: ChannelStats, timeline: MessageTimeline | VoiceTimeline, frame: Frame) -> Reply:
    """One channel or thread."""
    place = None if answer.rank is None else f"{answer.rank:,} of {answer.ranked_channels:,}"
    fields = [
        _messages(answer),
        Field("Rank by messages", place or "none"),
        Field("Share of messages", f"{answer.guild_share:.1%}"),
        Field("Voice", duration(answer.voice_seconds)),
        Field("Reactions", _number(answer.reactions)),
        Field("First message", _minute(answer.first_message_ms, answer.time_zone) or "none"),
        Field("Last message", _minute(answer.last_message_ms, answer.time_zone) or "none"),
    ]
    name = answer.channel_name
    chart = _drawn(timeline, f"{_about(timeline)} in {name or 'this channel'}", frame)
    title = "A channel" if name is None else plain(name, 100)
    return _reply(title, answer, frame, description=f"<#{answer.channel_id}>", fields=fields, chart=chart)


def leaderboard(answer: Leaderboard, frame: Frame) -> Reply:
    """Who did most."""
    lines = [_line(each, mention(each), _value(answer.metric, each.value)) for each in answer.entries]
    whole = f"{len(lines):,} of {answer.ranked_users:,} members"
    return _ranked(f"Members by {METRIC_WORDS[answer.metric]}", lines, whole, answer, frame)


def channel_ranking(answer: ChannelRanking, frame: Frame) -> Reply:
    """Where most happened."""
    lines = [
        f"{_line(each, _channel_name(each), _value(answer.metric, each.value))} ({each.share:.1%})"
        for each in answer.entries
    ]
    whole = f"{len(lines):,} of {answer.ranked_channels:,} channels"
    return _ranked(f"Channels by {METRIC_WORDS[answer.metric]}", lines, whole, answer, frame)


def heatmap(answer: Heatmap, frame: Frame) -> Reply:
    """When in the week most happens."""
    title = f"{METRIC_WORDS[answer.metric].capitalize()} by hour of the week"
    busy = sorted(filter(_average, answer.cells), key=_average, reverse=True)[:BUSIEST]
    if not busy:
        return _reply(title, answer, frame, description=_nothing(answer))
    hours = [f"{DAYS[cell.weekday]} {cell.hour:02d}:00: {_hourly(answer.metric, cell)}" for cell in busy]
    fields = [Field("Busiest hours, on average", "\n".join(hours), inline=False)]
    return _reply(title, answer, frame, fields=fields, chart=_drawn(answer, title, frame))


def growth(answer: MemberGrowth, frame: Frame) -> Reply:
    """Who joined and left."""
    fields = [
        Field("Members", _number(answer.member_count)),
        Field("Joined", _number(answer.joins)),
        Field("Left", _number(answer.leaves)),
        Field("Change", f"{answer.joins - answer.leaves:+,}"),
    ]
    known = answer.joins or answer.leaves or answer.member_count is not None
    chart = _drawn(answer, f"Joins and leaves by {answer.interval}", frame) if known else None
    return _reply("Members", answer, frame, fields=fields, chart=chart)


def opted_out() -> Reply:
    """Nothing more is recorded."""
    return Reply(
        "You are not recorded any more",
        "This holds on every server that this bot records. What was recorded before stays: `/privacy export` shows it, "
        "`/privacy forget` erases it, and `/privacy opt-in` takes this back.",
    )


def opted_in() -> Reply:
    """It is recorded again."""
    return Reply("You are recorded again", "From now on, on every server that this bot records.")


def exported(user_id: int, data: str, limit_bytes: int) -> Reply:
    """Everything about somebody, as a file of at most ``limit_bytes``."""
    content = data.encode()
    if len(content) > limit_bytes:
        return Reply(
            "Your data are too many for Discord",
            f"They are {_megabytes(len(content))} MB, and a file here has at most {_megabytes(limit_bytes)} MB. "
            f"Ask whoever operates this bot to send them to you; they get them by `mocha user-data --user {user_id}`.",
        )
    return Reply(
        "Your data",
        "Everything that this bot has recorded about you, on all servers. Nobody else sees this message.",
        attached=Attached("my-data.json", content),
    )


def asking_to_forget(user_id: int, now_s: float) -> Reply:
    """Whether somebody is sure."""
    until_s = int(now_s) + CONFIRM_SECONDS
    return Reply(
        "Erase everything about you?",
        "Your names, memberships and everything else that names you is erased on every server that this bot records, and nothing more is "
        "recorded of you. What you did stays counted under random ids that nothing links to you. This cannot be undone.\n"
        f"The buttons work for {CONFIRM_SECONDS // 60} minutes.",
        buttons=(
            Button("Erase everything", Confirmation("erase", user_id, until_s).custom_id, dangerous=True),
            Button("Keep it", Confirmation("keep", user_id, until_s).custom_id, dangerous=False),
        ),
    )


def erasing() -> Reply:
    """It is under way."""
    return Reply("Your data are being erased", "This can take a while.")


def forgotten(text: str) -> Reply:
    """It was done; ``text`` says how much it was."""
    return Reply("Your data are erased", f"{plain(text, 500)}.\nFrom now on nothing is recorded of you.")


def kept() -> Reply:
    """It was not done."""
    return Reply("Nothing was erased")


def not_erased(why: str) -> Reply:
    """It failed on the way; nothing is half done that asking again would not end."""
    return Reply("Not everything is erased", f"{why} Then ask again: `/privacy forget`.")


def expired() -> Reply:
    """It was too late."""
    return Reply("Nothing was erased", "The question was asked too long ago; `/privacy forget` asks it again.")


def mention(entry: Entry | UserStats) -> str:
    """Who it is: a mention, which an embed shows and which calls nobody; the name of somebody who left, for whom Discord has none."""
    name = entry.global_name or entry.username
    if entry.user_id >= NOBODY:
        return f"somebody ({entry.user_id & 0xFFFF:04x})"
    if entry.left and name is not None:
        return f"{plain(name) or 'somebody'} (left)"
    return f"<@{entry.user_id}>"


def _channel_name(entry: ChannelEntry) -> str:
    if entry.deleted:
        return f"{plain(entry.channel_name or 'a channel')} (deleted)"
    return f"<#{entry.channel_id}>"


def _line(entry: Entry | ChannelEntry, who: str, value: str) -> str:
    return f"**{entry.rank}.** {who}: {value}"


def _ranked(title: str, lines: Sequence[str], whole: str, answer: Any, frame: Frame) -> Reply:
    if not lines:
        return _reply(title, answer, frame, description=_nothing(answer))
    description = lines_within([*lines, whole], DESCRIPTION)
    return _reply(title, answer, frame, description=description, chart=_drawn(answer, title, frame))


def _reply(
    title: str, answer: Answer, frame: Frame, *,
    description: str = "", fields: Sequence[Field] = (), chart: Chart | None = None,
) -> Reply:  # fmt: skip
    quality = quality_of(answer)
    noted = [Field("Please note", "\n".join(quality), inline=False)] if quality else []
    return Reply(title, description, (*fields, *noted), " · ".join([_span(answer), *frame.counted]), chart)


def _span(answer: Answer) -> str:
    until = _minute(answer.until_ms, answer.time_zone)
    if answer.since_ms <= DISCORD_EPOCH_MS:
        return f"All time up to {until} ({answer.time_zone})"
    return f"{_minute(answer.since_ms, answer.time_zone)} to {until} ({answer.time_zone})"


def _first_start(coverage: Coverage, since_ms: int) -> int | None:
    """When recording began, if that was in the range."""
    gaps = coverage.gaps
    return gaps[0].until_ms if gaps and gaps[0].reason == "first_start" and gaps[0].since_ms == since_ms else None


def quality_of(answer: Answer) -> list[str]:
    """What keeps the numbers from being whole, in lines; none when nothing does."""
    zone, coverage, lines = answer.time_zone, answer.coverage, []
    gaps = list(coverage.gaps)
    if (begun := _first_start(coverage, answer.since_ms)) is not None:
        gaps = gaps[1:]
        lines.append(f"Recording began at {_minute(begun, zone)}; what was before is not known.")
    if gaps and gaps[-1].reason == "not_yet_observed":
        lines.append(f"Recorded up to {_second(gaps.pop().since_ms, zone)}.")
    if gaps:
        missing = sum(gap.until_ms - gap.since_ms for gap in gaps) // 1000
        whole = f"{duration(missing)} in {len(gaps):,} {'gap' if len(gaps) == 1 else 'gaps'}"
        lines.append(f"Not all of it was observed, and events may be missing: {whole}.")
        lines += [f"{_second(gap.since_ms, zone)} to {_second(gap.until_ms, zone)}: {GAP_REASONS.get(gap.reason, plain(gap.reason))}" for gap in gaps[:GAPS_SHOWN]]  # fmt: skip
    if answer.not_retained_before_ms is not None:
        before = _minute(answer.not_retained_before_ms, zone)
        lines.append(f"Some details from before {before} are kept no more and are missing.")
    return lines


def _nothing(answer: Any) -> str:
    return f"There were no {METRIC_WORDS[answer.metric]} in this period." if answer.metric != "voice_seconds" else "Nobody was in voice in this period."  # fmt: skip


def _drawn(answer: Any, title: str, frame: Frame) -> Chart | None:
    if isinstance(answer, MessageTimeline | VoiceTimeline) and not any(_height(step) for step in answer.buckets):
        return None
    by = f" by {answer.interval}" if isinstance(answer, MessageTimeline | VoiceTimeline) else ""
    return Chart(answer, title + by, frame.place)


def _height(step: Any) -> int:
    return int(getattr(step, "messages", 0) or getattr(step, "voice_seconds", 0))


def _about(timeline: MessageTimeline | VoiceTimeline) -> str:
    return "Messages" if isinstance(timeline, MessageTimeline) else "Voice"


def _messages(answer: GuildStats | UserStats | ChannelStats) -> Field:
    """How many, and how many a day where the range has days, and is not all time, of which nobody knows how much was recorded."""
    short = answer.until_ms - answer.since_ms < 2 * DAY_MS
    if short or answer.since_ms <= DISCORD_EPOCH_MS:
        return Field("Messages", f"{answer.messages:,}")
    return Field("Messages", f"{answer.messages:,} ({answer.messages_per_day:,.1f} a day)")


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _value(metric: str, value: int) -> str:
    return duration(value) if metric == "voice_seconds" else f"{value:,}"


def _average(cell: Cell) -> float:
    return cell.average_per_hour or 0.0


def _hourly(metric: str, cell: Cell) -> str:
    average = _average(cell)
    return duration(round(average)) if metric == "voice_seconds" else f"{average:,.1f} messages"


def _minute(ms: int | None, time_zone: str) -> str | None:
    """A local time to the minute; the zone stands below every answer."""
    return None if ms is None else local_time(ms, time_zone, "%Y-%m-%d %H:%M")


def _second(ms: int, time_zone: str) -> str:
    return local_time(ms, time_zone, "%Y-%m-%d %H:%M:%S")


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:,.1f}"
