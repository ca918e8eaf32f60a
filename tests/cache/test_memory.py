"""The memory watch: shrink at once, grow back slowly."""

from __future__ import annotations

from mocha_actors.cache.memory import SMALLEST, Throttle, private_bytes

MB = 1 << 20


def test_each_look_above_the_limit_halves_the_caches_down_to_a_sixteenth() -> None:
    """What fills the memory need not be the caches, so something is left."""
    throttle = Throttle(100 * MB)

    shares = []
    for second in range(0, 35, 5):
        throttle.observe(101 * MB, second)
        shares.append(throttle.share)

    assert shares == [0.5, 0.25, 0.125, SMALLEST, SMALLEST, SMALLEST, SMALLEST]


def test_only_a_change_is_reported() -> None:
    """So that it is said once."""
    throttle = Throttle(100 * MB)

    assert [throttle.observe(101 * MB, second) for second in range(6)] == [True] * 4 + [False] * 2


def test_the_caches_grow_by_a_quarter_after_each_minute_of_calm() -> None:
    """Calm is below four fifths of the limit, without a break."""
    throttle = Throttle(100 * MB)
    throttle.observe(101 * MB, 0)

    throttle.observe(79 * MB, 5)
    assert not throttle.observe(79 * MB, 64)
    assert throttle.observe(79 * MB, 65)
    assert throttle.share == 0.625
    throttle.observe(90 * MB, 120)
    throttle.observe(79 * MB, 130)
    assert not throttle.observe(79 * MB, 189)
    assert throttle.observe(79 * MB, 190)
    for minute in range(4, 10):
        throttle.observe(79 * MB, minute * 61)
    assert throttle.share == 1.0


def test_without_a_limit_nothing_shrinks() -> None:
    """Zero is none."""
    throttle = Throttle(0)

    assert not throttle.observe(1 << 50, 0)
    assert throttle.share == 1.0


def test_the_memory_of_this_process_is_what_it_really_uses() -> None:
    """Thirty megabytes more are seen as thirty megabytes more, within ten."""
    before = private_bytes()
    block = bytearray(30 * MB)
    block[:: 1 << 12] = b"x" * len(block[:: 1 << 12])

    assert 20 * MB < private_bytes() - before < 40 * MB
    assert block[0] == ord("x")
