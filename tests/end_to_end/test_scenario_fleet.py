"""Several shards, the budget of IDENTIFYs, and several processes."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
import trio
import trio.testing

from mocha_actors.client import StatsClient
from mocha_actors.config import Secret
from mocha_actors.errors import FencedOutError
from mocha_actors.pipeline.identify import SPACING_MS
from mocha_actors.simulator.faults import CloseOnAnswer, HalfOpen
from tests.end_to_end.network import Network
from tests.end_to_end.scene import EXACT, HEARTBEAT, IDENTIFY, INTERVAL, RESUMABLE, RESUME, TOKEN, open_scene, spacing


async def test_shards_identify_in_rounds_of_the_concurrency(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Scenario 26: six shards, two at a time: 0 and 1, then 2 and 3, then 4 and 5, five seconds apart for each key."""
    settings = {"max_concurrency": 2, "identify_spacing": 5.0, "guilds": 6}
    async with open_scene(tmp_path, shards=6, auto=True, **settings) as scene, scene.client() as client:
        await scene.until(lambda: client.counters.connected == 6)
        await scene.settle(client)

        assert 6 == client.shards
        identifies = scene.sent(IDENTIFY)
        assert [{0, 1}, {2, 3}, {4, 5}] == [{entry.shard for entry in identifies[at : at + 2]} for at in (0, 2, 4)]
        for key in (0, 1):
            assert all(gap >= 5.0 for gap in spacing([entry for entry in identifies if entry.shard % 2 == key]))
        assert 6 == client.counters.identifies


async def test_a_shard_that_is_cut_off_in_the_queue_burns_no_turn(
    tmp_path: Path, network: Network, virtual_time: trio.abc.Clock
) -> None:
    """Scenario 26: all connections break while the later shards wait; their turns come at the pace that they had, one for each."""
    async with (
        open_scene(tmp_path, shards=4, auto=True, identify_spacing=5.0, guilds=4) as scene,
        scene.client() as client,
    ):
        await scene.until(lambda: len(scene.sent(IDENTIFY)) == 2)
        await trio.sleep(1)
        network.reset()
        await scene.until(lambda: client.counters.connected == 4)
        await scene.settle(client)

        assert [0, 1, 2, 3] == [entry.shard for entry in scene.sent(IDENTIFY)]
        assert [SPACING_MS / 1000] * 3 == pytest.approx(spacing(scene.sent(IDENTIFY)), abs=10 * EXACT)
        assert {0, 1} == {entry.shard for entry in scene.sent(RESUME)}


async def test_without_budget_there_is_no_identify_until_it_is_renewed(
    tmp_path: Path, virtual_time: trio.abc.Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scenario 28: nothing left: who waits says so."""
    async with open_scene(tmp_path) as scene:
        scene.sim.set_session_start_limit(remaining=0, reset_after=30.0)
        began = trio.current_time()
        async with scene.client():
            assert scene.sent(IDENTIFY)[0].at - began >= 30.0
    assert "identify.budget_exhausted" in capsys.readouterr().out


async def test_the_reserve_of_the_budget_is_not_spent(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Scenario 28: three left for four shards: none of them is used, as Discord resets the token at the end of the budget."""
    async with open_scene(tmp_path, shards=4, guilds=4) as scene:
        scene.sim.set_session_start_limit(remaining=3, reset_after=30.0)
        began = trio.current_time()
        async with scene.client():
            assert scene.sent(IDENTIFY)[0].at - began >= 30.0


async def test_a_restart_keeps_the_spacing_of_identifies(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """A4.37: the attempt of a process that is gone stands in the database, so that the next one waits."""
    async with open_scene(tmp_path, identify_spacing=5.0) as scene:
        async with scene.client():
            pass
        scene.config = scene.config.__class__(
            discord=scene.config.discord.__class__(api_url=scene.config.discord.api_url, intents=("GUILDS",)),
            database=scene.config.database,
        )
        async with scene.client(received=1):
            pass

        first, second = scene.sent(IDENTIFY)
        assert SPACING_MS / 1000 == pytest.approx(second.at - first.at, abs=10 * EXACT)
        assert ["first_start", "fingerprint_changed"] == scene.gaps()


async def test_a_shard_that_is_in_trouble_leaves_the_others_alone(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Scenario 51: one is half open and then resumes in vain; the other's beats and rows go on."""
    async with open_scene(tmp_path, shards=2, guilds=2, max_concurrency=2) as scene, scene.client() as client:
        await scene.until(lambda: client.counters.connected == 2)
        scene.deaf.add(1)
        scene.sim.plan(CloseOnAnswer(to="resume"), shard=1, times=None)
        scene.sim.inject(HalfOpen(), shard=1)
        await scene.until(lambda: client.counters.identifies == 3)
        await scene.quiet(client)

        assert 1 == len(scene.sim.transcript.connects(shard=0))
        beats = scene.sent(HEARTBEAT, shard=0)
        assert all(gap == pytest.approx(INTERVAL, abs=EXACT) for gap in spacing(beats))
        assert 0 == client.counters.misrouted
        assert 3 == len(scene.sent(RESUME, shard=1))


async def test_a_guild_of_another_shard_is_counted_and_taken(
    tmp_path: Path, virtual_time: trio.abc.Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """A5.43: nobody else gets it."""
    async with (
        open_scene(tmp_path, shards=2, guilds=2, max_concurrency=2, count=0) as scene,
        scene.client(received=2) as client,
    ):
        await scene.until(lambda: client.counters.connected == 2)
        guild = next(guild for guild in scene.sim.world.guilds if (guild.id >> 22) % 2 == 1)
        stray = {
            "id": str(1 << 40),
            "channel_id": "5",
            "guild_id": str(guild.id),
            "author": {"id": "6", "username": "u"},
        }
        seq = await scene.sim.dispatch(0, "MESSAGE_CREATE", stray)
        await client.wait_durable(0, seq)

        assert 1 == client.counters.misrouted
        assert [(1 << 40,)] == scene.rows("SELECT message_id FROM message_events")
    assert "gateway.misrouted" in capsys.readouterr().out


async def test_a_process_that_is_fenced_out_ends_and_leaves_the_session_to_the_other(tmp_path: Path) -> None:
    """P10: a newer owner has raised the epoch; nothing more is written, and the connection is closed resumably."""
    async with open_scene(tmp_path) as scene:
        with pytest.raises(FencedOutError):
            async with StatsClient.open(scene.config, Secret(TOKEN)) as client:
                await scene.until(lambda: client.counters.durable)
                with closing(sqlite3.connect(scene.database, timeout=10)) as connection, connection:
                    connection.execute("UPDATE gateway_sessions SET epoch = epoch + 1")
                await trio.sleep(10)
        assert 1 == len(scene.sim.transcript.connects())
        assert {RESUMABLE, 1006} >= set(scene.sim.transcript.closes(by="client"))
        async with scene.client() as client:
            await scene.settle(client)
        assert [IDENTIFY, RESUME] == scene.openings()


async def test_the_wall_clock_may_be_set(
    tmp_path: Path, virtual_time: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A3.30: an hour forth and two back move no heartbeat, no receive stamp and no turn to IDENTIFY."""
    async with open_scene(tmp_path, heartbeat_interval=1.0) as scene, scene.client() as client:
        real = time.time_ns
        for hours in (1, -1):
            with monkeypatch.context() as patch:
                patch.setattr(time, "time_ns", lambda hours=hours: real() + hours * 3_600_000_000_000)
                await trio.sleep(2)
        await scene.quiet(client)

        assert all(gap == pytest.approx(1.0, abs=EXACT) for gap in spacing(scene.sent(HEARTBEAT)))
        assert 1 == len(scene.sim.transcript.connects())
        [(alive_ms,)] = scene.rows("SELECT last_alive_ms FROM gateway_sessions")
        assert 0 <= real() // 1_000_000 - alive_ms < 4_000
