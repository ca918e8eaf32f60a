"""Intents: Discord's bits under Discord's names."""

from __future__ import annotations

import pytest

from mocha_actors.discord.intents import DEFAULT, PRIVILEGED, Intents, names_of, parse_intents
from mocha_actors.errors import ConfigError


def test_the_default_is_what_statistics_need_and_nothing_privileged() -> None:
    """1665: guilds, voice states, messages, reactions."""
    assert 1665 == DEFAULT
    assert not DEFAULT & PRIVILEGED


def test_names_are_parsed_in_any_case() -> None:
    """As they stand in a configuration file."""
    assert Intents.GUILDS | Intents.MESSAGE_CONTENT == parse_intents(["guilds", "Message_Content"])


def test_an_unknown_name_is_refused_with_those_that_are_allowed() -> None:
    """The text says what was found and what may stand there."""
    with pytest.raises(ConfigError, match=r"unknown intent 'gilds'; allowed are GUILDS, "):
        parse_intents(["gilds"])


def test_bits_have_names_and_unknown_bits_are_left_out() -> None:
    """Bit 19 does not exist."""
    assert ["GUILDS", "GUILD_PRESENCES"] == names_of(1 | 1 << 8 | 1 << 19)
