"""``scripts/bench profile``: what an event costs on its way, stage by stage, from recorded frames to committed rows, in one thread and without a sampler."""

from __future__ import annotations

import gc
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import trio
from contestants import Race
from ingest import PROFILES, run_one
from material import START_MS, opened
from msgspec.structs import astuple
from rich.console import Console
from rich.table import Table
from stages import Meter
from writer import GROUP

from mocha_actors.cli.run import relax_collector
from mocha_actors.db import apply as applying
from mocha_actors.db.apply import Applier
from mocha_actors.db.projections.base import Projection
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.session import Session
from mocha_actors.discord.decode import EventDecoder
from mocha_actors.discord.events import Event, UnknownEvent
from mocha_actors.discord.intents import parse_intents
from mocha_actors.events.dispatcher import assign
from mocha_actors.gateway import identity, sequence
from mocha_actors.gateway.batching import BatchBuilder
from mocha_actors.gateway.coalescing import RECEIVE_BYTES, TEXT, FrameJoiner
from mocha_actors.gateway.following import Following
from mocha_actors.pipeline.batch import Batch, Work
from mocha_actors.pipeline.facts import SessionStarted
from mocha_actors.processors.base import FailureWindow, Processor
from mocha_actors.simulator.life.profiles import PROFILES as LIVES
from mocha_actors.simulator.life.town import Town
from mocha_actors.simulator.payloads import guild_create
from mocha_actors.simulator.session import Session as Sent
from mocha_actors.simulator.traffic import MessageStream
from mocha_actors.simulator.world import build_world
from mocha_actors.tree import PROCESSORS

R = TypeVar("R")

SLICE, SLICE_MS = 512, 12
"""Events that happen in one millisecond, and milliseconds from one such to the next: a flood of some 40,000 a second."""

READ_MS: Final = 16
"""From one read to the next: each brings as much as is asked for, 500 to 900 events."""

NAME: Final = "profile"
INTENTS: Final = int(
    parse_intents(
        [
            "guilds",
            "guild_members",
            "guild_messages",
            "guild_message_reactions",
            "guild_voice_states",
            "guild_presences",
        ]
    )
)
ROUTES: Final[dict[Any, str]] = {event: name for name, module in PROCESSORS.items() for event in module.HANDLES}

REST: Final = "the rest"
"""What the service uses beyond the stages: socket and websocket library, trio, hops between actors, handing transactions to a thread, freeing memory."""


@click.command(name="profile")
@click.argument("kind", type=click.Choice(list(PROFILES)))
@click.option("--count", type=click.IntRange(min=1_000), default=50_000, show_default=True, help="Events of a run.")
@click.option(
    "--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Runs; the least of each stage counts."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def profile(*, kind: str, count: int, rounds: int, as_json: bool) -> None:
    """Drive recorded frames through the stages of the service and print the processor time of each, beside its floor.

    The floor of a stage before the writer is the least that makes the same objects; that of a stage of the writer is its SQL, parameters included.
    """
    found = measure(kind, count, rounds)
    if as_json:
        click.echo(json.dumps({name: {"us": us, "floor_us": floor} for name, (us, floor) in found.items()}))
        return
    table = Table(title=f"{kind} profile, {count:,} events, the least of {rounds} runs")
    for heading in ("", "µs/event", "share", "floor"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    total = sum(us for us, _ in found.values())
    for name, (us, floor) in found.items():
        table.add_row(name, f"{us:.2f}", f"{us / total:.0%}", "" if floor is None else f"{floor:.2f}")
    table.add_row("together", f"{total:.2f}", "", "")
    Console().print(table)


def measure(kind: str, count: int, rounds: int) -> dict[str, tuple[float, float | None]]:
    """Microseconds an event of each stage, and its floor where one is known."""
    greeting, flood = recorded(kind, count)
    meters = [drive(framed(greeting), framed(flood)) for _ in range(rounds)]
    least = {name: min(meter.seconds[name] for meter in meters) / len(flood) * 1e6 for name in meters[0].seconds}
    floors = floors_of(flood, rounds)
    stages = {name: us for name, us in least.items() if not name.endswith(" sql")}
    found: dict[str, tuple[float, float | None]] = {}
    for name, us in stages.items():
        sql = least.get(f"{name} sql")
        found[name] = (us, floors.get(name)) if sql is None else (us + sql, sql)
    race = Race(count, profile=PROFILES[kind])
    whole = min(run.cpu_seconds / run.count * 1e6 for run in (run_one("mocha", race) for _ in range(rounds)))
    return {**found, REST: (max(0.0, whole - sum(us for us, _ in found.values())), None)}


def recorded(kind: str, count: int) -> tuple[list[bytes], list[bytes]]:
    """The frames that tell of the guilds, and those of a flood of about ``count`` events."""
    life, world = LIVES[PROFILES[kind]], build_world(1, 3, 1)
    session = Sent(NAME, 0, 1, INTENTS, max_events=1 << 30, max_bytes=1 << 40)
    session.start_from(1)
    town = Town(world, 1, life)
    stream: Any = town if life.is_alive else MessageStream(world, 1)
    town.open_up(START_MS)
    town.stop_the_clock()
    greeting = session.dispatch(session.select([guild_create(guild) for guild in town.guilds.values()]))
    flood: list[bytes] = []
    while len(flood) < count:
        now_ms = START_MS + 60_000 + len(flood) // SLICE * SLICE_MS
        flood += session.dispatch(session.select(stream.take(SLICE, now_ms)))
    return greeting, flood


def framed(payloads: Sequence[bytes]) -> bytes:
    """``payloads`` as they come from the socket."""
    return b"".join(header(len(payload)) + payload for payload in payloads)


def header(length: int) -> bytes:
    """Of a text frame."""
    if length < 126:
        return bytes((TEXT, length))
    return bytes((TEXT, 126)) + length.to_bytes(2) if length < 1 << 16 else bytes((TEXT, 127)) + length.to_bytes(8)


class MeteredProjection:
    """A projection as a stage, and its statements as another."""

    def __init__(self, projection: Projection, meter: Meter) -> None:
        self._projection, self._meter = projection, meter
        self._name = f"projection of {type(projection).__name__.removesuffix('Projection').lower()}"
        self.facts, self.reset = projection.facts, projection.reset

    def apply(self, connection: Any, facts: Any) -> Any:
        """See :meth:`Projection.apply`."""
        with self._meter.stage(self._name):
            return self._projection.apply(MeteredConnection(connection, self._name, self._meter), facts)


class MeteredConnection:
    """A connection whose statements, with the reading of their rows, are a stage of their own."""

    def __init__(self, connection: Any, name: str, meter: Meter) -> None:
        self.dialect = connection.dialect
        metered = partial(meter.metered, f"{name} sql")
        self.execute = metered(lambda *arguments: Rows(connection.execute(*arguments)))
        self.executemany, self.insert = metered(connection.executemany), metered(connection.insert)


class Rows:
    """What a statement found, all of it read."""

    def __init__(self, cursor: Any) -> None:
        self.rowcount, self._rows = cursor.rowcount, iter(cursor.fetchall())

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def fetchone(self) -> Any:
        """The next row; None at the end."""
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        return list(self._rows)


class Drive:
    """The stages in a row, without actors between them."""

    def __init__(self, session: Session, meter: Meter) -> None:
        self._session, self._meter = session, meter
        self._applier = Applier([MeteredProjection(each, meter) for each in projections()], 0)
        self._processors = {
            name: Processor(name, module.translate, FailureWindow()) for name, module in PROCESSORS.items()
        }
        self._decoder, self._joiner = EventDecoder(ROUTES), FrameJoiner(TEXT, b"\n")
        self._following = Following(identity.Session(NAME, ""), sequence.Sequence(1), "first_start")
        self._builder = BatchBuilder(0)
        fact = SessionStarted(0, NAME, "", "", 1, 1, START_MS, "first_start")
        self._waiting = self._builder.settled(
            UnknownEvent("READY", 1), (fact,), session_id=NAME, size=1, now=0, now_ms=START_MS
        )

    async def run(self, data: bytes, now_ms: int) -> None:
        """Everything that ``data`` holds, to the last commit."""
        for start in range(0, len(data), RECEIVE_BYTES):
            with self._meter.stage("frames"):
                joined = self._joiner.feed(data[start : start + RECEIVE_BYTES])
            if joined:
                block = joined[{126: 4, 127: 10}.get(joined[1], 2) :]
                await self._take(block, now_ms + start // RECEIVE_BYTES * READ_MS)
            if sum(map(len, self._waiting)) >= GROUP:
                self._commit()
        await self._settle(self._builder.close())
        self._commit()

    async def _take(self, block: bytes, now_ms: int) -> None:
        with self._meter.stage("decode"):
            [events], _ = self._decoder.decode(block)
        assert isinstance(events, list)
        with self._meter.stage("sequence and batches"):
            self._following.take(events, replayed=False)
            size = len(block) // len(events)
            batches = self._builder.add(events, session_id=NAME, replayed=False, event_size=size, now=0, now_ms=now_ms)
        await self._settle(batches)

    async def _settle(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            with self._meter.stage("dispatch"):
                work: dict[Any, list[int]] = assign(batch, ROUTES)  # type: ignore[arg-type,assignment]  # names instead of actors
            for name, indexes in work.items():
                with self._meter.stage("translation"):
                    await self._processors[name].handle(Work(batch, indexes), Any)  # type: ignore[arg-type]  # it asks nothing
            self._waiting.append(batch)

    def _commit(self) -> None:
        with self._meter.stage("transaction and commit"):
            applied = self._applier.apply(self._session, self._waiting)
        assert not applied.dead_lettered
        self._waiting = []


def drive(greeting: bytes, flood: bytes) -> Meter:
    """What ``flood`` took, after ``greeting``, in an empty database."""
    meter = Meter()
    with tempfile.TemporaryDirectory() as folder:
        session = opened(Path(folder) / "mocha.db")
        changes = applying.changes
        applying.changes = meter.metered("what changed, for the cache", changes)
        try:
            run = Drive(session, meter)
            trio.run(run.run, greeting, START_MS)
            meter.seconds.clear()
            gc.collect()
            relax_collector()
            trio.run(run.run, flood, START_MS + 60_000)
        finally:
            applying.changes = changes
            session.close()
    return meter


def floors_of(payloads: Sequence[bytes], rounds: int) -> dict[str, float]:
    """The least that each stage before the writer could do: copy the payloads, pass over the JSON, look at each number and type, copy the facts."""
    data, ends = framed(payloads), [0]
    for payload in payloads:
        ends.append(ends[-1] + len(header(len(payload))) + len(payload))
    blocks = [b"\n".join(payloads[start : start + SLICE]) for start in range(0, len(payloads), SLICE)]
    taking, passing = EventDecoder(ROUTES), EventDecoder(())
    events: list[Event] = [event for block in blocks for event in taking.decode(block).pieces[0]]  # type: ignore[union-attr]
    batch = Batch(0, NAME, events, received_at=0, received_ms=START_MS, size=1)
    translations = {event: module.translate for module in PROCESSORS.values() for event in module.HANDLES}
    facts = [
        fact
        for event in events
        if type(event) in translations
        for fact in translations[type(event)](event, batch.stamp(0))
    ]
    values = [(type(fact), astuple(fact)) for fact in facts]
    floors: dict[str, Callable[[], object]] = {
        "frames": lambda: b"\n".join([data[start:stop] for start, stop in pairwise(ends)]),
        "decode": lambda: [passing.decode(block) for block in blocks],
        "sequence and batches": lambda: [event.s for event in events],
        "dispatch": lambda: list(map(type, events)),
        "translation": lambda: [(kind(*each),) for kind, each in values],
    }
    return {name: min(timed(floor) for _ in range(rounds)) / len(payloads) * 1e6 for name, floor in floors.items()}


def timed(work: Callable[[], object]) -> float:
    """Processor seconds of ``work``."""
    began = time.thread_time()
    result = work()
    took = time.thread_time() - began
    del result
    return took
