"""A client without gateway that lives on its feed: what holds of the promises when the connection is somebody else's."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors import client
from mocha_actors.client import StatsClient
from mocha_actors.config import Config, DatabaseSection
from mocha_actors.db.readers import open_readers
from mocha_actors.db.store import open_store
from mocha_actors.discord.snowflake import from_time_ms
from mocha_actors.gateway.feed import Feed
from mocha_actors.gateway.intake import Intake

GUILD, CHANNEL, ROOM, ADA = 100, 50, 60, 1
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)


@pytest.fixture
def noon(autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch) -> trio.testing.MockClock:
    """The database is asked without threads, no time passes but by waiting, and it is noon."""
    monkeypatch.setattr(client, "open_store", partial(open_store, inline=True))
    monkeypatch.setattr(client, "open_readers", partial(open_readers, inline=True))
    monkeypatch.setattr(client, "Feed", partial(Feed, clock=lambda: NOON_MS + int(trio.current_time() * 1000)))
    return autojump_clock


def config_for(folder: Path) -> Config:
    """A database in `folder` and nothing else set."""
    return Config(database=DatabaseSection(url=f"sqlite:///{folder}/mocha.db"))


def frame(name: str, **data: Any) -> bytes:
    """A dispatch as a gateway sends it."""
    return json.dumps({"t": name, "s": 1, "op": 0, "d": {"guild_id": str(GUILD), **data}}).encode()


def written(number: int) -> bytes:
    """A message."""
    return frame(
        "MESSAGE_CREATE", id=str(from_time_ms(NOON_MS, number)), channel_id=str(CHANNEL), author={"id": str(ADA)}
    )


def voice(channel: int | None) -> bytes:
    """Where Ada is."""
    where = None if channel is None else str(channel)
    return frame("VOICE_STATE_UPDATE", user_id=str(ADA), channel_id=where, session_id="s")


def rows(folder: Path, query: str) -> list[Any]:
    """What the database of `folder` says."""
    with closing(sqlite3.connect(folder / "mocha.db")) as connection:
        return connection.execute(query).fetchall()


def feed_of(stats: StatsClient) -> Feed:
    """The feed of a client without gateway."""
    assert stats.feed is not None
    return stats.feed


async def test_what_is_handed_over_is_committed_in_order_before_the_end(tmp_path: Path, noon: trio.abc.Clock) -> None:
    """Leaving the block drains."""
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        feed = feed_of(stats)
        feed.ready(0, user_id=9)
        for number in range(1_500):
            feed.frame(0, written(number))
    assert stats.report.clean
    assert rows(tmp_path, "SELECT count(*) FROM message_events") == [(1_500,)]
    assert rows(tmp_path, "SELECT seq, resume_url, user_id FROM gateway_sessions") == [(1_501, None, 9)]
    assert (stats.counters.received, stats.counters.committed) == (1_500, 1_501)


async def test_a_bad_event_becomes_a_dead_letter_and_its_neighbours_are_recorded(
    tmp_path: Path, noon: trio.abc.Clock
) -> None:
    """Promise P3 holds: of the wrong shape, or no JSON at all."""
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        feed = feed_of(stats)
        for each in (written(1), frame("MESSAGE_CREATE", id="x"), written(2), b"{hush", written(3)):
            feed.frame(0, each)
    assert rows(tmp_path, "SELECT count(*) FROM message_events") == [(3,)]
    assert rows(tmp_path, "SELECT reason FROM dead_letters ORDER BY seq") == [("undecodable",)] * 2
    assert "hush" not in str(rows(tmp_path, "SELECT * FROM dead_letters"))


async def test_a_new_session_of_the_host_leaves_a_gap_since_the_last_evidence(
    tmp_path: Path, noon: trio.abc.Clock
) -> None:
    """Who was in voice then is taken to have left at that evidence, and never at "now"."""
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        feed = feed_of(stats)
        feed.ready(0)
        await trio.sleep(1)
        feed.frame(0, voice(ROOM))
        await trio.sleep(10)
        feed.alive(0)
        feed.disconnected(0)
        await trio.sleep(600)
        feed.ready(0)
        await stats.flush()
        since_ms = NOON_MS + 11_000
        assert rows(tmp_path, "SELECT from_ms, to_ms, reason FROM coverage_gaps ORDER BY from_ms")[1:] == [
            (since_ms, since_ms + 600_000, "host_disconnected")
        ]
        assert rows(tmp_path, "SELECT ended_ms FROM voice_events") == [(since_ms,)]


async def test_a_resumed_session_leaves_no_gap_and_its_replay_is_flagged_estimated(
    tmp_path: Path, noon: trio.abc.Clock
) -> None:
    """What came late happened between its neighbours in the stream."""
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        feed = feed_of(stats)
        feed.ready(0)
        feed.frame(0, voice(ROOM))
        await trio.sleep(10)
        feed.alive(0)
        feed.disconnected(0)
        await trio.sleep(30)
        feed.frame(0, voice(None))
        feed.resumed(0)
        await stats.flush()
    assert rows(tmp_path, "SELECT reason FROM coverage_gaps") == [("first_start",)]
    assert rows(tmp_path, "SELECT ended_ms, bound_ms FROM voice_events") == [(NOON_MS + 10_000, 30_000)]


async def test_the_next_process_records_the_time_in_which_there_was_none(tmp_path: Path, noon: trio.abc.Clock) -> None:
    """Its first session, whichever way it begins, leaves a gap since the last evidence of the process before."""
    for _ in range(2):
        async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
            feed_of(stats).frame(0, written(1))
            await stats.flush()
            await trio.sleep(100)
    gaps = rows(tmp_path, "SELECT from_ms, reason FROM coverage_gaps ORDER BY from_ms")
    assert gaps == [(0, "first_start"), (NOON_MS, "host_disconnected")]
    assert rows(tmp_path, "SELECT count(*) FROM message_events") == [(1,)]


async def test_what_found_no_room_is_a_gap(
    tmp_path: Path, noon: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, and stored with the time in which it happened."""
    monkeypatch.setattr(client, "Feed", partial(client.Feed, max_events=100))
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        feed = feed_of(stats)
        for number in range(130):
            feed.frame(0, written(number))
        await trio.sleep(1)
        feed.frame(0, written(130))
    assert feed.dropped == 30
    assert rows(tmp_path, "SELECT count(*) FROM message_events") == [(101,)]
    gaps = rows(tmp_path, "SELECT from_ms, to_ms, reason FROM coverage_gaps")
    assert (NOON_MS, NOON_MS + 1, "intake_full") in gaps


async def test_a_crash_of_the_intake_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path, noon: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every dispatch keeps its number, so that what is taken again is known."""
    crashes = iter([False, True, False, True])
    hand_on = Intake._hand_on_all

    async def failing(self: Intake, ctx: Any) -> None:
        held = list(self._held)
        await hand_on(self, ctx)
        if held and next(crashes, False):
            raise RuntimeError("a fault")

    async def failing_before(self: Intake, ctx: Any) -> None:
        if self._held and next(crashes, False):
            raise RuntimeError("a fault")
        await hand_on(self, ctx)

    for fault in (failing, failing_before):
        crashes = iter([False, True, False, True])
        monkeypatch.setattr(Intake, "_hand_on_all", fault)
        async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
            for number in range(20):
                feed_of(stats).frame(0, written(number))
                feed_of(stats).frame(0, frame("MESSAGE_REACTION_ADD", **reaction(number)))
                await trio.sleep(0.5)
        assert stats.counters.restarts == 2
        assert stats.report.clean
    assert rows(tmp_path, "SELECT count(*) FROM message_events") == [(20,)]


def reaction(number: int) -> dict[str, Any]:
    """Ada reacts to a message."""
    message_id = str(from_time_ms(NOON_MS, number))
    return {
        "user_id": str(ADA),
        "channel_id": str(CHANNEL),
        "message_id": message_id,
        "emoji": {"id": None, "name": "x"},
    }
