"""Commands to a running client: what is erased or left out stays so while the traffic goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mocha_actors.errors import ConfigError
from tests.end_to_end.scene import Scene, open_scene

BUSIEST = "SELECT user_id, SUM(sent) FROM user_day WHERE author_class = 0 GROUP BY user_id ORDER BY 2 DESC LIMIT 1"


def messages(scene: Scene, user: int) -> int:
    """Stored messages of a user."""
    ((found,),) = scene.rows(f"SELECT COUNT(*) FROM message_events WHERE user_id = {user}")
    return int(found)


async def test_a_user_that_is_forgotten_in_live_traffic_does_not_come_back(tmp_path: Path) -> None:
    """What it did stays counted; what it does is recorded no more; its data are given out before, and are none after."""
    async with open_scene(tmp_path, guilds=1) as scene, scene.client() as client:
        await scene.until(lambda: scene.rows("SELECT COUNT(*) FROM message_events") > [(300,)])
        ((user, _),) = scene.rows(BUSIEST)
        data = json.loads(await client.user_data(user))
        assert len(data["messages"]) > 0

        done = await client.forget(user, actor="test")

        assert 0 == done.numbers["left"]
        ((before,),) = scene.rows("SELECT COUNT(*) FROM message_events")
        await scene.until(lambda: scene.rows("SELECT COUNT(*) FROM message_events") > [(before + 300,)])
        assert 0 == messages(scene, user)
        assert [] == json.loads(await client.user_data(user))["messages"]
        actions = [action for (action,) in scene.rows("SELECT action FROM audit_log ORDER BY id")]
        assert ["read_user_data", "forget", "read_user_data"] == actions


async def test_answers_follow_the_settings_of_a_guild_at_once(tmp_path: Path) -> None:
    """The zone of the days and what is left out; a cached answer is not an old one."""
    async with open_scene(tmp_path, guilds=1) as scene, scene.client() as client:
        await scene.until(lambda: scene.rows("SELECT COUNT(*) FROM message_events") > [(300,)])
        await scene.quiet(client)
        ((guild, channel),) = scene.rows(
            "SELECT guild_id, channel_id FROM message_events GROUP BY 2 ORDER BY COUNT(*) DESC LIMIT 1"
        )
        before = await client.guild_stats(guild, period="all_time")
        there = await client.channel_stats(guild, channel, period="all_time")
        assert 0 < there.messages < before.messages

        await client.set_guild(guild, time_zone="Asia/Kathmandu", ignore=(("channel", channel),))

        after = await client.guild_stats(guild, period="all_time")
        assert ("UTC", "Asia/Kathmandu") == (before.time_zone, after.time_zone)
        assert before.messages - there.messages == after.messages
        with pytest.raises(ConfigError, match="Mars"):
            await client.set_guild(guild, time_zone="Mars/Phobos")
