"""A hikari bot. Usage as of :mod:`discord_py`."""

from __future__ import annotations

import asyncio
import sys

import hikari
from hikari.api.shard import GatewayCompression
from hikari.impl.shard import GatewayShardImpl
from storing import Store, watch

api_url, _gateway_url, token, count, compression, mode = sys.argv[1:]
COMPRESSIONS = {
    "none": None,
    "zlib-stream": GatewayCompression.TRANSPORT_ZLIB_STREAM,
    "zstd-stream": GatewayCompression.TRANSPORT_ZSTD_STREAM,
}
# hikari has no option for it; its own parameter is given another value.
GatewayShardImpl.__init__.__kwdefaults__["compression"] = COMPRESSIONS[compression]

every = hikari.Intents.ALL & ~hikari.Intents.MESSAGE_CONTENT
few = hikari.Intents.GUILDS | hikari.Intents.GUILD_MESSAGES
bot = hikari.GatewayBot(token, rest_url=api_url, intents=few if int(count) else every, logs=None, banner=None)
store = Store(mode, int(count))
tasks: list[asyncio.Task[None]] = []


@bot.listen()
async def on_ready(event: hikari.ShardReadyEvent) -> None:
    """Tell the benchmark that the burst may begin."""
    await store.open()
    if not store.count:
        tasks.append(asyncio.create_task(watch(lambda: event.shard._seq or 0)))  # type: ignore[attr-defined]  # noqa: SLF001
    print("ready", flush=True)


@bot.listen()
async def on_message(event: hikari.GuildMessageCreateEvent) -> None:
    """The handler."""
    message = event.message
    await store.take(
        int(message.id), int(event.guild_id), int(message.channel_id), int(message.author.id), message.author.is_bot
    )


bot.run(check_for_updates=False)
