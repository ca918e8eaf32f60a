"""``mocha restore``: put a back-up in the place of the database."""

from __future__ import annotations

from pathlib import Path

import click
import trio

from mocha_actors.administration import Forget
from mocha_actors.cli.administration import actor, carry_out, progress_bar
from mocha_actors.cli.database import anonymised, database_options, database_url
from mocha_actors.cli.files import FILE
from mocha_actors.db.address import database_address
from mocha_actors.db.backup import file_of
from mocha_actors.db.ownership import Ownership
from mocha_actors.errors import MochaError, TransientError
from mocha_actors.plurals import counted
from mocha_actors.privacy.restoring import NOBODY, OptOuts, opt_outs_in, put_back


@click.command()
@click.argument("file", type=FILE, metavar="FILE")
@click.option(
    "--without-opt-outs",
    "blindly",
    is_flag=True,
    help="Restore even if the opt-out list of the present database cannot be read: who was erased since the back-up is back then.",
)
@database_options
def command(file: Path, *, blindly: bool, database: str | None, config: str | None) -> None:
    """Put the back-up FILE in the place of the database, while no service runs.

    Whoever opted out or was erased after the back-up was made is erased again, by the opt-out list of the database that is replaced. That one is
    kept under another name; delete it when it is not needed any more.
    """
    url = database_url(database, config)
    path = file_of(database_address(url))
    aside, users = trio.run(restore, file, path, blindly)
    hidden = anonymised(config)
    if not hidden:
        for user in users:
            carry_out(url, Forget(actor=actor(), user_id=user))
    click.echo(
        f"{path} is restored from {file}; {counted(len(users), 'user')} erased again"
        if not hidden
        else f"{path} is restored from {file}"
    )
    if hidden:
        click.echo("its users stand under pseudonyms, so who was erased since must be erased again by mocha forget")
    if aside is not None:
        click.echo(f"what was there before is {aside}")


async def restore(file: Path, path: Path, blindly: bool) -> tuple[Path | None, list[int]]:
    """Own the database for as long as its files are exchanged."""
    ownership = await Ownership.acquire(path)
    try:
        with progress_bar("restore") as told:
            found = put_back(file, path, _list_of(path, blindly), told)
        ownership.clean = True
    finally:
        ownership.release()
    return found


def _list_of(path: Path, blindly: bool) -> OptOuts:
    try:
        return opt_outs_in(path)
    except MochaError as error:
        if blindly:
            return NOBODY
        msg = f"the opt-out list of {path} cannot be read ({error}), so who was erased since would be back; see --without-opt-outs"
        raise TransientError(msg) from error
