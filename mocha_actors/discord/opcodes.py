"""Gateway opcodes, and the version of the protocol that this package speaks.

Source: https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

API_VERSION: Final = 10


class Opcode(IntEnum):
    """What a gateway payload is. Opcodes that are not listed are accepted and ignored."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE_UPDATE = 3
    RESUME = 6
    RECONNECT = 7
    REQUEST_GUILD_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11
