"""How long to wait before the n-th restart in a row. Pure: chance is an argument."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Literal, get_args

from mocha_actors.runtime.errors import SpecError

if TYPE_CHECKING:
    from random import Random

Jitter = Literal["full", "decorrelated", "none"]

# 2.0 ** 1024 overflows; long before that any sensible base has reached any sensible cap.
_LARGEST_EXPONENT = 1000


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with jitter.

    The names of the jitters are those of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).

    Attributes:
        base: Seconds before the first restart; 0 means restarts without waiting.
        cap: Seconds that no delay exceeds.
        jitter: `full` is uniform in [0, d]; `decorrelated` is uniform in [base, 3 * previous delay]; `none` is d.
        reset_after: Seconds of uptime after which a failure counts as the first one again. A successful start alone
            resets nothing, else a child that starts and dies would be restarted at full speed for ever.

    Raises:
        SpecError: A value is negative or not finite, the cap is below the base, or the jitter is unknown.
    """

    base: float = 0.2
    cap: float = 30.0
    _: KW_ONLY
    jitter: Jitter = "full"
    reset_after: float = 60.0

    def __post_init__(self) -> None:
        for field in ("base", "cap", "reset_after"):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise SpecError(f"backoff.{field} is {value!r}; allowed is a finite number of seconds >= 0")
        if self.cap < self.base:
            raise SpecError(f"backoff.cap is {self.cap!r}, below the base {self.base!r}")
        if self.jitter not in get_args(Jitter):
            raise SpecError(f"backoff.jitter is {self.jitter!r}; allowed are {', '.join(get_args(Jitter))}")

    def delay(self, n: int, rng: Random, previous: float | None = None) -> float:
        """Seconds to wait before restart number `n` of a row (0 for the first).

        Args:
            n: Failures in a row before this one.
            rng: The source of chance.
            previous: The delay before the previous restart of the row, for `decorrelated`.
        """
        if self.jitter == "decorrelated":
            widest = max(self.base, 3 * (self.base if previous is None else previous))
            return min(self.cap, rng.uniform(self.base, widest))
        delay = min(self.cap, self.base * 2.0 ** min(n, _LARGEST_EXPONENT))
        return rng.uniform(0.0, delay) if self.jitter == "full" else delay
