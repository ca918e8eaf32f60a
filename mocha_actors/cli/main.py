"""The command ``mocha``: its subcommands, imported only when called, and its errors, one line each."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from typing import Any, Final, NoReturn

import click

from mocha_actors.errors import ConfigError, FencedOutError, MochaError

COMMANDS: Final = {
    "query": "Ask who writes, talks, joins and reacts, when and where.",
    "status": "Show how the running service is: its tree, mailboxes, lag and rates.",
    "verify": "Recount the rollups from the raw rows, or everything from a ledger, and compare.",
    "export": "Write the recorded rows of a guild as CSV, JSON lines or Parquet.",
    "guild": "Set a guild's time zone and week, and what questions about it leave out.",
    "forget": "Erase a user from everything that was recorded.",
    "opt-out": "Record a user no more, or again.",
    "user-data": "Write out what is stored about a user.",
    "audit": "List who did what by an administrative command.",
    "dead-letters": "List, show, try again or drop events that could not be recorded.",
    "spool": "Record what an orphaned spool still holds.",
    "backup": "Copy the database to a file, while the service runs or not.",
    "restore": "Put a back-up in the place of the database.",
    "sim": "Play Discord on the loopback.",
}
"""Subcommands and their help; the module ``mocha_actors.cli.<name>`` holds the object ``command``."""


UNWRITABLE: Final = frozenset({errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC})
"""Faults of what is being written."""


class OneLineCommand(click.Command):
    """A command that turns its errors into one line."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Read the arguments."""
        with one_line_errors():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        with one_line_errors():
            return super().invoke(ctx)


class LazyGroup(OneLineCommand, click.Group):
    """A group that imports a subcommand when it is called; the errors of reading a subcommand's arguments are its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of :data:`COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the subcommand; None for a name that is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"mocha_actors.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them, which click would do for their help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what a person can mend, or must know, into one line on standard error and an exit code."""
    try:
        yield
        sys.stdout.flush()
    except MochaError as error:
        fail(str(error), exit_code_of(error))
    except click.UsageError as error:
        if "\n" in error.message:
            # What click raises for a group without a subcommand: the help page, to be shown as it is.
            raise
        hint = "" if error.ctx is None else f" (see {error.ctx.command_path} --help)"
        fail(" ".join(error.format_message().split()).rstrip(".") + hint, error.exit_code)
    except click.ClickException as error:
        fail(error.format_message(), error.exit_code)
    except BrokenPipeError:
        # Whoever read the output has seen enough; click ends quietly.
        raise
    except OSError as error:
        # What is left in the buffer cannot be written either, and must not be tried again at the exit.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # for the rest of the process
        fail(unusable(error), 1)


def unusable(error: OSError) -> str:
    """A sentence about a file that the operating system does not let us use; an error without a name is about the output."""
    if error.filename is not None:
        return f"{error.filename} cannot be used: {error.strerror or error}"
    return f"standard output cannot be written: {error.strerror}" if error.errno in UNWRITABLE else str(error)


def open_closed_streams() -> None:
    """Put the null device in the place of each standard stream that the caller closed, as ``>&-`` does.

    Python has None there, which nothing can be written to; and the next file to be opened, as a database, would get the stream's number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  # for the whole process


def fail(message: str, exit_code: int) -> NoReturn:
    """End the command."""
    click.echo(f"mocha: {message}", err=True)
    raise click.exceptions.Exit(exit_code)


def exit_code_of(error: MochaError) -> int:
    """2 for wrong usage or configuration, 3 when another process took over, else 1."""
    if isinstance(error, ConfigError):
        return 2
    return 3 if isinstance(error, FencedOutError) else 1


@click.group(cls=LazyGroup)
def mocha() -> None:
    """Statistics for Discord servers whose numbers are right."""


def main() -> None:
    """Run ``mocha`` with the arguments of the process. What the output's encoding lacks is shown as ``?``: names are in any script."""
    open_closed_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    mocha(prog_name="mocha")
