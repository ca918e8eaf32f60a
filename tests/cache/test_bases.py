"""Which bases of live counters are made, and which have to go."""

from __future__ import annotations

import pytest

from mocha_actors.cache.bases import HOT_SECONDS, IDLE_SECONDS, Bases
from mocha_actors.pipeline.counters import CacheCounters


class Store:
    """Bases of a hundred bytes in all, with a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.counters = CacheCounters()
        self.bases = Bases(100, self.counters, lambda: self.now)

    def has(self, key: str) -> bool:
        """Whether a base is kept under ``key`` and true."""
        return self.bases.get(key, lambda _: True) is not None


@pytest.fixture
def store() -> Store:
    """With nothing in it."""
    return Store()


def test_what_is_computed_a_second_time_soon_is_hot(store: Store) -> None:
    """The first time is what a curious person does, the second one what a dashboard does."""
    assert not store.bases.hot("board")
    assert not store.bases.hot("another")
    store.now += HOT_SECONDS - 1
    assert store.bases.hot("board")
    store.now += 2
    assert not store.bases.hot("board")


def test_what_has_a_base_stays_hot(store: Store) -> None:
    """As long as it is kept."""
    store.bases.put("board", "base", 10)
    store.now += HOT_SECONDS + 1
    assert store.bases.hot("board")


def test_what_is_not_true_any_more_is_kept_no_longer(store: Store) -> None:
    """And counted."""
    store.bases.put("board", "base", 10)
    assert store.bases.get("board", lambda value: value != "base") is None
    assert not store.has("board")
    assert (store.counters.invalidated, store.counters.misses, store.counters.entries, store.counters.bytes) == (
        1,
        2,
        0,
        0,
    )


def test_a_base_that_was_replaced_while_the_old_one_was_judged_stays(store: Store) -> None:
    """Two readers are at work on the same board."""
    store.bases.put("board", "old", 10)

    def judge(_: object) -> bool:
        store.bases.put("board", "new", 10)
        return False

    assert store.bases.get("board", judge) is None
    assert store.bases.get("board", lambda value: value == "new") == "new"


def test_beyond_the_bytes_what_was_used_least_recently_goes(store: Store) -> None:
    """What takes more than there is at all is not kept."""
    for key in ("a", "b", "c"):
        store.bases.put(key, key, 30)
    assert store.has("a")
    store.bases.put("d", "d", 40)
    assert [store.has(key) for key in "abcd"] == [True, False, True, True]
    store.bases.put("huge", "huge", 101)
    assert [store.has(key) for key in ("a", "huge")] == [True, False]
    assert (store.counters.entries, store.counters.bytes, store.counters.evicted) == (3, 100, 2)


def test_a_base_that_is_brought_again_takes_its_room_once(store: Store) -> None:
    """As when it has moved with the clock."""
    for size in (30, 50):
        store.bases.put("a", "a", size)
    assert (store.counters.entries, store.counters.bytes) == (1, 50)


def test_when_memory_is_short_bases_go_at_once(store: Store) -> None:
    """And there is room for fewer from then on."""
    for key in ("a", "b", "c"):
        store.bases.put(key, key, 30)
    assert store.bases.resize(0.5) == 2
    store.bases.put("d", "d", 30)
    assert [store.has(key) for key in "abcd"] == [False, False, False, True]


def test_what_nobody_asks_for_any_more_goes(store: Store) -> None:
    """A quarter of an hour after it was used last."""
    store.bases.put("a", "a", 30)
    store.bases.put("b", "b", 30)
    store.now += IDLE_SECONDS
    assert store.has("a")
    store.now += 1
    store.bases.expire()
    assert [store.has(key) for key in "ab"] == [True, False]
    store.bases.clear()
    assert (store.counters.entries, store.counters.bytes) == (0, 0)
