"""How a subcommand of ``mocha query`` asks: the options that all share, names in place of ids, and what is done with the answer."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from mocha_actors.cli.answers import print_answer
from mocha_actors.cli.database import database_options, database_url, read, time_zone
from mocha_actors.cli.files import FILE, written
from mocha_actors.cli.names import alike, channel_named, once, role_id, user_named
from mocha_actors.cli.output import print_json
from mocha_actors.cli.spreadsheet import print_csv
from mocha_actors.db.connection import Connection
from mocha_actors.errors import ConfigError
from mocha_actors.showing.counting import counted
from mocha_actors.showing.words import printable
from mocha_actors.stats.answers import answer
from mocha_actors.stats.calendar_ranges import PERIODS
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.guilds import guild_settings, known_guilds
from mocha_actors.stats.options import DEFAULT_DAYS, Options, Resolved, resolve
from mocha_actors.stats.questions import CompareQuestion
from mocha_actors.stats.results import Answer, GuildSettings

GUILDS_LISTED: Final = 10
"""Guilds that an error names; a bot may be in thousands."""

NAMES_OF_USER: Final = "SELECT id, COALESCE(global_name, username) FROM users WHERE id = ?"

RANGE_OPTIONS: Final = (
    once("--guild", metavar="ID|NAME", help="Guild; may be left out when the database holds one only."),
    click.option("--days", type=int, metavar="N", help=f"The last N times 24 hours.  [default: {DEFAULT_DAYS}]"),
    click.option("--since", metavar="TIME", help="Begin, instead of --days: ISO 8601, local unless it has an offset."),
    click.option("--until", metavar="TIME", help="End, not included, with --since.  [default: now]"),
    click.option("--period", metavar="NAME", help=f"A calendar range: {', '.join(PERIODS)}."),
    click.option("--time-zone", metavar="ZONE", help="IANA name.  [default: the guild's, else UTC]"),
    click.option(
        "--week-start", type=int, metavar="0-6", help="Begin of the week, 0 is Monday.  [default: the guild's]"
    ),
)

FILTER_OPTIONS: Final = (
    click.option("--include-bots", is_flag=True, help="Count bots too."),
    click.option("--include-webhooks", is_flag=True, help="Count webhooks too; they stand in no list of users."),
    click.option("--include-left/--exclude-left", default=True, help="List users who have left.  [default: include]"),
    click.option("--include-ignored", is_flag=True, help="Count what the guild's settings say to ignore."),
    click.option("--exclude-deleted", is_flag=True, help="Leave out messages that were deleted since."),
    click.option("--exclude-afk/--include-afk", default=True, help="Voice in the AFK channel.  [default: exclude]"),
    click.option("--exclude-deaf", is_flag=True, help="Leave out voice of the deafened."),
    click.option("--exclude-alone", is_flag=True, help="Leave out voice of those alone in a channel."),
)

OUTPUT_OPTIONS: Final = (
    click.option("--json", "as_json", is_flag=True, help="Print JSON; identifiers are strings."),
    click.option("--csv", "as_csv", is_flag=True, help="Print CSV; identifiers are texts."),
    click.option("--png", type=FILE, metavar="FILE", help="Draw a chart (extra: charts)."),
    click.option("--svg", type=FILE, metavar="FILE", help="Draw a chart (extra: charts)."),
    database_options,
)

PLACES: Final = {
    "channels": click.option("--channel", "channels", multiple=True, metavar="ID|NAME", help="Only here; repeatable."),
    "categories": click.option("--category", "categories", multiple=True, metavar="ID|NAME", help="Only here; repeatable."),
    "users": click.option("--user", "users", multiple=True, metavar="ID|NAME", help="Only these; repeatable."),
    "roles": click.option("--role", "roles", multiple=True, type=role_id, metavar="ID", help="Only holders; repeatable."),
}  # fmt: skip


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the shared options say.

    Attributes:
        url: of the database.
        default_zone: of guilds without one.
        guild: id or name; None for the only one.
        options: range and filters; channels, categories and users still by id or name.
        as_json: print JSON.
        as_csv: print CSV.
        picture: draw into this file.

    """

    url: str
    default_zone: str
    guild: str | None
    options: dict[str, Any]
    as_json: bool
    as_csv: bool
    picture: Path | None


def shared_options(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a subcommand the options of every question, but for the filters ``without``; it takes them as one :class:`Asked`."""
    places = [option for name, option in PLACES.items() if name not in without]
    options: tuple[Callable[..., Any], ...] = (*RANGE_OPTIONS, *places, *FILTER_OPTIONS, *OUTPUT_OPTIONS)

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def with_asked(
            *, database: str | None, config: str | None, guild: str | None, as_json: bool, as_csv: bool, png: Path | None, svg: Path | None,
            **rest: Any,
        ) -> None:  # fmt: skip
            own = {name: rest.pop(name) for name in list(rest) if name not in SHARED}
            check_output(as_json=as_json, as_csv=as_csv, png=png, svg=svg)
            asked = Asked(
                url=database_url(database, config), default_zone=time_zone(config), guild=guild, as_json=as_json, as_csv=as_csv,
                options={name: value for name, value in rest.items() if value is not None}, picture=png or svg,
            )  # fmt: skip
            function(asked, **own)

        return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), with_asked)

    return decorate


SHARED: Final = frozenset(Options.__annotations__)


def check_output(*, as_json: bool, as_csv: bool, png: Path | None = None, svg: Path | None = None) -> None:
    """Refuse two forms of output at once, and files with another ending than their form.

    Raises:
        ConfigError: the options contradict each other.

    """
    if sum((as_json, as_csv, png is not None, svg is not None)) > 1:
        msg = "--json, --csv, --png and --svg are forms of the same answer; give one of them"
        raise ConfigError(msg)


def ask(asked: Asked, kind: Callable[..., Any], **own: Any) -> None:
    """Choose the guild, put the question and show the answer. ``channel_id`` and ``user_id`` of ``own`` may be names."""

    def job(connection: Connection) -> tuple[Answer, str, dict[int, str]]:
        known = known_guilds(connection)
        guild_id = chosen_guild(asked.guild, known)
        settings = guild_settings(connection, guild_id)
        resolved = _resolved(connection, asked, guild_id, settings)
        fields = {**resolved.fields, **_by_id(connection, guild_id, own)}
        if kind is CompareQuestion:
            fields["previous"] = resolved.previous
        result = answer(connection, kind(guild_id=guild_id, **fields))
        names = _names(connection, guild_id, dict(known))
        users = _names_of_users(connection, resolved.filters.users)
        return result, counted(resolved.filters, settings, names | users), names  # type: ignore[return-value]

    with wrong_usage():
        result, counts, names = read(asked.url, job)
    show(asked, result, counts, names)


def show(asked: Asked, result: Answer, counts: str, names: dict[int, str]) -> None:
    """Print or draw an answer in the form asked for."""
    if asked.as_json:
        print_json(result)
    elif asked.as_csv:
        print_csv(result)
    elif asked.picture is not None:
        from mocha_actors.showing.pictures import draw  # noqa: PLC0415 - an extra, and slow to import

        with written(asked.picture):
            draw(result, asked.picture, names, counts)
        click.echo(f"drawn: {asked.picture}")
    else:
        print_answer(result, counts, names)


def chosen_guild(asked: str | None, known: Sequence[tuple[int, str | None]]) -> int:
    """The guild asked for by id or name, or the only one there is.

    Raises:
        ConfigError: there is none, there are several and none is named, or the one named is not among them.

    """
    if not known:
        msg = "the database holds no guild yet"
        raise ConfigError(msg)
    if asked is None and len(known) == 1:
        return known[0][0]
    matching = [] if asked is None else [key for key, name in known if asked in {str(key), name}] or alike(known, asked)
    if len(matching) == 1:
        return matching[0]
    if asked is None:
        fault = f"the database holds {len(known):,} guilds"
    elif matching:
        fault, known = f"{len(matching):,} guilds are named {asked!r}", [each for each in known if each[0] in matching]
    else:
        fault = f"the database holds no guild {asked if asked.isdecimal() else repr(asked)}"
    listed = ", ".join(
        str(key) if name is None else f"{key} ({printable(name)})" for key, name in known[:GUILDS_LISTED]
    )
    more = "" if len(known) <= GUILDS_LISTED else f" and {len(known) - GUILDS_LISTED:,} more"
    msg = f"{fault}; name one with --guild: {listed}{more}"
    raise ConfigError(msg)


@contextmanager
def wrong_usage() -> Iterator[None]:
    """A question that cannot be is a wrong command line here: exit code 2."""
    try:
        yield
    except QuestionError as error:
        raise ConfigError(str(error)) from error


def _resolved(connection: Connection, asked: Asked, guild_id: int, settings: GuildSettings) -> Resolved:
    options: Any = dict(asked.options)
    for name, option in (("channels", "--channel"), ("categories", "--category")):
        options[name] = [channel_named(connection, guild_id, option, each) for each in options.get(name, ())]
    options["users"] = [user_named(connection, each) for each in options.get("users", ())]
    return resolve(options, time.time_ns() // 1_000_000, settings, asked.default_zone, dashes="--")


def _by_id(connection: Connection, guild_id: int, own: dict[str, Any]) -> dict[str, Any]:
    fields = dict(own)
    if "channel_id" in fields:
        fields["channel_id"] = channel_named(connection, guild_id, "--channel", fields["channel_id"])
    if "user_id" in fields:
        fields["user_id"] = user_named(connection, fields["user_id"])
    return fields


def _names(connection: Connection, guild_id: int, guilds: dict[int, str | None]) -> dict[int, str]:
    """Names of the guild and its channels by id."""
    rows = connection.execute("SELECT id, name FROM channels WHERE guild_id = ? AND name IS NOT NULL", (guild_id,))
    names = {key: str(name) for key, name in rows}
    return names | {key: name for key, name in guilds.items() if name is not None and key == guild_id}


def _names_of_users(connection: Connection, users: Iterable[int]) -> dict[int, str]:
    """The best names of users, by id, as far as they are known."""
    rows = (connection.execute(NAMES_OF_USER, (user,)).fetchone() for user in users)
    return {row[0]: str(row[1]) for row in rows if row is not None and row[1] is not None}
