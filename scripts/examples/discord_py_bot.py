"""A bot with discord.py that knows its statistics: Mocha listens on the bot's own connection.

    python scripts/examples/discord_py_bot.py

The token is taken from `DISCORD_TOKEN`, and the database is `data/stats.db`. Members use `/stats`, `/leaderboard`, `/heatmap`, `/growth` and `/privacy`;
somebody who writes `!stats` is answered too.

What to look at:

- `enable_debug_events=True`: only then does discord.py hand out what the gateway sends.
- `attach`, before the bot connects: from then on everything is recorded, and the bot's own handlers run as before.
- `StatsCog`: the ready-made commands, which Discord knows of after the tree is synced.
- `stats.guild_stats`: an awaitable of the bot's loop, though Mocha runs in a thread of its own.
- `stats.on_event`: what happens inside, such as a restart of an actor.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

import discord
from discord.ext import commands

from mocha_actors.embed import MochaStats
from mocha_actors.embed.commands.discord_py import StatsCog
from mocha_actors.embed.discord_py import attach

DATABASE: Final = Path("data/stats.db")


class Bot(commands.Bot):
    """A bot with the ready-made commands, that answers `!stats` besides."""

    def __init__(self, stats: MochaStats) -> None:
        """A bot that is not connected yet."""
        intents = discord.Intents.default()
        intents.message_content = True
        super().__init__(commands.when_mentioned, intents=intents, enable_debug_events=True)
        self.stats = stats
        attach(self, stats)

    async def setup_hook(self) -> None:
        """Offer the commands."""
        await self.add_cog(StatsCog(self.stats))
        await self.tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        """Answer, if asked."""
        if message.guild is None or message.content != "!stats":
            return
        week = await self.stats.guild_stats(message.guild.id, days=7)
        await message.channel.send(f"{week.messages:,} messages in the last week, by {week.active_users} people.")


async def main() -> None:
    """Live until Ctrl-C."""
    DATABASE.parent.mkdir(exist_ok=True)
    async with MochaStats(database=f"sqlite:///{DATABASE}") as stats, Bot(stats) as bot:
        stats.on_event(lambda event: print("mocha:", event.name, dict(event.fields), flush=True))
        await bot.start(os.environ["DISCORD_TOKEN"])


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("everything is committed")
