"""Rules of `mocha_actors.simulator.transcript`."""

from __future__ import annotations

import json

from mocha_actors.simulator import transcript
from mocha_actors.simulator.transcript import Transcript


def payload(op: int, data: object) -> bytes:
    """Write a payload."""
    return json.dumps({"op": op, "d": data}).encode()


def test_payloads_are_kept_without_the_token() -> None:
    """Opcode, data, size and time; no token, wherever one looks."""
    log = Transcript()
    log.note_payload(1.5, 7, None, payload(6, {"token": "hush", "seq": 41, "session_id": "abc"}))

    [entry] = log.payloads(op=6)
    assert (entry.at, entry.connection, entry.seq) == (1.5, 7, 41)
    assert entry.d == {"seq": 41, "session_id": "abc"}
    assert "hush" not in repr(list(log))


def test_a_heartbeat_carries_its_number() -> None:
    """Before the first dispatch it has none."""
    log = Transcript()
    log.note_payload(0.0, 1, 0, payload(1, None))
    log.note_payload(1.0, 1, 0, payload(1, 250))
    assert [beat.seq for beat in log.payloads(op=1)] == [None, 250]


def test_what_cannot_be_read_is_kept_as_such() -> None:
    """Its size says that it was there."""
    log = Transcript()
    for text in (b"{", b"[]", b'{"op":"1"}'):
        log.note_payload(0.0, 1, 0, text)
    assert [(entry.op, entry.size) for entry in log] == [(None, 1), (None, 2), (None, 10)]


def test_a_connection_belongs_to_its_shard_from_the_start() -> None:
    """What it did before it said whose it is counts too; another connection's entries are left alone."""
    log = Transcript()
    log.note_connect(0.0, 1, None, "/?v=10")
    log.note_connect(0.1, 2, None, "/?v=10")
    log.note_payload(0.2, 1, None, payload(1, None))
    log.note_shard(1, 3)

    assert [entry.connection for entry in log.connects(shard=3)] == [1]
    assert [entry.connection for entry in log.payloads(shard=3)] == [1]
    assert [entry.shard for entry in log] == [3, None, 3]


def test_closes_are_told_apart_by_who_began_them() -> None:
    """An echo of the server's own code is no close of the client."""
    log = Transcript()
    log.note_close(0.0, 1, 0, 4900, "client")
    log.note_close(0.0, 2, 1, 1000, "server")

    assert log.closes() == [4900, 1000]
    assert log.closes(by="client") == [4900]
    assert log.closes(shard=1) == [1000]


def test_the_transcript_is_bounded() -> None:
    """The oldest entries go first."""
    log = Transcript()
    for number in range(transcript.MAX_ENTRIES + 5):
        log.note_connect(0.0, number, None, "")
    assert len(log) == transcript.MAX_ENTRIES
    assert next(iter(log)).connection == 5
