"""What waits to be sent on one connection. Heartbeats overtake everything, and nothing that puts something here ever waits."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable

import trio

from mocha_actors.gateway.effects import Send
from mocha_actors.gateway.ratelimit import SendWindow


class Outbox:
    """The queue of one connection. It is bounded by the protocol, which asks for few things and for heartbeats one at a time."""

    def __init__(self) -> None:
        self._window = SendWindow()
        self._heartbeats: deque[bytes] = deque(maxlen=1)  # of two that wait, the later one says more
        self._others: deque[bytes] = deque()
        self._filled = trio.Event()

    def put(self, send: Send) -> None:
        """Queue a payload."""
        (self._heartbeats if send.heartbeat else self._others).append(send.payload)
        self._filled.set()

    async def run(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send what comes, within the rate limit, until cancelled or until ``send`` raises."""
        while True:
            self._filled = trio.Event()
            queue = self._heartbeats or self._others
            wait = self._window.wait(trio.current_time(), heartbeat=queue is self._heartbeats) if queue else math.inf
            if wait <= 0:
                payload = queue.popleft()
                self._window.sent(trio.current_time())
                await send(payload)
            else:
                with trio.move_on_after(wait):
                    await self._filled.wait()
