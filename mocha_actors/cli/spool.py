"""``mocha spool replay``: what an orphaned spool still holds."""

from __future__ import annotations

from pathlib import Path

import click

from mocha_actors.administration import ReplaySpool
from mocha_actors.cli.administration import actor, answer, carry_out
from mocha_actors.cli.database import anonymised, database_options, database_url
from mocha_actors.cli.files import FILE


@click.group()
def command() -> None:
    """Spools that were left over."""


@command.command()
@click.argument("file", type=FILE, metavar="FILE")
@database_options
def replay(file: Path, database: str | None, config: str | None) -> None:
    """Record the messages and deletions of the orphaned spool FILE, and rename it.

    A spool is orphaned when somebody else recorded into the database after its writer; the log says so (spool.orphaned). What depends on its neighbours, as
    voice, members and reactions do, is left out and counted: it may contradict what was recorded since.
    """
    wanted = ReplaySpool(actor=actor(), path=str(file.absolute()))
    answer(carry_out(database_url(database, config), wanted, anonymised=anonymised(config)))
