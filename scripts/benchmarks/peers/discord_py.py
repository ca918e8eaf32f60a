"""A discord.py bot with an empty message handler; prints when it is ready, and the time of the last of COUNT messages."""

from __future__ import annotations

import sys
import time

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

api_url, gateway_url, count, compression = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
Route.BASE = api_url
DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


class Bot(discord.Client):
    """Counts messages and does nothing else."""

    seen = 0

    async def on_ready(self) -> None:
        """Tell the benchmark that the burst may begin."""
        print("ready", flush=True)

    async def on_message(self, message: discord.Message) -> None:
        """The empty handler."""
        self.seen += 1
        if self.seen == count:
            print(time.time(), flush=True)


if compression == "none":
    # discord.py has no option for an uncompressed connection; its own parameter is given the other value.
    DiscordWebSocket.from_client.__func__.__kwdefaults__["compress"] = False

intents = discord.Intents(guilds=True, guild_messages=True)
bot = Bot(intents=intents)
bot.run("simulator", log_handler=None)
