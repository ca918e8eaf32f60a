"""``mocha user-data``: what is stored about a user, for the user."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

import click

from mocha_actors.administration import NoteAccess
from mocha_actors.cli.administration import actor, carry_out
from mocha_actors.cli.database import anonymised, database_options, database_url, read
from mocha_actors.cli.files import FILE, new_private, written
from mocha_actors.cli.names import once, user_id
from mocha_actors.db.connection import Connection
from mocha_actors.errors import ConfigError
from mocha_actors.plurals import counted
from mocha_actors.privacy.erasure import pseudonym_of
from mocha_actors.privacy.userdata import write_csv, write_json


@click.command()
@once("--user", "user_id", type=user_id, required=True, metavar="ID", help="Whose.")
@click.option(
    "--csv",
    "folder",
    type=FILE,
    metavar="FOLDER",
    help="A CSV file a kind, in a new folder, instead of JSON.",
)
@click.option(
    "--out",
    type=FILE,
    metavar="FILE",
    help="Write the JSON to a file; by default to standard output.",
)
@database_options
def command(user_id: int, folder: Path | None, out: Path | None, database: str | None, config: str | None) -> None:
    """Write out everything that is stored about a user, as JSON or CSV. It is noted in the audit log, without the user."""
    if folder is not None and out is not None:
        raise ConfigError("--csv and --out both say where to; give one of them")
    if out is not None and out.suffix.lower() == ".csv":
        raise ConfigError(
            f"--out writes JSON, and {out.name} would be taken for CSV; give --csv FOLDER for a CSV file a kind"
        )
    url = database_url(database, config)
    carry_out(url, NoteAccess(actor=actor(), what="user_data"))
    hidden = anonymised(config)
    rows = read(url, lambda connection: write(connection, user_id, folder, out, hidden=hidden))
    click.echo(counted(rows, "row"), err=True)


def write(connection: Connection, user_id: int, folder: Path | None, out: Path | None, *, hidden: bool) -> int:
    """Write a user's data to where it is wanted; returns the number of rows."""
    stored = pseudonym_of(connection, user_id) if hidden else user_id
    if folder is not None:
        if folder.exists():
            raise ConfigError(f"{folder} exists already; name another folder")
        with written(folder):
            folder.mkdir(mode=0o700)
            return write_csv(connection, stored, lambda name: private(folder / f"{name}.csv"))
    if out is None:
        return write_json(connection, stored, sys.stdout)
    with written(out), private(out) as file:
        return write_json(connection, stored, file)


def private(path: Path) -> TextIO:
    """A new text file that only its owner can read; the caller closes it."""
    return open(new_private(path), "w", encoding="utf-8", newline="")  # noqa: PTH123 - by descriptor
