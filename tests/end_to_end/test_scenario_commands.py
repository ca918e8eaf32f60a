"""A bot answers slash commands where Mocha records: its replies are messages like others, and the rest leaves no trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trio

from mocha_actors import logs
from mocha_actors.simulator.contents import EPHEMERAL
from mocha_actors.simulator.interactions import Interaction
from tests.end_to_end.scene import TOKEN, Scene, open_scene
from tests.simulator.rest import PING, Rest, error, rest_of


async def used(scene: Scene) -> Interaction:
    """A member uses the command."""
    guild = scene.sim.world.guilds[0]
    place = {"guild": guild.id, "channel": guild.system_channel_id, "user": guild.members[2].user.id}
    return (await scene.sim.users.invoke("ping", **place)).interaction


def secrets_of(interaction: Interaction) -> dict[str, Any]:
    """What the bot is told in order to answer."""
    return {"id": str(interaction.id), "token": interaction.token}


async def answer(rest: Rest, interaction: Interaction, number: int) -> None:
    """Answer in one of several ways: at once, to one user alone, late, or with a message more and one less."""
    told = secrets_of(interaction)
    if number % 4 == 0:
        await rest.respond(told, 4, {"content": "see https://example.org"})
    elif number % 4 == 1:
        await rest.respond(told, 4, {"content": "psst", "flags": EPHEMERAL})
        await rest.edit(told, {"content": "psst!"})
    elif number % 4 == 2:
        await rest.respond(told, 5)
        await trio.sleep(10)
        await rest.edit(told, {"embeds": [{"title": "Top"}]})
        await rest.edit(told, {"content": "edited"})
    else:
        await rest.respond(told, 4, {"content": "one"})
        await rest.follow_up(told, {"content": "two"})
        await rest.client.delete(f"{rest.webhook(told)}/messages/@original")


async def test_replies_to_commands_are_counted_exactly_and_ephemeral_ones_not_at_all(
    tmp_path: Path, virtual_time: trio.abc.Clock
) -> None:
    """Beside the traffic and over broken connections; the database equals the ledger, and no interaction token is anywhere."""
    logs.configure("json", "debug", str(tmp_path / "mocha.log"))
    interactions = []
    async with open_scene(tmp_path, rate=20.0, guilds=1) as scene, rest_of(scene.sim, TOKEN) as rest:
        async with scene.client() as client:
            await rest.register(PING)
            for number in range(24):
                interactions.append(await used(scene))
                if number % 6 == 5:
                    await scene.sim.drop(0, "reset")
                await answer(rest, interactions[-1], number)
                # While nobody is connected the session is told all the same.
                await scene.until(lambda: scene.sim.stats()["sessions"][0]["connected"])
            late = await used(scene)
            await trio.sleep(3.1)
            assert error(await rest.respond(secrets_of(late), 4, {"content": "x"})) == (404, 10062)
            assert client.counters.resumes == 4
            await scene.settle(client)
        rows = {
            message: (channel, user, kind, deleted)
            for message, channel, user, kind, deleted in scene.rows(
                "SELECT message_id, channel_id, user_id, kind, deleted_ms IS NOT NULL FROM message_events"
            )
        }
    logs.close()

    bot, channel = rest.id, scene.sim.world.guilds[0].system_channel_id
    for number, interaction in enumerate(interactions):
        original = interaction.original
        assert original is not None
        expected = None if number % 4 == 1 else (channel, bot, 1, int(number % 4 == 3))
        assert rows.get(original.id) == expected
        assert [rows.get(each.id) for each in interaction.follow_ups] == [(channel, bot, 0, 0)] * (number % 4 == 3)
    text = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"shard.resumed" in text
    assert [each for each in interactions if each.token.encode() in text] == []
