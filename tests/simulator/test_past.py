"""Rules of `mocha_actors.simulator.past`."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mocha_actors.cli.sim import command
from mocha_actors.discord.snowflake import time_ms
from mocha_actors.simulator.errors import SettingsError
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.past import Past, imported, kept, ledger_line, live_through, past_events
from mocha_actors.simulator.recount import recount
from mocha_actors.simulator.server import open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from tests.simulator.life.observer import EVERYTHING, Observer

UNTIL_MS = 1_785_715_200_000
"""A Monday, midnight."""

DAY_MS = 86_400_000

MONTH = Past(until_ms=UNTIL_MS, days=28, messages=6_000, guilds=2, seed=3)


@pytest.fixture(scope="module")
def month() -> list[tuple[int, str, dict[str, Any]]]:
    """Return the time, name and data of everything that happened in four weeks."""
    frames = [(event.at_ms, json.loads(event.frame)) for event in past_events(MONTH)]
    assert [frame["s"] for _, frame in frames] == list(range(1, len(frames) + 1))
    return [(at_ms, frame["t"], frame["d"]) for at_ms, frame in frames]


Month = list[tuple[int, str, dict[str, Any]]]


def test_times_never_run_backwards_and_stay_within_the_past(month: Month) -> None:
    """From its beginning, when the guilds are told, to its end."""
    times = [at_ms for at_ms, _, _ in month]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (UNTIL_MS - 28 * DAY_MS, UNTIL_MS)
    assert [name for _, name, _ in month[:2]] == ["GUILD_CREATE"] * 2


def test_ids_of_messages_are_of_their_time(month: Month) -> None:
    """The snowflake and the timestamp name the time at which the message stands in the past."""
    for at_ms, name, data in month:
        if name == "MESSAGE_CREATE":
            assert 0 <= time_ms(int(data["id"])) - at_ms <= 1
            assert round(datetime.fromisoformat(data["timestamp"]).timestamp() * 1000) == at_ms


def test_no_event_contradicts_another(month: Month) -> None:
    """The observer, who believes nothing but what follows, finds nobody in voice and nobody online at the end."""
    observer = Observer()
    for _, name, data in month:
        guild_id = int(data.get("guild_id", data.get("id", 0)))
        observer.see(Event(name.encode(), guild_id, EVERYTHING, json.dumps(data).encode()))
    for guild in observer.guilds.values():
        assert guild.available
        assert (guild.voice, guild.presences) == ({}, {})
    assert len(observer.names) > 20


def test_there_are_as_many_messages_as_asked_for(month: Month) -> None:
    """Beside them there are notices of the system (joins, threads), and the first messages of forum posts."""
    notices = {7, 18, 21}
    sent = [data for _, name, data in month if name == "MESSAGE_CREATE"]
    posts = sum(data["id"] == data["channel_id"] for data in sent)
    private = sum("guild_id" not in data for data in sent)
    written = sum(data["type"] not in notices for data in sent) - posts
    assert private == 0
    assert written == 6_000


def test_most_is_written_in_the_evening_and_at_the_weekend(month: Month) -> None:
    """Little at four in the morning, most at nine in the evening, in Central European winter time."""
    hours: Counter[int] = Counter()
    days: Counter[int] = Counter()
    for at_ms, name, _ in month:
        if name == "MESSAGE_CREATE":
            at = datetime.fromtimestamp(at_ms / 1000 + 3600, UTC)
            hours[at.hour] += 1
            days[at.weekday()] += 1
    assert hours[20] > 10 * hours[4]
    assert max(hours, key=hours.__getitem__) in {19, 20, 21}
    assert days[5] + days[6] > 2.2 / 5 * sum(days[each] for each in range(5))


def test_people_stay_in_voice_for_less_than_an_hour_in_the_mean(month: Month) -> None:
    """About three quarters of one; and there are evenings alone as well as with others."""
    since: dict[tuple[str, str], int] = {}
    seconds: list[float] = []
    rooms: dict[str, set[str]] = defaultdict(set)
    company: Counter[bool] = Counter()
    for at_ms, name, data in month:
        if name != "VOICE_STATE_UPDATE":
            continue
        key = data["guild_id"], data["user_id"]
        for room in rooms.values():
            room.discard(data["user_id"])
        if data["channel_id"] is None:
            if key in since:
                seconds.append((at_ms - since.pop(key)) / 1000)
            continue
        since.setdefault(key, at_ms)
        rooms[data["channel_id"]].add(data["user_id"])
        company[len(rooms[data["channel_id"]]) > 1] += 1
    assert len(seconds) > 100
    assert 1200 < sum(seconds) / len(seconds) < 4500
    assert company[True] > 50
    assert company[False] > 50


def test_the_same_past_is_the_same_to_the_last_byte() -> None:
    """And another seed is another past."""

    def first(seed: int) -> list[bytes]:
        past = Past(until_ms=UNTIL_MS, days=10, messages=2_000, seed=seed)
        return [event.frame for event in islice(past_events(past), 3_000)]

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_a_past_of_messages_alone_has_nothing_else() -> None:
    """For those who want many messages of many people soon."""
    past = Past(until_ms=UNTIL_MS, days=5, messages=3_000, profile="messages", members=5_000, guilds=3, shards=2)
    events = list(past_events(past))
    names = Counter(json.loads(event.frame)["t"] for event in events)
    assert names == {"GUILD_CREATE": 3, "MESSAGE_CREATE": 3_000}
    assert {event.shard for event in events} == {0, 1}
    assert len(json.loads(events[0].frame)["d"]["members"]) == 5_004


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"profile": "loud"}, "profile 'loud' is not one of messages, quiet, community, presence, burst"),
        ({"days": 0}, "0 days are not between 0 and 3650"),
        ({"messages": 0}, "0 messages are not between 1 and"),
        ({"members": 0}, "0 members are not between 1 and"),
        ({"guilds": 2501}, "2501 guilds are not between 1 and 2500"),
        ({"until_ms": 1_600_000_000_000}, "it begins at 1592224000000 ms, but the youngest member"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    """In one sentence."""
    with pytest.raises(SettingsError, match=sentence):
        next(past_events(Past(**{"until_ms": UNTIL_MS} | wrong)))


SHORT = Past(until_ms=UNTIL_MS, days=3, messages=200, members=20, seed=4)


def test_a_ledger_begins_with_the_past_of_its_first_start(tmp_path: Path) -> None:
    """A later start finds the same one, whatever it would want by then, and leaves the town as the first did."""
    ledger = tmp_path / "ledger.jsonl"
    first = live_through(SHORT, ledger)
    written = ledger.read_bytes()
    later = live_through(Past(until_ms=UNTIL_MS + DAY_MS, days=9, seed=9), ledger)

    assert first is not None
    assert later is not None
    assert first[0] == later[0] == SHORT
    assert ledger.read_bytes() == written == b"".join(map(ledger_line, past_events(SHORT)))
    assert [*imported(ledger)] == [*past_events(SHORT)]
    ends = [
        {guild.id: (sorted(guild.members), sorted(guild.channels)) for guild in town.guilds.values()}
        for _, town in (first, later)
    ]
    assert ends[0] == ends[1]
    assert {path.name for path in tmp_path.iterdir()} == {"ledger.jsonl", "ledger.jsonl.past"}


def test_what_the_settings_want_otherwise_of_a_past_is_told() -> None:
    """With the values that stand; the end of a past is that of the first start, and nobody can want it otherwise."""
    assert kept(SHORT, Past(until_ms=1, days=3, messages=200, members=20, seed=4)) == {}
    assert kept(SHORT, Past(until_ms=1, days=3, messages=200, members=20, seed=5, guilds=2)) == {"seed": 4, "guilds": 1}


async def test_a_simulator_over_a_ledger_with_another_past_says_so(tmp_path: Path) -> None:
    """As does `mocha sim`, and the demo in its log."""
    wanted = partial(
        SimulatorSettings,
        ledger=tmp_path / "l.jsonl",
        past_days=2.0,
        past_messages=50,
        members=20,
        profile="community",
        rate=1.0,
    )
    async with open_simulator(wanted(seed=4)) as simulator:
        assert simulator.past_kept == {}
    async with open_simulator(wanted(seed=5)) as simulator:
        assert simulator.past_kept == {"seed": 4}


def test_a_ledger_that_began_without_a_past_gets_none(tmp_path: Path) -> None:
    """What is live in it would come before what is older."""
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_text('{"at":1.0,"shard":0,"session":"a","frame":{}}\n')

    assert live_through(SHORT, ledger) is None
    assert [*imported(ledger)] == []


def test_a_past_whose_writing_was_killed_is_written_anew(tmp_path: Path) -> None:
    """A ledger has all of it or does not exist."""
    ledger = tmp_path / "ledger.jsonl"
    ledger.with_name("ledger.jsonl.part").write_bytes(b'{"at":1')
    ledger.with_name("ledger.jsonl.past").write_bytes(b"{}")

    live_through(SHORT, ledger)

    assert [*imported(ledger)] == [*past_events(SHORT)]


def test_the_program_writes_a_past_as_lines_of_a_ledger(tmp_path: Path) -> None:
    """Each line belongs to no session and says that it was imported; the recount reads it as it reads all ledgers."""
    arguments = ["--past", "7", "--past-messages", "500", "--seed", "5", "--guilds", "2", "--profile", "community"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    path = tmp_path / "past.jsonl"
    path.write_text(result.stdout)

    lines = [json.loads(line) for line in result.stdout.split("\n")[:-1]]
    assert {(line["session"], line["via"], line["shard"]) for line in lines} == {(None, "import", 0)}
    assert lines[0]["frame"]["t"] == "GUILD_CREATE"
    assert recount(path).dispatches == len(lines)


def test_a_line_names_the_time_in_seconds() -> None:
    """As every line of a ledger does."""
    event = next(past_events(Past(until_ms=UNTIL_MS, days=2)))
    assert ledger_line(event).startswith(
        b'{"at":1785542400.000000,"shard":0,"session":null,"via":"import","frame":{"t":"GUILD_CREATE","s":1,"op":0,"d":{'
    )
