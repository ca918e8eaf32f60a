"""Building batches."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.discord.dispatch import bare
from mocha_actors.discord.events import Event, UnknownEvent
from mocha_actors.gateway.batching import BatchBuilder
from mocha_actors.pipeline.batch import IGNORED, MAX_BYTES, MAX_DELAY, MAX_EVENTS, Batch
from tests.gateway.machine import ready, resumed


def add(
    builder: BatchBuilder,
    run: list[Event],
    *,
    now: float = 0.0,
    replayed: bool = False,
    session_id: str = "s",
    size: int = 100,
) -> list[Batch]:
    """Add a run at a time."""
    return builder.add(run, session_id=session_id, replayed=replayed, event_size=size, now=now, now_ms=int(now * 1000))


TypingStart = bare("TYPING_START")


def guilds(first: int, last: int) -> list[Event]:
    """Dispatches that somebody else settles."""
    return [TypingStart(s) for s in range(first, last + 1)]


def test_a_batch_waits_for_ten_milliseconds_after_its_first_event() -> None:
    """And takes its times from that event."""
    builder = BatchBuilder(3)
    assert math.inf == builder.deadline

    assert [] == add(builder, guilds(1, 1), now=5.0)
    assert [] == add(builder, guilds(2, 2), now=5.009)

    assert 5.0 + MAX_DELAY == builder.deadline
    [batch] = builder.close()
    assert (3, "s", 5.0, 5000, 200) == (batch.shard, batch.session_id, batch.received_at, batch.received_ms, batch.size)
    assert [1, 2] == [event.s for event in batch.events]
    assert math.inf == builder.deadline


@given(
    st.lists(st.integers(1, 1500), min_size=1, max_size=6), st.sampled_from([1, 1000, 40_000, MAX_BYTES, 3 * MAX_BYTES])
)
def test_batches_keep_order_and_limits(runs: list[int], size: int) -> None:
    """At most 512 events, and no event beyond the bytes but a single one that is larger by itself."""
    builder, batches, s = BatchBuilder(0), [], 1
    for count in runs:
        batches += add(builder, guilds(s, s + count - 1), size=size)
        s += count
    batches += builder.close()

    assert list(range(1, s)) == [event.s for batch in batches for event in batch.events]
    assert all(len(batch) <= MAX_EVENTS for batch in batches)
    assert all(batch.size <= MAX_BYTES or len(batch) == 1 for batch in batches)


def test_sessions_and_replays_never_share_a_batch() -> None:
    """A batch has one session and one kind of time."""
    builder = BatchBuilder(0)
    add(builder, guilds(1, 2), replayed=True)

    [replayed] = add(builder, guilds(3, 3))
    [live] = add(builder, guilds(1, 1), session_id="next")

    assert [(True, "s", 2), (False, "s", 1)] == [
        (each.replayed, each.session_id, len(each)) for each in (replayed, live)
    ]


def test_what_nobody_counts_is_settled_at_once() -> None:
    """RESUMED and unknown events only move the number."""
    builder = BatchBuilder(0)
    add(builder, [UnknownEvent("NEW", 1), *guilds(2, 2), resumed(3)])

    [batch] = builder.close()

    assert [IGNORED, None, IGNORED] == batch.outcomes


def test_a_settled_event_travels_alone_behind_what_was_built() -> None:
    """READY begins a session; the old one's last events go first."""
    builder = BatchBuilder(0)
    add(builder, guilds(8, 9))

    before, alone = builder.settled(ready(), IGNORED, session_id="next", size=10, now=1.0, now_ms=1000)

    assert ([8, 9], "s") == ([event.s for event in before.events], before.session_id)
    assert ([1], "next", True) == ([event.s for event in alone.events], alone.session_id, alone.settled)
