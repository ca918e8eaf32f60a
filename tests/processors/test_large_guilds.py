"""A GUILD_CREATE of tens of thousands of members: outlined, then read member by member, and equal to one that is read at once."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from mocha_actors.discord.blocks import LARGE
from mocha_actors.discord.decode import EventDecoder
from mocha_actors.discord.dispatch import OutlinedEvent
from mocha_actors.discord.events import Event, MessageCreate, UndecodableEvent
from mocha_actors.discord.guilds import GuildCreate, GuildOutline
from mocha_actors.discord.members import Member
from mocha_actors.events.recording import Happening, Recorder
from mocha_actors.pipeline.batch import IGNORED, Batch, DeadLetter, Outcome, Work
from mocha_actors.pipeline.facts import MembersListed, MembersSeen
from mocha_actors.pipeline.letters import failed, undecodable
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors import guild as guilds
from mocha_actors.processors.base import FailureWindow, Processor
from mocha_actors.runtime import ChildSpec, Mailbox, SupervisorSpec, new_ref, open_supervisor
from tests.discord.payloads import MEMBER

STAMP = Stamp(at_ms=1_000, bound_ms=5, shard=3)
PADDING = "x" * LARGE
"""Makes any guild a large one: a key that nobody reads."""

decode = EventDecoder(guilds.HANDLES).decode


def member(user: int, **more: Any) -> dict[str, Any]:
    """A member as Discord sends it."""
    return MEMBER | {"user": {"id": str(user), "username": f"u{user}"}, **more}


def frame(guild: dict[str, Any], *, large: bool, s: int = 7) -> bytes:
    """A GUILD_CREATE."""
    padding = {"description": PADDING} if large else {}
    return json.dumps(
        {"t": "GUILD_CREATE", "s": s, "op": 0, "d": {"id": "1", "name": "Otters"} | guild | padding}
    ).encode()


def one(block: bytes) -> Any:
    """The one event of a block."""
    [[event]] = decode(block).pieces
    return event


def outcome_of(event: Event) -> Outcome:
    """What the processor, or before it the dispatcher, makes of an event."""
    return undecodable(event) if isinstance(event, UndecodableEvent) else guilds.translate(event, STAMP)


users = st.integers(1, 12)
members = st.one_of(
    st.builds(
        member, users, roles=st.lists(st.sampled_from(["50", "51"]), max_size=2), nick=st.none() | st.text(max_size=3),
        joined_at=st.none() | st.just("2024-02-29T12:00:00+00:00"), pending=st.booleans(),
    ),
    st.just(MEMBER | {"user": None}),
)  # fmt: skip
presences = st.one_of(
    st.builds(lambda user, status: {"user": {"id": str(user)}, "status": status}, users, st.sampled_from(["idle", "offline", "?", None])),
    st.just({"user": "nobody"}),
)  # fmt: skip
voice_states = st.builds(
    lambda user, channel: {"user_id": str(user), "channel_id": channel, "session_id": "s"}, users, st.sampled_from([None, "22"])
)  # fmt: skip
whole_guilds = st.fixed_dictionaries(
    {"members": st.lists(members, max_size=20)},
    optional={
        "member_count": st.integers(0, 20), "unavailable": st.booleans(), "presences": st.lists(presences, max_size=5),
        "voice_states": st.lists(voice_states, max_size=5), "channels": st.just([{"id": "20", "type": 0, "name": "general"}]),
    },
)  # fmt: skip


@settings(max_examples=50)  # each is of a megabyte
@given(whole_guilds)
def test_a_guild_that_is_outlined_comes_to_the_same_facts(guild: dict[str, Any]) -> None:
    """Whoever is named twice, has no user, is in voice or online."""
    event = one(frame(guild, large=True))

    assert isinstance(event, OutlinedEvent)
    assert guilds.translate(one(frame(guild, large=False)), STAMP) == guilds.translate(event, STAMP)


DAMAGES = {
    "a wrong type": {"user": {"id": []}},
    "an id too large": {"user": {"id": str(1 << 63)}},
    "no id": {"user": {"username": "ada"}},
    "a time without offset": {"joined_at": "2024-02-29T12:00:00"},
    "roles that are none": {"roles": [None]},
}


@settings(max_examples=50)
@given(whole_guilds, st.sampled_from(sorted(DAMAGES)), st.integers(0, 20))
def test_a_member_that_cannot_be_read_makes_the_same_dead_letter(
    guild: dict[str, Any], damage: str, position: int
) -> None:
    """Wherever it stands, with the path to it, and nothing of its neighbours is lost in silence."""
    guild["members"].insert(position, member(99) | DAMAGES[damage])
    guild.pop("unavailable", None)
    large = frame(guild, large=True)
    whole = EventDecoder(guilds.HANDLES)
    whole._large = whole._events

    [[expected]] = whole.decode(large).pieces
    assert isinstance(expected, UndecodableEvent)
    assert isinstance(one(large), OutlinedEvent)
    assert outcome_of(expected) == outcome_of(one(large))
    assert f"$.d.members[{min(position, len(guild['members']) - 1)}]" in expected.error


@pytest.mark.parametrize("name", [b"\xff", b"\\ud800", b"\\u12", b"\n"])
def test_text_that_is_none_makes_the_same_dead_letter(name: bytes) -> None:
    """Cutting looks for the ends of strings only: what stands in them is read later."""
    large = frame({"members": [member(1), member(2), member(3)]}, large=True).replace(b"u2", name)
    whole = EventDecoder(guilds.HANDLES)
    whole._large = whole._events

    expected, found = whole.decode(large), decode(large)
    assert expected.violation is None or str(expected.violation) == str(found.violation)
    assert [outcome_of(event) for piece in expected.pieces for event in piece] == [  # type: ignore[union-attr]
        outcome_of(event) for piece in found.pieces for event in piece  # type: ignore[union-attr]
    ]  # fmt: skip


def test_a_hundred_thousand_members_come_out_equal() -> None:
    """And nobody is missing at a cut."""
    guild = {"members": [member(user) for user in range(1, 100_001)], "member_count": 100_000}
    large = frame(guild, large=True)
    event = one(large)
    facts = guilds.translate(event, STAMP)

    assert isinstance(event, OutlinedEvent)
    assert isinstance(facts, tuple)
    assert [guilds.MEMBERS_OF_FACT] * 100 == [len(fact.members) for fact in facts if isinstance(fact, MembersSeen)]
    assert MembersListed(1, tuple(range(1, 100_001)), 1_000) == facts[-1]
    whole = EventDecoder(guilds.HANDLES)
    whole._large = whole._events
    [[at_once]] = whole.decode(large).pieces
    assert isinstance(at_once, GuildCreate)
    assert guilds.translate(at_once, STAMP) == facts


class Counted(Member):
    """A member that is counted while it lives."""

    alive = most = 0

    def __post_init__(self) -> None:
        Counted.alive += 1
        Counted.most = max(Counted.most, Counted.alive)

    def __del__(self) -> None:
        Counted.alive -= 1


def test_members_are_let_go_one_by_one() -> None:
    """Of a thousand there are never more than those in hand and those in a voice channel."""
    guild = {"members": [member(user) for user in range(1000)], "voice_states": [{"user_id": "3", "channel_id": "22"}]}
    event = one(frame(guild, large=True))
    outline = event.outline
    assert isinstance(outline, GuildOutline)
    Counted.most = 0
    read = (
        Counted(user=each.user, nick=each.nick, roles=each.roles, joined_at=each.joined_at, pending=each.pending)
        for each in map(guilds._members.decode, outline.members)
    )
    facts = guilds.available(outline, read, (), STAMP)

    assert guilds.translate(event, STAMP) == facts
    assert 1 <= Counted.most <= 3
    assert Counted.alive == 0


def test_what_the_members_share_is_kept_once() -> None:
    """Most have the same few sets of roles."""
    event = one(frame({"members": [member(user, roles=["50", "51"]) for user in range(1, 4)]}, large=True))
    facts = guilds.translate(event, STAMP)

    assert isinstance(facts, tuple)
    [seen] = [fact for fact in facts if isinstance(fact, MembersSeen)]
    assert 1 == len({id(each.roles) for each in seen.members})


def test_its_neighbours_in_the_block_are_read_as_ever() -> None:
    """In order; a small guild is no outline, and what is no dispatch falls out of the run."""
    small, large = frame({"members": [MEMBER]}, large=False, s=1), frame({"members": [MEMBER]}, large=True, s=2)
    gone = b'{"t":"GUILD_DELETE","s":3,"op":0,"d":{"id":"1"}}'
    [events] = decode(b"\n".join([small, large, b"", gone])).pieces
    assert isinstance(events, list)
    assert [("GuildCreate", 1), ("OutlinedEvent", 2), ("GuildDelete", 3)] == [(type(e).__name__, e.s) for e in events]

    before, control, after = decode(b"\n".join([large, b'{"op":11}', gone])).pieces
    assert isinstance(before, list)
    assert isinstance(after, list), "a heartbeat's acknowledgement often comes between"
    assert ["OutlinedEvent"] == [type(event).__name__ for event in before]
    assert [outcome_of(events[1])] == [outcome_of(event) for event in before]
    assert 11 == getattr(control, "op", None)
    assert [3] == [event.s for event in after]


def test_where_nobody_takes_guilds_a_large_one_is_skipped() -> None:
    """As a small one is."""
    [[event]] = EventDecoder([MessageCreate]).decode(frame({"members": ["any"]}, large=True)).pieces

    assert "GUILD_CREATE" == event.t
    assert not isinstance(event, OutlinedEvent | UndecodableEvent)


def test_set_aside_it_is_told_by_what_came() -> None:
    """A processor that fails over it, or a database that refuses it, leaves the same evidence."""
    event = one(frame({"members": [MEMBER]}, large=True))
    letter = failed("poison", RuntimeError("bug"), event)

    assert ("poison", "RuntimeError: bug") == (letter.reason, letter.error)
    assert len(event.raw) == json.loads(letter.payload)["size"]


async def test_it_is_read_in_a_thread_however_small_its_neighbours_are() -> None:
    """The mean of its batch would not tell; an ordinary guild in a batch of such is translated where it is."""
    threads: list[bool] = []

    def translate(event: Event, stamp: Stamp) -> Outcome:
        threads.append(threading.current_thread() is threading.main_thread())
        return IGNORED

    ref = new_ref("guild", Mailbox(10_000, weigh=len))
    start = lambda: Processor("guild", translate, FailureWindow(), guilds.SLOW)  # noqa: E731
    small, large = one(frame({}, large=False)), one(frame({}, large=True))
    async with open_supervisor(SupervisorSpec(children=(ChildSpec("guild", start, ref=ref),))):
        for events in ([small, small], [small, large]):
            batch = Batch(0, "session", events, received_at=0.0, received_ms=0, size=10)
            settled = trio.Event()
            batch.when_settled(settled.set)
            await ref.tell(Work(batch, [0, 1]))
            with trio.fail_after(10):
                await settled.wait()

    assert [True, True, False, False] == threads


async def test_an_undecodable_one_settles_as_a_dead_letter_and_restarts_nothing() -> None:
    """Data that does not decode is no failure of the processor (promise P3)."""
    event = one(frame({"members": [MEMBER, member(1) | {"roles": 5}]}, large=True))
    batch = Batch(0, "session", [event], received_at=0.0, received_ms=0, size=len(event.raw))
    failures = FailureWindow()
    names: list[str] = []
    ref = new_ref("guild", Mailbox(10_000, weigh=len))
    start = lambda: Processor("guild", guilds.translate, failures, guilds.SLOW)  # noqa: E731
    spec = SupervisorSpec(children=(ChildSpec("guild", start, ref=ref),), max_restarts=0)
    async with open_supervisor(spec, on_event=lambda told: names.append(told.name)):
        settled = trio.Event()
        batch.when_settled(settled.set)
        await ref.tell(Work(batch, [0]))
        with trio.fail_after(10):
            await settled.wait()

    [letter] = batch.outcomes
    assert isinstance(letter, DeadLetter)
    assert "undecodable" == letter.reason
    assert "$.d.members[1].roles" in letter.error
    assert "child.restarting" not in names


def test_a_recorder_of_events_with_times_refuses_one_that_cannot_be_read() -> None:
    """As it does a small one: with the path, and without an end to the others."""
    translations = dict.fromkeys(guilds.HANDLES, guilds.translate)
    damaged = {"members": [MEMBER, member(1) | {"roles": 5}]}
    reports = []
    for large in (False, True):
        recorder = Recorder(translations, content=False)
        assert () == recorder.translate(Happening(1_000, frame(damaged, large=large)))
        assert recorder.translate(Happening(1_000, frame({"members": [MEMBER]}, large=large)))
        reports.append((recorder.report.refused, recorder.report.refusals))

    assert reports[0] == reports[1]
    assert "$.d.members[1].roles" in reports[0][1][0].error
