"""Promise P3 at full speed: a processor that fails on one event in a thousand."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio

from mocha_actors import logs, tree
from mocha_actors.client import StatsClient
from mocha_actors.config import Secret, load
from mocha_actors.discord.events import Event
from mocha_actors.pipeline.facts import Fact
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors import message
from tests.end_to_end.harness import TOKEN, open_house, until

COUNT = 40_000


def poisonous(event: Event, stamp: Stamp) -> tuple[Fact, ...]:
    """The real translation with a bug that one event in a thousand meets, always."""
    if event.s % 1000 == 0:
        raise ZeroDivisionError("a bug")
    return message.translate(event, stamp)


async def test_one_event_in_a_thousand_fails_and_exactly_those_are_dead_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All others are rows, the program stays up, and the processor stopped restarting when it failed too often."""
    monkeypatch.setattr(tree, "PROCESSORS", {"message": SimpleNamespace(HANDLES=message.HANDLES, translate=poisonous)})
    monkeypatch.chdir(tmp_path)
    # Without a configuration structlog renders each traceback with all variables, which takes longer than all the rest.
    logs.configure("json", stream=io.StringIO())
    async with open_house(tmp_path, "--rate", "1", "--count", "0") as house:
        async with StatsClient.open(load(tmp_path / "mocha.toml", environ={}), Secret(TOKEN)) as client:
            await until(lambda: house.durable() > 1, "connected")
            last = (await house.simulator.command(cmd="burst", count=COUNT))["burst"]["0"]
            with trio.fail_after(60):
                await client.wait_durable(0, last)
        assert client.report.clean

        poison = [seq for seq in range(1, last + 1) if seq % 1000 == 0]
        messages = {
            line["frame"]["s"]: line["frame"]["d"]
            for line in house.dispatches()
            if line["frame"]["t"] == "MESSAGE_CREATE"
        }
        letters = house.rows("SELECT seq, reason, error, payload FROM dead_letters ORDER BY seq")
        rows = {row for (row,) in house.rows("SELECT message_id FROM message_events")}

        assert poison == [seq for seq, *_ in letters]
        assert {("poison", "ZeroDivisionError: a bug")} == {(reason, error) for _, reason, error, _ in letters}
        assert {int(d["id"]) for s, d in messages.items() if s not in poison} == rows
        assert [str(messages[seq]["id"]) for seq in poison] == [
            str(json.loads(payload)["d"]["id"]) for *_, payload in letters
        ]
        assert 20 == client.counters.restarts
        assert len(poison) == client.counters.dead_lettered
    logs.close()
