"""``mocha audit``: the log of administrative commands."""

from __future__ import annotations

import click
import msgspec

from mocha_actors.administration import NoteAccess
from mocha_actors.cli.administration import actor, carry_out
from mocha_actors.cli.database import database_options, database_url, read
from mocha_actors.cli.output import print_table
from mocha_actors.privacy.audit import AuditEntry, entries
from mocha_actors.showing.words import moment, printable


@click.command()
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
def command(limit: int, as_json: bool, database: str | None, config: str | None) -> None:
    """List who did what by an administrative command, newest first. Reading the list is noted too."""
    url = database_url(database, config)
    carry_out(url, NoteAccess(actor=actor(), what="audit"))
    found = read(url, lambda connection: entries(connection, limit=limit))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        print_table(("Time", "Who", "What", "Detail"), [cells(entry) for entry in found], texts=("Who", "Detail"))


def cells(entry: AuditEntry) -> tuple[str | None, str, str, str]:
    """An entry as a row for people; the guild, which few entries have, stands before the detail."""
    # Settings are noted as JSON without a blank at which a line could end.
    detail = printable(entry.detail).replace(",", ", ") if entry.detail.startswith("{") else printable(entry.detail)
    guild = "" if entry.guild_id is None else f"guild {entry.guild_id}: "
    return moment(entry.at_ms, "UTC"), printable(entry.actor), entry.action, guild + detail
