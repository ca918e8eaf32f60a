"""Administrative commands on the command line: done by the running service, or, where none runs, by this process, which then owns the database."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mocha_actors import logs
from mocha_actors.administration import AnyCommand, Done, check, perform
from mocha_actors.administration import Progress as Told
from mocha_actors.control import NotRunningError, order
from mocha_actors.db.address import database_address, local_path
from mocha_actors.privacy.desk import open_desk


def actor() -> str:
    """Who is at the keyboard, for the audit log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def carry_out(url: str, command: AnyCommand, *, anonymised: bool = False) -> Done:
    """Have ``command`` done, with a bar on a terminal where it takes long.

    Raises:
        ConfigError: it cannot be.
        MochaError: the database cannot be used, or the service could not do it.

    """
    check(command)
    with progress_bar(command.__struct_config__.tag) as told:
        return trio.run(_carry_out, url, command, anonymised, told)


async def _carry_out(url: str, command: AnyCommand, anonymised: bool, told: Told) -> Done:
    try:
        return await order(local_path(database_address(url)), command, told)
    except NotRunningError:
        # Where the command is done here, what goes well is for nobody to read.
        logs.configure("console", "warning", None)
        async with open_desk(url, anonymise=anonymised) as desk:
            return await perform(desk, command, anonymised=anonymised, progress=told)


@contextmanager
def progress_bar(name: object) -> Iterator[Told]:
    """A bar on standard error, if that is a terminal; gives what it is to be told by."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(str(name), total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def answer(done: Done) -> None:
    """Print what a command came to."""
    click.echo(done.text)
