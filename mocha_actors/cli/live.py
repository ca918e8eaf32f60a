"""What a person sees of a running service on a terminal: one calm line. Imported only there: rich is 4 MB."""

from __future__ import annotations

from typing import Final

import trio
from rich.console import Console
from rich.live import Live as RichLive
from rich.text import Text

from mocha_actors.cli.summary import seconds
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
