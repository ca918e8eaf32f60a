"""The cache actor: keeps answers, takes the writer's notices, watches the memory, and asks Redis where there is one.

Its mailbox is the order of things: a notice that the writer sent after its commit stands before every look-up of whoever learned of that
commit. It waits for nothing while it handles a message; Redis is asked beside it. A restart begins with nothing, and takes back nothing that was
computed by the word of its earlier life, whose notices may be lost with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
import trio

from mocha_actors.cache.answers import Answers, Hit, Ticket, limits_of
from mocha_actors.cache.bases import Bases
from mocha_actors.cache.keys import Kind, Wanted
from mocha_actors.cache.memory import Throttle, private_bytes
from mocha_actors.cache.shared import SharedAnswers
from mocha_actors.config import CacheSection
from mocha_actors.pipeline.counters import CacheCounters, Counters
from mocha_actors.pipeline.notices import Changed
from mocha_actors.runtime import Actor, Context, Mailbox, Request

MAILBOX: Final = Mailbox(50_000)
"""More than all questions that the engine can hold, so that there is always room for the writer's notices."""

WATCH_SECONDS: Final = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LookUp(Request[Hit | Ticket]):
    """Ask for an answer out of memory, or for leave to compute one; ``renews``: whether leave to renew one is of any use now."""

    wanted: Wanted
    renews: bool = True


@dataclass(frozen=True, slots=True)
class Recall(Request[Hit | None]):
    """Ask Redis for an answer that is true for the database in the state ``stamp``, which was read after ``ticket`` was given."""

    wanted: Wanted
    ticket: Ticket
    stamp: str


@dataclass(frozen=True, slots=True)
class Keep:
    """Bring an answer that was read after ``ticket`` was given.

    Attributes:
        wanted: what it answers.
        ticket: the leave to compute it.
        answer: the answer.
        stamp: the state of the database that it was read from.
        moving: whether it ages by itself though its range does not.

    """

    wanted: Wanted
    ticket: Ticket
    answer: Any
    stamp: str
    moving: bool


Message = LookUp | Recall | Keep | Changed


def counters_of(counters: Counters) -> dict[Kind, CacheCounters]:
    """The counters of each kind, which outlive the actor."""
    return {kind: counters.caches.setdefault(kind.value, CacheCounters()) for kind in Kind}


class Cache(Actor[Message]):
    """Answers look-ups."""

    def __init__(
        self, section: CacheSection, counters: Mapping[Kind, CacheCounters], shared: SharedAnswers | None = None,
        bases: Bases | None = None, *, memory: Callable[[], int] = private_bytes,
    ) -> None:  # fmt: skip
        """An incarnation, with nothing in it.

        Args:
            section: sizes, times and limits.
            counters: where hits and the like are counted.
            shared: the second level.
            bases: of the live counters, which share the memory.
            memory: bytes that the process uses.

        """
        self._section, self._counters, self._shared, self._memory = section, counters, shared, memory
        self._bases = bases
        self._throttle = Throttle(section.memory_limit_mb << 20)
        self._answers: Answers

    async def run(self, ctx: Context[Message]) -> None:
        """Live until asked to stop."""
        self._answers = Answers(
            limits_of(self._section), self._section.stale_s, self._counters, trio.current_time, ctx.incarnation
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            async for message in ctx:
                self._take(message, ctx, nursery)
            nursery.cancel_scope.cancel()

    def _take(self, message: Message, ctx: Context[Message], nursery: trio.Nursery) -> None:
        now = trio.current_time()
        match message:
            case Changed():
                self._answers.changed(message, now)
                if self._bases is not None and any(touched.guild_id is None for touched in message.touched):
                    self._bases.clear()
            case LookUp(wanted, renews):
                ctx.reply(message, self._answers.look_up(wanted, now, renews=renews))
            case Recall():
                nursery.start_soon(self._recall, message, ctx)
            case Keep():
                self._keep(message, now, nursery)

    def _keep(self, message: Keep, now: float, nursery: trio.Nursery) -> None:
        wanted, moving = message.wanted, message.moving
        self._answers.keep(wanted, message.ticket, message.answer, now, moving=moving)
        # What ages by itself is true for no state of the database.
        if self._shared is not None and not (moving and not wanted.moving):
            nursery.start_soon(self._shared.put, wanted, message.stamp, message.answer)

    async def _recall(self, message: Recall, ctx: Context[Message]) -> None:
        wanted = message.wanted
        found = None if self._shared is None else await self._shared.get(wanted, message.stamp)
        if found is None or not self._is_young(wanted, found[1]):
            ctx.reply(message, None)
            return
        value, as_of_ms = found
        self._counters[wanted.kind].shared += 1
        # It was true when the stamp was read, which was after the ticket was given; it keeps the age that it came with.
        ticket = replace(message.ticket, made=message.ticket.made - (wanted.as_of_ms - as_of_ms) / 1000)
        self._answers.keep(replace(wanted, as_of_ms=as_of_ms), ticket, value, trio.current_time())
        ctx.reply(message, Hit(value, as_of_ms))

    def _is_young(self, wanted: Wanted, as_of_ms: int) -> bool:
        """Whether the bounded staleness allows it; clocks of other processes are trusted to be right."""
        return not wanted.moving or wanted.as_of_ms - as_of_ms <= self._section.stale_s * 1000

    async def _watch(self) -> None:
        """Shrink when the process uses more memory than it may, and grow back slowly."""
        while True:
            used = self._memory()
            before = self._throttle.share
            if self._throttle.observe(used, trio.current_time()):
                gone = self._resize(self._throttle.share)
                if self._throttle.share < before:
                    self._say_shrunk(used, gone)
            if self._bases is not None:
                self._bases.expire()
            await trio.sleep(WATCH_SECONDS)

    def _resize(self, share: float) -> int:
        """Use ``share`` of all sizes; returns how many answers and bases had to go."""
        return self._answers.resize(share) + (0 if self._bases is None else self._bases.resize(share))

    def _say_shrunk(self, used: int, gone: int) -> None:
        log.warning(
            "cache.shrunk", used_mb=used >> 20, limit_mb=self._section.memory_limit_mb, share=self._throttle.share, evicted=gone,
        )  # fmt: skip
