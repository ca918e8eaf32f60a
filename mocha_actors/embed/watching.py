"""Structured events on the host's side: callbacks and iterators in the host's loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import structlog

from mocha_actors.runtime import Event

Callback = Callable[[Event], object]

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


class Watchers:
    """Who wants to know of events. :meth:`tell` may be called from any thread; everything else belongs to the host's loop."""

    def __init__(self) -> None:
        self._callbacks: list[Callback] = []
        self._ends: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call back in this loop."""
        self._loop = loop

    def close(self) -> None:
        """There are no more events."""
        ends, self._ends = self._ends, []
        for end in ends:
            end()

    def tell(self, event: Event) -> None:
        """Something happened."""
        if self._callbacks and self._loop is not None:
            # A loop that was closed has nobody left who listens.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._call, event)

    def add(self, callback: Callback) -> Callable[[], None]:
        """Call ``callback`` with each event; returns what ends that."""
        self._callbacks.append(callback)

        def end() -> None:
            with suppress(ValueError):
                self._callbacks.remove(callback)

        return end

    async def follow(self, backlog: int) -> AsyncIterator[Event]:
        """The events from now on."""
        waiting: deque[Event] = deque(maxlen=backlog)
        news = asyncio.Event()
        over = False

        def take(event: Event) -> None:
            waiting.append(event)
            news.set()

        def finish() -> None:
            nonlocal over
            over = True
            news.set()

        end = self.add(take)
        self._ends.append(finish)
        try:
            while True:
                while waiting:
                    yield waiting.popleft()
                if over:
                    return
                news.clear()
                await news.wait()
        finally:
            end()

    def _call(self, event: Event) -> None:
        for callback in tuple(self._callbacks):
            try:
                callback(event)
            except Exception:
                logger.exception("callback.failed", of=event.name)
