"""An idle discord.py client, with Mocha inside or without, that prints how many megabytes its process occupies."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

import discord

IDLE_SECONDS: Final = 2.0


async def idle(*, embedded: bool) -> None:
    """Make the client, wait, and look."""
    client = discord.Client(intents=discord.Intents.default(), enable_debug_events=True)
    if not embedded:
        print(resident_mb())
        return
    from mocha_actors.embed import MochaStats  # noqa: PLC0415 - a bare bot does not load it
    from mocha_actors.embed.discord_py import attach  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        async with MochaStats(database=f"sqlite:///{folder}/idle.db") as stats:
            attach(client, stats)
            await asyncio.sleep(IDLE_SECONDS)
            print(resident_mb())


def resident_mb() -> int:
    """Megabytes that the process occupies."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


if __name__ == "__main__":
    asyncio.run(idle(embedded=sys.argv[1] == "embedded"))
