"""What had happened in a simulated Discord before it was started: read from its ledger, and recorded once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import structlog

from mocha_actors.client import StatsClient
from mocha_actors.config import Config
from mocha_actors.errors import ConfigError
from mocha_actors.simulator.life.profiles import PROFILES
from mocha_actors.simulator.past import imported

TOLD: Final = "mocha: loading what happened in the {days:.0f} days before, once"

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


def check_past(config: Config) -> None:
    """Refuse a past that cannot be, before anything is started.

    Raises:
        ConfigError: nothing but messages happens in the simulated Discord.

    """
    simulator = config.simulator
    if simulator is not None and simulator.past_days and not PROFILES[simulator.profile].is_alive:
        alive = ", ".join(name for name, profile in PROFILES.items() if profile.is_alive)
        msg = f"simulator.past_days: profile {simulator.profile!r} has no past; allowed are {alive}"
        raise ConfigError(msg)


async def load_past(config: Config, period: tuple[int, int], *, wait_owner: float, take_over: bool) -> None:
    """Record the past with which the simulator's ledger begins, if the database knows of no guild yet.

    All of it is one transaction, so that a kill in the middle leaves a database that knows of none.

    Args:
        config: with the simulator, whose ledger is read.
        period: its beginning and end, milliseconds since the Unix epoch.
        wait_owner: as for :meth:`~mocha_actors.client.StatsClient.open`.
        take_over: likewise.

    Raises:
        MochaError: the database cannot be opened, or does not take it.

    """
    assert config.simulator is not None
    shards = range(1 if config.discord.shards == "auto" else config.discord.shards)
    async with StatsClient.open(config, gateway=False, wait_owner=wait_owner, take_over=take_over) as client:
        if await client.guilds():
            return
        since, until = (datetime.fromtimestamp(ms / 1000, UTC) for ms in period)
        until = min(until, datetime.now(UTC))  # the clock may have been set back since the past was made
        click.echo(TOLD.format(days=(until - since).total_seconds() / 86_400), err=True)
        report = await client.record(imported(Path(config.simulator.ledger)), observed=(since, until), shards=shards)
        logger.info("past.loaded", events=report.events, facts=report.facts, ignored=report.ignored)
