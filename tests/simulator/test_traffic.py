"""Rules of `mocha_actors.simulator.traffic` and of the shapes that it deals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocha_actors.discord.snowflake import time_ms
from mocha_actors.simulator.recount import classify_author, classify_kind
from mocha_actors.simulator.shapes import SHAPES
from mocha_actors.simulator.traffic import Arrivals, MessageStream
from mocha_actors.simulator.world import World, build_world

NOW_MS = 1_786_000_000_000

SMALL_WORLD = build_world(1, 1, 1)


@pytest.fixture(scope="module")
def world() -> World:
    """Make the world of most tests."""
    return build_world(1, 3, 1)


@pytest.fixture(scope="module")
def many(world: World) -> list[dict[str, Any]]:
    """Return the data of so many messages that every shape is among them."""
    return [json.loads(event.data) for event in MessageStream(world, 1).take(20_000, NOW_MS)]


def timeless(message: dict[str, Any]) -> dict[str, Any]:
    """Leave out ids of messages, times, and what quotes them."""
    varying = {"id", "timestamp", "message_reference", "referenced_message"}
    return {key: value for key, value in message.items() if key not in varying}


def test_a_seed_makes_one_stream_whatever_the_time(world: World, many: list[dict[str, Any]]) -> None:
    """The same seed gives the same messages but for ids and times, another seed others."""
    later = [json.loads(event.data) for event in MessageStream(world, 1).take(300, NOW_MS + 86_400_000)]
    other = [json.loads(event.data) for event in MessageStream(world, 2).take(300, NOW_MS)]

    assert [timeless(message) for message in later] == [timeless(message) for message in many[:300]]
    assert [timeless(message) for message in other] != [timeless(message) for message in many[:300]]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-3, 5)), max_size=30))
def test_ids_grow_and_agree_with_the_timestamp(runs: list[tuple[int, int]]) -> None:
    """Ids are strictly increasing even if the clock steps back, and while it does not, they are of its time."""
    stream, now, last = MessageStream(SMALL_WORLD, 1), NOW_MS, 0
    for count, step in runs:
        now += step
        for event in stream.take(count, now):
            message_id = int(json.loads(event.data)["id"])
            assert message_id > last
            assert time_ms(message_id) >= now
            last = message_id


def test_the_timestamp_is_that_of_the_id(many: list[dict[str, Any]]) -> None:
    """`timestamp` and snowflake name the same millisecond, in Discord's spelling."""
    assert many[0]["timestamp"] == "2026-08-06T07:06:40.000000+00:00"
    assert time_ms(int(many[0]["id"])) == NOW_MS


def test_the_mix_has_every_type_and_author_class(many: list[dict[str, Any]]) -> None:
    """Messages, replies, commands, notices of the system; humans, bots, webhooks; direct messages too."""
    assert {message["type"] for message in many} == {0, 6, 7, 8, 18, 19, 20, 21, 23}
    found = {(classify_author(message), classify_kind(message["type"])) for message in many}
    assert found == {(0, 0), (1, 0), (2, 0), (1, 1), (0, 2)}
    assert any("guild_id" not in message for message in many)


def test_the_frequencies_are_per_thousand(many: list[dict[str, Any]]) -> None:
    """The table of shapes adds up to a thousand, and the stream keeps to it: replies are 17 in a hundred."""
    assert sum(times for _, times in SHAPES) == 1000
    replies = sum(message["type"] == 19 for message in many) / len(many)
    assert replies == pytest.approx(0.170, abs=0.015)


def test_webhooks_come_with_and_without_an_application(many: list[dict[str, Any]]) -> None:
    """A bot's reply has two equal ids, a proxy's message two different ones, a plain webhook's none of an application."""
    hooks = [message for message in many if "webhook_id" in message]
    assert {("application_id" in hook, hook["webhook_id"] == hook.get("application_id")) for hook in hooks} == {
        (False, False),
        (True, False),
        (True, True),
    }


def test_messages_are_written_in_places_of_their_guild(world: World, many: list[dict[str, Any]]) -> None:
    """A message in a thread carries the thread's id; every place gets some, forums and categories none."""
    written = {(int(message["guild_id"]), int(message["channel_id"])) for message in many if "guild_id" in message}
    places = {
        (guild.id, place.id)
        for guild in world.guilds
        for place in (*guild.channels, *guild.threads)
        if place.type in {0, 2, 11}
    }
    assert written == places


def test_a_reply_quotes_an_earlier_message_of_its_channel(many: list[dict[str, Any]]) -> None:
    """`referenced_message` is a message that was sent in the same channel, or null if it was deleted."""
    sent = {message["id"]: message for message in many}
    replies = [message for message in many if message["type"] == 19]
    for reply in replies:
        quoted = reply["referenced_message"]
        assert quoted is None or quoted == sent[reply["message_reference"]["message_id"]]
        assert sent[reply["message_reference"]["message_id"]]["channel_id"] == reply["channel_id"]
    assert any(reply["referenced_message"] is None for reply in replies)


def test_messages_are_as_large_as_real_ones(world: World) -> None:
    """The mean frame of the message profile has 1.4 KB, as the measurements that the targets rest on."""
    events = MessageStream(world, 3).take(5000, NOW_MS)
    assert sum(len(event.data) for event in events) / len(events) == pytest.approx(1400, rel=0.1)


@given(st.floats(1, 5000), st.integers(0, 100))
def test_arrivals_do_not_depend_on_when_one_looks(rate: float, seed: int) -> None:
    """Looking often or rarely at the clock gives the same number of events in the same time."""
    often, rarely = Arrivals(seed, rate), Arrivals(seed, rate)
    often.due(10.0)
    rarely.due(10.0)
    assert sum(often.due(10.0 + step / 100) for step in range(1, 101)) == rarely.due(11.0)


def test_arrivals_have_the_rate_that_was_asked_for() -> None:
    """A thousand seconds at 50 a second are 50,000 events, within five standard deviations."""
    arrivals = Arrivals(1, 50.0)
    arrivals.due(0.0)
    assert arrivals.due(1000.0) == pytest.approx(50_000, abs=5 * 50_000**0.5)


def test_a_pause_brings_no_events() -> None:
    """After a pause the process goes on as if no time had passed."""
    arrivals = Arrivals(1, 50.0)
    arrivals.due(0.0)
    arrivals.pause()
    assert arrivals.due(3600.0) == 0


def test_contents_are_for_those_with_the_intent(world: World) -> None:
    """Without MESSAGE_CONTENT four fields are empty, in what is quoted too, but for private and the bot's own messages."""
    fields = {"content": "", "embeds": [], "attachments": [], "components": []}
    for event in MessageStream(world, 1).take(2000, NOW_MS):
        assert event.bare is not None
        full, bare = json.loads(event.data), json.loads(event.bare)
        if "guild_id" not in full or full["author"]["id"] == str(world.bot.id):
            assert bare == full
            continue
        quoted = full.get("referenced_message")
        expected = full | fields | ({"referenced_message": quoted | fields} if quoted else {})
        assert bare == expected
