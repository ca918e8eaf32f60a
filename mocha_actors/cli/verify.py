"""``mocha verify``: recount, compare, and say how much is equal."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

import click
import trio

from mocha_actors.administration import Repair
from mocha_actors.cli.administration import actor, answer, carry_out, progress_bar
from mocha_actors.cli.database import database_options, database_url, read
from mocha_actors.cli.files import FILE
from mocha_actors.cli.output import print_table
from mocha_actors.cli.verify_stays import compare_heard
from mocha_actors.db.comparison import Difference, Numbers, Verification
from mocha_actors.db.connection import Connection
from mocha_actors.db.readers import open_readers
from mocha_actors.db.recounts.base import find
from mocha_actors.db.recounts.registry import RECOUNTS
from mocha_actors.db.verify import Progress, Truth, compare_truth, quiet, recorded_gaps, unobserved, verify
from mocha_actors.errors import ConfigError, DataError
from mocha_actors.plurals import counted
from mocha_actors.simulator.recount import recount

DIFFERENCES_SHOWN: Final = 20


@click.command()
@database_options
@click.option(
    "--ledger",
    type=FILE,
    metavar="FILE",
    help="Compare everything with a ledger of the simulator instead.",
)
@click.option(
    "--lag",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long what the simulator sent may have taken to be received: times of voice and presence are known from both ends only.",
)
@click.option("--repair", "mend", is_flag=True, help="Build anew what differs from its raw rows, and compare again.")
def command(*, database: str | None, config: str | None, ledger: Path | None, lag: float, mend: bool) -> None:
    """Recount the rollups from the raw rows and compare.

    With --ledger, recount what the simulator sent by independent code, and compare raw rows and rollups with that; what
    was sent in a gap that the database records is left out, and said to be. Of voice and presence it compares who was
    where in which order exactly, and times as far as two clocks at two ends can agree. Ends
    with exit code 0 if everything is equal, else 1. A service may write meanwhile when no ledger is given.
    """
    url = database_url(database, config)
    if mend and ledger is not None:
        raise ConfigError("--repair builds rollups from the raw rows, not from a ledger; leave out --ledger")
    truth = None if ledger is None else observed_truth(url, ledger)
    result = compared(url, truth)
    if mend and result.different:
        print_differences(result)
        answer(carry_out(url, Repair(actor=actor())))
        result = compared(url, truth)
    if ledger is not None:
        result += trio.run(compare_heard, url, ledger, round(lag * 1000))
    if result.different:
        print_differences(result)
    if result.not_retained:
        click.echo(
            f"left out: {counted(result.not_retained, 'day')} of rollups whose raw rows are past their retention"
        )
    click.echo(f"{result.equal} of {result.compared} equal")
    if result.different:
        raise click.exceptions.Exit(1)


def compared(url: str, truth: Truth | None) -> Verification:
    """Compare the database of ``url`` with its own raw rows, or with ``truth``, with a bar on a terminal."""
    with progress_bar("verify") as told:
        return trio.run(compare, url, truth, told)


async def compare(url: str, truth: Truth | None, progress: Progress = quiet) -> Verification:
    """See :func:`compared`."""
    async with open_readers(url, threads=1) as readers:
        return await (verify(readers, progress) if truth is None else compare_truth(readers, truth))


def observed_truth(url: str, ledger: Path) -> Truth:
    """What the ledger says, without what lies in a gap that the database itself records; how many messages that are is printed.

    Raises:
        DataError: the database leaves somebody out for good.

    """
    if left_out := read(url, opted_out):
        msg = f"{counted(left_out, 'user')} opted out or {'was' if left_out == 1 else 'were'} erased, so the database does not hold what the ledger says of them; verify without --ledger"
        raise DataError(msg)
    gaps = read(url, recorded_gaps)
    truth = read_ledger(ledger, gaps=gaps)
    messages = [(int(guild), int(message)) for guild, message in truth["message_events"]]
    missing = read(url, lambda connection: unobserved(connection, messages))
    if not missing:
        return truth
    click.echo(f"left out: {counted(len(missing), 'message')} of the ledger sent in recorded gaps")
    return read_ledger(ledger, missing, gaps)


def opted_out(connection: Connection) -> int:
    """How many users are not recorded."""
    return int(connection.execute("SELECT COUNT(*) FROM opt_outs").fetchone()[0])


def read_ledger(
    path: Path, omit: AbstractSet[tuple[int, int]] = frozenset(), gaps: Collection[tuple[int, int, int]] = ()
) -> Truth:
    """Recount the ledger at ``path``, without the messages of ``omit`` and without what else was sent in ``gaps`` (shard, from, to).

    Raises:
        ConfigError: the file cannot be read.
        DataError: it is no ledger.

    """
    try:
        return recount(path, omit, gaps).tables()
    except OSError as error:
        msg = f"--ledger {path} cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
    except ValueError as error:
        raise DataError(str(error)) from error


def print_differences(result: Verification) -> None:
    """Print the first differences, and how many more there are."""
    shown = result.differences[:DIFFERENCES_SHOWN]
    print_table(
        ("Table", "Key", "Stored", "Expected"),
        [_row(difference) for difference in shown],
        texts=("Key", "Stored", "Expected"),
    )
    if result.different > len(shown):
        click.echo(f"and {counted(result.different - len(shown), 'more difference')}")


def _row(difference: Difference) -> tuple[str, str, str | None, str | None]:
    columns = find(RECOUNTS, difference.table).key
    key = " ".join(f"{column}={value}" for column, value in zip(columns, difference.key, strict=True))
    return difference.table, key, _numbers(difference.stored), _numbers(difference.expected)


def _numbers(numbers: Numbers | None) -> str | None:
    return None if numbers is None else ", ".join("-" if number is None else str(number) for number in numbers)
