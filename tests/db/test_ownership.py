"""One owner in the world (P10)."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import trio

from mocha_actors.db.overflow_start import part_from
from mocha_actors.db.ownership import Ownership, ShardOwnedError
from mocha_actors.db.session import Session
from mocha_actors.db.spool import OwnerRecord, Spool
from mocha_actors.db.store import open_store
from mocha_actors.errors import FencedOutError

HOLDER = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(file, fcntl.LOCK_EX)
os.pwrite(file, str(os.getpid()).encode(), 0)
print("locked", flush=True)
sys.stdin.read()
"""


async def test_a_second_owner_is_refused_by_name_of_the_first(path: Path) -> None:
    """The error names the process that has to be stopped."""
    first = await Ownership.acquire(path)
    try:
        with pytest.raises(ShardOwnedError, match=f"running process {os.getpid()}; stop that one first"):
            await Ownership.acquire(path)
    finally:
        first.release()


async def test_ownership_can_be_taken_after_it_was_given_up(path: Path) -> None:
    """The lock file stays, the lock does not."""
    (await Ownership.acquire(path)).release()

    (await Ownership.acquire(path)).release()


async def test_a_second_owner_may_wait(path: Path, autojump_clock: trio.testing.MockClock) -> None:
    """It begins as soon as the first one ends."""
    first = await Ownership.acquire(path)

    async def end_first() -> None:
        await trio.sleep(3)
        first.release()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(end_first)
        second = await Ownership.acquire(path, wait=10)
        assert 3 <= trio.current_time() <= 3.2
    second.release()


async def test_waiting_ends(path: Path, autojump_clock: trio.testing.MockClock) -> None:
    """With the same error, after the given time."""
    first = await Ownership.acquire(path)
    with pytest.raises(ShardOwnedError):
        await Ownership.acquire(path, wait=2)
    first.release()

    assert 2 <= trio.current_time() <= 2.2


async def test_the_death_of_the_owner_releases_the_lock(path: Path) -> None:
    """Not even SIGKILL leaves something behind that has to be removed by hand."""
    command = [sys.executable, "-c", HOLDER, f"{path}.lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(ShardOwnedError, match=str(holder.pid)):
            await Ownership.acquire(path)
        holder.kill()
        holder.wait()

        (await Ownership.acquire(path)).release()


async def test_the_lock_file_is_private(path: Path) -> None:
    """Like everything beside the database (P9)."""
    (await Ownership.acquire(path)).release()

    assert stat.S_IMODE(path.with_name("mocha.db.lock").stat().st_mode) == 0o600


async def test_an_owner_that_lives_can_be_replaced(path: Path, autojump_clock: trio.testing.MockClock) -> None:
    """After the time that it was given; it finds that out, and its end takes nothing from the new one."""
    first = await Ownership.acquire(path)
    second = await Ownership.acquire(path, wait=2, take_over=True)
    assert 2 <= trio.current_time() <= 2.2
    assert (False, True) == (first.taken_over, second.taken_over)

    second.check()
    with pytest.raises(FencedOutError, match="took the database over"):
        first.check()
    first.release()
    second.check()
    with pytest.raises(ShardOwnedError):
        await Ownership.acquire(path)
    second.release()


async def test_a_free_database_is_not_taken_over(path: Path) -> None:
    """There is nobody to take it from."""
    ownership = await Ownership.acquire(path, take_over=True)
    assert not ownership.taken_over
    ownership.release()


async def test_who_waited_for_a_lock_that_was_replaced_waits_for_the_new_one(
    path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """The end of the first owner frees a file that is nobody's any more."""
    first = await Ownership.acquire(path)
    owners: list[Ownership] = []

    async def wait() -> None:
        owners.append(await Ownership.acquire(path, wait=60))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(1)
        second = await Ownership.acquire(path, take_over=True)
        first.release()
        await trio.sleep(10)
        assert [] == owners
        second.release()
    owners[0].check()
    owners[0].release()


async def test_a_transaction_of_the_owner_before_is_refused(path: Path) -> None:
    """Even when no shard ever had a session, so that there is no epoch to tell the two apart."""
    url = f"sqlite:///{path}"
    async with open_store(url, inline=True) as old:
        await old.port.run(note("old"))
        async with open_store(url, inline=True, take_over=True) as new:
            await new.port.run(note("new"))
            with pytest.raises(FencedOutError):
                await old.port.run(note("late"))
    with closing(sqlite3.connect(path)) as connection:
        assert [("new",), ("old",)] == connection.execute("SELECT text FROM noted ORDER BY text").fetchall()


def note(text: str) -> Callable[[Session], None]:
    """A job that writes."""

    def write(session: Session) -> None:
        with session.transaction() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS noted (text TEXT)")
            connection.execute("INSERT INTO noted VALUES (?)", (text,))

    return write


async def test_the_spool_of_an_owner_that_lives_is_copied(path: Path) -> None:
    """What it held is ours, and what the owner before still writes goes nowhere."""
    spool = Spool.open(path, 1 << 20)
    spool.append([OwnerRecord(1)])
    part_from(path)
    spool.append([OwnerRecord(2)])
    ours = Spool.open(path, 1 << 20)

    assert [OwnerRecord(1)] == list(ours.records())
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    spool.close()
    assert path.exists()
    ours.drained(ours.front()[-1].end)
    ours.close()
    assert not path.exists()
