"""The database that a command reads: the options that name it, and the one read transaction in which it is asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import trio

from mocha_actors.db.connection import Connection
from mocha_actors.db.readers import open_readers
from mocha_actors.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")

DEMO: Final = Path("data/demo/mocha.db")
"""Where the demo keeps its database, below the current directory."""

VARIABLE: Final = "MOCHA_DATABASE__URL"
"""The environment variable, which overrides a configuration too. A password is better there than on a command line."""

PATIENCE: Final = 3600.0
"""Seconds that a command may read: for scripts that nobody watches; a person ends it by Ctrl-C."""


def database_options(function: F) -> F:
    """Add ``--database`` and ``--config``, for :func:`database_url`."""
    database = click.option(
        "--database",
        metavar="URL|PATH",
        help=f"Database to read; by default the one that {VARIABLE} names, else that of the demo, if there is one here.",
    )
    config = click.option("--config", metavar="FILE", help="Read the database that this configuration names.")
    return database(config(function))


def database_url(database: str | None, config: str | None) -> str:
    """The URL of the database that the options name; without any, the environment's, else that of the demo.

    Raises:
        ConfigError: both options are given, none is and there is no demo, or the configuration cannot be read.

    """
    if database is not None and config is not None:
        msg = "--database and --config both name a database; give one of them"
        raise ConfigError(msg)
    if "" in {database, config}:
        raise ConfigError(
            "--config is empty; give a file" if database is None else "--database is empty; give a URL or path"
        )
    if config is not None:
        from mocha_actors.config import load  # noqa: PLC0415 - only who names a configuration waits for it

        return load(config).database.url
    if database is not None:
        return database if "://" in database else _sqlite(Path(database))
    if url := os.environ.get(VARIABLE):
        return url
    if not DEMO.is_file():
        msg = (
            f"no database is named, and there is none of the demo here ({DEMO}); give --database PATH or --config FILE"
        )
        raise ConfigError(msg)
    return _sqlite(DEMO)


def anonymised(config: str | None) -> bool:
    """Whether the configuration says that users stand under pseudonyms in the database."""
    if config is None:
        return os.environ.get("MOCHA_PRIVACY__ANONYMISE", "").lower() == "true"
    from mocha_actors.config import load  # noqa: PLC0415 - as above

    return load(config).privacy.anonymise


def time_zone(config: str | None) -> str:
    """The zone of guilds that have none of their own: that of the configuration, else UTC."""
    if config is None:
        return "UTC"
    from mocha_actors.config import load  # noqa: PLC0415 - as above

    return load(config).stats.timezone


def read(url: str, job: Callable[[Connection], R]) -> R:
    """Run ``job`` in one read transaction of the database of ``url``, which a service may write to meanwhile.

    Raises:
        MochaError: there is no such database, it is not one that can be read, or ``job`` raised it.

    """

    async def ask() -> R:
        async with open_readers(url, threads=1) as readers:
            return await readers.run(job, deadline=PATIENCE)

    return trio.run(ask)


def _sqlite(path: Path) -> str:
    return f"sqlite:///{path}"
