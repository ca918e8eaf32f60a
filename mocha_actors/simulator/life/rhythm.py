"""When people are awake: the course of a day, and of a week."""

from __future__ import annotations

from datetime import UTC, datetime

HOME_HOURS = 1
"""Hours by which the clocks of most members are ahead of UTC."""

HOURS = (
    0.55, 0.30, 0.17, 0.10, 0.08, 0.10, 0.22, 0.45, 0.65, 0.80, 0.90, 1.00,
    1.10, 1.10, 1.10, 1.20, 1.40, 1.60, 1.80, 2.10, 2.30, 2.20, 1.70, 1.07,
)  # fmt: skip
"""How much goes on at each hour of the day at home; the mean is 1. Most of it is in the evening."""

WEEKEND = 1.25
"""How much more goes on on Saturday and Sunday than on other days."""

_WEEK_MEAN = (5 + 2 * WEEKEND) / 7


def bustle(ms: float) -> float:
    """Tell how much goes on at a time, in milliseconds since the Unix epoch: 1 in the mean of a week."""
    home = datetime.fromtimestamp(ms / 1000 + HOME_HOURS * 3600, UTC)
    return HOURS[home.hour] * (WEEKEND if home.weekday() >= 5 else 1.0) / _WEEK_MEAN
