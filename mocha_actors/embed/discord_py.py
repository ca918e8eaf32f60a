"""Feeding from discord.py, and from the libraries that kept its interface: py-cord 2.8, nextcord 2.6 and disnake 2.12 were run.

The hook is ``on_socket_raw_receive``, which discord.py (2.5 to 2.7 were read) calls with every payload, decompressed, before it looks at it itself; it does so
only for a client made with ``enable_debug_events=True``. The payload carries the sequence number and no shard: a client with one shard has no
need of it, an ``AutoShardedClient`` has it computed from the guild, as Discord does. Heartbeats' acknowledgements (opcode 11) are the evidence that
the connection was alive; with several shards they say not whose they are, so that evidence is dated back by two heartbeats.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mocha_actors.discord.opcodes import Opcode
from mocha_actors.errors import ConfigError
from mocha_actors.gateway.feed import Feed

if TYPE_CHECKING:
    import discord

    from mocha_actors.embed.host import MochaStats

Handler = Callable[..., Coroutine[Any, Any, None]]

CERTAIN_SECONDS: Final = 90.0
"""Two heartbeats (41.25 s) and something for the way: a connection that counts as up now was certainly alive so long ago."""


class _Head(msgspec.Struct, gc=False):
    op: int
    t: str | None = None


class _Identified(msgspec.Struct, gc=False):
    id: str = "0"


class _ReadyData(msgspec.Struct, gc=False):
    user: _Identified
    application: _Identified | None = None
    shard: tuple[int, int] = (0, 1)


class _Ready(msgspec.Struct, gc=False):
    d: _ReadyData


class _GuildData(msgspec.Struct, gc=False):
    guild_id: str | None = None
    id: str | None = None


class _OfGuild(msgspec.Struct, gc=False):
    d: _GuildData


_head: Final = msgspec.json.Decoder(_Head)
_ready: Final = msgspec.json.Decoder(_Ready)
_of_guild: Final = msgspec.json.Decoder(_OfGuild)


def attach(client: discord.Client, stats: MochaStats) -> Callable[[], None]:
    """Feed ``stats`` from the connection of ``client``; before ``client`` connects, lest the guilds that READY brings be missed.

    The client's own handlers of the same names are called as before.

    Returns:
        What ends it.

    Raises:
        ConfigError: the client does not hand raw payloads out.
        RuntimeClosed: ``stats`` was not started.

    """
    if not getattr(client, "_enable_debug_events", True):
        msg = (
            "the client hands no raw payloads out; make it with enable_debug_events=True, "
            "as in discord.Client(intents=..., enable_debug_events=True)"
        )
        raise ConfigError(msg)
    follower = _Follower(client, stats.feed)
    handlers: dict[str, Handler] = {
        "on_socket_raw_receive": follower.on_socket_raw_receive,
        "on_disconnect": follower.on_disconnect,
        "on_shard_disconnect": follower.on_shard_disconnect,
        "on_shard_resumed": follower.on_shard_resumed,
    }
    ends = [_listen(client, name, handler) for name, handler in handlers.items()]

    def detach() -> None:
        for end in ends:
            end()

    return detach


class _Follower:
    """Tells a feed what happens on a client's connections. No handler ever awaits, so that they run in the order in which they are scheduled."""

    def __init__(self, client: Any, feed: Feed) -> None:
        self._client, self._feed = client, feed

    async def on_socket_raw_receive(self, message: str | bytes, *_: object) -> None:
        """A payload came."""
        frame = message.encode() if isinstance(message, str) else bytes(message)
        try:
            head = _head.decode(frame)
        except msgspec.MsgspecError:
            self._feed.frame(self._first, frame)
            return
        if head.op == Opcode.HEARTBEAT_ACK:
            self._alive()
        elif head.op == Opcode.DISPATCH:
            self._dispatch(head.t, frame)

    def _dispatch(self, name: str | None, frame: bytes) -> None:
        if name == "READY":
            ready = _ready.decode(frame).d
            application = ready.application or _Identified()
            shard = ready.shard[0] if self._many else self._first
            self._feed.ready(shard, user_id=int(ready.user.id), application_id=int(application.id))
            return
        self._feed.frame(self._shard_of(frame) if self._many else self._first, frame)
        if name == "RESUMED" and not self._many:
            self._feed.resumed(self._first)

    async def on_disconnect(self) -> None:
        """The connection of the only shard was lost."""
        if not self._many:
            self._feed.disconnected(self._first)

    async def on_shard_disconnect(self, shard: int) -> None:
        """That of one of many shards was."""
        self._feed.disconnected(shard)

    async def on_shard_resumed(self, shard: int) -> None:
        """And came back."""
        self._feed.resumed(shard)

    @property
    def _many(self) -> bool:
        return (self._client.shard_count or 1) > 1 and self._client.shard_id is None

    @property
    def _first(self) -> int:
        return self._client.shard_id or 0

    def _shard_of(self, frame: bytes) -> int:
        """The shard whose guild a dispatch is about; what is about none, and is not counted, goes to the first."""
        with suppress(msgspec.MsgspecError, ValueError):
            data = _of_guild.decode(frame).d
            guild = data.guild_id or data.id
            if guild is not None:
                return (int(guild) >> 22) % int(self._client.shard_count)
        return self._first

    def _alive(self) -> None:
        if not self._many:
            self._feed.alive(self._first)
            return
        for shard in self._client.shards.values():
            if not shard.is_closed():
                self._feed.alive(shard.id, CERTAIN_SECONDS)


def _listen(client: Any, name: str, handler: Handler) -> Callable[[], None]:
    """Have ``handler`` called beside whatever the client does on ``name``; returns what ends that."""
    if hasattr(client, "add_listener"):
        client.add_listener(handler, name)
        return lambda: client.remove_listener(handler, name)
    own = getattr(client, name, None)

    async def both(*args: object) -> None:
        await handler(*args)
        if own is not None:
            await own(*args)

    setattr(client, name, both)

    def end() -> None:
        if own is not None:
            setattr(client, name, own)
        elif getattr(client, name, None) is both:
            delattr(client, name)

    return end
