"""Transcripts of connections, written by hand from the rules that each names, and replayed against the protocol.

A transcript is a file of JSON lines. The first says what it ``holds`` and which ``session`` the database knows. Each other line is an input
with its time (``at``, seconds), and the effects that must follow, in order (``out``); log lines, counters and the rate limit are no part of it. A ``tick`` must be due
at exactly its time. All jitter is half of what it may be: a first heartbeat comes after half an interval, a wait of 1 to 5 s takes 3 s.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mocha_actors.discord.decode import EventDecoder
from mocha_actors.gateway.effects import (
    AwaitTurn,
    CloseConnection,
    Connect,
    Deliver,
    DroppedDuplicates,
    Effect,
    ExpectHeartbeats,
    Identified,
    Log,
    PassedOver,
    ReportAlive,
    Send,
    SessionBegan,
    SessionLost,
    SessionResumed,
    SkippedNumbers,
)
from mocha_actors.gateway.identity import Session
from mocha_actors.gateway.protocol import Protocol
from mocha_actors.gateway.sequence import Sequence
from tests.gateway.machine import IDENTITY

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.jsonl"))


class Halves(Random):
    """Chance that always lies in the middle."""

    def random(self) -> float:
        return 0.5


def begin(session: dict[str, Any] | None) -> Protocol:
    """A protocol at time 0, as the database knows its shard."""
    if session is None:
        return Protocol(IDENTITY, rng=Halves(), now=0.0)
    known, seq = Session(session["id"], session["resume_url"]), session["seq"]
    return Protocol(IDENTITY, rng=Halves(), now=0.0, session=known, sequence=Sequence(seq, seq))


def receive(protocol: Protocol, text: str, now: float) -> list[Effect]:
    """Decode a run of frames and put it through, as a shard does."""
    pieces, violation = EventDecoder().decode(text.encode())
    effects: list[Effect] = []
    for piece in pieces:
        effects += protocol.dispatches(piece, now) if isinstance(piece, list) else protocol.control(piece, now)
    return effects + (protocol.violation(violation, now) if violation else [])


def put(protocol: Protocol, given: list[Any], now: float) -> list[Effect]:
    """One input of a transcript."""
    match given:
        case ["tick"]:
            assert protocol.deadline == pytest.approx(now)
            return protocol.tick(max(now, protocol.deadline))
        case ["connected"]:
            return protocol.connected(now)
        case ["connect failed"]:
            return protocol.connect_failed("unreachable", now)
        case ["receive", str(text)]:
            return receive(protocol, text, now)
        case ["turn"]:
            return protocol.turn_granted(now)
        case ["committed", str(session_id), int(seq)]:
            protocol.committed(session_id, seq)
            return []
        case ["closed", code]:
            return protocol.disconnected(code, now)
    raise ValueError(f"no input of a transcript: {given}")


def sent(send: Send) -> list[Any]:
    """A payload of ours; what system it runs on is of no interest."""
    payload = json.loads(send.payload)
    if send.heartbeat:
        assert 1 == payload["op"]
        return ["beat", payload["d"]]
    if payload["op"] == 2:
        payload["d"]["properties"] = "any"
    return ["send", payload]


def written(effect: Effect) -> list[Any]:  # noqa: C901, PLR0911 - a table of effects
    """An effect as transcripts have it."""
    match effect:
        case Connect(url):
            return ["connect", url]
        case Send():
            return sent(effect)
        case CloseConnection(code):
            return ["close", code]
        case AwaitTurn():
            return ["await turn"]
        case SessionBegan(session=session, reason=reason):
            return ["began", session.session_id, reason]
        case SessionResumed():
            return ["resumed"]
        case SessionLost(session, reason):
            return ["lost", session.session_id, reason]
        case Deliver(session, events, replayed):
            return ["deliver", session.session_id, [event.s for event in events], "late" if replayed else "live"]
        case DroppedDuplicates(count):
            return ["duplicates", count]
        case PassedOver(count):
            return ["passed over", count]
        case SkippedNumbers():
            return ["numbers skipped"]
        case ReportAlive():
            return ["alive"]
    raise ValueError(f"no effect of a transcript: {effect}")


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_every_transcript_is_followed_to_the_letter(path: Path) -> None:
    """Each input has the effects that the rules want, at the time that they want, and no others."""
    first, *lines = map(json.loads, path.read_text().splitlines())
    protocol = begin(first["session"])
    for line in lines:
        effects = put(protocol, line["in"], line["at"])
        found = [written(effect) for effect in effects if not isinstance(effect, Log | ExpectHeartbeats | Identified)]
        assert line["out"] == found, line


def test_there_are_transcripts() -> None:
    """A glob that finds nothing would replay nothing."""
    assert {"first_session", "unreadable_twice"} <= {path.stem for path in TRANSCRIPTS}
