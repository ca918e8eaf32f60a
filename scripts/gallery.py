"""The README's pictures: charts as `mocha query --png` draws them, and terminals as they look."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import trio
from rich.console import Console
from rich.text import Text

from mocha_actors.client import StatsClient
from mocha_actors.config import Config, DatabaseSection, DiscordSection
from mocha_actors.simulator.past import Past, past_events

PAST: Final = Past(until_ms=1_790_553_600_000, days=90, messages=60_000, members=400, seed=7)
"""Ninety days until a Monday, 2026-09-28 00:00 UTC."""

RANGE: Final = ("--since", "2026-08-31", "--until", "2026-09-28", "--time-zone", "Europe/Berlin")
CHARTS: Final = {
    "timeline": ("message-timeline", *RANGE),
    "heatmap": ("heatmap", *RANGE),
    "growth": ("member-growth", "--since", "2026-07-01", "--until", "2026-09-28", "--interval", "week"),
    "leaderboard": ("leaderboard", *RANGE, "--limit", "10"),
}
TERMINALS: Final = {
    "terminal-heatmap": ("heatmap", *RANGE),
    "terminal-timeline": ("message-timeline", "--since", "2026-09-14", "--until", "2026-09-28", "--time-zone", "Europe/Berlin"),
}  # fmt: skip
COLUMNS: Final = 80


async def record(url: str) -> None:
    """Record the past."""
    intents = ("GUILDS", "GUILD_MEMBERS", "GUILD_VOICE_STATES", "GUILD_MESSAGES", "GUILD_MESSAGE_REACTIONS")
    config = Config(database=DatabaseSection(url=url), discord=DiscordSection(intents=intents))
    since, until = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (PAST.since_ms, PAST.until_ms))
    async with StatsClient.open(config, gateway=False) as stats:
        await stats.record(past_events(PAST), observed=(since, until))


def ask(url: str, *arguments: str) -> str:
    """What `mocha query` prints on a terminal with colours."""
    command = [sys.executable, "-m", "mocha_actors", "query", *arguments, "--database", url]
    terminal = {"FORCE_COLOR": "1", "COLORTERM": "truecolor", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    done = subprocess.run(command, env=os.environ | terminal, capture_output=True, text=True, check=True)
    return done.stdout


def photograph(command: str, output: str, path: Path) -> None:
    """Draw a terminal."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(Text(f"$ {command}\n", style="bold"))
        console.print(Text.from_ansi(output))
        path.write_text(console.export_svg(title="mocha query", unique_id=path.stem), encoding="utf-8")


def main(folder: Path) -> None:
    """Make all of them."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        url = f"sqlite:///{place}/mocha.db"
        trio.run(record, url)
        for name, arguments in CHARTS.items():
            ask(url, *arguments, "--png", str(folder / f"{name}.png"))
        for name, arguments in TERMINALS.items():
            photograph(f"mocha query {' '.join(arguments)}", ask(url, *arguments), folder / f"{name}.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
