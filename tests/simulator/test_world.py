"""Rules of `mocha_actors.simulator.world` and `mocha_actors.simulator.payloads`."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.simulator.life.parts import Presence, Voice
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.payloads import guild_create, ready
from mocha_actors.simulator.session import Session
from mocha_actors.simulator.world import Guild, World, build_world


def ids(guild: Guild) -> list[int]:
    """List the ids of everything in a guild."""
    people = [member.user.id for member in (*guild.members, *guild.bots[1:])]
    places = [place.id for place in (*guild.channels, *guild.threads, *guild.webhooks)]
    return [*guild.roles, *people, *places]


def test_a_seed_makes_one_world() -> None:
    """The same seed makes the same world, another seed another one."""
    assert build_world(7, 3, 2) == build_world(7, 3, 2)
    assert build_world(7, 3, 2) != build_world(8, 3, 2)


@given(st.integers(0, 99), st.integers(1, 20))
def test_guilds_are_dealt_to_the_shards_in_turn(seed: int, shards: int) -> None:
    """Discord's formula gives guild number `i` to shard `i % shards`."""
    world = build_world(seed, 4, shards)
    assert [(guild.id >> 22) % shards for guild in world.guilds] == [number % shards for number in range(4)]


def test_every_id_is_unlike_every_other() -> None:
    """Roles, people, channels, threads and webhooks of all guilds share the space of snowflakes."""
    world = build_world(1, 5, 2)
    all_ids = [world.bot.id, *(each for guild in world.guilds for each in ids(guild))]
    assert len(set(all_ids)) == len(all_ids)


PRESENCES = 1 << 8


def shown(state: GuildState, intents: int, large_threshold: int) -> Any:
    """Return what a session is told of a guild."""
    view = guild_create(state).view
    assert view is not None
    return json.loads(view(intents, large_threshold))


def world_and_session(shard: int, shards: int) -> tuple[World, Session]:
    """Make a world and a session of one of its shards."""
    return build_world(1, 3, shards), Session("abc", shard, shards, 1, max_events=10, max_bytes=10)


def test_ready_names_the_guilds_of_the_shard_as_unavailable() -> None:
    """READY carries what a client needs to resume, and its own guilds only."""
    world, session = world_and_session(1, 2)
    data = json.loads(ready(world, [guild.id for guild in world.guilds], session, "ws://127.0.0.1:1").data)

    assert data["guilds"] == [{"unavailable": True, "id": str(world.guilds[1].id)}]
    assert (data["v"], data["session_id"], data["shard"]) == (10, "abc", [1, 2])
    assert data["resume_gateway_url"] == "ws://127.0.0.1:1"
    assert data["application"]["id"] == data["user"]["id"] == str(world.bot.id)


def test_guild_create_fills_in_everything_that_is_there() -> None:
    """Members (the bot among them), channels and threads; at the beginning nobody talks and nobody is seen online."""
    data = shown(GuildState(build_world(1, 1, 1).guilds[0]), PRESENCES, 250)

    assert data["unavailable"] is False
    assert data["member_count"] == len(data["members"]) == 64
    assert {channel["type"] for channel in data["channels"]} == {0, 2, 4, 13, 15}
    away = next(channel for channel in data["channels"] if channel["id"] == data["afk_channel_id"])
    assert away["type"] == 2
    forum = next(channel["id"] for channel in data["channels"] if channel["type"] == 15)
    assert any(thread["parent_id"] == forum for thread in data["threads"])
    assert data["voice_states"] == data["presences"] == []


def test_guild_create_names_the_members_that_discord_would_name() -> None:
    """Without the intent for presences the bot and whoever is in voice; else all, or in a large guild who is online."""
    guild = build_world(1, 1, 1).guilds[0]
    own, (talking, online) = guild.bots[0].user.id, (member.user.id for member in guild.members[3:5])
    state = GuildState(guild, {online: Presence("idle", "mobile")})
    state.voice[talking] = Voice(talking, state.guild.channels[-3].id, "s", stream=True)

    def named(intents: int, large_threshold: int) -> set[int]:
        return {int(member["user"]["id"]) for member in shown(state, intents, large_threshold)["members"]}

    assert named(1, 250) == {own, talking}
    assert len(named(PRESENCES, 64)) == 64
    assert named(PRESENCES, 63) == {own, talking, online}

    without, with_presences = shown(state, 1, 50), shown(state, PRESENCES, 250)
    assert (without["large"], with_presences["large"]) == (True, False)
    assert without["member_count"] == 64
    assert without["presences"] == []
    [presence] = with_presences["presences"]
    assert (presence["user"]["id"], presence["status"], presence["client_status"]) == (
        str(online),
        "idle",
        {"mobile": "idle"},
    )
    [voice] = without["voice_states"]
    assert (voice["user_id"], voice["self_stream"], "guild_id" in voice) == (str(talking), True, False)
