"""Damage: bytes, payloads and processors that are broken, and what is lost by it: nothing but what cannot be read."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import trio
import trio.testing

from mocha_actors import tree
from mocha_actors.discord.events import Event
from mocha_actors.pipeline.facts import Fact
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors import message
from mocha_actors.simulator.faults import Frame, Garbage, GarbageKind, Slow, Split
from tests.end_to_end.scene import IDENTIFY, RESUMABLE, RESUME, open_scene

POISON = {"id": "1", "channel_id": "2", "guild_id": "3", "content": "kept nowhere"}
"""A message without an author."""

WILD = {"user": {"id": "9", "username": 5}, "guild_id": "3", "status": ["odd"], "activities": "?", "client_status": 1}
"""A presence of which nothing can be trusted but the two ids."""


@pytest.mark.parametrize("compression", ["none", "zlib-stream", "zstd-stream"])
async def test_a_damaged_stream_is_resumed_from_the_last_good_number(
    tmp_path: Path, compression: str, virtual_time: trio.abc.Clock
) -> None:
    """Scenario 33: no lost and no doubled rows; the next connection inflates with a context of its own."""
    async with open_scene(tmp_path, compression=compression) as scene, scene.client() as client:
        scene.sim.inject(Garbage("stream"))
        await scene.until(lambda: client.counters.resumes == 1)
        await scene.settle(client)

        assert [IDENTIFY, RESUME] == scene.openings()
        assert RESUMABLE == scene.sim.transcript.closes(by="client")[0]


@pytest.mark.parametrize("kind", ["json", "utf8", "shape", "no-seq", "no-name"])
async def test_a_payload_that_is_none_is_resumed_over(
    tmp_path: Path, kind: GarbageKind, virtual_time: trio.abc.Clock
) -> None:
    """A2.17 and A2.19: its number is unknown, so what follows cannot be trusted; the RESUME brings it again."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        scene.sim.inject(Garbage(kind))
        await scene.until(lambda: client.counters.resumes == 1)
        await scene.settle(client)

        assert [IDENTIFY, RESUME] == scene.openings()
        assert [] == scene.rows("SELECT * FROM dead_letters")


async def test_a_number_that_no_database_holds_is_resumed_over(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """An ``s`` of 2^63 would stop the writer; it is a violation of the protocol like any other."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        scene.sim.inject(Frame('{"t":"MESSAGE_CREATE","s":9223372036854775808,"op":0,"d":{}}'))
        await scene.until(lambda: client.counters.resumes == 1)
        await scene.settle(client)


@pytest.mark.parametrize("kind", ["op", "event"])
async def test_what_is_unknown_is_passed_over(
    tmp_path: Path, kind: GarbageKind, virtual_time: trio.abc.Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """A2.16: an opcode or an event of a later version of Discord's costs no connection, and the number moves on."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        scene.sim.inject(Garbage(kind))
        await trio.sleep(1)
        await scene.settle(client)

        assert 1 == len(scene.sim.transcript.connects())
        assert [] == scene.rows("SELECT * FROM dead_letters")
        assert (kind == "event") == client.counters.unknown
    assert {"op": "gateway.unknown_opcode", "event": "gateway.unknown_event"}[kind] in capsys.readouterr().out


@pytest.mark.parametrize("compression", ["none", "zlib-stream", "zstd-stream"])
@pytest.mark.parametrize("how", ["half-message", "half-frame"])
async def test_half_a_message_is_forgotten_and_sent_again(
    tmp_path: Path, how: str, compression: str, virtual_time: trio.abc.Clock
) -> None:
    """Scenario 39: the server ends in the middle of a payload or of a frame."""
    async with open_scene(tmp_path, compression=compression) as scene, scene.client() as client:
        await scene.sim.drop(0, how)
        await scene.until(lambda: client.counters.resumes == 1)
        await scene.settle(client)

        assert [IDENTIFY, RESUME] == scene.openings()


@pytest.mark.parametrize(
    ("compression", "split"),
    [
        ("none", Split(7)),
        ("zlib-stream", Split(1)),
        ("zlib-stream", Split(1, "messages")),
        ("zlib-stream", Split(3, "messages")),
        ("zstd-stream", Split(5)),
    ],
)
async def test_payloads_may_come_in_pieces(
    tmp_path: Path, compression: str, split: Split, virtual_time: trio.abc.Clock
) -> None:
    """Scenario 32: fragments of a message; with zlib also messages of a few bytes, the end marker cut in two."""
    async with open_scene(tmp_path, compression=compression, rate=5.0, guilds=1, members=3) as scene:
        scene.sim.plan(split, times=None)
        async with scene.client(received=5) as client:
            await scene.settle(client)

        assert 1 == len(scene.sim.transcript.connects())


async def test_bytes_may_dribble(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """A slow network delivers less than a frame at a time."""
    async with open_scene(tmp_path, rate=5.0, guilds=1, members=3) as scene:
        scene.sim.plan(Slow(0.001, piece_bytes=100))
        async with scene.client(received=5) as client:
            await scene.settle(client)


async def test_an_event_of_the_wrong_shape_is_one_dead_letter_and_is_not_tried_again(
    tmp_path: Path, virtual_time: trio.abc.Clock
) -> None:
    """Scenario 37: what follows is stored, and so it stays through a restart; content is not kept."""
    async with open_scene(tmp_path) as scene:
        async with scene.client() as client:
            await scene.quiet(client)
            seq = await scene.sim.dispatch(0, "MESSAGE_CREATE", POISON)
            await scene.sim.dispatch(0, "PRESENCE_UPDATE", WILD)
            await scene.burst(client, 100)
        async with scene.client(received=1) as client:
            await scene.quiet(client)

        [(reason, letter_seq, payload)] = scene.rows("SELECT reason, seq, payload FROM dead_letters")
        assert ("undecodable", seq) == (reason, letter_seq)
        assert b"kept nowhere" not in bytes(payload)
        assert [IDENTIFY, RESUME] == scene.openings()


async def test_a_processor_that_raises_costs_no_connection(
    tmp_path: Path, virtual_time: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenario 8: the event is a dead letter once, its neighbours are rows, and the gateway notices nothing."""

    def poisonous(event: Event, stamp: Stamp) -> tuple[Fact, ...]:
        if event.s == 30:
            raise ZeroDivisionError("a bug")
        return message.translate(event, stamp)

    names = SimpleNamespace(HANDLES=message.HANDLES, translate=poisonous)
    monkeypatch.setattr(tree, "PROCESSORS", {"message": names})
    async with open_scene(tmp_path) as scene, scene.client(received=60) as client:
        await scene.quiet(client)
        assert [(30, "poison")] == scene.rows("SELECT seq, reason FROM dead_letters")
        assert 1 == len(scene.sim.transcript.connects())
        assert [] == scene.sim.transcript.closes()
