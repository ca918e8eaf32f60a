"""What a person sees of a running service: one calm line while it runs, and a summary at the end."""

from __future__ import annotations

from typing import Final

import trio
from rich.console import Console
from rich.live import Live as RichLive
from rich.text import Text

from mocha_actors.client import StatsClient

PERIOD: Final = 0.5
"""Seconds between two states of the live line."""


class Live:
    """The live line on standard error, if that is a terminal: shards, events per second, lag, restarts."""

    def __init__(self, client: StatsClient, console: Console | None = None) -> None:
        """Show the counters of ``client``."""
        self._client = client
        self._console = console or Console(stderr=True)

    async def run(self) -> None:
        """Refresh the line until cancelled."""
        if not self._console.is_terminal:
            return
        committed, at = self._client.counters.committed, trio.current_time()
        with RichLive(console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                await trio.sleep(PERIOD)
                now, before, committed = trio.current_time(), committed, self._client.counters.committed
                live.update(self.line((committed - before) / (now - at)), refresh=True)
                at = now

    def line(self, rate: float) -> Text:
        """The line for ``rate`` committed events a second."""
        counters = self._client.counters
        shards = self._client.shards
        colour = "green" if counters.connected == shards else "yellow"
        lag = seconds(counters.lag.percentile(50))
        text = Text("● ", style=colour)
        return text.append(
            f"{counters.connected}/{shards} shards · {rate:,.0f} events/s · {counters.committed:,} committed · "
            f"lag {lag} · {counters.restarts} restarts",
            style="default",
        )


def summary(client: StatsClient) -> str:
    """What the service did from start to end, a line a number. What was spooled is durable, and committed then or at the next start."""
    counters, report = client.counters, client.report
    rows = {
        "received": f"{counters.received:,}",
        "committed": f"{counters.committed:,}",
        **({"spooled": f"{counters.spooled:,}"} if counters.spooled else {}),
        "ignored": f"{counters.ignored:,}",
        "dead-lettered": f"{counters.dead_lettered:,}",
        "restarts": f"{counters.restarts:,}",
        "resumes": f"{counters.resumes:,}",
        "identifies": f"{counters.identifies:,}",
        "lag p50": seconds(counters.lag.percentile(50)),
        "lag p99": seconds(counters.lag.percentile(99)),
        "shutdown": f"{'clean' if report.clean else 'NOT CLEAN: ' + report.reason}, {report.seconds:.2f} s",
    }
    return "\n".join(
        f"{name:<14}{value:>12}" if name != "shutdown" else f"{name:<14}  {value}" for name, value in rows.items()
    )


def seconds(value: float | None) -> str:
    """A duration for people."""
    if value is None:
        return "–"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
