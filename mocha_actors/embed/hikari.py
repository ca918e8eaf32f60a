"""Feeding from hikari.

The hook is ``ShardPayloadEvent`` (hikari 2.3 to 2.7 were read): every dispatch with its name, its data and its shard, and without its sequence number, so that
dispatches are numbered as they are handed over. hikari tells nobody of acknowledged heartbeats; evidence that a connection was alive is therefore
dated back by two of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import hikari
import msgspec

from mocha_actors.gateway.feed import Feed

if TYPE_CHECKING:
    from mocha_actors.embed.host import MochaStats

CERTAIN_SECONDS: Final = 90.0
"""Two heartbeats (41.25 s) and something for the way: a connection that counts as up now was certainly alive so long ago."""

LOOK_SECONDS: Final = 20.0
"""How often the connections are looked at."""


def attach(bot: hikari.GatewayBotAware, stats: MochaStats) -> Callable[[], None]:
    """Feed ``stats`` from the connections of ``bot``; before ``bot`` starts, lest the guilds that READY brings be missed.

    Returns:
        What ends it.

    Raises:
        RuntimeClosed: ``stats`` was not started.

    """
    follower = _Follower(bot, stats.feed)
    listeners: dict[type[hikari.Event], Any] = {
        hikari.ShardPayloadEvent: follower.on_payload,
        hikari.ShardDisconnectedEvent: follower.on_disconnected,
        hikari.StartedEvent: follower.on_started,
        hikari.StoppingEvent: follower.on_stopping,
    }
    for kind, listener in listeners.items():
        bot.event_manager.subscribe(kind, listener)

    def detach() -> None:
        follower.end()
        for kind, listener in listeners.items():
            with suppress(ValueError):
                bot.event_manager.unsubscribe(kind, listener)

    return detach


class _Follower:
    """Tells a feed what happens on a bot's connections. No handler ever awaits, so that they run in the order in which they are scheduled."""

    def __init__(self, bot: hikari.GatewayBotAware, feed: Feed) -> None:
        self._bot, self._feed = bot, feed
        self._look: asyncio.Task[None] | None = None

    async def on_payload(self, event: hikari.ShardPayloadEvent) -> None:
        """A dispatch came."""
        shard, name, data = event.shard.id, event.name, event.payload
        if name == "READY":
            application = data.get("application") or {}
            self._feed.ready(shard, user_id=int(data["user"]["id"]), application_id=int(application.get("id", 0)))
            return
        self._feed.frame(shard, b'{"t":"%b","s":0,"op":0,"d":%b}' % (name.encode(), msgspec.json.encode(dict(data))))
        if name == "RESUMED":
            self._feed.resumed(shard)

    async def on_disconnected(self, event: hikari.ShardDisconnectedEvent) -> None:
        """A connection was lost."""
        self._feed.disconnected(event.shard.id)

    async def on_started(self, _: hikari.StartedEvent) -> None:
        """The bot runs."""
        self.end()
        self._look = asyncio.get_running_loop().create_task(self._keep_looking(), name="mocha-actors evidence")

    async def on_stopping(self, _: hikari.StoppingEvent) -> None:
        """The bot ends."""
        self.end()

    def end(self) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()
            self._look = None

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for shard in self._bot.shards.values():
                if shard.is_connected:
                    self._feed.alive(shard.id, CERTAIN_SECONDS)
