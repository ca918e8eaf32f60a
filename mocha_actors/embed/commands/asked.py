"""A use of a command, before either library's objects matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from mocha_actors.embed.commands.definitions import (
    DEFAULT_METRIC,
    DEFAULT_PERIOD,
    MEMBERS,
    METRICS,
    PERIODS,
    Metric,
    Period,
)  # fmt: skip
from mocha_actors.embed.commands.sight import Sight
from mocha_actors.errors import PermanentError

T = TypeVar("T")


class RefusedError(PermanentError):
    """A command that is not answered; its text is for whoever gave it."""


@dataclass(frozen=True, slots=True)
class Target:
    """The channel that a command is about.

    Attributes:
        channel_id: the channel or thread.
        seen_as: the channel that decides who sees it: itself, or that of a thread.
        private: it is a thread that only those see who were added to it or manage threads.
        added: whoever asks sees it even so.

    """

    channel_id: int
    seen_as: int | None
    private: bool = False
    added: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks.

    Attributes:
        command: which command, as in ``stats user``.
        guild_id: the server.
        place: its name.
        user_id: who asks.
        sight: what whoever is answered sees of it: who asks, or everybody if it is shared.
        share: everybody is to see the answer.
        target_user_id: whom it is about, where it is about somebody.
        target: the channel that it is about, where it is about one.
        period: a key of the periods.
        metric: a key of the metrics.
        of: members or channels.
        include_bots: count bots too.
        attachment_bytes: how large a file may be here.

    """

    command: str
    guild_id: int
    place: str
    user_id: int
    sight: Sight
    share: bool = False
    target_user_id: int | None = None
    target: Target | None = None
    period: str = DEFAULT_PERIOD
    metric: str = DEFAULT_METRIC
    of: str = MEMBERS
    include_bots: bool = False
    attachment_bytes: int = 0

    @property
    def chosen_period(self) -> Period:
        """The period.

        Raises:
            RefusedError: there is none of this name.

        """
        return _chosen(PERIODS, self.period)

    @property
    def chosen_metric(self) -> Metric:
        """The metric; see :attr:`chosen_period`."""
        return _chosen(METRICS, self.metric)


def _chosen(choices: dict[str, T], key: str) -> T:
    if key not in choices:
        raise RefusedError("That cannot be chosen; choose one of those that are shown.")
    return choices[key]
