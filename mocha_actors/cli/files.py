"""Files that commands write to, most of them with people's data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from mocha_actors.errors import ConfigError, SystemFailure


class File(click.Path):
    """The name of a file or folder, which an empty text is not: Python takes it for the current folder."""

    def __init__(self) -> None:
        """Whatever there is, or is not, under the name."""
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        if not str(value):
            self.fail("the name is empty", param, ctx)
        return super().convert(value, param, ctx)


FILE: Final = File()


def new_private(path: Path) -> int:
    """The descriptor of a new file that only its owner can read; the caller closes it.

    Raises:
        ConfigError: there is a file already, or there cannot be one.

    """
    with written(path):
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise ConfigError(f"{path} exists already; name another file") from None


@contextmanager
def written(what: Path | str) -> Iterator[None]:
    """Name what the block writes to, which the operating system's error does not: a file, or standard output.

    Raises:
        ConfigError: it cannot be opened.
        SystemFailure: it was opened, and cannot be written, as on a full disk.

    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        msg = f"{what} cannot be written: {error.strerror or error}"
        # Only what fails to be opened is named in the error.
        raise (SystemFailure(msg) if error.filename is None else ConfigError(msg)) from error
