"""The writer, alive under a supervisor in virtual time: what it holds survives its crashes, what it commits is told."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock

from mocha_actors.db import checkpoint
from mocha_actors.db.connection import Connection
from mocha_actors.db.engine import Job, Port
from mocha_actors.db.errors import DatabaseUnavailableError
from mocha_actors.db.grouping import Grouping
from mocha_actors.db.session import SqliteSession
from mocha_actors.db.sqlite import SqliteReader
from mocha_actors.db.store import open_store
from mocha_actors.db.wal import log_of, pages_in
from mocha_actors.db.writer import IDLE_SECONDS, Writer, WriterMessage, database_breaker, writer_mailbox
from mocha_actors.errors import FencedOutError, TransientError
from mocha_actors.pipeline.batch import IGNORED, Batch, DeadLetter
from mocha_actors.pipeline.counters import Counters
from mocha_actors.pipeline.notices import (
    EVERYTHING,
    Alive,
    Changed,
    Chore,
    ClaimIdentify,
    Committed,
    Flush,
    LoadCheckpoint,
    Resubmit,
    SessionInvalidated,
)
from mocha_actors.runtime import (
    Actor,
    ActorRef,
    Backoff,
    ChildSpec,
    Context,
    Mailbox,
    SupervisorSpec,
    new_ref,
    open_supervisor,
)
from mocha_actors.runtime.ref import DEFAULT_MAILBOX, inbox_of
from tests.db.builders import GUILD, NOON_MS, everything, message, ready, rows, settled, unsettled


class Collector(Actor[Any]):
    """Remembers what it is told."""

    def __init__(self, told: list[Any]) -> None:
        self._told = told

    async def handle(self, message: Any, ctx: Context[Any]) -> None:
        self._told.append(message)


@dataclass
class Faults:
    """What goes wrong in the database port of a test.

    Attributes:
        before: called before each job, with its number.
        after: called when the job is done and the caller does not know it yet.
        jobs: how many there were.

    """

    before: Callable[[int], None] = lambda _: None
    after: Callable[[int], None] = lambda _: None
    jobs: int = 0


class FaultyPort:
    """A port that fails where the test says."""

    def __init__(self, inner: Port, faults: Faults) -> None:
        self._inner, self._faults = inner, faults

    async def run(self, job: Job[Any]) -> Any:
        self._faults.jobs += 1
        self._faults.before(self._faults.jobs)
        result = await self._inner.run(job)
        self._faults.after(self._faults.jobs)
        return result

    async def idle(self) -> None:
        await self._inner.idle()


@dataclass
class House:
    """A writer with its neighbours."""

    ref: ActorRef[WriterMessage]
    faults: Faults
    port: Port
    counters: Counters = field(default_factory=Counters)
    committed: list[Committed] = field(default_factory=list)
    resubmitted: list[Resubmit] = field(default_factory=list)
    changes: list[Changed] = field(default_factory=list)
    cache: ActorRef[Changed] = field(default_factory=lambda: new_ref("cache"))

    async def flush(self) -> None:
        """Wait until everything is durable."""
        await self.ref.ask(Flush(), timeout=3600)


@asynccontextmanager
async def house(
    url: str, *, grouping: Grouping | None = None, max_restarts: int = 1000, cache: Mailbox = DEFAULT_MAILBOX
) -> AsyncIterator[House]:
    """Start a writer on the database at ``url``; leaving drains it."""
    faults = Faults()
    async with open_store(url, inline=True) as store:
        port = FaultyPort(store.port, faults)
        made = House(new_ref("writer", writer_mailbox()), faults, port, cache=new_ref("cache", cache))
        dispatcher, listener = new_ref("dispatcher"), new_ref("shard-0")
        writer = partial(
            Writer, port, epoch=store.epoch, dispatcher=dispatcher, listeners={0: listener}, breaker=database_breaker(),
            counters=made.counters, grouping=grouping, rng=random.Random(1), cache=made.cache,
        )  # fmt: skip
        spec = SupervisorSpec(
            children=(
                ChildSpec("dispatcher", partial(Collector, made.resubmitted), ref=dispatcher),
                ChildSpec("shard-0", partial(Collector, made.committed), ref=listener),
                ChildSpec("cache", partial(Collector, made.changes), ref=made.cache),
                ChildSpec("writer", writer, ref=made.ref, shutdown=60.0, backoff=Backoff(0.1, 1.0, jitter="none")),
            ),
            max_restarts=max_restarts,
            max_seconds=1e6,
        )
        async with open_supervisor(spec):
            yield made


def seq(url: str) -> int:
    """The durable position of shard 0; 0 before it has a session."""
    found = rows(url, "gateway_sessions", "seq")
    return found[0][0] if found else 0  # type: ignore[return-value]


async def test_a_session_is_durable_at_once(url: str, autojump_clock: MockClock) -> None:
    """Whatever the linger time: a crash would cost an IDENTIFY."""
    async with house(url, grouping=Grouping(linger=100.0)) as writer:
        await writer.ref.tell(ready())
        await trio.sleep(0.001)
        await writer.ref.tell(ready(shard=1))
        await trio.sleep(0.001)

        assert rows(url, "gateway_sessions", "shard, seq") == [(0, 1), (1, 1)]


async def test_batches_under_load_share_a_transaction(url: str, autojump_clock: MockClock) -> None:
    """After a commit the next one waits for company for the linger time, and no longer."""
    async with house(url, grouping=Grouping(linger=0.04)) as writer:
        await writer.ref.tell(ready())
        await trio.sleep(0.01)
        for n in range(3):
            await writer.ref.tell(settled(2 + n, [IGNORED]))
            await trio.sleep(0.005)
        assert seq(url) == 1
        await trio.sleep(0.02)

        assert seq(url) == 4
        assert writer.counters.transactions == 2


async def test_after_a_pause_a_batch_is_committed_at_once(url: str, autojump_clock: MockClock) -> None:
    """Settled one second after its receipt, durable without delay."""
    async with house(url, grouping=Grouping(linger=0.04)) as writer:
        batch = unsettled(2, 1)
        await writer.ref.tell(ready())
        await writer.ref.tell(batch)
        await trio.sleep(1)
        batch.settle(0, (message(),))
        await trio.sleep(0.001)

        assert seq(url) == 2


async def test_the_cache_is_told_of_a_commit_before_anybody_can_learn_of_it(
    url: str, autojump_clock: MockClock
) -> None:
    """By the time a flush is answered, the notice stands in its mailbox: whoever asks then is answered from after the commit."""
    async with house(url) as writer:
        await writer.ref.tell(ready())
        await writer.flush()
        await trio.sleep(1)
        await writer.ref.tell(settled(2, [(message(),)]))
        waiting: list[int] = []
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def ask() -> None:
                await writer.ref.ask(Flush(), timeout=60)
                waiting.append(inbox_of(writer.cache).statistics().waiting + len(writer.changes))

        await trio.sleep(1)

    assert waiting == [2]
    assert EVERYTHING == writer.changes[0]
    assert [GUILD] == writer.changes[1].guilds


async def test_a_commit_that_the_writer_did_not_live_to_tell_is_told_by_the_next_one(
    url: str, autojump_clock: MockClock
) -> None:
    """It passes over what is durable, and tells it all the same."""
    async with house(url) as writer:
        await writer.ref.tell(ready())
        await writer.flush()
        jobs = writer.faults.jobs

        def die(job: int) -> None:
            if job == jobs + 1:
                raise ZeroDivisionError

        writer.faults.after = die
        await writer.ref.tell(settled(2, [(message(),)]))
        await trio.sleep(10)

    assert [[], [GUILD]] == [notice.guilds for notice in writer.changes]
    assert rows(url, "guilds", "revision") == [(1,)]


async def test_what_a_full_mailbox_of_the_cache_refuses_is_said_again(url: str, autojump_clock: MockClock) -> None:
    """With the next commit, or when the writer looks after itself."""
    async with house(url, cache=Mailbox(1)) as writer:
        await writer.ref.tell(ready())
        await writer.flush()
        await trio.sleep(1)
        writer.cache.tell_nowait(Changed())
        await writer.ref.tell(settled(2, [(message(),)]))
        await writer.flush()
        await trio.sleep(IDLE_SECONDS + 1)

    assert [GUILD] in [notice.guilds for notice in writer.changes]


async def test_listeners_are_told_what_is_durable(url: str, autojump_clock: MockClock) -> None:
    """A heartbeat carries it."""
    async with house(url) as writer:
        await writer.ref.tell(ready())
        await writer.ref.tell(settled(2, [IGNORED] * 3))
        await writer.flush()
        await trio.lowlevel.checkpoint()

    assert writer.committed[-1] == Committed(0, "session-1", 4)


async def test_what_was_committed_is_counted_with_its_lag(url: str, autojump_clock: MockClock) -> None:
    """From receive to commit, in events."""
    async with house(url) as writer:
        await writer.ref.tell(ready())
        await writer.flush()
        batch = unsettled(2, 3)
        batch.received_at = trio.current_time()
        await writer.ref.tell(batch)
        await trio.sleep(2)
        for index, outcome in enumerate([(message(),), IGNORED, DeadLetter("invalid", "x")]):
            batch.settle(index, outcome)
        await writer.flush()

        counters = writer.counters
        assert (counters.committed, counters.ignored, counters.dead_lettered) == (4, 1, 1)
        assert counters.lag.total == 4
        assert counters.lag.percentile(100) == pytest.approx(2.0, rel=0.06)


async def test_a_flush_waits_for_what_was_offered_before_and_not_for_what_came_after(
    url: str, autojump_clock: MockClock
) -> None:
    """It is answered while a later batch is still open."""
    async with house(url) as writer:
        first, second = unsettled(2, 1), unsettled(3, 1)
        await writer.ref.tell(ready())
        await writer.ref.tell(first)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.flush)
            await trio.sleep(1)
            await writer.ref.tell(second)
            assert len(nursery.child_tasks) == 1
            first.settle(0, IGNORED)
        assert seq(url) == 2
        second.settle(0, IGNORED)


async def test_stopping_commits_what_is_settled(url: str, autojump_clock: MockClock) -> None:
    """The last commit is made before the writer ends (P8)."""
    async with house(url, grouping=Grouping(linger=100.0)) as writer:
        await writer.ref.tell(ready())
        await trio.sleep(0.01)
        await writer.ref.tell(settled(2, [(message(),)]))

    assert seq(url) == 2


async def test_the_checkpoint_is_answered_from_the_database(url: str, autojump_clock: MockClock) -> None:
    """None for a shard without a session, or with a refused one."""
    async with house(url) as writer:
        assert await writer.ref.ask(LoadCheckpoint(0), timeout=5) is None
        await writer.ref.tell(ready())
        await writer.flush()
        found = await writer.ref.ask(LoadCheckpoint(0), timeout=5)
        assert found is not None
        assert found.seq == 1
        await writer.ref.tell(Alive(0, NOON_MS + 5))
        await writer.ref.tell(SessionInvalidated(0, "session-1"))

        assert await writer.ref.ask(LoadCheckpoint(0), timeout=5) is None
    assert rows(url, "gateway_sessions", "last_alive_ms") == [(NOON_MS + 5,)]


async def test_a_claim_to_identify_is_durable_when_it_is_granted(url: str, autojump_clock: MockClock) -> None:
    """The next process knows of it."""
    async with house(url) as writer:
        assert await writer.ref.ask(ClaimIdentify(0, NOON_MS), timeout=5) == 0
        assert await writer.ref.ask(ClaimIdentify(0, NOON_MS), timeout=5) > 0

    assert rows(url, "identify_log", "at_ms, shard") == [(NOON_MS, 0)]


async def test_when_idle_the_write_ahead_log_is_moved_into_the_database(path: Path, autojump_clock: MockClock) -> None:
    """Not during a burst, where it would make a commit slow."""
    async with house(f"sqlite:///{path}") as writer:
        await writer.ref.tell(ready())
        await writer.flush()
        jobs = writer.faults.jobs
        await trio.sleep(4.9)
        assert writer.faults.jobs == jobs
        await trio.sleep(100)

        assert writer.faults.jobs == jobs + 1
        assert b"session-1" in path.read_bytes()


@contextmanager
def pages_of_commits(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Pages of the write-ahead log after each commit, none of which may change the database's file."""
    found: list[int] = []
    transaction = SqliteSession.transaction

    @contextmanager
    def watched(self: SqliteSession) -> Iterator[Connection]:
        with transaction(self) as connection:
            yield connection
            before = path.read_bytes()
        assert path.read_bytes() == before, "a commit moved the log into the database"
        found.append(pages_in(log_of(path)))

    monkeypatch.setattr(SqliteSession, "transaction", watched)
    yield found


async def test_under_load_the_log_is_moved_between_commits_and_stays_bounded(
    path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the load lasts: the log is never longer than its limit and one commit, and no commit has to move it."""
    monkeypatch.setattr("mocha_actors.db.durable.LOG_PAGES", 50)
    with pages_of_commits(path, monkeypatch) as commits:
        async with house(f"sqlite:///{path}") as writer:
            await writer.ref.tell(ready())
            await trio.sleep(0.001)
            commits.clear()
            for n in range(60):
                await writer.ref.tell(settled(2 + n, [(message(n, at_ms=NOON_MS + 3_600_000 * n),)]))
                await trio.sleep(0.1)
            pages = list(commits)

    assert len(pages) == 60
    assert sum(after - before for before, after in pairwise(pages) if after > before) > 300, (
        "too little was written to show anything"
    )
    assert max(pages) < 50 + 20


async def test_a_log_that_a_reader_keeps_is_not_moved_after_every_commit(
    path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again when as much again was written, and succeeds when the reader is gone."""
    monkeypatch.setattr("mocha_actors.db.durable.LOG_PAGES", 50)
    moves: list[int] = []
    checkpoint_log = SqliteSession.checkpoint_log

    def counted(self: SqliteSession) -> int:
        moves.append(checkpoint_log(self))
        return moves[-1]

    monkeypatch.setattr(SqliteSession, "checkpoint_log", counted)
    async with house(f"sqlite:///{path}") as writer:
        await writer.ref.tell(ready())
        await trio.sleep(1)
        moves.clear()
        with closing(SqliteReader(path)) as reader:
            reader._connection.execute("BEGIN")
            reader._connection.execute("SELECT count(*) FROM message_events").fetchone()
            for n in range(40):
                await writer.ref.tell(settled(2 + n, [(message(n, at_ms=NOON_MS + 3_600_000 * n),)]))
                await writer.flush()
            pages = pages_in(log_of(path))
            assert 0 < len(moves) <= pages // 50
            assert all(moves)
        for n in range(40, 60):
            await writer.ref.tell(settled(2 + n, [(message(n, at_ms=NOON_MS + 3_600_000 * n),)]))
            await writer.flush()

        assert moves[-1] == 0
        assert pages_in(log_of(path)) < pages


# Faults


async def test_while_the_database_is_away_nothing_is_lost_and_nobody_crashes(
    url: str, autojump_clock: MockClock
) -> None:
    """The writer tries again; batches wait in its hands (P5)."""
    async with house(url, max_restarts=0) as writer:
        await writer.ref.tell(ready())
        await writer.flush()
        back_at = trio.current_time() + 120

        def away(_: int) -> None:
            if trio.current_time() < back_at:
                raise DatabaseUnavailableError("the database is not available: database is locked")

        writer.faults.before = away
        await writer.ref.tell(settled(2, [(message(),)]))
        await writer.flush()

        assert back_at <= trio.current_time() <= back_at + 6
        assert seq(url) == 2


async def test_a_commit_whose_answer_was_lost_is_not_made_twice(url: str, autojump_clock: MockClock) -> None:
    """The COMMIT took effect and the error came after it."""
    async with house(url) as writer:
        await writer.ref.tell(ready())
        await writer.flush()

        def lose(_: int) -> None:
            writer.faults.after = lambda _: None
            raise DatabaseUnavailableError("the database is not available: disk I/O error")

        writer.faults.after = lose
        await writer.ref.tell(settled(2, [DeadLetter("invalid", "x"), (message(),)]))
        await writer.flush()

    assert len(rows(url, "dead_letters")) == 1
    assert rows(url, "guild_hour", "sent") == [(1,)]


async def test_a_stuck_batch_is_handed_out_again_and_then_given_up(url: str, autojump_clock: MockClock) -> None:
    """After 30 and after 60 seconds; what is behind it goes on (P3)."""
    async with house(url) as writer:
        stuck = unsettled(2, 2)
        await writer.ref.tell(ready())
        await writer.ref.tell(stuck)
        await writer.ref.tell(settled(4, [(message(),)]))
        stuck.settle(0, IGNORED)
        await trio.sleep(30.1)
        assert [resubmit.batch for resubmit in writer.resubmitted] == [stuck]
        assert seq(url) == 1
        await trio.sleep(30.1)

        assert len(writer.resubmitted) == 1
        assert seq(url) == 4
    assert rows(url, "dead_letters", "seq, reason") == [(3, "unsettled")]


async def test_its_own_outages_make_no_batch_stuck(url: str, autojump_clock: MockClock) -> None:
    """Processors are not blamed for a database that is away."""
    async with house(url) as writer:
        open_batch = unsettled(3, 1)
        await writer.ref.tell(ready())
        await writer.flush()
        back_at = trio.current_time() + 100

        def away(_: int) -> None:
            if trio.current_time() < back_at:
                raise DatabaseUnavailableError("the database is not available: database is locked")

        await writer.ref.tell(open_batch)
        await trio.sleep(0.01)
        writer.faults.before = away
        await writer.ref.tell(Alive(0, NOON_MS))
        await trio.sleep(120)

        assert writer.resubmitted == []
        open_batch.settle(0, IGNORED)


async def test_a_writer_that_was_fenced_out_ends_the_tree_with_that_error(url: str, autojump_clock: MockClock) -> None:
    """The program stops with exit code 3 (P10); nothing of the batch is written."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - its cause is looked at
        async with house(url, max_restarts=1) as writer:
            await writer.ref.tell(ready())
            await writer.flush()
            await writer.port.run(claim)
            await writer.ref.tell(settled(2, [(message(),)]))
            await trio.sleep(60)

    assert any(isinstance(error, FencedOutError) for error in causes(caught.value))
    assert rows(url, "message_events") == []


def claim(session: Any) -> None:
    """Another owner begins."""
    with session.transaction() as connection:
        checkpoint.claim_epoch(connection)


def causes(error: BaseException | None) -> list[BaseException]:
    """An error with all that led to it."""
    if error is None:
        return []
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else (error.__cause__,)
    return [error, *(cause for each in inner for cause in causes(each))]


# Crashes of the writer itself


class Bug(Exception):
    """What no one thought of."""


STREAM = [
    DeadLetter("invalid", f"event {n}")
    if n % 7 == 3
    else IGNORED
    if n % 5 == 4
    else (message(n, at_ms=NOON_MS + n * 400_000),)
    for n in range(24)
]


async def run_stream(url: str, faults_of: Callable[[House], None]) -> House:
    """Offer a READY and six batches of four, of which some are settled late, and drain."""
    async with house(url, grouping=Grouping(linger=0.01, max_events=8)) as writer:
        faults_of(writer)
        await writer.ref.tell(ready())
        late: list[Batch] = []
        for start in range(0, 24, 4):
            batch = unsettled(2 + start, 4)
            await writer.ref.tell(batch)
            late.append(batch)
            await trio.sleep(0.004)
        for number, batch in sorted(enumerate(late), key=lambda each: each[0] % 3):
            for index in range(4):
                batch.settle(index, STREAM[number * 4 + index])
            await trio.sleep(0.004)
        with trio.move_on_after(30):
            while seq(url) < 25:
                await trio.sleep(0.1)
        return writer


async def test_a_crash_at_any_job_before_or_after_it_loses_and_doubles_nothing(
    new_database_url: Callable[[], str], autojump_clock: MockClock
) -> None:
    """Each incarnation dies at another point; the tables are those of a run without crashes (P1)."""
    calm_url = new_database_url()
    calm = await run_stream(calm_url, lambda _: None)
    expected = everything(calm_url)
    assert expected["gateway_sessions"][0][3] == 25
    for place in ("before", "after"):
        for number in range(1, calm.faults.jobs + 1):
            url = new_database_url()
            await run_stream(url, partial(crash_at, place=place, number=number))

            assert everything(url) == expected, f"crash {place} job {number}"


def crash_at(writer: House, *, place: str, number: int) -> None:
    """Let the writer die at its job ``number``."""

    def crash(job: int) -> None:
        if job == number:
            raise Bug

    setattr(writer.faults, place, crash)


async def test_a_writer_that_crashes_at_every_other_job_gets_through(
    new_database_url: Callable[[], str], autojump_clock: MockClock
) -> None:
    """No batch is ever declared poison because of the writer."""
    calm = new_database_url()
    await run_stream(calm, lambda _: None)
    url = new_database_url()

    def every_other(job: int) -> None:
        if job % 2:
            raise Bug

    await run_stream(url, lambda writer: setattr(writer.faults, "before", every_other))

    assert everything(url) == everything(calm)


def test_a_batch_weighs_its_events() -> None:
    """The mailbox is bounded by events and bytes, not by messages."""
    mailbox = writer_mailbox(events=100, max_bytes=1000)
    batch = unsettled(1, 7)

    assert mailbox.weigh is not None
    assert mailbox.size is not None
    assert (mailbox.weigh(batch), mailbox.weigh(Flush())) == (7, 1)
    assert (mailbox.size(batch), mailbox.size(Flush())) == (7000, 0)


async def test_a_chore_is_done_between_two_groups_of_events(url: str, autojump_clock: MockClock) -> None:
    """In a transaction of its own; its result is the answer."""
    async with house(url) as made:
        await made.ref.tell(ready())
        await made.flush()
        chore = Chore(lambda connection: connection.execute("INSERT INTO closed_days VALUES (1, 2, 0)").rowcount)

        assert await made.ref.ask(chore, timeout=60) == 1

    assert rows(url, "closed_days", "*") == [(1, 2, 0)]


async def test_a_chore_that_cannot_be_done_is_its_askers_trouble(url: str, autojump_clock: MockClock) -> None:
    """Nothing of it is written, it does not come again, and the writer goes on."""

    def broken(connection: Any) -> int:
        connection.execute("INSERT INTO closed_days VALUES (1, 2, 0)")
        raise ZeroDivisionError

    async with house(url) as made:
        await made.ref.tell(ready())
        with pytest.raises(ZeroDivisionError):
            await made.ref.ask(Chore(broken), timeout=60)
        await made.ref.tell(settled(2, [(message(),)]))
        await made.flush()

    assert rows(url, "closed_days", "*") == []
    assert len(rows(url, "message_events")) == 1


async def test_a_chore_does_not_wait_for_a_database_that_is_away(url: str, autojump_clock: MockClock) -> None:
    """Maintenance can wait for the next round; events cannot wait for maintenance."""

    def away(_: int) -> None:
        raise DatabaseUnavailableError

    async with house(url) as made:
        made.faults.before = away
        began = trio.current_time()
        with pytest.raises(TransientError):
            await made.ref.ask(Chore(lambda _: 0), timeout=60)
        made.faults.before = lambda _: None

    assert trio.current_time() - began < 1
