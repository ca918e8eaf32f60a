"""Charts as PNG or SVG, by matplotlib, which is an extra: timelines, rankings, the heatmap of a week. What was not observed is shaded."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mocha_actors.errors import ConfigError
from mocha_actors.showing.colours import FAINT, HOLE, INK, MAIN, RAMP, SECOND
from mocha_actors.showing.timelines import TIMELINES, since_first
from mocha_actors.showing.titles import title_of
from mocha_actors.showing.words import DAYS, moment, printable
from mocha_actors.stats.results import (
    ActiveMembers,
    Answer,
    ChannelRanking,
    Heatmap,
    Leaderboard,
    MemberGrowth,
    MessageTimeline,
    OnlineTimeline,
    TopEmoji,
    VoiceTimeline,
)  # fmt: skip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 9.6, 4.8
"""Inches, at 150 dots."""

TICKS: Final = 12

SECONDS_PER_HOUR: Final = 3600


def draw(answer: Answer, path: Path, names: Mapping[int, str]) -> None:
    """Draw an answer into ``path``, a PNG or SVG by its ending.

    Raises:
        ConfigError: there is no chart of such an answer, matplotlib is not installed, or the ending is another.

    """
    if type(answer) not in CHARTS:
        msg = f"{type(answer).__name__} has no chart; timelines, leaderboards, rankings and heatmaps have"
        raise ConfigError(msg)
    if path.suffix.lower() not in {".png", ".svg"}:
        msg = f"the chart's file is {path}; its name must end with .png or .svg"
        raise ConfigError(msg)
    title = title_of(answer)
    _figure(answer, names, title).savefig(path, metadata={"Title": title})


def png(answer: Answer, names: Mapping[int, str], title: str) -> bytes:
    """The chart of an answer that :data:`CHARTS` has, as a PNG under ``title``.

    Raises:
        ConfigError: matplotlib is not installed.

    """
    file = io.BytesIO()
    _figure(answer, names, title).savefig(file, format="png", metadata={"Title": title})
    return file.getvalue()


def _figure(answer: Answer, names: Mapping[int, str], title: str) -> Figure:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "charts need matplotlib: pip install 'mocha-actors[charts]'"
        raise ConfigError(msg) from error
    answer = since_first(answer) if isinstance(answer, TIMELINES) else answer
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    _frame(axes)
    CHARTS[type(answer)](figure, axes, answer)
    _entitle(axes, answer, names, title)
    return figure


def _frame(axes: Axes) -> None:
    """A quiet frame: no box, a faint grid, small labels."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=8, length=0)
    axes.set_axisbelow(True)


def _entitle(axes: Axes, answer: Answer, names: Mapping[int, str], title: str) -> None:
    """Title, guild, range, zone, and whether anything is missing."""
    guild = names.get(answer.guild_id, str(answer.guild_id))
    ends = " to ".join(str(moment(ms, answer.time_zone)) for ms in (answer.since_ms, answer.until_ms))
    observed = "" if answer.coverage.complete else f"   ·   {answer.coverage.observed_share:.1%} observed"
    axes.set_title(_plain(title), loc="left", fontsize=13, color=INK, fontweight="bold", pad=24)
    subtitle = _plain(f"{guild}   ·   {ends}   ·   {answer.time_zone}{observed}")
    axes.text(0, 1.02, subtitle, transform=axes.transAxes, fontsize=8, color=FAINT)


def _plain(text: str) -> str:
    """A text that matplotlib takes as it is, dollar signs included."""
    return printable(text).replace("$", r"\$")


def _timeline(axes: Axes, steps: Sequence[Any], values: Sequence[float], label: str) -> None:
    """Bars over time; what was not observed is shaded, what lies in the range in part is lighter."""
    positions = range(len(steps))
    for position, step in enumerate(steps):
        if step.observed_share < 1:
            axes.axvspan(position - 0.5, position + 0.5, color=HOLE, alpha=1 - step.observed_share, linewidth=0)
    bars = axes.bar(positions, values, width=0.8, color=MAIN)
    for each, step in zip(bars, steps, strict=True):
        each.set_alpha(0.5 if step.partial else 1.0)
    _time_axis(axes, steps)
    axes.set_ylabel(label, fontsize=8, color=FAINT)
    axes.grid(axis="y", color="#e6ecf0", linewidth=0.8)
    axes.set_ylim(bottom=min(0, *values))


def _time_axis(axes: Axes, steps: Sequence[Any]) -> None:
    every = max(1, -(-len(steps) // TICKS))
    shown = range(0, len(steps), every)
    axes.set_xticks(list(shown), [steps[position].label.replace("T", "\n") for position in shown])
    axes.set_xlim(-0.6, len(steps) - 0.4)


def _messages(_: Figure, axes: Axes, answer: MessageTimeline) -> None:
    _timeline(axes, answer.buckets, [step.messages for step in answer.buckets], "messages")


def _voice(_: Figure, axes: Axes, answer: VoiceTimeline) -> None:
    _timeline(
        axes, answer.buckets, [step.voice_seconds / SECONDS_PER_HOUR for step in answer.buckets], "hours in voice"
    )


def _active(_: Figure, axes: Axes, answer: ActiveMembers) -> None:
    _timeline(axes, answer.buckets, [step.active_members for step in answer.buckets], "active members")


def _online(_: Figure, axes: Axes, answer: OnlineTimeline) -> None:
    _timeline(axes, answer.buckets, [step.present_average for step in answer.buckets], "members online, on average")


def _growth(_: Figure, axes: Axes, answer: MemberGrowth) -> None:
    """Joins upwards, leaves downwards, and the number of members as a line on an axis of its own."""
    _timeline(axes, answer.buckets, [step.joins for step in answer.buckets], "joins and leaves")
    leaves = [-step.leaves for step in answer.buckets]
    axes.bar(range(len(leaves)), leaves, width=0.8, color=SECOND)
    axes.set_ylim(bottom=min(0, *leaves) * 1.1)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    if any(step.member_count is not None for step in answer.buckets):
        other = axes.twinx()
        _frame(other)
        counts = [float("nan") if step.member_count is None else step.member_count for step in answer.buckets]
        other.plot(range(len(counts)), counts, color=INK, linewidth=1.5)
        other.set_ylabel("members", fontsize=8, color=FAINT)


def _ranking(axes: Axes, labels: Sequence[str], values: Sequence[float], unit: str) -> None:
    """Horizontal bars, the first on top, each with its number."""
    positions = range(len(labels))
    axes.barh(positions, values, height=0.7, color=MAIN)
    axes.set_yticks(list(positions), [_plain(label)[:32] for label in labels])
    axes.invert_yaxis()
    axes.set_xlabel(unit, fontsize=8, color=FAINT)
    axes.grid(axis="x", color="#e6ecf0", linewidth=0.8)
    for position, value in enumerate(values):
        axes.annotate(
            f"{value:,.1f}" if isinstance(value, float) else f"{value:,}",
            (value, position),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.margins(x=0.1)


def _users(_: Figure, axes: Axes, answer: Leaderboard) -> None:
    labels = [f"{entry.rank}. {entry.global_name or entry.username or entry.user_id}" for entry in answer.entries]
    _ranking(axes, labels, *_scaled(answer.metric, [entry.value for entry in answer.entries]))


def _channels(_: Figure, axes: Axes, answer: ChannelRanking) -> None:
    labels = [f"{entry.rank}. {entry.channel_name or entry.channel_id}" for entry in answer.entries]
    _ranking(axes, labels, *_scaled(answer.metric, [entry.value for entry in answer.entries]))


def _emoji(_: Figure, axes: Axes, answer: TopEmoji) -> None:
    labels = [f"{entry.rank}. {entry.name or entry.emoji}" for entry in answer.entries]
    _ranking(axes, labels, [entry.added for entry in answer.entries], "reactions")


def _scaled(metric: str, values: Sequence[float]) -> tuple[list[float], str]:
    if metric == "voice_seconds":
        return [value / SECONDS_PER_HOUR for value in values], "hours in voice"
    return list(values), metric.replace("_", " ")


def _heatmap(figure: Figure, axes: Axes, answer: Heatmap) -> None:
    """Seven rows of 24 hours; an hour that the range does not hold is blank."""
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - an extra

    averages = [float("nan") if cell.average_per_hour is None else cell.average_per_hour for cell in answer.cells]
    values, unit = _scaled(answer.metric, averages)
    rows = [values[day * 24 : day * 24 + 24] for day in range(7)]
    image = axes.imshow(rows, aspect="auto", cmap=LinearSegmentedColormap.from_list("mocha", RAMP), vmin=0)
    axes.set_yticks(range(7), DAYS)
    axes.set_xticks(range(0, 24, 3), [f"{hour:02d}:00" for hour in range(0, 24, 3)])
    axes.spines["bottom"].set_visible(False)
    scale = figure.colorbar(image, ax=axes, pad=0.02)
    scale.outline.set_visible(False)
    scale.ax.tick_params(labelsize=8, colors=INK, length=0)
    scale.set_label(f"{unit} an hour", fontsize=8, color=FAINT)


CHARTS: Final[dict[type[Answer], Callable[[Any, Any, Any], None]]] = {
    ActiveMembers: _active,
    ChannelRanking: _channels,
    Heatmap: _heatmap,
    Leaderboard: _users,
    MemberGrowth: _growth,
    MessageTimeline: _messages,
    OnlineTimeline: _online,
    TopEmoji: _emoji,
    VoiceTimeline: _voice,
}
"""The answers that have a chart."""
