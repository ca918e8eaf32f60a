"""When a shard may IDENTIFY: the spacing of 5 s a key, and the 24-hour budget. Pure.

Both are decided from the log of attempts that the writer keeps, so that they hold across restarts. They matter: when the budget is
spent, Discord ends all sessions of the bot and resets its token.

Source: https://discord.com/developers/docs/events/gateway#session-start-limit-object
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mocha_actors.pipeline.notices import ClaimIdentify

SPACING_MS: Final = 5_250
"""Milliseconds between two identifies of a key: Discord's 5 s, and a margin for the way there."""

WINDOW_MS: Final = 24 * 3_600_000
"""Milliseconds of the budget's window, which slides here; Discord's begins anew at some moment, which is never stricter."""


def identify_wait(now_ms: int, attempts: Sequence[tuple[int, int]], claim: ClaimIdentify) -> float:
    """Seconds that ``claim`` must wait; 0.0 when the attempt may be made (and recorded) now.

    An attempt from the future, which a clock that was set back leaves behind, is taken as made now: it delays and never forbids for long.

    Args:
        now_ms: milliseconds since the Unix epoch.
        attempts: (shard id, milliseconds since the epoch) of the application's earlier identifies, in any order; those older than
            :data:`WINDOW_MS` do not count.
        claim: who asks, and Discord's limits.

    """
    seen = [(shard, min(at_ms, now_ms)) for shard, at_ms in attempts]
    return max(_spacing_wait(now_ms, seen, claim), _budget_wait(now_ms, seen, claim)) / 1000


def _spacing_wait(now_ms: int, attempts: Sequence[tuple[int, int]], claim: ClaimIdentify) -> int:
    key = claim.shard % claim.max_concurrency
    latest = max(
        (at_ms for shard, at_ms in attempts if shard % claim.max_concurrency == key), default=now_ms - SPACING_MS
    )
    return max(0, latest + SPACING_MS - now_ms)


def _budget_wait(now_ms: int, attempts: Sequence[tuple[int, int]], claim: ClaimIdentify) -> int:
    """Milliseconds until so many attempts have left the window that one more keeps the reserve untouched."""
    spent = sorted(at_ms for _, at_ms in attempts if at_ms > now_ms - WINDOW_MS)
    allowed = max(1, claim.total - claim.reserve)
    if len(spent) < allowed:
        return 0
    return spent[len(spent) - allowed] + WINDOW_MS - now_ms
