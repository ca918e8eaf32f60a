"""A past: months of a simulated Discord as one stream of events with explicit times.

No gateway can deliver the voice or the presence of last month. Who wants to see a year of a community loads it as a
past, from which it is told apart for ever by `"via": "import"` in the ledger. It is made by the same life as the live
traffic, from a seed alone: the same `Past` is the same stream, to the last byte::

    for event in past_events(Past(days=90, messages=100_000, until_ms=1_786_000_000_000)):
        ledger.write(ledger_line(event))

The first events are the GUILD_CREATEs of all guilds, in which everybody is named. Times never run backwards; ids of
messages are of their times; messages follow the hours of the day and the days of the week, and people and channels
Zipf's law. What happens beside a message keeps to the messages, in the proportions of the profile, while in voice the clock
alone decides: sessions last about `SESSION_HOURS`. At the end everybody leaves voice and goes offline.

A simulator whose settings have a past goes on from where that ended, with the same members and channels. It writes the past
to the beginning of its ledger before anything else; who records the live traffic loads it from there (`imported`).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import msgspec

from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS
from mocha_actors.simulator.errors import SettingsError
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.gateway import KNOWN_INTENTS
from mocha_actors.simulator.life.profiles import PROFILES
from mocha_actors.simulator.life.rhythm import bustle
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.life.town import Town
from mocha_actors.simulator.payloads import guild_create
from mocha_actors.simulator.world import MEMBERS, build_world

SESSION_HOURS = 0.75
"""Mean length of somebody's stay in voice."""

BUSY = 10.0
"""Messages of a member a day from which on people talk as much as in the live traffic; in a quieter place they talk less."""

_SEES_ALL = (KNOWN_INTENTS, 250)


@dataclass(frozen=True, kw_only=True)
class Past:
    """Which past.

    Attributes:
        until_ms: its end, milliseconds since the Unix epoch.
        days: how long it lasts.
        messages: number of messages that people, bots and webhooks write in it; notices of the system come on top.
        seed: of the world and all that happens; the world is that of a simulator with the same seed.
        profile: what happens, by name.
        guilds: number of guilds.
        members: people in each guild at the beginning, besides bots.
        shards: number of shards, to which the guilds are dealt in turn.
    """

    until_ms: int
    days: float = 90.0
    messages: int = 100_000
    seed: int = 1
    profile: str = "community"
    guilds: int = 1
    members: int = MEMBERS
    shards: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            SettingsError: with what was found and what is allowed.
        """
        wrong = [
            (self.profile not in PROFILES, f"profile {self.profile!r} is not one of {', '.join(PROFILES)}"),
            (not 0 < self.days <= 3_650, f"{self.days} days are not between 0 and 3650"),
            (not 1 <= self.messages <= 1_000_000_000, f"{self.messages} messages are not between 1 and 1000000000"),
            (not 1 <= self.guilds <= 2_500, f"{self.guilds} guilds are not between 1 and 2500"),
            (not 1 <= self.members <= 1_000_000, f"{self.members} members are not between 1 and 1000000"),
            (self.shards < 1, f"{self.shards} shards are less than 1"),
        ]
        for is_wrong, sentence in wrong:
            if is_wrong:
                raise SettingsError(f"a past cannot be made: its {sentence}")

    @property
    def since_ms(self) -> int:
        """Its beginning, milliseconds since the Unix epoch."""
        return self.until_ms - int(self.days * DAY_MS)


class PastEvent(NamedTuple):
    """Something that happened.

    Attributes:
        at_ms: when, milliseconds since the Unix epoch.
        shard: whose guild it was.
        frame: the dispatch as a gateway would have sent it; `s` counts the events of the past, of all shards.
    """

    at_ms: int
    shard: int
    frame: bytes


def ledger_line(event: PastEvent) -> bytes:
    """Return the line of an event for a ledger, which belongs to no session."""
    return b'{"at":%.6f,"shard":%d,"session":null,"via":"import","frame":%b}\n' % (
        event.at_ms / 1000,
        event.shard,
        event.frame,
    )


def past_events(past: Past, town: Town | None = None) -> Iterator[PastEvent]:
    """Make the events of a past, one after the other.

    Args:
        past: which one.
        town: lives through it; one that `settle` has just made for this past.

    Raises:
        SettingsError: it begins before the world does.
    """
    seq = 0
    for at_ms, events in _happenings(past, settle(past) if town is None else town):
        for event in events:
            seq += 1
            data = event.view(*_SEES_ALL) if event.view else event.data
            shard = (event.guild_id >> 22) % past.shards
            yield PastEvent(at_ms, shard, b'{"t":"%b","s":%d,"op":0,"d":%b}' % (event.name, seq, data))


class ImportedLine(msgspec.Struct):
    """A line of a ledger, as far as it is needed to record it."""

    at: float
    shard: int
    frame: msgspec.Raw
    via: str = ""


def imported(path: Path) -> Iterator[PastEvent]:
    """Read the past with which a ledger begins.

    Raises:
        OSError: the file cannot be read.
        msgspec.MsgspecError: a line is not a line of a ledger.
    """
    decoder = msgspec.json.Decoder(ImportedLine)
    with path.open("rb") as lines:
        for text in lines:
            line = decoder.decode(text)
            if line.via != "import":
                return
            yield PastEvent(round(line.at * 1000), line.shard, bytes(line.frame))


def kept(past: Past, wanted: Past) -> dict[str, object]:
    """What of the past of a ledger stays otherwise than the settings want it: the values that stand, by the names of :class:`Past`.

    Its end is always that of the first start.
    """
    names = [field.name for field in fields(Past) if field.name != "until_ms"]
    return {name: getattr(past, name) for name in names if getattr(past, name) != getattr(wanted, name)}


def live_through(past: Past, ledger: Path) -> tuple[Past, Town] | None:
    """Let a town live through the past of a ledger. A new ledger gets this one; None if the ledger began without one.

    Which past it is stands beside the ledger (`<ledger>.past`), so that a later start finds the same one, whatever the settings are by then.

    Raises:
        SettingsError: it begins before the world does.
        OSError: a file cannot be written or read.
        msgspec.MsgspecError: what stands beside the ledger describes no past.
    """
    described = ledger.with_name(ledger.name + ".past")
    is_new = not ledger.exists() or not ledger.stat().st_size
    if not is_new:
        if not described.exists():
            return None
        past = msgspec.json.decode(described.read_bytes(), type=Past)
    town = settle(past)
    events = past_events(past, town)
    if is_new:
        _write_durably(described, iter([msgspec.json.encode(past)]))
        _write_durably(ledger, map(ledger_line, events))
    deque(events, maxlen=0)
    town.go_live()
    return past, town


def _write_durably(path: Path, parts: Iterator[bytes]) -> None:
    """Write a file of our own that is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _happenings(past: Past, town: Town) -> Iterator[tuple[int, list[Event]]]:
    """Let everything happen, and yield it with its time before anything else happens."""
    if town.profile.is_alive:
        town.open_up(past.since_ms)
    for guild in tuple(town.guilds.values()):
        yield past.since_ms, [guild_create(guild, everybody=True)]
    owed = 0
    others = town.profile.others / (1 + town.profile.others)
    before = past.since_ms
    for at_ms, talking in _moments(past, town):
        if talking is not None:
            yield at_ms, town.step_in_voice(at_ms, talking)
            before = at_ms
            continue
        while town.draw() < others:
            before += int((at_ms - before) * town.draw())
            yield before, town.step_beside(before)
        before = at_ms
        owed += 1
        while owed and (events := town.messages(1, at_ms)):
            owed -= 1
            yield at_ms, events
    yield past.until_ms, town.close_down(past.until_ms)


def settle(past: Past) -> Town:
    """Make the town in which a past is to happen.

    Raises:
        SettingsError: the past begins before the world does.
    """
    world = build_world(past.seed, past.guilds, past.shards, past.members)
    youngest = max(member.joined_ms for guild in world.guilds for member in (*guild.members, *guild.bots))
    if past.since_ms <= youngest:
        raise SettingsError(
            f"a past cannot be made: it begins at {past.since_ms} ms, but the youngest member of its world joined at {youngest} ms"
        )
    profile = PROFILES[past.profile]
    pace_ms = past.days * DAY_MS / (past.messages * (1 + profile.others))
    daily = past.messages / (past.days * past.guilds * past.members)
    sociability = min(1.0, daily / BUSY)
    return Town(world, past.seed, profile, shards=past.shards, pace_ms=pace_ms, sociability=sociability)


def _moments(past: Past, town: Town) -> Iterator[tuple[int, GuildState | None]]:
    """Choose the times of messages, and those of what happens in a guild's voice channels."""
    for start, length, count in _hours(past):
        moments: list[tuple[int, GuildState | None]] = [(start + int(length * town.draw()), None) for _ in range(count)]
        if town.profile.talks:
            for guild in tuple(town.guilds.values()):
                busy = max(town.talkers(guild, start), len(guild.voice)) * length / HOUR_MS
                turns = 2 * busy / SESSION_HOURS / town.profile.coming_and_going
                moments += [(start + int(length * town.draw()), guild) for _ in range(int(turns + town.draw()))]
        yield from sorted(moments, key=_time)


def _time(moment: tuple[int, object]) -> int:
    return moment[0]


def _hours(past: Past) -> Iterator[tuple[int, int, int]]:
    """Deal the messages to the hours: beginning, length and number of messages of each."""
    starts = range(past.since_ms, past.until_ms, HOUR_MS)
    weights = [bustle(start) * min(HOUR_MS, past.until_ms - start) for start in starts]
    total = sum(weights)
    dealt, passed = 0, 0.0
    for start, weight in zip(starts, weights, strict=True):
        passed += weight
        due = round(past.messages * passed / total)
        yield start, min(HOUR_MS, past.until_ms - start), due - dealt
        dealt = due
