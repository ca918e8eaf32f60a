"""Promise P10: a shard has one writer in the world."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.end_to_end.harness import open_house, until


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
