"""``mocha guild set``: the settings of a guild."""

from __future__ import annotations

import click

from mocha_actors.administration import SetGuild
from mocha_actors.cli.administration import actor, answer, carry_out
from mocha_actors.cli.database import database_options, database_url
from mocha_actors.cli.names import MENTIONS, mentioned, once
from mocha_actors.db.guild_settings import IGNORED_KINDS
from mocha_actors.errors import ConfigError

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@click.group()
def command() -> None:
    """What questions about a guild take for granted."""


@command.command("set")
@once("--guild", "guild_id", type=int, required=True, metavar="ID", help="Which.")
@click.option("--time-zone", metavar="ZONE", help='IANA name, as in Europe/Berlin; "" for that of the configuration.')
@click.option("--week-start", type=click.Choice(DAYS, case_sensitive=False), help="The first day of its weeks.")
@click.option(
    "--ignore",
    multiple=True,
    metavar="KIND:ID",
    help="Leave out a channel (with its threads), user or role, as in channel:123.",
)
@click.option("--heed", multiple=True, metavar="KIND:ID", help="Count it again.")
@database_options
def set_guild(
    *, guild_id: int, time_zone: str | None, week_start: str | None, ignore: tuple[str, ...], heed: tuple[str, ...],
    database: str | None, config: str | None,
) -> None:  # fmt: skip
    """Change the settings of a guild; what is not named stays. Nothing that was recorded changes, only how it is answered."""
    if time_zone is None and week_start is None and not ignore and not heed:
        raise ConfigError("nothing to set; give --time-zone, --week-start, --ignore or --heed")
    wanted = SetGuild(
        actor=actor(), guild_id=guild_id, time_zone=time_zone,
        week_start=None if week_start is None else DAYS.index(week_start.lower()),
        ignore=tuple(map(thing, ignore)), heed=tuple(map(thing, heed)),
    )  # fmt: skip
    answer(carry_out(database_url(database, config), wanted))


def thing(text: str) -> tuple[str, int]:
    """A kind and an id, from ``KIND:ID``.

    Raises:
        ConfigError: it is not of that form.

    """
    kind, _, number = text.partition(":")
    number = mentioned(kind, number) if kind in MENTIONS else number
    if kind not in IGNORED_KINDS or not number.isascii() or not number.isdigit():
        msg = f"expected KIND:ID with a kind of {', '.join(IGNORED_KINDS)}, found {text!r}"
        raise ConfigError(msg)
    return kind, int(number)
