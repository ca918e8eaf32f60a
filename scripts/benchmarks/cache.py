"""``scripts/bench cache``: what a cached answer costs, and how a dashboard fares while its guild is being written to."""

from __future__ import annotations

import json
import math
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
import trio
from contestants import TOKEN, Simulator
from rich.console import Console
from rich.table import Table

from mocha_actors import StatsClient
from mocha_actors.config import Secret, parse
from mocha_actors.logs import configure
from mocha_actors.pipeline.counters import Counters, LagHistogram

ASKS_A_SECOND: Final = 10
"""Of each question of the dashboard."""

CONFIGURATION: Final = """
[discord]
api_url = "{api_url}"
[database]
url = "sqlite:///{folder}/mocha.db"
[cache]
{cache}
"""

OFF: Final = "\n".join(f"{kind}_size = 0" for kind in ("user", "guild", "leaderboard", "query"))

Ask = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Cost:
    """Milliseconds of one ask after the other: ``cold`` without a cache, ``cached`` with one that has the answer."""

    question: str
    cold_ms: float
    cached_ms: float
    cached_p95_ms: float


@dataclass(frozen=True)
class Load:
    """How a dashboard fared under writes.

    Attributes:
        cache: whether there was one; ``no questions`` for the writes alone.
        events_per_second: committed.
        asks: questions answered.
        hit_rate: part of them that the cache answered.
        closed_hit_rate: of those about ranges that are over.
        ask_p50_ms: from the question to its answer.
        ask_p99_ms: likewise.
        stale_p50_ms: age of the answers about ranges up to now.
        stale_max_ms: likewise.
        lag_p50_ms: from the receipt of an event to its commit.
        lag_p99_ms: likewise.

    """

    cache: str
    events_per_second: float
    asks: int
    hit_rate: float
    closed_hit_rate: float
    ask_p50_ms: float
    ask_p99_ms: float
    stale_p50_ms: float
    stale_max_ms: float
    lag_p50_ms: float
    lag_p99_ms: float


@click.command()
@click.option(
    "--messages", type=click.IntRange(1_000), default=100_000, show_default=True, help="In the guild at first."
)
@click.option("--asks", type=click.IntRange(100), default=5_000, show_default=True, help="Of each question, cached.")
@click.option("--rate", type=click.IntRange(1), default=5_000, show_default=True, help="Events written a second.")
@click.option("--seconds", type=click.IntRange(5), default=20, show_default=True, help="Of the dashboard, each time.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cache(*, messages: int, asks: int, rate: int, seconds: int, as_json: bool) -> None:
    """Ask a running service: cold beside cached, and under writes with a cache, without one, and without questions."""
    configure(level="error")
    costs = trio.run(measure_costs, messages, asks)
    loads = [trio.run(measure_load, which, rate, seconds) for which in ("on", "off", "no questions")]
    if as_json:
        click.echo(json.dumps({"costs": [asdict(cost) for cost in costs], "loads": [asdict(load) for load in loads]}))
        return
    Console().print(cost_table(costs, messages), load_table(loads, rate))


@asynccontextmanager
async def service(traffic: tuple[str, ...], options: str = "") -> AsyncIterator[tuple[StatsClient, Simulator]]:
    """The whole program in this process, fed by a simulator of one guild in another."""
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(Path(folder), traffic=("--guilds", "1", *traffic))
        try:
            text = CONFIGURATION.format(api_url=simulator.api_url, folder=folder, cache=options)
            async with StatsClient.open(parse(text, "bench"), Secret(TOKEN)) as client:
                await client.wait_durable(0, 2)
                yield client, simulator
        finally:
            simulator.process.kill()
            simulator.process.wait()


def questions(client: StatsClient, guild_id: int, user_id: int) -> dict[str, Ask]:
    """A dashboard; those with "in" are about ranges that are over."""
    closed: Any = {"since": "2026-01-01", "until": "2026-02-01"}
    return {
        "guild, 1 day": lambda: client.guild_stats(guild_id, days=1),
        "guild, 30 days": lambda: client.guild_stats(guild_id, days=30),
        "user, 30 days": lambda: client.user_stats(guild_id, user_id, days=30),
        "leaderboard, 30 days": lambda: client.leaderboard(guild_id, days=30),
        "guild, in January": lambda: client.guild_stats(guild_id, **closed),
        "leaderboard, in January": lambda: client.leaderboard(guild_id, **closed),
    }


async def dashboard(client: StatsClient) -> dict[str, Ask]:
    """The dashboard of the one guild and its first user, once there are both."""
    while True:
        for guild_id, _ in await client.guilds():
            for entry in (await client.leaderboard(guild_id, days=365, limit=1)).entries:
                return questions(client, guild_id, entry.user_id)
        await trio.sleep(0.1)


async def measure_costs(messages: int, asks: int) -> list[Cost]:
    """Each question without a cache and from it, one ask after the other."""
    cold = await timings(messages, 50, OFF)
    cached = await timings(messages, asks, "stale_s = 3600.0")
    return [
        Cost(name, statistics.median(cold[name]), statistics.median(cached[name]), percentile(cached[name], 95))
        for name in cold
    ]


async def timings(messages: int, asks: int, options: str) -> dict[str, list[float]]:
    """Milliseconds of each ask."""
    async with service(("--rate", "1", "--count", "0"), options) as (client, simulator):
        answer = await trio.to_thread.run_sync(lambda: simulator.command(cmd="burst", count=messages))
        await client.wait_durable(0, answer["burst"]["0"])
        found: dict[str, list[float]] = {}
        for name, ask in (await dashboard(client)).items():
            await ask()
            found[name] = [await timed(ask) for _ in range(asks)]
        return found


async def timed(ask: Ask) -> float:
    """Milliseconds until the answer."""
    began = time.perf_counter()
    await ask()
    return (time.perf_counter() - began) * 1000


class Observer:
    """What the askers saw."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.times: list[float] = []
        self.ages: list[float] = []

    async def ask(self, name: str, ask: Ask) -> None:
        """Ask ten times a second until cancelled."""
        while True:
            next_time = trio.current_time() + 1 / ASKS_A_SECOND
            began = time.perf_counter()
            answer = await ask()
            self.times.append((time.perf_counter() - began) * 1000)
            if ", in " not in name and answer.as_of_ms is not None:
                self.ages.append(max(0.0, time.time_ns() / 1e6 - answer.as_of_ms))
            await trio.sleep_until(next_time)


async def measure_load(which: str, rate: int, seconds: int) -> Load:
    """The dashboard for so many seconds of writes."""
    async with service(("--rate", str(rate)), OFF if which == "off" else "") as (client, _):
        asks = await dashboard(client)
        await trio.sleep(2)
        client.counters.lag = LagHistogram()
        committed, before, seen = client.counters.committed, tally(client.counters), Observer()
        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                for name, ask in asks.items() if which != "no questions" else ():
                    nursery.start_soon(seen.ask, name, ask)
        written = client.counters.committed - committed
        lag = client.counters.lag
        hits, misses = (after - first for after, first in zip(tally(client.counters), before, strict=True))
        closed_hits = await closed_rate(asks, client) if which == "on" else 0.0
    return Load(
        which, written / seconds, len(seen.times), hits / (hits + misses) if hits else 0.0, closed_hits,
        percentile(seen.times, 50), percentile(seen.times, 99), percentile(seen.ages, 50), max(seen.ages, default=math.nan),
        (lag.percentile(50) or math.nan) * 1000, (lag.percentile(99) or math.nan) * 1000,
    )  # fmt: skip


async def closed_rate(asks: dict[str, Ask], client: StatsClient) -> float:
    """The hit rate of ranges that are over, while writes go on."""
    before = tally(client.counters)
    for _ in range(50):
        for name, ask in asks.items():
            if ", in " in name:
                await ask()
        await trio.sleep(0.02)
    hits, misses = (after - first for after, first in zip(tally(client.counters), before, strict=True))
    return hits / (hits + misses)


def tally(counters: Counters) -> tuple[int, int]:
    """Hits and misses of all caches."""
    caches = counters.caches.values()
    return sum(each.hits for each in caches), sum(each.misses for each in caches)


def percentile(values: Sequence[float], p: float) -> float:
    """The value that ``p`` percent do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))] if values else math.nan


def cost_table(costs: list[Cost], messages: int) -> Table:
    """What a cached answer costs."""
    result = Table(title=f"one ask after the other through the actors, {messages:,} messages in the guild")
    for heading in ("question", "cold ms", "cached ms", "cached p95", "ratio"):
        result.add_column(heading, justify="left" if heading == "question" else "right")
    for cost in costs:
        ratio = f"{cost.cold_ms / cost.cached_ms:.0f}"
        result.add_row(
            cost.question, f"{cost.cold_ms:.2f}", f"{cost.cached_ms:.3f}", f"{cost.cached_p95_ms:.3f}", ratio
        )
    return result


def load_table(loads: list[Load], rate: int) -> Table:
    """How the dashboard fared."""
    result = Table(
        title=f"6 questions, {ASKS_A_SECOND} times a second each, {rate:,} events a second to the same guild"
    )
    result.add_column("")
    for load in loads:
        result.add_column(f"cache {load.cache}" if load.cache != "no questions" else load.cache, justify="right")
    rows: dict[str, Callable[[Load], str]] = {
        "events/s committed": lambda load: f"{load.events_per_second:,.0f}",
        "asks answered": lambda load: f"{load.asks:,}",
        "hit rate": lambda load: f"{load.hit_rate:.1%}",
        "of closed ranges": lambda load: f"{load.closed_hit_rate:.1%}",
        "ask p50 / p99, ms": lambda load: f"{load.ask_p50_ms:.2f} / {load.ask_p99_ms:.1f}",
        "age p50 / most, ms": lambda load: f"{load.stale_p50_ms:.0f} / {load.stale_max_ms:.0f}",
        "lag p50 / p99, ms": lambda load: f"{load.lag_p50_ms:.0f} / {load.lag_p99_ms:.0f}",
    }
    for name, show in rows.items():
        result.add_row(name, *(show(load) for load in loads))
    return result
