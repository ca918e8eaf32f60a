"""What the program sends besides itself: commands, and heartbeats of which the gateway may make something."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from itertools import groupby
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing

from mocha_actors.gateway.commands import CommandRefusedError
from mocha_actors.simulator.transcript import Entry
from tests.end_to_end.harness import CONFIGURATION, House, open_house, until
from tests.end_to_end.harness import TOKEN as PROCESS_TOKEN
from tests.end_to_end.scene import EXACT, HEARTBEAT, IDENTIFY, INTERVAL, RESUME, Scene, open_scene, spacing

PRESENCE, MEMBERS = 3, 8


def with_intents(scene: Scene, *intents: str) -> None:
    """Let the program ask for these."""
    discord = msgspec.structs.replace(scene.config.discord, intents=intents)
    scene.config = msgspec.structs.replace(scene.config, discord=discord)


async def test_all_members_come_in_chunks_and_are_asked_for_twice_a_minute(
    tmp_path: Path, virtual_time: trio.abc.Clock
) -> None:
    """A8.67: the report counts every chunk; the second request waits 30 s, so that Discord need not refuse it."""
    async with open_scene(tmp_path, count=0, guilds=1, members=2500) as scene:
        with_intents(scene, "GUILDS", "GUILD_MEMBERS", "GUILD_MESSAGES")
        async with scene.client(received=2) as client:
            [guild] = scene.sim.world.guilds
            people = len(guild.members) + len(guild.bots)
            for _ in range(2):
                report = await client.request_members(guild.id)
                assert (True, people, ()) == (report.complete, report.members, report.not_found)
            named = (guild.members[0].user.id, 12345)
            report = await client.request_members(guild.id, user_ids=named)
            await scene.quiet(client)

        assert (True, 1, ("12345",)) == (report.complete, report.members, tuple(map(str, report.not_found)))
        first, second, _ = scene.sent(MEMBERS)
        assert second.at - first.at >= 30.0
        assert 1 == len(scene.sim.transcript.connects())


async def test_a_presence_is_sent_and_waits_for_the_session(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """A8.66: asked for while there is no connection, it goes with the next one."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        await scene.sim.drop(0)
        await client.update_presence({"status": "idle"})
        await scene.until(lambda: scene.sent(PRESENCE))
        await scene.settle(client)

        [sent] = scene.sent(PRESENCE)
        assert {"since": None, "activities": [], "status": "idle", "afk": False} == sent.d


async def test_a_command_that_discord_would_ignore_says_so(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """A8.67: all members need their intent; nothing is sent, and whoever asked learns why."""
    async with open_scene(tmp_path, guilds=1) as scene, scene.client() as client:
        [guild] = scene.sim.world.guilds
        with pytest.raises(CommandRefusedError, match="GUILD_MEMBERS"):
            await client.request_members(guild.id)

        assert [] == scene.sent(MEMBERS)


async def test_each_shard_shows_the_presence_and_answers_for_its_own_guilds(
    tmp_path: Path, virtual_time: trio.abc.Clock
) -> None:
    """The guild decides about the shard."""
    async with open_scene(tmp_path, count=0, shards=2, guilds=2, max_concurrency=2) as scene:
        async with scene.client(received=2) as client:
            await scene.until(lambda: client.counters.connected == 2)
            await client.update_presence({"status": "dnd"})
            for guild in scene.sim.world.guilds:
                named = (guild.members[0].user.id,)
                assert (await client.request_members(guild.id, user_ids=named)).members == 1

        assert [0, 1] == [entry.shard for entry in scene.sent(PRESENCE)]
        for entry in scene.sent(MEMBERS):
            assert (int(entry.d["guild_id"]) >> 22) % 2 == entry.shard
        assert {0, 1} == {entry.shard for entry in scene.sent(MEMBERS)}


def busiest_minute(entries: Iterable[Entry]) -> int:
    """Most payloads that one connection carried in 60 s."""
    by_connection = groupby(sorted(entries, key=lambda entry: entry.connection), key=lambda entry: entry.connection)
    times = [[entry.at for entry in group] for _, group in by_connection]
    return max(sum(start <= at < start + 60.0 for at in each) for each in times for start in each)


async def send_commands(folder: Path, count: int) -> None:
    """So many requests at once, and a reset when the first minute's are spent; a new connection begins afresh."""
    async with open_scene(folder, count=0, guilds=1) as scene, scene.client(received=2) as client:
        [guild] = scene.sim.world.guilds
        somebody = (guild.members[0].user.id,)
        complete: list[bool] = []

        async def ask(times: int) -> None:
            for _ in range(times):
                report = await client.request_members(guild.id, user_ids=somebody, within=900.0)
                complete.append(report.complete)

        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(ask, count // 50)
            await scene.until(lambda: len(scene.sent(MEMBERS)) >= 110)
            await scene.sim.drop(0)
            dropped = trio.current_time()
        await scene.quiet(client)

        assert [True] * count == complete
        assert count <= len(scene.sent(MEMBERS)) <= count + 50
        assert busiest_minute(scene.sim.transcript.payloads()) <= 120
        assert sum(entry.connection == 2 and entry.at < dropped + 30.0 for entry in scene.sent(MEMBERS)) > 50
        assert [IDENTIFY, RESUME] == scene.openings()
        beats = [entry for entry in scene.sent(HEARTBEAT) if entry.connection == 2]
        assert all(gap == pytest.approx(INTERVAL, abs=EXACT) for gap in spacing(beats))


async def test_many_commands_keep_the_rate_limit(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Scenario 42, short: more than a minute holds, over two connections."""
    await send_commands(tmp_path, 250)


@pytest.mark.long
async def test_five_hundred_commands_keep_the_rate_limit(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Scenario 42: never more than 120 a minute with the beats, which are on time."""
    await send_commands(tmp_path, 500)


async def test_a_zstd_stream_is_resumed_like_any_other(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """A2.11 and A2.12: op 7, a reset and a normal stop; each connection inflates with a context of its own."""
    async with open_scene(tmp_path, compression="zstd-stream") as scene, scene.client() as client:
        scene.sim.op7()
        await scene.until(lambda: client.counters.resumes == 1)
        await scene.sim.drop(0)
        await scene.until(lambda: client.counters.resumes == 2)
        await scene.burst(client, 500)
        await scene.settle(client)

        assert [IDENTIFY, RESUME, RESUME] == scene.openings()
        assert all("compress=zstd-stream" in entry.target for entry in scene.sim.transcript.connects())
        assert [] == scene.rows("SELECT * FROM dead_letters")


@asynccontextmanager
async def open_processes(scene: Scene) -> AsyncIterator[House]:
    """Start the program as processes of its own against the scene's simulator."""
    url = "sqlite:///mocha.db"
    text = CONFIGURATION.format(api_url=scene.sim.api_url, compression="zlib-stream", url=url, intents="")
    (scene.folder / "mocha.toml").write_text(text)
    async with trio.open_nursery() as nursery:
        house = House(scene.folder, nursery, None, url)  # type: ignore[arg-type]  # this simulator needs no pipes
        try:
            yield house
        finally:
            for running in (service.process for service in house.services if service.process.returncode is None):
                running.kill()
            nursery.cancel_scope.cancel()


async def test_a_gateway_that_forgets_what_beats_acknowledge_still_replays_all_after_a_kill(tmp_path: Path) -> None:
    """A3.23: a beat names the durable number. One that named the received number would lose what a locked database held up."""
    settings = {"rate": 300.0, "heartbeat_interval": 4.0, "trim_on_heartbeat": True, "token": PROCESS_TOKEN}
    async with open_scene(tmp_path, **settings) as scene, open_processes(scene) as house:
        service = await house.start()
        await until(lambda: house.durable() > 100, "the first rows are durable")
        with closing(sqlite3.connect(house.database, isolation_level=None, timeout=10)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            before = len(scene.sent(HEARTBEAT))
            await until(lambda: len(scene.sent(HEARTBEAT)) == before + 2, "two beats while the database is locked")
            service.process.kill()
            await service.process.wait()
            connection.execute("ROLLBACK")
        durable = house.durable()
        assert len(house.dispatches()) - durable > 500, "the lock held nothing up"
        again = await house.start()
        await until(lambda: house.durable() > durable + 500, "the replay is durable")
        await house.drain(again, scene.sim.stop_traffic()[0])
        await scene.verify()

        [resume] = [entry.seq for entry in scene.sent(RESUME)]
        acknowledged = max(beat.d or 0 for beat in scene.sent(HEARTBEAT) if beat.connection == 1)
        assert resume is not None
        assert max(durable, acknowledged) <= resume, "a beat named what was neither in the database nor in the spool"
        assert [IDENTIFY, RESUME] == scene.openings()


async def test_a_kill_right_after_an_identify_keeps_the_spacing(tmp_path: Path) -> None:
    """A4.37: the next process has other intents and so must IDENTIFY; what the killed one did stands in the database."""
    async with open_house(tmp_path, "--identify-spacing", "5") as house:
        service = await house.start()
        await until(lambda: house.rows("SELECT 1 FROM identify_log"), "the attempt is recorded", patience=20)
        await until(lambda: house.ledger.exists() and house.sessions(), "the session is opened")
        service.process.kill()
        await service.process.wait()
        configuration = house.folder / "mocha.toml"
        configuration.write_text(configuration.read_text().replace("[discord]", '[discord]\nintents = ["GUILDS"]'))
        again = await house.start()
        await until(lambda: house.sessions() == 2, "the second session")
        await house.drain(again, (await house.simulator.stop_traffic())[0])

        sent = (await house.simulator.command(cmd="transcript"))["transcript"]
        first, second = [entry["at"] for entry in sent if entry.get("op") == IDENTIFY]
        assert second - first >= 5.0
