"""Protocols, the order of turns and the budget together: whatever Discord and the network do, the budget of IDENTIFYs is kept."""

from __future__ import annotations

import json
import math
from collections import deque
from itertools import pairwise
from random import Random
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from mocha_actors.config import Secret
from mocha_actors.gateway.effects import AwaitTurn, CloseConnection, Connect, Effect, Fatal, Send
from mocha_actors.gateway.identify_queue import first_of_each_key
from mocha_actors.gateway.identity import Identity
from mocha_actors.gateway.protocol import Protocol
from mocha_actors.gateway.states import Active, AwaitingTurn
from mocha_actors.pipeline.identify import identify_wait
from mocha_actors.pipeline.notices import ClaimIdentify
from tests.gateway.machine import control, hello, ready, resumed

DAY: Final = 24 * 3600.0
RESERVE: Final = 4
LOST: Final = (None, 1000, 4000, 4003, 4007, 4009, 4999)
"""Ends of a connection, some of which end the session too."""


class Fleet:
    """All shards of a bot, their turns and the log of identifies, against a Discord that does what ``chance`` likes.

    Attributes:
        identified: (shard, seconds) of each IDENTIFY that left.

    """

    def __init__(self, shards: int, keys: int, total: int, chance: Random) -> None:
        self.shards, self.keys, self.total, self.chance = shards, keys, total, chance
        self.now = 0.0
        self.log: list[tuple[int, int]] = []
        self.identified: list[tuple[int, float]] = []
        self.start_process()

    def start_process(self) -> None:
        """All that outlives a process is the log; here not even a session does."""
        self.protocols = [
            Protocol(Identity(Secret("t"), shard, self.shards), rng=self.chance, now=self.now)
            for shard in range(self.shards)
        ]
        self.waiting: set[int] = set()
        self.wake = math.inf

    def step(self) -> None:
        """Go on to the next moment at which something is due, and let it happen."""
        self.now = max(self.now, min(self.wake, *(protocol.deadline for protocol in self.protocols)))
        if self.chance.random() < 0.01:
            self.start_process()
        for shard, protocol in enumerate(self.protocols):
            self.play(shard, protocol.tick(self.now))
        self.grant()
        for shard, protocol in enumerate(self.protocols):
            if isinstance(protocol.state, Active) and self.chance.random() < 0.5:
                self.disconnect(shard, self.chance.choice(LOST))

    def grant(self) -> None:
        """What the queue and the writer do: ask for the first shard of each key, record, grant."""
        now_ms, waits = math.ceil(self.now * 1000), [math.inf]
        for shard in first_of_each_key(self.waiting, self.keys):
            wait = identify_wait(now_ms, self.log, ClaimIdentify(shard, now_ms, self.keys, self.total, RESERVE))
            waits.append(wait)
            if not wait:
                self.log.append((shard, now_ms))
                self.waiting.remove(shard)
                waits.append(0.001)
                self.play(shard, self.protocols[shard].turn_granted(self.now))
        self.wake = self.now + min(waits)

    def play(self, shard: int, effects: list[Effect]) -> None:
        """Carry effects out, and what Discord makes of them."""
        todo = deque(effects)
        while todo:
            todo += self.answer(shard, todo.popleft())

    def answer(self, shard: int, effect: Effect) -> list[Effect]:
        """What follows from one effect."""
        protocol = self.protocols[shard]
        match effect:
            case Connect() if self.chance.random() < 0.2:
                return protocol.connect_failed("unreachable", self.now)
            case Connect():
                return protocol.connected(self.now) + protocol.control(hello(600_000), self.now)
            case CloseConnection():
                self.waiting.discard(shard)
                return protocol.disconnected(None, self.now)
            case AwaitTurn():
                self.waiting.add(shard)
                self.wake = self.now
            case Send(heartbeat=True):
                return protocol.control(control(11), self.now) if self.chance.random() < 0.9 else []
            case Send(payload):
                return self.greet(shard, json.loads(payload)["op"])
            case Fatal():
                raise AssertionError("nothing here is fatal")
        return []

    def greet(self, shard: int, op: int) -> list[Effect]:
        """What comes for an IDENTIFY or a RESUME: success, a refusal, a close, silence."""
        protocol = self.protocols[shard]
        if op == 2:
            self.identified.append((shard, self.now))
        match self.chance.randrange(5):
            case 0:
                return protocol.control(control(9, data=self.chance.random() < 0.3), self.now)
            case 1:
                return protocol.disconnected(self.chance.choice(LOST), self.now)
            case 2:
                return []
        started = ready(f"session-{len(self.identified)}") if op == 2 else resumed(1000 + len(self.identified))
        return protocol.dispatches([started], self.now)

    def disconnect(self, shard: int, code: int | None) -> None:
        """The connection ends, its turn in the queue with it."""
        self.waiting.discard(shard)
        self.play(shard, self.protocols[shard].disconnected(code, self.now))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5), st.integers(1, 3), st.integers(5, 30), st.integers(0, 2**32))
def test_there_are_never_more_identifies_than_the_budget(shards: int, keys: int, total: int, seed: int) -> None:
    """Lost sessions, refusals, silence, dead networks and restarts: no 24 hours hold more, and no 5 s hold two of a key."""
    fleet = Fleet(shards, keys, total, Random(seed))
    for _ in range(400):
        fleet.step()

    allowed = max(1, total - RESERVE)
    times = [at for _, at in fleet.identified]
    assert all(
        sum(at - DAY + 0.002 < other <= at for other in times) <= allowed for at in times
    )  # the log has milliseconds
    for key in range(keys):
        same = [at for shard, at in fleet.identified if shard % keys == key]
        assert all(later - earlier >= 5.0 for earlier, later in pairwise(same))


def test_the_fleet_spends_its_budget_and_goes_on_the_next_day() -> None:
    """Else the rule above would hold for a fleet that does nothing."""
    fleet = Fleet(shards=3, keys=2, total=12, chance=Random(7))
    while fleet.now < 3 * DAY:
        fleet.step()

    days = [sum(at_ms // (DAY * 1000) == day for _, at_ms in fleet.log) for day in range(3)]
    assert all(1 <= count <= 12 - RESERVE for count in days), days
    assert max(days) == 12 - RESERVE
    assert not any(
        isinstance(protocol.state, AwaitingTurn) and shard not in fleet.waiting
        for shard, protocol in enumerate(fleet.protocols)
    )
