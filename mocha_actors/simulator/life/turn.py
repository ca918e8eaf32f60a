"""A guild's turn: what a happening may draw on."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from mocha_actors.discord.intents import Intents
from mocha_actors.discord.snowflake import from_time_ms, time_ms
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life.roster import Draw
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.objects import timestamp
from mocha_actors.simulator.world import YEAR_MS, User, make_user

GUILDS = int(Intents.GUILDS)
MEMBERS = int(Intents.GUILD_MEMBERS)
MODERATION = int(Intents.GUILD_MODERATION)
VOICE_STATES = int(Intents.GUILD_VOICE_STATES)
PRESENCES = int(Intents.GUILD_PRESENCES)
MESSAGES = int(Intents.GUILD_MESSAGES)
REACTIONS = int(Intents.GUILD_MESSAGE_REACTIONS)

FIRST_LOW = 3 << 20
"""Low bits of the first account that is made: far from those that the world's builders count up to."""

_T = TypeVar("_T")

_encode = msgspec.json.Encoder().encode


class Source:
    """Where everything new comes from: chance, ids and words.

    Attributes:
        rng: the one source of chance of a stream.
        draw: draws a number from 0 up to but without 1.
        contents: texts of messages, the inside of JSON strings.
    """

    def __init__(self, seed: str, contents: Callable[[random.Random], list[str]]) -> None:
        """Make a source; equal seeds make equal sources."""
        self.rng = random.Random(seed)  # noqa: S311 - a repeatable stream is the point
        self.draw: Draw = self.rng.random
        self.contents = contents(self.rng)
        self._last_id = 0
        self._low = FIRST_LOW
        self._stamp = (0, "")

    def new_id(self, now_ms: int) -> int:
        """Make an id of this time that is greater than every id before."""
        self._last_id = max(from_time_ms(now_ms), self._last_id + 1)
        return self._last_id

    def passed(self, last_id: int) -> None:
        """Make no id that is not greater than this one."""
        self._last_id = max(self._last_id, last_id)

    def new_account(self, now_ms: int, *, bot: bool = False) -> User:
        """Make a user whose account is up to a year old."""
        self._low += 1
        made = now_ms - 1 - int(self.draw() * YEAR_MS)
        return make_user(self.rng, from_time_ms(made, self._low % (1 << 22)), bot=bot)

    def stamp(self, now_ms: int) -> str:
        """Return the timestamp of a moment, made once for all that happens in it."""
        if self._stamp[0] != now_ms:
            self._stamp = (now_ms, timestamp(now_ms))
        return self._stamp[1]


@dataclass(slots=True)
class Turn:
    """A moment in a guild.

    Attributes:
        guild: where.
        now_ms: when, milliseconds since the Unix epoch.
        source: chance, ids and words.
        guilds: all guilds by id, for what concerns several.
        pace_ms: milliseconds between one event and the next in the mean, by which durations are chosen.
        bustle: how much is going on at this hour, 1 in the mean.
        sociability: how much people like to talk, 1 in the mean.
    """

    guild: GuildState
    now_ms: int
    source: Source
    guilds: Mapping[int, GuildState]
    pace_ms: float
    bustle: float
    sociability: float

    def chance(self, share: float) -> bool:
        """Decide, yes with this share."""
        return self.source.draw() < share

    def pick(self, options: Sequence[_T]) -> _T:
        """Draw one of several."""
        return options[int(self.source.draw() * len(options))]

    def somebody(self) -> int:
        """Draw a member, some of whom are much more active than others."""
        return self.guild.people.zipf(self.source.draw)

    def anybody(self) -> int:
        """Draw a member, all with the same chance."""
        return self.guild.people.any(self.source.draw)

    def new_id(self) -> int:
        """Make an id of now."""
        return self.source.new_id(self.now_ms)

    def stamp(self) -> str:
        """Return the timestamp of now."""
        return self.source.stamp(self.now_ms)

    def event(self, name: str, intent: int, data: dict[str, Any]) -> Event:
        """Make an event of the guild, whose id is added to the data."""
        return self.event_of(self.guild, name, intent, data)

    def event_of(self, guild: GuildState, name: str, intent: int, data: dict[str, Any]) -> Event:
        """Make an event of another guild."""
        return Event(name.encode(), guild.id, intent, _encode(data | {"guild_id": str(guild.id)}))


Happening = Callable[[Turn], list[Event]]
"""Lets something happen and tells it; nothing is told if it could not happen."""


def id_of_long_ago(turn: Turn) -> int:
    """Make the id of a message from before the guild's newest: nobody knows it."""
    return from_time_ms(max(time_ms(turn.guild.id), turn.now_ms - 30 * 86_400_000), int(turn.source.draw() * (1 << 22)))
