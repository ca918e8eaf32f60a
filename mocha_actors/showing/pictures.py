"""Charts as PNG or SVG, by matplotlib, which is an extra: timelines, rankings, the heatmap of a week. What was not observed is shaded."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS
from mocha_actors.errors import ConfigError
from mocha_actors.showing.colours import FAINT, HOLE, INK, MAIN, RAMP, SECOND
from mocha_actors.showing.counting import EVERYBODY
from mocha_actors.showing.fonts import complete, drawable, legible, quiet, spelled
from mocha_actors.showing.timelines import TIMELINES, heights, since_first
from mocha_actors.showing.titles import title_of
from mocha_actors.showing.weeks import unobserved
from mocha_actors.showing.words import DAYS, local_time, percent, printable
from mocha_actors.stats.hours import CELLS
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

WIDE: Final = (9.6, 4.8, 150)
"""Of a file: inches of width and height, dots of each; letters have a size in inches."""

SMALL: Final = (6.8, 3.8, 190)
"""Of a chart in a chat, where it is shown a third as large: as many dots, with letters that can be read even then."""

TICK_INCHES: Final = 0.75
"""Width that a label of time needs."""

HEADROOM: Final = 1.06
"""How much higher an axis is than its highest bar."""

TITLE_PER_INCH, NAME_PER_INCH, SCOPE_PER_INCH = 6.5, 3.6, 13.0
"""Characters for which there is room: of the title, of the guild's name before range and zone, and of what is counted."""

SCOPE_LINES: Final = 2

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

SECONDS_PER_HOUR: Final = 3600


def draw(answer: Answer, path: Path, names: Mapping[int, str], counts: str = EVERYBODY) -> None:
    """Draw an answer into ``path``, a PNG or SVG by its ending. ``counts`` says what is counted, and stands below the title unless it is usual.

    Raises:
        ConfigError: there is no chart of such an answer, matplotlib is not installed, or the ending is another.

    """
    if type(answer) not in CHARTS:
        msg = f"there is no chart of {title_of(answer)!r}; timelines, leaderboards, rankings and heatmaps have one"
        raise ConfigError(msg)
    if path.suffix.lower() not in {".png", ".svg"}:
        msg = f"the chart's file is {path}; its name must end with .png or .svg"
        raise ConfigError(msg)
    title = title_of(answer)
    with quiet():
        _figure(answer, names, title, WIDE, counts).savefig(path, metadata={"Title": title})


def png(answer: Answer, names: Mapping[int, str], title: str) -> bytes:
    """The chart of an answer that :data:`CHARTS` has, as a PNG under ``title``, for a chat.

    Raises:
        ConfigError: matplotlib is not installed.

    """
    file = io.BytesIO()
    with quiet():
        _figure(answer, names, title, SMALL).savefig(file, format="png", metadata={"Title": title})
    return file.getvalue()


def _figure(
    answer: Answer, names: Mapping[int, str], title: str, size: tuple[float, float, int], counts: str = EVERYBODY
) -> Figure:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "charts need matplotlib: pip install 'mocha-actors[charts]'"
        raise ConfigError(msg) from error
    answer = since_first(answer) if isinstance(answer, TIMELINES) else answer
    width, height, dots = size
    figure = Figure(figsize=(width, height), dpi=dots, layout="constrained")
    axes = figure.add_subplot()
    _frame(axes)
    CHARTS[type(answer)](figure, axes, answer)
    _entitle(axes, answer, names, title, "" if counts == EVERYBODY else counts)
    complete(figure)
    return figure


def _frame(axes: Axes) -> None:
    """A quiet frame: no box, a faint grid, small labels."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=8, length=0)
    axes.set_axisbelow(True)


def _entitle(axes: Axes, answer: Answer, names: Mapping[int, str], title: str, counts: str) -> None:
    """Title, guild, range, zone, whether anything is missing, and on lines of their own what is counted."""
    scope = wrap(counts, int(_wide(axes) * SCOPE_PER_INCH), max_lines=SCOPE_LINES, placeholder=" …")
    guild = names.get(answer.guild_id, str(answer.guild_id))
    ends = " to ".join(local_time(ms, answer.time_zone, "%Y-%m-%d %H:%M") for ms in (answer.since_ms, answer.until_ms))
    if answer.since_ms <= DISCORD_EPOCH_MS:
        ends = f"all time up to {ends[-16:]}"
    observed = "" if answer.coverage.complete else f"   ·   {percent(answer.coverage.observed_share)} observed"
    axes.set_title(
        _plain(_cut(title, int(_wide(axes) * TITLE_PER_INCH))),
        loc="left",
        fontsize=13,
        color=INK,
        fontweight="bold",
        pad=24 + 12 * len(scope),
    )
    subtitle = _plain(
        f"{_cut(guild, int(_wide(axes) * NAME_PER_INCH))}   ·   {ends}   ·   {answer.time_zone}{observed}"
    )
    subtitle = "\n".join((subtitle, *map(_plain, scope)))
    below = axes.text(0, 1.02, subtitle, transform=axes.transAxes, fontsize=8, color=FAINT)
    # The title makes room for it; names in wide letters must not make the chart narrow.
    below.set_in_layout(False)


def _wide(axes: Axes) -> float:
    """Inches of the whole figure."""
    return float(axes.figure.bbox.width / axes.figure.dpi)


def _cut(text: str, most: int) -> str:
    """The beginning of a text that is too wide: matplotlib would lay out nothing any more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _plain(text: str) -> str:
    """A text that matplotlib takes as it is, dollar signs included."""
    return printable(text).replace("$", r"\$")


def _timeline(axes: Axes, answer: Any, values: Sequence[float], label: str) -> None:
    """Bars over time; what was not observed is shaded, what lies in the range in part is lighter."""
    steps = answer.buckets
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
    axes.set_ylim(min([0, *values]), (max(values, default=0) or 1) * HEADROOM)
    if all(isinstance(value, int) for value in values):
        _whole_numbers(axes)


def _say_if_nothing(axes: Axes, answer: Answer, values: Sequence[float]) -> None:
    """Say in the middle of a chart that it shows nothing, which an empty one leaves open."""
    if any(value > 0 for value in values):
        return
    said = "nothing was counted" if answer.coverage.observed_share else "nothing was observed"
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 6}
    axes.text(
        0.5,
        0.5,
        said,
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=11,
        color=INK,
        bbox=ground,
        zorder=10,
    )


def _whole_numbers(axes: Axes) -> None:
    """Label no fraction of a thing that has none."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter  # noqa: PLC0415 - an extra

    axes.yaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _time_axis(axes: Axes, steps: Sequence[Any]) -> None:
    every = max(1, -(-len(steps) // int(_wide(axes) / TICK_INCHES)))
    shown = range(0, len(steps), every)
    labels = [_short(steps[position].label) for position in shown]
    # The day stands below an hour once, and not again until it changes.
    days = [
        day if not before or day != before else ""
        for (_, day), before in zip(labels, ["", *(day for _, day in labels)], strict=False)
    ]
    axes.set_xticks(list(shown), [f"{text}\n{day}".strip() for (text, _), day in zip(labels, days, strict=True)])
    axes.set_xlim(-0.6, len(steps) - 0.4)


def _short(label: str) -> tuple[str, str]:
    """The label of a step as an axis has room for it, and of an hour the day; the year stands above."""
    if "T" in label:
        return label[11:16], _day(label)
    return (label if len(label) == len("2026-03") else _day(label)), ""


def _day(label: str) -> str:
    return f"{int(label[8:10])} {MONTHS[int(label[5:7]) - 1]}"


def _messages(_: Figure, axes: Axes, answer: MessageTimeline) -> None:
    values = [step.messages for step in answer.buckets]
    _timeline(axes, answer, values, "messages")
    _say_if_nothing(axes, answer, values)


def _voice(_: Figure, axes: Axes, answer: VoiceTimeline) -> None:
    values = [step.voice_seconds / SECONDS_PER_HOUR for step in answer.buckets]
    _timeline(axes, answer, values, "hours in voice")
    _say_if_nothing(axes, answer, values)


def _active(_: Figure, axes: Axes, answer: ActiveMembers) -> None:
    values = [step.active_members for step in answer.buckets]
    _timeline(axes, answer, values, "active members")
    _say_if_nothing(axes, answer, values)


def _online(_: Figure, axes: Axes, answer: OnlineTimeline) -> None:
    values = heights(answer)
    _timeline(axes, answer, values, "members online, on average")
    _say_if_nothing(axes, answer, values)


def _growth(_: Figure, axes: Axes, answer: MemberGrowth) -> None:
    """Joins upwards, leaves downwards, and the number of members as a line on an axis of its own."""
    joins, leaves = [step.joins for step in answer.buckets], [-step.leaves for step in answer.buckets]
    _timeline(axes, answer, joins, "joins and leaves")
    bars = axes.bar(range(len(leaves)), leaves, width=0.8, color=SECOND)
    for each, step in zip(bars, answer.buckets, strict=True):
        each.set_alpha(0.5 if step.partial else 1.0)
    axes.set_ylim(min([0, *leaves]) * HEADROOM, max([1, *joins]) * HEADROOM)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    shown = [("joins", MAIN), ("leaves", SECOND)]
    if any(step.member_count is not None for step in answer.buckets):
        other = axes.twinx()
        _frame(other)
        counts = [float("nan") if step.member_count is None else step.member_count for step in answer.buckets]
        other.plot(range(len(counts)), counts, color=INK, linewidth=1.5)
        other.set_ylabel("members", fontsize=8, color=FAINT)
        _whole_numbers(other)
        shown.append(("members", INK))
    _say_if_nothing(
        axes, answer, [*joins, *(-step for step in leaves), *(step.member_count or 0 for step in answer.buckets)]
    )
    for place, (label, colour) in enumerate(reversed(shown)):
        axes.text(1 - 0.11 * place, 1.09, label, transform=axes.transAxes, ha="right", fontsize=8, color=colour)


def _ranking(axes: Axes, answer: Answer, labels: Sequence[str], values: Sequence[float], unit: str) -> None:
    """Horizontal bars, the first on top, each with its number."""
    _say_if_nothing(axes, answer, values)
    if not labels:
        axes.set_xticks([])
        axes.set_yticks([])
        return
    positions = range(len(labels))
    axes.barh(positions, values, height=0.7, color=MAIN)
    axes.set_yticks(list(positions), [_plain(_cut(label, 32)) for label in labels])
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
    labels = [f"{each.rank}. {_best(each.user_id, each.global_name, each.username)}" for each in answer.entries]
    _ranking(axes, answer, labels, *_scaled(answer.metric, [entry.value for entry in answer.entries]))


def _channels(_: Figure, axes: Axes, answer: ChannelRanking) -> None:
    labels = [f"{each.rank}. {_best(each.channel_id, each.channel_name)}" for each in answer.entries]
    _ranking(axes, answer, labels, *_scaled(answer.metric, [entry.value for entry in answer.entries]))


def _emoji(_: Figure, axes: Axes, answer: TopEmoji) -> None:
    signs = [each.name or (each.emoji if drawable(each.emoji) else spelled(each.emoji)) for each in answer.entries]
    labels = [f"{each.rank}. {sign}" for each, sign in zip(answer.entries, signs, strict=True)]
    _ranking(axes, answer, labels, [entry.added for entry in answer.entries], "reactions")


def _best(key: int, *names: str | None) -> str:
    """The first name that the fonts can show, or the id."""
    return next((name for name in names if name and legible(name)), str(key))


def _scaled(metric: str, values: Sequence[float]) -> tuple[list[float], str]:
    if metric == "voice_seconds":
        return [value / SECONDS_PER_HOUR for value in values], "hours in voice"
    return list(values), metric.replace("_", " ")


def _heatmap(figure: Figure, axes: Axes, answer: Heatmap) -> None:
    """Seven rows of 24 hours; an hour that the range does not hold is blank, one that nobody observed is shaded."""
    from matplotlib.colors import LinearSegmentedColormap, ListedColormap  # noqa: PLC0415 - an extra

    nobody = unobserved(answer)
    averages = [
        float("nan") if cell.average_per_hour is None or place in nobody else cell.average_per_hour
        for place, cell in enumerate(answer.cells)
    ]
    values, unit = _scaled(answer.metric, averages)
    greatest = max((value for value in values if value > 0), default=0)
    axes.imshow(
        _days([1.0 if place in nobody else float("nan") for place in range(CELLS)]),
        aspect="auto",
        cmap=ListedColormap([HOLE]),
    )
    ramp = LinearSegmentedColormap.from_list("mocha", RAMP)
    image = axes.imshow(_days(values), aspect="auto", cmap=ramp, vmin=0, vmax=greatest or 1)
    axes.set_yticks(range(7), DAYS)
    axes.set_xticks(range(0, 24, 3), [f"{hour:02d}:00" for hour in range(0, 24, 3)])
    axes.spines["bottom"].set_visible(False)
    if greatest:
        _scale(figure, axes, image, f"{unit} an hour")
    _say_if_nothing(axes, answer, values)


def _days(values: Sequence[float]) -> list[Sequence[float]]:
    return [values[day * 24 : day * 24 + 24] for day in range(7)]


def _scale(figure: Figure, axes: Axes, image: Any, unit: str) -> None:
    """What the colours mean."""
    scale = figure.colorbar(image, ax=axes, pad=0.02)
    scale.outline.set_visible(False)
    scale.ax.tick_params(labelsize=8, colors=INK, length=0)
    scale.set_label(unit, fontsize=8, color=FAINT)


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
