"""``mocha-run``: the service. It runs until a signal, drains, and says what it did."""

from __future__ import annotations

import mocha_actors.cli.lean  # noqa: F401 - before anything else

# isort: split

import gc
import math
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import click
import msgspec
import structlog
import trio

from mocha_actors import logs
from mocha_actors.cli.demo import INTENTS, TOKEN, SimulatorProcess, open_simulator_process
from mocha_actors.cli.main import OneLineCommand, open_closed_streams
from mocha_actors.cli.summary import summary
from mocha_actors.client import StatsClient
from mocha_actors.config import Config, Secret, SimulatorSection, load, load_token, parse
from mocha_actors.errors import ConfigError, MochaError, TransientError
from mocha_actors.runtime import ActorError
from mocha_actors.runtime.signals import StopRequest, open_stop_signals

WELCOME: Final = """\
mocha: recording a simulated Discord into {database}; Ctrl-C ends it
mocha: ask in another terminal: mocha status, mocha query guild, mocha query leaderboard --days 1"""
"""What a person is told at the start of a demo."""

SESSION_LIMIT: Final = 10.0
"""Seconds that the end of a demo waits for sessions that are being made."""

POLL_SECONDS: Final = 0.05

DURABLE_LIMIT: Final = 60.0
"""Seconds that the end of a demo waits until the last event sent is durable."""

DEMO: Final = f"""\
[discord]
intents = {list(INTENTS)!r}
[database]
url = "sqlite:///data/demo/mocha.db"
[logging]
file = "data/demo/mocha.log"
format = "json"
[simulator]
guilds = 1
members = 200
past_days = 30
"""
"""What ``mocha-run --demo`` runs without a configuration; environment variables override it as they do a file."""

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


def _finite(_ctx: click.Context, option: click.Parameter, value: float | None) -> float | None:
    """Refuse "nan" and "inf", which pass every comparison."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of seconds", param=option)
    return value


@click.command(cls=OneLineCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("config_path", metavar="[CONFIG]", envvar="MOCHA_CONFIG", required=False)
@click.option("--check", is_flag=True, help="Read and check the configuration, and exit.")
@click.option("--demo", is_flag=True, help="Start a simulated Discord beside the service; no token, no network.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    help="End by itself after so many seconds.",
)
@click.option(
    "--wait-owner", type=click.FloatRange(min=0), callback=_finite, default=0.0, metavar="SECONDS",
    help="Wait so long for another process to give the database up.",
)  # fmt: skip
@click.option(
    "--take-over", is_flag=True, help="Take the database away from a process that does not give it up; that one ends with status 3."
)  # fmt: skip
@click.option(
    "--decommission", is_flag=True, help="Give the sessions up for good at the end; the next start begins new ones, with a gap."
)  # fmt: skip
def command(
    config_path: str | None,
    *,
    check: bool,
    demo: bool,
    seconds: float | None,
    wait_owner: float,
    take_over: bool,
    decommission: bool,
) -> None:
    """Record what happens on Discord servers, as CONFIG says.

    Runs until SIGINT or SIGTERM, commits what it has received, and leaves the sessions resumable. A second signal ends at once. CONFIG may
    also come from the environment variable MOCHA_CONFIG.
    """
    config = _configuration(config_path, demo=demo)
    with naming(config_path):
        StatsClient.check(config)
        if config.simulator is not None:
            from mocha_actors.cli.past import check_past  # noqa: PLC0415 - a megabyte of simulator

            check_past(config)
    if config.simulator is None:
        load_token(config.discord)
    if check:
        click.echo(f"{config_path or 'the demo'}: ok")
        return
    logs.configure(config.logging.format, config.logging.level, config.logging.file)
    relax_collector()
    try:
        with plain_errors():
            clean = trio.run(
                partial(serve, config, seconds, wait_owner=wait_owner, take_over=take_over, decommission=decommission)
            )
    finally:
        logs.close()
    sys.exit(0 if clean else 1)


@contextmanager
def naming(config_path: str | None) -> Iterator[None]:
    """Name the file in an error about what it says."""
    try:
        yield
    except ConfigError as error:
        if config_path is None or str(error).startswith(config_path):
            raise
        raise ConfigError(f"{config_path}: {error}") from error


def main() -> None:
    """Run the command; a mistake of the user is one line on standard error."""
    open_closed_streams()
    command(prog_name="mocha-run")


def relax_collector() -> None:
    """Look for cycles of garbage less often, and never again in what is there at the start.

    Events and facts make none, and at the interpreter's 700 objects the search costs 6 % of a message.

    The process is Mocha's own here; a bot that embeds it decides for itself.
    """
    gc.collect()  # else what importing left behind is frozen, too
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Raise the error that a person must know of, and not the groups and chains in which nurseries and supervisors wrap it."""
    try:
        yield
    except (BaseExceptionGroup, ActorError) as error:
        known = next((leaf for leaf in leaves(error) if isinstance(leaf, MochaError)), None)
        if known is None:
            raise
        raise known from None


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors inside a group or behind a chain of causes, innermost last."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from leaves(part)
        return
    yield error
    if error.__cause__ is not None:
        yield from leaves(error.__cause__)


def _configuration(path: str | None, *, demo: bool) -> Config:
    if path is None:
        if not demo:
            raise ConfigError("no configuration: mocha-run CONFIG, or mocha-run --demo for a simulated Discord")
        return parse(DEMO, "the demo", os.environ)
    config = load(Path(path))
    if demo and config.simulator is None:
        return msgspec.structs.replace(config, simulator=SimulatorSection())
    return config


async def serve(
    config: Config,
    seconds: float | None = None,
    *,
    wait_owner: float = 0.0,
    take_over: bool = False,
    decommission: bool = False,
) -> bool:
    """Run the service until a signal, ``seconds``, or the end of the simulator; returns whether nothing was lost."""
    with open_stop_signals() as requests, trio.CancelScope() as starting:
        async with trio.open_nursery() as nursery:
            early = await nursery.start(_give_up_at_signal, requests, starting)
            async with _open_discord(config) as (addressed, token, simulator):
                logs.add_secret(token.reveal())
                if simulator is not None and simulator.past is not None:
                    from mocha_actors.cli.past import load_past  # noqa: PLC0415 - see `command`

                    await load_past(addressed, simulator.past, wait_owner=wait_owner, take_over=take_over)
                async with StatsClient.open(addressed, token, wait_owner=wait_owner, take_over=take_over) as client:
                    early.cancel()
                    stop = trio.Event()
                    nursery.start_soon(_watch_signals, requests, stop, client)
                    if simulator is not None:
                        click.echo(WELCOME.format(database=client.database), err=True)
                    await _until_stopped(client, simulator, stop, seconds)
                    if decommission:
                        client.decommission()
            nursery.cancel_scope.cancel()
    if starting.cancelled_caught:
        click.echo("mocha: stopped before it had started", err=True)
        return True
    click.echo(summary(client))
    return client.report.clean


@asynccontextmanager
async def _open_discord(config: Config) -> AsyncIterator[tuple[Config, Secret, SimulatorProcess | None]]:
    """The Discord to connect to: the configuration with its address, the token, and the simulator if it is one."""
    if config.simulator is None:
        yield config, load_token(config.discord), None
        return
    async with open_simulator_process(config.simulator, config.discord.shards) as simulator:
        discord = msgspec.structs.replace(config.discord, api_url=simulator.api_url, gateway_url=None)
        yield msgspec.structs.replace(config, discord=discord), Secret(TOKEN), simulator


async def _give_up_at_signal(
    requests: AsyncIterator[StopRequest], starting: trio.CancelScope, task_status: trio.TaskStatus[trio.CancelScope]
) -> None:
    """Until the service runs, there is nothing to drain: the first signal ends the start."""
    with trio.CancelScope() as scope:
        task_status.started(scope)
        request = await anext(requests)
        logger.info("service.stopping", reason=request.signal.name)
        starting.cancel()


async def _watch_signals(requests: AsyncIterator[StopRequest], stop: trio.Event, client: StatsClient) -> None:
    """The first signal drains, the second cancels the drain."""
    async for request in requests:
        if stop.is_set():
            client.abort()
            return
        logger.info("service.stopping", reason=request.signal.name)
        stop.set()


async def _until_stopped(
    client: StatsClient, simulator: SimulatorProcess | None, stop: trio.Event, seconds: float | None
) -> None:
    async with trio.open_nursery() as nursery:
        if sys.stderr is not None and sys.stderr.isatty():  # there is none after `2>&-`
            from mocha_actors.cli.live import Live  # noqa: PLC0415 - see there

            nursery.start_soon(Live(client).run)
        if simulator is not None:
            nursery.start_soon(_stop_with, simulator, stop)
        with trio.move_on_after(seconds if seconds is not None else float("inf")):
            await stop.wait()
        if not stop.is_set():
            logger.info("service.stopping", reason="--seconds")
            stop.set()  # the next signal is one too many
        if simulator is not None and simulator.process.returncode is None:
            await _finish_traffic(client, simulator)
        nursery.cancel_scope.cancel()


async def _stop_with(simulator: SimulatorProcess, stop: trio.Event) -> None:
    """A demo without its simulator has nothing left to record."""
    await simulator.process.wait()
    stop.set()


async def _finish_traffic(client: StatsClient, simulator: SimulatorProcess) -> None:
    """Stop the traffic of a demo and wait until the last event that was sent is durable.

    A session that is just being made is waited for, so that what it was sent is recorded; without one there is nothing to wait for.
    """
    with trio.move_on_after(SESSION_LIMIT) as waiting:
        while client.counters.connected < client.shards:  # noqa: ASYNC110  # a counter, not an event
            await trio.sleep(POLL_SECONDS)
    stopped = await simulator.stop_traffic()
    if waiting.cancelled_caught:
        return
    with trio.move_on_after(DURABLE_LIMIT):
        for shard, seq in stopped.items():
            await client.wait_durable(shard, seq)
        return
    raise TransientError(f"the last event of the simulator was not durable within {DURABLE_LIMIT:.0f} s")


if __name__ == "__main__":
    main()
