"""What the service keeps out of its memory. Imported before anything else, since it is about how the libraries are imported.

structlog and httpx load rich when it is installed, for tracebacks in colour and a command line of their own. The service logs plain tracebacks and
has a command line: rich, with pygments and what else it brings, would be 4 MB of 60 for nothing. Whoever wants it later (the live line of a
terminal does) imports it as ever.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Make the packages seem not to be installed, for imports within the block; those that are loaded already stay."""
    absent = [name for name in names if name not in sys.modules]
    # None says that a module cannot be imported (Python's reference, 5.3.1).
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # documented, and unknown to the type
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


with hidden("rich", "pygments"):
    import httpx  # noqa: F401
    import structlog  # noqa: F401
