"""A guild of every kind of event over two weeks around a change of clocks, and the database that holds it.

Rollups are filled minute by minute from the raw rows, by code that knows nothing of the package's own.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from hypothesis import strategies as st

from mocha_actors.db import packing
from mocha_actors.db.packing import Unit
from mocha_actors.db.projections.user_columns import DAY, WEEK, add, week_of
from mocha_actors.stats.questions import Filters
from mocha_actors.stats.ranges import Range
from tests.stats.oracle import EPOCH_MS, GUILD, HOUR, Sent, database

MINUTE = 60_000
DAY_MINUTES = 24 * 60
DAYS = 14

BEGIN = 1_773_964_800_000
"""2026-03-20 00:00 UTC, a Friday. In Europe/Berlin clocks change on Sunday 29 at 01:00 UTC; Monday 23 begins a whole week of UTC."""

CHANGE = 9 * DAY_MINUTES + 60
"""The minute of the change."""

ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu")

CATEGORY, GENERAL, MUSIC, LOOSE, UNKNOWN, THREAD, LOST_THREAD = 70, 50, 51, 52, 53, 60, 61
CHANNELS = {CATEGORY: (4, None), GENERAL: (0, CATEGORY), MUSIC: (2, CATEGORY), LOOSE: (0, None), THREAD: (11, GENERAL)}
"""(type, parent) of those that are described; the others are known by their events alone."""

PLACES = (GENERAL, MUSIC, LOOSE, UNKNOWN, THREAD, LOST_THREAD)

HUMANS, BOTS, HOOK = (1, 2, 3, 4, 5), (11, 12), 21
ROLES = {1: (81,), 2: (81, 82), 11: (82,)}
LEFT, PRESENT = (3,), (1, 2, 5, 11)

EMOJI = ("😀", "1234567890", "a-b")


class Spoken(NamedTuple):
    """One row of voice_events; minutes since BEGIN."""

    id: int
    user: int
    channel: int
    begin: int
    end: int | None
    flags: int
    session: int
    visit: int
    bound: int

    @property
    def is_bot(self) -> bool:
        return self.user in BOTS


class Reacted(NamedTuple):
    """One row of reaction_events."""

    id: int
    minute: int
    user: int
    receiver: int | None
    channel: int
    emoji: str
    burst: int
    action: int

    @property
    def is_bot(self) -> bool:
        return self.user in BOTS


class Moved(NamedTuple):
    """One row of member_events."""

    minute: int
    user: int
    kind: int
    bound: int

    @property
    def is_bot(self) -> bool:
        return self.user in BOTS


class Online(NamedTuple):
    """One row of presence_events."""

    id: int
    user: int
    status: int
    begin: int
    end: int | None


class World(NamedTuple):
    """Everything that happened, and what is known."""

    messages: list[Sent]
    voice: list[Spoken]
    reactions: list[Reacted]
    moves: list[Moved]
    counts: dict[int, int]
    online: list[Online]
    standing: list[tuple[int, int, str]]
    ignores: set[tuple[int, int]]
    closed: dict[int, int]
    alive: int
    gaps: tuple[tuple[int, int], ...] = ()
    """When some shard was not observed, in minutes since BEGIN, half-open; they may overlap."""

    def observed(self, minute: int, period: Range) -> bool:
        """Whether a minute was, as an answer about ``period`` has it."""
        silent = period.until_ms - at(self.alive) > 120_000 and minute >= self.alive
        return not silent and not any(begin <= minute < end for begin, end in self.gaps)


def at(minute: int) -> int:
    """A minute in milliseconds since the Unix epoch."""
    return BEGIN + minute * MINUTE


def key(minute: int, low: int) -> int:
    """The snowflake of a minute."""
    return (at(minute) - EPOCH_MS) << 22 | low


minutes = st.builds(
    lambda base, extra: min(DAYS * DAY_MINUTES - 1, max(0, base + extra)),
    st.sampled_from([0, 3 * DAY_MINUTES, 5 * DAY_MINUTES, CHANGE, 10 * DAY_MINUTES, DAYS * DAY_MINUTES - 1]),
    st.sampled_from([-75, -60, -16, -15, -1, 0, 1, 15, 59, 60, 345]) | st.integers(-300, 300),
)
"""Many near midnights, near the change of clocks, and at the quarters of an hour where other zones have their hours."""

lengths = st.sampled_from([0, 1, 14, 15, 45, 60, 61, 200]) | st.integers(1, 700)


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    """From minute to minute."""
    since, until = sorted(draw(st.lists(minutes, min_size=2, max_size=2, unique=True)))
    return Range(at(since), at(until))


subsets = {
    "channels": st.sets(st.sampled_from([GENERAL, MUSIC, THREAD, UNKNOWN]), max_size=2),
    "categories": st.sets(st.just(CATEGORY), max_size=1),
    "users": st.sets(st.sampled_from([1, 2, 11]), max_size=2),
    "roles": st.sets(st.sampled_from([81, 82]), max_size=1),
}


@st.composite
def filters(draw: st.DrawFn) -> Filters:
    """Mostly few at a time, since all together leave nothing."""
    flags = ("include_bots", "include_webhooks", "include_left", "include_ignored", "exclude_deleted", "exclude_afk")
    chosen: dict[str, Any] = {flag: draw(st.booleans()) for flag in (*flags, "exclude_deaf", "exclude_alone")}
    named = draw(st.sets(st.sampled_from(sorted(subsets)), max_size=2))
    chosen |= {name: tuple(sorted(draw(subsets[name]))) for name in sorted(named)}
    return Filters(**chosen)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A few of everything."""
    authors = st.sampled_from([(user, 0) for user in HUMANS] + [(user, 1) for user in BOTS] + [(HOOK, 2)])
    kinds = st.sampled_from([0, 0, 0, 1, 2])
    written = draw(st.lists(st.tuples(minutes, st.sampled_from(PLACES), authors, kinds, st.booleans()), max_size=25))
    messages = [
        Sent(GUILD, key(minute, low), channel, user, author_class, kind, deleted)
        for low, (minute, channel, (user, author_class), kind, deleted) in enumerate(written)
    ]
    standing = draw(st.lists(st.tuples(st.sampled_from(messages), st.sampled_from([1, 2, 11]), st.sampled_from(EMOJI)), max_size=4)) if messages else []  # fmt: skip
    return World(
        messages,
        draw(_voice()),
        draw(_reactions()),
        [Moved(minute, user, kind, bound) for minute, user, kind, bound in draw(_moves())],
        draw(st.dictionaries(minutes, st.integers(0, 99), max_size=3)),
        draw(_online()),
        sorted({(message.id, user, emoji) for message, user, emoji in standing}),
        draw(st.sets(st.sampled_from([(0, GENERAL), (0, CATEGORY), (1, 2), (2, 82)]), max_size=2)),
        draw(st.dictionaries(st.integers(0, DAYS - 1), st.sampled_from([0, 0, 0, 1]), max_size=10)),
        draw(minutes),
        tuple(sorted({(begin, begin + length) for begin, length in draw(_gaps) if length})),
    )


_gaps = st.lists(st.tuples(minutes, lengths), max_size=3)


@st.composite
def _voice(draw: st.DrawFn) -> list[Spoken]:
    drawn = draw(
        st.lists(
            st.tuples(
                minutes, lengths, st.sampled_from([*HUMANS, 11]), st.sampled_from([GENERAL, MUSIC]), st.integers(0, 511), st.booleans(),
                st.booleans(), st.sampled_from([0, 0, 5_000]), st.sampled_from([False, False, False, True]),
            ),
            max_size=8,
        )
    )  # fmt: skip
    spoken = []
    for low, (begin, length, user, channel, flags, session, visit, bound, unended) in enumerate(drawn):
        midnight = (begin // DAY_MINUTES + 1) * DAY_MINUTES
        own = key(begin, low)
        end = None if unended else min(begin + length, midnight)
        spoken.append(Spoken(own, user, channel, begin, end, flags, own if session else 1, int(visit), bound))
    return spoken


@st.composite
def _reactions(draw: st.DrawFn) -> list[Reacted]:
    drawn = draw(
        st.lists(
            st.tuples(
                minutes, st.sampled_from([1, 2, 3, 11]), st.sampled_from([1, 2, 11, None]), st.sampled_from([GENERAL, THREAD, UNKNOWN]),
                st.sampled_from(EMOJI), st.integers(0, 1), st.sampled_from([0, 0, 1]),
            ),
            max_size=12,
        )
    )  # fmt: skip
    return [Reacted(key(minute, low), minute, *rest) for low, (minute, *rest) in enumerate(drawn)]


def _moves() -> st.SearchStrategy[list[tuple[int, int, int, int]]]:
    one = st.tuples(minutes, st.sampled_from([1, 2, 3, 11]), st.integers(0, 1), st.sampled_from([0, 0, 900]))
    return st.lists(one, max_size=10, unique_by=lambda move: move[:3])


@st.composite
def _online(draw: st.DrawFn) -> list[Online]:
    one = st.tuples(minutes, lengths, st.sampled_from([1, 2, 11]), st.integers(1, 3), st.booleans())
    online = []
    for low, (begin, length, user, status, unended) in enumerate(draw(st.lists(one, max_size=6))):
        midnight = (begin // DAY_MINUTES + 1) * DAY_MINUTES
        end = None if unended and low == 0 else min(begin + length, midnight)
        online.append(Online(key(begin, low), user, status, begin, end))
    return online


def opened(world: World) -> Any:
    """A connection to a database that holds ``world``."""
    connection = database(world.messages)
    _describe(connection, world)
    for spoken in world.voice:
        _put(
            connection, "voice_events", id=spoken.id, user_id=spoken.user, channel_id=spoken.channel, ended_ms=_end(spoken),
            flags=spoken.flags, is_bot=int(spoken.is_bot), device=7, shard=0, session_id=spoken.session, visit=spoken.visit,
            end_reason=None if spoken.end is None else 1, bound_ms=spoken.bound, suspended=0,
        )  # fmt: skip
    for each in world.reactions:
        _put(
            connection, "reaction_events", id=each.id, message_id=999, channel_id=each.channel, user_id=each.user, receiver_id=each.receiver,
            receiver_bot=int(each.receiver in BOTS), emoji=each.emoji, burst=each.burst, action=each.action, is_bot=int(each.is_bot), bound_ms=0,
        )  # fmt: skip
    for move in world.moves:
        _put(
            connection, "member_events", at_ms=at(move.minute), user_id=move.user, kind=move.kind, is_bot=int(move.is_bot), bound_ms=move.bound
        )  # fmt: skip
    for minute, count in world.counts.items():
        _put(connection, "member_counts", at_ms=at(minute), count=count)
    for begin, end in world.gaps:
        _insert(connection, "coverage_gaps", (3, at(begin), at(end), "session_invalid"))
    for online in world.online:
        _put(
            connection, "presence_events", id=online.id, user_id=online.user, status=online.status, ended_ms=_end(online),
            is_bot=int(online.user in BOTS), shard=0, bound_ms=0, follows=0,
        )  # fmt: skip
    for message, user, emoji in world.standing:
        channel = next(row.channel for row in world.messages if row.id == message)
        _put(
            connection, "reaction_state", message_id=message, user_id=user, emoji=emoji, burst=0, channel_id=channel, is_bot=int(user in BOTS)
        )  # fmt: skip
    for table, sums in _rollups(world).items():
        for index, numbers in sums.items():
            _insert(connection, table, (GUILD, *index, *numbers))
    return connection


def pack(connection: Any) -> None:
    """Build the columns of users of all days and weeks, as the janitor does where there are many users."""
    for day in range(BEGIN // (24 * HOUR), BEGIN // (24 * HOUR) + DAYS):
        add(connection, GUILD, day)
        for unit in (Unit(GUILD, day, DAY), Unit(GUILD, week_of(day), WEEK)):
            connection.execute(packing.BEGIN, unit)
            packing.finish(unit, packing.pack(unit, 1, connection), connection)


def _end(each: Spoken | Online) -> int | None:
    return None if each.end is None else at(each.end)


def _put(connection: Any, table: str, **columns: Any) -> None:
    """Insert a row of the guild; what is not named is null."""
    names = ", ".join(["guild_id", *columns])
    marks = ", ".join("?" * (len(columns) + 1))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", (GUILD, *columns.values()))


def _describe(connection: Any, world: World) -> None:
    for channel, (kind, parent) in CHANNELS.items():
        _insert(connection, "channels", (GUILD, channel, kind, f"name {channel}", parent, None, None, 0))
    for user in (*HUMANS, *BOTS):
        _insert(connection, "users", (user, f"user {user}", None, int(user in BOTS), 0))
    for user in (*PRESENT, *LEFT):
        roles = "".join(f",{role}" for role in ROLES.get(user, ()))
        row = (GUILD, user, int(user in BOTS), BEGIN + user, BEGIN + 99 if user in LEFT else None, 0, None)
        _insert(connection, "members", (*row, f"{roles}," if roles else "", 0))
    for kind, ignored in world.ignores:
        _insert(connection, "guild_ignores", (GUILD, kind, ignored))
    for day, dirty in world.closed.items():
        _insert(connection, "closed_days", (GUILD, BEGIN // (24 * HOUR) + day, dirty))
    session = (0, "s", "u", 1, "f", 1, at(world.alive), 1, 1, None)
    _insert(connection, "gateway_sessions", session)


def _insert(connection: Any, table: str, row: tuple[Any, ...]) -> None:
    connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


Rollups = dict[str, dict[tuple[Any, ...], list[int]]]


def _rollups(world: World) -> Rollups:
    rollups: Rollups = defaultdict(dict)
    _roll_voice(world, rollups)
    _roll_reactions(world, rollups)
    for move in world.moves:
        hour = at(move.minute) // HOUR
        _add(rollups, "member_hour", (hour, int(move.is_bot)), (1 - move.kind, move.kind))
    for online in world.online:
        for minute in range(online.begin, online.begin if online.end is None else online.end):
            _add(rollups, "presence_hour", (at(minute) // HOUR, online.status, int(online.user in BOTS)), (MINUTE,))
    first = BEGIN // (24 * HOUR)
    for row in world.messages:
        day = row.ms // (24 * HOUR)
        if (dirty := world.closed.get(day - first)) is not None and row.kind != 2:
            # What a dirty day holds is wrong, and nothing may read it.
            numbers = (1, int(row.deleted)) if dirty == 0 else (1000, 0)
            _add(rollups, "channel_user_day", (day, row.channel, row.user, row.author_class, row.kind), numbers)
    return rollups


def _roll_voice(world: World, rollups: Rollups) -> None:
    for spoken in world.voice:
        if spoken.end is None:
            continue
        bot, state, flags = int(spoken.is_bot), state_of(spoken), spoken.flags
        for minute in range(spoken.begin, spoken.end + (spoken.begin == spoken.end)):
            ms = MINUTE if minute < spoken.end else 0
            sums = (ms, ms * bool(flags & 3), ms * bool(flags & 16), ms * bool(flags & 32), ms * bool(flags & 64))
            began = minute == spoken.begin
            session, visit = int(began and spoken.session == spoken.id), began * spoken.visit
            hour = at(minute) // HOUR
            _add(rollups, "voice_user_day", (hour // 24, spoken.user, bot, state), (*sums, session))
            _add(rollups, "voice_channel_hour", (hour, spoken.channel, bot, state), (*sums, visit))
            _add(rollups, "voice_guild_hour", (hour, bot, state), (*sums, session))


def state_of(spoken: Spoken) -> int:
    """1 AFK, 2 deafened, 4 alone."""
    return bool(spoken.flags & 128) + 2 * bool(spoken.flags & 12) + 4 * bool(spoken.flags & 256)


def _roll_reactions(world: World, rollups: Rollups) -> None:
    for each in world.reactions:
        hour, added, bot = at(each.minute) // HOUR, 1 - each.action, int(each.is_bot)
        numbers = (added, each.action, added * each.burst)
        _add(rollups, "reaction_channel_hour", (hour, each.channel, bot), numbers)
        _add(rollups, "reaction_emoji_day", (hour // 24, each.emoji, bot), numbers)
        own = int(added and each.receiver == each.user)
        _add(rollups, "reaction_user_day", (hour // 24, each.user, bot), (added, each.action, 0, 0, own))
        if added and each.receiver is not None and not own:
            received = (0, 0, 1 - bot, bot, 0)
            _add(rollups, "reaction_user_day", (hour // 24, each.receiver, int(each.receiver in BOTS)), received)


def _add(rollups: Rollups, table: str, index: tuple[Any, ...], numbers: tuple[int, ...]) -> None:
    known = rollups[table].setdefault(index, [0] * len(numbers))
    for position, number in enumerate(numbers):
        known[position] += number
