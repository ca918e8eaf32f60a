"""The colours of charts."""

from __future__ import annotations

from typing import Final

RAMP: Final = ("#0b2545", "#13417a", "#1d6fa5", "#2ea6b5", "#5bd1a5", "#c4ea6b")
"""From little to much: dark blue to a light green, which reads on dark and on light ground and for the colour-blind."""

INK: Final = "#22303c"
FAINT: Final = "#8899a6"
MAIN: Final = "#1d6fa5"
SECOND: Final = "#e07a5f"
HOLE: Final = "#f2e3c6"
