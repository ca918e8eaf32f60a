"""How many payloads a connection may send.

Source: https://discord.com/developers/docs/events/gateway#rate-limiting
"""

from __future__ import annotations

from collections import deque
from typing import Final

LIMIT: Final = 120
"""Payloads in any :data:`PERIOD`, heartbeats included; on one more, Discord closes with 4008."""

PERIOD: Final = 60.0
"""Seconds."""

RESERVED: Final = 10
"""Of them, kept for heartbeats: enough down to an interval of 7 s."""


class SendWindow:
    """A sliding window over what one connection sent; each connection begins with a fresh one. Pure."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque()

    def wait(self, now: float, *, heartbeat: bool) -> float:
        """Seconds until a payload may be sent. Heartbeats may use what is reserved for them."""
        while self._sent and self._sent[0] <= now - PERIOD:
            self._sent.popleft()
        limit = LIMIT if heartbeat else LIMIT - RESERVED
        if len(self._sent) < limit:
            return 0.0
        return self._sent[len(self._sent) - limit] + PERIOD - now

    def sent(self, now: float) -> None:
        """A payload was sent."""
        self._sent.append(now)
