"""``mocha query``: one subcommand per question, each with the options of its request type."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import click
import msgspec

from mocha_actors.cli.database import database_options, database_url, read
from mocha_actors.cli.output import print_answer, print_json, printable
from mocha_actors.db.connection import Connection
from mocha_actors.errors import ConfigError
from mocha_actors.stats.engine import answer
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.guilds import known_guilds
from mocha_actors.stats.options import DEFAULT_DAYS, chosen_range
from mocha_actors.stats.questions import (
    ChannelQuestion,
    Filters,
    GuildQuestion,
    LeaderboardQuestion,
    Question,
    UserQuestion,
)
from mocha_actors.stats.ranges import Range

GUILDS_LISTED: Final = 10
"""Guilds that an error names; a bot may be in thousands."""

SHARED_OPTIONS: Final = (
    click.option("--guild", type=int, metavar="ID", help="Guild; may be left out when the database holds one only."),
    click.option("--days", type=int, metavar="N", help=f"The last N times 24 hours.  [default: {DEFAULT_DAYS}]"),
    click.option("--since", metavar="TIME", help="Begin, instead of --days: ISO 8601, UTC unless it has an offset."),
    click.option("--until", metavar="TIME", help="End, not included, with --since.  [default: now]"),
    click.option("--include-bots", is_flag=True, help="Count bots too."),
    click.option("--include-webhooks", is_flag=True, help="Count webhooks too; they stand in no list of users."),
    click.option("--exclude-deleted", is_flag=True, help="Leave out messages that were deleted since."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON; identifiers are strings."),
    database_options,
)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the shared options say."""

    url: str
    guild: int | None
    range: Range
    filters: Filters
    as_json: bool


class QuestionAbout(Protocol):
    """A request type that lacks only what the shared options say."""

    def __call__(self, *, guild_id: int, range: Range, filters: Filters) -> Question:  # noqa: A002 - the field's name
        """Make the question."""


@click.group()
def command() -> None:
    """Ask how much was written, by whom and where."""


def shared_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a subcommand the options of every question; it takes them as one :class:`Asked` before its own."""

    @functools.wraps(function)
    def with_asked(
        *, database: str | None, config: str | None, guild: int | None,
        days: int | None, since: str | None, until: str | None,
        include_bots: bool, include_webhooks: bool, exclude_deleted: bool, as_json: bool, **own: Any,
    ) -> None:  # fmt: skip
        with wrong_usage():
            period = chosen_range(days, since, until, now_ms=time.time_ns() // 1_000_000, dashes="--")
        filters = Filters(include_bots=include_bots, include_webhooks=include_webhooks, exclude_deleted=exclude_deleted)
        function(
            Asked(url=database_url(database, config), guild=guild, range=period, filters=filters, as_json=as_json),
            **own,
        )

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(SHARED_OPTIONS), with_asked)


@command.command()
@shared_options
def guild(asked: Asked) -> None:
    """A guild as a whole: messages, commands, active users and channels."""
    ask(asked, GuildQuestion)


@command.command()
@click.option("--user", "user_id", type=int, required=True, metavar="ID", help="The user; a bot too.")
@shared_options
def user(asked: Asked, user_id: int) -> None:
    """One user of a guild: messages, rank, first and last message."""
    ask(asked, functools.partial(UserQuestion, user_id=user_id))


@command.command()
@click.option("--channel", "channel_id", type=int, required=True, metavar="ID", help="The channel or thread.")
@shared_options
def channel(asked: Asked, channel_id: int) -> None:
    """One channel or thread of a guild: messages, share, rank, first and last message."""
    ask(asked, functools.partial(ChannelQuestion, channel_id=channel_id))


@command.command()
@click.option("--limit", type=int, default=10, show_default=True, metavar="N", help="Users of a page.")
@click.option("--cursor", metavar="CURSOR", help="Begin behind the page that named this cursor.")
@shared_options
def leaderboard(asked: Asked, limit: int, cursor: str | None) -> None:
    """Who wrote most: users by messages; equals share a rank."""
    ask(asked, functools.partial(LeaderboardQuestion, limit=limit, cursor=cursor))


def ask(asked: Asked, about: QuestionAbout) -> None:
    """Choose the guild, put the question and print the answer."""

    def job(connection: Connection) -> Any:
        guild_id = chosen_guild(asked.guild, known_guilds(connection))
        return answer(connection, about(guild_id=guild_id, range=asked.range, filters=asked.filters))

    with wrong_usage():
        result = read(asked.url, job)
    if asked.as_json:
        print_json(result)
    else:
        print_answer(result, asked.filters)


def chosen_guild(asked: int | None, known: Sequence[tuple[int, str | None]]) -> int:
    """The guild asked for, or the only one there is.

    Raises:
        ConfigError: there is none, there are several and none is named, or the one named is not among them.

    """
    if not known:
        msg = "the database holds no guild yet"
        raise ConfigError(msg)
    if asked is None and len(known) == 1:
        return known[0][0]
    if asked is None or asked not in dict(known):
        fault = f"the database holds {len(known):,} guilds" if asked is None else f"the database holds no guild {asked}"
        listed = ", ".join(
            str(key) if name is None else f"{key} ({printable(name)})" for key, name in known[:GUILDS_LISTED]
        )
        more = "" if len(known) <= GUILDS_LISTED else f" and {len(known) - GUILDS_LISTED:,} more"
        msg = f"{fault}; name one with --guild: {listed}{more}"
        raise ConfigError(msg)
    return asked


@contextmanager
def wrong_usage() -> Iterator[None]:
    """A question that cannot be is a wrong command line here: exit code 2."""
    try:
        yield
    except QuestionError as error:
        raise ConfigError(str(error)) from error
