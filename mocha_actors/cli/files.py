"""Files that commands write people's data to."""

from __future__ import annotations

import os
from pathlib import Path

from mocha_actors.errors import ConfigError


def new_private(path: Path) -> int:
    """The descriptor of a new file that only its owner can read; the caller closes it.

    Raises:
        ConfigError: there is a file already.

    """
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"{path} exists already; name another file") from None
