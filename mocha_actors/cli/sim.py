"""`mocha sim`: a Discord on the loopback, with traffic and a ledger of what it sent."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import click
import msgspec
import trio

from mocha_actors.simulator.control import execute
from mocha_actors.simulator.errors import SettingsError, SimulatorError
from mocha_actors.simulator.life.profiles import PROFILES
from mocha_actors.simulator.past import Past, ledger_line, past_events
from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import RESUME_ADDRESSES, SimulatorSettings

STDIN = 0

_PROFILE_HELP = (
    "Kind of traffic: messages alone (50 events a second), a quiet server (0.2), a busy community with everything that "
    "happens in one (50), a flood of presences (500), or a burst of messages as fast as clients take them."
)


@click.command(name="sim")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, show_default=True, help="TCP port; 0: a free one.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of guilds, members and traffic.")
@click.option("--profile", type=click.Choice(list(PROFILES)), default="messages", show_default=True, help=_PROFILE_HELP)
@click.option("--rate", type=float, help="Events a second; 0: as fast as clients can. By itself the profile's own.")
@click.option("--guilds", type=click.IntRange(min=1), default=3, show_default=True, help="Guilds that the bot is in.")
@click.option("--shards", type=click.IntRange(min=1), default=1, show_default=True, help="Shards that are recommended.")
@click.option("--burst", type=click.IntRange(min=1), help="Send so many events at once when all is connected, no more.")
@click.option("--count", type=click.IntRange(min=0), help="End the traffic after so many events.")
@click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path), help="File for a line of each dispatch.")
@click.option("--token", default="simulator", show_default=True, help="The only bot token that is accepted.")
@click.option("--compress-level", type=click.IntRange(0, 9), default=1, show_default=True, help="Of zlib and zstd.")
@click.option("--members", type=click.IntRange(1), default=60, show_default=True, help="People in each guild.")
@click.option("--heartbeat-interval", type=float, default=41.25, show_default=True, help="Seconds, told in HELLO.")
@click.option(
    "--max-concurrency", type=click.IntRange(1), default=1, show_default=True, help="Shards that start at once."
)
@click.option("--identify-spacing", type=float, default=0.0, show_default=True, help="Seconds between IDENTIFYs.")
@click.option("--identify-limit", type=click.IntRange(0), default=1000, show_default=True, help="IDENTIFYs a day.")
@click.option(
    "--resume-address", type=click.Choice(RESUME_ADDRESSES), default="own", show_default=True, help="Where to RESUME."
)
@click.option(
    "--replay-events", type=click.IntRange(1), default=250_000, show_default=True, help="Remembered for a RESUME."
)
@click.option(
    "--past",
    type=click.FloatRange(min=0, min_open=True),
    metavar="DAYS",
    help="Begin with so many days that are over; see below.",
)
@click.option(
    "--past-messages", type=click.IntRange(1), default=10_000, show_default=True, help="Messages of the past."
)
@click.option("--control", type=click.Choice(["stdio"]), help="Obey JSON lines on stdin, and end when it ends.")
def command(*, control: str | None, past: float | None, past_messages: int, **options: Any) -> None:
    """Play Discord on the loopback: REST, gateway and seeded traffic.

    When it listens it prints one line of JSON with `api_url` and `gateway_url`. Point a bot at them, with the token
    "simulator"; everything that it is sent stands in the ledger before.

    With --past a new ledger begins with what happened in the days up to now, and the world goes on from there; over a ledger that began so
    the past is the same again. Without --ledger nothing is played, but the lines of that past are printed.

    With --control stdio each line of standard input is a command, such as {"cmd": "drop", "shard": 0} or {"cmd": "happen",
    "what": "voice-join"}; mocha_actors.simulator.control lists them.
    """
    try:
        if past is not None and options["ledger"] is None:
            _write_past(past, past_messages, options)
            return
        settings = SimulatorSettings(**options, past_days=past or 0.0, past_messages=past_messages)
        trio.run(_serve, settings, control is not None)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    except SimulatorError as error:
        raise click.ClickException(str(error)) from error
    except ExceptionGroup as group:
        refused, defects = group.split(SimulatorError)
        if refused is None or defects is not None:
            raise
        raise click.ClickException(_sentence(refused)) from group


def _write_past(days: float, messages: int, options: dict[str, Any]) -> None:
    """Write a past, as fast as standard output takes it."""
    world = {name: options[name] for name in ("seed", "guilds", "members", "shards", "profile")}
    past = Past(until_ms=time.time_ns() // 1_000_000, days=days, messages=messages, **world)
    output = sys.stdout.buffer
    for event in past_events(past):
        output.write(ledger_line(event))


def _sentence(group: ExceptionGroup[SimulatorError]) -> str:
    """Dig out the first error of the group into which trio's nurseries put it."""
    first = group.exceptions[0]
    return _sentence(first) if isinstance(first, ExceptionGroup) else str(first)


async def _serve(settings: SimulatorSettings, controlled: bool) -> None:
    async with open_simulator(settings) as simulator:
        async with trio.open_nursery() as nursery:
            await nursery.start(_wait_for_signal, nursery.cancel_scope)
            _print(
                {
                    "api_url": simulator.api_url,
                    "gateway_url": simulator.gateway_url,
                    "past": _period(simulator.past),
                    "past_kept": simulator.past_kept,
                }
            )
            if simulator.past_kept:
                _tell(f"{settings.ledger} goes on with the past that it began with: {_listed(simulator.past_kept)}.")
            if controlled:
                await _obey(simulator)
                nursery.cancel_scope.cancel()
            else:
                _tell(f"Listening; token {settings.token!r}, seed {settings.seed}. End with Ctrl-C.")
        if not controlled:
            _tell(_summary(simulator))


def _listed(kept: dict[str, object]) -> str:
    """Names and values as a sentence has them."""
    return ", ".join(f"{name} {value}" for name, value in kept.items())


def _period(past: Past | None) -> list[int] | None:
    """Where a past begins and ends."""
    return None if past is None else [past.since_ms, past.until_ms]


async def _wait_for_signal(scope: trio.CancelScope, task_status: trio.TaskStatus[None]) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()


async def _obey(simulator: Simulator) -> None:
    """Carry out the commands on stdin, one after the other, until it ends."""
    rest = b""
    # A thread, since stdin may be a file, which epoll refuses; it reads the descriptor, since a thread that is left
    # behind inside of `sys.stdin` holds a lock that the interpreter needs in order to exit.
    while data := await trio.to_thread.run_sync(os.read, STDIN, 65_536, abandon_on_cancel=True):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            _print(await execute(simulator, line))


def _print(answer: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    sys.stdout.flush()


def _tell(sentence: str) -> None:
    click.echo(sentence, err=True)


def _summary(simulator: Simulator) -> str:
    stats = simulator.stats()
    return (
        f"Dispatched {stats['dispatched']} events and replayed {stats['replayed']}, "
        f"after {stats['identifies']} identifies and {stats['resumes']} resumes."
    )
