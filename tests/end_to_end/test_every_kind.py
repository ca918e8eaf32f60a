"""A community in which everything happens, recorded by a service that is killed: all tables equal what was sent."""

from __future__ import annotations

from pathlib import Path

import trio

from tests.end_to_end.harness import open_house, run_mocha, until

INTENTS = (
    'intents = ["GUILDS", "GUILD_MEMBERS", "GUILD_MODERATION", "GUILD_VOICE_STATES", "GUILD_PRESENCES", "GUILD_MESSAGES", '
    '"GUILD_MESSAGE_REACTIONS", "MESSAGE_CONTENT"]'
)


async def test_after_kills_every_kind_equals_what_was_sent(tmp_path: Path) -> None:
    """Messages with their details, edits and deletions, reactions, members; the rollups equal their recounts too."""
    options = ("--profile", "community", "--rate", "600", "--guilds", "3", "--members", "40")
    async with open_house(tmp_path, *options) as house:
        configuration = house.folder / "mocha.toml"
        configuration.write_text(configuration.read_text().replace("[discord]", f"[discord]\n{INTENTS}"))
        for _ in range(2):
            killed = await house.start()
            before = house.durable()
            await until(lambda before=before: house.durable() > before + 500, "five hundred events more")  # type: ignore[misc]
            killed.process.kill()
            await killed.process.wait()
        service = await house.start()
        await trio.sleep(1)
        stopped = await house.simulator.stop_traffic()
        await house.drain(service, stopped[0])

        assert "equal" in house.verify()
        recounted = run_mocha("verify", "--database", str(house.database), cwd=house.folder)
        assert recounted.returncode == 0, recounted.stdout
        assert house.rows("SELECT count(*) FROM dead_letters") == [(0,)]
        for table in ("message_details", "reaction_state", "reaction_user_day", "members", "channels", "voice_events"):
            assert house.rows(f"SELECT count(*) FROM {table}") > [(0,)], table
