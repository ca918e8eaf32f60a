"""What waits to be sent on one connection. Heartbeats overtake everything, and nothing that puts something here ever waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import trio

from mocha_actors.gateway.effects import Send
from mocha_actors.gateway.errands import Errands
from mocha_actors.gateway.ratelimit import SendWindow, heartbeat_reserve


class Outbox:
    """The queue of one connection: heartbeats first, then what the protocol wants, then commands.

    It is bounded by the protocol, which asks for few things and for heartbeats one at a time. Commands are not queued here, but taken from
    ``errands`` when they can be sent, so that none is lost with a connection.
    """

    def __init__(self, errands: Errands) -> None:
        self._errands = errands
        self._window = SendWindow()
        self._heartbeats: deque[bytes] = deque(maxlen=1)  # of two that wait, the later one says more
        self._others: deque[bytes] = deque()
        self._news = trio.Event()

    def put(self, send: Send) -> None:
        """Queue a payload."""
        (self._heartbeats if send.heartbeat else self._others).append(send.payload)
        self.wake()

    def expect_heartbeats(self, interval: float) -> None:
        """Keep room for a heartbeat every ``interval`` seconds."""
        self._window.reserved = heartbeat_reserve(interval)

    def wake(self) -> None:
        """Look again: a command may be due."""
        self._news.set()

    async def run(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send what comes, within the rate limit, until cancelled or until ``send`` raises."""
        while True:
            self._news = trio.Event()
            now = trio.current_time()
            wait = self._wait(now)
            if wait <= 0:
                await send(self._take(now))
                # Counted when it has left: what a full socket held up arrives as much later.
                self._window.sent(trio.current_time())
                self._errands.sent(trio.current_time())
            else:
                with trio.move_on_after(wait):
                    await self._news.wait()

    def _wait(self, now: float) -> float:
        """Seconds until the next payload may be sent; infinity when there is none."""
        if self._heartbeats:
            return self._window.wait(now, heartbeat=True)
        shared = self._window.wait(now, heartbeat=False)
        return shared if self._others else max(shared, self._errands.wait(now))

    def _take(self, now: float) -> bytes:
        queue = self._heartbeats or self._others
        return queue.popleft() if queue else self._errands.take(now)
