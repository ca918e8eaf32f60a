"""``scripts/bench decode``: what a frame costs from bytes to a struct, beside the decoders that one would use instead."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import click
import msgspec
from material import decoder, frames
from rich.console import Console
from rich.table import Table

RUN: Final = 128
"""Frames that one read usually brings under load."""


def one_by_one(decode: Callable[[bytes], Any]) -> Callable[[list[bytes]], None]:
    """A client that decodes each frame."""

    def run(lines: list[bytes]) -> None:
        for line in lines:
            decode(line)

    return run


def in_runs(decode: Callable[[bytes], Any]) -> Callable[[list[bytes]], None]:
    """Mocha, which decodes what one read brought; joining is the transport's."""
    blocks: list[bytes] = []

    def run(lines: list[bytes]) -> None:
        if not blocks:
            blocks.extend(b"\n".join(lines[start : start + RUN]) for start in range(0, len(lines), RUN))
        for block in blocks:
            decode(block)

    return run


def contestants() -> dict[str, Callable[[list[bytes]], None]]:
    """Who decodes; `orjson` only where it is installed."""
    found = {
        "mocha": in_runs(decoder().decode),
        "mocha, with content": in_runs(decoder(content=True).decode),
        "msgspec, untyped": one_by_one(msgspec.json.Decoder().decode),
        "json": one_by_one(json.loads),
    }
    try:
        import orjson  # noqa: PLC0415 - not a dependency of anything here
    except ImportError:
        return found
    return {**found, "orjson": one_by_one(orjson.loads)}


@click.command()
@click.option("--count", type=click.IntRange(min=RUN), default=20_000, show_default=True, help="Frames of a run.")
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="Runs of each, alternately.")
@click.option("--json", "as_json", is_flag=True, help="Print every run as JSON.")
def decode(*, count: int, rounds: int, as_json: bool) -> None:
    """Decode messages: Mocha into typed structs, the others into dictionaries, from which a bot would read on."""
    found = measure(count, rounds)
    if as_json:
        click.echo(json.dumps({"count": count, "cpu_us": found}))
        return
    result = Table(title=f"{count:,} messages, medians of {rounds} alternating runs")
    for heading in ("", "cpu µs/frame", "min – max", "to mocha's"):
        result.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, costs in found.items():
        ratio = statistics.median(cost / ours for cost, ours in zip(costs, found["mocha"], strict=True))
        spread = f"{min(costs):.2f} – {max(costs):.2f}"
        result.add_row(name, f"{statistics.median(costs):.2f}", spread, f"{ratio:.2f}")
    Console().print(result)


def measure(count: int, rounds: int) -> dict[str, list[float]]:
    """Microseconds of processor time a frame, by contestant."""
    lines, running = frames(count), contestants()
    found: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(rounds):
        for name, run in running.items():
            began = time.process_time()
            run(lines)
            found[name].append((time.process_time() - began) / count * 1e6)
    return found
