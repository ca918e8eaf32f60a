"""Voice and presence from end to end: what everybody did in a busy community is in the database, however often the connection broke."""

from __future__ import annotations

from pathlib import Path

import msgspec
import trio

from mocha_actors.cli.verify_stays import compare_heard
from tests.end_to_end.scene import Scene, open_scene

INTENTS = ("GUILDS", "GUILD_MEMBERS", "GUILD_VOICE_STATES", "GUILD_PRESENCES", "GUILD_MESSAGES")
COMMUNITY = {"profile": "community", "rate": 1.0, "members": 40, "guilds": 2, "seed": 11}

LAG_MS = 1_000
"""Nothing takes longer from one end to the other: a run of events waits 10 ms for company."""


def listening(scene: Scene) -> None:
    """Have the program ask for voice and presence."""
    discord = msgspec.structs.replace(scene.config.discord, intents=INTENTS)
    scene.config = msgspec.structs.replace(scene.config, discord=discord)


async def test_broken_connections_lose_nothing_of_voice_and_presence(
    tmp_path: Path, virtual_time: trio.abc.Clock
) -> None:
    """A quarter of an hour with six connections, each resumed: every visit, every session, every second within its bound."""
    async with open_scene(tmp_path, **COMMUNITY) as scene:
        listening(scene)
        async with scene.client() as client:
            for _ in range(3):
                await trio.sleep(150)
                scene.sim.op7()
                await trio.sleep(150)
                await scene.sim.drop(0, "reset")
            await trio.sleep(60)
            await scene.quiet(client)
            assert client.counters.resumes == 6
        result = await compare_heard(scene.config.database.url, scene.ledger, LAG_MS)

        assert result.different == 0, result.differences[:5]
        assert result.compared > 100


async def test_lost_sessions_cost_their_gap_and_no_more(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Sessions that cannot be resumed: what is open ends at the last evidence, and who is found in the same channel goes on."""
    async with open_scene(tmp_path, **COMMUNITY) as scene:
        listening(scene)
        async with scene.client() as client:
            for _ in range(3):
                await trio.sleep(150)
                scene.sim.op9(resumable=False)
            await trio.sleep(150)
            await scene.quiet(client)
        result = await compare_heard(scene.config.database.url, scene.ledger, LAG_MS)

        assert result.different == 0, result.differences[:5]
        assert result.compared > 50
        [(found_again,)] = scene.rows("SELECT count(*) FROM voice_events WHERE continues_id IS NOT NULL")
        assert found_again > 10
        assert scene.gaps() == ["first_start"] + ["session_invalid"] * 3
