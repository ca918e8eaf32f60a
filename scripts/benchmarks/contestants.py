"""The programs that are measured, each in a process of its own, fed by a simulator in another."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PEERS: Final = Path(__file__).parent / "peers"
PATIENCE: Final = 300.0
"""Seconds that one run may take."""

POLL: Final = 0.002
"""Seconds between two looks at whether a contestant is done: an error of the measured time."""

CONFIGURATION: Final = """
[discord]
api_url = "{api_url}"
compression = "{compression}"

[database]
url = "sqlite:///mocha.db"

[logging]
level = "error"
"""


@dataclass(frozen=True)
class Run:
    """One measured run.

    Attributes:
        contestant: what ran.
        seconds: from the first event sent to the last one handled: committed by Mocha, passed to the handler by a peer.
        cpu_seconds: processor time of the contestant's process in that period.
        peak_mb: its largest resident size.

    """

    contestant: str
    seconds: float
    cpu_seconds: float
    peak_mb: float


class Simulator:
    """A simulator process under control."""

    def __init__(self, folder: Path, traffic: tuple[str, ...] = ("--rate", "1", "--count", "0")) -> None:
        """Start it in ``folder``, by itself without traffic; it keeps a ledger in memory of nothing, so that it costs as little as can be."""
        command = [sys.executable, "-m", "mocha_actors", "sim", "--control", "stdio", *traffic]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, text=True)
        addresses = self._answer()
        self.api_url, self.gateway_url = addresses["api_url"], addresses["gateway_url"]

    def command(self, **command: Any) -> dict[str, Any]:
        """Send a command, return its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def wait_connected(self) -> None:
        """Wait until a client has its session."""
        wait(
            lambda: any(session["connected"] for session in self.command(cmd="stats")["stats"]["sessions"]),
            "a client to connect",
        )

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))


def wait(condition: Any, what: str) -> None:
    """Poll until ``condition()`` is true."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError(f"waited {PATIENCE:.0f} s for {what}")
        time.sleep(POLL)


def usage(pid: int) -> tuple[float, float]:
    """Processor seconds so far and peak resident megabytes of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return ticks / os.sysconf("SC_CLK_TCK"), peak / 1024


@contextmanager
def started(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a contestant for the length of the block."""
    process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def mocha(simulator: Simulator, folder: Path, count: int, compression: str) -> Run:
    """The whole product: socket, decode, processors, rollups, checkpoint, ``synchronous=FULL`` commit."""
    text = CONFIGURATION.format(api_url=simulator.api_url, compression=compression)
    (folder / "mocha.toml").write_text(text)
    command = [sys.executable, "-m", "mocha_actors.cli.run", "mocha.toml"]
    with started(command, folder, {"DISCORD_TOKEN": "simulator"}) as process:
        wait(lambda: durable(folder / "mocha.db") > 1, "Mocha's session to be durable")
        before, _ = usage(process.pid)
        answer = simulator.command(cmd="burst", count=count)
        wait(lambda: durable(folder / "mocha.db") >= answer["burst"]["0"], "the last commit")
        end = time.time()
        after, peak = usage(process.pid)
    return Run("mocha", end - answer["began"], after - before, peak)


def durable(database: Path) -> int:
    """The ``s`` up to which everything is committed."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT seq FROM gateway_sessions WHERE shard = 0").fetchone()
    except sqlite3.OperationalError:
        return 0
    return row[0] if row else 0


def discord_py(simulator: Simulator, folder: Path, count: int, compression: str) -> Run:
    """discord.py with an empty ``on_message``: it stores nothing."""
    command = [
        sys.executable,
        str(PEERS / "discord_py.py"),
        simulator.api_url,
        simulator.gateway_url,
        str(count),
        compression,
    ]
    with started(command, folder, {}) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it says when it is ready
        before, _ = usage(process.pid)
        answer = simulator.command(cmd="burst", count=count)
        end = float(process.stdout.readline())
        after, peak = usage(process.pid)
    return Run("discord.py", end - answer["began"], after - before, peak)
