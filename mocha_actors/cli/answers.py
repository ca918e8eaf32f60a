"""How each answer of ``mocha query`` looks: what it covers above, the numbers, and how well it was observed below."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console, RenderableType
from rich.text import Text

from mocha_actors.cli.charts import sparkline, week
from mocha_actors.cli.output import coloured, console, facts, person, show, table
from mocha_actors.cli.subjects import lines_of
from mocha_actors.plurals import counted
from mocha_actors.showing.timelines import TIMELINES, heights, since_first
from mocha_actors.showing.titles import title_of
from mocha_actors.showing.weeks import unobserved
from mocha_actors.showing.words import DAYS, GAP_REASONS, duration, iso, moment, named, printable, span
from mocha_actors.stats.results import (
    ActiveMembers,
    Answer,
    BusiestHours,
    ChannelRanking,
    Comparison,
    Coverage,
    GuildStats,
    Heatmap,
    InactiveMembers,
    Leaderboard,
    MemberGrowth,
    MessageTimeline,
    Rank,
    Retention,
    Step,
    TopEmoji,
    VoiceSessions,
    VoiceTimeline,
)  # fmt: skip

GAPS_SHOWN: Final = 3
"""Gaps that are listed under a table; JSON has them all."""

METRICS: Final = {
    "messages": "Messages", "voice_seconds": "Voice", "reactions_given": "Given", "reactions_received": "Received", "reactions": "Reactions",
}  # fmt: skip


def print_answer(answer: Answer, counts: str, names: Mapping[int, str]) -> None:
    """Print an answer for a person; ``counts`` says what is counted, ``names`` are of the guild and its channels by id."""
    out = console()
    out.print(Text(_title(answer, names), style="bold"))
    out.print(Text(f"{_period(answer)}; {counts}", style="dim"))
    out.print()
    for part in _body(answer, names, out):
        show(out, part)
    _print_next(out, answer)
    out.print()
    print_coverage(out, answer.coverage, answer.time_zone)
    if answer.not_retained_before_ms is not None:
        until = moment(answer.not_retained_before_ms, answer.time_zone, exact=True)
        out.print(
            Text(f"Rows before {until} are not retained; what the edges needed of them is missing.", style="yellow")
        )
    if isinstance(answer, Comparison) and not answer.previous_coverage.complete:
        out.print(Text("And of the period before:", style="yellow"))
        print_coverage(out, answer.previous_coverage, answer.time_zone)


def print_coverage(out: Console, coverage: Coverage, time_zone: str) -> None:
    """Say which part of the range was not observed, and why."""
    if coverage.complete:
        out.print(Text("Observed without a gap.", style="green"))
        return
    out.print(Text("Not all of this was observed; events may be missing:", style="yellow"))
    for gap in coverage.gaps[:GAPS_SHOWN]:
        span = f"{moment(gap.since_ms, time_zone, exact=True)} to {moment(gap.until_ms, time_zone, exact=True)}"
        out.print(Text(f"  {span}: {GAP_REASONS.get(gap.reason, gap.reason)}", style="yellow"))
    if len(coverage.gaps) > GAPS_SHOWN:
        out.print(Text(f"  and {counted(len(coverage.gaps) - GAPS_SHOWN, 'more gap')}", style="yellow"))


def _title(answer: Answer, names: Mapping[int, str]) -> str:
    place = "" if isinstance(answer, GuildStats) else f" in guild {named(answer.guild_id, names.get(answer.guild_id))}"
    return title_of(answer) + place


def _period(answer: Answer) -> str:
    zone = "" if answer.time_zone == "UTC" else f", {answer.time_zone}"
    ends = (moment(ms, answer.time_zone, exact=True) for ms in (answer.since_ms, answer.until_ms))
    return f"{' to '.join(filter(None, ends))} ({span(answer.until_ms - answer.since_ms)}{zone})"


def _body(answer: Answer, names: Mapping[int, str], out: Console) -> Sequence[RenderableType]:
    if isinstance(answer, TIMELINES):
        return _timeline(answer, out)
    if (body := BODIES.get(type(answer))) is not None:
        return body(answer, names, out)
    return [facts(lines_of(answer, names))]


def _users(answer: Leaderboard | Rank) -> list[RenderableType]:
    rows = [
        (each.rank, person(each), Text(str(each.user_id), style="dim"), _value(answer.metric, each.value))
        for each in answer.entries
    ]
    value = METRICS[answer.metric]
    return [
        table(("Rank", "User", "Id", value), rows, right=("Rank", "Id", value), names=("User",), id_of=("Id", "User")),
        _of(len(rows), answer.ranked_users, "users"),
    ]


def _channels(answer: ChannelRanking) -> list[RenderableType]:
    rows = [
        (
            each.rank,
            _channel(each),
            Text(str(each.channel_id), style="dim"),
            _value(answer.metric, each.value),
            f"{each.share:.1%}",
        )
        for each in answer.entries
    ]
    group, value = answer.group.capitalize(), METRICS[answer.metric]
    headings, numbers = ("Rank", group, "Id", value, "Share"), ("Rank", "Id", value, "Share")
    return [
        table(headings, rows, right=numbers, names=(group,), id_of=("Id", group)),
        _of(len(rows), answer.ranked_channels, {"category": "categories"}.get(answer.group, answer.group + "s")),
    ]


def _channel(entry: Any) -> Text:
    text = Text("-" if entry.channel_name is None else printable(entry.channel_name))
    return text.append(" (deleted)", "dim") if entry.deleted else text


def _emoji(answer: TopEmoji) -> list[RenderableType]:
    rows = [
        (each.rank, each.emoji if each.name is None else f":{each.name}:", each.added, each.removed, each.burst)
        for each in answer.entries
    ]
    numbers = ("Rank", "Added", "Removed", "Super")
    return [
        table(("Rank", "Emoji", "Added", "Removed", "Super"), rows, right=numbers, names=("Emoji",)),
        _of(len(rows), answer.ranked_emoji, "emoji"),
    ]


def _value(metric: str, value: int) -> object:
    return duration(value) if metric == "voice_seconds" else value


def _inactive(answer: InactiveMembers) -> list[RenderableType]:
    rows = [
        (person(each), Text(str(each.user_id), style="dim"), moment(each.joined_ms, answer.time_zone), moment(each.last_seen_ms, answer.time_zone) or "never")
        for each in answer.members
    ]  # fmt: skip
    whole = Text(f"{answer.inactive_members:,} of {answer.present_members:,} members were silent", style="dim")
    headings = ("Member", "Id", "Joined", "Last seen")
    return [table(headings, rows, right=("Id",), names=("Member",), id_of=("Id", "Member")), whole]


def _sessions(answer: VoiceSessions, names: Mapping[int, str]) -> list[RenderableType]:
    rows = [
        (
            person(each), names.get(each.channel_id) or str(each.channel_id), moment(each.joined_ms, answer.time_zone),
            ("~ " if each.estimated else "") + duration(each.voice_seconds), each.end_reason or "goes on",
        )
        for each in answer.sessions
    ]  # fmt: skip
    headings, names_ = ("User", "Last channel", "Joined", "Voice", "End"), ("User", "Last channel")
    return [table(headings, rows, right=("Voice",), names=names_)]


def _heatmap(answer: Heatmap, out: Console) -> list[RenderableType]:
    on_colours, nobody = coloured(out), unobserved(answer)
    field = week(answer.cells, out.width, coloured=on_colours, unobserved=nobody)
    return [
        field,
        Text(
            _legend(answer, on_colours=on_colours) + "; dots: not observed, or not in the range" * bool(nobody),
            style="dim",
        ),
    ]


def _legend(answer: Heatmap, *, on_colours: bool) -> str:
    most = max(cell.average_per_hour or 0.0 for cell in answer.cells)
    if not most:
        return "nothing was counted"
    words = duration(round(most)) if answer.metric == "voice_seconds" else f"{most:,.1f} messages"
    return f"darkest: nothing, lightest: {words} an hour" if on_colours else f"blank: nothing, full: {words} an hour"


def _busiest(answer: BusiestHours) -> list[RenderableType]:
    averages = [cell.average_per_hour or 0.0 for cell in answer.cells]
    rows = [
        (f"{DAYS[cell.weekday]} {cell.hour:02d}:00", _average(answer.metric, average))
        for cell, average in zip(answer.cells, averages, strict=True)
    ]
    return [table(("Hour", "An hour"), rows, right=("An hour",), bars=_shares(averages))]


def _shares(values: Sequence[float]) -> list[float]:
    """Each value as a share of the greatest; nothing of nothing."""
    greatest = max(values, default=0)
    return [value / greatest if greatest > 0 else 0.0 for value in values]


def _average(metric: str, value: float) -> str:
    return duration(round(value)) if metric == "voice_seconds" else f"{value:,.1f}"


def _comparison(answer: Comparison) -> RenderableType:
    rows = []
    for label, name in (
        ("Messages", "messages"), ("Active users", "active_users"), ("Voice", "voice_seconds"), ("Reactions", "reactions"),
        ("Joins", "joins"), ("Leaves", "leaves"),
    ):  # fmt: skip
        change = getattr(answer, name)
        show = duration if name == "voice_seconds" else "{:,}".format
        ratio = None if change.ratio is None else f"{change.ratio - 1:+.1%}"
        rows.append((label, show(change.current), show(change.previous), ratio))
    return table(("", "Now", "Before", "Change"), rows, right=("Now", "Before", "Change"))


def _timeline(answer: Any, out: Console) -> list[RenderableType]:
    """Every bucket as a row with a bar; parts and holes in what was recorded are marked."""
    answer = since_first(answer)
    values, (headings, cells) = heights(answer), _columns(answer)
    rows = [(step.label + _mark(step), *row) for step, row in zip(answer.buckets, cells, strict=True)]
    notes = "* cut off by the range   ! not all of it observed   ~ times not exact"
    marked = any(_mark(step) for step in answer.buckets)
    spark = [Text(sparkline(values, min(out.width, 60)), style="cyan")] if len(values) > 7 else []
    return [
        *[Text(f"In all: {whole}") for whole in _whole(answer)],
        *spark,
        table((answer.interval.capitalize(), *headings), rows, right=headings, bars=_shares(values)),
        *([Text(notes, style="dim")] if marked else []),
    ]


def _whole(answer: Any) -> list[str]:
    """The numbers of the whole range, where steps have any; of distinct members they are no sum."""
    match answer:
        case MessageTimeline():
            return [f"{answer.messages:,} messages"]
        case VoiceTimeline():
            return [f"{duration(answer.voice_seconds)} of voice"]
        case ActiveMembers():
            counts = (
                f"{answer.active_members:,} active members, {answer.writers:,} writers, {answer.speakers:,} speakers"
            )
            return [f"{counts}; {answer.active_with_reactions:,} with those who only reacted"]
        case MemberGrowth():
            return [f"{answer.joins:,} joins, {answer.leaves:,} leaves, {answer.joins - answer.leaves:+,} net"]
    return []


def _mark(step: Step) -> str:
    estimated = bool(getattr(step, "estimated", False))
    return "*" * step.partial + "!" * (step.observed_share < 1) + "~" * estimated


def _columns(answer: Any) -> tuple[tuple[str, ...], Sequence[tuple[object, ...]]]:
    """Headings, and the cells of each row beside its bar."""
    steps = answer.buckets
    match answer:
        case MessageTimeline():
            return ("Messages",), [(s.messages,) for s in steps]
        case VoiceTimeline():
            return ("Voice", "Sessions"), [(duration(s.voice_seconds), s.sessions) for s in steps]
        case ActiveMembers():
            return ("Active", "Writers", "Speakers"), [(s.active_members, s.writers, s.speakers) for s in steps]
        case MemberGrowth():
            moves = [(s.joins, s.leaves, f"{s.net:+,}", s.member_count) for s in steps]
            return ("Joins", "Leaves", "Net", "Members"), moves
        case Retention():
            kept = [(s.joined, _share(s.week_share), _share(s.month_share)) for s in steps]
            return ("Joined", "After 7 d", "After 30 d"), kept
    return ("Online",), [(_number(s.present_average),) for s in steps]


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:,.1f}"


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.0%}"


def _of(listed: int, whole: int, what: str) -> Text:
    return Text(f"{listed:,} of {whole:,} {what}", style="dim")


def _print_next(out: Console, answer: Any) -> None:
    if (cursor := getattr(answer, "next_cursor", None)) is not None:
        bounds = f"--since {iso(answer.since_ms)} --until {iso(answer.until_ms)}"
        out.print(Text(f"next page: {bounds} --cursor {cursor}", style="dim"), soft_wrap=True)


BODIES: Final[dict[type[Answer], Callable[[Any, Mapping[int, str], Console], list[RenderableType]]]] = {
    BusiestHours: lambda answer, _, __: _busiest(answer),
    ChannelRanking: lambda answer, _, __: _channels(answer),
    Comparison: lambda answer, _, __: [_comparison(answer)],
    Heatmap: lambda answer, _, out: _heatmap(answer, out),
    InactiveMembers: lambda answer, _, __: _inactive(answer),
    Leaderboard: lambda answer, _, __: _users(answer),
    Rank: lambda answer, _, __: _users(answer),
    TopEmoji: lambda answer, _, __: _emoji(answer),
    VoiceSessions: lambda answer, names, _: _sessions(answer, names),
}
"""What is printed of each answer that is neither a timeline nor a few lines."""
