"""Counting calls of Python functions: what code costs that runs for every event, on whatever machine."""

from __future__ import annotations

import sys
from collections import Counter
from types import FrameType
from typing import Final, Self

ONCE: Final = 40
"""Calls that a batch or a transaction may cost whatever its size."""


class Calls:
    """How many Python functions were called within the block."""

    def __init__(self) -> None:
        self.names = Counter[str]()

    def __enter__(self) -> Self:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, what: str, _: object) -> None:
        if what == "call":
            self.names[frame.f_code.co_qualname] += 1

    def each(self, events: int) -> float:
        """Calls for each of so many events, beside those that come once."""
        return max(0, self.names.total() - ONCE) / events
