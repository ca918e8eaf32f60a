"""Promise P10: a shard has one writer in the world."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import trio

from tests.end_to_end.harness import PATIENCE, open_house, until


async def test_a_process_that_is_fenced_out_stops_with_exit_code_3_and_writes_nothing_more(tmp_path: Path) -> None:
    """A newer owner has raised the epoch: the next transaction is refused, and no restart is tried."""
    async with open_house(tmp_path, "--rate", "300") as house:
        service = await house.start()
        await until(lambda: house.durable() > 50, f"it records; {service.text}")
        with closing(sqlite3.connect(house.database)) as newer_owner:
            newer_owner.execute("UPDATE gateway_sessions SET epoch = epoch + 1")
            newer_owner.commit()
            durable = house.durable()

        assert await service.process.wait() == 3, service.text

    assert house.durable() == durable
    lines = [line for line in service.text.splitlines() if line.startswith("mocha: ")]
    assert ["mocha: shard 0 has been taken over by another process; this one writes nothing more"] == lines


async def test_an_owner_of_a_postgresql_database_that_another_took_over_stops_with_exit_code_3(
    tmp_path: Path, postgres_url: str
) -> None:
    """Its connection is lost, and before it has another one somebody else has the lock."""
    async with open_house(tmp_path, "--rate", "300", url=postgres_url) as house:
        service = await house.start()
        await until(lambda: house.durable() > 50, f"it records; {service.text}")
        session = await trio.to_thread.run_sync(take_over, postgres_url)

        assert await service.process.wait() == 3, service.text
        session.terminate()
        session.communicate()

    assert "mocha: another process took the database over" in service.text


TAKE_OVER = """
import sys, time
from mocha_actors.db.address import database_address
from mocha_actors.db.session import open_session
session = open_session(database_address(sys.argv[1]))
with session.transaction() as connection:
    owner = session.owner()
while not session.try_own():
    with session.transaction() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = ?", (owner,))
print("owned", flush=True)
sys.stdin.read()
"""
"""The newer owner: ends the connection of the older one until it has the lock itself."""


def take_over(url: str) -> subprocess.Popen[str]:
    """A process that owns the database; it waits for its end."""
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_OVER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "owned\n"
    return process


async def test_a_second_starter_may_wait_until_the_first_gives_the_database_up(tmp_path: Path) -> None:
    """With --wait-owner it takes over where the first one stopped, and resumes its session."""
    async with open_house(tmp_path, "--rate", "300") as house:
        first = await house.start()
        await until(lambda: house.durable() > 50, f"it records; {first.text}")
        second = await house.start("--wait-owner", "30")
        first.process.terminate()
        assert await first.process.wait() == 0, first.text

        last = (await house.simulator.stop_traffic())[0]
        await house.drain(second, last)

        assert house.sessions() == 1
        house.verify()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of each kind."""
    if request.param == "sqlite":
        return "sqlite:///mocha.db"
    return str(request.getfixturevalue("postgres_url"))


async def test_a_second_starter_may_take_over_and_the_first_stops_with_exit_code_3(
    tmp_path: Path, database_url: str
) -> None:
    """With --take-over, in the middle of the traffic: the session is resumed, and everything is there once."""
    async with open_house(tmp_path, "--rate", "300", url=database_url) as house:
        first = await house.start()
        await until(lambda: house.durable() > 50, f"it records; {first.text}")
        second = await house.start("--take-over")

        assert await first.process.wait() == 3, first.text
        assert "mocha: another process took the database over" in first.text
        before = house.durable()
        await until(lambda: house.durable() > before + 100, f"the second one records; {second.text[-2000:]}")
        await house.drain(second, (await house.simulator.stop_traffic())[0])

        assert house.sessions() == 1
        house.verify()


async def test_an_idle_owner_notices_within_seconds_that_it_was_replaced(tmp_path: Path, database_url: str) -> None:
    """Nothing comes that it would write, and the next heartbeat is minutes away."""
    options = ("--rate", "1", "--count", "0", "--heartbeat-interval", "600")
    async with open_house(tmp_path, *options, url=database_url) as house:
        first = await house.start()
        await until(lambda: house.durable() > 1, f"connected; {first.text}")
        await house.start("--take-over")
        with trio.fail_after(2 * PATIENCE):
            assert await first.process.wait() == 3, first.text


async def test_an_owner_that_hangs_is_replaced_and_writes_nothing_when_it_wakes(
    tmp_path: Path, database_url: str
) -> None:
    """Suspended, it can neither give the database up nor notice anything; when it goes on, it is fenced out."""
    async with open_house(tmp_path, "--rate", "300", url=database_url) as house:
        first = await house.start()
        await until(lambda: house.durable() > 50, f"it records; {first.text}")
        first.process.send_signal(signal.SIGSTOP)
        second = await house.start("--take-over")
        before = house.durable()
        await until(lambda: house.durable() > before + 100, f"the second one records; {second.text[-2000:]}")
        first.process.send_signal(signal.SIGCONT)

        assert await first.process.wait() == 3, first.text
        await house.drain(second, (await house.simulator.stop_traffic())[0])
        assert house.sessions() == 1
        house.verify()


async def test_without_being_told_to_nobody_takes_over(tmp_path: Path) -> None:
    """The second starter fails and names the first; that one goes on."""
    async with open_house(tmp_path, "--rate", "300") as house:
        first = await house.start()
        await until(lambda: house.durable() > 50, f"it records; {first.text}")
        second = await house.start()

        assert await second.process.wait() == 1, second.text
        assert f"belongs to the running process {first.process.pid}" in second.text
        await house.drain(first, (await house.simulator.stop_traffic())[0])
        house.verify()
