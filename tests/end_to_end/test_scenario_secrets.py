"""Promise P9: no secret leaves the program, whatever goes wrong."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio
import trio.testing

from mocha_actors import logs, tree
from mocha_actors.client import StatsClient
from mocha_actors.config import Secret
from mocha_actors.discord.events import Event
from mocha_actors.errors import PermanentError
from mocha_actors.pipeline.facts import Fact
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors import message
from mocha_actors.simulator.faults import (
    CloseOnAccept,
    FirstFrame,
    Garbage,
    GarbageKind,
    HalfOpen,
    RefuseSession,
    RefuseUpgrade,
)  # fmt: skip
from mocha_actors.simulator.server import Simulator
from tests.end_to_end.scene import TOKEN, Scene, open_scene

INTERACTION = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEyMzQ1Njc4OnNlY3JldA"
IDS = {"id": "10", "application_id": "11", "channel_id": "12", "guild_id": "13", "version": 1, "token": INTERACTION}

GARBAGE: list[GarbageKind] = ["json", "utf8", "stream"]
OPENINGS = [RefuseUpgrade(500), CloseOnAccept(), FirstFrame(), RefuseSession(to="resume")]
"""Failures of the next connections, the last of which costs the session."""


def parts(secret: str) -> set[str]:
    """The secret, its parts, and what its parts are the base64 of."""
    found = {secret, *secret.split(".")}
    for part in secret.split("."):
        plain = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        if plain.isascii():
            found.add(plain.decode())
    return found


def tables(database: Path) -> dict[str, str]:
    """Everything that stands in the tables, as text."""
    with closing(sqlite3.connect(database)) as connection:
        connection.text_factory = lambda data: data.decode(errors="replace")
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: repr(connection.execute(f"SELECT * FROM {name}").fetchall()) for name in names}  # their own names


def poisonous(event: Event, stamp: Stamp) -> tuple[Fact, ...]:
    """The real translation with a bug whose error repeats the event."""
    if event.s % 50 == 0:
        raise ValueError(repr(event))
    return message.translate(event, stamp)


async def connected(sim: Simulator) -> None:
    """Wait until there is a session with a connection."""
    with trio.fail_after(2000):
        while not any(session["connected"] for session in sim.stats()["sessions"]):
            await trio.sleep(0.5)
        await trio.sleep(10)


async def suffer(scene: Scene) -> None:
    """A failure in every phase of a session, each survived."""
    sim = scene.sim
    for kind in GARBAGE:
        await connected(sim)
        sim.inject(Garbage(kind))
    for how in ("reset", 4001, "half-frame"):
        await connected(sim)
        await sim.drop(0, how)
    await connected(sim)
    await sim.dispatch(0, "INTERACTION_CREATE", {**IDS, "type": 2})
    await sim.dispatch(0, "INTERACTION_CREATE", {**IDS, "type": ["wrong"], "id": []})
    await sim.dispatch(0, "MESSAGE_CREATE", {"id": [], "content": "c", "interaction": IDS})
    sim.op9(resumable=True)
    await connected(sim)
    sim.inject(HalfOpen())
    for opening in OPENINGS:
        await connected(sim)
        sim.plan(opening)
        await sim.drop(0)
    await connected(sim)


async def test_no_secret_is_in_output_logs_or_tables(
    tmp_path: Path, virtual_time: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Scenario 44: at level debug, with a fault in every phase and a fatal end: neither token nor interaction token, and no session id."""
    logs.configure("json", "debug", str(tmp_path / "mocha.log"))
    monkeypatch.setattr(tree, "PROCESSORS", {"message": SimpleNamespace(HANDLES=message.HANDLES, translate=poisonous)})
    async with open_scene(tmp_path, rate=20.0, heartbeat_interval=20.0) as scene:
        scene.deaf.add(0)
        with pytest.raises(PermanentError) as fatal:
            async with StatsClient.open(scene.config, Secret(TOKEN)) as client:
                await suffer(scene)
                await scene.sim.drop(0, 4004)
                await trio.sleep(60)
        assert client.counters.identifies >= 2
    logs.close()

    captured, log = capfd.readouterr(), (tmp_path / "mocha.log").read_text()
    for event in ("shard.disconnected", "shard.session_lost", "shard.fatal", "writer.dead_letter", "child.restarting"):
        assert event in log, "the run did not show what it was made for"
    places = {"output": captured.out + captured.err, "log": log, "error": repr(fatal.value), **tables(scene.database)}
    for secret in parts(TOKEN) | parts(INTERACTION):
        assert [] == [place for place, text in places.items() if secret in text], secret[:6]
    sessions = {json.loads(line)["session"] for line in scene.ledger.read_bytes().splitlines()}
    assert len(sessions) >= 2
    for session in sessions:
        assert {"gateway_sessions"} >= {place for place, text in places.items() if session in text}
