"""Histories of voice and presence: raw payloads as a client gets them, the facts they become, and their way into a database in cut groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.base import Projection
from mocha_actors.db.recounts.base import Piece, Recount
from mocha_actors.db.session import Session
from mocha_actors.discord.guilds import Guild
from mocha_actors.pipeline.facts import (
    ChannelDeleted,
    Fact,
    GuildGone,
    GuildSeen,
    MemberJoined,
    MemberLeft,
    MembersSeen,
    Place,
    Profile,
    SessionEnded,
)
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors import presence, voice
from mocha_actors.simulator.recount_voice import Heard
from tests.discord.payloads import data, event

START_MS = 1_790_121_540_000
"""2026-09-22 23:59:00 UTC: midnight is near."""

GUILDS = (1 << 22, 2 << 22)
CHANNELS = (501, 502)
HUMANS = (601, 602)
BOT = 603
USERS = (*HUMANS, BOT)
FLAGS = ("self_mute", "mute", "self_deaf", "deaf", "self_stream", "self_video", "suppress")

TABLES = (
    "voice_events", "voice_user_day", "voice_channel_hour", "voice_guild_hour", "presence_events", "presence_hour", "gateway_sessions",
    "guilds", "members",
)  # fmt: skip


def member(user: int) -> dict[str, Any]:
    """A member object."""
    return {"user": {"id": str(user), "username": f"u{user}", "bot": user == BOT}, "roles": []}


def voice_state(
    user: int, channel: int | None, flags: Sequence[str] = (), *, device: str = "a", known: bool = True
) -> dict[str, Any]:
    """A voice state; a human may come without its member, a bot never does."""
    state: dict[str, Any] = {"user_id": str(user), "channel_id": None if channel is None else str(channel)}
    state |= {"session_id": device, **dict.fromkeys(flags, True)}
    return state | ({"member": member(user)} if known or user == BOT else {})


def facts_of(heard: Heard) -> list[Fact]:
    """The facts of what was heard; those of guilds and members are made here by hand."""
    stamp, payload = Stamp(heard.at, heard.bound, heard.shard), heard.data
    guild = int(payload.get("guild_id", payload.get("id", 0)))
    facts: list[Fact] = []
    match heard.name:
        case "LOST":
            facts = [SessionEnded(heard.shard, heard.at, heard.at + 1000)]
        case "VOICE_STATE_UPDATE":
            facts = list(voice.translate(event(heard.name, payload), stamp))
        case "PRESENCE_UPDATE":
            facts = list(presence.translate(event(heard.name, payload), stamp))
        case "GUILD_MEMBER_ADD":
            facts = [MemberJoined(guild, profile(payload), heard.at, heard.bound)]
        case "GUILD_MEMBER_REMOVE":
            user = int(payload["user"]["id"])
            facts = [MemberLeft(guild, user, is_bot=user == BOT, at_ms=heard.at, bound_ms=heard.bound)]
        case "CHANNEL_DELETE":
            facts = [ChannelDeleted(guild, Place(int(payload["id"]), 2, None, None, None), heard.at, heard.bound)]
        case "GUILD_DELETE":
            facts = [GuildGone(guild, outage=payload["unavailable"], at_ms=heard.at, bound_ms=heard.bound)]
        case "GUILD_UPDATE":
            facts = [seen(guild, heard)]
        case "GUILD_CREATE":
            described: Guild = data("GUILD_CREATE", payload)
            facts = [
                seen(guild, heard),
                MembersSeen(guild, tuple(profile(each) for each in payload["members"]), heard.at),
                voice.listed(described.voice_states, described.members, guild, stamp),
                presence.listed(described.presences, guild, stamp),
            ]
    return facts


def seen(guild: int, heard: Heard) -> GuildSeen:
    """What a guild is like: its AFK channel."""
    afk = heard.data.get("afk_channel_id")
    return GuildSeen(guild, None, None, None if afk is None else int(afk), None, None, heard.shard, heard.at)


def profile(payload: dict[str, Any]) -> Profile:
    """A member as the projections are told of it."""
    user = int(payload["user"]["id"])
    return Profile(user, f"u{user}", None, user == BOT, None, None, (), None)


class Neighbours:
    """What the projections of guilds and members write, as far as voice and presence read it."""

    facts: tuple[type[Fact], ...] = (GuildSeen, MembersSeen, MemberJoined)

    def apply(self, connection: Connection, facts: Iterable[Fact]) -> None:
        """Write AFK channels and bots."""
        for fact in facts:
            if isinstance(fact, GuildSeen):
                connection.execute(
                    "INSERT INTO guilds (id, afk_channel_id) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET afk_channel_id = excluded.afk_channel_id",
                    (fact.guild_id, fact.afk_channel_id),
                )
            elif isinstance(fact, MembersSeen | MemberJoined):
                members = fact.members if isinstance(fact, MembersSeen) else (fact.member,)
                for each in members:
                    connection.execute(
                        "INSERT INTO members (guild_id, user_id, is_bot, roles, seen_ms) VALUES (?, ?, ?, '', 0) "
                        "ON CONFLICT (guild_id, user_id) DO NOTHING",
                        (fact.guild_id, each.user_id, int(each.is_bot)),
                    )

    def reset(self) -> None:
        """Nothing is remembered."""


def apply(session: Session, projections: Sequence[Projection], facts: Sequence[Fact], *, fail: bool = False) -> None:
    """Apply in one transaction, as the writer does: first what stands first. With ``fail``, fail at its end, forget, and do it again."""
    for failing in (True, False) if fail else (False,):
        try:
            with session.transaction() as connection:
                for projection in [*projections, Neighbours()]:
                    share = [fact for fact in facts if isinstance(fact, projection.facts)]
                    if share:
                        projection.apply(connection, share)
                if failing:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            for projection in projections:
                projection.reset()


def begin(session: Session, history: Sequence[Heard]) -> None:
    """Empty the tables but for the last evidence of shards that will be no more."""
    with session.transaction() as connection:
        for table in TABLES:
            connection.execute(f"DELETE FROM {table}")
        for heard in history:
            if heard.name == "DEAD":
                connection.execute(
                    "INSERT INTO gateway_sessions (shard, session_id, seq, fingerprint, epoch, last_alive_ms, user_id, application_id) "
                    "VALUES (?, 's', 1, 'f', 1, ?, 7, 8)",
                    (heard.shard, heard.at),
                )


def stored(session: Session, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    """The rows of a table in the order of their columns."""
    with session.transaction() as connection:
        return sorted(connection.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr)


def check_recounts(session: Session, recounts: Sequence[Recount]) -> None:
    """What ``mocha verify`` recounts equals what is stored, in every piece that there may be."""
    with session.transaction() as connection:
        for recount in (recount for recount in recounts if recount.recounted is not None):
            days = {key[1] // (24 if recount.bucket == "hour" else 1) for key in bucket_keys(connection, recount)}
            for piece in (Piece(guild, day) for guild in GUILDS for day in sorted(days)):
                assert recount.recounted is not None
                assert recount.stored(connection, piece) == recount.recounted(connection, piece)


def bucket_keys(connection: Connection, recount: Recount) -> list[tuple[int, int]]:
    """Guild and time of every row."""
    return connection.execute(f"SELECT guild_id, {recount.time} FROM {recount.table}").fetchall()


# What may happen

SHIFTS = st.sampled_from([0, 0, 1, 5_000, 20_000, 45_000, 600_000, 600_000, 5_400_000, 10_800_000, 108_000_000, -1_000])
BOUNDS = st.sampled_from([0, 0, 0, 0, 250])
CHANNEL = st.sampled_from(CHANNELS)
MAYBE = st.sampled_from([*CHANNELS, None])
SOME_FLAGS = st.lists(st.sampled_from(FLAGS), max_size=2, unique=True)
DEVICES = st.sampled_from(["a", "a", "b"])

updates = st.tuples(
    st.just("VOICE_STATE_UPDATE"),
    st.builds(voice_state, st.sampled_from(USERS), MAYBE, SOME_FLAGS, device=DEVICES, known=st.booleans()),
)
lists = st.lists(
    st.builds(voice_state, st.sampled_from(USERS), CHANNEL, SOME_FLAGS, device=DEVICES, known=st.booleans()),
    max_size=4, unique_by=lambda state: state["user_id"],
)  # fmt: skip
statuses = st.sampled_from(["online", "idle", "dnd", "offline"])
presences = st.tuples(
    st.just("PRESENCE_UPDATE"),
    st.builds(lambda user, status: {"user": {"id": str(user)}, "status": status}, st.sampled_from(USERS), statuses),
)
rosters = st.lists(
    st.builds(lambda user, status: {"user": {"id": str(user)}, "status": status}, st.sampled_from(USERS), statuses),
    max_size=4, unique_by=lambda presence: presence["user"]["id"],
)  # fmt: skip
creations = st.tuples(
    st.just("GUILD_CREATE"),
    st.builds(
        lambda states, online, afk: {
            "voice_states": states, "presences": online, "afk_channel_id": None if afk is None else str(afk), "members": [member(BOT)],
        },
        lists, rosters, MAYBE,
    ),
)  # fmt: skip
losses = st.tuples(st.sampled_from(["LOST", "LOST", "LOST", "DEAD"]), st.just({}))
departures = st.one_of(
    st.tuples(st.just("GUILD_DELETE"), st.builds(lambda outage: {"unavailable": outage}, st.booleans())),
    st.tuples(st.just("CHANNEL_DELETE"), st.builds(lambda channel: {"id": str(channel), "type": 2}, CHANNEL)),
    st.tuples(st.sampled_from(["GUILD_MEMBER_REMOVE", "GUILD_MEMBER_ADD"]), st.builds(member, st.sampled_from(USERS))),
)
renamings = st.tuples(
    st.just("GUILD_UPDATE"), st.builds(lambda afk: {"afk_channel_id": None if afk is None else str(afk)}, MAYBE)
)


@st.composite
def histories(draw: st.DrawFn, kinds: st.SearchStrategy[tuple[str, dict[str, Any]]], size: int = 30) -> list[Heard]:
    """What a client heard, in order; the time mostly goes forwards."""
    heard, now, shard = [], START_MS, 0
    for name, payload in draw(st.lists(kinds, min_size=size // 3, max_size=size)):
        now += draw(SHIFTS)
        guild = str(draw(st.sampled_from((*GUILDS[:1] * 4, *GUILDS))))
        key = "id" if name in {"GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"} else "guild_id"
        bound = 0 if name in {"LOST", "DEAD"} else draw(BOUNDS)
        heard.append(Heard(now, bound, shard, name, payload | {key: guild}))
        shard += name == "DEAD"
    return heard


def weighted(
    *kinds: tuple[int, st.SearchStrategy[tuple[str, dict[str, Any]]]],
) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """One of ``kinds``, each as often as its number says; ``one_of`` would take every branch of every kind equally often."""
    return st.sampled_from([kind for weight, kind in kinds for _ in range(weight)]).flatmap(lambda kind: kind)


voice_kinds = weighted((10, updates), (3, creations), (2, losses), (2, departures), (1, renamings))
presence_kinds = weighted((10, presences), (3, creations), (2, losses), (2, departures))
cuts = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["", "", "fail", "restart"])), min_size=1, max_size=8)


def groups(facts: Sequence[Fact], cut: Sequence[tuple[int, str]]) -> list[tuple[Sequence[Fact], str]]:
    """``facts`` cut into transactions, and what happens with each; ``cut`` is repeated until the facts are used up."""
    cut_up, start, number = [], 0, 0
    while start < len(facts):
        length, fate = cut[number % len(cut)]
        cut_up.append((facts[start : start + length], fate))
        start, number = start + length, number + 1
    return cut_up
