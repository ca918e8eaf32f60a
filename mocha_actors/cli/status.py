"""``mocha status``: the live tree of a running service."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Final

import click
import msgspec
import trio
from rich import box
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mocha_actors.cli.database import database_options, database_url
from mocha_actors.cli.output import console
from mocha_actors.cli.summary import seconds
from mocha_actors.control import Node, Status, ask
from mocha_actors.db.address import database_address, local_path
from mocha_actors.pipeline.counters import CacheCounters
from mocha_actors.showing.words import printable

COLOURS: Final = {"running": "green", "starting": "yellow", "restarting": "yellow", "stopping": "yellow"}
"""States that are no cause for alarm; every other one is red."""


@click.command()
@click.option("--watch", is_flag=True, help="Go on showing it until interrupted.")
@click.option(
    "--interval", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Seconds, with --watch."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@database_options
def command(*, watch: bool, interval: float, as_json: bool, database: str | None, config: str | None) -> None:
    """Show how the running service is: its tree, restarts, mailboxes, breakers, lag and rates.

    Exit code 0 when it is ready, 1 when it runs but is not, or when none runs.
    """
    path = local_path(database_address(database_url(database, config)))
    out = console()
    if watch:
        with Live(console=out, auto_refresh=False) as live:
            while True:
                live.update(picture(trio.run(ask, path)), refresh=True)
                trio.run(trio.sleep, interval)
    status = trio.run(ask, path)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(status), indent=2))
    else:
        out.print(picture(status))
    sys.exit(0 if status.ready else 1)


def picture(status: Status) -> RenderableType:
    """The status as a person sees it."""
    state = Text("ready", style="green") if status.ready else Text("not ready", style="red")
    head = Text.assemble(
        ("mocha ", "bold"), f"{status.version} · pid {status.pid} · up {_duration(status.uptime_seconds)} · ", state
    )
    lines = [
        f"shards     {status.connected}/{status.shards} connected, {status.resumes:,} resumes, {status.identifies:,} identifies",
        f"events     {status.events_per_second:,.0f}/s, {status.received:,} received, {status.committed:,} committed",
        f"of these   {status.ignored:,} ignored, {status.dead_lettered:,} dead-lettered",
        *([f"spooled    {status.spooled:,} while the database was away"] if status.spooled else []),
        f"lag        p50 {seconds(status.lag_p50_seconds)}, p99 {seconds(status.lag_p99_seconds)}",
        *cache_lines(status.caches),
        f"breakers   {', '.join(f'{name} {state}' for name, state in status.breakers.items())}",
        f"durable    {', '.join(f'shard {shard} s={seq}' for shard, seq in status.durable.items())}",
        f"database   {status.database}",
    ]
    return Group(head, *(Text(line) for line in lines), Text(""), tree(status.tree))


def cache_lines(caches: Mapping[str, CacheCounters]) -> Iterator[str]:
    """A line for each kind of cache that was asked at all."""
    heading = "caches"
    for kind, cache in caches.items():
        if asked := cache.hits + cache.misses:
            shared = f", {cache.shared:,} from Redis" if cache.shared else ""
            renewed = f", {cache.renewed:,} renewed" if cache.renewed else ""
            size = f" in {cache.bytes / 1e6:,.1f} MB" if cache.bytes else ""
            yield (
                f"{heading:10} {kind} {cache.entries:,} kept{size}, {cache.hits / asked:.0%} of {asked:,} answered ({cache.stale:,} stale{shared}{renewed}), "
                f"{cache.invalidated:,} invalidated, {cache.evicted:,} evicted"
            )
            heading = ""


def tree(root: Node) -> Table:
    """The tree, a line an actor."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("actor", "state", "restarts", "mailbox", "peak", "oldest", "last error"):
        table.add_column(heading, justify="right" if heading in {"restarts", "mailbox", "peak", "oldest"} else "left")
    for depth, node in walk(root):
        state = f"{node.state} {node.backoff_seconds:.1f} s" if node.backoff_seconds else node.state
        box_ = (
            (f"{node.used:,}/{node.capacity:,}", f"{node.peak:,}", seconds(node.oldest_seconds))
            if node.capacity
            else ("", "", "")
        )
        error = printable(node.last_error or "")
        style = COLOURS.get(node.state, "red")
        table.add_row("  " * depth + node.name, Text(state, style=style), f"{node.restarts}", *box_, error)
    return table


def walk(node: Node, depth: int = 0) -> Iterator[tuple[int, Node]]:
    """The node and everything below it, with depths."""
    yield depth, node
    for child in node.children:
        yield from walk(child, depth + 1)


def _duration(value: float) -> str:
    hours, rest = divmod(int(value), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
