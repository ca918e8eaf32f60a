"""Rules of `mocha_actors.simulator.life`: whatever happens is told, and what is told is true."""

from __future__ import annotations

import json
from itertools import cycle

import msgspec
import pytest

from mocha_actors.discord.events import TYPED
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life.profiles import HAPPENINGS, PROFILES
from mocha_actors.simulator.life.town import Town
from mocha_actors.simulator.payloads import guild_create
from mocha_actors.simulator.world import build_world
from tests.simulator.life.observer import EVERYTHING, Observer

EVENING_MS = 1_786_129_200_000
"""A Friday evening."""

KINDS = {
    "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK", "MESSAGE_REACTION_ADD",
    "MESSAGE_REACTION_REMOVE", "MESSAGE_REACTION_REMOVE_ALL", "MESSAGE_REACTION_REMOVE_EMOJI", "VOICE_STATE_UPDATE",
    "PRESENCE_UPDATE", "GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE", "GUILD_MEMBER_REMOVE", "GUILD_BAN_ADD",
    "GUILD_AUDIT_LOG_ENTRY_CREATE", "CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE", "THREAD_CREATE",
    "THREAD_UPDATE", "THREAD_DELETE", "THREAD_LIST_SYNC", "GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE",
}  # fmt: skip
"""All kinds of events that the community is to have."""


def town(profile: str = "community", seed: int = 1, guilds: int = 3) -> Town:
    """Make a town that has opened up."""
    made = Town(build_world(seed, guilds, 1, 40), seed, PROFILES[profile])
    made.open_up(EVENING_MS)
    return made


def told(each: Town) -> list[Event]:
    """Return what a fresh IDENTIFY is told of the guilds."""
    return [guild_create(guild) for guild in each.guilds.values() if guild.available]


def text(event: Event) -> bytes:
    """Return the data of an event that is told now."""
    return event.view(EVERYTHING, 250) if event.view else event.data


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_told_adds_up_to_what_a_fresh_identify_is_told(seed: int) -> None:
    """Who followed all events knows as much as who comes now, and no event contradicted another."""
    life, observer = town(seed=seed), Observer()
    for event in told(life):
        observer.see(event)
    rare = cycle(("kick", "leave", "join", "bulk", "thread-reveal", "guild-afk", "bot-added", "ban", "outage"))
    for step in range(9_000):
        now = EVENING_MS + step * 20
        for event in [*life.step(now), *(life.happen(next(rare), now) if step % 25 == 0 else [])]:
            observer.see(event)
    for event in told(life):
        observer.guilds[str(event.guild_id)].same_as(json.loads(text(event)))

    assert set(observer.names) == KINDS
    assert len(observer.guilds) == len(life.guilds)
    assert observer.silent_leaves


def test_every_event_is_what_our_client_reads() -> None:
    """Each decodes strictly enough for the program's own types."""
    decode = msgspec.json.Decoder(TYPED_UNION, strict=False).decode
    life = town()
    events = told(life)
    frames = [b'{"t":"%b","s":1,"op":0,"d":%b}' % (event.name, text(event)) for event in events]
    for step in range(8_000):
        frames += [
            b'{"t":"%b","s":1,"op":0,"d":%b}' % (event.name, text(event)) for event in life.step(EVENING_MS + step * 20)
        ]
    assert {decode(frame).t for frame in frames} <= KINDS


TYPED_UNION = TYPED[0]
for _kind in TYPED[1:]:
    TYPED_UNION = TYPED_UNION | _kind  # type: ignore[assignment]


@pytest.mark.parametrize("profile", ["quiet", "community", "presence"])
def test_a_seed_makes_one_life(profile: str) -> None:
    """Two towns that are asked for the same at the same times are equal, to the last byte; another seed is another town."""

    def life(seed: int) -> list[tuple[bytes, bytes]]:
        each = town(profile, seed)
        events = [event for step in range(500) for event in each.step(EVENING_MS + step * 20)]
        return [(event.name, text(event)) for event in events]

    assert life(1) == life(1)
    assert life(1) != life(2)


def test_profiles_differ_in_what_happens() -> None:
    """A flood of presences is one; in a community people write most of all, and in a quiet server nobody is banned."""

    def names(profile: str) -> list[bytes]:
        each = town(profile)
        return [event.name for step in range(3_000) for event in each.step(EVENING_MS + step * 20)]

    flood, community, quiet = names("presence"), names("community"), names("quiet")
    assert flood.count(b"PRESENCE_UPDATE") / len(flood) > 0.75
    assert 0.3 < community.count(b"MESSAGE_CREATE") / len(community) < 0.75
    assert not {b"GUILD_BAN_ADD", b"GUILD_DELETE", b"CHANNEL_CREATE"} & set(quiet)


NIGHT_MS = EVENING_MS + 9 * 3_600_000
"""When hardly anybody is awake."""


def test_a_flood_is_the_same_mixture_at_night_and_is_not_ended_by_its_outages() -> None:
    """What a flood measures must not depend on when: by the clock of a sleeping world half of it would be messages, and soon nothing at all."""

    def flood(profile: str, count: int) -> list[bytes]:
        each = Town(build_world(1, 1, 1, 40), 1, PROFILES[profile])
        each.open_up(NIGHT_MS)
        each.stop_the_clock()
        events: list[Event] = []
        while len(events) < count and (more := each.take(512, NIGHT_MS)):
            events += more
        return [event.name for event in events]

    presences, community = flood("presence", 5_000), flood("community", 40_000)
    assert presences.count(b"PRESENCE_UPDATE") / len(presences) > 0.75
    assert len(community) >= 40_000
    assert b"GUILD_DELETE" in community[:-1_000]


def test_people_are_active_by_zipfs_law() -> None:
    """The most active of 40 members writes about as much as the next two together, and everybody writes something."""
    life = town(guilds=1)
    counts: dict[str, int] = {}
    for _ in range(20_000):
        for event in life.happen("message", EVENING_MS):
            author = json.loads(event.data)["author"]
            if not author.get("bot"):
                counts[author["id"]] = counts.get(author["id"], 0) + 1
    first, second, third, *_ = sorted(counts.values(), reverse=True)
    assert first == pytest.approx(second + third, rel=0.35)
    assert len(counts) == 40


@pytest.mark.parametrize("name", HAPPENINGS)
def test_what_is_asked_for_happens(name: str) -> None:
    """Each thing that can happen can be asked for by name, and is told where it can happen at all."""
    life = town(guilds=1)
    life.happen("bot-added", EVENING_MS)
    for step in range(600):
        life.step(EVENING_MS + step)
    for guild in life.guilds.values():
        guild.available = True
        for needed in (*["join", "voice-join", "react"] * 20, "channel-delete", "channel"):
            life.happen(needed, EVENING_MS + 10_000, guild)
    tries = [
        life.happen(name, EVENING_MS + 10_000 + step, each) for step in range(40) for each in list(life.guilds.values())
    ]
    assert any(tries)


def test_nothing_is_told_of_a_guild_in_an_outage_until_it_is_back() -> None:
    """GUILD_DELETE says that it is unavailable, and GUILD_CREATE with `unavailable` false brings it back."""
    life = town(guilds=1)
    [guild] = life.guilds.values()
    [gone] = life.happen("outage", EVENING_MS)
    assert (gone.name, json.loads(gone.data)) == (b"GUILD_DELETE", {"unavailable": True, "id": str(guild.id)})
    assert told(life) == []
    assert life.take(100, EVENING_MS + 1) == []

    [back] = life.take(100, guild.back_at_ms)
    assert (back.name, json.loads(text(back))["unavailable"]) == (b"GUILD_CREATE", False)
    assert life.take(100, guild.back_at_ms)


def test_contents_are_for_those_with_the_intent() -> None:
    """Without MESSAGE_CONTENT an update is as empty as the message was, but for the bot's own."""
    life = town(guilds=1)
    seen = 0
    for step in range(3_000):
        for event in life.step(EVENING_MS + step):
            if event.name != b"MESSAGE_UPDATE":
                continue
            assert event.bare is not None
            bare = json.loads(event.bare)
            assert (bare["content"], bare["embeds"]) == ("", [])
            seen += 1
    assert seen


def test_intents_decide_who_is_told() -> None:
    """Each kind of event has the intent that Discord documents for it."""
    life = town()
    intents: dict[str, int] = {}
    for step in range(15_000):
        for event in life.step(EVENING_MS + step * 20):
            if event.guild_id:
                intents[event.name.decode()] = event.intent
    bits = {name: intent.bit_length() - 1 for name, intent in intents.items()}
    for name, bit in bits.items():
        expected = (
            9 if name.startswith("MESSAGE_") and "REACTION" not in name
            else 10 if name.startswith("MESSAGE_REACTION")
            else 7 if name == "VOICE_STATE_UPDATE"
            else 8 if name == "PRESENCE_UPDATE"
            else 1 if name.startswith("GUILD_MEMBER")
            else 2 if name in {"GUILD_BAN_ADD", "GUILD_AUDIT_LOG_ENTRY_CREATE"}
            else 0
        )  # fmt: skip
        assert (name, bit) == (name, expected)


def test_a_bot_of_one_guild_stays_in_one_by_chance() -> None:
    """So that questions about a demo need not name the guild; of two guilds it gets into more."""
    counts = {}
    for guilds in (1, 2):
        life = town(guilds=guilds)
        seen: set[int] = set()
        for step in range(60_000):
            life.step(EVENING_MS + step)
            seen |= life.guilds.keys()
        counts[guilds] = len(seen)

    assert counts[1] == 1
    assert counts[2] > 2
