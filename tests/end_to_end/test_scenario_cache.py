"""Asking a running service: cached answers that are right, and a Redis that comes and goes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec
import pytest
import redis
import trio

from mocha_actors.cache.shared import redis_client
from mocha_actors.client import StatsClient
from mocha_actors.config import Config, Secret
from mocha_actors.stats.options import Options
from tests.end_to_end.scene import TOKEN, open_scene

REDIS = os.environ.get("MOCHA_TEST_REDIS", "redis://127.0.0.1:6379/15")


def cached(config: Config, **options: object) -> Config:
    """``config`` with other options of its cache."""
    return msgspec.structs.replace(config, cache=msgspec.structs.replace(config.cache, **options))


async def busiest(client: StatsClient) -> int:
    """A guild with messages."""
    totals = {guild_id: (await client.guild_stats(guild_id)).messages for guild_id, _ in await client.guilds()}
    return max(totals, key=lambda guild_id: totals[guild_id])


def counted(client: StatsClient) -> tuple[int, int]:
    """Hits and misses of all kinds."""
    caches = client.counters.caches.values()
    return sum(cache.hits for cache in caches), sum(cache.misses for cache in caches)


async def test_whoever_waits_until_messages_are_durable_finds_them_counted(tmp_path: Path) -> None:
    """And whoever asks again is answered from the cache, with the time of the answer."""
    async with open_scene(tmp_path, count=0) as scene, scene.client(received=2) as client:
        await scene.burst(client, 500)
        guild_id = await busiest(client)
        first = await client.guild_stats(guild_id, days=7)
        hits, misses = counted(client)
        again = await client.guild_stats(guild_id, days=7)
        # The guild's settings, which say the time zone, and the answer.
        assert (hits + 2, misses) == counted(client)
        assert again == first
        assert again.as_of_ms is not None

        ((rows,),) = scene.rows(f"SELECT count(*) FROM message_events WHERE guild_id = {guild_id}")
        assert rows >= again.messages > 0
        status = client.status()
        assert status.caches["guild"].hits >= 1


async def test_a_closed_range_survives_the_messages_of_today(tmp_path: Path) -> None:
    """Yesterday is read once, however much is written now."""
    async with open_scene(tmp_path, count=0) as scene, scene.client(received=2) as client:
        await scene.burst(client, 100)
        guild_id = await busiest(client)
        today = time.time_ns() // 86_400_000_000_000 * 86_400
        since, until = (time.strftime("%Y-%m-%d", time.gmtime(today - days * 86_400)) for days in (3, 1))
        options: Options = {"since": since, "until": until}
        await client.guild_stats(guild_id, **options)
        _, misses = counted(client)
        for _ in range(3):
            await scene.burst(client, 100)
            await client.guild_stats(guild_id, **options)

        assert misses == counted(client)[1]


async def test_a_second_process_finds_in_redis_what_the_first_one_read_until_something_changes(tmp_path: Path) -> None:
    """By the revision that the writer raises in its transaction."""
    client = redis_client(REDIS)
    try:
        client.ping()
    except redis.RedisError as error:
        client.close()
        if os.environ.get("MOCHA_REQUIRE_SERVICES") == "1":
            raise
        pytest.skip(f"no Redis at {REDIS} (set MOCHA_TEST_REDIS): {error}")
    client.flushdb()
    try:
        async with open_scene(tmp_path, count=0) as scene:
            scene.config = cached(scene.config, redis_url=REDIS)
            async with scene.client(received=2) as first:
                await scene.burst(first, 300)
                guild_id = await busiest(first)
                asked: Options = {"since": "2026-01-01", "until": "2026-02-01"}
                answer = await first.leaderboard(guild_id, **asked)
                assert first.counters.caches["leaderboard"].shared == 0
                with trio.fail_after(10):
                    while not client.keys("mocha:*"):
                        await trio.sleep(0.01)
            async with StatsClient.open(scene.config, Secret(TOKEN)) as second:
                assert answer == await second.leaderboard(guild_id, **asked)
                assert second.counters.caches["leaderboard"].shared == 1
                assert {"database", "redis"} == set(second.status().breakers)
    finally:
        client.flushdb()
        client.close()


async def test_a_service_whose_redis_is_away_answers_and_is_ready(tmp_path: Path) -> None:
    """Nothing listens at the port that is named."""
    async with open_scene(tmp_path, count=0) as scene:
        scene.config = cached(scene.config, redis_url="redis://127.0.0.1:9/0")
        async with scene.client(received=2) as client:
            await scene.burst(client, 100)
            guild_id = await busiest(client)
            for days in range(1, 9):
                assert (await client.guild_stats(guild_id, days=days)).messages > 0
            status = client.status()

    assert status.breakers["redis"] == "opened"
    assert status.ready
