"""``scripts/bench presence``: facts per second through the projections of presence and voice, from memory into committed rows of a file."""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import click
from material import opened
from rich.console import Console
from rich.table import Table

from mocha_actors.db.projections.base import Projection
from mocha_actors.db.projections.presence import PresenceProjection
from mocha_actors.db.projections.voice import VoiceProjection
from mocha_actors.pipeline.facts import Fact, PresenceChanged, VoiceChanged

GROUP = 5_000
START_MS = 1_790_078_400_000
GUILDS, USERS = 50, 2_000


@click.command()
@click.option("--count", type=click.IntRange(min=GROUP), default=200_000, show_default=True, help="Facts of each run.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
def presence(*, count: int, rounds: int) -> None:
    """Measure a flood of presences, of which seven in ten repeat the status, one where none does, and voice states that all change something."""
    table = Table(title=f"{count:,} facts, {GROUP:,} a transaction, {GUILDS} guilds, medians of {rounds} runs")
    for heading in ("", "facts/s", "µs/fact"):
        table.add_column(heading, justify="right" if heading else "left")
    contestants: tuple[tuple[str, type[Projection], list[Fact]], ...] = (
        ("presence, 70 % repeat", PresenceProjection, presences(count, 0.7)),
        ("presence, all change", PresenceProjection, presences(count, 0.0)),
        ("voice, all change", VoiceProjection, voice_states(count)),
    )
    for name, projection, facts in contestants:
        seconds = statistics.median(measure(projection(), facts) for _ in range(rounds))
        table.add_row(name, f"{count / seconds:,.0f}", f"{seconds / count * 1e6:.1f}")
    Console().print(table)


def presences(count: int, repeating: float) -> list[Fact]:
    """A day's statuses in a fixed random order."""
    rng = random.Random(1)  # noqa: S311 - the same for every run
    now: dict[tuple[int, int], int] = {}
    facts: list[Fact] = []
    for number in range(count):
        key = (rng.randrange(1, GUILDS + 1), rng.randrange(1, USERS + 1))
        status = now.get(key, 0)
        if rng.random() >= repeating:
            status = (status + rng.randrange(1, 4)) % 4
        now[key] = status
        facts.append(PresenceChanged(*key, status, 0, START_MS + number * 86_400_000 // count, 0))
    return facts


def voice_states(count: int) -> list[Fact]:
    """A day of joins, moves and leaves in five channels of each guild."""
    rng = random.Random(2)  # noqa: S311 - the same for every run
    return [
        VoiceChanged(
            rng.randrange(1, GUILDS + 1), rng.randrange(1, 200), rng.choice((None, 1, 2, 3, 4, 5)), 1, rng.choice((0, 1, 5)),
            is_bot=False, username="", global_name=None, shard=0, at_ms=START_MS + number * 86_400_000 // count, bound_ms=0,
        )
        for number in range(count)
    ]  # fmt: skip


def measure(projection: Projection, facts: Sequence[Fact]) -> float:
    """Seconds until all facts are committed to a new file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mocha.db"
        session = opened(path)
        began = perf_counter()
        for start in range(0, len(facts), GROUP):
            with session.transaction() as connection:
                projection.apply(connection, facts[start : start + GROUP])
        seconds = perf_counter() - began
        session.close()
    return seconds
