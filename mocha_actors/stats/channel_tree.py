"""The channels of a guild as Discord nests them: categories hold channels, channels hold threads (rule 8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from mocha_actors.db.connection import Connection

CHANNELS: Final = "SELECT id, type, name, parent_id, deleted_ms FROM channels WHERE guild_id = ?"

THREADS: Final = frozenset({10, 11, 12})
"""Discord's types of announcement, public and private threads; a post of a forum is a public thread."""


class Channel(NamedTuple):
    """What is known of a channel; all unknown for one that was never described."""

    type: int | None = None
    name: str | None = None
    parent_id: int | None = None
    deleted_ms: int | None = None


UNKNOWN: Final = Channel()


class ChannelTree:
    """The channels of one guild, deleted ones included (rule 9)."""

    def __init__(self, channels: Mapping[int, Channel]) -> None:
        """A tree of these channels."""
        self._channels = channels
        self._children: defaultdict[int, list[int]] = defaultdict(list)
        for key, channel in channels.items():
            if channel.parent_id is not None:
                self._children[channel.parent_id].append(key)

    @classmethod
    def load(cls, connection: Connection, guild_id: int) -> ChannelTree:
        """Read the channels of a guild."""
        rows = connection.execute(CHANNELS, (guild_id,))
        return cls({key: Channel(*fields) for key, *fields in rows})

    def __getitem__(self, key: int) -> Channel:
        return self._channels.get(key, UNKNOWN)

    def with_descendants(self, keys: Iterable[int]) -> set[int]:
        """``keys``, and all channels and threads below them."""
        found: set[int] = set()
        waiting = list(keys)
        while waiting:
            key = waiting.pop()
            if key not in found:
                found.add(key)
                waiting += self._children.get(key, ())
        return found

    def channel_of(self, key: int) -> int:
        """The channel that a thread belongs to; a channel itself, and a thread whose parent was never learned (A3.4)."""
        channel = self[key]
        return channel.parent_id if channel.type in THREADS and channel.parent_id is not None else key

    def category_of(self, key: int) -> int | None:
        """The category that a channel or thread belongs to; None for one outside of any."""
        return self[self.channel_of(key)].parent_id
