"""Guilds that go away and come back, and what that means for joins and for voice: Discord tells the one as it tells the other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import trio

from mocha_actors.client import StatsClient
from mocha_actors.db.projections.intervals import EndReason
from mocha_actors.discord.snowflake import from_time_ms, time_ms
from mocha_actors.simulator.faults import RefuseSession
from mocha_actors.simulator.payloads import guild_create
from tests.end_to_end.network import Network
from tests.end_to_end.scene import IDENTIFY, RESUME, Scene, open_scene

INTENTS = ("GUILDS", "GUILD_MEMBERS", "GUILD_VOICE_STATES", "GUILD_MESSAGES")
ALONE = {"profile": "community", "count": 0, "guilds": 1, "members": 40}
"""Nothing happens but what a test lets happen."""

OUTAGE, GONE, LOST = int(EndReason.OUTAGE), int(EndReason.GONE), int(EndReason.LOST)


def listening(scene: Scene) -> int:
    """Have the program ask for members and voice; the guild that there is."""
    discord = msgspec.structs.replace(scene.config.discord, intents=INTENTS)
    scene.config = msgspec.structs.replace(scene.config, discord=discord)
    [guild] = scene.sim.guilds
    return guild


async def fill(scene: Scene, guild: int, count: int) -> list[int]:
    """Let exactly so many people be in voice; who they are."""
    voice = scene.sim.guilds[guild].voice
    while len(voice) > count:
        voice.popitem()
    while len(voice) < count:
        await scene.sim.happen("voice-join", guild)
    return sorted(voice)


async def known(scene: Scene, client: StatsClient) -> None:
    """Wait until everything sent so far is durable."""
    await client.wait_durable(0, scene.sim.stop_traffic()[0])


def spans(scene: Scene) -> dict[int, list[tuple[int, int | None, int | None, bool]]]:
    """Of each user the rows of voice, in order: start, end, why it ended, whether it goes on with an earlier one."""
    found: dict[int, list[tuple[int, int | None, int | None, bool]]] = {}
    query = "SELECT user_id, id, ended_ms, end_reason, continues_id FROM voice_events ORDER BY user_id, id"
    for user, start, end, reason, goes_on in scene.rows(query):
        found.setdefault(user, []).append((time_ms(start), end, reason, goes_on is not None))
    return found


def membership(scene: Scene) -> list[tuple[Any, ...]]:
    """Joins and leaves of members."""
    return scene.rows("SELECT user_id, kind FROM member_events")


def guilds_left(scene: Scene) -> list[tuple[Any, ...]]:
    """When the bot left its guilds; None where it is."""
    return [left for (left,) in scene.rows("SELECT left_ms FROM guilds")]


async def test_an_outage_of_a_guild_is_no_leave_and_its_end_no_join(
    tmp_path: Path, virtual_time: trio.abc.Clock
) -> None:
    """Scenario 45: open stays end with it, as far as that is known, and those who are found again go on; to be removed is another thing."""
    async with open_scene(tmp_path, **ALONE) as scene:
        guild = listening(scene)
        users = await fill(scene, guild, 4)
        async with scene.client(received=2) as client:
            await trio.sleep(60)
            assert ["GUILD_DELETE"] == await scene.sim.happen("outage", guild)
            await known(scene, client)
            assert [[OUTAGE]] * 4 == [[reason for _, _, reason, _ in rows] for rows in spans(scene).values()]
            assert [None] == guilds_left(scene)
            assert [(1,)] == scene.rows("SELECT unavailable FROM guilds")

            await trio.sleep(30)
            state = scene.sim.guilds[guild]
            missing = users[0]
            del state.voice[missing]
            back = guild_create(state)
            assert back.view is not None
            await scene.sim.dispatch(0, "GUILD_CREATE", back.view(-1, 250))
            await known(scene, client)
            assert [(0,)] == scene.rows("SELECT unavailable FROM guilds")
            stays = spans(scene)
            assert [1, 2, 2, 2] == [len(stays[user]) for user in users]
            for (start, end, _, _), (again, still, _, goes_on) in (stays[user] for user in users[1:]):
                assert (None, True) == (still, goes_on)
                assert end is not None
                assert (60_000, 30_000) == (round(end - start, -2), round(again - end, -2))

            await scene.sim.dispatch(0, "GUILD_DELETE", {"id": str(guild)})
            await known(scene, client)
            assert [GONE] * 3 == [spans(scene)[user][-1][2] for user in users[1:]]
            assert [None] != guilds_left(scene)
            assert [] == membership(scene)


async def lose_session(scene: Scene, network: Network, away: float) -> None:
    """No connection is possible for so long, and then Discord does not know the session any more."""
    listeners = dict(network.listeners)
    network.listeners.clear()
    network.reset()
    await trio.sleep(away)
    scene.sim.plan(RefuseSession(to="resume"))
    network.listeners.update(listeners)


async def test_who_leaves_voice_while_the_session_is_lost_is_not_counted_as_talking(
    tmp_path: Path, network: Network, virtual_time: trio.abc.Clock
) -> None:
    """Scenario 46: of five, two leave meanwhile: all stays end at the last evidence, three go on, and nobody has more seconds than passed."""
    async with open_scene(tmp_path, **ALONE) as scene:
        guild = listening(scene)
        users = await fill(scene, guild, 5)
        async with scene.client(received=2) as client:
            await trio.sleep(100)
            lost_at = trio.current_time()
            state = scene.sim.guilds[guild]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lose_session, scene, network, 300.0)
                await trio.sleep(100)
                for user in users[:2]:
                    del state.voice[user]
                state.changes += 1
            await scene.until(lambda: client.counters.identifies == 2 and client.counters.connected)
            await trio.sleep(50)
            await known(scene, client)
            ended_at = trio.current_time()

        assert [IDENTIFY, RESUME, IDENTIFY] == scene.openings()
        [_, (from_ms, to_ms, reason)] = scene.rows("SELECT from_ms, to_ms, reason FROM coverage_gaps ORDER BY to_ms")
        assert "resume_refused" == reason
        assert to_ms - from_ms >= 300_000
        stays = spans(scene)
        for user in users:
            (start, end, why, _), *again = stays[user]
            assert (from_ms, LOST) == (end, why)
            assert end - start <= 1000 * lost_at
            if user in users[:2]:
                assert [] == again
            else:
                [(later, still, _, goes_on)] = again
                assert (None, True) == (still, goes_on)
                assert later >= to_ms
            seconds = sum((stop or to_ms + 50_000) - begin for begin, stop, _, _ in stays[user]) / 1000
            assert seconds <= ended_at
        assert [] == membership(scene)


async def test_a_guild_that_removed_the_bot_while_it_was_away_was_left(
    tmp_path: Path, network: Network, virtual_time: trio.abc.Clock
) -> None:
    """A4.40: no event ever tells of it; READY's list does."""
    async with open_scene(tmp_path, **ALONE) as scene:
        stays = listening(scene)
        async with scene.client(received=2) as client:
            await scene.sim.happen("bot-added")
            [goes] = set(scene.sim.guilds) - {stays}
            await known(scene, client)
            await scene.until(lambda: len(guilds_left(scene)) == 2)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lose_session, scene, network, 60.0)
                await trio.sleep(30)
                assert ["GUILD_DELETE"] == await scene.sim.happen("bot-removed", goes)
            await scene.until(lambda: client.counters.identifies == 2 and client.counters.connected)
            await known(scene, client)

        [_, (from_ms, _)] = scene.rows("SELECT from_ms, to_ms FROM coverage_gaps ORDER BY to_ms")
        assert {(stays, None), (goes, from_ms)} == set(scene.rows("SELECT id, left_ms FROM guilds"))


KINDS: dict[str, tuple[dict[str, Any], str | None]] = {
    "an ordinary one": ({}, "people"),
    "a reply": ({"type": 19}, "people"),
    "a forward": ({"message_reference": {"type": 1, "message_id": "5", "channel_id": "6"}, "message_snapshots": [{}]}, "people"),
    "a crosspost": ({"webhook_id": "77", "author": {"id": "77", "username": "News"}, "flags": 2}, None),
    "a webhook's": ({"webhook_id": "78", "author": {"id": "78", "username": "CI"}}, None),
    "a bot's": ({"author": {"id": "79", "username": "music", "bot": True}}, "bots"),
    "an answer to a command": (
        {"type": 20, "webhook_id": "80", "application_id": "80", "author": {"id": "80", "username": "app", "bot": True}}, "commands",
    ),
    "that somebody joined": ({"type": 7}, None),
    "a pin": ({"type": 6}, None),
    "of a type that nobody knows yet": ({"type": 999}, None),
    "a direct one": ({"guild_id": None}, None),
    "an ephemeral one": ({"guild_id": None, "flags": 64, "type": 20}, None),
}  # fmt: skip
"""Messages as Discord sends them, and among whose they count."""


async def test_guild_totals_count_what_people_wrote_in_it(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Scenario 48: messages of every kind, on the wire and out of the answer."""
    async with open_scene(tmp_path, **ALONE) as scene:
        guild = listening(scene)
        async with scene.client(received=2) as client:
            for number, (fields, _) in enumerate(KINDS.values()):
                message = {
                    "id": str(from_time_ms(time.time_ns() // 1_000_000, number)), "channel_id": "6", "guild_id": str(guild), "type": 0,
                    "author": {"id": "42", "username": "ada"}, "content": "", "timestamp": "2026-01-01T00:00:00+00:00",
                } | fields  # fmt: skip
                present = {key: value for key, value in message.items() if value is not None}
                await scene.sim.dispatch(0, "MESSAGE_CREATE", present)
            await known(scene, client)
            people = await client.message_stats(guild, days=2)
            everybody = await client.message_stats(guild, days=2, include_bots=True)

        counted = [whose for _, whose in KINDS.values()]
        assert (counted.count("people"), counted.count("commands")) == (people.messages, people.commands)
        assert counted.count("people") + counted.count("bots") == everybody.messages
        assert 0 == client.counters.dead_lettered
