"""Draws charts beside the host's loop, one at a time: matplotlib holds the interpreter up, and is not made for threads."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import Final

import structlog

from mocha_actors.embed.commands.replies import Chart

WAITING: Final = 8
"""Charts that may wait for their turn; who comes later gets the numbers without one."""

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


class Drawing:
    """The one pencil."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0
        self._possible = find_spec("matplotlib") is not None

    async def png(self, chart: Chart) -> bytes | None:
        """The chart as a PNG; None without matplotlib, and while too many wait already."""
        if not self._possible or self._waiting >= WAITING:
            return None
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(_png, chart)
        except Exception:
            logger.exception("command.not_drawn", of=type(chart.answer).__name__)
            return None
        finally:
            self._waiting -= 1


def _png(chart: Chart) -> bytes:
    from mocha_actors.showing.pictures import png  # noqa: PLC0415 - matplotlib is an extra, and slow to import

    return png(chart.answer, {chart.answer.guild_id: chart.place}, chart.title)
