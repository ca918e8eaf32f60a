"""Gateway intents: which events Discord sends.

Source: https://discord.com/developers/docs/events/gateway#gateway-intents
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag
from typing import Final

from mocha_actors.errors import ConfigError


class Intents(IntFlag):
    """The bits of IDENTIFY's ``intents``, under Discord's names."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MODERATION = 1 << 2
    GUILD_EXPRESSIONS = 1 << 3
    GUILD_INTEGRATIONS = 1 << 4
    GUILD_WEBHOOKS = 1 << 5
    GUILD_INVITES = 1 << 6
    GUILD_VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15
    GUILD_SCHEDULED_EVENTS = 1 << 16
    AUTO_MODERATION_CONFIGURATION = 1 << 20
    AUTO_MODERATION_EXECUTION = 1 << 21
    GUILD_MESSAGE_POLLS = 1 << 24
    DIRECT_MESSAGE_POLLS = 1 << 25


PRIVILEGED: Final = Intents.GUILD_MEMBERS | Intents.GUILD_PRESENCES | Intents.MESSAGE_CONTENT
"""Intents that the bot's owner must switch on in the developer portal."""

DEFAULT: Final = Intents.GUILDS | Intents.GUILD_VOICE_STATES | Intents.GUILD_MESSAGES | Intents.GUILD_MESSAGE_REACTIONS
"""What statistics need at least; none of it is privileged."""


def parse_intents(names: Iterable[str]) -> Intents:
    """The union of the named intents, in any case. Raises ConfigError for a name that Discord does not have."""
    intents = Intents(0)
    for name in names:
        if name.upper() not in Intents.__members__:
            msg = f"unknown intent {name!r}; allowed are {', '.join(Intents.__members__)}"
            raise ConfigError(msg)
        intents |= Intents[name.upper()]
    return intents


def names_of(intents: int) -> list[str]:
    """Names of the intents in ``intents``, lowest bit first; unknown bits are left out."""
    return [intent.name or "" for intent in Intents if intents & intent]
