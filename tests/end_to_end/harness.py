"""Real processes for end-to-end tests: a simulator that outlives the service, and the service, killed and started again."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

TOKEN = "end.to.end.token"
POLL = 0.02
PATIENCE = 60.0
"""Seconds after which a condition that does not come true fails the test."""


def run_mocha(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run ``mocha`` to its end."""
    command = [sys.executable, "-m", "mocha_actors", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False, timeout=600)


def environment() -> dict[str, str]:
    """Our environment without its MOCHA_ variables, plus the token."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MOCHA_")}
    return clean | {"DISCORD_TOKEN": TOKEN, "COLUMNS": "80"}


async def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until ``condition`` is true of the outside world."""
    with trio.move_on_after(patience):
        while not condition():
            await trio.sleep(POLL)
        return
    raise AssertionError(f"not within {patience} s: {what}")


@dataclass
class Process:
    """A started program and what it has printed so far."""

    process: trio.Process
    output: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything printed, standard output and error."""
        return "".join(self.output)

    async def read(self, stream: trio.abc.ReceiveStream) -> None:
        """Collect what ``stream`` prints until its end."""
        async for chunk in stream:
            self.output.append(chunk.decode(errors="replace"))


class Simulator:
    """A simulator process, spoken to over its pipes."""

    def __init__(self, process: trio.Process) -> None:
        self._process, self._buffer = process, b""
        self.api_url = ""

    async def line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while b"\n" not in self._buffer:
            chunk = await self._process.stdout.receive_some()
            assert chunk, "the simulator ended"
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return dict(json.loads(line))

    async def command(self, **command: Any) -> dict[str, Any]:
        """Send a command, return the answer."""
        assert self._process.stdin is not None
        await self._process.stdin.send_all(json.dumps(command).encode() + b"\n")
        with trio.fail_after(PATIENCE):
            return await self.line()

    async def stop_traffic(self) -> dict[int, int]:
        """Stop sending; the last ``s`` by shard."""
        return {int(shard): seq for shard, seq in (await self.command(cmd="stop-traffic"))["stopped"].items()}


@dataclass
class House:
    """A folder with a configuration, a database and a ledger, and the programs that use them."""

    folder: Path
    nursery: trio.Nursery
    simulator: Simulator
    url: str
    services: list[Process] = field(default_factory=list)
    program: tuple[str, ...] = ("-m", "mocha_actors.cli.run")

    @property
    def database(self) -> Path:
        return self.folder / "mocha.db"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.jsonl"

    async def start(self, *arguments: str, program: Sequence[str] = ()) -> Process:
        """Start ``mocha-run``, or another ``program`` of Python's, on the house's configuration."""
        command = [sys.executable, *(program or self.program), "mocha.toml", *arguments]
        pipe = subprocess.PIPE
        process = await trio.lowlevel.open_process(
            command, cwd=self.folder, env=environment(), stdin=subprocess.DEVNULL, stdout=pipe, stderr=subprocess.STDOUT
        )
        service = Process(process)
        assert process.stdout is not None
        self.nursery.start_soon(service.read, process.stdout)
        self.services.append(service)
        return service

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Ask the database itself, beside whoever writes to it; nothing while it does not exist yet."""
        if self.url.startswith("postgresql:"):
            return self._rows_of_server(query)
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            try:
                return connection.execute(query, parameters).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def _rows_of_server(self, query: str) -> list[tuple[Any, ...]]:
        import psycopg2

        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(query)
                return cursor.fetchall()
            except psycopg2.errors.UndefinedTable:
                return []

    def durable(self) -> int:
        """The shard's durable ``s``; 0 without a session."""
        return next((seq for (seq,) in self.rows("SELECT seq FROM gateway_sessions WHERE shard = 0")), 0)

    async def drain(self, service: Process, seq: int) -> None:
        """Wait until ``seq`` is durable, end the service by SIGTERM and expect that it lost nothing.

        A busy machine may take any time for what a test sends, as long as it goes on.
        """
        while (durable := self.durable()) < seq:
            await until(
                lambda durable=durable: self.durable() > durable,  # type: ignore[misc]
                f"anything durable after s={durable} (of {seq}); {service.text[-2000:]}",
            )
        service.process.terminate()
        assert await service.process.wait() == 0, service.text

    def dispatches(self) -> list[dict[str, Any]]:
        """The dispatches of the ledger, replays left out."""
        lines = (
            json.loads(line) for line in self.ledger.read_bytes().splitlines()
        )  # str.splitlines would split inside strings
        return [line for line in lines if not line.get("replay")]

    def sessions(self) -> int:
        """How many sessions the simulator ever opened."""
        return sum(line["frame"]["t"] == "READY" for line in self.dispatches())

    def verify(self) -> str:
        """``mocha verify --ledger``: expects that everything is equal, returns the last line."""
        done = run_mocha("verify", "--database", self.url, "--ledger", str(self.ledger), cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip().splitlines()[-1]

    def recounted(self) -> str:
        """``mocha verify``: expects that every rollup equals its raw rows, returns the last line."""
        done = run_mocha("verify", "--database", self.url, cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip().splitlines()[-1]


COMMUNITY = ("--profile", "community", "--guilds", "3", "--members", "40")
"""Options of a simulator in which everything happens."""

EVERY_INTENT = (
    "GUILDS", "GUILD_MEMBERS", "GUILD_MODERATION", "GUILD_VOICE_STATES", "GUILD_PRESENCES", "GUILD_MESSAGES", "GUILD_MESSAGE_REACTIONS",
    "MESSAGE_CONTENT",
)  # fmt: skip

EVERY_TABLE = (
    "message_events", "message_details", "reaction_events", "reaction_state", "reaction_user_day", "voice_events", "voice_user_day",
    "presence_events", "members", "channels",
)  # fmt: skip
"""Tables that hold something after some thousand events of a community."""

CONFIGURATION = """
[discord]
api_url = "{api_url}"
compression = "{compression}"
{intents}

[database]
url = "{url}"

[logging]
level = "debug"
"""


@asynccontextmanager
async def open_house(
    folder: Path,
    *options: str,
    compression: str = "zlib-stream",
    url: str = "sqlite:///mocha.db",
    intents: Sequence[str] = (),
) -> AsyncIterator[House]:
    """A house with a running simulator; whatever still runs at the end is killed."""
    command = [
        sys.executable,
        "-m",
        "mocha_actors",
        "sim",
        "--control",
        "stdio",
        "--token",
        TOKEN,
        "--ledger",
        "ledger.jsonl",
    ]
    process = await trio.lowlevel.open_process(
        [*command, *options], cwd=folder, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    simulator = Simulator(process)
    with trio.fail_after(PATIENCE):
        simulator.api_url = (await simulator.line())["api_url"]
    asked = f"intents = {json.dumps(intents)}" if intents else ""
    text = CONFIGURATION.format(api_url=simulator.api_url, compression=compression, url=url, intents=asked)
    (folder / "mocha.toml").write_text(text)
    async with trio.open_nursery() as nursery:
        house = House(folder, nursery, simulator, url)
        try:
            yield house
        finally:
            everybody = [process, *(service.process for service in house.services)]
            for running in everybody:
                if running.returncode is None:
                    running.kill()
            with trio.CancelScope(shield=True):
                for ended in everybody:
                    await ended.wait()
            nursery.cancel_scope.cancel()
