"""How often something may be sent. Pure; time is an argument.

Sources: https://discord.com/developers/docs/events/gateway#rate-limiting, and https://discord.com/developers/docs/topics/rate-limits for REST.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Final

LIMIT: Final = 120
"""Payloads in any :data:`PERIOD`, heartbeats included; on one more, Discord closes with 4008."""

PERIOD: Final = 60.0
"""Seconds."""

MARGIN: Final = 1.0
"""Seconds by which our windows are longer than Discord's, who counts when payloads arrive and not when they leave: one that was on the way for
longer than a later one makes the time between them shorter than it was here, and the connection is closed with 4008."""


class SlidingWindow:
    """At most ``limit`` events in any ``period`` seconds."""

    def __init__(self, limit: int, period: float) -> None:
        self._limit, self._period = limit, period
        self._sent: deque[float] = deque()

    def wait(self, now: float, *, reserved: int = 0) -> float:
        """Seconds until the next one is allowed, if ``reserved`` of the limit are kept for others."""
        while self._sent and self._sent[0] <= now - self._period:
            self._sent.popleft()
        limit = self._limit - reserved
        if len(self._sent) < limit:
            return 0.0
        return self._sent[len(self._sent) - limit] + self._period - now

    def sent(self, now: float) -> None:
        """One more."""
        self._sent.append(now)


def heartbeat_reserve(interval: float) -> int:
    """Of the payloads in a window, those to keep for heartbeats every ``interval`` seconds, and for one that the server asks for."""
    return math.ceil((PERIOD + MARGIN) / interval) + 1


class SendWindow:
    """What one connection sent; each connection begins with a fresh one.

    Attributes:
        reserved: payloads kept for heartbeats, see :func:`heartbeat_reserve`; nothing else is sent before HELLO says how many.

    """

    def __init__(self) -> None:
        self._window = SlidingWindow(LIMIT, PERIOD + MARGIN)
        self.reserved = 0

    def wait(self, now: float, *, heartbeat: bool) -> float:
        """Seconds until a payload may be sent. Heartbeats may use what is reserved for them."""
        return self._window.wait(now, reserved=0 if heartbeat else self.reserved)

    def sent(self, now: float) -> None:
        """A payload was sent."""
        self._window.sent(now)


TOO_MANY_REQUESTS: Final = 429
"""HTTP status of an answer that refuses because of a rate limit."""


class RestLimits:
    """What the headers of REST answers have said about further requests: to one path, or to all."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._all_until = -math.inf

    def wait(self, path: str, now: float) -> float:
        """Seconds until ``path`` may be asked again."""
        return max(0.0, self._all_until - now, self._until.get(path, -math.inf) - now)

    def learn(self, path: str, status: int, headers: Mapping[str, str], now: float) -> None:
        """Take note of an answer. One that refuses is global or of the path's bucket; any other may have been the last for a while."""
        if status == TOO_MANY_REQUESTS:
            until = now + retry_after(headers)
            if headers.get("x-ratelimit-scope") == "global" or headers.get("x-ratelimit-global") == "true":
                self._all_until = max(self._all_until, until)
            else:
                self._until[path] = until
        elif headers.get("x-ratelimit-remaining") == "0":
            self._until[path] = now + _seconds(headers.get("x-ratelimit-reset-after"))


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a server asks to stay away; 0.0 when it names none that make sense."""
    return max(_seconds(headers.get("retry-after")), _seconds(headers.get("x-ratelimit-reset-after")))


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or 0)
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds < math.inf else 0.0
