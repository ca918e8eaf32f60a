"""Channels and threads, which are channels with a parent.

Source: https://discord.com/developers/docs/resources/channel#channel-object
"""

from __future__ import annotations

import msgspec

from mocha_actors.discord.dispatch import Dispatch, Snowflake


class Channel(msgspec.Struct, gc=False, kw_only=True):
    """A channel.

    Attributes:
        id: the channel.
        type: Discord's number, unknown ones included.
        guild_id: the guild; absent for direct messages, and inside GUILD_CREATE.
        name: None for direct messages.
        parent_id: category of a channel, channel of a thread.
        owner_id: who began a thread.

    """

    id: Snowflake
    type: int
    guild_id: Snowflake | None = None
    name: str | None = None
    parent_id: Snowflake | None = None
    owner_id: Snowflake | None = None


class ChannelCreate(Dispatch, tag="CHANNEL_CREATE"):
    """A channel was created."""

    d: Channel


class ChannelUpdate(Dispatch, tag="CHANNEL_UPDATE"):
    """A channel changed."""

    d: Channel


class ChannelDelete(Dispatch, tag="CHANNEL_DELETE"):
    """A channel was deleted. What a category held is re-parented by events of their own."""

    d: Channel


class NewThread(Channel, gc=False, kw_only=True):
    """A thread; only one that is ``newly_created`` was created. Others became visible to the bot, or had it added."""

    newly_created: bool = False


class ThreadCreate(Dispatch, tag="THREAD_CREATE"):
    """A thread was created, or became visible."""

    d: NewThread


class ThreadUpdate(Dispatch, tag="THREAD_UPDATE"):
    """A thread changed; it may be the first that is heard of it, as when it leaves the archive."""

    d: Channel


class ThreadDelete(Dispatch, tag="THREAD_DELETE"):
    """A thread was deleted. Only ids and type are said."""

    d: Channel


class Threads(msgspec.Struct, gc=False):
    """Threads that the bot can see now, none of which is new by that."""

    guild_id: Snowflake
    threads: list[Channel] = []


class ThreadListSync(Dispatch, tag="THREAD_LIST_SYNC"):
    """The bot gained access to channels with threads."""

    d: Threads
