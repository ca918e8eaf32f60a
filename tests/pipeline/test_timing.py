"""When events happened that say no time of their own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.discord.events import Event, Message, MessageCreate, User
from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS, from_time_ms
from mocha_actors.discord.voice import VoiceState, VoiceStateUpdate
from mocha_actors.pipeline.batch import Batch
from mocha_actors.pipeline.timing import Stamp, replay_stamps

T = DISCORD_EPOCH_MS + 1_000_000


def message(at_ms: int) -> Event:
    """A message sent at that time."""
    return MessageCreate(s=1, d=Message(id=from_time_ms(at_ms), channel_id=1, author=User(1)))


def voice() -> Event:
    """An event that says no time."""
    return VoiceStateUpdate(s=1, d=VoiceState(user_id=1))


def test_a_live_event_happened_when_it_was_received() -> None:
    """The stamp of the shard actor is exact."""
    batch = Batch(3, "session", [voice(), message(T), voice()], received_at=0.0, received_ms=T + 50, size=1)

    assert [Stamp(T + 50, 0, 3)] * 3 == [batch.stamp(index) for index in range(3)]


def test_a_replayed_event_happened_between_its_neighbours() -> None:
    """It is placed at the earliest moment that the stream allows, and says how much later it may have been."""
    events = [voice(), message(T + 100), voice(), message(T + 500), voice()]

    stamps = replay_stamps(events, floor_ms=T, received_ms=T + 9000, shard=1)

    assert [(T, 100), (T + 100, 0), (T + 100, 400), (T + 500, 0), (T + 500, 8500)] == [
        (at_ms, bound_ms) for at_ms, bound_ms, _ in stamps
    ]


def test_a_replayed_batch_is_evidence_of_its_own_time_only() -> None:
    """A crash in the middle of a replay must not make what is left of it younger."""
    batch = Batch(
        0, "s", [voice(), message(T + 100), voice()], received_at=0.0, received_ms=T + 9000, size=1, replayed=True, floor_ms=T
    )  # fmt: skip

    assert T + 100 == batch.latest_ms


@given(
    st.lists(st.none() | st.integers(-2000, 12_000), min_size=1, max_size=30),
    st.integers(0, 10_000),
    st.integers(0, 30),
)
def test_stamps_are_ordered_bounded_and_do_not_depend_on_where_a_batch_is_cut(
    times: list[int | None], floor: int, cut: int
) -> None:
    """Whatever the clocks of Discord's machines say: no time runs backwards, none lies after the receipt, and cutting moves none."""
    events = [voice() if time is None else message(T + time) for time in times]
    received = T + 10_000

    whole = replay_stamps(events, floor_ms=T + floor, received_ms=received, shard=0)

    lows = [stamp.at_ms for stamp in whole]
    assert lows == sorted(lows)
    assert all(T + floor <= stamp.at_ms and stamp.at_ms + stamp.bound_ms <= received for stamp in whole)
    first = replay_stamps(events[:cut], floor_ms=T + floor, received_ms=received, shard=0)
    floor_of_rest = first[-1].at_ms if first else T + floor
    rest = replay_stamps(events[cut:], floor_ms=floor_of_rest, received_ms=received, shard=0)
    assert lows == [stamp.at_ms for stamp in [*first, *rest]]
