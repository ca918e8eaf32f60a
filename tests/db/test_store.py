"""Taking a database into use: the lock first, then the file, then the epoch."""

from __future__ import annotations

from pathlib import Path

import pytest

from mocha_actors.db.ownership import ShardOwnedError
from mocha_actors.db.store import open_store
from tests.db.builders import begin, ready


async def test_each_use_begins_a_new_epoch_and_keeps_it(url: str) -> None:
    """Whoever wrote before is fenced out once there is a session to write for."""
    async with open_store(url, inline=True) as store:
        assert store.epoch == 1
        await store.port.run(lambda session: begin(session, ready(), epoch=store.epoch))
    async with open_store(url, inline=True) as store:
        assert store.epoch == 2


async def test_a_database_in_use_is_refused(url: str) -> None:
    """Before anything of it is touched."""
    async with open_store(url, inline=True):
        with pytest.raises(ShardOwnedError):
            async with open_store(url, inline=True):
                pass


async def test_a_store_that_cannot_be_opened_keeps_no_lock(path: Path) -> None:
    """Nothing is left behind."""
    path.write_bytes(b"SQLite format 3\0" + b"rubbish" * 100)
    for _ in range(2):
        with pytest.raises(Exception, match="database") as caught:
            async with open_store(f"sqlite:///{path}", inline=True):
                pass
        assert not isinstance(caught.value, ShardOwnedError)
