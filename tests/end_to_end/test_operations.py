"""What an operator does beside a running service: a back-up, a repair, dead letters; the service writes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import trio

from tests.end_to_end.harness import House, open_house, run_mocha, until


def mocha(house: House, *arguments: str) -> str:
    """Run a command on the house's database; what it printed."""
    done = run_mocha(*arguments, "--database", str(house.database), cwd=house.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def spoil(house: House) -> None:
    """Make numbers of one rollup wrong behind the service's back, and leave a dead letter."""
    with closing(sqlite3.connect(house.database, timeout=30)) as connection, connection:
        connection.execute("UPDATE channel_hour SET sent = sent + 5")
        connection.execute(
            "INSERT INTO dead_letters (shard, seq, type, reason, error, payload, at_ms) VALUES (0, 1, 'T', 'poison', 'E: e', '{}', 1)"
        )


async def test_beside_a_running_service_everything_is_done_by_it(tmp_path: Path) -> None:
    """Its writer does what writes, asked over the control socket; the back-up is verified by itself and holds a whole moment."""
    async with open_house(tmp_path, "--rate", "300") as house:
        service = await house.start()
        await until(lambda: house.durable() > 300, f"it records; {service.text[-2000:]}")
        await trio.to_thread.run_sync(spoil, house)
        saved = tmp_path / "saved.db"

        repaired = await trio.to_thread.run_sync(mocha, house, "verify", "--repair")
        dropped = await trio.to_thread.run_sync(mocha, house, "dead-letters", "drop", "--all")
        backed_up = await trio.to_thread.run_sync(mocha, house, "backup", str(saved))
        noted = await trio.to_thread.run_sync(mocha, house, "audit")
        last = (await house.simulator.stop_traffic())[0]
        await house.drain(service, last)

        assert "built anew" in repaired
        assert dropped == "1 dead letter dropped\n"
        assert "shard 0 at " in backed_up
        assert [word in noted for word in ("repair", "drop_dead_letters", "read_backup")] == [True] * 3
        house.verify()
        copied = run_mocha("verify", "--database", str(saved), cwd=house.folder)
        assert copied.returncode == 0, copied.stdout
