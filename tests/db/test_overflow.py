"""While the database is away the writer writes to the spool; afterwards everything is in the database, once and in order."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from mocha_actors.db.errors import DatabaseUnavailableError
from mocha_actors.db.overflow_start import SpoolPlace
from mocha_actors.db.spool import BatchRecord, OwnerRecord, Spool, record_of
from mocha_actors.db.store import Store, open_store
from mocha_actors.db.writer import Writer, database_breaker, writer_mailbox
from mocha_actors.errors import FencedOutError
from mocha_actors.pipeline.batch import IGNORED, Batch, DeadLetter
from mocha_actors.pipeline.notices import (
    Alive,
    ClaimIdentify,
    Committed,
    LoadCheckpoint,
    SessionInvalidated,
)
from mocha_actors.runtime import Backoff, ChildSpec, FatalChildError, SupervisorSpec, new_ref, open_supervisor
from tests.db.builders import NOON_MS, everything, message, ready, rows, settled
from tests.db.test_writer import Collector, Faults, FaultyPort, House

LIMIT = 1 << 20


class Outage:
    """A database that can be taken away and given back."""

    def __init__(self) -> None:
        self.away = False

    def __call__(self, _job: int) -> None:
        if self.away:
            raise DatabaseUnavailableError("away")


@asynccontextmanager
async def opened(path: Path, limit: int = LIMIT) -> AsyncIterator[Store]:
    """The database with a spool beside it."""
    place = SpoolPlace(path.with_suffix(".spool"), limit)
    async with open_store(f"sqlite:///{path}", inline=True, spool=place) as store:
        yield store


@asynccontextmanager
async def house(path: Path, outage: Outage, limit: int = LIMIT) -> AsyncIterator[House]:
    """A writer with a spool, and the switch of its database; leaving drains what can be drained."""
    async with opened(path, limit) as store:
        faults = Faults(before=outage)
        port = FaultyPort(store.port, faults)
        made = House(new_ref("writer", writer_mailbox()), faults, port)
        dispatcher, listener = new_ref("dispatcher"), new_ref("shard-0")
        writer = partial(
            Writer, port, epoch=store.epoch, dispatcher=dispatcher, listeners={0: listener}, breaker=database_breaker(),
            counters=made.counters, rng=random.Random(1), overflow=store.overflow,
        )  # fmt: skip
        spec = SupervisorSpec(
            children=(
                ChildSpec("dispatcher", partial(Collector, made.resubmitted), ref=dispatcher),
                ChildSpec("shard-0", partial(Collector, made.committed), ref=listener),
                ChildSpec(
                    "writer", writer, ref=made.ref, shutdown=60.0, backoff=Backoff(0.1, 1.0, jitter="none"),
                    fatal=(FencedOutError,),
                ),
            ),
            max_restarts=1000, max_seconds=1e6,
        )  # fmt: skip
        async with open_supervisor(spec):
            yield made


def batches(count: int, first: int = 2) -> list[Batch]:
    """Batches of two events each, a message and an ignored one, from ``first`` on."""
    return [settled(first + 2 * n, [(message(first + n),), IGNORED]) for n in range(count)]


async def test_in_an_outage_events_become_durable_in_the_spool_and_later_rows(
    path: Path, autojump_clock: MockClock
) -> None:
    """The shard is told that they are durable, and a checkpoint is answered, while the database holds nothing of them."""
    outage = Outage()
    async with house(path, outage) as writer:
        await writer.ref.tell(ready())
        await writer.flush()
        outage.away = True
        for batch in batches(3):
            await writer.ref.tell(batch)
        await writer.flush()
        await wait_all_tasks_blocked()

        assert Committed(0, "session-1", 7) == writer.committed[-1]
        known = await writer.ref.ask(LoadCheckpoint(0), timeout=60)
        assert known is not None
        assert (7, "session-1") == (known.seq, known.session_id)
        assert [] == rows(path, "message_events")
        assert (6, 1) == (writer.counters.spooled, writer.counters.committed)
        outage.away = False
        await trio.sleep(60)

        assert 3 == len(rows(path, "message_events"))
        assert [(7,)] == rows(path, "gateway_sessions", "seq")
        assert 7 == writer.counters.committed
    assert not path.with_suffix(".spool").exists()


async def test_a_short_refusal_is_waited_for(path: Path, autojump_clock: MockClock) -> None:
    """A lock is no outage: the spool is not touched."""
    outage = Outage()
    async with house(path, outage) as writer:
        await writer.ref.tell(ready())
        await writer.flush()
        outage.away = True
        await writer.ref.tell(batches(1)[0])
        await trio.sleep(0.1)
        outage.away = False
        await writer.flush()

        assert 0 == writer.counters.spooled
        assert 1 == len(rows(path, "message_events"))


async def test_what_comes_while_the_spool_drains_goes_behind_it(path: Path, autojump_clock: MockClock) -> None:
    """Otherwise an event would overtake those that wait (promise P2)."""
    outage = Outage()
    async with house(path, outage) as writer:
        await writer.ref.tell(ready())
        outage.away = True
        for batch in batches(2):
            await writer.ref.tell(batch)
        await writer.flush()
        outage.away = False
        await writer.ref.tell(settled(6, [(message(100),)]))
        await writer.flush()
        await trio.sleep(60)

        assert 3 == len(rows(path, "message_events"))
        assert [(6,)] == rows(path, "gateway_sessions", "seq")


async def test_a_process_that_died_in_an_outage_loses_nothing(path: Path, autojump_clock: MockClock) -> None:
    """The next one finds the spool, answers by it at once, and drains it before anything newer."""
    outage = Outage()
    with pytest.raises(trio.TooSlowError):
        with trio.fail_after(1e6):
            async with house(path, outage) as writer:
                await writer.ref.tell(ready())
                await writer.flush()
                outage.away = True
                for batch in batches(3):
                    await writer.ref.tell(batch)
                await writer.flush()
                raise trio.TooSlowError
    assert [] == rows(path, "message_events")

    outage.away = False
    async with house(path, outage) as writer:
        known = await writer.ref.ask(LoadCheckpoint(0), timeout=60)
        assert known is not None
        assert 7 == known.seq
        await writer.ref.tell(settled(8, [(message(50),)]))
        await writer.flush()
        await trio.sleep(60)
        assert 4 == len(rows(path, "message_events"))
        assert [(8,)] == rows(path, "gateway_sessions", "seq")


async def test_a_full_spool_is_back_pressure(path: Path, autojump_clock: MockClock) -> None:
    """Nothing more is taken until the database is back; then everything is there."""
    outage = Outage()
    async with house(path, outage, limit=2000) as writer:
        await writer.ref.tell(ready())
        await writer.flush()
        outage.away = True
        for batch in batches(100):
            await writer.ref.tell(batch)
            await trio.sleep(1)
        spooled = writer.counters.spooled
        assert 0 < spooled < 200
        await trio.sleep(300)
        assert spooled == writer.counters.spooled
        outage.away = False
        await writer.flush()
        await trio.sleep(60)

        assert 100 == len(rows(path, "message_events"))
        assert 201 == writer.counters.committed


async def test_refusals_evidence_and_identifies_wait_in_their_order(path: Path, autojump_clock: MockClock) -> None:
    """A session that was refused in the outage is not resumed, in it or after it; an identify counts from the moment it is allowed."""
    outage = Outage()
    now_ms = NOON_MS + 1000
    async with house(path, outage) as writer:
        await writer.ref.tell(ready())
        await writer.flush()
        outage.away = True
        await writer.ref.tell(batches(1)[0])
        await writer.ref.tell(Alive(0, NOON_MS + 500))
        await writer.ref.tell(SessionInvalidated(0, "session-1"))
        assert None is await writer.ref.ask(LoadCheckpoint(0), timeout=60)
        assert 0.0 == await writer.ref.ask(ClaimIdentify(0, now_ms), timeout=60)
        assert 5.25 == await writer.ref.ask(ClaimIdentify(0, now_ms), timeout=60)
        assert [] == rows(path, "identify_log", "*")
        outage.away = False
        await trio.sleep(60)

        assert [(8, now_ms, 0)] == rows(path, "identify_log", "*")
        assert [(NOON_MS + 500, None)] == rows(path, "gateway_sessions", "last_alive_ms, resume_url")
        assert 1 == len(rows(path, "message_events"))


async def test_the_spool_of_an_owner_that_others_followed_is_kept_and_not_replayed(
    path: Path, autojump_clock: MockClock
) -> None:
    """What they wrote may contradict it (promise P10)."""
    async with house(path, Outage()) as writer:
        await writer.ref.tell(ready())
        await writer.flush()
    async with opened(path), _between_owners():
        pass
    spool = Spool.open(path.with_suffix(".spool"), LIMIT)
    spool.append([OwnerRecord(1), record_of(batches(1)[0])])

    async with house(path, Outage()) as writer:
        await trio.sleep(60)
        assert 0 == writer.counters.committed
        assert [] == rows(path, "message_events")
    orphan = Spool.open(path.with_name(f"{path.stem}.spool.orphan-1"), LIMIT)
    assert [OwnerRecord, BatchRecord] == [type(record) for record in orphan.records()]
    orphan.close()


@asynccontextmanager
async def _between_owners() -> AsyncIterator[None]:
    await trio.lowlevel.checkpoint()
    yield


async def test_a_writer_that_is_fenced_out_while_draining_stops_and_keeps_the_spool(
    path: Path, autojump_clock: MockClock
) -> None:
    """Another process took over during the outage."""
    outage = Outage()
    with pytest.raises(FatalChildError):
        async with house(path, outage) as writer:
            await writer.ref.tell(ready())
            await writer.flush()
            outage.away = True
            await writer.ref.tell(batches(1)[0])
            await writer.flush()

            def take_over(session: object) -> None:
                with session.transaction() as connection:  # type: ignore[attr-defined]
                    connection.execute("UPDATE gateway_sessions SET epoch = epoch + 1")

            await writer.port._inner.run(take_over)  # type: ignore[attr-defined]
            outage.away = False
            await trio.sleep(60)
    assert path.with_suffix(".spool").exists()
    assert [] == rows(path, "message_events")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(["batch", "letter", "away", "back", "wait", "crash", "flush"]), max_size=25), st.integers()
)
def test_whatever_happens_the_database_equals_that_of_a_run_without_outages(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], seed: int
) -> None:
    """Outages, crashes of the process in the middle, dead letters: the same rows, the same position."""
    folder = tmp_path_factory.mktemp("outages")
    sent = trio.run(partial(_play, folder / "mocha.db", steps), clock=MockClock(autojump_threshold=0))
    trio.run(partial(_calm, folder / "calm.db", sent), clock=MockClock(autojump_threshold=0))

    ours, calm = everything(folder / "mocha.db"), everything(folder / "calm.db")
    assert [row[:5] for row in calm.pop("gateway_sessions")] == [row[:5] for row in ours.pop("gateway_sessions")]
    assert calm == ours


class Killed(Exception):
    """The process ends here."""


async def _play(path: Path, steps: list[str]) -> int:
    """Follow ``steps``; a crash ends the process, the next one resumes where it is durable. Returns the last number sent."""
    play = Play(path, list(steps))
    while not play.over:
        try:
            await play.one_process()
        except Killed:
            continue
    return play.last


class Play:
    """What is left to do, and the last number that was sent."""

    def __init__(self, path: Path, steps: list[str]) -> None:
        self._path, self._steps = path, steps
        self.last, self.over = 0, False

    async def one_process(self) -> None:
        """From a start to the next crash, or to the end."""
        outage = Outage()
        async with house(self._path, outage) as writer:
            await self._resume(writer)
            while self._steps:
                await self._follow(self._steps.pop(0), writer, outage)
            outage.away = False
            await writer.flush()
            await trio.sleep(120)
        self.over = True

    async def _resume(self, writer: House) -> None:
        if not self.last:
            await writer.ref.tell(ready())
            await writer.flush()
            self.last = 1
        known = await writer.ref.ask(LoadCheckpoint(0), timeout=1e6)
        assert known is not None
        for s in range(known.seq + 1, self.last + 1):
            await writer.ref.tell(_numbered(s))

    async def _follow(self, step: str, writer: House, outage: Outage) -> None:
        if step in {"batch", "letter"}:
            self.last += 1
            await writer.ref.tell(_numbered(self.last))
        elif step in {"away", "back"}:
            outage.away = step == "away"
        elif step == "wait":
            await trio.sleep(30)
        elif step == "flush":
            await writer.flush()
        else:
            raise Killed


def _numbered(s: int) -> Batch:
    """The batch of one event with that number: every third is a dead letter."""
    letter = DeadLetter("invalid", "no", b"{}")
    return settled(s, [letter if s % 3 == 0 else (message(s),)])


async def _calm(path: Path, last: int) -> None:
    async with house(path, Outage()) as writer:
        await writer.ref.tell(ready())
        for s in range(2, last + 1):
            await writer.ref.tell(_numbered(s))
        await writer.flush()
