"""The oracle of memberships: who is a member of which guild, since when, under which nick and with which roles.

Plain code that shares nothing with the program that it judges. The rules:

1. Whoever joins, is described or is listed is a member as described there; nobody is described who left, unless he joined again since.
2. A join more than two seconds after the known one is another one.
3. Whoever leaves has left, even if it was not known that he was there.
4. A GUILD_CREATE that lists as many members as it says there are lists all: whoever is missing has left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Row = tuple[int | str | None, ...]

SAME_MS = 2_000


@dataclass
class Member:
    """A membership as it was told last; `joined` and `left` are whether and when, in milliseconds since the Unix epoch."""

    bot: bool
    joined: int | None
    nick: str | None
    roles: list[int]
    gone: bool = False

    def row(self) -> Row:
        """Write it as the database does."""
        roles = "".join(f"{role}," for role in sorted(self.roles))
        return (int(self.bot), self.joined, int(self.gone), self.nick, "," + roles if roles else "")


class Members:
    """Everybody whom a ledger names so far, by (guild, user)."""

    def __init__(self) -> None:
        """Nobody was named."""
        self.known: dict[tuple[int, int], Member] = {}

    def take(self, name: str, data: dict[str, Any]) -> None:
        """Take the `d` of a dispatch, if it is about members."""
        if name == "GUILD_CREATE" and not data.get("unavailable"):
            self._list(data)
        elif name in {"GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE"}:
            self._describe(int(data["guild_id"]), data, joined=name == "GUILD_MEMBER_ADD")
        elif name == "GUILD_MEMBERS_CHUNK":
            for member in data["members"]:
                self._describe(int(data["guild_id"]), member)
        elif name == "GUILD_MEMBER_REMOVE":
            user = data["user"]
            key = (int(data["guild_id"]), int(user["id"]))
            self.known.setdefault(key, Member(bool(user.get("bot")), None, None, [])).gone = True

    def _list(self, guild: dict[str, Any]) -> None:
        guild_id = int(guild["id"])
        members = guild.get("members", [])
        for member in members:
            self._describe(guild_id, member)
        named = {int(member["user"]["id"]) for member in members}
        if "member_count" in guild and len(named) >= guild["member_count"]:
            for (of_guild, user), member in self.known.items():
                if of_guild == guild_id and user not in named:
                    member.gone = True

    def _describe(self, guild: int, data: dict[str, Any], *, joined: bool = False) -> None:
        user = data["user"]
        key = (guild, int(user["id"]))
        when = None if data.get("joined_at") is None else milliseconds(data["joined_at"])
        before = self.known.get(key)
        roles = [int(role) for role in data.get("roles", [])]
        now = Member(bool(user.get("bot")), when, data.get("nick"), roles)
        if before is not None and before.gone:
            again = when is not None and (before.joined is None or when > before.joined + SAME_MS)
            if not again and not (joined and before.joined is None):
                return
        elif before is not None and when is None:
            now.joined = before.joined
        self.known[key] = now


def milliseconds(stamp: str) -> int:
    """Read an ISO 8601 timestamp as whole milliseconds since the Unix epoch."""
    return (datetime.fromisoformat(stamp) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
