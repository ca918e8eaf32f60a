"""The actor that gives shards their turn to IDENTIFY.

The decision itself (spacing, budget) is the writer's, made and recorded in one transaction, so that no restart forgets an attempt. This
actor asks for one shard of each key at a time, lowest first, and asks again when the answer was "not yet".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog
import trio

from mocha_actors.errors import PermanentError
from mocha_actors.gateway.fleet import objection
from mocha_actors.gateway.rest import DiscordRest, GatewayInfo, RestUnavailableError, SessionStartLimit
from mocha_actors.pipeline.notices import ClaimIdentify
from mocha_actors.runtime import Actor, ActorRef, Context, Mailbox, Request

MAILBOX: Final = Mailbox(1000, redeliver=1)
"""Turns stay in hand until they are granted: that is what at-least-once mailboxes do."""

LIMIT_MAX_AGE: Final = 30.0
"""Seconds for which Discord's answer about the budget is believed."""

MIN_RESERVE: Final = 50
"""Identifies a day that are never used, or one for each shard, if that is more."""

CLAIM_TIMEOUT: Final = 60.0
"""Seconds to wait for the writer, whose database may be away for a while."""

RETRY: Final = 5.0
"""Seconds until the next attempt when Discord's API cannot be reached and does not say for how long."""

LONG_WAIT: Final = 30.0
"""Seconds; who has to wait longer has met the budget and not the spacing, which is worth a warning."""


@dataclass(slots=True, eq=False)
class TakeTurn(Request[None]):
    """Ask for the turn to IDENTIFY; answered when it has come.

    Attributes:
        shard: shard id.
        abandoned: set by the asker when its connection is gone: the turn is then worth nothing and costs nothing.

    """

    shard: int
    abandoned: bool = False


def first_of_each_key(shards: Iterable[int], max_concurrency: int) -> list[int]:
    """Of the waiting ``shards`` the lowest of each key ``shard % max_concurrency``, ascending."""
    first: dict[int, int] = {}
    for shard in sorted(shards):
        first.setdefault(shard % max_concurrency, shard)
    return list(first.values())


class IdentifyQueue(Actor[TakeTurn]):
    """Serialises the turns of all shards of this process.

    Args:
        writer: keeps the log of identifies.
        rest: knows Discord's limits.
        shards: number of shards of the bot.
        clock: milliseconds since the Unix epoch.

    """

    def __init__(self, *, writer: ActorRef[Any], rest: DiscordRest, shards: int, clock: Callable[[], int]) -> None:
        self._writer, self._rest, self._clock = writer, rest, clock
        self._shards = shards
        self._reserve = max(shards, MIN_RESERVE)
        self._objected: str | None = None
        self._waiting: list[TakeTurn] = []
        self._log = structlog.get_logger()

    async def run(self, ctx: Context[TakeTurn]) -> None:
        """Grant what can be granted, then wait for a new turn or until an old one may have its time."""
        with suppress(trio.EndOfChannel):
            while True:
                wait = await self._grant(ctx)
                with trio.move_on_after(wait):
                    self._waiting.append(await ctx.receive())

    async def _grant(self, ctx: Context[TakeTurn]) -> float:
        """Grant each key's first turn if its time has come; return the seconds until the next one's may have."""
        self._drop_abandoned(ctx)
        if not self._waiting:
            return math.inf
        try:
            info = await self._rest.gateway(LIMIT_MAX_AGE)
        except RestUnavailableError as error:
            return error.retry_after or RETRY
        except PermanentError as error:
            return self._refuse_all(ctx, error)
        self._check_number(info)
        limit = info.session_start_limit
        if limit.remaining <= min(self._reserve, limit.total - 1):
            return self._wait_for_reset(limit)
        self._take_what_waits(ctx)
        return min([await self._claim(turn, limit, ctx) for turn in self._heads(limit.max_concurrency)])

    def _check_number(self, info: GatewayInfo) -> None:
        """Say once what Discord may have against the number of shards, before the budget is spent on finding out."""
        found = objection(self._shards, info.shards)
        if found is not None and found != self._objected:
            self._log.warning("gateway.shard_count", shards=self._shards, recommended=info.shards, reason=found)
        self._objected = found

    def _take_what_waits(self, ctx: Context[TakeTurn]) -> None:
        """Whoever has asked by now takes part: taken one for each decision, a low shard could wait behind any number of higher ones."""
        with suppress(trio.WouldBlock):
            while True:
                self._waiting.append(ctx.receive_nowait())

    def _wait_for_reset(self, limit: SessionStartLimit) -> float:
        """Others may have spent what our own log knows nothing of; the reserve is left to whoever has to mend that."""
        seconds = max(1.0, limit.reset_after / 1000)
        self._alert(seconds, limit.remaining)
        return seconds

    def _drop_abandoned(self, ctx: Context[TakeTurn]) -> None:
        for turn in [turn for turn in self._waiting if turn.abandoned]:
            self._waiting.remove(turn)
            ctx.done(turn)

    def _refuse_all(self, ctx: Context[TakeTurn], error: PermanentError) -> float:
        for turn in self._waiting:
            ctx.fail(turn, error)
        self._waiting.clear()
        return math.inf

    def _heads(self, max_concurrency: int) -> list[TakeTurn]:
        """The turns that come first, one of each key."""
        turns = {turn.shard: turn for turn in self._waiting}
        return [turns[shard] for shard in first_of_each_key(turns, max_concurrency)]

    async def _claim(self, turn: TakeTurn, limit: SessionStartLimit, ctx: Context[TakeTurn]) -> float:
        """Grant the turn if the writer records its attempt; return the seconds until its key is worth asking for again."""
        if turn.abandoned:
            return 0.0
        claim = ClaimIdentify(turn.shard, self._clock(), limit.max_concurrency, limit.total, self._reserve)
        wait = await self._writer.ask(claim, timeout=CLAIM_TIMEOUT)
        if wait > 0:
            if wait > LONG_WAIT:
                self._alert(wait, limit.remaining)
            return wait
        self._waiting.remove(turn)
        ctx.reply(turn, None)
        return 0.0 if self._waiting else math.inf

    def _alert(self, wait: float, remaining: int) -> None:
        shards = [turn.shard for turn in self._waiting]
        self._log.error("identify.budget_exhausted", delay=wait, remaining=remaining, shards=shards)
