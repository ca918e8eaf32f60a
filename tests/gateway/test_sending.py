"""What is sent: the rate limit, and heartbeats before everything else."""

from __future__ import annotations

from random import Random

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.config import Secret
from mocha_actors.gateway.effects import Send
from mocha_actors.gateway.errands import Errands
from mocha_actors.gateway.identity import Identity
from mocha_actors.gateway.outbox import Outbox
from mocha_actors.gateway.ratelimit import LIMIT, PERIOD, SendWindow, heartbeat_reserve


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=400))
def test_no_window_of_a_minute_holds_more_than_the_limit(attempts: list[tuple[float, bool]]) -> None:
    """Whoever waits as long as told never exceeds 120."""
    window, now, sent = SendWindow(), 0.0, []
    window.reserved = 3
    for pause, heartbeat in attempts:
        now += pause
        now += window.wait(now, heartbeat=heartbeat)
        window.sent(now)
        sent.append(now)

    assert all(sum(start < at <= start + PERIOD - 1e-6 for at in sent) <= LIMIT for start in sent)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=130, max_size=300))
def test_not_even_a_delay_on_the_way_makes_a_minute_hold_more_than_the_limit(sends: list[tuple[float, float]]) -> None:
    """Discord counts arrivals: what was on the way for up to a second counts as much later as what follows comes sooner."""
    window, now, arrived = SendWindow(), 0.0, []
    for pause, delay in sends:
        now += pause
        now += window.wait(now, heartbeat=False)
        window.sent(now)
        arrived.append(max([now + delay, *arrived[-1:]]))

    assert all(sum(start <= at < start + PERIOD - 1e-6 for at in arrived) <= LIMIT for start in arrived)


async def test_what_a_full_socket_holds_up_counts_from_when_it_left(autojump_clock: trio.abc.Clock) -> None:
    """The first payload leaves after 30 s: the 121st has to wait for the end of that one's minute."""
    times: list[float] = []
    outbox = Outbox(Errands(Identity(Secret("t")), Random(1), lambda _command, _result: None))

    async def held_up(_payload: bytes) -> None:
        await trio.sleep(0 if times else 30)
        times.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, held_up)
        for _ in range(LIMIT + 1):
            outbox.put(Send(b"{}"))
        await trio.sleep(200)
        nursery.cancel_scope.cancel()

    assert LIMIT + 1 == len(times)
    assert times[-1] - times[0] >= PERIOD


def test_heartbeats_have_a_reserve() -> None:
    """At an interval of 7 s commands stop at 110 and wait for the oldest to leave the window of 61 s; beats need not."""
    window = SendWindow()
    window.reserved = heartbeat_reserve(7.0)
    for second in range(110):
        assert 0.0 == window.wait(second / 10, heartbeat=False)
        window.sent(second / 10)

    assert 50.0 == window.wait(11.0, heartbeat=False)
    assert 0.0 == window.wait(11.0, heartbeat=True)


@pytest.mark.parametrize(
    ("interval", "reserved"), [(41.25, 3), (60.0, 3), (61.0, 2), (45.0, 3), (10.0, 8), (1.0, 62), (600.0, 2)]
)
def test_the_reserve_follows_from_the_interval(interval: float, reserved: int) -> None:
    """A8.64: the beats that fall into a window of 61 s, and one more."""
    assert reserved == heartbeat_reserve(interval)


async def test_heartbeats_overtake_and_nothing_that_queues_waits(autojump_clock: trio.abc.Clock) -> None:
    """A slow connection delays what waits behind it, and of two beats the later one goes."""
    sent: list[bytes] = []
    outbox = Outbox(Errands(Identity(Secret("t")), Random(1), lambda _command, _result: None))

    async def slowly(payload: bytes) -> None:
        await trio.sleep(10)
        sent.append(payload)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, slowly)
        outbox.put(Send(b"first"))
        await trio.sleep(1)
        outbox.put(Send(b"second"))
        outbox.put(Send(b"beat 1", heartbeat=True))
        outbox.put(Send(b"beat 2", heartbeat=True))
        await trio.sleep(100)
        nursery.cancel_scope.cancel()

    assert [b"first", b"beat 2", b"second"] == sent


async def test_a_flood_of_commands_is_spread_and_beats_are_not_late(autojump_clock: trio.abc.Clock) -> None:
    """500 payloads: never more than 117 a minute, and beats at once."""
    times: list[float] = []
    late: list[float] = []
    outbox = Outbox(Errands(Identity(Secret("t")), Random(1), lambda _command, _result: None))

    async def record(payload: bytes) -> None:
        now = trio.current_time()
        if payload.startswith(b"beat"):
            late.append(now - float(payload[4:]))
        times.append(now)

    async with trio.open_nursery() as nursery:
        outbox.expect_heartbeats(41.25)
        nursery.start_soon(outbox.run, record)
        for number in range(500):
            outbox.put(Send(b"command %d" % number))
        for _ in range(7):
            await trio.sleep(41.25)
            outbox.put(Send(b"beat%r" % trio.current_time(), heartbeat=True))
        nursery.cancel_scope.cancel()

    assert 500 < len(times)
    assert 0.0 == pytest.approx(max(late))
    assert all(sum(start <= at < start + PERIOD for at in times) <= LIMIT for start in times)
