"""The second level against a real Redis, and against one that is away."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
import redis
import trio

from mocha_actors.cache.keys import Wanted
from mocha_actors.cache.shared import SharedAnswers, open_shared, redis_breaker, redis_client
from mocha_actors.client import StatsClient
from mocha_actors.config import CacheSection, Config
from mocha_actors.errors import ConfigError
from mocha_actors.runtime import BreakerState
from tests.cache.questions import closed, rolling

URL = os.environ.get("MOCHA_TEST_REDIS", "redis://127.0.0.1:6379/15")
REQUIRED = os.environ.get("MOCHA_REQUIRE_SERVICES") == "1"


class Numbers(msgspec.Struct, frozen=True):
    """An answer."""

    guild_id: int
    messages: int


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    """An empty Redis; skips where there is none, unless services are required."""
    client = redis_client(URL)
    try:
        client.ping()
    except redis.RedisError as error:
        if REQUIRED:
            raise
        client.close()
        pytest.skip(f"no Redis at {URL} (set MOCHA_TEST_REDIS): {error}")
    for key in client.scan_iter("mocha:*"):
        client.delete(key)
    yield client
    for key in client.scan_iter("mocha:*"):
        client.delete(key)
    client.close()


def level(client: redis.Redis, ttl: float = 60.0) -> SharedAnswers:
    """A second level, as a process has one."""
    return SharedAnswers(client, redis_breaker(), lambda _: ttl)


def numbers() -> Wanted:
    """A question whose answer is a struct."""
    return replace(closed(), answer=Numbers)


async def test_what_one_process_keeps_another_one_reads(client: redis.Redis) -> None:
    """As the struct that it was, large ids included, for the state that it was read from and no other."""
    answer = Numbers((1 << 62) + 1, 7)
    await level(client).put(numbers(), "5.0.0", answer)

    assert await level(client).get(numbers(), "5.0.0") == (answer, numbers().as_of_ms)
    assert await level(client).get(numbers(), "6.0.0") is None


async def test_what_is_kept_expires(client: redis.Redis) -> None:
    """What is out of date is never asked for again, so this is how it goes."""
    await level(client, ttl=33.0).put(numbers(), "1", Numbers(1, 1))

    (key,) = client.scan_iter("mocha:*")
    assert 30_000 < client.pttl(key) <= 33_000  # type: ignore[operator]


async def test_what_is_not_an_answer_is_a_miss(client: redis.Redis) -> None:
    """Somebody else's value under the key, or one that was cut."""
    shared = level(client)
    await shared.put(numbers(), "1", Numbers(1, 1))
    (key,) = client.scan_iter("mocha:*")
    whole = client.get(key)
    assert isinstance(whole, bytes)

    for broken in (whole[:-1], b"", b"nonsense", msgspec.msgpack.encode([0, {"guild_id": "no"}])):
        client.set(key, broken)
        assert await shared.get(numbers(), "1") is None
    assert shared.breaker.state is BreakerState.CLOSED


async def test_a_redis_that_is_away_is_a_miss_and_after_three_failures_not_even_asked() -> None:
    """Slower at first, never wrong, never down."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        away = redis_client(f"redis://127.0.0.1:{unused.getsockname()[1]}/0")
        shared = level(away)
        answers = [await shared.get(numbers(), "1") for _ in range(5)]
        await shared.put(numbers(), "1", Numbers(1, 1))
    away.close()

    assert answers == [None] * 5
    assert shared.breaker.state is BreakerState.OPEN
    assert shared.breaker.rejected == 3
    assert not shared.breaker.required


async def test_a_redis_that_does_not_answer_costs_a_quarter_of_a_second_and_blocks_nobody() -> None:
    """A socket that accepts and is silent; other tasks run on meanwhile."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        client = redis_client(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await trio.sleep(0.01)
                ticks += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tick)
            with trio.fail_after(20):
                assert await level(client).get(numbers(), "1") is None
            nursery.cancel_scope.cancel()
        client.close()

    assert ticks > 3


@pytest.mark.parametrize("url", ["", "http://127.0.0.1", "127.0.0.1:6379", "redis://user:hunter2secret@host:port/0"])
def test_an_address_that_is_none_is_refused_before_anything_starts_and_not_repeated(url: str) -> None:
    """It may hold a password (promise P9), and so may the section."""
    section = CacheSection(redis_url=url)

    with pytest.raises(ConfigError, match=r"cache\.redis_url: expected redis://") as caught:
        StatsClient.check(Config(cache=section))
    assert "hunter2" not in f"{caught.value!s}{caught.value!r}{section!r}{Config(cache=section)!r}"


async def test_the_answers_about_the_present_expire_with_the_bounded_staleness(client: redis.Redis) -> None:
    """And all others with their kind."""
    with open_shared(CacheSection(redis_url=URL, guild_ttl_s=40.0, stale_s=3.0)) as shared:
        assert shared is not None
        await shared.put(closed(), "1", 1)
        await shared.put(rolling(), "1", 1)

    lives = sorted(client.pttl(key) for key in client.scan_iter("mocha:*"))  # type: ignore[type-var]
    assert 2_000 < lives[0] <= 3_000  # type: ignore[operator]
    assert 38_000 < lives[1] <= 40_000  # type: ignore[operator]


def test_without_redis_there_is_no_second_level() -> None:
    """It is off unless configured."""
    with open_shared(CacheSection()) as shared:
        assert shared is None
