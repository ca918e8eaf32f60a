"""The commands: their names, what can be chosen, and what the choices mean. Both libraries' commands are made from these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from mocha_actors.stats.buckets import Interval
from mocha_actors.stats.options import Options
from mocha_actors.stats.questions import ChannelMetric, UserMetric

Kind = Literal["user", "channel", "choice", "flag"]


@dataclass(frozen=True, slots=True)
class Option:
    """What can be chosen with a command; always optional.

    Attributes:
        name: how it is called.
        description: what it does, up to 100 characters.
        kind: what is given.
        choices: of a ``choice``, what is shown and what is meant, at most 25.

    """

    name: str
    description: str
    kind: Kind
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or a group of them.

    Attributes:
        name: how it is called.
        description: what it does, up to 100 characters.
        options: what can be chosen.
        commands: those of a group, which itself cannot be used.

    """

    name: str
    description: str
    options: tuple[Option, ...] = ()
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class Period:
    """A period that can be chosen.

    Attributes:
        label: how it is shown.
        options: what is asked.
        interval: the steps in which it is drawn.

    """

    label: str
    options: Options
    interval: Interval


PERIODS: Final = {
    "today": Period("Today", {"period": "today"}, "hour"),
    "yesterday": Period("Yesterday", {"period": "yesterday"}, "hour"),
    "7d": Period("Last 7 days", {"days": 7}, "day"),
    "30d": Period("Last 30 days", {"days": 30}, "day"),
    "90d": Period("Last 90 days", {"days": 90}, "week"),
    "365d": Period("Last 365 days", {"days": 365}, "week"),
    "this_week": Period("This week", {"period": "this_week"}, "day"),
    "last_week": Period("Last week", {"period": "last_week"}, "day"),
    "this_month": Period("This month", {"period": "this_month"}, "day"),
    "last_month": Period("Last month", {"period": "last_month"}, "day"),
    "all_time": Period("All time", {"period": "all_time"}, "month"),
}
DEFAULT_PERIOD: Final = "30d"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a leaderboard can be by.

    Attributes:
        label: how it is shown.
        of_users: what is asked of members.
        of_channels: what is asked of channels; a reaction in a channel is given and received there.

    """

    label: str
    of_users: UserMetric
    of_channels: ChannelMetric


METRICS: Final = {
    "messages": Metric("Messages", "messages", "messages"),
    "voice": Metric("Voice time", "voice_seconds", "voice_seconds"),
    "given": Metric("Reactions given", "reactions_given", "reactions"),
    "received": Metric("Reactions received", "reactions_received", "reactions"),
}
DEFAULT_METRIC: Final = "messages"

HOURLY: Final = ("messages", "voice")
"""Of these, what a heatmap can show."""

MEMBERS: Final = "members"
CHANNELS: Final = "channels"

CHANNEL_TYPES: Final = (0, 2, 5, 10, 11, 12, 13, 15, 16)
"""Discord's types of channels in which something can happen: all in servers but categories and directories."""

_PERIOD: Final = Option(
    "period", "The last 30 days if nothing is chosen", "choice", tuple((each.label, key) for key, each in PERIODS.items())
)  # fmt: skip
_BOTS: Final = Option("include_bots", "Count bots too", "flag")
_SHARE: Final = Option("share", "Show the answer to everybody here; it then counts what everybody can see", "flag")


def _metrics(names: tuple[str, ...]) -> Option:
    return Option("metric", "By what; messages if nothing is chosen", "choice", tuple((METRICS[n].label, n) for n in names))  # fmt: skip


COMMANDS: Final = (
    Command(
        "stats",
        "What happens on this server",
        commands=(
            Command(
                "user",
                "What a member does here",
                (Option("user", "Whom; yourself if nobody is chosen", "user"), _PERIOD, _SHARE),
            ),
            Command("server", "What happens on the whole server", (_PERIOD, _BOTS, _SHARE)),
            Command(
                "channel",
                "What happens in a channel or thread",
                (Option("channel", "Which; this one if none is chosen", "channel"), _PERIOD, _BOTS, _SHARE),
            ),
        ),
    ),
    Command(
        "leaderboard",
        "Who does most, or where most happens",
        (
            Option("of", "Members if nothing is chosen", "choice", (("Members", MEMBERS), ("Channels", CHANNELS))),
            _metrics(tuple(METRICS)),
            _PERIOD,
            _BOTS,
            _SHARE,
        ),
    ),
    Command("heatmap", "At which hours of the week most happens", (_metrics(HOURLY), _PERIOD, _BOTS, _SHARE)),
    Command("growth", "Who joined and left, and how many members there are", (_PERIOD, _BOTS, _SHARE)),
    Command(
        "privacy",
        "What this bot records about you",
        commands=(
            Command("opt-out", "Have nothing more recorded of what you do"),
            Command("opt-in", "Be recorded again"),
            Command("export", "Get everything that is recorded about you as a file"),
            Command("forget", "Have everything erased that is recorded about you, for good"),
        ),
    ),
)
"""Every command. They are for servers alone, and anybody's unless a server's administrators say otherwise in its settings."""

PRIVATE: Final = "privacy"
"""The group whose answers nobody else ever sees."""
