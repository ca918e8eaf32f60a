"""What had happened in a simulated Discord before it was started: read from its ledger, and recorded once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import structlog

from mocha_actors.client import StatsClient
from mocha_actors.config import Config
from mocha_actors.simulator.past import imported

TOLD: Final = "mocha: loading what happened in the {days:.0f} days before, once"

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


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
    async with StatsClient.open(config, gateway=False, wait_owner=wait_owner, take_over=take_over) as client:
        if await client.guilds():
            return
        since, until = (datetime.fromtimestamp(ms / 1000, UTC) for ms in period)
        click.echo(TOLD.format(days=(until - since).total_seconds() / 86_400), err=True)
        report = await client.record(imported(Path(config.simulator.ledger)), observed=(since, until))
        logger.info("past.loaded", events=report.events, facts=report.facts, ignored=report.ignored)
