"""Promise P3 at full speed: processors that fail on one event in a thousand, or in a hundred of every kind."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import trio

from mocha_actors import logs, tree
from mocha_actors.client import StatsClient
from mocha_actors.config import Secret, load
from mocha_actors.discord.events import Event
from mocha_actors.pipeline.facts import Fact
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors import message
from tests.end_to_end.harness import COMMUNITY, EVERY_INTENT, TOKEN, House, open_house, run_mocha, until

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


def failing(module: ModuleType, every: int) -> SimpleNamespace:
    """A processor with a bug that one event in ``every`` meets, always."""
    translate: Callable[[Event, Stamp], tuple[Fact, ...]] = module.translate

    def translated(event: Event, stamp: Stamp) -> tuple[Fact, ...]:
        if event.s % every == 0:
            raise ZeroDivisionError("a bug")
        return translate(event, stamp)

    return SimpleNamespace(HANDLES=module.HANDLES, translate=translated)


def buried(house: House) -> set[str | None]:
    """The kinds of the dead letters so far."""
    return {kind_of(name) for (name,) in house.rows("SELECT DISTINCT type FROM dead_letters")}


def kind_of(name: str) -> str | None:
    """The processor that takes the dispatch of a name."""
    takers = (kind for kind, module in tree.PROCESSORS.items() for event in module.HANDLES if tag(event) == name)
    return next(takers, None)


def tag(event: type[Event]) -> str:
    """Discord's name of an event."""
    return str(event.__struct_config__.tag)


async def every_kind_poisoned(
    folder: Path, monkeypatch: pytest.MonkeyPatch, count: int, every: int, wanted: set[str]
) -> Counter[str | None]:
    """Let one event in ``every`` fail in every processor; returns how many of each kind became dead letters.

    It goes on until those of every ``wanted`` kind did: at night hardly anybody is online whose presence could change.

    Exactly those are, and the rest of the database is what it would be if they had never been sent.
    """
    real = dict(tree.PROCESSORS)
    monkeypatch.setattr(tree, "PROCESSORS", {name: failing(module, every) for name, module in real.items()})
    monkeypatch.chdir(folder)
    logs.configure("json", stream=io.StringIO())
    async with open_house(folder, *COMMUNITY, "--rate", "3000", intents=EVERY_INTENT) as house:
        async with StatsClient.open(load(folder / "mocha.toml", environ={}), Secret(TOKEN)) as client:
            await until(
                lambda: house.durable() >= count and wanted <= buried(house), f"{count} events of {wanted}", 900
            )
            last = (await house.simulator.stop_traffic())[0]
            await client.wait_durable(0, last)
        assert client.report.clean
        poison = {
            line["frame"]["s"]: line["frame"]["t"]
            for line in house.dispatches()
            if line["frame"]["s"] % every == 0 and kind_of(line["frame"]["t"])
        }
        letters = house.rows("SELECT seq, type, reason, error FROM dead_letters ORDER BY seq")
        expected = [(seq, name, "poison", "ZeroDivisionError: a bug") for seq, name in sorted(poison.items())]
        assert expected == letters
        verdict, recounted = verified_without(house, set(poison)), house.recounted()
    kinds = Counter(map(kind_of, poison.values()))
    print(
        f"{last} events, {len(poison)} dead letters {dict(kinds)}, {client.counters.restarts} restarts: {verdict} with the rest of the ledger, {recounted} with the raw rows"
    )
    return kinds


def verified_without(house: House, poison: set[int]) -> str:
    """What ``mocha verify`` says beside a ledger that does not know of the poison."""
    rest = house.ledger.with_name("rest.jsonl")
    lines = house.ledger.read_bytes().splitlines(keepends=True)
    rest.write_bytes(b"".join(line for line in lines if json.loads(line)["frame"]["s"] not in poison))
    done = run_mocha("verify", "--database", house.url, "--ledger", str(rest), cwd=house.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-1]


async def test_of_every_kind_exactly_the_events_that_fail_are_dead_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event in a hundred, in whatever processor; all others are rows."""
    wanted = {"message", "reaction", "voice", "presence"}
    kinds = await every_kind_poisoned(tmp_path, monkeypatch, 6_000, every=100, wanted=wanted)

    assert wanted <= set(kinds)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_of_many_events_of_every_kind_exactly_those_that_fail_are_dead_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The campaign: enough of them that each of the six processors meets some."""
    kinds = await every_kind_poisoned(tmp_path, monkeypatch, 30_000, every=100, wanted=set(tree.PROCESSORS))

    assert set(tree.PROCESSORS) == set(kinds)
