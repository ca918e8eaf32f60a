"""Bots with the real libraries and Mocha inside: the database equals the simulator's ledger."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from tests.embed.hosts import TOKEN, Told, beside, run_discord_py, run_hikari, until, verify

BOTS: dict[str, Callable[..., Any]] = {"discord.py": run_discord_py, "hikari": run_hikari}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    # A host that falls seconds behind hands voice and presence over with the time at which it comes to them: the few are sent more slowly than the slowest takes them.
    ("enough", "rate"),
    [(600, 400), pytest.param(50_000, 1_000, marks=pytest.mark.long)],
)
@pytest.mark.parametrize("library", ["discord.py", "hikari"])
async def test_a_bot_with_mocha_inside_records_what_the_ledger_says_over_a_drop(
    library: str, enough: int, rate: float, tmp_path: Path, point_discord_py_at: Callable[[Simulator], None]
) -> None:
    """Every kind of event, and a connection that breaks in the middle: nothing is lost and nothing doubled."""
    if library == "hikari":
        pytest.importorskip("hikari", reason="hikari is not installed; it belongs to the extra `dev`")
    told, ledger = Told(), tmp_path / "ledger.jsonl"
    settings = SimulatorSettings(profile="community", rate=rate, guilds=2, members=30, ledger=ledger, token=TOKEN)
    async with open_simulator(settings) as simulator:
        point_discord_py_at(simulator)

        async def script() -> None:
            await until(lambda: told.messages >= enough // 2, 280)
            assert await simulator.drop(0, "reset")
            await until(lambda: told.messages >= enough and told.resumed, 280)
            last = simulator.stop_traffic()[0]
            await until(lambda: told.seq >= last)

        await beside(partial(BOTS[library], simulator, tmp_path, told), told, script)
        assert simulator.stats()["identifies"] == 1
    assert told.report.clean
    assert (told.health.dropped, told.health.dead_lettered, told.health.restarts) == (0, 0, 0)
    print(library, told.health, await verify("--database", tmp_path / "mocha.db"))
    printed = await verify("--database", tmp_path / "mocha.db", "--ledger", ledger)
    print(printed)
    assert "left out" not in printed
