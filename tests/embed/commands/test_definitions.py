"""The commands are the same in both libraries, and such as Discord takes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from mocha_actors.embed.commands.answering import ANSWERS
from mocha_actors.embed.commands.definitions import COMMANDS, DEFAULT_METRIC, DEFAULT_PERIOD, METRICS, PERIODS, Command
from mocha_actors.stats.options import resolve
from mocha_actors.stats.questions import MemberGrowthQuestion
from mocha_actors.stats.results import GuildSettings
from tests.test_floors import modules_after

NOW_MS = 1_770_000_000_000
TYPES = {"user": 6, "channel": 7, "choice": 3, "flag": 5}


def described(command: Command) -> dict[str, Any]:
    """A command as Discord's documentation describes it."""
    options: list[dict[str, Any]] = [described(each) for each in command.commands]
    options += [
        {"type": TYPES[option.kind], "name": option.name, "description": option.description}
        | ({"choices": [{"name": label, "value": value} for label, value in option.choices]} if option.choices else {})
        | ({"channel_types": [0, 2, 5, 10, 11, 12, 13, 15, 16]} if option.kind == "channel" else {})
        for option in command.options
    ]
    return {"type": 1, "name": command.name, "description": command.description, "options": options}


def bare(payload: Any) -> Any:
    """A library's payload without what says nothing: empty, false, or left to Discord."""
    if isinstance(payload, dict):
        kept = {key: bare(value) for key, value in payload.items() if value not in (None, False, {}, "")}
        return {key: value for key, value in kept.items() if key not in {"contexts", "dm_permission"} and value != []}
    return [bare(each) for each in payload] if isinstance(payload, list | tuple) else payload


def of_discord_py() -> list[dict[str, Any]]:
    """What discord.py would register."""
    import discord
    from discord.ext import commands

    from mocha_actors.embed import MochaStats
    from mocha_actors.embed.commands.discord_py import StatsCog

    async def register() -> list[dict[str, Any]]:
        bot = commands.Bot("!", intents=discord.Intents.none())
        await bot.add_cog(StatsCog(MochaStats(database="sqlite:///unused.db")))
        return [each.to_dict(bot.tree) for each in bot.tree.get_commands()]

    return asyncio.run(register())


def of_hikari() -> list[dict[str, Any]]:
    """What hikari would register."""
    import hikari

    from mocha_actors.embed.commands.hikari import _built

    factory = hikari.GatewayBot("MTAwMDAwMDAwMDAwMDAwMDAw.invented.token", banner=None, logs=None).entity_factory
    return [dict(_built(command).build(factory)) for command in COMMANDS]


@pytest.mark.parametrize("made", [of_discord_py, of_hikari])
def test_a_library_registers_the_commands_as_they_are_defined_for_servers_alone(made: Any) -> None:
    """Nothing of it is written down twice."""
    pytest.importorskip(
        "discord" if made is of_discord_py else "hikari",
        reason="the library is not installed; it belongs to the extra `dev`",
    )
    payloads = made()

    assert [payload["contexts"] for payload in payloads] == [[0]] * len(COMMANDS)
    assert sorted(map(bare, payloads), key=str) == sorted((bare(described(each)) for each in COMMANDS), key=str)


def every(commands: tuple[Command, ...]) -> Iterator[Command]:
    """The commands and those inside of them."""
    for command in commands:
        yield command
        yield from every(command.commands)


def test_discord_would_take_every_command() -> None:
    """Names in lower case, descriptions of at most 100 characters, at most 25 options and choices."""
    for each in (*every(COMMANDS), *(option for command in every(COMMANDS) for option in command.options)):
        assert re.fullmatch(r"[-_a-z0-9]{1,32}", each.name)
        assert 0 < len(each.description) <= 100
        assert len(each.choices if not isinstance(each, Command) else each.options) <= 25


def test_every_command_that_can_be_used_is_answered() -> None:
    """And nothing else is."""
    usable = {
        f"{command.name} {each.name}" if command.commands else each.name
        for command in COMMANDS
        for each in command.commands or (command,)
    }
    assert usable == set(ANSWERS)


@pytest.mark.parametrize("key", PERIODS)
def test_every_period_is_one_that_the_questions_know_in_steps_that_they_allow(key: str) -> None:
    """A choice that is refused when it is made would be a bad one; a month of hours is no picture."""
    period = PERIODS[key]
    resolved = resolve(period.options, NOW_MS, GuildSettings(guild_id=1))
    question = MemberGrowthQuestion(guild_id=1, interval=period.interval, **resolved.fields)

    hours = {"hour": 1, "day": 24, "week": 168, "month": 672}[period.interval]
    assert question.range.days * 24 / hours <= 160


def test_what_nobody_chooses_is_among_the_choices() -> None:
    """The defaults are what the descriptions say."""
    assert PERIODS[DEFAULT_PERIOD].label == "Last 30 days"
    assert METRICS[DEFAULT_METRIC].label == "Messages"


def test_the_core_needs_neither_library_nor_matplotlib() -> None:
    """Each shell brings its own; charts are drawn where they can be."""
    loaded = modules_after("import mocha_actors.embed.commands.serving")

    assert not loaded & {"discord", "hikari", "matplotlib"}
    assert "mocha_actors.cli" not in loaded
