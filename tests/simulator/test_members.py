"""Rules of `mocha_actors.simulator.members`."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life.parts import Presence
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.members import answer_members
from mocha_actors.simulator.session import Session
from mocha_actors.simulator.world import build_world

EVERYTHING = 1 << 0 | 1 << 1 | 1 << 8
WORLD = build_world(1, 2, 1, members=2500)
GUILD = WORLD.guilds[0]
GUILDS = {guild.id: GuildState(guild) for guild in WORLD.guilds}


def session(intents: int = EVERYTHING) -> Session:
    """Make a session."""
    return Session("abc", 0, 1, intents, max_events=10, max_bytes=1000)


def ask(asking: Session, now: float = 0.0, **request: Any) -> list[Any]:
    """Ask for members of the first guild, and return the data of the answers."""
    return [json.loads(event.data) for event in events(asking, now, **request)]


def events(asking: Session, now: float = 0.0, **request: Any) -> list[Event]:
    """Ask for members of the first guild."""
    return answer_members(asking, {"guild_id": str(GUILD.id)} | request, GUILDS, now)


def ids(chunk: Any) -> list[int]:
    """List who is in a chunk."""
    return [int(member["user"]["id"]) for member in chunk["members"]]


def test_all_members_come_in_numbered_chunks_of_a_thousand() -> None:
    """Everybody once, with the nonce on every chunk."""
    chunks = ask(session(), query="", limit=0, nonce="n1")

    assert [len(chunk["members"]) for chunk in chunks] == [1000, 1000, 504]
    assert [(chunk["chunk_index"], chunk["chunk_count"]) for chunk in chunks] == [(0, 3), (1, 3), (2, 3)]
    assert {chunk["nonce"] for chunk in chunks} == {"n1"}
    everybody = {member.user.id for member in (*GUILD.members, *GUILD.bots)}
    assert {user_id for chunk in chunks for user_id in ids(chunk)} == everybody
    assert "presences" not in chunks[0]


def test_ids_are_found_or_named_as_not_found() -> None:
    """A single id may come without a list."""
    known = GUILD.members[7].user.id
    [chunk] = ask(session(intents=1), user_ids=[str(known), "17"])
    assert (ids(chunk), chunk["not_found"]) == ([known], ["17"])

    [chunk] = ask(session(intents=1), user_ids=str(known), query="", limit=0)
    assert ids(chunk) == [known]
    assert "not_found" not in chunk


def test_a_query_finds_names_that_begin_with_it() -> None:
    """Never more than the limit."""
    prefix = GUILD.members[0].user.username[:2].upper()
    [chunk] = ask(session(intents=1), query=prefix, limit=3)
    assert len(chunk["members"]) == 3
    assert all(member["user"]["username"].startswith(prefix.lower()) for member in chunk["members"])

    [nobody] = ask(session(intents=1), query="zzzz", limit=3)
    assert (nobody["members"], nobody["chunk_count"]) == ([], 1)


def test_presences_come_when_asked_for() -> None:
    """Of those who are not offline."""
    bot, person = GUILD.bots[0].user.id, GUILD.members[0].user.id
    GUILDS[GUILD.id].presences[bot] = Presence("online", "desktop")
    [chunk] = ask(session(), user_ids=[str(bot), str(person)], presences=True)
    assert [presence["user"]["id"] for presence in chunk["presences"]] == [str(bot)]


@pytest.mark.parametrize(
    ("intents", "request_"),
    [
        (1, {"query": "", "limit": 0}),
        (3, {"query": "a", "limit": 1, "presences": True}),
        (EVERYTHING, {"user_ids": [str(number) for number in range(101)]}),
        (EVERYTHING, {"query": "", "limit": 0, "guild_id": "5"}),
    ],
    ids=["all without GUILD_MEMBERS", "presences without GUILD_PRESENCES", "101 ids", "no such guild"],
)
def test_what_is_not_allowed_has_no_answer(intents: int, request_: dict[str, Any]) -> None:
    """Discord documents none."""
    assert ask(session(intents), **request_) == []


def test_all_members_of_a_guild_are_given_once_in_30_seconds() -> None:
    """Then a RATE_LIMITED says how long to wait; other guilds, and other sessions, are no part of it."""
    asking = session()
    assert len(ask(asking, now=100.0, query="", limit=0)) == 3

    [refusal] = events(asking, now=110.5, query="", limit=0, nonce="n2")
    assert refusal.name == b"RATE_LIMITED"
    assert json.loads(refusal.data) == {
        "opcode": 8,
        "retry_after": 19.5,
        "meta": {"guild_id": str(GUILD.id), "nonce": "n2"},
    }
    other = str(WORLD.guilds[1].id)
    assert len(ask(asking, now=110.5, query="", limit=0, guild_id=other)) == 3
    assert len(ask(session(), now=110.5, query="", limit=0)) == 3
    assert len(ask(asking, now=130.0, query="", limit=0)) == 3


def test_a_long_nonce_does_not_come_back() -> None:
    """32 bytes do, 33 do not."""
    assert ask(session(), query="a", limit=1, nonce="é" * 16)[0]["nonce"] == "é" * 16
    assert "nonce" not in ask(session(), query="a", limit=1, nonce="é" * 16 + "x")[0]


@pytest.mark.parametrize("wrong", [{}, {"user_ids": ["x"]}, {"query": 5}, {"guild_id": [], "query": ""}, {"limit": -1}])
def test_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    """The connection is closed with 4002 for it."""
    with pytest.raises((ValueError, msgspec.ValidationError)):
        events(session(), **wrong)
