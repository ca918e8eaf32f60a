"""A day in minutes: the whole program in virtual time, on wires in memory, with a database that is asked without threads."""

from __future__ import annotations

import gc
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import structlog
import trio
import trio.testing

from mocha_actors.client import StatsClient
from mocha_actors.config import Secret
from mocha_actors.simulator.server import Simulator
from tests.end_to_end.network import Network
from tests.end_to_end.scene import EXACT, HEARTBEAT, TOKEN, Scene, open_scene, spacing

INTERVAL = 41.25
MINUTE, HOUR = 60.0, 3600.0


async def every(seconds: Callable[[], float], act: Callable[[], object]) -> None:
    """Do it for ever."""
    while True:
        await trio.sleep(seconds())
        act()


async def traffic(sim: Simulator) -> None:
    """Twenty messages a minute."""
    while True:
        await trio.sleep(MINUTE)
        await sim.burst(await sim.prepare_burst(20))


def footprint() -> tuple[int, int]:
    """Tasks and resident megabytes."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return trio.lowlevel.current_statistics().tasks_living, pages * os.sysconf("SC_PAGE_SIZE") >> 20


def beat_errors(scene: Scene) -> list[float]:
    """How far each beat but the first of a connection was from an interval after the one before."""
    beats = defaultdict(list)
    for beat in scene.sent(HEARTBEAT):
        beats[beat.connection].append(beat)
    return [abs(gap - INTERVAL) for of_one in beats.values() for gap in spacing(of_one)]


async def live(folder: Path, hours: float, network: Network) -> None:
    """Follow a simulator for so long and check everything."""
    # Errors only: a day logs hundreds of thousands of lines.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    rng = Random(5)
    async with open_scene(folder, count=0, heartbeat_interval=INTERVAL, replay_events=5_000) as scene:
        async with StatsClient.open(scene.config, Secret(TOKEN)) as client, trio.open_nursery() as events:
            events.start_soon(traffic, scene.sim)
            events.start_soon(every, lambda: 2 * HOUR, scene.sim.op7)
            events.start_soon(every, lambda: rng.uniform(0.2, 1.8) * HOUR, network.reset)
            await trio.sleep(hours * HOUR / 3 + 30)
            before = footprint()
            await trio.sleep(hours * HOUR * 2 / 3)
            after = footprint()
            events.cancel_scope.cancel()
        errors, stats = beat_errors(scene), scene.sim.stats()
        print(
            f"{hours:g} h: {stats['identifies']} identify, {stats['resumes']} resumes, {client.counters.committed:,} events, {len(errors):,} beats, "
            f"at most {max(errors) * 1000:.3f} ms off; tasks {before[0]} then {after[0]}, {before[1]} then {after[1]} MB"
        )
        await scene.verify()
        assert client.report.clean
        assert 1 == stats["identifies"] == client.counters.identifies
        assert client.counters.resumes == stats["resumes"] >= hours / 2
        assert max(errors) < EXACT
        assert before[0] == after[0]
        assert after[1] - before[1] < 8 + hours
        assert ["first_start"] == scene.gaps()
        assert client.counters.committed == client.counters.received > 20 * 59 * hours


async def test_some_hours_need_one_identify(tmp_path: Path, network: Network, virtual_time: trio.abc.Clock) -> None:
    """Scenario 54, short: op 7 every two hours and random resets; rows exact, beats exact, tasks and memory flat."""
    await live(tmp_path, 3, network)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_day_needs_one_identify(tmp_path: Path, network: Network, virtual_time: trio.abc.Clock) -> None:
    """Scenario 54: 24 hours."""
    await live(tmp_path, 24, network)
