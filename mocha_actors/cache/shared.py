"""Redis as a second level, shared by processes: slower than memory, faster than most questions.

An answer is kept under the state of the database that it was read from (the guild's revision and the coverage gaps, see
:func:`mocha_actors.stats.caching.stamp_of`), and asked for under the state that it is to be true for. So there is nothing to invalidate, whichever
process writes: what has changed has another key, and what is out of date is never asked for again and expires.

redis-py's asynchronous client needs asyncio, so its plain one is used in threads, with short timeouts and behind a breaker. Whatever goes wrong
is a miss: without Redis answers come from the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import trio

from mocha_actors.cache.answers import limits_of
from mocha_actors.cache.keys import Wanted
from mocha_actors.config import CacheSection
from mocha_actors.errors import ConfigError
from mocha_actors.runtime import BreakerPolicy, CircuitBreaker, CircuitOpen, EventHook

if TYPE_CHECKING:
    from redis import Redis

R = TypeVar("R")

TIMEOUT: Final = 0.25
"""Seconds for a connection, and for a command: an answer from Redis that takes longer is not worth having."""

THREADS: Final = 4
"""Commands at the same time."""

MOST_WRITES: Final = 64
"""Answers on their way to Redis; further ones are not sent."""


def redis_breaker(on_event: EventHook | None = None) -> CircuitBreaker:
    """The breaker of Redis: after three failures one attempt in ten seconds. A service without Redis is ready all the same."""
    policy = BreakerPolicy(window=6, minimum_calls=3, wait=10.0, probes=1, slow_after=TIMEOUT)
    return CircuitBreaker("redis", policy, on_event=on_event, required=False)


def redis_client(url: str) -> Redis:
    """A client of the Redis at ``url``. It does not connect yet.

    Raises:
        ConfigError: the extra is not installed, or the address is none; the text does not repeat it, since it may hold a password.

    """
    try:
        from redis import Redis  # noqa: PLC0415  # optional
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ImportError:
        raise ConfigError("cache.redis_url needs the package redis: pip install 'mocha-actors[redis]'") from None
    try:
        return Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0),
            protocol=2, decode_responses=False, max_connections=THREADS + 1,
        )  # fmt: skip
    except ValueError:
        raise ConfigError(
            "cache.redis_url: expected redis://[user:password@]host:port/number, rediss://… or unix://path, found another address"
        ) from None


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """What stands in Redis: the answer as MessagePack, and how old it is (see :class:`~mocha_actors.cache.keys.Wanted`)."""

    as_of_ms: int
    answer: msgspec.Raw


class SharedAnswers:
    """The second level.

    Attributes:
        breaker: guards Redis.

    """

    def __init__(self, client: Redis, breaker: CircuitBreaker, ttl: Callable[[Wanted], float]) -> None:
        """Use ``client``; ``ttl`` tells how many seconds an answer is worth keeping."""
        self._client, self.breaker, self._ttl = client, breaker, ttl
        self._threads = trio.CapacityLimiter(THREADS)
        self._writes = 0

    async def get(self, wanted: Wanted, stamp: str) -> tuple[Any, int] | None:
        """The answer that is true for the database in the state ``stamp``, and its ``as_of_ms``; None without one."""
        key = wanted.shared_key(stamp)
        raw = await self._perform(lambda: self._client.get(key))
        try:
            kept = None if not isinstance(raw, bytes) else msgspec.msgpack.decode(raw, type=Kept)
            return None if kept is None else (msgspec.msgpack.decode(kept.answer, type=wanted.answer), kept.as_of_ms)
        except msgspec.DecodeError:
            return None

    async def put(self, wanted: Wanted, stamp: str, answer: object) -> None:
        """Keep an answer that was read from the database in the state ``stamp``."""
        ttl_ms = int(self._ttl(wanted) * 1000)
        if self._writes >= MOST_WRITES or ttl_ms <= 0:
            return
        key = wanted.shared_key(stamp)
        value = msgspec.msgpack.encode(Kept(wanted.as_of_ms, msgspec.Raw(msgspec.msgpack.encode(answer))))
        self._writes += 1
        try:
            await self._perform(lambda: self._client.set(key, value, px=ttl_ms))
        finally:
            self._writes -= 1

    async def _perform(self, command: Callable[[], R]) -> R | None:
        """The result of ``command`` in a thread; None where Redis does not give one."""
        from redis import RedisError  # noqa: PLC0415  # optional

        try:
            async with self.breaker:
                return await trio.to_thread.run_sync(command, limiter=self._threads)
        except (RedisError, OSError, CircuitOpen):
            # The breaker counts it and tells when it opens; whoever asked reads the database.
            return None


@contextmanager
def open_shared(section: CacheSection) -> Iterator[SharedAnswers | None]:
    """The second level that is configured, if one is; its connections are closed when the block is left.

    Raises:
        ConfigError: as for :func:`redis_client`.

    """
    if section.redis_url is None:
        yield None
        return
    limits = limits_of(section)

    def ttl(wanted: Wanted) -> float:
        return section.stale_s if wanted.moving else limits[wanted.kind].ttl

    client = redis_client(section.redis_url)
    try:
        yield SharedAnswers(client, redis_breaker(), ttl)
    finally:
        client.close()
