"""The states of a mailbox: what it does with what comes in, and with what is in it."""

from __future__ import annotations

from enum import Enum


class Gate(Enum):
    """What a mailbox does with what comes in and what is in it."""

    OPEN = "open"
    """Accepts and delivers (or keeps, while its actor is being restarted)."""
    SUSPENDED = "suspended"
    """Accepts, but delivers nothing more to this incarnation; the next one goes on."""
    DRAINING = "draining"
    """Accepts nothing; delivers what it has, then the end."""
    CLOSED = "closed"
    """Accepts nothing and has nothing: its actor is stopped."""
