"""The backlog keeps the order of each shard and lets no shard wait for another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.db.backlog import Backlog
from mocha_actors.pipeline.batch import IGNORED, Batch
from tests.db.builders import ready, settled, unsettled


def settle(batch: Batch) -> None:
    """Give every entry an outcome."""
    for index in range(len(batch)):
        batch.settle(index, IGNORED)


def test_a_settled_batch_waits_for_the_one_before_it() -> None:
    """Only what is contiguous is ready: the checkpoint must not pass an open entry."""
    backlog = Backlog(lambda: None)
    first, second = unsettled(1, 2), settled(3, [IGNORED] * 3)
    backlog.add(first)
    backlog.add(second)
    assert backlog.ready == 0

    settle(first)

    assert backlog.ready == 5
    assert backlog.take(100) == [first, second]


def test_a_shard_does_not_wait_for_another() -> None:
    """A batch that is stuck holds up its own shard alone."""
    backlog = Backlog(lambda: None)
    other = settled(1, [IGNORED], shard=1)
    backlog.add(unsettled(1, 2, shard=0))
    backlog.add(other)

    assert backlog.take(100) == [other]


def test_whoever_waits_is_woken_when_more_becomes_ready() -> None:
    """Settling behind an open batch wakes nobody."""
    woken: list[int] = []
    backlog = Backlog(lambda: woken.append(1))
    first, second = unsettled(1, 1), unsettled(2, 1)
    backlog.add(first)
    backlog.add(second)

    settle(second)
    assert woken == []
    settle(first)
    assert woken == [1]


def test_the_start_of_a_session_is_urgent_until_it_is_taken() -> None:
    """A crash before it is durable would cost another IDENTIFY."""
    backlog = Backlog(lambda: None)
    backlog.add(ready())
    assert backlog.urgent

    backlog.take(100)

    assert not backlog.urgent


def test_a_batch_larger_than_a_transaction_is_taken_alone() -> None:
    """Otherwise it would never be."""
    backlog = Backlog(lambda: None)
    large = settled(1, [IGNORED] * 10)
    backlog.add(large)
    backlog.add(settled(11, [IGNORED]))

    assert backlog.take(5) == [large]


def test_the_same_batch_twice_is_two_entries() -> None:
    """Each hand-over is let go of by itself; applying the second changes nothing."""
    backlog = Backlog(lambda: None)
    batch = unsettled(1, 2)
    backlog.add(batch)
    backlog.add(batch)
    settle(batch)

    assert backlog.take(100) == [batch, batch]


@given(
    lanes=st.lists(st.lists(st.integers(1, 9), max_size=8), min_size=1, max_size=4),
    order=st.randoms(use_true_random=False),
    limit=st.integers(1, 20),
)
def test_groups_keep_the_order_of_each_shard_and_the_limit(lanes: list[list[int]], order: object, limit: int) -> None:
    """However batches are settled, each shard's come out in the order they went in, all of them, and never more than fit."""
    backlog = Backlog(lambda: None)
    added = [
        unsettled(index * 10 + 1, size, shard=shard)
        for shard, sizes in enumerate(lanes)
        for index, size in enumerate(sizes)
    ]
    for batch in added:
        backlog.add(batch)
    taken: list[Batch] = []
    for batch in order.sample(added, len(added)):  # type: ignore[attr-defined]
        settle(batch)
        while group := backlog.take(limit):
            assert sum(map(len, group)) <= limit or len(group) == 1
            assert all(each.settled for each in group)
            taken += group

    assert backlog.ready == 0
    assert backlog.oldest() == backlog.added
    for shard in range(len(lanes)):
        assert [batch for batch in taken if batch.shard == shard] == [batch for batch in added if batch.shard == shard]
