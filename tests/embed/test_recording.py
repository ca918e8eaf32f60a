"""`StatsClient.record`: events from elsewhere than a gateway, by the same rules as live ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from click.testing import CliRunner

from mocha_actors import client
from mocha_actors.cli.main import mocha
from mocha_actors.client import StatsClient
from mocha_actors.config import Config, DatabaseSection, DiscordSection
from mocha_actors.db.readers import open_readers
from mocha_actors.db.store import open_store
from mocha_actors.errors import DataError
from mocha_actors.events.recording import Happening, happening, message
from mocha_actors.simulator.past import Past, PastEvent, ledger_line, past_events

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
GUILD, CHANNEL, ADA, ROBOT = 100, 50, 1, 11


def config_for(folder: Path, **sections: Any) -> Config:
    """A configuration with a database in `folder` and nothing else set but these sections."""
    return Config(database=DatabaseSection(url=f"sqlite:///{folder}/mocha.db"), **sections)


async def verify(*arguments: object) -> str:
    """What `mocha verify` prints; its exit code has to be 0."""
    result = await trio.to_thread.run_sync(CliRunner().invoke, mocha, ["verify", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return str(result.output)


async def test_a_recorded_past_equals_its_ledger(tmp_path: Path) -> None:
    """Four weeks of every kind of event, with explicit times: database and independent recount agree."""
    past = Past(until_ms=int(NOON.timestamp() * 1000), days=28, messages=1_000, guilds=2, members=20, seed=5)
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_bytes(b"".join(map(ledger_line, past_events(past))))
    content = DiscordSection(intents=("GUILDS", "GUILD_MESSAGES", "MESSAGE_CONTENT"))
    async with StatsClient.open(config_for(tmp_path, discord=content), gateway=False) as stats:
        report = await stats.record(past_events(past))
        assert (report.refused, report.events) == (0, ledger.read_bytes().count(b"\n"))
    assert stats.report.clean
    database = ("--database", tmp_path / "mocha.db")
    await verify(*database)
    assert "left out" not in await verify(*database, "--ledger", ledger)


@pytest.fixture
def inline(autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch) -> trio.testing.MockClock:
    """The database is asked without threads, and no time passes but by waiting."""
    monkeypatch.setattr(client, "open_store", partial(open_store, inline=True))
    monkeypatch.setattr(client, "open_readers", partial(open_readers, inline=True))
    return autojump_clock


async def test_messages_of_another_chat_system_are_counted_by_the_same_rules(
    tmp_path: Path, inline: trio.abc.Clock
) -> None:
    """People are counted, bots are marked and left out by default, and what has no guild is ignored."""
    write = partial(message, guild_id=GUILD, channel_id=CHANNEL)
    private = happening("MESSAGE_CREATE", {"id": "7", "channel_id": "8", "author": {"id": "1"}}, NOON)
    events = [write(NOON + timedelta(minutes=n), user_id=ADA, username="ada") for n in range(3)]
    events += [write(NOON, user_id=ROBOT, bot=True, number=1), private]
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        report = await stats.record(events)
        around = {"since": NOON - timedelta(days=1), "until": NOON + timedelta(days=1)}
        people = await stats.message_stats(GUILD, **around)
        everybody = await stats.message_stats(GUILD, include_bots=True, **around)
    assert (report.events, report.ignored, report.refused) == (5, 1, 0)
    assert (people.messages, everybody.messages) == (3, 4)


async def test_recording_a_message_again_changes_nothing(tmp_path: Path, inline: trio.abc.Clock) -> None:
    """Its id is its key: who does not know how far an import came gives everything again."""
    sent = message(NOON, guild_id=GUILD, channel_id=CHANNEL, user_id=ADA)
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        await stats.record([sent, sent])
        await stats.record([sent])
        found = await stats.message_stats(GUILD, since=NOON - timedelta(days=1), until=NOON + timedelta(days=1))
    assert found.messages == 1


async def test_an_answer_that_was_given_before_is_given_anew(tmp_path: Path, inline: trio.abc.Clock) -> None:
    """The cache learns of what is recorded, even in a range that is long over."""
    around = {"since": NOON - timedelta(days=1), "until": NOON + timedelta(days=1)}
    counts = []
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        for number in range(2):
            await stats.record([message(NOON, guild_id=GUILD, channel_id=CHANNEL, user_id=ADA, number=number)])
            counts.append((await stats.message_stats(GUILD, **around)).messages)
    assert counts == [1, 2]


async def test_what_cannot_be_recorded_is_refused_and_its_neighbours_are_not(
    tmp_path: Path, inline: trio.abc.Clock
) -> None:
    """The report names each by its place, with what is wrong and without what somebody wrote."""
    good = message(NOON, guild_id=GUILD, channel_id=CHANNEL, user_id=ADA)
    no_id = happening("MESSAGE_CREATE", {"content": "hush", "author": {"id": "1"}}, NOON)
    events = [Happening(0, b"{hush"), good, no_id, Happening(0, b'{"op":11}')]
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        report = await stats.record(iter(events))
        found = await stats.message_stats(GUILD, since=NOON - timedelta(days=1), until=NOON + timedelta(days=1))
    assert found.messages == 1
    assert [(refusal.index, refusal.name) for refusal in report.refusals] == [(0, ""), (2, "MESSAGE_CREATE"), (3, "")]
    assert report.refused == 3
    assert "`id`" in report.refusals[1].error
    assert "hush" not in repr(report)


async def test_a_period_of_which_everything_is_given_is_no_gap(tmp_path: Path, inline: trio.abc.Clock) -> None:
    """Before it nothing was observed, and after it not yet."""
    sent = message(NOON, guild_id=GUILD, channel_id=CHANNEL, user_id=ADA)
    period = (NOON - timedelta(hours=2), NOON + timedelta(hours=1))
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        await stats.record([sent], observed=period)
        within = await stats.message_stats(GUILD, since=period[0], until=period[1])
        around = await stats.message_stats(GUILD, since=NOON - timedelta(hours=3), until=NOON + timedelta(hours=2))
    assert (within.messages, within.coverage.complete) == (1, True)
    gaps = [(gap.reason, (gap.until_ms - gap.since_ms) / 3_600_000) for gap in around.coverage.gaps]
    assert gaps == [("first_start", 1), ("not_yet_observed", 1)]


async def test_of_a_period_of_which_everything_is_given_all_is_recorded_or_nothing(
    tmp_path: Path, inline: trio.abc.Clock
) -> None:
    """An event that cannot be recorded belies the claim."""
    good = message(NOON, guild_id=GUILD, channel_id=CHANNEL, user_id=ADA)
    events = [good, Happening(0, b"{hush"), good]
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        with pytest.raises(DataError, match="^1 of 3 events cannot be recorded, so .* the first is number 1, "):
            await stats.record(events, observed=(NOON, NOON + timedelta(hours=1)))
        found = await stats.message_stats(GUILD, since=NOON - timedelta(days=1), until=NOON + timedelta(days=1))
    assert found.messages == 0


def test_a_time_without_zone_is_refused() -> None:
    """It could be any of 24 hours."""
    with pytest.raises(ValueError, match="needs a zone"):
        message(NOON.replace(tzinfo=None), guild_id=GUILD, channel_id=CHANNEL, user_id=ADA)


async def test_a_past_is_read_only_as_fast_as_it_is_written(tmp_path: Path) -> None:
    """An endless iterator does not fill the memory: it is taken a transaction at a time, and a cancellation ends it."""
    taken = 0

    def endless() -> Iterator[PastEvent]:
        nonlocal taken
        while True:
            taken += 1
            sent = message(NOON + timedelta(seconds=taken), guild_id=GUILD, channel_id=CHANNEL, user_id=ADA)
            yield PastEvent(sent.at_ms, 0, sent.frame)

    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        with trio.move_on_after(0.5):
            await stats.record(endless())
        written = await stats.message_stats(GUILD, since=NOON, until=NOON + timedelta(days=30))
        assert 0 < written.messages <= taken <= written.messages + 2 * 512


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "backwards"])
@pytest.mark.usefixtures("inline")
async def test_periods_of_two_imports_are_both_observed_whichever_comes_first(tmp_path: Path, order: int) -> None:
    """Between them nothing was, nor before the first, and after the last not yet."""
    hour = timedelta(hours=1)
    starts = [NOON, NOON + 5 * hour]
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        for number, start in enumerate(starts[::order]):
            sent = message(start, guild_id=GUILD, channel_id=CHANNEL, user_id=ADA, number=number)
            await stats.record([sent], observed=(start, start + hour))
        report = await stats.coverage(GUILD, since=NOON - hour, until=NOON + 8 * hour)

    at = int(NOON.timestamp() * 1000)
    found = [
        (gap.reason, (gap.since_ms - at) // 3_600_000, (gap.until_ms - at) // 3_600_000) for gap in report.coverage.gaps
    ]
    assert found == [("first_start", -1, 0), ("first_start", 1, 5), ("not_yet_observed", 6, 8)]


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize(("since", "until"), [(1, 0), (0, 10_000_000)], ids=["backwards", "the future"])
async def test_what_is_no_period_that_has_ended_was_not_observed(tmp_path: Path, since: int, until: int) -> None:
    """It would stand among the gaps as one of them, or hide those to come."""
    sent = message(NOON, guild_id=GUILD, channel_id=CHANNEL, user_id=ADA)
    async with StatsClient.open(config_for(tmp_path), gateway=False) as stats:
        with pytest.raises(ValueError, match="period"):
            await stats.record([sent], observed=(NOON + timedelta(hours=since), NOON + timedelta(hours=until)))
        assert await stats.guilds() == []
