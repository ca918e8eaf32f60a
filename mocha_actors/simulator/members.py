"""Opcode 8: finding the members of a guild.

Source: https://discord.com/developers/docs/events/gateway-events#request-guild-members.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.objects import full_member, presence_object
from mocha_actors.simulator.payloads import GUILD_MEMBERS_INTENT, GUILD_PRESENCES_INTENT
from mocha_actors.simulator.session import Session
from mocha_actors.simulator.world import Member

CHUNK_MEMBERS = 1000
"""Most members of a chunk."""

MAX_FOUND = 100
"""Most ids that can be asked for, and most members that a query finds."""

MAX_NONCE_BYTES = 32
"""Longest nonce that comes back."""

LIST_INTERVAL = 30.0
"""Seconds for which all members of a guild can be asked for once."""

_encode = msgspec.json.Encoder().encode


class _Request(msgspec.Struct):
    guild_id: str | int
    query: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=0)] = 0
    presences: bool = False
    user_ids: list[str | int] | str | int | None = None
    nonce: str | None = None

    @property
    def wants_all(self) -> bool:
        return self.user_ids is None and self.query == "" and not self.limit


def answer_members(session: Session, data: object, guilds: Mapping[int, GuildState], now: float) -> list[Event]:
    """Find what a client asks for, as the dispatches that answer it; `now` is monotonic seconds.

    There is no answer at all, since Discord documents none, to a request for a guild that is not there, for more than
    100 ids, or without an intent that it needs.

    Raises:
        msgspec.MsgspecError: the request has another shape than Discord's.
        ValueError: an id is no number, or the request names neither a query nor ids.
    """
    request = msgspec.convert(data, _Request)
    guild = guilds.get(int(request.guild_id))
    ids = _ids(request)
    if guild is None or not session.sees(guild.id) or len(ids) > MAX_FOUND or not _may(session, request):
        return []
    if request.wants_all:
        listed_at = session.listed_at.get(guild.id, float("-inf"))
        if now - listed_at < LIST_INTERVAL:
            return [_rate_limited(request, guild, listed_at + LIST_INTERVAL - now)]
        session.listed_at[guild.id] = now
    return _chunks(request, guild, _found(request, guild, set(ids)), ids)


def _ids(request: _Request) -> list[int]:
    """Read the ids, of which one may come without a list around it."""
    if request.user_ids is None:
        if request.query is None:
            raise ValueError("a request for members names a query or ids")
        return []
    given = request.user_ids if isinstance(request.user_ids, list) else [request.user_ids]
    return [int(user_id) for user_id in given]


def _may(session: Session, request: _Request) -> bool:
    needed = GUILD_MEMBERS_INTENT if request.wants_all else 0
    needed |= GUILD_PRESENCES_INTENT if request.presences else 0
    return not needed & ~session.intents


def _found(request: _Request, guild: GuildState, ids: set[int]) -> list[Member]:
    everybody = guild.members.values()
    if request.user_ids is not None:
        return [guild.members[user_id] for user_id in sorted(ids) if user_id in guild.members]
    if request.wants_all:
        return list(everybody)
    prefix = (request.query or "").lower()
    found = [member for member in everybody if member.user.username.lower().startswith(prefix)]
    return found[: min(request.limit or MAX_FOUND, MAX_FOUND)]


def _chunks(request: _Request, guild: GuildState, found: Sequence[Member], ids: Sequence[int]) -> list[Event]:
    runs = [found[start : start + CHUNK_MEMBERS] for start in range(0, len(found), CHUNK_MEMBERS)] or [[]]
    there = {member.user.id for member in found}
    missing = [str(user_id) for user_id in ids if user_id not in there]
    return [
        Event(b"GUILD_MEMBERS_CHUNK", guild.id, 0, _encode(_chunk(request, guild, run) | {
            "chunk_index": index,
            "chunk_count": len(runs),
        } | ({"not_found": missing} if missing else {})))
        for index, run in enumerate(runs)
    ]  # fmt: skip


def _chunk(request: _Request, guild: GuildState, members: Sequence[Member]) -> dict[str, Any]:
    described: dict[str, Any] = {"guild_id": str(guild.id), "members": [full_member(member) for member in members]}
    seen = guild.presences
    if request.presences:
        described["presences"] = [
            presence_object(each.user.id, seen[each.user.id]) for each in members if each.user.id in seen
        ]
    return described | _nonce(request)


def _nonce(request: _Request) -> dict[str, str]:
    if request.nonce is None or len(request.nonce.encode()) > MAX_NONCE_BYTES:
        return {}
    return {"nonce": request.nonce}


def _rate_limited(request: _Request, guild: GuildState, retry_after: float) -> Event:
    meta = {"guild_id": str(guild.id)} | _nonce(request)
    data = {"opcode": 8, "retry_after": round(retry_after, 3), "meta": meta}
    return Event(b"RATE_LIMITED", guild.id, 0, _encode(data))
