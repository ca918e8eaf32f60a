"""Who a shard says it is: the token, the parameters of IDENTIFY, and the payloads that carry them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from mocha_actors.config import Secret
from mocha_actors.discord.intents import DEFAULT
from mocha_actors.discord.opcodes import API_VERSION, Opcode
from mocha_actors.errors import DataError

PAYLOAD_LIMIT: Final = 4096
"""Bytes of a payload to the gateway; Discord closes with 4002 on a longer one."""


class PayloadTooLongError(DataError):
    """A payload that Discord would refuse; it is not sent."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session at Discord's. The id is a secret.

    Attributes:
        session_id: what RESUME names.
        resume_url: the gateway that it should be sent to.

    """

    session_id: str = field(repr=False)
    resume_url: str


@dataclass(frozen=True, slots=True)
class Identity:
    """The parameters of IDENTIFY. A session keeps those it began with.

    Attributes:
        token: the bot's token, bare (without ``Bot ``).
        shard: shard id.
        shards: number of shards.
        intents: which events to send, see :class:`mocha_actors.discord.intents.Intents`.
        large_threshold: members above which GUILD_CREATE leaves out those who are offline, 50 to 250.
        presence: the presence object to begin with; None leaves it to Discord.

    """

    token: Secret
    shard: int = 0
    shards: int = 1
    intents: int = DEFAULT
    large_threshold: int = 250
    presence: Mapping[str, Any] | None = None

    def fingerprint(self, gateway_url: str) -> str:
        """A hash of everything that a RESUME cannot change: a session of another fingerprint is never resumed."""
        host = urlsplit(gateway_url).hostname
        parts = (
            self.token.reveal(), self.shard, self.shards, self.intents, self.large_threshold, self.presence, API_VERSION, host,
        )  # fmt: skip
        return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()[:32]

    def identify(self) -> bytes:
        """The IDENTIFY payload. Raises PayloadTooLongError (a presence can be of any length)."""
        data: dict[str, Any] = {
            "token": self.token.reveal(),
            "properties": {"os": sys.platform, "browser": "mocha", "device": "mocha"},
            "compress": False,  # transport compression and this one exclude each other
            "large_threshold": self.large_threshold,
            "shard": [self.shard, self.shards],
            "intents": int(self.intents),
        }
        if self.presence is not None:
            data["presence"] = self.presence
        return payload(Opcode.IDENTIFY, data)

    def resume(self, session: Session, seq: int) -> bytes:
        """The RESUME payload: replay ``session`` from the dispatch after ``seq``."""
        data = {"token": self.token.reveal(), "session_id": session.session_id, "seq": seq}
        return payload(Opcode.RESUME, data)


def heartbeat(seq: int | None) -> bytes:
    """The heartbeat payload."""
    return payload(Opcode.HEARTBEAT, seq)


def payload(op: Opcode, data: object) -> bytes:
    """A payload to the gateway. Raises PayloadTooLongError."""
    encoded = msgspec.json.encode({"op": op, "d": data})
    if len(encoded) > PAYLOAD_LIMIT:
        msg = f"a payload of opcode {op.name} has {len(encoded)} bytes; allowed are {PAYLOAD_LIMIT}"
        raise PayloadTooLongError(msg)
    return encoded
