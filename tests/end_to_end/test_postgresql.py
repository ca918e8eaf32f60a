"""The whole program on PostgreSQL, as a person starts it: by an environment variable."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio

from mocha_actors.db import migrations
from mocha_actors.db.postgresql_session import HOLDER
from tests.db.builders import connected
from tests.end_to_end.harness import House, open_house, until

PASSWORD = "hunter2-and-more"


def run(program: str, *arguments: str, url: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, in the English of the server's driver."""
    environment = {**os.environ, "MOCHA_DATABASE__URL": url, "MOCHA_LOGGING__LEVEL": "debug", "LC_ALL": "C"}
    command = [sys.executable, "-m", program, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def url(postgres_url: str) -> str:
    """The address with a password, which a server that trusts its clients does not ask for."""
    parts = urlsplit(postgres_url)
    place = f"{parts.hostname}:{parts.port or 5432}"
    return parts._replace(netloc=f"{parts.username}:{parts.password or PASSWORD}@{place}").geturl()


def test_a_demo_is_recorded_verified_and_asked_and_the_password_stands_nowhere(tmp_path: Path, url: str) -> None:
    """Not in what is printed, logged or stored (P9)."""
    password = urlsplit(url).password or ""
    demo = run("mocha_actors.cli.run", "--demo", "--seconds", "3", url=url, cwd=tmp_path)
    verified = run("mocha_actors", "verify", "--ledger", "data/demo/ledger.jsonl", url=url, cwd=tmp_path)
    with connected(url) as connection:
        tables = [name for (name,) in connection.execute(migrations.TABLES)]
        stored = repr([connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables])
        guild = connection.execute("SELECT min(guild_id) FROM message_events").fetchone()[0]
    asked = run("mocha_actors", "query", "guild", "--guild", str(guild), "--json", url=url, cwd=tmp_path)

    assert (demo.returncode, verified.returncode, asked.returncode) == (0, 0, 0), demo.stderr + verified.stdout
    total, _, rest = verified.stdout.strip().splitlines()[-1].partition(" of ")
    assert rest == f"{total} equal"
    assert int(total.replace(",", "")) > 10
    for done in (demo, verified, asked):
        assert password not in done.stdout + done.stderr
    logged = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert password not in stored + "".join(logged)


async def test_a_server_that_ends_every_connection_again_and_again_costs_nothing(
    tmp_path: Path, postgres_url: str
) -> None:
    """As its restarts do: the writer connects again, owns the shards again, and writes what it has in hand (P1, P5)."""
    async with open_house(tmp_path, "--rate", "1000", url=postgres_url) as house:
        service = await house.start()
        for number in range(1, 6):
            await until(partial(recorded, house, number * 300), f"it records; {service.text[-2000:]}")
            await trio.to_thread.run_sync(end_connections, postgres_url)
        last = (await house.simulator.stop_traffic())[0]
        await house.drain(service, last)

        assert house.sessions() == 1
        assert house.rows("SELECT * FROM dead_letters") == []
        house.verify()
    assert "writer.retrying" in service.text


def recorded(house: House, least: int) -> bool:
    """Whether so much is durable."""
    return house.durable() > least


def end_connections(url: str) -> None:
    """End the connection that holds the ownership of this schema: the writer's."""
    with connected(url) as connection:
        for (process,) in connection.execute(HOLDER).fetchall():
            connection.execute("SELECT pg_terminate_backend(?)", (process,))


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """It says what was tried, without the password."""
    url = f"postgresql://mocha:{PASSWORD}@127.0.0.1:1/mocha"

    done = run("mocha_actors", "query", "guild", url=url, cwd=tmp_path)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "port 1 failed: Connection refused" in done.stderr
    assert PASSWORD not in done.stderr
