"""A discord.py bot. Usage: discord_py.py API_URL GATEWAY_URL TOKEN COUNT COMPRESSION MODE, see :mod:`storing`.

It prints when it is ready, and the time of the last of COUNT messages; with a COUNT of 0 the time when the ``s`` has been seen that standard input names.
"""

from __future__ import annotations

import asyncio
import sys

api_url, gateway_url, token, count, compression, mode = sys.argv[1:]
if compression == "zlib-stream":
    sys.modules["zstandard"] = None  # type: ignore[assignment]  # it takes zstd wherever that is installed

import discord  # noqa: E402
import yarl  # noqa: E402
from discord.gateway import DiscordWebSocket  # noqa: E402
from discord.http import Route  # noqa: E402
from storing import Store, watch  # noqa: E402

Route.BASE = api_url
DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


class Bot(discord.Client):
    """Gives messages to the store and does nothing else."""

    store = Store(mode, int(count))

    async def on_ready(self) -> None:
        """Tell the benchmark that the burst may begin."""
        await self.store.open()
        if not self.store.count:
            self.watching = asyncio.create_task(watch(lambda: self.ws.sequence or 0))
        print("ready", flush=True)

    async def on_message(self, message: discord.Message) -> None:
        """The handler."""
        guild = message.guild.id if message.guild else 0
        await self.store.take(message.id, guild, message.channel.id, message.author.id, message.author.bot)


if compression == "none":
    # discord.py has no option for an uncompressed connection; its own parameter is given the other value.
    DiscordWebSocket.from_client.__func__.__kwdefaults__["compress"] = False

intents = discord.Intents.all() if not int(count) else discord.Intents(guilds=True, guild_messages=True)
intents.message_content = False
Bot(intents=intents).run(token, log_handler=None)
