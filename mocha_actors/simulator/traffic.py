"""The stream of messages, drawn from a seed, and the times at which they are due."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import chain, repeat

from mocha_actors.discord.snowflake import from_time_ms
from mocha_actors.simulator.cast import Cast, direct_place, places_of
from mocha_actors.simulator.draft import render, without_content
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.objects import timestamp
from mocha_actors.simulator.shapes import QUOTABLE, SHAPES, Shape, direct
from mocha_actors.simulator.vocabulary import contents
from mocha_actors.simulator.world import World

TEXTS = 500
"""Number of different texts that people write."""

_DECK: Sequence[Shape] = tuple(chain.from_iterable(repeat(shape, times) for shape, times in SHAPES))


class MessageStream:
    """An endless stream of MESSAGE_CREATE.

    Two streams of one world and seed are equal but for ids and times, which are those of the moment: an id is a
    snowflake of the time that is passed in, and greater than every id before.
    """

    def __init__(self, world: World, seed: int) -> None:
        """Prepare authors and places."""
        self._rng = random.Random(f"messages {seed}")  # noqa: S311 - a repeatable stream is the point
        self._contents = contents(self._rng, TEXTS)
        casts = [Cast(guild) for guild in world.guilds]
        self._places = [
            (cast, place) for cast, guild in zip(casts, world.guilds, strict=True) for place in places_of(guild)
        ]
        self._direct = (casts[0], direct_place(world.guilds[0]))
        self._own_id = world.bot.id
        self._last_id = 0
        self._stamp = (0, "")

    def take(self, count: int, now_ms: int) -> list[Event]:
        """Draw the next messages, all of them sent now. `now_ms` is milliseconds since the Unix epoch."""
        return [self._next(now_ms) for _ in range(count)]

    def messages(self, count: int, now_ms: int) -> list[Event]:
        """Draw the next messages but for the private ones, which are left out."""
        return [event for event in self.take(count, now_ms) if event.guild_id]

    def _next(self, now_ms: int) -> Event:
        draw = self._rng.random
        shape = _DECK[int(draw() * len(_DECK))]
        # The square favours low numbers: a few places are busy, most are not.
        cast, place = self._direct if shape is direct else self._places[int(draw() ** 2 * len(self._places))]
        scene = cast.scene(draw, place, self._contents[int(draw() * TEXTS)])
        message_id = self._last_id = max(from_time_ms(now_ms), self._last_id + 1)
        draft, when = shape(scene), self._when(now_ms)
        text = render(draft, place, message_id, when)
        if shape is direct or draft.author.id == self._own_id:
            # The contents of private messages, and of the bot's own, need no intent.
            bare = text
        else:
            bare = render(without_content(draft, place), place, message_id, when)
        if shape in QUOTABLE:
            place.previous_id, place.previous, place.previous_bare = message_id, text, bare
        return Event(b"MESSAGE_CREATE", place.guild_id, place.intent, text.encode(), bare.encode())

    def _when(self, now_ms: int) -> str:
        """Return the timestamp, made once for all messages of a millisecond."""
        if self._stamp[0] != now_ms:
            self._stamp = (now_ms, timestamp(now_ms))
        return self._stamp[1]


class Arrivals:
    """The times of a Poisson process: `rate` events a second in the mean, drawn from a seed."""

    def __init__(self, seed: int, rate: float) -> None:
        """Make a process. `rate` is greater than 0."""
        self._rng = random.Random(f"arrivals {seed}")  # noqa: S311 - a repeatable stream is the point
        self._rate = rate
        self._next: float | None = None

    def due(self, now: float) -> int:
        """Count the events since the last call; the first call starts the process. `now` is monotonic seconds."""
        count = 0
        if self._next is None:
            self._next = now + self._rng.expovariate(self._rate)
        while self._next <= now:
            count += 1
            self._next += self._rng.expovariate(self._rate)
        return count

    def pause(self) -> None:
        """Stop the clock until the next call of `due`: the time between brings no events."""
        self._next = None
