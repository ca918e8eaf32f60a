"""What a close code of the gateway asks for, as a table.

Source: https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes, and for 4007 and 4009, whose
"reconnect: true" means a new session, the descriptions there. 4006 is a former "session no longer valid" and still seen.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from mocha_actors.discord.intents import PRIVILEGED, names_of
from mocha_actors.errors import PermanentError

RESUMABLE: Final = 4900
"""The code that this client closes with: anything but 1000 and 1001 keeps the session for a RESUME."""


NORMAL: Final = 1000
"""The code that makes Discord forget the session at once. It is sent when a person wants exactly that, and never otherwise."""


class Action(Enum):
    """What to do about the session after a close."""

    RESUME = "resume"
    RESUME_ONCE = "resume once"
    """Discord closed "normally" and may have forgotten the session: one try, then IDENTIFY."""
    IDENTIFY = "identify"
    FATAL = "fatal"


class CloseRule(NamedTuple):
    """One row of the table.

    Attributes:
        action: what to do.
        meaning: Discord's, for the log.
        our_fault: this client broke a rule, which is logged as an error.

    """

    action: Action
    meaning: str
    our_fault: bool = False


CLOSE_RULES: Final[dict[int, CloseRule]] = {
    1000: CloseRule(Action.RESUME_ONCE, "normal closure"),
    1001: CloseRule(Action.RESUME_ONCE, "going away"),
    4000: CloseRule(Action.RESUME, "unknown error"),
    4001: CloseRule(Action.RESUME, "unknown opcode", our_fault=True),
    4002: CloseRule(Action.RESUME, "decode error", our_fault=True),
    4003: CloseRule(Action.IDENTIFY, "not authenticated"),
    4004: CloseRule(Action.FATAL, "authentication failed"),
    4005: CloseRule(Action.RESUME, "already authenticated", our_fault=True),
    4006: CloseRule(Action.IDENTIFY, "session no longer valid"),
    4007: CloseRule(Action.IDENTIFY, "invalid seq"),
    4008: CloseRule(Action.RESUME, "rate limited", our_fault=True),
    4009: CloseRule(Action.IDENTIFY, "session timed out"),
    4010: CloseRule(Action.FATAL, "invalid shard"),
    4011: CloseRule(Action.FATAL, "sharding required"),
    4012: CloseRule(Action.FATAL, "invalid API version"),
    4013: CloseRule(Action.FATAL, "invalid intents"),
    4014: CloseRule(Action.FATAL, "disallowed intents"),
}

_ANY_OTHER: Final = CloseRule(Action.RESUME, "connection lost")


NUMBER_OF_SHARDS: Final = "as many as Discord wants (a bot in more than 150,000 guilds needs a multiple of its number)"


class RefusedTokenError(PermanentError):
    """Discord does not accept the token."""


class RefusedShardingError(PermanentError):
    """Discord does not accept the shard id or the number of shards."""


class RefusedIntentsError(PermanentError):
    """Discord does not grant the intents."""


class RefusedVersionError(PermanentError):
    """Discord does not speak this version of the gateway any more."""


def close_rule(code: int | None) -> CloseRule:
    """The row for ``code``; None (no close frame) and codes that are not listed keep the session."""
    return _ANY_OTHER if code is None else CLOSE_RULES.get(code, _ANY_OTHER)


def fatal_error(code: int, *, shard: int, shards: int, intents: int) -> PermanentError:
    """The error for a FATAL row: one sentence that says what to do."""
    match code:
        case 4004:
            return RefusedTokenError(
                "Discord refused the bot token (close code 4004): copy the current one from the developer portal, page Bot."
            )
        case 4010 | 4011:
            return RefusedShardingError(
                f"Discord refused shard {shard} of {shards} (close code {code}): configure "
                f'{"more shards" if code == 4011 else NUMBER_OF_SHARDS}, or shards = "auto".'
            )
        case 4012:
            return RefusedVersionError("Discord refused the gateway version (close code 4012): update Mocha.")
        case 4014:
            wanted = ", ".join(names_of(intents & PRIVILEGED)) or "none that is known to be privileged"
            return RefusedIntentsError(
                f"Discord does not grant the privileged intents (close code 4014; asked for: {wanted}): "
                "switch them on in the developer portal, page Bot, or leave them out of discord.intents."
            )
        case _:
            return RefusedIntentsError(
                f"Discord does not know the intents {intents} (close code {code}): correct discord.intents."
            )
