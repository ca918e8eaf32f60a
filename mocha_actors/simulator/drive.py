"""What makes traffic happen: live, as fast as the clients take it, or in a burst."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

import trio

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.hub import Hub
from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.simulator.traffic import Arrivals


class Stream(Protocol):
    """What happens, one after the other."""

    def take(self, count: int, now_ms: int) -> list[Event]:
        """Let so many events happen now; a few more or less where some come together or none can."""

    def messages(self, count: int, now_ms: int) -> list[Event]:
        """Let so many messages be written now; a few less, since private ones are left out."""


TICK = 0.01
"""Seconds between two looks at what live traffic is due."""

SLICE = 512
"""Most events that are made or dispatched at a time; between slices the connections get their turn."""


class Driver:
    """Draws events from the stream and hands them to the hub."""

    def __init__(self, settings: SimulatorSettings, stream: Stream, hub: Hub) -> None:
        """Make a driver that stands still until `run`."""
        self._settings = settings
        self._stream = stream
        self._hub = hub
        self._left = settings.count
        self._scope = trio.CancelScope()

    def stop(self) -> None:
        """Send no further events of the traffic, now and for ever."""
        self._scope.cancel()

    async def run(self) -> None:
        """Make the traffic that the settings ask for, until it is at its end or stopped."""
        with self._scope:
            if self._settings.burst is not None:
                events = await self.prepare(self._settings.burst)
                await self._hub.wait_connected(all_guilds=True)
                await self.burst(events)
            elif self._settings.mean_rate:
                await self._live(Arrivals(self._settings.seed, self._settings.mean_rate))
            else:
                await self._flood()

    async def prepare(self, count: int) -> list[Event]:
        """Make messages beforehand, so that sending them costs next to nothing. Their time is now.

        Direct messages are not among them: whoever gets the messages of guilds gets exactly `count`.
        """
        events: list[Event] = []
        while len(events) < count:
            events += self._stream.messages(SLICE, _now_ms())
            await trio.lowlevel.checkpoint()
        return events[:count]

    async def burst(self, events: Sequence[Event]) -> float:
        """Dispatch events as fast as the connected clients take them, or at once if there are none.

        If the sessions can remember them all, they stand in the ledger before the first of them goes out, so that the
        ledger costs the burst no time; else they go out in step with the clients.

        Returns:
            Unix seconds at which the first event could go out.
        """
        hold = self._can_hold(events)
        began = time.time()
        for start in range(0, len(events), SLICE):
            if not hold:
                await self._hub.wait_room()
            self._hub.deliver(events[start : start + SLICE], wake=not hold)
            await trio.lowlevel.checkpoint()
        if hold:
            began = time.time()
            self._hub.wake()
        return began

    async def flood(self, count: int) -> float:
        """Let about so many events of the traffic's kind happen, as fast as the connected clients take them.

        If the sessions can remember so many, all have happened before the first of them goes out, as in a burst: to make one takes longer than a
        fast client needs for it. Else they go out in step with the clients.

        Returns:
            Unix seconds at which the first of them could go out.
        """
        hold, held = 2 * count <= self._settings.replay_events, 0
        began = time.time()
        while count > 0 and (events := self._stream.take(min(SLICE, count), _now_ms())):
            held += sum(len(event.data) for event in events)
            if hold and 2 * held > self._settings.replay_bytes:
                hold = False
                self._hub.wake()
            if not hold:
                await self._hub.wait_room()
            self._hub.deliver(events, wake=not hold)
            count -= len(events)
            await trio.lowlevel.checkpoint()
        if hold:
            began = time.time()
            self._hub.wake()
        return began

    def _can_hold(self, events: Sequence[Event]) -> bool:
        """Tell whether the events take at most half of what a session may remember."""
        size = sum(len(event.data) for event in events)
        return 2 * len(events) <= self._settings.replay_events and 2 * size <= self._settings.replay_bytes

    async def _live(self, arrivals: Arrivals) -> None:
        """Follow the clock. While there is no session there is nobody to whom anything could happen."""
        while self._left != 0:
            if not len(self._hub.registry):
                arrivals.pause()
                await self._hub.wait_session()
            self._emit(arrivals.due(trio.current_time()))
            await trio.sleep(TICK)

    async def _flood(self) -> None:
        while self._left != 0:
            await self._hub.wait_connected(all_guilds=False)
            await self._hub.wait_room()
            self._emit(SLICE)
            await trio.lowlevel.checkpoint()

    def _emit(self, count: int) -> None:
        """Let so many events happen, unless the traffic ends before, or everything is out of reach."""
        count = count if self._left is None else min(count, self._left)
        while count > 0 and (events := self._stream.take(count, _now_ms())):
            self._hub.deliver(events)
            count -= len(events)
            if self._left is not None:
                self._left = max(0, self._left - len(events))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
