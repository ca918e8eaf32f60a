"""Voice and presence held against another account that knows other moments of the same things.

Whoever sent an event knows when it was sent, the database when it was received, so no two accounts of a second agree. What can be told exactly is:
who visited which channel in which order, and where a session began. Starts, ends and sums may differ by what a delivery may take, and by what a
row itself says it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from mocha_actors.db.comparison import Difference, Numbers, Verification
from mocha_actors.db.connection import Connection
from mocha_actors.db.recounts.base import first_id
from mocha_actors.discord.snowflake import from_time_ms, time_ms
from mocha_actors.pipeline.facts import VoiceFlag

VISITS: Final = """
    SELECT user_id, channel_id, id, ended_ms, CASE WHEN session_id = id THEN 1 ELSE 0 END, flags, visit, bound_ms FROM voice_events
    WHERE guild_id = ? ORDER BY user_id, id"""
ONLINE: Final = "SELECT user_id, id, ended_ms, bound_ms FROM presence_events WHERE guild_id = ? ORDER BY user_id, id"
GUILDS: Final = "SELECT DISTINCT guild_id FROM voice_events UNION SELECT DISTINCT guild_id FROM presence_events"

MASKS: Final = tuple(
    int(flags)
    for flags in (
        VoiceFlag.SELF_MUTE | VoiceFlag.MUTE, VoiceFlag.SELF_DEAF | VoiceFlag.DEAF, VoiceFlag.STREAM, VoiceFlag.VIDEO, VoiceFlag.SUPPRESS,
        VoiceFlag.AFK, VoiceFlag.ALONE,
    )
)  # fmt: skip


class Stay(NamedTuple):
    """A visit to a voice channel, or, with channel 0, a time of not being offline.

    Attributes:
        guild: the guild.
        user: who.
        channel: where.
        start: milliseconds since the epoch, as ``end``, which is None while it lasts.
        end: see ``start``.
        begins: whether a session begins with it.
        sums: milliseconds of its closed rows: in all, then by :data:`MASKS`.
        parts: of how many rows it consists.
        bound: how uncertain they are, in milliseconds.

    """

    guild: int
    user: int
    channel: int
    start: int
    end: int | None
    begins: bool
    sums: tuple[int, ...]
    parts: int
    bound: int

    @property
    def numbers(self) -> Numbers:
        """What is shown of it where it differs."""
        return (self.user, self.channel, int(self.begins), self.start, self.end, *self.sums)

    def extended(self, more: Stay) -> Stay:
        """This one and what follows it."""
        sums = tuple(map(sum, zip(self.sums, more.sums, strict=True)))
        return self._replace(end=more.end, sums=sums, parts=self.parts + more.parts, bound=self.bound + more.bound)


def guilds(connection: Connection) -> list[int]:
    """Guilds of which there is anything to compare."""
    return sorted(guild for (guild,) in connection.execute(GUILDS))


def visits(connection: Connection, guild: int) -> list[Stay]:
    """The visits to a guild's voice channels: a row that begins none goes on with the one before it."""
    found: list[Stay] = []
    for user, channel, row_id, ended, begins, flags, visit, bound in connection.execute(VISITS, (guild,)):
        start = time_ms(row_id)
        ms = 0 if ended is None else ended - start
        sums = (ms, *(ms if flags & mask else 0 for mask in MASKS))
        stay = Stay(guild, user, channel, start, ended, bool(begins), sums, 1, bound)
        if visit or not found or found[-1].user != user:
            found.append(stay)
        else:
            found[-1] = found[-1].extended(stay)
    return found


def online(connection: Connection, guild: int) -> list[Stay]:
    """When the members of a guild were not offline. Which status they had is left out: what is a flap depends on the moments themselves."""
    found: list[Stay] = []
    for user, row_id, ended, bound in connection.execute(ONLINE, (guild,)):
        start = time_ms(row_id)
        sums = (0 if ended is None else ended - start,)
        stay = Stay(guild, user, 0, start, ended, begins=False, sums=sums, parts=1, bound=bound)
        if found and found[-1].user == user and found[-1].end == start:
            found[-1] = found[-1].extended(stay)
        else:
            found.append(stay)
    return found


def compare_stays(table: str, stored: Iterable[Stay], expected: Iterable[Stay], lag_ms: int) -> Verification:
    """Compare the stays of each user of a guild; those that lasted no longer than a delivery may take may be on one side only."""
    sides: dict[tuple[int, int], tuple[list[Stay], list[Stay]]] = {}
    for side, found in enumerate((stored, expected)):
        for key, of_user in groupby(sorted(found, key=order), key=lambda stay: stay[:2]):
            sides.setdefault(key, ([], []))[side].extend(of_user)
    return sum((compare_user(table, *both, lag_ms) for _, both in sorted(sides.items())), Verification())


def compare_user(table: str, stored: Sequence[Stay], expected: Sequence[Stay], lag_ms: int) -> Verification:
    """Compare the stays of one user, in order."""
    compared, differences = 0, []
    here, there = list(reversed(stored)), list(reversed(expected))
    while here or there:
        mine, other = (here[-1] if here else None), (there[-1] if there else None)
        if mine is not None and other is not None and same(mine, other, lag_ms):
            mine, other = here.pop(), there.pop()
        elif other is not None and is_short(other, lag_ms):
            pass_over(there)
            continue
        elif mine is not None and is_short(mine, lag_ms):
            pass_over(here)
            continue
        elif bridge(there, lag_ms) or bridge(here, lag_ms):
            continue
        else:
            mine, other = take_different(here, there, lag_ms)
            differences.append(Difference(table, key_of(mine or other), mine and mine.numbers, other and other.numbers))
        compared += 1
    return Verification(compared, len(differences), tuple(differences))


def pass_over(stays: list[Stay]) -> None:
    """Leave the next stay out. If a session begins with it, and goes on with the one after it, it begins with that one for who saw no time between the two."""
    short = stays.pop()
    if short.begins and stays and stays[-1].start == short.end:
        stays[-1] = stays[-1]._replace(begins=True)


def bridge(stays: list[Stay], lag_ms: int) -> bool:
    """Join the next two times online if there is no more than a delivery between them: of presences that come together only the last is looked at."""
    if len(stays) < 2:
        return False
    first, second = stays[-1], stays[-2]
    if first.channel or first.end is None or second.start - first.end > lag_ms:
        return False
    stays[-2:] = [first.extended(second)]
    return True


def take_different(here: list[Stay], there: list[Stay], lag_ms: int) -> tuple[Stay | None, Stay | None]:
    """The next stays if they are about the same visit, else the earlier one, which the other side does not have."""
    mine, other = (here[-1] if here else None), (there[-1] if there else None)
    if mine is None or other is None:
        return (here.pop() if here else None), (there.pop() if there else None)
    if mine.channel == other.channel and abs(mine.start - other.start) <= lag_ms + mine.bound:
        return here.pop(), there.pop()
    return (here.pop(), None) if mine.start < other.start else (None, there.pop())


def same(stored: Stay, expected: Stay, lag_ms: int) -> bool:
    """Whether two stays are the same as far as can be told."""
    allowed = lag_ms + stored.bound
    if stored.channel != expected.channel or stored.begins != expected.begins:
        return False
    if (stored.end is None) != (expected.end is None) or abs(stored.start - expected.start) > allowed:
        return False
    if stored.end is not None and expected.end is not None and abs(stored.end - expected.end) > allowed:
        return False
    if stored.end is None and not stored.channel:
        # Which of the rows of a time online that lasts are closed depends on what was a flap, hence on the moments themselves.
        return True
    uncertain = (stored.parts + expected.parts) * lag_ms + stored.bound
    return all(abs(a - b) <= uncertain for a, b in zip(stored.sums, expected.sums, strict=True))


def is_short(stay: Stay, lag_ms: int) -> bool:
    """Whether a stay may be an accident of deliveries: two events at once that came one after the other."""
    return stay.end is not None and stay.end - stay.start <= lag_ms


def order(stay: Stay) -> tuple[int, int, int, bool]:
    """By guild, user and start."""
    return stay.guild, stay.user, stay.start, stay.end is None


def key_of(stay: Stay | None) -> tuple[int, int]:
    """The key under which a stay is shown: (guild, id of its first row)."""
    if stay is None:
        return 0, first_id(0) or 0
    return stay.guild, from_time_ms(stay.start)
