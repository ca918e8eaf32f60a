"""The examples of embedding, each run with its real library against the simulator, as a stranger would run it."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from mocha_actors.client import StatsClient
from mocha_actors.config import Config, DatabaseSection
from mocha_actors.events.recording import message
from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from tests.embed.hosts import TOKEN

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "scripts" / "examples"
README = (ROOT / "README.md").read_text(encoding="utf-8")

POINT_AT = """
import runpy, sys
try:
    import discord, yarl
    discord.http.Route.BASE = {api!r}
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL({gateway!r})
except ImportError:
    pass
try:
    from hikari import urls
    urls.REST_API_URL = {api!r}
except ImportError:
    pass
sys.argv[:] = [{program!r}]
runpy.run_path({program!r}, run_name="__main__")
"""
"""Starts a program with the libraries' addresses changed, and nothing else."""


@asynccontextmanager
async def started(program: Path, simulator: Simulator, folder: Path, **environ: str) -> AsyncIterator[Lines]:
    """Run a program in `folder` for the length of the block, then press Ctrl-C."""
    code = POINT_AT.format(api=simulator.api_url, gateway=simulator.gateway_url, program=str(program))
    config = {"MOCHA_DISCORD__API_URL": simulator.api_url, "DISCORD_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | config | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        lines = Lines(process)
        try:
            yield lines
            process.send_signal(signal.SIGINT)
            await lines.until(r"everything is committed")
            with trio.fail_after(30):
                await trio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
            assert process.returncode in {0, 130}
        finally:
            process.kill()


class Lines:
    """What a program prints."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.seen = ""

    async def until(self, pattern: str) -> re.Match[str]:
        """Wait for a line with this pattern."""
        assert self._process.stdout is not None
        with trio.fail_after(60):
            while line := await trio.to_thread.run_sync(self._process.stdout.readline, abandon_on_cancel=True):
                self.seen += line
                if found := re.search(pattern, line):
                    return found
        pytest.fail(f"{pattern!r} is not in {self.seen}")


def recorded(database: Path) -> int:
    """How many messages a database holds."""
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM message_events").fetchone()[0])


def settings(rate: float = 500) -> SimulatorSettings:
    """One guild, in which people write."""
    return SimulatorSettings(token=TOKEN, rate=rate, guilds=1)


def write_config(folder: Path, simulator: Simulator) -> None:
    """A configuration that names the simulator."""
    (folder / "bot.toml").write_text(f'[discord]\napi_url = "{simulator.api_url}"\n[logging]\nlevel = "error"\n')


async def used(simulator: Simulator) -> None:
    """Let a member use one of the bot's commands, which is answered with numbers."""
    await simulator.users.registered("stats")
    guild = simulator.world.guilds[0]
    use = await simulator.users.invoke(
        "stats server",
        guild=guild.id,
        channel=guild.system_channel_id,
        user=guild.owner_id,
        options={"period": "today"},
    )
    reply = await use.answer(within=20)
    assert [field["name"] for field in reply.embeds[0]["fields"]][:2] == ["Messages", "Active members"]


async def test_trio_bot_reports_and_commits_at_ctrl_c(tmp_path: Path) -> None:
    """It says how many messages of how many people, and how much was observed."""
    async with open_simulator(settings()) as simulator:
        program = with_config(tmp_path, "trio_bot.py", simulator)
        async with started(program, simulator, tmp_path, SECONDS_BETWEEN_REPORTS="0.5") as lines:
            await lines.until(r": [1-9][\d,]* messages of [1-9]\d* people, \d+\.\d% of the week observed")
    assert recorded(tmp_path / "data" / "mocha.db") > 0


async def test_custom_actor_cries_out(tmp_path: Path) -> None:
    """500 events a second are more than calm."""
    async with open_simulator(settings()) as simulator:
        program = with_config(tmp_path, "custom_actor.py", simulator)
        async with started(program, simulator, tmp_path, CALM_EVENTS_PER_SECOND="50") as lines:
            await lines.until(r"a raid\? \d+ events within a second")


def with_config(folder: Path, name: str, simulator: Simulator) -> Path:
    """A starter that gives an example on trio a configuration as its argument."""
    write_config(folder, simulator)
    (folder / "data").mkdir(exist_ok=True)
    program = folder / f"start_{name}"
    example = str(EXAMPLES / name)
    program.write_text(
        f"import runpy, sys\nsys.argv[1:] = ['bot.toml']\nrunpy.run_path({example!r}, run_name='__main__')\n"
    )
    return program


async def test_discord_py_bot_records_what_its_connection_brings(tmp_path: Path) -> None:
    """It has one connection, its own. The answer to !stats is not tried: the simulator takes no messages."""
    pytest.importorskip("discord", reason="discord.py is not installed; it belongs to the extra `dev`")
    async with open_simulator(settings()) as simulator:
        async with started(EXAMPLES / "discord_py_bot.py", simulator, tmp_path) as lines:
            await lines.until("mocha: host.ready")
            await used(simulator)
            # The command may be answered before anybody has written.
            with trio.fail_after(30):
                while recorded(tmp_path / "data" / "stats.db") == 0:
                    await trio.sleep(0.05)
        assert simulator.stats()["identifies"] == 1
    assert recorded(tmp_path / "data" / "stats.db") > 0


async def test_hikari_bot_records_and_reports(tmp_path: Path) -> None:
    """Its own connection feeds Mocha, which starts and ends with the bot."""
    pytest.importorskip("hikari", reason="hikari is not installed; it belongs to the extra `dev`")
    async with open_simulator(settings()) as simulator:
        async with started(EXAMPLES / "hikari_bot.py", simulator, tmp_path, SECONDS_BETWEEN_REPORTS="0.5") as lines:
            await lines.until(r": [1-9][\d,]* messages of [1-9]\d* people today")
            await used(simulator)
        assert simulator.stats()["identifies"] == 1
    assert recorded(tmp_path / "data" / "stats.db") > 0


async def test_ask_prints_a_leaderboard_beside_a_running_writer(tmp_path: Path) -> None:
    """It needs no lock: somebody else owns the database meanwhile."""
    url = f"sqlite:///{tmp_path}/mocha.db"
    async with StatsClient.open(Config(database=DatabaseSection(url=url)), gateway=False) as client:
        now = datetime.now(UTC).replace(microsecond=0)
        await client.record(
            [message(now, guild_id=7, channel_id=8, user_id=9, username="ada", number=n) for n in range(3)]
        )
        command = [sys.executable, str(EXAMPLES / "ask.py"), url]
        done = await trio.run_process(command, capture_stdout=True)
    assert "1. ada: 3 messages" in done.stdout.decode()


async def test_the_ten_lines_of_the_readme_record(tmp_path: Path) -> None:
    """Copied into a new file and run: what a bot with discord.py needs."""
    pytest.importorskip("discord", reason="discord.py is not installed; it belongs to the extra `dev`")
    section = README.split("## Inside a bot")[1].split("\n## ")[0]
    (program,) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    body = [line for line in program.splitlines() if line.strip()]
    assert len([line for line in body if not line.startswith(("import", "from"))]) <= 10
    (tmp_path / "bot.py").write_text(program)
    async with open_simulator(settings()) as simulator:
        code = POINT_AT.format(api=simulator.api_url, gateway=simulator.gateway_url, program=str(tmp_path / "bot.py"))
        environment = os.environ | {"DISCORD_TOKEN": TOKEN}
        with subprocess.Popen(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, stderr=subprocess.PIPE
        ) as process:
            try:
                database = tmp_path / "stats.db"
                with trio.fail_after(60):
                    while not (database.exists() and database.stat().st_size and _any(database)):
                        assert process.poll() is None, process.stderr and process.stderr.read()
                        await trio.sleep(0.1)
                process.send_signal(signal.SIGINT)
                await trio.to_thread.run_sync(process.communicate)
            finally:
                process.kill()
    assert recorded(tmp_path / "stats.db") > 0


def _any(database: Path) -> bool:
    try:
        return recorded(database) > 0
    except sqlite3.OperationalError:
        return False
