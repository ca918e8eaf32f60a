"""What comes of each trouble with the database, by the real SQLite wherever it can be brought about.

See the table in :mod:`mocha_actors.db.durable`. What is brought about elsewhere: a server that is away or ends connections (``tests/end_to_end``),
another owner (``test_overflow``).
"""

from __future__ import annotations

import errno
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from trio.testing import MockClock

from mocha_actors.db import session as session_module
from mocha_actors.db import spool
from mocha_actors.db.errors import DatabaseDamagedError
from mocha_actors.db.overflow_start import SpoolPlace
from mocha_actors.db.session import Session
from mocha_actors.db.spool import SpoolUnwritableError
from mocha_actors.db.store import open_store
from mocha_actors.db.writer import Writer, database_breaker, writer_mailbox
from mocha_actors.errors import SystemFailure
from mocha_actors.pipeline.batch import Batch
from mocha_actors.runtime import Backoff, ChildSpec, FatalChildError, SupervisorSpec, new_ref, open_supervisor
from mocha_actors.tree import FATAL
from tests.db.builders import message, ready, rows, settled
from tests.db.test_writer import Collector, Faults, FaultyPort, House

LIMIT = 1 << 20


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite waits for locks in real time."""
    monkeypatch.setattr(session_module, "BUSY_SECONDS", 0.01)


@asynccontextmanager
async def house(path: Path, limit: int = LIMIT, delay: float = 0.0) -> AsyncIterator[House]:
    """A writer on the real database, as the tree has it, with a session; each job takes ``delay`` seconds."""
    place = SpoolPlace(path.with_suffix(".spool"), limit) if limit else None
    async with open_store(f"sqlite:///{path}", inline=True, spool=place) as store:
        port = Slow(store.port, delay)
        made = House(new_ref("writer", writer_mailbox()), Faults(), port)
        dispatcher, listener = new_ref("dispatcher"), new_ref("shard-0")
        writer = partial(
            Writer, port, epoch=store.epoch, dispatcher=dispatcher, listeners={0: listener}, breaker=database_breaker(),
            counters=made.counters, rng=random.Random(1), overflow=store.overflow,
        )  # fmt: skip
        spec = SupervisorSpec(
            children=(
                ChildSpec("dispatcher", partial(Collector, made.resubmitted), ref=dispatcher),
                ChildSpec("shard-0", partial(Collector, made.committed), ref=listener),
                ChildSpec("writer", writer, ref=made.ref, shutdown=60.0, backoff=Backoff(0.1, 1.0), fatal=FATAL),
            )
        )
        async with open_supervisor(spec):
            await made.ref.tell(ready())
            await made.flush()
            yield made


class Slow(FaultyPort):
    """A port whose jobs take their time."""

    def __init__(self, inner: Any, seconds: float) -> None:
        super().__init__(inner, Faults())
        self._seconds = seconds

    async def run(self, job: Callable[[Session], Any]) -> Any:
        await trio.sleep(self._seconds)
        return await super().run(job)


def batch(number: int, size: int = 20) -> Batch:
    """A batch of messages."""
    return settled(2 + size * number, [(message(size * number + n, user=size * number + n + 1),) for n in range(size)])


def events(logs: list[Any]) -> set[str]:
    """The names of what was logged."""
    return {line["event"] for line in logs}


async def send(writer: House, first: int, last: int) -> None:
    """Send batches, a second apart, and wait until they are durable somewhere."""
    for number in range(first, last):
        await writer.ref.tell(batch(number))
        await trio.sleep(1)
    await writer.flush()


async def pragma(writer: House, text: str) -> None:
    """Set a limit on the writer's own connection."""
    await writer.port.run(lambda session: session._connections[0].execute(f"PRAGMA {text}").fetchone())  # type: ignore[attr-defined]


async def test_a_slow_database_is_waited_for(path: Path, autojump_clock: MockClock) -> None:
    """Nothing is refused, nothing spooled: what comes meanwhile shares a transaction."""
    async with house(path, delay=3.0) as writer:
        await send(writer, 0, 10)

        assert writer.counters.spooled == 0
        assert len(rows(path, "message_events")) == 200
        assert writer.counters.transactions < 10


async def test_a_database_that_another_program_locks_is_spooled_over(path: Path, autojump_clock: MockClock) -> None:
    """As soon as the lock is given back everything is in the database, in order."""
    with structlog.testing.capture_logs() as logs, closing(sqlite3.connect(path, isolation_level=None)) as other:
        async with house(path) as writer:
            other.execute("BEGIN IMMEDIATE")
            await send(writer, 0, 10)
            assert writer.counters.spooled == 200
            assert rows(path, "message_events") == []
            other.execute("ROLLBACK")
            await trio.sleep(60)

            assert len(rows(path, "message_events")) == 200
            assert rows(path, "gateway_sessions", "seq") == [(201,)]
    assert {"writer.retrying", "spool.started", "spool.emptied"} <= events(logs)


async def test_a_full_disk_is_spooled_over(path: Path, autojump_clock: MockClock) -> None:
    """The transaction that found no room left nothing behind; after there is room again everything is there."""
    with structlog.testing.capture_logs() as logs:
        async with house(path) as writer:
            await send(writer, 0, 1)
            await pragma(writer, "max_page_count = 1")  # no more than there are
            await send(writer, 1, 60)
            assert writer.counters.spooled > 0
            stored = len(rows(path, "message_events"))
            assert stored < 1200
            await pragma(writer, "max_page_count = 1000000")
            await trio.sleep(60)

            assert len(rows(path, "message_events")) == 1200
            assert rows(path, "gateway_sessions", "seq") == [(1201,)]
            assert sum(sent for (*_, sent, _) in rows(path, "user_day")) == 1200  # type: ignore[misc]
    assert any("database or disk is full" in line.get("error", "") for line in logs)
    assert rows(path, "dead_letters") == []


async def test_a_full_disk_without_a_spool_is_waited_for(path: Path, autojump_clock: MockClock) -> None:
    """Nothing is acknowledged meanwhile, so Discord would send it again."""
    async with house(path, limit=0) as writer:
        await pragma(writer, "max_page_count = 1")
        for number in range(60):
            await writer.ref.tell(batch(number))
        await trio.sleep(600)
        last = writer.committed[-1].seq if writer.committed else 0
        assert last < 1201
        assert last == rows(path, "gateway_sessions", "seq")[0][0]
        await pragma(writer, "max_page_count = 1000000")
        await writer.flush()

        assert len(rows(path, "message_events")) == 1200


async def test_a_disk_that_takes_neither_database_nor_spool_is_waited_for(
    path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the spool could not write does not count as durable."""

    def refuse(file: int, data: bytes, position: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with structlog.testing.capture_logs() as logs:
        async with house(path) as writer:
            await pragma(writer, "max_page_count = 1")
            with monkeypatch.context() as broken:
                broken.setattr(spool, "_write_all", refuse)
                for number in range(60):
                    await writer.ref.tell(batch(number))
                await trio.sleep(600)
                assert writer.counters.spooled == 0
                assert (writer.committed[-1].seq if writer.committed else 0) < 1201
            await pragma(writer, "max_page_count = 1000000")
            await writer.flush()
            await trio.sleep(60)

            assert len(rows(path, "message_events")) == 1200
    assert "spool.full" in events(logs)


async def test_a_spool_that_cannot_be_opened_fails_the_start(path: Path) -> None:
    """One line, and nothing is received that could not be kept."""
    path.with_suffix(".spool").mkdir()

    with pytest.raises(SpoolUnwritableError, match=r"mocha\.spool cannot be used: Is a directory"):
        async with open_store(f"sqlite:///{path}", inline=True, spool=SpoolPlace(path.with_suffix(".spool"), LIMIT)):
            pass


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
async def test_a_file_that_is_removed_or_replaced_ends_the_tree(
    path: Path, autojump_clock: MockClock, replaced: bool
) -> None:
    """The system would let it write on, into a file without a name; not one event more is acknowledged."""
    committed: list[Any] = []
    with pytest.raises(FatalChildError) as caught:
        async with house(path) as writer:
            committed = writer.committed
            await send(writer, 0, 1)
            path.unlink()
            if replaced:
                path.write_bytes(b"")
            await writer.ref.tell(batch(1))
            await trio.sleep(600)

    assert isinstance(caught.value.__cause__, SystemFailure)
    assert "mocha.db was removed or replaced while it was open" in str(caught.value.__cause__)
    assert committed[-1].seq == 21


async def test_a_damaged_page_ends_the_tree(path: Path, autojump_clock: MockClock) -> None:
    """No retry mends it, and no spool: what is damaged is for a person to decide."""
    with pytest.raises(FatalChildError) as caught:
        async with house(path) as writer:
            await send(writer, 0, 20)
            await writer.port.run(lambda session: session.compact_log())
            with closing(sqlite3.connect(path)) as other:
                (root,) = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'user_day'").fetchone()
                # So that the writer reads its pages anew.
                other.execute("UPDATE guilds SET name = 'x'")
                other.commit()
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                with path.open("r+b") as file:
                    file.seek((root - 1) * 4096)
                    file.write(b"\xa5" * 4096)
                await writer.ref.tell(batch(20))
                await trio.sleep(600)

    assert isinstance(caught.value.__cause__, DatabaseDamagedError)
    assert "malformed" in str(caught.value.__cause__)
