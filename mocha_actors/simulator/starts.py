"""How many sessions may be started, and how fast: the `session_start_limit` of `/gateway/bot`.

Source: https://discord.com/developers/docs/events/gateway#session-start-limit-object and
https://discord.com/developers/docs/events/gateway#identifying.
"""

from __future__ import annotations

from enum import Enum, auto

from mocha_actors.simulator.settings import SimulatorSettings

WINDOW = 86_400.0
"""Seconds after which the whole budget is there again, counted from the first IDENTIFY."""


class Start(Enum):
    """What becomes of an IDENTIFY."""

    GRANTED = auto()
    TOO_SOON = auto()
    EXHAUSTED = auto()


class SessionStarts:
    """The budget of IDENTIFYs, and their spacing. All times are monotonic seconds.

    Attributes:
        token_reset: whether the budget was overdrawn, upon which Discord ends all sessions and resets the token.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        """Begin with the whole budget."""
        self._settings = settings
        self._remaining = settings.identify_limit
        self._resets_at: float | None = None
        self._last: dict[int, float] = {}
        self.token_reset = False

    def limit(self, now: float) -> dict[str, int]:
        """Describe the budget as `/gateway/bot` does; `reset_after` is milliseconds."""
        self._renew(now)
        left = WINDOW if self._resets_at is None else self._resets_at - now
        return {
            "total": self._settings.identify_limit,
            "remaining": self._remaining,
            "reset_after": round(left * 1000),
            "max_concurrency": self._settings.max_concurrency,
        }

    def set(self, remaining: int, reset_after: float, now: float) -> None:
        """Set what is left of the budget, and after how many seconds all of it is there again.

        Raises:
            ValueError: one of the two is negative.
        """
        if remaining < 0 or reset_after < 0:
            msg = f"what remains and the time until the reset are at least 0, not {remaining} and {reset_after}"
            raise ValueError(msg)
        self._remaining = remaining
        self._resets_at = now + reset_after

    def claim(self, shard: int, now: float) -> Start:
        """Let a shard start a session; one that comes too soon after another of its kind costs nothing.

        Shards of one kind, `shard % max_concurrency`, must keep `identify_spacing` seconds between them.
        """
        self._renew(now)
        kind = shard % self._settings.max_concurrency
        if now - self._last.get(kind, float("-inf")) < self._settings.identify_spacing:
            return Start.TOO_SOON
        if not self._remaining:
            self.token_reset = True
            return Start.EXHAUSTED
        self._last[kind] = now
        self._remaining -= 1
        if self._resets_at is None:
            self._resets_at = now + WINDOW
        return Start.GRANTED

    def _renew(self, now: float) -> None:
        if self._resets_at is not None and now >= self._resets_at:
            self._remaining = self._settings.identify_limit
            self._resets_at = None
