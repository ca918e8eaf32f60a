"""Commands: what is refused, when they are sent, and what is answered."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from random import Random
from typing import Any

import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st

from mocha_actors.config import Secret
from mocha_actors.discord.dispatch import UnknownEvent
from mocha_actors.discord.intents import DEFAULT, Intents
from mocha_actors.discord.members import GuildMembersChunk, Member, MembersChunk
from mocha_actors.discord.session import RateLimited, RateLimitedData, RateLimitMeta
from mocha_actors.discord.users import User
from mocha_actors.gateway.commands import (
    Command,
    CommandNotSentError,
    CommandRefusedError,
    MembersReport,
    RequestMembers,
    UpdatePresence,
    render,
)
from mocha_actors.gateway.errands import COOL_DOWN, GUILD_SPACING, MAX_ATTEMPTS, MAX_ERRANDS, QUIET, Errands
from mocha_actors.gateway.identity import Identity, PayloadTooLongError
from tests.gateway.surroundings import UNREACHABLE, Rest, open_gateway
from tests.gateway.test_shard import SETTINGS, Network, dispatch, known

IDENTITY = Identity(Secret("t"), intents=DEFAULT | Intents.GUILD_MEMBERS)
GUILD = 41 << 22
EVERYBODY = RequestMembers(GUILD)
NAMED = RequestMembers(GUILD, user_ids=(1, 2, 3))


class Shard:
    """Errands of an active session, what they sent, and what was answered."""

    def __init__(self, *, active: bool = True) -> None:
        self.answers: list[tuple[Command, Any]] = []
        self.errands = Errands(IDENTITY, Random(1), lambda command, result: self.answers.append((command, result)))
        self.errands.active(0.0, active=active)

    def send(self, now: float) -> dict[str, Any]:
        """The command that is due goes out."""
        assert self.errands.wait(now) <= 0
        sent = json.loads(self.errands.take(now))
        self.errands.sent(now)
        return dict(sent["d"])

    def chunk(self, nonce: str, index: int, count: int, now: float, **fields: Any) -> None:
        """A part of an answer comes."""
        members = [Member(user=User(id=each)) for each in range(2)]
        self.errands.observe(
            [GuildMembersChunk(9, MembersChunk(GUILD, members, index, count, nonce=nonce, **fields))], now
        )


# What is refused


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (RequestMembers(GUILD, user_ids=tuple(range(101))), "101 user_ids; allowed are 100"),
        (RequestMembers(GUILD, user_ids=(1,), query="a"), "neither query nor limit"),
        (RequestMembers(GUILD, query="a"), "limit 0; allowed are 1 to 100"),
        (RequestMembers(GUILD, query="a", limit=101), "limit 101"),
        (RequestMembers(GUILD, limit=-1), "limit -1"),
        (RequestMembers(GUILD, presences=True), "GUILD_PRESENCES"),
    ],
)
def test_what_discord_would_not_answer_is_not_sent(command: RequestMembers, reason: str) -> None:
    """Some of it Discord drops without a word: whoever asked would wait for ever."""
    shard = Shard()
    shard.errands.submit(command, 0.0)

    [(refused, error)] = shard.answers
    assert refused is command
    assert isinstance(error, CommandRefusedError)
    assert reason in str(error)
    assert math.inf == shard.errands.wait(0.0)


def test_all_members_need_their_intent_and_named_ones_do_not() -> None:
    """Discord's rule; without it the request would be dropped."""
    identity = Identity(Secret("t"), intents=DEFAULT)

    assert render(NAMED, identity, "n")
    with pytest.raises(CommandRefusedError, match="GUILD_MEMBERS"):
        render(EVERYBODY, identity, "n")


def test_a_guild_is_asked_for_on_its_own_shard() -> None:
    """Another one would get no answer; the error says which it is."""
    with pytest.raises(CommandRefusedError, match="belongs to shard 1, this is shard 0"):
        render(EVERYBODY, Identity(Secret("t"), shard=0, shards=2, intents=IDENTITY.intents), "n")


def test_a_payload_beyond_4096_bytes_is_never_sent() -> None:
    """Bytes, not characters: Discord would close with 4002."""
    shard = Shard()
    fits = UpdatePresence({"activities": [{"name": "é" * 1900, "type": 0}]})
    does_not = UpdatePresence({"activities": [{"name": "é" * 2100, "type": 0}]})
    shard.errands.submit(fits, 0.0)
    shard.errands.submit(does_not, 0.0)

    [(command, error)] = shard.answers
    assert command is does_not
    assert isinstance(error, PayloadTooLongError)


def test_commands_under_way_are_bounded() -> None:
    """One more is refused and says so."""
    shard = Shard(active=False)
    for _ in range(MAX_ERRANDS + 1):
        shard.errands.submit(NAMED, 0.0)

    [(_, error)] = shard.answers
    assert isinstance(error, CommandRefusedError)


# When they are sent


def test_a_command_waits_for_an_active_session_and_says_so_when_none_comes() -> None:
    """It is answered within its time, whatever happens."""
    shard = Shard(active=False)
    shard.errands.submit(UpdatePresence({"status": "idle"}, timeout=30.0), 0.0)
    assert math.inf == shard.errands.wait(29.0)
    assert 30.0 == shard.errands.deadline
    shard.errands.tick(30.0)

    [(_, error)] = shard.answers
    assert isinstance(error, CommandNotSentError)
    assert "30 s" in str(error)
    assert "active session" in str(error)


def test_a_presence_has_all_the_keys_that_discord_wants_and_is_answered_when_sent() -> None:
    """Whoever asks names what matters."""
    shard = Shard()
    shard.errands.submit(UpdatePresence({"status": "dnd"}), 0.0)

    assert {"since": None, "activities": [], "status": "dnd", "afk": False} == shard.send(0.0)
    assert [None] == [result for _, result in shard.answers]


@given(st.lists(st.floats(0, 10), min_size=6, max_size=40))
@example([0.7835660770072318, 0.0, 0.0, 0.0, 1.0, 3.0])
def test_no_20_seconds_hold_more_than_five_presences(pauses: list[float]) -> None:
    """A8.67, however they are asked for."""
    shard, now, sent = Shard(), 0.0, []
    for pause in pauses:
        now += pause
        shard.errands.submit(UpdatePresence({}, timeout=math.inf), now)
        while (wait := shard.errands.wait(now)) > 0:
            # The sum may be short of the moment by a rounding; then the shard's alarm rings once more, a little later.
            now = max(now + wait, math.nextafter(now, math.inf))
        shard.send(now)
        sent.append(now)

    assert all(sum(start <= at < start + 20.0 - 1e-6 for at in sent) <= 5 for start in sent)


def test_all_members_of_a_guild_are_asked_for_every_30_seconds_at_most() -> None:
    """Other guilds, and named members, need not wait for that."""
    shard = Shard()
    for command in (EVERYBODY, EVERYBODY, RequestMembers(GUILD + (1 << 22)), NAMED):
        shard.errands.submit(command, 0.0)

    assert [str(GUILD), str(GUILD + (1 << 22)), str(GUILD)] == [shard.send(1.0)["guild_id"] for _ in range(3)]
    assert GUILD_SPACING == shard.errands.wait(1.0)
    assert shard.send(1.0 + GUILD_SPACING)["nonce"]


def test_after_too_many_payloads_commands_pause_for_a_minute() -> None:
    """Close code 4008; another one pauses nothing."""
    for code, pause in ((4008, COOL_DOWN), (4000, 0.0), (None, 0.0)):
        shard = Shard()
        shard.errands.submit(NAMED, 0.0)
        shard.errands.disconnected(code, 5.0)
        assert math.inf == shard.errands.wait(5.0)
        shard.errands.active(6.0, active=True)
        assert max(5.0 + pause, 6.0) == 6.0 + max(0.0, shard.errands.wait(6.0))


def test_what_was_in_hand_when_the_connection_broke_goes_again() -> None:
    """Nobody knows whether it arrived, and to ask twice does no harm."""
    shard = Shard()
    shard.errands.submit(UpdatePresence({"status": "idle"}), 0.0)
    shard.errands.take(0.0)
    shard.errands.disconnected(None, 0.1)
    shard.errands.active(2.0, active=True)

    assert "idle" == shard.send(2.0)["status"]
    assert 1 == len(shard.answers)


# What is answered


@given(st.permutations(range(5)), st.lists(st.integers(0, 4), max_size=5))
def test_chunks_may_come_in_any_order_and_twice(order: list[int], again: list[int]) -> None:
    """Each counts once, and with the last one the report is made."""
    shard = Shard()
    shard.errands.submit(NAMED, 0.0)
    nonce = shard.send(0.0)["nonce"]
    for index in order[:-1]:
        shard.chunk(nonce, index, 5, 1.0)
    for index in again:
        if index != order[-1]:
            shard.chunk(nonce, index, 5, 1.0)
    assert not shard.answers
    shard.chunk(nonce, order[-1], 5, 2.0, not_found=["3"])

    assert [(NAMED, MembersReport(GUILD, complete=True, members=10, not_found=("3",)))] == shard.answers
    assert not shard.errands.expecting


def test_a_nonce_fits_and_belongs_to_one_request() -> None:
    """Discord drops one of more than 32 bytes; a chunk of somebody else's request changes nothing."""
    shard = Shard()
    shard.errands.submit(NAMED, 0.0)
    shard.errands.submit(NAMED, 0.0)
    first, second = shard.send(0.0)["nonce"], shard.send(0.0)["nonce"]
    shard.chunk("somebody else's", 0, 1, 1.0)
    shard.chunk(first, 0, 1, 1.0)

    assert first != second
    assert len(first.encode()) <= 32
    assert 1 == len(shard.answers)


def test_a_request_that_came_too_soon_goes_again_when_discord_says() -> None:
    """RATE_LIMITED names it by its nonce, or by its guild."""
    shard = Shard()
    shard.errands.submit(EVERYBODY, 0.0)
    for now, meta_of in ((0.0, lambda nonce: RateLimitMeta(GUILD, nonce)), (40.0, lambda _: RateLimitMeta(GUILD))):
        nonce = shard.send(now)["nonce"]
        shard.errands.observe([UnknownEvent("X", 8), RateLimited(9, RateLimitedData(8, 35.0, meta_of(nonce)))], now + 1)
        assert 35.0 == shard.errands.wait(now + 1)

    assert not shard.answers


def test_an_answer_that_stays_away_is_requested_again_and_then_reported_as_incomplete() -> None:
    """Three times; the report says what the last one brought."""
    shard, now = Shard(), 0.0
    shard.errands.submit(RequestMembers(GUILD, user_ids=(1,), timeout=math.inf), now)
    for _ in range(MAX_ATTEMPTS):
        nonce = shard.send(now)["nonce"]
        shard.chunk(nonce, 0, 2, now + 1)
        assert now + 1 + QUIET == shard.errands.deadline
        now += 1 + QUIET
        shard.errands.tick(now)

    [(_, report)] = shard.answers
    assert MembersReport(GUILD, complete=False, members=2) == report


def test_a_resume_in_the_middle_brings_the_rest_and_its_silence_does_not_count() -> None:
    """While there is no connection no chunk can come; afterwards the replay brings them."""
    shard = Shard()
    shard.errands.submit(NAMED, 0.0)
    nonce = shard.send(0.0)["nonce"]
    shard.chunk(nonce, 0, 2, 1.0)
    shard.errands.active(2.0, active=False)
    shard.errands.tick(2.0 + 2 * QUIET)
    shard.errands.active(40.0, active=True)
    shard.chunk(nonce, 1, 2, 41.0)

    assert [MembersReport(GUILD, complete=True, members=4)] == [report for _, report in shard.answers]


def test_a_lost_session_has_its_requests_made_again_from_the_beginning() -> None:
    """What it still had to send will not come."""
    shard = Shard()
    shard.errands.submit(NAMED, 0.0)
    nonce = shard.send(0.0)["nonce"]
    shard.chunk(nonce, 0, 2, 1.0)
    shard.errands.session_lost()
    again = shard.send(5.0)["nonce"]
    shard.chunk(nonce, 1, 2, 6.0)
    assert not shard.answers
    shard.chunk(again, 0, 1, 6.0)

    assert [MembersReport(GUILD, complete=True, members=2)] == [report for _, report in shard.answers]


def test_a_report_comes_within_its_time_complete_or_not() -> None:
    """Whoever asked plans with it."""
    shard = Shard()
    shard.errands.submit(RequestMembers(GUILD, user_ids=(1,), timeout=10.0), 0.0)
    shard.chunk(shard.send(0.0)["nonce"], 0, 2, 1.0)
    shard.errands.tick(10.0)

    assert [MembersReport(GUILD, complete=False, members=2)] == [report for _, report in shard.answers]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["submit", "send", "chunk", "limited", "lost", "drop", "up", "tick"]), st.floats(0, 9)
        ),
        max_size=60,
    )
)
def test_every_command_is_answered_exactly_once(steps: list[tuple[str, float]]) -> None:
    """Whatever happens in between."""
    shard, now, nonces, submitted = Shard(), 0.0, ["none"], []
    for step, pause in steps:
        now += pause
        match step:
            case "submit":
                submitted.append(
                    RequestMembers(GUILD, timeout=30.0) if len(submitted) % 2 else UpdatePresence({}, timeout=30.0)
                )
                shard.errands.submit(submitted[-1], now)
            case "send" if shard.errands.wait(now) <= 0:
                nonces.append(shard.send(now).get("nonce", "none"))
            case "chunk":
                shard.chunk(nonces[-1], int(pause) % 2, 2, now)
            case "limited":
                shard.errands.observe([RateLimited(9, RateLimitedData(8, pause, RateLimitMeta(GUILD)))], now)
            case "lost":
                shard.errands.session_lost()
            case "drop":
                shard.errands.disconnected(4008, now)
            case "up":
                shard.errands.active(now, active=True)
            case _:
                shard.errands.tick(now)
    shard.errands.tick(now + 31.0)

    assert sorted(map(id, submitted)) == sorted(id(command) for command, _ in shard.answers)
    assert 0 == len(shard.errands)
    assert math.inf == shard.errands.deadline


# Through the shard


async def test_a_shard_answers_commands_when_it_has_a_session(autojump_clock: trio.abc.Clock) -> None:
    """Asked before there is one, they wait; the connection may change in between."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport) as world:
        await trio.sleep(0.1)
        results: list[object] = []

        async def ask() -> None:
            results.append(await world.shard.ask(RequestMembers(GUILD, user_ids=(7,)), timeout=100))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.sleep(1)
            assert not network.connections[0].ops(8)
            network.connections[0].say(dispatch(11, "RESUMED"))
            await trio.sleep(1)
            [request] = network.connections[0].ops(8)
            network.connections[0].close(4000)
            await trio.sleep(1)
            chunk = {"guild_id": str(GUILD), "members": [], "chunk_index": 0, "chunk_count": 1, "not_found": ["7"]}
            network.connections[1].say(dispatch(12, "GUILD_MEMBERS_CHUNK", chunk | {"nonce": request["d"]["nonce"]}))

        assert [MembersReport(GUILD, complete=True, members=0, not_found=("7",))] == results


async def test_a_shard_reports_why_a_command_was_not_sent(autojump_clock: trio.abc.Clock) -> None:
    """To whoever asked, and without failing itself."""
    store, network = known(), Network(lambda _: None)
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport) as world:
        with pytest.raises(CommandNotSentError, match="active session"):
            await world.shard.ask(UpdatePresence({}, timeout=5.0), timeout=100)
        with pytest.raises(CommandRefusedError, match="limit 7000"):
            await world.shard.ask(RequestMembers(GUILD, limit=7000), timeout=100)

        assert 1 == len(network.connections)


async def test_commands_leave_room_for_heartbeats_and_the_protocol(autojump_clock: trio.abc.Clock) -> None:
    """Of 500 commands 110 a minute are sent; no 60 seconds hold more than 120 payloads; no beat is late."""
    store, network = known(), Network()
    async with open_gateway(SETTINGS, store, Rest(UNREACHABLE), network.open_transport) as world:
        await trio.sleep(0.1)
        [connection] = network.connections
        connection.say(dispatch(11, "RESUMED"))
        await trio.sleep(0.1)
        for number in range(500):
            world.shard.tell_nowait(RequestMembers(GUILD, user_ids=(number,), timeout=3600.0))
            if number % 50 == 0:
                connection.say(b'{"op":11}')
            await trio.sleep(0.4)

        times = [at for at, _ in connection.sent]
        beats = [at for at, payload in connection.sent if payload["op"] == 1]
        assert 110 <= max(sum(start <= at < start + 60 for at in times) for start in times) <= 120
        assert all(39.9 < later - earlier < 40.1 for earlier, later in pairwise(beats))
