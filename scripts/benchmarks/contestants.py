"""The programs that are measured, each in a process of its own, fed by a simulator in another."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

PEERS: Final = Path(__file__).parent / "peers"
TOKEN: Final = "MTAwMDAwMDAwMDAwMDAwMDAw.invented.token"  # noqa: S105 - nobody's
"""hikari reads the bot's id out of the first part."""

PATIENCE: Final = 300.0
"""Seconds that one run may take."""

POLL: Final = 0.002
"""Seconds between two looks at whether a contestant is done: an error of the measured time."""

CONFIGURATION: Final = """
[discord]
api_url = "{api_url}"
compression = "{compression}"

{intents}

[database]
url = "sqlite:///mocha.db"

[logging]
level = "error"
"""


INTENTS: Final = """intents = [
    "guilds", "guild_members", "guild_messages", "guild_message_reactions", "guild_voice_states", "guild_presences",
]"""


@dataclass(frozen=True)
class Run:
    """One measured run.

    Attributes:
        contestant: what ran.
        seconds: from the first event sent to the last one handled: committed by Mocha, passed to the handler by a peer.
        cpu_seconds: processor time of the contestant's process in that period.
        peak_mb: its largest resident size.
        count: events of the run.
        sender_seconds: processor time of the sender in that period: what is missing to ``seconds`` it waited, so it was not what took the time.

    """

    contestant: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    count: int = 0
    sender_seconds: float = 0.0


class Simulator:
    """A simulator process under control."""

    def __init__(self, folder: Path, traffic: tuple[str, ...] = ("--rate", "1", "--count", "0")) -> None:
        """Start it in ``folder``, by itself without traffic; it keeps a ledger in memory of nothing, so that it costs as little as can be."""
        command = [sys.executable, "-m", "mocha_actors", "sim", "--control", "stdio", "--token", TOKEN, *traffic]
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

    def dispatched(self) -> int:
        """Events that were dispatched so far."""
        return int(self.command(cmd="stats")["stats"]["dispatched"])

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
    process = subprocess.Popen(
        command, cwd=folder, env=os.environ | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


MOST: Final = 300_000
"""Events of a race. All of them are made beforehand, which the sender's memory bounds: half of what a session remembers, 512 MB."""

SPARE: Final = 10_000
"""Dispatches that a session begins with, or that come together, beside those that were asked for."""


@dataclass(frozen=True)
class Race:
    """What all contestants of a race are sent.

    Attributes:
        count: events.
        compression: of the connection.
        profile: of the simulator: ``burst`` for messages, anything else for a flood of what happens there.

    """

    count: int
    compression: str = "none"
    profile: str = "burst"

    @property
    def traffic(self) -> tuple[str, ...]:
        """Options of the simulator."""
        # The limit's heart does not beat, and making a burst takes a while.
        own = ("--profile", self.profile, "--rate", "1", "--count", "0", "--heartbeat-interval", "600")
        return (*own, "--replay-events", str(2 * self.count + SPARE))

    def send(self, simulator: Simulator) -> Sent:
        """Send it all."""
        before = simulator.dispatched()
        answer = simulator.command(cmd="burst" if self.profile == "burst" else "flood", count=self.count)
        return Sent(
            answer["began"], answer["burst"]["0"], simulator.dispatched() - before, usage(simulator.process.pid)[0]
        )


@dataclass(frozen=True)
class Sent:
    """What was sent, all of it made beforehand.

    Attributes:
        began: Unix seconds at which the first event could go out.
        last: the last ``s``.
        count: events, of which there may be a few more than were asked for.
        sender_seconds: processor time of the sender until then.

    """

    began: float
    last: int
    count: int
    sender_seconds: float


class Watch:
    """What a contestant uses up from now on, and the sender from when it begins to send."""

    def __init__(self, pid: int, simulator: Simulator) -> None:
        """Read the meter."""
        self._pid, self._sender = pid, simulator.process.pid
        self._before = usage(pid)[0]

    def run(self, contestant: str, sent: Sent, end: float) -> Run:
        """What was used since then, and the seconds from the first event sent to ``end``."""
        used, peak = usage(self._pid)
        sender = usage(self._sender)[0] - sent.sender_seconds
        return Run(contestant, end - sent.began, used - self._before, peak, sent.count, sender)


def mocha(simulator: Simulator, folder: Path, race: Race) -> Run:
    """The whole product: socket, decode, processors, rollups, checkpoint, ``synchronous=FULL`` commit."""
    intents = "" if race.profile == "burst" else INTENTS
    text = CONFIGURATION.format(api_url=simulator.api_url, compression=race.compression, intents=intents)
    (folder / "mocha.toml").write_text(text)
    command = [sys.executable, "-m", "mocha_actors.cli.run", "mocha.toml"]
    with started(command, folder, {"DISCORD_TOKEN": TOKEN}) as process:
        wait(lambda: durable(folder / "mocha.db") > 0, "Mocha's session to be durable")
        watch = Watch(process.pid, simulator)
        sent = race.send(simulator)
        wait(lambda: durable(folder / "mocha.db") >= sent.last, "the last commit")
        return watch.run("mocha", sent, time.time())


def durable(database: Path) -> int:
    """The ``s`` up to which everything is committed."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT seq FROM gateway_sessions WHERE shard = 0").fetchone()
    except sqlite3.OperationalError:
        return 0
    return row[0] if row else 0


def peer(name: str, script: str, *arguments: str, share: int = 1) -> Contestant:
    """A program of :data:`PEERS` that prints when it is ready and when it is done; a slow one is sent a ``share`` of the events."""

    def run(simulator: Simulator, folder: Path, race: Race) -> Run:
        own = Race(race.count // share, race.compression, race.profile)
        count = own.count if own.profile == "burst" else 0
        command = [sys.executable, str(PEERS / script), simulator.api_url, simulator.gateway_url, TOKEN, str(count)]
        if script == "limit.py":
            del command[2]
        with started([*command, own.compression, *arguments], folder, {}) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            if not process.stdout.readline():  # it says when it is ready
                raise click.ClickException(f"{name} ended before it was ready; what it printed stands above")
            watch = Watch(process.pid, simulator)
            sent = own.send(simulator)
            if not count:
                process.stdin.write(f"{sent.last}\n")
                process.stdin.flush()
            return watch.run(name, sent, float(process.stdout.readline()))

    return run


Contestant = Callable[[Simulator, Path, Race], Run]
CONTESTANTS: Final[dict[str, Contestant]] = {
    "mocha": mocha,
    "limit": peer("limit", "limit.py"),
    "discord.py": peer("discord.py", "discord_py.py", "empty"),
    "hikari": peer("hikari", "hikari_bot.py", "empty"),
    "discord.py, a commit each": peer("discord.py, a commit each", "discord_py.py", "naive", share=10),
    "discord.py, buffered": peer("discord.py, buffered", "discord_py.py", "buffered", share=4),
    "hikari, buffered": peer("hikari, buffered", "hikari_bot.py", "buffered", share=4),
}
"""Mocha stores rows, rollups and its position. The limit stores the same rows and rollups. The others store nothing, or rows alone."""
