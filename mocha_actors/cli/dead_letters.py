"""``mocha dead-letters``: events that could not be recorded."""

from __future__ import annotations

from functools import partial

import click
import msgspec

from mocha_actors.administration import DropLetters, NoteAccess, RetryLetters
from mocha_actors.cli.administration import actor, answer, carry_out
from mocha_actors.cli.database import anonymised, database_options, database_url, read
from mocha_actors.cli.output import print_table
from mocha_actors.errors import ConfigError
from mocha_actors.privacy.letters import Letter, by_id, newest, obstacle
from mocha_actors.showing.words import moment, printable

IDS = click.argument("ids", nargs=-1, type=click.IntRange(min=1), metavar="ID...")
ALL = click.option("--all", "everything", is_flag=True, help="All of them.")


@click.group()
def command() -> None:
    """List, show, try again or drop events that could not be recorded."""


@command.command("list")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    metavar="N",
    help="How many, newest first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@database_options
def list_letters(limit: int, *, as_json: bool, database: str | None, config: str | None) -> None:
    """List dead letters, newest first. Reading them is noted in the audit log."""
    url = database_url(database, config)
    carry_out(url, NoteAccess(actor=actor(), what="dead_letters"))
    letters = read(url, lambda connection: newest(connection, limit))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([as_builtins(letter) for letter in letters]), indent=2))
    else:
        print_table(
            ("Id", "Time", "Type", "Reason", "Error", "Retry"),
            [cells(letter) for letter in letters],
            texts=("Type", "Reason", "Error"),
        )


@command.command()
@click.argument("number", type=click.IntRange(min=1), metavar="ID")
@database_options
def show(number: int, database: str | None, config: str | None) -> None:
    """Show one dead letter as JSON: the event, redacted, and whether it can be tried again."""
    url = database_url(database, config)
    carry_out(url, NoteAccess(actor=actor(), what="dead_letters"))
    letter = read(url, partial(by_id, number=number))
    if letter is None:
        msg = f"there is no dead letter {number}"
        raise ConfigError(msg)
    click.echo(msgspec.json.format(msgspec.json.encode(as_builtins(letter)), indent=2))


@command.command()
@IDS
@ALL
@database_options
def retry(*, ids: tuple[int, ...], everything: bool, database: str | None, config: str | None) -> None:
    """Try dead letters again: messages and their deletions, which mean the same at any time. What is recorded is dropped."""
    wanted = RetryLetters(actor=actor(), ids=chosen(ids, everything=everything))
    answer(carry_out(database_url(database, config), wanted, anonymised=anonymised(config)))


@command.command()
@IDS
@ALL
@database_options
def drop(*, ids: tuple[int, ...], everything: bool, database: str | None, config: str | None) -> None:
    """Drop dead letters: what they hold will never be recorded."""
    answer(
        carry_out(database_url(database, config), DropLetters(actor=actor(), ids=chosen(ids, everything=everything)))
    )


def chosen(ids: tuple[int, ...], *, everything: bool) -> tuple[int, ...] | None:
    """Which letters are meant; None for all.

    Raises:
        ConfigError: neither or both are said.

    """
    if bool(ids) is everything:
        raise ConfigError("give the ids of dead letters, or --all")
    return None if everything else ids


def cells(letter: Letter) -> tuple[str, str, str, str, str, str]:
    """A letter as a row for people."""
    retry_it = "no" if obstacle(letter) else "yes"
    error = printable(letter.error)
    return str(letter.id), str(moment(letter.at_ms, "UTC")), printable(letter.type), letter.reason, error, retry_it


def as_builtins(letter: Letter) -> dict[str, object]:
    """A letter as JSON; its event as it was kept."""
    fields = {**msgspec.structs.asdict(letter), "payload": msgspec.Raw(letter.payload or b"null")}
    return {**fields, "retry": obstacle(letter) or "yes"}
