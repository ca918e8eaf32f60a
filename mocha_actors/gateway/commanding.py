"""What a program may ask of its gateway, as methods: to show another presence, and to request members of a guild."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mocha_actors.gateway.commands import MembersReport, RequestMembers, UpdatePresence
from mocha_actors.gateway.tree import ShardRef

MARGIN: Final = 30.0
"""Seconds beyond a command's own time until its shard is considered stuck."""


class Commanding(ABC):
    """Commands to the shards. Each waits for a session that is active, and for Discord's rate limits.

    Raises:
        CommandRefusedError: Discord would refuse it, or ignore it without a word; the text says why.
        CommandNotSentError: it could not be sent in its time; the text says what it waited for.
        PayloadTooLongError: it has more than 4,096 bytes.
        ActorError: the shard does not run.

    """

    @property
    @abstractmethod
    def shard_refs(self) -> Sequence[ShardRef]:
        """The shards' addresses, by number."""

    async def update_presence(self, presence: Mapping[str, Any], *, within: float = 60.0) -> None:
        """Show another presence on every shard, one after the other.

        Args:
            presence: keys of `Discord's presence object <https://discord.com/developers/docs/events/gateway-events#update-presence>`_;
                those that are missing are filled in.
            within: seconds that each shard may take.

        """
        for ref in self.shard_refs:
            await ref.ask(UpdatePresence(presence, within), timeout=within + MARGIN)

    async def request_members(
        self,
        guild_id: int,
        *,
        user_ids: Sequence[int] = (),
        query: str = "",
        limit: int = 0,
        presences: bool = False,
        within: float = 60.0,
    ) -> MembersReport:
        """Request members of a guild, who are recorded like any that Discord names.

        Args:
            guild_id: the guild, which decides about the shard.
            user_ids: at most 100; none asks by ``query``.
            query: beginning of names; empty with a ``limit`` of 0 asks for all members, which needs the intent GUILD_MEMBERS.
            limit: members that a query wants at most, 1 to 100.
            presences: whether their presences are wanted, which needs the intent GUILD_PRESENCES.
            within: seconds until the report, complete or not.

        """
        ref = self.shard_refs[(guild_id >> 22) % len(self.shard_refs)]
        command = RequestMembers(guild_id, tuple(user_ids), query, limit, presences, within)
        return await ref.ask(command, timeout=within + MARGIN)
