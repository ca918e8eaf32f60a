"""A bot with hikari that knows its statistics: Mocha listens on the bot's own connection.

    python scripts/examples/hikari_bot.py

The token is taken from `DISCORD_TOKEN`, and the database is `data/stats.db`. Members use `/stats`, `/leaderboard`,
`/heatmap`, `/growth` and `/privacy`, and every hour the bot's log says how its guilds are.

What to look at:

- Mocha starts with the bot and ends with it: `StartingEvent` and `StoppedEvent`, so that `bot.run()` stays what it was.
- `attach`, before the bot connects: from then on everything is recorded.
- `StatsPlugin`: the ready-made commands, beside whatever else handles the bot's.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

import hikari

from mocha_actors.embed import MochaStats
from mocha_actors.embed.commands.hikari import StatsPlugin
from mocha_actors.embed.hikari import attach

DATABASE: Final = Path("data/stats.db")
SECONDS: Final = float(os.environ.get("SECONDS_BETWEEN_REPORTS", "3600"))

bot = hikari.GatewayBot(os.environ.get("DISCORD_TOKEN", ""), banner=None)
DATABASE.parent.mkdir(exist_ok=True)
stats = MochaStats(database=f"sqlite:///{DATABASE}")
StatsPlugin(bot, stats)


@bot.listen()
async def on_starting(_: hikari.StartingEvent) -> None:
    """Begin to record before the bot connects."""
    await stats.start()
    attach(bot, stats)


@bot.listen()
async def on_started(_: hikari.StartedEvent) -> None:
    """Say how the guilds are, as long as the bot lives."""
    while stats.health().running:
        await asyncio.sleep(SECONDS)
        for guild_id, name in await stats.guilds():
            day = await stats.guild_stats(guild_id, days=1)
            print(f"{name or guild_id}: {day.messages:,} messages of {day.active_users} people today", flush=True)


@bot.listen()
async def on_stopped(_: hikari.StoppedEvent) -> None:
    """Commit everything."""
    report = await stats.aclose()
    print("everything is committed" if report.clean else report.reason, flush=True)


if __name__ == "__main__":
    bot.run(check_for_updates=False)
