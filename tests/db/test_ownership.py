"""One owner in the world (P10)."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from mocha_actors.db.ownership import Ownership, ShardOwnedError

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
