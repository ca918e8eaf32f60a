"""``mocha backup``: a copy of the database, while the service runs or not."""

from __future__ import annotations

from pathlib import Path

import click

from mocha_actors.administration import NoteAccess
from mocha_actors.cli.administration import actor, carry_out, progress_bar
from mocha_actors.cli.database import database_options, database_url
from mocha_actors.cli.files import FILE
from mocha_actors.db.address import database_address
from mocha_actors.db.backup import back_up, file_of


@click.command()
@click.argument("file", type=FILE, metavar="FILE")
@database_options
def command(file: Path, database: str | None, config: str | None) -> None:
    """Copy the database to the new FILE, which holds one moment of it; the service may run meanwhile.

    A back-up holds everything that was recorded, and whoever is erased afterwards is still in it: delete it when it is older than
    that may be, and restore it by `mocha restore`, which erases them again.
    """
    url = database_url(database, config)
    source = file_of(database_address(url))
    carry_out(url, NoteAccess(actor=actor(), what="backup"))
    with progress_bar("backup") as told:
        done = back_up(source, file, told)
    shards = ", ".join(f"shard {shard} at {seq:,}" for shard, seq in done.shards.items()) or "no session"
    click.echo(f"{file}: {done.size / 1e6:,.1f} MB; {shards}")
