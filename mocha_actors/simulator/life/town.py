"""All guilds together: what happens next, and where."""

from __future__ import annotations

from mocha_actors.discord.snowflake import HOUR_MS
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life import presence, servers, voice
from mocha_actors.simulator.life.parts import Presence
from mocha_actors.simulator.life.profiles import HAPPENINGS, Profile
from mocha_actors.simulator.life.rhythm import bustle
from mocha_actors.simulator.life.roster import Roster
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.life.turn import Source, Turn
from mocha_actors.simulator.payloads import guild_create
from mocha_actors.simulator.vocabulary import contents
from mocha_actors.simulator.world import Guild, World, build_guild

TEXTS = 500
"""Number of different texts that people write."""

TRIES = 8
"""Number of things that are tried if what was drawn can not happen; then somebody writes a message."""

SMALL = 12
"""Members of a guild that the bot is added to by the way."""

MOST_ADDED = 3
"""Most guilds that the bot is in beyond the founding ones."""

BOT_ADDED = "bot-added"


class Town:
    """Everything that is true, and everything that happens.

    Two towns of one world, seed and profile, that are asked for the same at the same times, are equal.

    Attributes:
        guilds: all guilds that the bot is in, by id.
        profile: what happens, and how often.
    """

    def __init__(
        self,
        world: World,
        seed: int,
        profile: Profile,
        *,
        shards: int = 1,
        pace_ms: float | None = None,
        sociability: float = 1.0,
    ) -> None:
        """Settle the world; nothing has happened yet.

        Args:
            world: the founding guilds.
            seed: of everything that is drawn.
            profile: what happens, and how often.
            shards: to which guilds that are added later are dealt in turn.
            pace_ms: milliseconds between two events in the mean; by itself the profile's.
            sociability: how many are in voice, 1 in the mean.
        """
        self._world = world
        self._seed = seed
        self._shards = shards
        self._sociability = sociability
        self._pace_ms = pace_ms if pace_ms is not None else profile.pace_ms
        self._presences: dict[int, Presence] = {}
        self._source = Source(f"town {profile.name} {seed}", lambda rng: contents(rng, TEXTS))
        self._founding = frozenset(guild.id for guild in world.guilds)
        self._next_number = len(world.guilds)
        self.profile = profile
        self.guilds = {guild.id: GuildState(guild, self._presences) for guild in world.guilds}
        self._busy = Roster(self.guilds)
        self._bustle = (0, 1.0)
        self._timeless = False

    def stop_the_clock(self) -> None:
        """Let it be a mean hour from now on, whatever the time, and let no outage outlast everything else.

        A flood happens within a second or two. At night hardly anybody would be online in it, so that what is measured by it would depend on when, and its
        outages, which last seconds, would be longer than it, until no guild were left where anything can happen.
        """
        self._timeless = True

    def go_live(self) -> None:
        """Let what happens from now on happen as often as the profile has it."""
        self._pace_ms, self._sociability = self.profile.pace_ms, 1.0

    def draw(self) -> float:
        """Draw a number from 0 up to but without 1."""
        return self._source.draw()

    def open_up(self, now_ms: int) -> None:
        """Let people be online and in voice, as suits the hour, before anybody looks: this is no event."""
        for guild in self.guilds.values():
            turn = self._turn(guild, now_ms)
            for _ in range(min(len(guild.people), 2_000)):
                presence.appear(turn)
            for _ in range(2 * int(voice.talkers(turn))):
                voice.come_and_go(turn)
            for bot in guild.guild.bots:
                self._presences[bot.user.id] = Presence("online", "desktop")

    def come_back(self) -> list[Event]:
        """Tell of an outage of everything that is over: what the world was like before it is not known any more."""
        return [
            event for guild in self.guilds.values() for event in (servers.unavailable(guild.id), guild_create(guild))
        ]

    def take(self, count: int, now_ms: int) -> list[Event]:
        """Let things happen now until there are `count` events, or a few more, since some come together.

        There are fewer if guilds are out of reach, and after an event with a view, which is to be rendered first.
        """
        if self._timeless and not any(guild.available for guild in self.guilds.values()):
            return self._end_an_outage(now_ms)
        events: list[Event] = []
        for _ in range(count):
            events += self.step(now_ms)
            if len(events) >= count or (events and events[-1].view):
                break
        return events

    def _end_an_outage(self, now_ms: int) -> list[Event]:
        """Bring back the guild whose turn is next."""
        guild = min(self.guilds.values(), key=lambda dark: dark.back_at_ms)
        guild.back_at_ms = min(guild.back_at_ms, now_ms)
        return servers.stay_dark(self._turn(guild, now_ms))

    def messages(self, count: int, now_ms: int) -> list[Event]:
        """Let people write so many messages now, or a few less: private ones are left out."""
        written = (self.happen("message", now_ms) for _ in range(count))
        return [event for events in written for event in events if event.guild_id]

    def step(self, now_ms: int) -> list[Event]:
        """Let one thing happen in some guild. There is nothing to tell if the guild is out of reach."""
        guild = self.guilds[self._busy.zipf(self._source.draw)]
        for _ in range(TRIES):
            name = self.profile.draw(self._source.draw)
            events = self.happen(name, now_ms, guild) if self._may(name) else []
            if events or not guild.available:
                return events
        return self.happen("message", now_ms, guild)

    def step_beside(self, now_ms: int) -> list[Event]:
        """Let one thing happen in some guild that is neither a message nor in voice, if it can."""
        name = self.profile.draw_other(self._source.draw)
        return self.happen(name, now_ms) if self._may(name) else []

    def step_in_voice(self, now_ms: int, guild: GuildState) -> list[Event]:
        """Let one thing happen in voice, if it can."""
        return self.happen(self.profile.draw_voice(self._source.draw), now_ms, guild)

    def talkers(self, guild: GuildState, now_ms: int) -> float:
        """Tell how many are in voice at this time in the mean."""
        return voice.talkers(self._turn(guild, now_ms))

    def close_down(self, now_ms: int) -> list[Event]:
        """Bring back every guild, and let everybody leave voice and go offline: the end of what can be told."""
        events = []
        for guild in self.guilds.values():
            guild.back_at_ms = min(guild.back_at_ms, now_ms)
            turn = self._turn(guild, now_ms)
            if not guild.available:
                events += servers.stay_dark(turn)
            events += [voice.hang_up(turn, each) for each in tuple(guild.voice.values())]
            for user_id in [each for each in guild.members if each in self._presences]:
                events += presence.show(turn, user_id, None)
        return events

    def happen(self, name: str, now_ms: int, guild: GuildState | None = None) -> list[Event]:
        """Let a certain thing happen, in a guild or wherever most goes on; see `HAPPENINGS`. It may turn out impossible."""
        if guild is None:
            guild = self.guilds[self._busy.zipf(self._source.draw)]
        guild.changes += 1
        turn = self._turn(guild, now_ms)
        if not guild.available:
            return servers.stay_dark(turn)
        if name == BOT_ADDED:
            return self._add_bot(now_ms)
        events = HAPPENINGS[name](turn)
        if name == "bot-removed" and events:
            self._forget(guild)
        return events

    def _may(self, name: str) -> bool:
        """Tell whether something may happen by chance: who asks for one guild is not to have to choose among several later."""
        return name != BOT_ADDED or len(self._founding) > 1

    def _turn(self, guild: GuildState, now_ms: int) -> Turn:
        hour = now_ms // HOUR_MS
        if self._timeless:
            self._bustle = (hour, 1.0)
        elif self._bustle[0] != hour:
            self._bustle = (hour, bustle(hour * HOUR_MS))
        return Turn(guild, now_ms, self._source, self.guilds, self._pace_ms, self._bustle[1], self._sociability)

    def _add_bot(self, now_ms: int) -> list[Event]:
        """Let the bot be added to one more small guild, unless there are enough of them."""
        if len(self.guilds) >= len(self._founding) + MOST_ADDED:
            return []
        guild = build_guild(self._seed, self._world.bot, self.next_number(), self._shards, SMALL)
        joined = self.settle(guild)
        joined.leavable = True
        self._busy.add(guild.id)
        return [guild_create(joined, joined=True)]

    def next_number(self, shard: int | None = None) -> int:
        """Number a guild that is to be built, for a certain shard or any."""
        while shard is not None and self._next_number % self._shards != shard:
            self._next_number += 1
        self._next_number += 1
        return self._next_number - 1

    def settle(self, guild: Guild) -> GuildState:
        """Take in a guild in which nothing happens by itself."""
        state = self.guilds[guild.id] = GuildState(guild, self._presences)
        return state

    def _forget(self, guild: GuildState) -> None:
        del self.guilds[guild.id]
        self._busy.remove(guild.id)
        for user_id in guild.members:
            if not any(user_id in other.members for other in self.guilds.values()):
                self._presences.pop(user_id, None)
