"""Much at once: bursts, a database that is away, and a guild of a hundred thousand members."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import trio

from mocha_actors import tree
from mocha_actors.db.writer import writer_mailbox
from tests.end_to_end import probe
from tests.end_to_end.harness import open_house, until
from tests.end_to_end.scene import HEARTBEAT, IDENTIFY, RESUME, open_scene, spacing

BEAT = 3.0
"""Seconds between heartbeats: far fewer than Discord's, so that few show something, and enough for a busy machine to keep a session."""

HALF = 41.25 / 2
"""Seconds by which promise P4 allows a heartbeat of Discord's to be late."""


def memory(pid: int | str = "self") -> int:
    """The most that the process ever held, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) >> 10


@pytest.mark.parametrize("compression", ["none", "zlib-stream", "zstd-stream"])
async def test_a_burst_of_ten_thousand_is_ten_thousand_rows(tmp_path: Path, compression: str) -> None:
    """Scenario 13: in every compression; memory stays within what the queues may hold."""
    async with open_scene(tmp_path, compression=compression, count=0) as scene, scene.client(received=2) as client:
        before = memory()
        events = await scene.sim.prepare_burst(10_000)
        began = trio.current_time()
        last = (await scene.sim.burst(events)).last_seqs[0]
        await client.wait_durable(0, last)
        seconds = trio.current_time() - began
        await scene.verify()
        print(f"{compression}: 10,000 frames durable after {seconds:.2f} s, {memory() - before} MB more")

        assert [(10_000,)] == scene.rows("SELECT count(*) FROM message_events")
        assert 1 == len(scene.sim.transcript.connects())


async def locked(folder: Path, seconds: float) -> None:
    """A burst of 10,000 while another connection holds the database for so long."""
    async with open_scene(folder, count=0, heartbeat_interval=BEAT) as scene, scene.client(received=2) as client:
        events = await scene.sim.prepare_burst(10_000)
        before = memory()
        with closing(sqlite3.connect(scene.database, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            last = (await scene.sim.burst(events)).last_seqs[0]
            await trio.sleep(seconds)
            committed = client.counters.committed
            connection.execute("ROLLBACK")
        await client.wait_durable(0, last)
        await scene.drained(client)
        late = [abs(gap - BEAT) for gap in spacing(scene.sent(HEARTBEAT))]
        print(f"locked {seconds:g} s: beats at most {max(late) * 1000:.0f} ms off, {memory() - before} MB more")

        assert committed < 100, "the lock held nothing up"
        assert len(late) >= seconds / BEAT - 1
        # A beat that waits for the database is late by the rest of the lock; what a busy machine adds is told, and is no promise of ours.
        assert max(late) < seconds / 2
        assert 0 == client.counters.dead_lettered
        assert 1 == len(scene.sim.transcript.connects())
        await scene.verify()


async def test_a_locked_database_delays_no_heartbeat_and_loses_nothing(tmp_path: Path) -> None:
    """Scenario 11, short: the queues hold what comes; afterwards everything is committed."""
    await locked(tmp_path, 3 * BEAT)


@pytest.mark.long
async def test_a_database_that_is_locked_for_half_a_minute_delays_no_heartbeat_and_loses_nothing(
    tmp_path: Path,
) -> None:
    """Scenario 11."""
    await locked(tmp_path, 30)


async def test_a_reset_while_the_database_is_locked_costs_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A3.27 and P5: what came before the reset still waits to be taken, for longer than a heartbeat's silence may last."""
    monkeypatch.setattr(tree, "writer_mailbox", partial(writer_mailbox, events=2_000))
    async with open_scene(tmp_path, count=0, heartbeat_interval=BEAT) as scene, scene.client(received=2) as client:
        events = await scene.sim.prepare_burst(30_000)
        with closing(sqlite3.connect(scene.database, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            last = (await scene.sim.burst(events)).last_seqs[0]
            await trio.sleep(1)
            await scene.sim.drop(0)
            await trio.sleep(4 * BEAT)
            received = client.counters.received
            connection.execute("ROLLBACK")
        await client.wait_durable(0, last)
        await scene.drained(client)

        assert received < last - 5_000, "nothing had to wait"
        assert [IDENTIFY, RESUME] == scene.openings()
        assert 0 == client.counters.dead_lettered
        await scene.verify()


async def receive_guild(folder: Path, members: int) -> tuple[float, int]:
    """Let the bot join a guild of so many members; the longest step of the event loop in seconds, and megabytes at most."""
    steps = folder / "steps.json"
    async with open_house(folder, "--rate", "20", "--heartbeat-interval", str(BEAT)) as house:
        service = await house.start(program=(probe.__file__, str(steps)))
        await until(lambda: house.durable() > 10, f"connected; {service.text[-2000:]}")
        await house.simulator.command(cmd="create-guild", members=members)
        last = (await house.simulator.stop_traffic())[0]
        await until(lambda: house.durable() >= last, "the guild is durable", patience=120)
        peak = memory(service.process.pid)
        stats = (await house.simulator.command(cmd="stats"))["stats"]
        sent = (await house.simulator.command(cmd="transcript"))["transcript"]
        await house.drain(service, last)
        house.verify()
        size = max(len(line) for line in house.ledger.read_bytes().splitlines())
        beats = [entry["at"] for entry in sent if entry.get("op") == HEARTBEAT]
        late = max([0.0, *(later - earlier - BEAT for earlier, later in pairwise(beats))])
        (longest, _), *_ = longest_steps = json.loads(steps.read_text())
        told = ", ".join(f"{name.rpartition('.')[2]} {seconds * 1000:.0f} ms" for seconds, name in longest_steps[:5])
        print(
            f"{members:,} members, {size / 1e6:.1f} MB: {peak} MB at most, a beat {late * 1000:.0f} ms late, longest steps {told}"
        )
        assert (1, 0) == (stats["identifies"], stats["resumes"]), "no 1009, no zombie"
        return longest, peak


async def test_a_large_guild_delays_no_heartbeat(tmp_path: Path) -> None:
    """Scenario 14, a tenth of it: a payload of megabytes closes nothing and holds the loop for less than half of Discord's interval."""
    longest, _ = await receive_guild(tmp_path, 10_000)
    assert longest < HALF


@pytest.mark.long
async def test_a_guild_of_a_hundred_thousand_delays_no_heartbeat(tmp_path: Path) -> None:
    """Scenario 14: tens of megabytes; memory stays below half a gigabyte."""
    longest, peak = await receive_guild(tmp_path, 100_000)
    assert longest < HALF
    assert peak < 512
