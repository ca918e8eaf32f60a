"""The heart of one connection: when to beat, and when silence means that the peer is gone. Pure; time is an argument.

A connection can be dead without anybody being told (a "zombie": writes succeed, reads never return). What tells is a heartbeat that nobody
acknowledged. Three things look like that and are not, and each has made other clients drop healthy connections: a beat that the server asked
for just before the scheduled one; a busy reader, behind which acknowledgements queue; a program that was itself suspended.

Source: https://discord.com/developers/docs/events/gateway#sending-heartbeats
"""

from __future__ import annotations

import math
from typing import Final

SHORT_PAUSE: Final = 1.0
"""Seconds; not reading for longer, or ticking later than this, says that we were deaf and not the peer silent."""

MIN_INTERVAL: Final = 1.0
"""Seconds between beats, whatever the server asks for."""

MAX_INTERVAL: Final = 600.0
"""Seconds; a HELLO that asks for rarer beats is a violation."""


class Heart:
    """Beats on a fixed schedule, the first one after a random part of the interval.

    Args:
        interval: seconds between scheduled beats.
        now: the time of HELLO, like all times here from one monotonic clock.
        phase: where in the first interval the first beat falls, in [0, 1).
        strict: a beat unacknowledged for an interval means death, traffic or not. Otherwise death means no acknowledgement and
            no traffic for an interval, or no acknowledgement for two.

    Attributes:
        interval: seconds between scheduled beats, at least :data:`MIN_INTERVAL`.
        due: when the next scheduled beat is due.
        latency: seconds from the latest acknowledged beat to its acknowledgement; None before the first.

    """

    def __init__(self, interval: float, now: float, phase: float, *, strict: bool = False) -> None:
        self.interval = max(MIN_INTERVAL, interval)
        self._strict = strict
        self.due = now + self.interval * phase
        self.latency: float | None = None
        self._unanswered_since: float | None = None
        self._latest_beat: float | None = None
        self._listening_since = now
        self._inbound_at = now
        self._paused_at: float | None = None
        self._excused = False

    def tick(self, now: float) -> bool:
        """A scheduled beat is due: put the schedule forward; say whether the peer lives and is to get the beat.

        One beat however late the call is: the schedule skips what was missed.
        """
        if now - self.due > SHORT_PAUSE and not self._excused:
            # Once only until the next acknowledgement: a program that is always late must still find out that its peer is gone.
            self._listening_since, self._excused = now, True
        if self._is_dead(now):
            return False
        self.due += self.interval * (1 + math.floor((now - self.due) / self.interval))
        if self._unanswered_since is None:
            self._unanswered_since = now
        self._latest_beat = now
        return True

    def requested(self, now: float) -> None:
        """The server asked for a beat and gets it at once: neither the schedule nor the check of it changes."""
        self._latest_beat = now

    def acknowledged(self, now: float) -> None:
        """An acknowledgement came; one that answers no beat changes nothing but the proof of life."""
        if self._latest_beat is not None:
            self.latency, self._latest_beat = now - self._latest_beat, None
        self._unanswered_since, self._excused = None, False
        self._inbound_at = now

    def inbound(self, now: float) -> None:
        """Something was received."""
        self._inbound_at = now

    def pause(self, now: float) -> None:
        """We stop reading, so that silence proves nothing; beats go on."""
        self._paused_at = now

    def unpause(self, now: float) -> None:
        """We read again; after a pause of note the waiting for acknowledgements begins anew."""
        if self._paused_at is not None and now - self._paused_at > SHORT_PAUSE:
            self._listening_since = now
        self._paused_at = None

    def _is_dead(self, now: float) -> bool:
        if self._unanswered_since is None or self._paused_at is not None:
            return False
        # Timers and floats round; a whole interval is a whole interval for all that.
        interval = self.interval - 1e-3
        unanswered = now - max(self._unanswered_since, self._listening_since)
        silent = now - max(self._inbound_at, self._listening_since)
        if self._strict:
            return unanswered >= interval
        return unanswered >= 2 * interval or (unanswered >= interval and silent >= interval)
