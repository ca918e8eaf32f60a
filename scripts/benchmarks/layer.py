"""``scripts/bench layer``: what the actors cost an event, beside the same functions called by a straight loop."""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import click
import trio
from material import SESSION, START_MS, events, frames, opened
from rich.console import Console
from rich.table import Table
from writer import GROUP, begin

from mocha_actors.db.apply import Applier
from mocha_actors.db.grouping import Grouping
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.store import Store, open_store
from mocha_actors.db.writer import Writer, database_breaker
from mocha_actors.discord.events import Event
from mocha_actors.events.dispatcher import Dispatcher
from mocha_actors.logs import configure
from mocha_actors.pipeline.batch import MAX_EVENTS, Batch
from mocha_actors.pipeline.counters import Counters
from mocha_actors.pipeline.notices import Flush
from mocha_actors.processors import message
from mocha_actors.processors.base import FailureWindow, Processor
from mocha_actors.runtime import ChildSpec, SupervisorSpec, open_supervisor
from mocha_actors.tree import PROCESSORS, Refs

TARGET_US: Final = 3.0
"""Of processor time an event, above the straight loop."""


@dataclass(frozen=True)
class Cost:
    """One round.

    Attributes:
        actors_us: processor time an event, from the decoded batch to the commit, through dispatcher, processors and writer, with its thread.
        loop_us: the same decoded batches, translated and applied by a loop that calls the same functions.

    """

    actors_us: float
    loop_us: float

    @property
    def layer_us(self) -> float:
        """What mailboxes, hops, tasks, supervision and the thread add."""
        return self.actors_us - self.loop_us


@click.command()
@click.option("--count", type=click.IntRange(min=GROUP), default=100_000, show_default=True, help="Messages of a run.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Runs of each, alternately.")
@click.option("--json", "as_json", is_flag=True, help="Print every round as JSON.")
def layer(*, count: int, rounds: int, as_json: bool) -> None:
    """Commit messages through dispatcher, processors and writer, beside a straight loop of the same functions."""
    costs = measure(count, rounds)
    if as_json:
        click.echo(json.dumps({"count": count, "rounds": [asdict(cost) for cost in costs]}))
    else:
        Console().print(table(costs, count))


def measure(count: int, rounds: int) -> list[Cost]:
    """Both, by turns."""
    configure(level="error")
    decoded = events(frames(count))
    return [Cost(through_actors(decoded), in_a_loop(decoded)) for _ in range(rounds)]


def open_batches(decoded: Sequence[Event]) -> Iterator[Batch]:
    """Fresh full batches of which no entry is settled, as a shard hands them over."""
    for start in range(0, len(decoded), MAX_EVENTS):
        piece = list(decoded[start : start + MAX_EVENTS])
        yield Batch(0, SESSION, piece, received_at=0.0, received_ms=START_MS, size=1 << 20)


def through_actors(decoded: Sequence[Event]) -> float:
    """Microseconds of processor time an event."""

    async def run(folder: str) -> float:
        async with open_store(f"sqlite:///{folder}/mocha.db") as store:
            await store.port.run(begin)
            refs = Refs(0)
            async with open_supervisor(actors(refs, store)):
                batches = list(open_batches(decoded))
                began = time.process_time()
                for batch in batches:
                    await refs.dispatcher.tell(batch)
                await refs.dispatcher.ask(Flush(), timeout=60)
                return time.process_time() - began

    with tempfile.TemporaryDirectory() as folder:
        return 1e6 * trio.run(run, folder) / len(decoded)


def actors(refs: Refs, store: Store) -> SupervisorSpec:
    """The actors of the service between its gateway and its database."""
    writer = partial(
        Writer, store.port, epoch=store.epoch, dispatcher=refs.dispatcher, listeners={}, breaker=database_breaker(), counters=Counters(),
        grouping=Grouping(max_events=GROUP), rng=random.Random(1),  # noqa: S311 - jitter
    )  # fmt: skip
    processors = tuple(
        ChildSpec(name, partial(Processor, name, PROCESSORS[name].translate, FailureWindow()), ref=ref)
        for name, ref in refs.processors.items()
    )
    dispatcher = partial(Dispatcher, refs.writer, refs.routes())
    return SupervisorSpec((
        ChildSpec("writer", writer, ref=refs.writer),
        ChildSpec("processors", SupervisorSpec(processors)),
        ChildSpec("dispatcher", dispatcher, ref=refs.dispatcher),
    ))  # fmt: skip


def in_a_loop(decoded: Sequence[Event]) -> float:
    """Microseconds of processor time an event."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mocha.db"
        session = opened(path)
        begin(session)
        applier, batches = Applier(projections(), 1), list(open_batches(decoded))
        size = GROUP // MAX_EVENTS
        began = time.process_time()
        for start in range(0, len(batches), size):
            group = batches[start : start + size]
            for batch in group:
                for index, event in enumerate(batch.events):
                    batch.settle(index, message.translate(event, batch.stamp(index)))
            applier.apply(session, group)
        used = time.process_time() - began
        session.close()
    return 1e6 * used / len(decoded)


def table(costs: Sequence[Cost], count: int) -> Table:
    """Medians, with the least and the greatest."""
    result = Table(title=f"{count:,} messages, µs of processor time each")
    for heading in ("", "median", "min – max"):
        result.add_column(heading, justify="right" if heading else "left")
    for name, each in (
        ("through the actors", [cost.actors_us for cost in costs]),
        ("in a straight loop", [cost.loop_us for cost in costs]),
        ("the actors add", [cost.layer_us for cost in costs]),
    ):
        result.add_row(name, f"{statistics.median(each):.2f}", f"{min(each):.2f} – {max(each):.2f}")
    return result
