"""How many shards there are, and whose guild is whose.

Source: https://discord.com/developers/docs/events/gateway#sharding
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Final, Literal

import structlog
import trio

from mocha_actors.discord.events import Event
from mocha_actors.gateway.rest import DiscordRest, RestUnavailableError
from mocha_actors.runtime import Backoff

LARGE_BOT_SHARDS: Final = 150
"""Recommended shards, about one for a thousand guilds, from which on a bot is in so many that only multiples of the number are accepted."""

GUILDS_OF_SHARD: Final = 2_500
"""Guilds that Discord allows a shard; with more it closes with 4011."""

RETRY: Final = Backoff(base=1.0, cap=60.0)
"""Waits between questions while Discord's API is away."""

log = structlog.get_logger()


async def shard_count(wanted: int | Literal["auto"], rest: DiscordRest, rng: Random) -> int:
    """The number of shards to run: ``wanted``, or for ``auto`` what Discord recommends now; an API that is away is asked until it answers.

    Raises:
        PermanentError: Discord refuses the question, as it does for a token that is not valid.

    """
    if wanted != "auto":
        return wanted
    attempt = 0
    while True:
        try:
            return max(1, (await rest.gateway()).shards)
        except RestUnavailableError as error:
            attempt += 1
            delay = max(error.retry_after, RETRY.delay(attempt, rng))
            log.warning("gateway.unavailable", delay=delay, reason=str(error))
            await trio.sleep(delay)


def objection(shards: int, recommended: int) -> str | None:
    """What Discord may have against the number of ``shards``, given the one that it recommends; None for nothing.

    A warning and no error: only Discord knows how many guilds there are, and it says so by the close codes 4010 and 4011, each for an IDENTIFY of
    the day's budget.
    """
    if recommended >= LARGE_BOT_SHARDS and shards % recommended:
        return f"a bot in more than 150,000 guilds needs a multiple of {recommended}"
    if recommended * 1_000 > shards * GUILDS_OF_SHARD:
        return f"a shard may have {GUILDS_OF_SHARD:,} guilds, hence about {recommended * 1_000 // GUILDS_OF_SHARD + 1} shards are needed at least"
    return None


def misrouted(events: Iterable[Event], shard: int, shards: int) -> int:
    """How many of ``events`` name a guild that belongs to another shard than number ``shard`` of ``shards``."""
    guilds = [guild for event in events if (guild := getattr(getattr(event, "d", None), "guild_id", None)) is not None]
    return sum((guild >> 22) % shards != shard for guild in guilds)
