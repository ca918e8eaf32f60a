"""A day in minutes: the whole program in virtual time, on wires in memory, with a database that is asked without threads."""

from __future__ import annotations

import gc
import os
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
import structlog
import trio
import trio.testing

from mocha_actors import client as client_module
from mocha_actors.client import StatsClient
from mocha_actors.config import Secret
from mocha_actors.db.readers import open_readers
from mocha_actors.db.store import open_store
from mocha_actors.simulator.server import Simulator
from tests.end_to_end.scene import HEARTBEAT, TOKEN, Scene, open_scene, spacing

INTERVAL = 41.25
MINUTE, HOUR = 60.0, 3600.0


class Wire(trio.abc.Stream):
    """One end of a connection in memory, with what is asked of a socket besides."""

    socket = property(lambda self: self)

    def __init__(self, ends: trio.StapledStream[Any, Any]) -> None:
        self.ends, self.open = ends, True

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As a stream."""
        await self.ends.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """As a stream."""
        await self.ends.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """As a stream."""
        return await self.ends.receive_some(max_bytes)  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """As a stream."""
        self.open = False
        await self.ends.aclose()

    def setsockopt(self, *option: object) -> None:
        """Do nothing: a wire in memory has no options."""

    def fileno(self) -> int:
        """No file, as of a closed socket."""
        return -1

    def close(self) -> None:
        """Cut it."""
        self.open = False
        self.ends.send_stream.close()
        self.ends.receive_stream.close()


class Network:
    """Carries every connection of the program to the simulator, and cuts them on demand."""

    def __init__(self, sim: Simulator, nursery: trio.Nursery) -> None:
        self._sim, self._nursery = sim, nursery
        self._wires: list[Wire] = []

    async def open_tcp_stream(self, host: str, port: int, **options: object) -> Wire:
        """As trio's."""
        assert str(port) in self._sim.gateway_url
        ours, theirs = map(Wire, trio.testing.memory_stream_pair())
        self._nursery.start_soon(self._sim._port.serve, theirs)
        self._wires = [*(wire for wire in self._wires if wire.open), ours]
        await trio.lowlevel.checkpoint()
        return ours

    def reset(self) -> None:
        """Cut what there is, as a network does: nobody is told."""
        for wire in self._wires:
            wire.close()


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


async def live(folder: Path, hours: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Follow a simulator for so long and check everything."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    monkeypatch.setattr(client_module, "open_store", partial(open_store, inline=True))
    monkeypatch.setattr(client_module, "open_readers", partial(open_readers, inline=True))
    monkeypatch.setattr("mocha_actors.cli.verify.open_readers", partial(open_readers, inline=True))
    rng = Random(5)
    async with open_scene(folder, count=0, heartbeat_interval=INTERVAL, replay_events=5_000) as scene:
        async with trio.open_nursery() as nursery:
            network = Network(scene.sim, nursery)
            monkeypatch.setattr(trio, "open_tcp_stream", network.open_tcp_stream)
            async with StatsClient.open(scene.config, Secret(TOKEN)) as client, trio.open_nursery() as events:
                events.start_soon(traffic, scene.sim)
                events.start_soon(every, lambda: 2 * HOUR, scene.sim.op7)
                events.start_soon(every, lambda: rng.uniform(0.2, 1.8) * HOUR, network.reset)
                await trio.sleep(hours * HOUR / 3 + 30)
                before = footprint()
                await trio.sleep(hours * HOUR * 2 / 3)
                after = footprint()
                events.cancel_scope.cancel()
            nursery.cancel_scope.cancel()
        errors, stats = beat_errors(scene), scene.sim.stats()
        print(
            f"{hours:g} h: {stats['identifies']} identify, {stats['resumes']} resumes, {client.counters.committed:,} events, {len(errors):,} beats, "
            f"at most {max(errors) * 1000:.3f} ms off; tasks {before[0]} then {after[0]}, {before[1]} then {after[1]} MB"
        )
        await scene.verify()
        assert client.report.clean
        assert 1 == stats["identifies"] == client.counters.identifies
        assert client.counters.resumes == stats["resumes"] >= hours / 2
        assert max(errors) < 0.001
        assert before[0] == after[0]
        assert after[1] - before[1] < 8 + hours
        assert ["first_start"] == scene.gaps()
        assert client.counters.committed == client.counters.received > 20 * 59 * hours


@pytest.fixture(autouse=True)
def quiet_logs() -> Any:
    """Errors only: a day logs hundreds of thousands of lines."""
    yield
    structlog.reset_defaults()


async def test_some_hours_need_one_identify(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenario 54, short: op 7 every two hours and random resets; rows exact, beats exact, tasks and memory flat."""
    await live(tmp_path, 3, monkeypatch)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_day_needs_one_identify(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenario 54: 24 hours."""
    await live(tmp_path, 24, monkeypatch)
