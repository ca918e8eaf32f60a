"""A simulator and the whole program in one event loop: faults on one side, the wire and the database looked at from outside."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import trio

from mocha_actors.cli.verify import compare, read_ledger
from mocha_actors.client import StatsClient
from mocha_actors.config import Secret, parse
from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.simulator.transcript import Entry

TOKEN: Final = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GhIjKl.scene-of-the-tests-012345678"
RESUMABLE: Final = 4900
IDENTIFY, RESUME, HEARTBEAT = 2, 6, 1
INTERVAL: Final = 10.0
"""Seconds between heartbeats, unless a test wants others."""
EXACT: Final = 1e-3
"""Seconds by which times may differ that are the same in virtual time: timers and floats round."""

CONFIGURATION = """
[discord]
api_url = "{api_url}"
compression = "{compression}"
shards = {shards}
[database]
url = "sqlite:///{database}"
"""


class Scene:
    """A running simulator, and the folder of the program that connects to it.

    Attributes:
        farewells: codes with which the program may close a connection; 1006 stands for none.
        deaf: shards of which the simulator does not hear, for a time, that they have closed a connection.

    """

    def __init__(self, sim: Simulator, folder: Path, compression: str, shards: str) -> None:
        self.sim, self.folder = sim, folder
        self.database, self.ledger = folder / "mocha.db", folder / "ledger.jsonl"
        text = CONFIGURATION.format(api_url=sim.api_url, compression=compression, shards=shards, database=self.database)
        self.deaf: set[int] = set()
        self.farewells = {RESUMABLE, 1006}
        self.config = parse(text, "scene.toml")

    @asynccontextmanager
    async def client(self, received: int = 10) -> AsyncIterator[StatsClient]:
        """The program, from its start through so many dispatches to its drain."""
        async with StatsClient.open(self.config, Secret(TOKEN)) as client:
            await self.until(lambda: client.counters.received >= received and client.counters.durable)
            yield client
        assert client.report.clean, client.report.reason

    async def until(self, condition: Callable[[], object], seconds: float = 200.0) -> None:
        """Wait until something holds."""
        with trio.fail_after(seconds):
            while not condition():
                await trio.sleep(0.02)

    async def settle(self, client: StatsClient) -> None:
        """Stop the traffic, wait until all of it is durable, and expect a database that equals the ledger."""
        await self.quiet(client)
        await self.verify()

    async def verify(self) -> None:
        """Raw rows and rollups are those of the ledger: nothing lost, nothing twice."""
        result = await compare(self.config.database.url, read_ledger(self.ledger))
        assert not result.different, result.differences[:5]
        assert result.compared

    async def quiet(self, client: StatsClient) -> None:
        """Stop the traffic for good and wait until all of it is durable: what happens now can lose nothing."""
        with trio.fail_after(120):
            for shard, last in self.sim.stop_traffic().items():
                await client.wait_durable(shard, last)

    async def drained(self, client: StatsClient) -> None:
        """Wait until what became durable in the spool is in the database too."""
        await self.until(lambda: client.counters.committed >= client.counters.received)

    async def burst(self, client: StatsClient, count: int) -> None:
        """Send so many messages and wait until they are durable."""
        sent = await self.sim.burst(await self.sim.prepare_burst(count))
        with trio.fail_after(120):
            for shard, last in sent.last_seqs.items():
                await client.wait_durable(shard, last)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database file itself."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def gaps(self) -> list[str]:
        """Reasons of the coverage gaps, oldest first."""
        return [reason for (reason,) in self.rows("SELECT reason FROM coverage_gaps ORDER BY to_ms, shard")]

    def sent(self, op: int, shard: int | None = None) -> list[Entry]:
        """What the program sent with an opcode."""
        return self.sim.transcript.payloads(op, shard)

    def openings(self) -> list[int | None]:
        """IDENTIFY or RESUME: with what each connection went on that came so far."""
        return [entry.op for entry in self.sim.transcript.payloads() if entry.op in (IDENTIFY, RESUME)]

    def check_wire(self) -> None:
        """What must hold in every scenario: never 1000 or 1001, and never two connections of a shard at a time."""
        assert set(self.sim.transcript.closes(by="client")) <= self.farewells
        connected: dict[int, int] = {}
        for entry in self.sim.transcript:
            shard = -1 if entry.shard is None else entry.shard
            if shard in self.deaf:
                continue
            if entry.kind == "connect" and entry.status == 101 and entry.shard is not None:
                assert connected.setdefault(shard, entry.connection) == entry.connection, "two connections at a time"
            elif entry.kind == "close":
                connected.pop(shard, None)


@asynccontextmanager
async def open_scene(
    folder: Path, *, compression: str = "zlib-stream", shards: int = 1, auto: bool = False, **settings: Any
) -> AsyncIterator[Scene]:
    """A simulator with a ledger in ``folder``; ``settings`` are its own.

    ``shards`` is what it recommends, and what the program is configured for, unless that is to ask (``auto``).
    """
    defaults: dict[str, Any] = {
        "rate": 100.0, "heartbeat_interval": INTERVAL, "token": TOKEN, "ledger": folder / "ledger.jsonl", "members": 10,
        "shards": shards,
    }  # fmt: skip
    async with open_simulator(SimulatorSettings(**{**defaults, **settings})) as sim:
        scene = Scene(sim, folder, compression, '"auto"' if auto else str(shards))
        yield scene
        scene.check_wire()


def spacing(entries: list[Entry]) -> list[float]:
    """Seconds between one entry and the next."""
    return [later.at - earlier.at for earlier, later in pairwise(entries)]
