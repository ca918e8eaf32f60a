"""The length of the write-ahead log is care for what comes: nothing that is known of it, or not, says that a job failed or succeeded."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from mocha_actors.db import durable
from mocha_actors.db.durable import Durable
from mocha_actors.db.errors import DatabaseUnavailableError
from mocha_actors.db.session import SqliteSession
from mocha_actors.pipeline.notices import Chore
from tests.db.builders import message, ready, rows, settled
from tests.db.test_writer import house


def away(self: SqliteSession) -> int:
    """No file descriptor is left, say."""
    raise DatabaseUnavailableError


async def test_a_job_is_done_though_nobody_can_tell_how_long_the_log_is(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked for it is answered, and nothing is tried again."""
    monkeypatch.setattr(SqliteSession, "log_pages", away)
    url = f"sqlite:///{tmp_path}/mocha.db"
    async with house(url) as writer:
        await writer.ref.tell(ready())
        await writer.flush()
        jobs = writer.faults.jobs
        chore = Chore(lambda connection: connection.execute("INSERT INTO closed_days VALUES (1, 2, 0)").rowcount)
        assert await writer.ref.ask(chore, timeout=60) == 1
        await writer.ref.tell(settled(2, [(message(),)]))
        await writer.flush()
        assert writer.faults.jobs == jobs + 2
    assert rows(url, "closed_days", "*") == [(1, 2, 0)]
    assert len(rows(url, "message_events")) == 1


async def test_commits_go_on_while_the_log_cannot_be_moved(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again when as much again was written, and the breaker knows nothing of it: nothing has to wait."""
    monkeypatch.setattr(durable, "LOG_PAGES", 20)
    tries: list[int] = []

    def refused(self: SqliteSession) -> int:
        tries.append(self.log_pages())
        raise DatabaseUnavailableError

    monkeypatch.setattr(SqliteSession, "checkpoint_log", refused)
    url = f"sqlite:///{tmp_path}/mocha.db"
    async with house(url) as writer:
        await writer.ref.tell(ready())
        for n in range(30):
            await writer.ref.tell(settled(2 + n, [(message(n),)]))
            await writer.flush()
        assert writer.counters.committed >= 30
        assert 1 < len(tries) < 20
        assert all(after - before >= 20 for before, after in pairwise(tries))
    assert len(rows(url, "message_events")) == 30


def test_a_log_that_begins_anew_may_grow_as_far_as_the_first() -> None:
    """Though a reader had kept the one before, which was moved later and later."""
    nobody: Any = None
    way = Durable(nobody, nobody, epoch=1, breaker=nobody, rng=nobody, overflow=None, on_drained=nobody)
    way._note_log(9_000)
    way._log_limit = 9_000 + durable.LOG_PAGES
    way._note_log(9_500)
    assert not way.log_full
    way._note_log(None)
    assert not way.log_full
    way._note_log(506)
    way._note_log(durable.LOG_PAGES)
    assert way.log_full
