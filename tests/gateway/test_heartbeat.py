"""The heart: beats on time, and only real silence is death."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.gateway.heartbeat import Heart


def heart(*, strict: bool = False) -> Heart:
    """A heart of 40 s whose first beat falls at 20."""
    return Heart(40.0, 0.0, 0.5, strict=strict)


def test_the_first_beat_falls_into_the_first_interval_by_chance() -> None:
    """Shards that start together do not beat together."""
    assert [0.0, 30.0] == [Heart(40.0, 0.0, 0.0).due, Heart(40.0, 0.0, 0.75).due]


def test_acknowledged_beats_keep_a_fixed_schedule() -> None:
    """A beat that is late by a moment does not push back the ones after it."""
    beating = heart()

    assert beating.tick(20.2)
    beating.acknowledged(20.3)
    assert beating.tick(60.4)
    assert 100.0 == beating.due


def test_a_late_loop_sends_one_beat_and_no_burst() -> None:
    """What was missed is missed."""
    beating = heart()

    assert beating.tick(150.0)
    assert 180.0 == beating.due


def test_silence_for_an_interval_after_a_beat_is_death() -> None:
    """No acknowledgement and no bytes: a zombie, when the next beat is due."""
    beating = heart()
    beating.tick(20.0)

    assert not beating.tick(60.0)


def test_traffic_proves_life_for_one_interval_more() -> None:
    """Without acknowledgement but with traffic, two intervals are the limit."""
    beating = heart()
    beating.tick(20.0)
    beating.inbound(59.0)

    assert beating.tick(60.0)
    beating.inbound(99.0)
    assert not beating.tick(100.0)


def test_a_strict_heart_wants_acknowledgements() -> None:
    """Traffic does not count."""
    beating = heart(strict=True)
    beating.tick(20.0)
    beating.inbound(59.9)

    assert not beating.tick(60.0)


@pytest.mark.parametrize("strict", [False, True])
def test_a_requested_beat_just_before_the_tick_is_no_zombie(strict: bool) -> None:
    """Answering op 1 ten milliseconds before the tick must not make the tick miss an acknowledgement (discord.js #3993)."""
    beating = heart(strict=strict)
    beating.tick(20.0)
    beating.acknowledged(20.1)
    beating.requested(59.99)

    assert beating.tick(60.0)
    assert 100.0 == beating.due


def test_while_we_do_not_read_the_peer_cannot_be_dead() -> None:
    """Beats go out, the check rests, and begins anew when reading goes on."""
    beating = heart(strict=True)
    beating.tick(20.0)
    beating.pause(30.0)

    assert beating.tick(60.0)
    assert beating.tick(100.0)
    beating.unpause(139.0)
    assert beating.tick(140.0)
    assert not beating.tick(180.0)


def test_a_short_pause_hides_nothing() -> None:
    """Back-pressure of milliseconds at every batch must not keep a zombie alive."""
    beating = heart()
    beating.tick(20.0)
    beating.pause(59.0)
    beating.unpause(59.5)

    assert not beating.tick(60.0)


def test_a_suspended_program_does_not_blame_the_peer() -> None:
    """After a tick that comes much too late, acknowledgements may still lie in the socket."""
    beating = heart()
    beating.tick(20.0)

    assert beating.tick(3600.0)


def test_a_program_that_is_always_late_finds_a_zombie_all_the_same() -> None:
    """One late tick excuses the peer, the next one does not, or a half-open connection would be kept for ever."""
    beating = heart()
    beating.tick(20.0)

    assert beating.tick(62.0)
    assert not beating.tick(102.0)


def test_an_acknowledgement_makes_room_for_another_excuse() -> None:
    """A program that is suspended now and then keeps its connection."""
    beating, now = heart(), 0.0
    for _ in range(10):
        now = beating.due + 30.0
        assert beating.tick(now)
        beating.acknowledged(now + 0.1)


@given(st.lists(st.floats(0.0, 39.0), min_size=5, max_size=5))
def test_silence_is_death_within_four_intervals_however_late_ticks_are(delays: list[float]) -> None:
    """At the fifth tick at the latest: the beat, one tick short of an interval, the excuse, and again one that is short."""
    beating = heart()
    lived = [beating.tick(beating.due + delay) for delay in delays]

    assert not all(lived)


def test_latency_is_from_beat_to_acknowledgement() -> None:
    """And an acknowledgement of no beat changes nothing."""
    beating = heart()
    beating.acknowledged(1.0)
    assert beating.latency is None

    beating.tick(20.0)
    beating.acknowledged(20.25)
    assert 0.25 == beating.latency
    beating.acknowledged(30.0)
    assert 0.25 == beating.latency


@given(st.lists(st.floats(0.0, 300.0), max_size=20))
def test_the_next_beat_is_always_due_within_an_interval(delays: list[float]) -> None:
    """However late ticks are, and whether they are acknowledged or not."""
    beating, now = heart(), 0.0
    for delay in delays:
        now = max(now, beating.due) + delay
        if not beating.tick(now):
            break
        assert now < beating.due <= now + 40.0


def test_an_interval_below_a_second_is_not_followed() -> None:
    """A server that asks for a beat each millisecond gets one a second."""
    beating = Heart(0.001, 0.0, 0.0)

    beating.tick(0.0)

    assert 1.0 == beating.due
