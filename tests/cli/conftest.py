"""What tests of the command line share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from mocha_actors import logs


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command sets up logging for its process, which here is that of the next test too."""
    yield
    logs.close()
    structlog.reset_defaults()
