"""What a person sees: answers as tables that fit 80 columns and a pipe, or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mocha_actors.stats.questions import Filters
from mocha_actors.stats.ranges import UNIX_EPOCH, Range, show_time
from mocha_actors.stats.results import Answer, ChannelStats, Coverage, GuildStats, Leaderboard, UserStats

GAPS_SHOWN: Final = 3
"""Gaps that are listed under a table; JSON has them all."""

UNKNOWN: Final = "-"

REASONS: Final = {
    "first_start": "before recording began",
    "session_invalid": "Discord had ended the session",
    "session_not_resumable": "the session could not be resumed",
    "fingerprint_changed": "the settings of the connection were changed",
    "resume_refused": "Discord refused to resume the session",
    "poison_frame": "a frame that could not be read was passed over",
    "not_yet_observed": "not observed yet",
}
"""Reasons of gaps in words; others are shown as they are stored."""


def print_json(answer: Answer) -> None:
    """Print an answer as one JSON document; identifiers are strings."""
    click.echo(msgspec.json.format(msgspec.json.encode(answer.to_builtins()), indent=2))


def print_answer(answer: Answer, filters: Filters) -> None:
    """Print an answer as a table, with what it covers above and how well it was observed below."""
    console = Console(file=sys.stdout, highlight=False)
    console.print(Text(_title(answer), style="bold"))
    console.print(Text(f"{_period(answer)}; {_counted(filters)}", style="dim"))
    console.print()
    console.print(_leaderboard(answer) if isinstance(answer, Leaderboard) else _facts(_lines(answer)))
    if isinstance(answer, Leaderboard):
        _print_rest(console, answer)
    console.print()
    _print_coverage(console, answer.coverage)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headings; numbers stand to the right."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    cells = [[_shown(value) for value in row] for row in rows]
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in cells:
        table.add_row(*row)
    Console(file=sys.stdout, highlight=False).print(table)


def printable(text: str) -> str:
    """``text`` without what would move a terminal's cursor or change its colours: names come from strangers."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _title(answer: Answer) -> str:
    match answer:
        case GuildStats():
            return f"Guild {_named(answer.guild_id, answer.guild_name)}"
        case UserStats():
            return f"User {_named(answer.user_id, answer.global_name or answer.username)} in guild {answer.guild_id}"
        case ChannelStats():
            return f"Channel {answer.channel_id} in guild {answer.guild_id}"
    return f"Users by messages in guild {answer.guild_id}"


def _named(key: int, name: str | None) -> str:
    return str(key) if name is None else f"{printable(name)} ({key})"


def _period(answer: Answer) -> str:
    days = Range(answer.since_ms, answer.until_ms).days
    return f"{show_time(answer.since_ms)} to {show_time(answer.until_ms)} ({days:.4g} {'day' if days == 1 else 'days'})"


def _counted(filters: Filters) -> str:
    counted = ["humans", *["bots"] * filters.include_bots, *["webhooks"] * filters.include_webhooks]
    return ", ".join(counted) + (" without deleted messages" if filters.exclude_deleted else "")


def _lines(answer: Answer) -> list[tuple[str, object]]:
    """Label and value of each line; what one kind of answer has beside its counts stands last."""
    match answer:
        case GuildStats():
            rest: list[tuple[str, object]] = [
                ("Active users", answer.active_users),
                ("Active channels", answer.active_channels),
            ]
            return [
                *_counts(answer),
                ("Messages of bots", answer.bot_messages),
                ("Messages of webhooks", answer.webhook_messages),
                *rest,
            ]
        case UserStats():
            return [*_counts(answer), ("Rank", _rank(answer.rank, answer.ranked_users)), *_span(answer)]
        case ChannelStats():
            share: list[tuple[str, object]] = [("Share of the guild", f"{answer.guild_share:.1%}")]
            rank = ("Rank", _rank(answer.rank, answer.ranked_channels))
            others = [("Messages of bots", answer.bot_messages), ("Messages of webhooks", answer.webhook_messages)]
            return [*_counts(answer), *others, *share, rank, *_span(answer)]
    return []


def _counts(answer: GuildStats | UserStats | ChannelStats) -> list[tuple[str, object]]:
    return [
        ("Messages", answer.messages),
        ("Messages per day", f"{answer.messages_per_day:,.1f}"),
        ("Deleted since", answer.deleted_messages),
        ("Commands", answer.commands),
    ]


def _span(answer: UserStats | ChannelStats) -> list[tuple[str, object]]:
    ends = ("First message", answer.first_message_ms), ("Last message", answer.last_message_ms)
    return [(label, None if ms is None else show_time(ms // 1000 * 1000)) for label, ms in ends]


def _iso(ms: int) -> str:
    """A time as ``--since`` and ``--until`` read it, to the millisecond."""
    return (UNIX_EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}"


def _rank(rank: int | None, of: int) -> str | None:
    return None if rank is None else f"{rank:,} of {of:,}"


def _facts(lines: Iterable[tuple[str, object]]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="cyan")
    table.add_column(justify="right")
    for label, value in lines:
        table.add_row(label, _shown(value))
    return table


def _leaderboard(answer: Leaderboard) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("Rank", justify="right")
    table.add_column("User", overflow="fold")
    table.add_column("Id", justify="right", style="dim", no_wrap=True)
    table.add_column("Messages", justify="right", no_wrap=True)
    for entry in answer.entries:
        name = entry.global_name or entry.username
        shown = Text(UNKNOWN if name is None else printable(name))
        table.add_row(
            _shown(entry.rank),
            shown.append(" (bot)", "dim") if entry.is_bot else shown,
            Text(str(entry.user_id)),
            _shown(entry.messages),
        )
    return table


def _print_rest(console: Console, answer: Leaderboard) -> None:
    console.print(Text(f"{len(answer.entries):,} of {answer.ranked_users:,} users", style="dim"))
    if answer.next_cursor is not None:
        bounds = f"--since {_iso(answer.since_ms)} --until {_iso(answer.until_ms)}"
        console.print(Text(f"next page: {bounds} --cursor {answer.next_cursor}", style="dim"), soft_wrap=True)


def _print_coverage(console: Console, coverage: Coverage) -> None:
    if coverage.complete:
        console.print(Text("Observed without a gap.", style="green"))
        return
    console.print(Text("Not all of this was observed; events may be missing:", style="yellow"))
    for gap in coverage.gaps[:GAPS_SHOWN]:
        console.print(
            Text(
                f"  {show_time(gap.since_ms)} to {show_time(gap.until_ms)}: {REASONS.get(gap.reason, gap.reason)}",
                style="yellow",
            )
        )
    if len(coverage.gaps) > GAPS_SHOWN:
        console.print(Text(f"  and {len(coverage.gaps) - GAPS_SHOWN:,} more gaps", style="yellow"))


def _shown(value: Any) -> Text:
    if value is None:
        return Text(UNKNOWN, style="dim")
    return Text(f"{value:,}" if isinstance(value, int) else printable(str(value)))
