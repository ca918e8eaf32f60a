"""Guilds take turns at the readers."""

from __future__ import annotations

from collections import deque

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from mocha_actors.stats.fairness import RoundRobin, Turns

moves = st.lists(st.tuples(st.sampled_from(["add", "take", "discard"]), st.integers(0, 3)), max_size=60)


@given(moves)
def test_the_queues_agree_with_a_model_that_scans_for_the_next_lane(moves: list[tuple[str, int]]) -> None:
    """The model: lanes in a ring, each with its items; the first lane gives its first item and goes to the back."""
    queues: RoundRobin[int] = RoundRobin()
    ring: deque[tuple[int, deque[int]]] = deque()
    for number, (move, lane) in enumerate(moves):
        items = next((items for name, items in ring if name == lane), None)
        if move == "add":
            queues.add(lane, number)
            if items is None:
                ring.append((lane, deque([number])))
            else:
                items.append(number)
        elif move == "take" and ring:
            first, waiting = ring.popleft()
            assert queues.take() == waiting.popleft()
            if waiting:
                ring.append((first, waiting))
        elif move == "discard":
            item = items[-1] if items else -1
            assert queues.discard(lane, item) == (items is not None)
            if items:
                items.pop()
                if not items:
                    ring.remove((lane, items))
        assert len(queues) == sum(len(items) for _, items in ring)


def test_nothing_is_taken_where_nobody_waits() -> None:
    """It is the caller's mistake."""
    with pytest.raises(IndexError, match="empty"):
        RoundRobin[int]().take()


async def test_a_flood_about_one_guild_delays_another_by_one_question(autojump_clock: MockClock) -> None:
    """A thousand questions of a second each wait when the other guild asks; it is next."""
    turns = Turns(1)
    order: list[str] = []

    async def ask(guild: str) -> None:
        async with turns.turn(guild):
            order.append(guild)
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        for _ in range(1000):
            nursery.start_soon(ask, "flooded")
        await trio.sleep(10.5)
        begin = trio.current_time()
        await ask("other")
        waited = trio.current_time() - begin
        nursery.cancel_scope.cancel()

    assert order.index("other") == 12  # eleven had begun, one more was next already
    assert waited == pytest.approx(2.5)


async def test_places_are_never_more_and_never_lost(autojump_clock: MockClock) -> None:
    """Whoever is cancelled, while waiting or at work, leaves the place to the next."""
    turns = Turns(3)
    inside = most = done = 0

    async def ask(number: int) -> None:
        nonlocal inside, most, done
        with trio.move_on_after(number % 7):
            async with turns.turn(number % 5):
                inside += 1
                most = max(most, inside)
                try:
                    await trio.sleep(number % 3)
                finally:
                    inside -= 1
                done += 1

    async with trio.open_nursery() as nursery:
        for number in range(200):
            nursery.start_soon(ask, number)
    for lane in range(3):
        await turns._enter(lane)

    assert (inside, most) == (0, 3)
    assert 0 < done < 200
    with trio.move_on_after(1) as scope:
        await turns._enter("fourth")
    assert scope.cancelled_caught
