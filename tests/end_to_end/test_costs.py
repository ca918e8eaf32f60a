"""What an event costs, counted and not timed: a slow design cannot come back unseen, whatever machine looks.

The whole program takes a small burst and one four times as large, in virtual time. What grows with the events is allowed to grow by batches and by
transactions, never by a task, a message between actors, a statement or a line of the log for each event.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from trio.testing import MockClock

from mocha_actors.db.bulk import ROWS, SOME
from mocha_actors.db.huge import around
from mocha_actors.db.sqlite import SqliteConnection
from mocha_actors.discord.decode import EventDecoder
from mocha_actors.events.dispatcher import assign
from mocha_actors.gateway.coalescing import TEXT, FrameJoiner
from mocha_actors.pipeline.batch import MAX_EVENTS, Batch, Work
from mocha_actors.pipeline.touching import changes
from mocha_actors.processors import message, presence
from mocha_actors.processors.base import FailureWindow, Processor
from mocha_actors.runtime import Mailbox, new_ref
from mocha_actors.runtime.inbox import Inbox
from mocha_actors.simulator.traffic import MessageStream
from mocha_actors.simulator.world import build_world
from tests.calls import Calls
from tests.db.builders import NOON_MS
from tests.end_to_end.scene import Scene, open_scene

SMALL, LARGE = 2_048, 8_192
BATCHES = (LARGE - SMALL) // MAX_EVENTS
"""How many more full batches the large burst makes."""

HOPS = {"dispatcher", "writer", "message"}
"""Whom a batch of messages is handed to, once each."""

FIXED_STATEMENTS = 60
"""Statements of a transaction that do not grow with it; nobody would notice one more, and everybody one for each event."""

TABLES = 6
"""That a message adds a row to, or changes one of: the raw rows and five rollups."""


class Counted(trio.abc.Instrument):
    """What the program did.

    Attributes:
        tasks: names of those that were started.
        told: messages by the name of the mailbox.
        statements: SQL statements; of an ``executemany`` as many as it has rows.
        decodes: calls of the decoder, by its method.
        lines: of the log, of any level.
        transactions: that were committed.

    """

    def __init__(self) -> None:
        self.tasks = Counter[str]()
        self.told = Counter[str]()
        self.statements = 0
        self.decodes = Counter[str]()
        self.lines = Counter[str]()
        self.transactions = 0

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        """Called by trio."""
        self.tasks[task.name] += 1


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Counted]]:
    """Everything is counted into the last one of the list."""
    counted: list[Counted] = [Counted()]
    envelope, execute, executemany = Inbox.envelope, SqliteConnection.execute, SqliteConnection.executemany

    def counted_envelope(self: Inbox, *arguments: Any) -> Any:
        counted[-1].told[self.path.rpartition("/")[2]] += 1
        return envelope(self, *arguments)

    def counted_execute(self: SqliteConnection, *arguments: Any) -> Any:
        counted[-1].statements += 1
        return execute(self, *arguments)

    def counted_executemany(self: SqliteConnection, sql: Any, rows: Any, /) -> Any:
        rows = list(rows)
        counted[-1].statements += len(rows)
        return executemany(self, sql, rows)

    def counted_line(logger: object, level: str, event: dict[str, Any]) -> Any:
        counted[-1].lines[f"{level} {event['event']}"] += 1
        raise structlog.DropEvent

    monkeypatch.setattr(Inbox, "envelope", counted_envelope)
    monkeypatch.setattr(SqliteConnection, "execute", counted_execute)
    monkeypatch.setattr(SqliteConnection, "executemany", counted_executemany)
    for name in ("decode", "_decode_document"):
        monkeypatch.setattr(EventDecoder, name, counted_call(name, getattr(EventDecoder, name), counted))
    structlog.configure(processors=[counted_line], cache_logger_on_first_use=False)
    yield counted
    structlog.reset_defaults()


def counted_call(name: str, method: Any, counted: list[Counted]) -> Any:
    """``method``, counted under ``name``."""

    def call(*arguments: Any) -> Any:
        counted[-1].decodes[name] += 1
        return method(*arguments)

    return call


@contextmanager
def instrumented(counted: Counted) -> Iterator[None]:
    """Let trio tell of its tasks."""
    trio.lowlevel.add_instrument(counted)
    yield
    trio.lowlevel.remove_instrument(counted)


async def of_a_burst(scene: Scene, client: Any, count: int, counted: list[Counted]) -> Counted:
    """What a burst of ``count`` messages made the program do."""
    events = await scene.sim.prepare_burst(count)
    before = client.counters.transactions
    counted.append(Counted())
    with instrumented(counted[-1]):
        sent = await scene.sim.burst(events)
        for shard, last in sent.last_seqs.items():
            await client.wait_durable(shard, last)
    counted[-1].transactions = client.counters.transactions - before
    counted.append(Counted())  # what follows is none of the burst's
    return counted[-2]


async def bursts(folder: Path, counting: list[Counted]) -> tuple[Counted, Counted]:
    """What the small burst costs and what the large one does, after a first one that everybody gets to know the guilds by."""
    async with open_scene(folder, count=0) as scene, scene.client(received=2) as client:
        await of_a_burst(scene, client, SMALL, counting)
        return await of_a_burst(scene, client, SMALL, counting), await of_a_burst(scene, client, LARGE, counting)


async def test_no_event_costs_a_task_a_message_or_a_line_of_the_log(
    virtual_time: MockClock, tmp_path: Path, counting: list[Counted]
) -> None:
    """Four times the events: more batches are handed on, at most once to each actor on their way, and the rest stays as it was."""
    small, large = await bursts(tmp_path, counting)
    per_batch = {name: large.told[name] - small.told[name] for name in HOPS}

    assert all(more <= BATCHES + 4 for more in per_batch.values()), per_batch
    assert large.told.total() - small.told.total() <= BATCHES * (len(HOPS) + 3)
    assert large.tasks.total() <= small.tasks.total() + 2, large.tasks
    assert large.lines.total() <= 2 * large.transactions, large.lines


async def test_statements_go_with_transactions_and_hundreds_of_rows(
    virtual_time: MockClock, tmp_path: Path, counting: list[Counted]
) -> None:
    """Each table takes 200 rows a statement, and what is left over once a transaction twenty at a time."""
    for events, counted in zip((SMALL, LARGE), await bursts(tmp_path, counting), strict=True):
        whole = TABLES * (events // ROWS + 1)
        rest = counted.transactions * (TABLES * (ROWS // SOME + SOME) + FIXED_STATEMENTS)

        assert counted.transactions <= events // MAX_EVENTS
        assert counted.statements <= whole + rest


async def test_a_run_of_frames_is_decoded_by_one_call(
    virtual_time: MockClock, tmp_path: Path, counting: list[Counted]
) -> None:
    """And none of its documents by itself."""
    for counted in await bursts(tmp_path, counting):
        assert counted.decodes["_decode_document"] == 0
        assert counted.decodes["decode"] <= LARGE // 16


def frames(count: int) -> list[bytes]:
    """Messages as they come."""
    stream = MessageStream(build_world(1, 3, 1), 1).take(count, 1_790_078_400_000)
    return [b'{"t":"MESSAGE_CREATE","s":%d,"op":0,"d":%b}' % (s, event.bare) for s, event in enumerate(stream, 2)]


def test_frames_are_copied_once_and_a_large_one_is_not_joined_before_it_is_whole() -> None:
    """A run comes out as one frame that is as long as its payloads; the pieces of a large one wait as they came."""
    payloads = frames(100)
    framed = b"".join(bytes((TEXT, 126)) + len(payload).to_bytes(2) + payload for payload in payloads)
    joined = FrameJoiner(TEXT, b"\n").feed(framed)
    pieces = [bytes((TEXT, 127)) + (1 << 20).to_bytes(8), *[b"x" * 65_536] * 16]
    joiner = FrameJoiner(TEXT, b"\n")
    outputs = [joiner.feed(piece) for piece in pieces]

    assert len(joined) == sum(map(len, payloads)) + len(payloads) - 1 + 10
    assert outputs[:-1] == [b""] * 16
    assert len(outputs[-1]) == (1 << 20) + 10


def test_an_event_and_its_facts_are_few_objects() -> None:
    """A message is three structs and their fields, what it came to a fact in a tuple: a list, a dict or a closure for each event shows here."""
    block = b"\n".join(frames(1_000))
    decoder = EventDecoder(message.HANDLES)
    blocks = []
    for _ in range(3):
        before = sys.getallocatedblocks()
        events: Any = decoder.decode(block).pieces[0]
        batch = Batch(0, "session", events, received_at=0.0, received_ms=0, size=1)
        decoded = sys.getallocatedblocks()
        for index, event in enumerate(events):
            batch.settle(index, message.translate(event, batch.stamp(index)))
        blocks.append(((decoded - before) / 1_000, (sys.getallocatedblocks() - decoded) / 1_000))
        del events, batch

    assert all(of_event <= 12 for of_event, _ in blocks[1:]), blocks
    assert all(of_outcome <= 4 for _, of_outcome in blocks[1:]), blocks


EVENTS = 500
"""Of one batch."""


def presence_frames(count: int) -> list[bytes]:
    """As they come, without activities."""
    text = b'{"t":"PRESENCE_UPDATE","s":%d,"op":0,"d":{"user":{"id":"%d"},"guild_id":"1","status":"online","activities":[],"client_status":{}}}'
    return [text % (s, s) for s in range(1, count + 1)]


async def test_on_its_way_to_the_writer_an_event_costs_the_call_of_its_translation() -> None:
    """Framing, sequence and dispatch call nothing for each event, nor does finding huge ones or what has changed."""
    payloads = presence_frames(EVENTS)
    framed = b"".join(bytes((TEXT, 126)) + len(payload).to_bytes(2) + payload for payload in payloads)
    events: Any = EventDecoder(presence.HANDLES).decode(b"\n".join(payloads)).pieces[0]
    batch = Batch(0, "session", events, received_at=0.0, received_ms=NOON_MS, size=len(framed))
    processor, ref = Processor("presence", presence.translate, FailureWindow()), new_ref("presence", Mailbox(1))
    with Calls() as framing:
        FrameJoiner(TEXT, b"\n").feed(framed)
    with Calls() as dispatching:
        work = assign(batch, dict.fromkeys(presence.HANDLES, ref))
    with Calls() as translating:
        await processor.handle(Work(batch, work[ref]), Any)  # type: ignore[arg-type]  # it asks its context nothing
    facts = [fact for outcome in batch.outcomes for fact in outcome]  # type: ignore[union-attr]
    with Calls() as looking:
        around([(batch, 0, EVENTS, 0), (batch, 0, EVENTS, 0)])
        changes(facts)

    assert batch.settled
    assert len(facts) == EVENTS
    assert (framing.each(EVENTS), dispatching.each(EVENTS), looking.each(EVENTS)) == (0, 0, 0)
    assert translating.each(EVENTS) <= 1, translating.names
