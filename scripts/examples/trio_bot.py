"""A bot on trio that is nothing but statistics: it records, and says every minute how its guilds are.

    python scripts/examples/trio_bot.py [CONFIG]

The token is taken from `DISCORD_TOKEN`; without a configuration the defaults hold, and the database is `data/mocha.db`.

What to look at:

- `StatsClient.open`: the whole service inside a block. Leaving the block, also by Ctrl-C, commits everything and keeps the session, which the
  next start resumes.
- `client.guild_stats`: a question is a method; its answer says which part of the time was really observed.
"""

from __future__ import annotations

import os
import sys
from typing import Final

import trio

from mocha_actors import Config, StatsClient, load

SECONDS: Final = float(os.environ.get("SECONDS_BETWEEN_REPORTS", "60"))


async def report(client: StatsClient) -> None:
    """Say how the guilds are, for ever."""
    while True:
        await trio.sleep(SECONDS)
        for guild_id, name in await client.guilds():
            week = await client.guild_stats(guild_id, days=7)
            observed = f"{week.coverage.observed_share:.1%} of the week observed"
            print(
                f"{name or guild_id}: {week.messages:,} messages of {week.active_users} people, {observed}", flush=True
            )


async def main() -> None:
    """Record until Ctrl-C."""
    config = load(sys.argv[1]) if len(sys.argv) > 1 else Config()
    async with StatsClient.open(config) as client:
        await report(client)


if __name__ == "__main__":
    try:
        trio.run(main)
    except KeyboardInterrupt:
        print("everything is committed; the next start resumes")
