"""Ninety days of one guild, from a seed: what the questions are asked about."""

from __future__ import annotations

import heapq
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import trio
from peers.straight import Straight

from mocha_actors.db.apply import Applier
from mocha_actors.db.closing import ClosedDays
from mocha_actors.db.connection import Connection
from mocha_actors.db.packing import UserColumns
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.readers import open_readers
from mocha_actors.db.session import open_session
from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS, from_time_ms
from mocha_actors.pipeline.facts import (
    Fact,
    GuildSeen,
    MemberJoined,
    MemberLeft,
    MessageSent,
    PresenceChanged,
    Profile,
    ReactionAdded,
    VoiceChanged,
)  # fmt: skip

END_MS: Final = 1_790_078_400_000 // DAY_MS * DAY_MS + 18 * HOUR_MS + 1_234_567
"""In the evening of a Tuesday, at no full hour: the open day is three quarters over."""

DAYS: Final = 90
SEED: Final = 1
GUILD: Final = 1
CHANNEL: Final = 105
FIRST_USER: Final = 1_000_001
"""The one who writes most."""

GROUP: Final = 50_000
FACTS: Final = 5_000

A_REACTION: Final = 20
A_VISIT: Final = 100
"""Messages for each reaction, and for each visit to a voice channel and to the program itself (a presence)."""


class Size(NamedTuple):
    """How much there is."""

    messages: int
    users: int

    def __str__(self) -> str:
        return (
            f"one guild, {self.messages:,} messages in {DAYS} days by {self.users:,} users as Zipf's law says (the n-th writes 1/n of what the first does) "
            f"in 20 channels (a quarter in the first), seed {SEED}; a reaction for each {A_REACTION} messages, "
            f"half an hour of voice and of presence for each {A_VISIT}"
        )


def keep(path: Path, size: Size) -> None:
    """Make the database, if there is none yet.

    Raises:
        ValueError: there is one of another size.

    """
    if not path.exists():
        part = path.with_name(f"{path.name}.part")
        part.unlink(missing_ok=True)
        fill(part, size)
        trio.run(close_days, part)
        part.rename(path)
    elif (found := size_of(path)) != size:
        msg = f"{path} holds {found.messages:,} messages of {found.users:,} users, and not {size.messages:,} of {size.users:,}"
        raise ValueError(msg)


def size_of(path: Path) -> Size:
    """How much a database holds."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        (messages,) = connection.execute("SELECT SUM(sent) FROM guild_hour WHERE guild_id = ?", (GUILD,)).fetchone()
        (users,) = connection.execute("SELECT MAX(id) FROM users").fetchone()
    return Size(messages or 0, (users or FIRST_USER - 1) - FIRST_USER + 1)


def fill(path: Path, size: Size) -> None:
    """Write the messages, evenly in time, and what happened beside them."""
    database = Straight(path)
    for group in messages(size):
        database.write(group)
    database.connection.close()
    applier = Applier(projections(), 1)
    with closing(open_session(path)) as session:
        others = beside(size)
        while facts := list(islice(others, FACTS)):
            applier.apply_facts(session, facts)


async def close_days(path: Path) -> None:
    """Build the rollup of channels and users, and the columns of users, as the janitor does."""
    session = open_session(path)

    async def write(work: Callable[[Connection], int], *, resets: bool = False) -> int:  # noqa: ARG001 - as the janitor calls it
        await trio.lowlevel.checkpoint()
        with session.transaction() as connection:
            return work(connection)

    async with open_readers(f"sqlite:///{path}", threads=1) as readers:
        for job in (ClosedDays(readers), UserColumns(readers)):
            while await job.step(write, END_MS):
                pass
    session.close()


def messages(size: Size) -> Iterator[list[MessageSent]]:
    """The messages in order, some ten thousand at a time."""
    rng = random.Random(SEED)  # noqa: S311 - the same for every run
    weights = [1 / rank for rank in range(1, size.users + 1)]
    everybody = range(FIRST_USER, FIRST_USER + size.users)
    step = DAYS * DAY_MS / size.messages
    for start in range(0, size.messages, GROUP):
        count = min(GROUP, size.messages - start)
        authors = rng.choices(everybody, weights, k=count)
        yield [
            MessageSent(
                GUILD, from_time_ms(int(END_MS - DAYS * DAY_MS + (start + n) * step), (start + n) & 0xFFF),
                100 + int(rng.random() ** 2 * 20), author, 0, 0, 0, f"user {author}", None,
            )
            for n, author in enumerate(authors)
        ]  # fmt: skip


def beside(size: Size) -> Iterator[Fact]:
    """Reactions, voice, presences and members, in order, and each week what Discord says of the guild."""
    begin_ms = END_MS - DAYS * DAY_MS
    seen = (
        GuildSeen(GUILD, "The largest", None, None, size.users * day // DAYS, begin_ms, 0, begin_ms + day * DAY_MS)
        for day in range(0, DAYS, 7)
    )
    yield from heapq.merge(seen, reactions(size), visits(size), members(size), key=lambda fact: fact.at_ms)


def moments(count: int) -> Iterator[int]:
    """So many, evenly in the ninety days."""
    return (END_MS - DAYS * DAY_MS + DAYS * DAY_MS * n // count for n in range(1, count))


def reactions(size: Size) -> Iterator[ReactionAdded]:
    """To a message a minute old."""
    rng = random.Random(SEED)  # noqa: S311 - likewise
    for number, at_ms in enumerate(moments(size.messages // A_REACTION)):
        giver, receiver = (FIRST_USER + int(rng.random() ** 4 * size.users) for _ in range(2))
        emoji = str(int(rng.random() ** 2 * 50) + 1)
        message = from_time_ms(at_ms - 60_000, number & 0xFFF)
        yield ReactionAdded(GUILD, CHANNEL, message, giver, emoji, "emoji", False, receiver, False, at_ms, 0)  # noqa: FBT003 - by position


def visits(size: Size) -> Iterator[VoiceChanged | PresenceChanged]:
    """Half an hour each of somebody in a voice channel, and of somebody else online."""
    rng = random.Random(SEED)  # noqa: S311 - likewise
    ends: list[tuple[int, int]] = []
    here: set[int] = set()
    for at_ms in moments(size.messages // A_VISIT):
        while ends and ends[0][0] <= at_ms:
            end_ms, user = heapq.heappop(ends)
            here.discard(user)
            yield from _moved(user, None, end_ms)
        user = FIRST_USER + int(rng.random() ** 3 * size.users)
        if user not in here:
            here.add(user)
            heapq.heappush(ends, (at_ms + HOUR_MS // 2, user))
            yield from _moved(user, 200 + user % 5, at_ms)


def _moved(user: int, channel: int | None, at_ms: int) -> Iterator[VoiceChanged | PresenceChanged]:
    yield VoiceChanged(GUILD, user, channel, 1, 0, False, f"user {user}", None, 0, at_ms, 0)  # noqa: FBT003 - likewise
    yield PresenceChanged(GUILD, user, 0 if channel is None else 1, 0, at_ms, 0)


def members(size: Size) -> Iterator[MemberJoined | MemberLeft]:
    """Everybody joins once, and a fifth leaves a week later."""
    leaving: list[tuple[int, int]] = []
    for user, at_ms in enumerate(moments(size.users + 1), start=FIRST_USER):
        while leaving and leaving[0][0] <= at_ms:
            left_ms, gone = heapq.heappop(leaving)
            yield MemberLeft(GUILD, gone, False, left_ms, 0)  # noqa: FBT003 - likewise
        profile = Profile(user, f"user {user}", None, False, at_ms, None, (), False)  # noqa: FBT003 - likewise
        yield MemberJoined(GUILD, profile, at_ms, 0)
        if user % 5 == 0:
            heapq.heappush(leaving, (at_ms + 7 * DAY_MS, user))
