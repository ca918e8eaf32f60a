"""Discord's timestamps as milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)


def ms_of(moment: datetime) -> int:
    """Milliseconds since the Unix epoch, rounded down; exact, which a float is not."""
    return (moment - EPOCH) // MILLISECOND
