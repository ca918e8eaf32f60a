"""``mocha export``: the recorded rows of a guild, as CSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import io
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

import click
import msgspec

from mocha_actors.administration import NoteAccess
from mocha_actors.cli.administration import actor, carry_out, progress_bar
from mocha_actors.cli.asking import chosen_guild, wrong_usage
from mocha_actors.cli.database import database_options, database_url, read
from mocha_actors.cli.files import FILE, new_private, written
from mocha_actors.cli.names import once
from mocha_actors.db.connection import Connection
from mocha_actors.db.export import EXPORTS, Kind, Row, total
from mocha_actors.db.plain import cell
from mocha_actors.errors import ConfigError
from mocha_actors.plurals import counted
from mocha_actors.stats.guilds import known_guilds
from mocha_actors.stats.options import chosen_range
from mocha_actors.stats.zones import zone_named

T = TypeVar("T")

TOLD_EVERY: Final = 5_000
"""Rows between two steps of the progress bar."""

GROUP: Final = 50_000
"""Rows of one group of a Parquet file."""

FLAGS: Final = frozenset({"is_bot", "super", "visit_begins", "pending", "afk", "deafened", "alone"})
NUMBERS: Final = frozenset({"type", "attachments", "length", "words", "sent", "deleted", "sessions"})
LISTS: Final = frozenset({"roles"})
"""Columns that are flags, numbers and lists of ids in Parquet, beside those in milliseconds; every other is text."""

FORMATS: Final = ("csv", "jsonl", "parquet")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be exported, how, and where to; no path is standard output."""

    kind: Kind
    guild: str | None
    since_ms: int | None
    until_ms: int | None
    format: str
    path: Path | None


@click.command(epilog=f"KIND is one of {', '.join(EXPORTS)}.")
@click.argument("kind", type=click.Choice(list(EXPORTS)), metavar="KIND")
@once("--guild", metavar="ID|NAME", help="Guild; may be left out when the database holds one only.")
@click.option("--since", metavar="TIME", help="Begin: ISO 8601, UTC unless it has an offset.  [default: everything]")
@click.option("--until", metavar="TIME", help="End, not included, with --since.  [default: now]")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="csv",
    show_default=True,
    help="Parquet needs the extra 'parquet'.",
)
@click.option("--out", type=FILE, metavar="FILE", help="A new file.  [default: standard output]")
@database_options
def command(
    *, kind: str, guild: str | None, since: str | None, until: str | None, form: str, out: Path | None,
    database: str | None, config: str | None,
) -> None:  # fmt: skip
    """Write the recorded rows of one guild: raw events, members, channels or sums.

    Times are ISO 8601 in UTC, ids are text; roles are a list, in CSV with blanks between. The rows are of one moment, though a service may write meanwhile, and memory does not grow with them.
    It is noted in the audit log.
    """
    if form == "parquet" and out is None:
        raise ConfigError("--format parquet needs --out FILE")
    url = database_url(database, config)
    since_ms, until_ms = chosen_period(since, until)
    wanted = Wanted(
        kind=EXPORTS[kind], guild=guild, since_ms=since_ms, until_ms=until_ms, format=form, path=out
    )  # fmt: skip
    carry_out(url, NoteAccess(actor=actor(), what="export"))
    with progress_bar(kind) as told:
        rows = read(url, partial(export, wanted=wanted, told=told))
    click.echo(counted(rows, "row"), err=True)


def chosen_period(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """The begin and the end that the options name; both None for everything."""
    if since is None and until is None:
        return None, None
    with wrong_usage():
        now_ms = time.time_ns() // 1_000_000
        found = chosen_range(None, since, until, None, now_ms=now_ms, zone=zone_named("UTC"), dashes="--").range
    return found.since_ms, found.until_ms


def export(connection: Connection, wanted: Wanted, told: Any) -> int:
    """Write what is wanted; returns the number of rows."""
    guild_id = chosen_guild(wanted.guild, known_guilds(connection))
    count, of = Count(), total(connection, wanted.kind, guild_id)
    rows = passing(
        wanted.kind.rows(connection, guild_id, wanted.since_ms, wanted.until_ms), count, partial(told, of=of)
    )
    columns = list(wanted.kind.columns)
    with destination(wanted.path) as file:
        if wanted.format == "csv":
            write_csv(file, columns, rows)
        elif wanted.format == "jsonl":
            write_jsonl(file, rows)
        else:
            write_parquet(file, columns, rows)
    return count.rows


class Count:
    """How many rows there were so far."""

    def __init__(self) -> None:
        """None yet."""
        self.rows = 0


def passing(rows: Iterable[Row], count: Count, told: Any) -> Iterator[Row]:
    """``rows``, counted as they pass."""
    for row in rows:
        count.rows += 1
        if count.rows % TOLD_EVERY == 0:
            told(count.rows)
        yield row


@contextmanager
def destination(path: Path | None) -> Iterator[BinaryIO]:
    """A new file that only its owner can read, or standard output; a file that could not be written whole is removed.

    Raises:
        ConfigError: there is such a file already, or there cannot be one.
        SystemFailure: it cannot be written whole.

    """
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    descriptor = new_private(path)
    try:
        with written(path), open(descriptor, "wb") as file:  # noqa: PTH123 - by descriptor
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_csv(file: BinaryIO, columns: list[str], rows: Iterable[Row]) -> None:
    """Write rows as CSV (RFC 4180, UTF-8) with a heading; ``file`` stays open."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([cell(row[column]) for column in columns] for row in rows)
    text.detach()


def write_jsonl(file: BinaryIO, rows: Iterable[Row]) -> None:
    """Write rows as JSON, one a line."""
    encoder = msgspec.json.Encoder()
    file.writelines(encoder.encode(row) + b"\n" for row in rows)


def write_parquet(file: BinaryIO, columns: list[str], rows: Iterable[Row]) -> None:
    """Write rows as Parquet, in groups.

    Raises:
        ConfigError: the extra is not installed.

    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
        from pyarrow import parquet  # noqa: PLC0415 - as above
    except ImportError:
        raise ConfigError("Parquet needs the extra 'parquet': pip install 'mocha-actors[parquet]'") from None
    schema = pa.schema([(column, parquet_type(pa, column)) for column in columns])
    with parquet.ParquetWriter(file, schema) as writer:
        for group in groups(rows, GROUP):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def parquet_type(pa: Any, column: str) -> Any:
    """The type of a column: flags, numbers and lists are such, everything else is text."""
    if column in FLAGS:
        return pa.bool_()
    if column in LISTS:
        return pa.list_(pa.string())
    return pa.int64() if column in NUMBERS or column.endswith("milliseconds") else pa.string()


def groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """``items``, so many at a time."""
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group
