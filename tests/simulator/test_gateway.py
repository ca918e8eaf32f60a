"""Rules of `mocha_actors.simulator.gateway` and of the sessions that it opens and finds."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.faults import FaultPlan
from mocha_actors.simulator.gateway import Attach, Close, Conversation, ResetToken
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.registry import SessionRegistry
from mocha_actors.simulator.session import Session
from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.simulator.world import build_world

IDENTIFY = {"token": "simulator", "intents": 513, "shard": [0, 1]}


class Gateway:
    """A registry and what it was told, with conversations on it."""

    def __init__(self, **settings: Any) -> None:
        self.settings = SimulatorSettings(**settings)
        self.ended: list[Session] = []
        ids = count(1)
        self.plan = FaultPlan()
        self.guilds = {guild.id: GuildState(guild) for guild in build_world(1, 4, 2).guilds}
        self.registry = SessionRegistry(self.settings, lambda: f"session-{next(ids)}", self.ended.append)

    def talk(self) -> Conversation:
        return Conversation(self.settings, self.registry, self.plan, self.guilds, 0.0)

    def session(self, dispatches: int) -> Session:
        """Identify, and dispatch so many events."""
        answer = say(self.talk(), 2, IDENTIFY)
        assert isinstance(answer, Attach)
        answer.session.dispatch([Event(b"E", 0, 0, b"{}")] * dispatches)
        return answer.session

    def resume(self, session_id: object, seq: object, token: str = "simulator") -> Any:
        return say(self.talk(), 6, {"token": token, "session_id": session_id, "seq": seq})


def say(conversation: Conversation, op: int, data: object = None, now: float = 0.0) -> Any:
    """Send a payload, and return the answer."""
    return conversation.receive(json.dumps({"op": op, "d": data}).encode(), now)


def code(answer: Any) -> int | None:
    """Return the code if the answer is a close."""
    return answer.code if isinstance(answer, Close) else None


def test_hello_tells_the_interval_in_milliseconds() -> None:
    """Opcode 10 carries the heartbeat interval."""
    hello = json.loads(Gateway(heartbeat_interval=0.25).talk().hello())
    assert (hello["op"], hello["d"]["heartbeat_interval"]) == (10, 250)


def test_identify_opens_a_session() -> None:
    """A fresh session begins at 0, for the shard and intents that were asked for."""
    answer = say(Gateway().talk(), 2, IDENTIFY | {"shard": [1, 4]})

    assert isinstance(answer, Attach)
    assert answer.fresh
    assert (answer.seq, answer.session.shard, answer.session.shards, answer.session.intents) == (0, 1, 4, 513)


def test_a_heartbeat_is_acknowledged_even_before_identify() -> None:
    """Opcode 1 is answered with opcode 11; some clients beat before they identify."""
    assert json.loads(say(Gateway().talk(), 1))["op"] == 11


@pytest.mark.parametrize(
    ("op", "data", "expected"),
    [
        (99, None, 4001),
        (10, None, 4001),
        (2, "no object", 4002),
        (6, {"token": "simulator", "session_id": 5, "seq": 1}, 4002),
        (6, {"token": "simulator", "session_id": "session-1", "seq": None}, 4002),
        (3, {}, 4003),
        (8, {}, 4003),
        (2, IDENTIFY | {"token": "wrong"}, 4004),
        (2, {"intents": 1}, 4004),
        (6, {"token": "wrong", "session_id": "session-1", "seq": 1}, 4004),
        (2, IDENTIFY | {"shard": [1, 1]}, 4010),
        (2, IDENTIFY | {"shard": [0, 0]}, 4010),
        (2, IDENTIFY | {"shard": "0"}, 4010),
        (2, IDENTIFY | {"shard": [-1, 2]}, 4010),
        (2, IDENTIFY | {"shard": [0, 1, 2]}, 4010),
        (2, IDENTIFY | {"shard": [False, True]}, 4010),
        (2, IDENTIFY | {"intents": 1 << 17}, 4013),
        (2, IDENTIFY | {"intents": "all"}, 4013),
        (2, {"token": "simulator"}, 4013),
        (2, IDENTIFY | {"intents": 256}, 4014),
    ],
)
def test_a_wrong_payload_closes_with_discords_code(op: int, data: object, expected: int) -> None:
    """Each mistake has the close code of Discord's table, and opens no session."""
    gateway = Gateway(disallowed_intents=256)

    assert code(say(gateway.talk(), op, data)) == expected
    assert len(gateway.registry) == 0


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"op":"1"}', b'{"d":1}', b'{"op":1,"d":"' + b"x" * 4096 + b'"}'])
def test_what_is_no_payload_closes_with_4002(text: bytes) -> None:
    """Broken JSON, no opcode, and more than 4096 bytes are decode errors."""
    assert code(Gateway().talk().receive(text, 0.0)) == 4002


def test_a_second_identify_or_resume_on_a_connection_closes_with_4005() -> None:
    """A connection has one session."""
    conversation = Gateway().talk()
    say(conversation, 2, IDENTIFY)

    assert code(say(conversation, 2, IDENTIFY)) == 4005
    assert code(say(conversation, 6, {"token": "simulator", "session_id": "session-1", "seq": 0})) == 4005


def test_commands_of_an_identified_client_are_taken() -> None:
    """Presence, voice state and sounds are no mistakes after IDENTIFY; nothing answers them."""
    conversation = Gateway().talk()
    say(conversation, 2, IDENTIFY)
    assert [say(conversation, op, {}) for op in (3, 4, 31)] == [None, None, None]


def test_resume_continues_after_the_number_that_the_client_names() -> None:
    """The session is the old one; from its own last number, nothing is replayed."""
    gateway = Gateway()
    session = gateway.session(dispatches=7)

    assert gateway.resume(session.id, 3) == Attach(session, 3, fresh=False)
    assert gateway.resume(session.id, 7) == Attach(session, 7, fresh=False)


def test_resume_of_an_unknown_session_is_refused() -> None:
    """Opcode 9 with false; the client has to identify."""
    gateway = Gateway()
    assert json.loads(gateway.resume("session-9", 1)) == {"t": None, "s": None, "op": 9, "d": False}
    assert gateway.registry.refused_resumes == 1


def test_resume_from_the_future_closes_with_4007_and_loses_the_session() -> None:
    """A number that was never sent is an invalid sequence; Discord asks for a new session then."""
    gateway = Gateway()
    session = gateway.session(dispatches=7)

    assert code(gateway.resume(session.id, 8)) == 4007
    assert json.loads(gateway.resume(session.id, 7))["op"] == 9
    assert gateway.ended == [session]


def test_resume_from_what_is_forgotten_is_refused_for_good() -> None:
    """An overflowed memory cannot replay: the session is lost, also for a later number."""
    gateway = Gateway(replay_events=10)
    session = gateway.session(dispatches=50)

    assert json.loads(gateway.resume(session.id, 5))["op"] == 9
    assert json.loads(gateway.resume(session.id, 50))["op"] == 9
    assert gateway.ended == [session]


def test_resume_after_the_timeout_is_refused() -> None:
    """A session without connection ends after its time-out and not before."""
    gateway = Gateway(session_timeout=180)
    session = gateway.session(dispatches=1)
    session.disconnected_at = 1000.0

    gateway.registry.expire(1180.0)
    assert isinstance(gateway.resume(session.id, 1), Attach)
    gateway.registry.expire(1180.5)
    assert json.loads(gateway.resume(session.id, 1))["op"] == 9


@pytest.mark.parametrize(("trim", "floor"), [(False, 0), (True, 4)])
def test_a_heartbeat_trims_the_memory_only_if_asked_to(trim: bool, floor: int) -> None:
    """Both kinds of server can be had: whether Discord trims by the heartbeat's number is not documented."""
    gateway = Gateway(trim_on_heartbeat=trim)
    conversation = gateway.talk()
    session = say(conversation, 2, IDENTIFY).session
    session.dispatch([Event(b"E", 0, 0, b"{}")] * 9)
    session.sent_seq = 6

    say(conversation, 1, 4)
    assert session.floor == floor


def test_a_heartbeat_never_trims_what_was_not_sent() -> None:
    """A client cannot acknowledge what it has not got."""
    gateway = Gateway(trim_on_heartbeat=True)
    conversation = gateway.talk()
    session = say(conversation, 2, IDENTIFY).session
    session.dispatch([Event(b"E", 0, 0, b"{}")] * 9)
    session.sent_seq = 6

    say(conversation, 1, 9)
    assert session.floor == 6


def test_a_client_is_silent_after_more_than_two_intervals() -> None:
    """Whatever it says counts as life."""
    conversation = Gateway(heartbeat_interval=10.0).talk()
    say(conversation, 1, now=5.0)

    assert not conversation.is_silent(now=27.0)
    assert conversation.is_silent(now=28.0)


@pytest.mark.parametrize(("shards", "expected"), [(1, 4011), (2, None)])
def test_a_shard_of_too_many_guilds_closes_with_4011(shards: int, expected: int | None) -> None:
    """What counts is the guilds of this shard by Discord's formula, not those of the bot."""
    gateway = Gateway(max_guilds=2)
    assert code(say(gateway.talk(), 2, IDENTIFY | {"shard": [0, shards]})) == expected


def test_too_many_payloads_close_with_4008() -> None:
    """120 in 60 seconds are allowed, heartbeats among them; the window slides."""
    conversation = Gateway().talk()
    for second in range(120):
        assert json.loads(say(conversation, 1, now=second / 10))["op"] == 11
    assert json.loads(say(conversation, 1, now=60.0))["op"] == 11
    assert code(say(conversation, 1, now=60.05)) == 4008


def test_a_hasty_identify_is_refused_with_op_9() -> None:
    """It opens no session, and the same connection may try again later."""
    gateway = Gateway(identify_spacing=5.0)
    say(gateway.talk(), 2, IDENTIFY, now=100.0)
    conversation = gateway.talk()

    assert json.loads(say(conversation, 2, IDENTIFY, now=104.0)) == {"t": None, "s": None, "op": 9, "d": False}
    assert isinstance(say(conversation, 2, IDENTIFY, now=105.0), Attach)
    assert gateway.registry.identifies == 2


def test_after_an_overdrawn_budget_the_token_is_void() -> None:
    """For IDENTIFY and RESUME alike."""
    gateway = Gateway(identify_limit=1)
    session = gateway.session(dispatches=1)

    assert say(gateway.talk(), 2, IDENTIFY) == ResetToken()
    assert code(say(gateway.talk(), 2, IDENTIFY)) == 4004
    assert code(gateway.resume(session.id, 1)) == 4004


def test_a_request_for_members_of_no_shape_closes_with_4002() -> None:
    """Like everything that cannot be decoded."""
    conversation = Gateway().talk()
    say(conversation, 2, IDENTIFY)
    assert code(say(conversation, 8, {"guild_id": "x", "query": ""})) == 4002


def test_members_are_told_to_the_session_that_asked() -> None:
    """As dispatches."""
    gateway = Gateway()
    conversation = gateway.talk()
    say(conversation, 2, IDENTIFY | {"intents": 3})
    answer = say(conversation, 8, {"guild_id": str(next(iter(gateway.guilds))), "query": "", "limit": 0})
    assert [event.name for event in answer.events] == [b"GUILD_MEMBERS_CHUNK"]
