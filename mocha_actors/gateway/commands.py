"""What may be asked of a shard: to change the bot's presence, and to request members of a guild.

A command waits for a session that is active and for its rate limit, and is sent on whichever connection there is then. What was sent is
followed: members come in chunks, which may stay away, be refused, or be lost with the session, and are then requested again. Every
command is answered once, within its time: with what it brought, or with why not.

Source: https://discord.com/developers/docs/events/gateway-events#request-guild-members
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mocha_actors.discord.intents import Intents
from mocha_actors.discord.opcodes import Opcode
from mocha_actors.errors import DataError, TransientError
from mocha_actors.gateway.identity import Identity, payload
from mocha_actors.pipeline.notices import Committed, GiveUpSession, Quiesce
from mocha_actors.runtime import Request

MAX_USER_IDS: Final = 100
MAX_MATCHES: Final = 100
"""Members that a query may ask for."""

NO_PRESENCE: Final[Mapping[str, Any]] = {"since": None, "activities": [], "status": "online", "afk": False}
"""The keys that Discord wants in every presence."""


class CommandRefusedError(DataError):
    """A command that Discord would refuse, or ignore without a word; it is not sent."""


class CommandNotSentError(TransientError):
    """A command that could not be sent in time; the text says what it waited for."""


@dataclass(frozen=True, slots=True)
class UpdatePresence(Request[None]):
    """Ask a shard to change the bot's presence; answered when it was sent.

    Attributes:
        presence: keys of a presence object; those that are missing are filled in.
        timeout: seconds that it may wait.

    """

    presence: Mapping[str, Any]
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class MembersReport:
    """What became of a request for members, who themselves came as GUILD_MEMBERS_CHUNK events.

    Attributes:
        guild_id: the guild.
        complete: whether every chunk of one answer came.
        members: how many members came.
        not_found: which ids are of no member.

    """

    guild_id: int
    complete: bool
    members: int
    not_found: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestMembers(Request[MembersReport]):
    """Ask a shard for members of a guild: those named, those whose name begins with a query, or all.

    Attributes:
        guild_id: a guild of this shard.
        user_ids: at most 100; none asks by ``query``.
        query: beginning of names; empty with a ``limit`` of 0 asks for all members.
        limit: members that a query wants at most, 1 to 100.
        presences: whether their presences are wanted.
        timeout: seconds until the report, complete or not.

    """

    guild_id: int
    user_ids: tuple[int, ...] = ()
    query: str = ""
    limit: int = 0
    presences: bool = False
    timeout: float = 60.0

    @property
    def everybody(self) -> bool:
        """Whether it asks for all members, which is allowed twice a minute for a guild."""
        return not self.user_ids and not self.query and not self.limit


Command = UpdatePresence | RequestMembers
ShardMessage = Committed | Quiesce | GiveUpSession | Command
"""What a shard understands."""


def render(command: Command, identity: Identity, nonce: str) -> bytes:
    """The payload of a command.

    Raises:
        CommandRefusedError: it breaks a rule of Discord's, or belongs to another shard.
        PayloadTooLongError: it has more than 4,096 bytes.

    """
    if isinstance(command, UpdatePresence):
        return payload(Opcode.PRESENCE_UPDATE, {**NO_PRESENCE, **command.presence})
    reason = _objection(command, identity)
    if reason:
        msg = f"members of guild {command.guild_id} cannot be requested: {reason}"
        raise CommandRefusedError(msg)
    asked: dict[str, Any] = {"guild_id": str(command.guild_id), "presences": command.presences, "nonce": nonce}
    if command.user_ids:
        asked["user_ids"] = [str(user_id) for user_id in command.user_ids]
    else:
        asked |= {"query": command.query, "limit": command.limit}
    return payload(Opcode.REQUEST_GUILD_MEMBERS, asked)


def _objection(command: RequestMembers, identity: Identity) -> str:
    """Why Discord would not answer; empty if it would."""
    shard = (command.guild_id >> 22) % identity.shards
    if shard != identity.shard:
        return f"the guild belongs to shard {shard}, this is shard {identity.shard}"
    if command.user_ids and (command.query or command.limit):
        return "user_ids goes with neither query nor limit"
    if len(command.user_ids) > MAX_USER_IDS:
        return f"{len(command.user_ids)} user_ids; allowed are {MAX_USER_IDS}"
    if not command.user_ids and not command.everybody and not 1 <= command.limit <= MAX_MATCHES:
        return f"a query with limit {command.limit}; allowed are 1 to {MAX_MATCHES}"
    if command.everybody and not identity.intents & Intents.GUILD_MEMBERS:
        return "all members need the intent GUILD_MEMBERS"
    if command.presences and not identity.intents & Intents.GUILD_PRESENCES:
        return "presences need the intent GUILD_PRESENCES"
    return ""


@dataclass(slots=True, eq=False)
class Errand:
    """A command under way.

    Attributes:
        command: what was asked.
        expires: when it must be answered.
        nonce: of its latest request; chunks repeat it.
        not_before: Discord asked to wait until then.
        attempts: how often it was sent.
        quiet_since: since when no chunk came, while one could have come.
        chunks: indexes that came.
        chunk_count: how many there will be; None before the first.
        members: how many came.
        not_found: ids of no member.

    """

    command: Command
    expires: float
    nonce: str
    not_before: float
    attempts: int = 0
    quiet_since: float = 0.0
    chunks: set[int] = field(default_factory=set)
    chunk_count: int | None = None
    members: int = 0
    not_found: list[Any] = field(default_factory=list)

    def begin_anew(self, nonce: str) -> None:
        """Forget what came: it will be asked for again, under another nonce."""
        self.nonce, self.chunk_count, self.members = nonce, None, 0
        self.chunks.clear()
        self.not_found.clear()

    @property
    def complete(self) -> bool:
        """Whether every chunk came."""
        return self.chunk_count is not None and len(self.chunks) >= self.chunk_count

    def report(self) -> MembersReport:
        """What came so far."""
        return MembersReport(self.guild_id, self.complete, self.members, tuple(self.not_found))

    @property
    def guild_id(self) -> int:
        """The guild of a request for members; 0 for a presence."""
        return self.command.guild_id if isinstance(self.command, RequestMembers) else 0
