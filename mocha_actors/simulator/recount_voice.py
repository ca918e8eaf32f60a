"""The oracle of voice: who was in which channel, told by plain code from dispatches and the moments at which a client got them.

It shares nothing with the program that it judges and goes another way: after every dispatch it looks at everybody anew and notes each change of
anybody's look in a diary; only when all is told are the diaries read, cut into rows and summed up. Speed is no aim. The rules:

1. A look is the channel, the seven flags that are stated, AFK (it is the guild's AFK channel), ALONE (no other human is in the channel) and being
a bot. A row is a time in which a look did not change; one without length is none.
2. A session is from joining to leaving. One that ended with a lost session of the gateway or an outage goes on if the first that is heard of the
user afterwards is the same channel. Its first row begins it; where that is without length, the next one does.
3. A visit begins with a session and with every move to another channel.
4. Whoever is not named by GUILD_CREATE has left; so has who left the guild, or whose channel or guild went away.
5. Nothing ends before it began: an earlier moment counts as the moment of the last change.
6. Rows are cut at midnights of UTC, sums at hours. Sessions and visits count where they begin.
7. How uncertain a moment is adds to the row that ends and to the one that begins there. A leave that was not seen may have been at any time of its
row; whoever is found in a channel began at least 1 ms unsure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MS_A_HOUR = 3_600_000
MS_A_DAY = 86_400_000

FLAGS = {"self_mute": 1, "mute": 2, "self_deaf": 4, "deaf": 8, "self_stream": 16, "self_video": 32, "suppress": 64}
AFK, ALONE = 128, 256

CHANGED, LEFT, LOST, OUTAGE, GONE, DAY = range(6)


class Heard(NamedTuple):
    """A dispatch as a client got it; or, where `name` is LOST, that the session of the shard was lost, or with DEAD, that there is no such shard.

    `at` is the earliest moment in milliseconds since the Unix epoch, which may have been up to `bound` later. Of a lost session and of a dead
    shard it is the last moment at which they were followed; of a dead one that shows when another shard tells of its guilds.
    """

    at: int
    bound: int
    shard: int
    name: str
    data: dict[str, Any]


class Look(NamedTuple):
    """How somebody is in a channel."""

    channel: int
    flags: int
    bot: bool


class Page(NamedTuple):
    """A page of a diary: from `at` on somebody had this look; None: was in no channel.

    `why` tells what ended the look before. `found` marks a look that was found, `unseen` an end that nobody saw.
    """

    at: int
    bound: int
    look: Look | None
    why: int
    found: bool = False
    unseen: bool = False


class Row(NamedTuple):
    """A row that must be there; `end` is None while it is open. Sessions are told by the start of their first row."""

    guild: int
    user: int
    start: int
    end: int | None
    look: Look
    begins: bool
    session_start: int
    visit: bool
    continues: bool
    why: int | None
    bound: int
    end_bound: int = 0


@dataclass
class Hall:
    """The voice channels of one guild.

    Attributes:
        afk: the AFK channel, if there is one.
        stated: user to channel, stated flags, whether it is a bot, and the shard that told of it.
        bots: members that are known as bots.
        diaries: user to pages in the order in which they were written.
    """

    afk: int | None = None
    stated: dict[int, tuple[int, int, bool, int]] = field(default_factory=dict)
    bots: set[int] = field(default_factory=set)
    diaries: dict[int, list[Page]] = field(default_factory=dict)

    def looks(self) -> dict[int, Look]:
        """See how everybody is."""
        looks = {}
        for user, (channel, flags, bot, _) in self.stated.items():
            others = [u for u, (c, _, b, _) in self.stated.items() if c == channel and not b and u != user]
            seen = flags | (AFK if channel == self.afk else 0) | (0 if others else ALONE)
            looks[user] = Look(channel, seen, bot)
        return looks

    def write(self, at: int, bound: int, why: dict[int, int], **marks: set[int]) -> None:
        """Note whose look is another now, and why those left who did."""
        looks = self.looks()
        for user in sorted(self.diaries.keys() | looks.keys()):
            diary = self.diaries.setdefault(user, [])
            look = looks.get(user)
            if look == (diary[-1].look if diary else None):
                continue
            found, unseen = user in marks.get("found", ()), user in marks.get("unseen", ())
            diary.append(Page(at, bound, look, why.get(user, CHANGED), found, unseen))

    def give_up(self, users: Iterable[int]) -> None:
        """Note that the sessions of those who are in no channel do not go on."""
        for user in users:
            diary = self.diaries.get(user)
            if diary and diary[-1].look is None and diary[-1].why in {LOST, OUTAGE}:
                diary.append(Page(diary[-1].at, 0, None, LEFT))

    def drop(self, users: Iterable[int], at: int, bound: int, why: int) -> None:
        """Take users out of their channels."""
        gone = [user for user in users if user in self.stated]
        for user in gone:
            del self.stated[user]
        self.write(at, bound, dict.fromkeys(gone, why))

    def lose(self, shard: int, evidence: int) -> None:
        """Take out whoever a shard told of, which lost its session. What others look like then is nobody's to say."""
        lost = sorted(user for user, (_, _, _, told) in self.stated.items() if told == shard)
        for user in lost:
            del self.stated[user]
            self.diaries[user].append(Page(evidence, 0, None, LOST))

    def state(self, heard: Heard, state: dict[str, Any], members: dict[int, dict[str, Any]]) -> None:
        """Put somebody where a voice state says."""
        user = int(state["user_id"])
        member = state.get("member") or members.get(user)
        if member is not None:
            bot = bool(member["user"].get("bot"))
        elif user in self.stated:
            bot = self.stated[user][2]
        else:
            looks = [page.look for page in self.diaries.get(user, ())]
            before = looks[-2] if len(looks) > 1 and looks[-1] is None else None
            bot = before.bot if before is not None else user in self.bots
        flags = sum(flag for name, flag in FLAGS.items() if state.get(name))
        self.stated[user] = (int(state["channel_id"]), flags, bot, heard.shard)


class Voice:
    """All guilds; feed it what was heard, in order, then ask for rows and sums."""

    def __init__(self) -> None:
        """Nobody is anywhere."""
        self.halls: dict[int, Hall] = {}
        self.evidence: dict[int, int] = {}

    def hear(self, heard: Heard) -> None:
        """Take one dispatch, or the loss of a session."""
        if heard.name == "DEAD":
            self.evidence[heard.shard] = heard.at
        if heard.name == "LOST":
            for hall in self.halls.values():
                hall.lose(heard.shard, heard.at)
            return
        handler = getattr(self, f"_{heard.name.lower()}", None)
        if handler is not None:
            guild = heard.data.get("guild_id", heard.data.get("id") if heard.name.startswith("GUILD_") else None)
            if guild is not None:
                handler(self.halls.setdefault(int(guild), Hall()), heard)

    def _follow(self, hall: Hall, shard: int) -> None:
        """What another shard told of the guild has ended with that shard's last sign of life."""
        for other in sorted({told for _, _, _, told in hall.stated.values()} - {shard}):
            hall.lose(other, self.evidence.get(other, 0))

    def _voice_state_update(self, hall: Hall, heard: Heard) -> None:
        self._follow(hall, heard.shard)
        user = int(heard.data["user_id"])
        if heard.data.get("channel_id") is None:
            hall.give_up([user])
            hall.drop([user], heard.at, heard.bound, LEFT)
        else:
            hall.state(heard, heard.data, {})
            hall.write(heard.at, heard.bound, {})

    def _guild_update(self, hall: Hall, heard: Heard) -> None:
        self._follow(hall, heard.shard)
        if "afk_channel_id" not in heard.data:
            return  # a guild in an outage says nothing of itself
        afk = heard.data["afk_channel_id"]
        hall.afk = None if afk is None else int(afk)
        hall.write(heard.at, 0, {})

    def _guild_create(self, hall: Hall, heard: Heard) -> None:
        if heard.data.get("unavailable"):
            self._guild_delete(hall, heard)
            return
        self._guild_update(hall, heard)
        members = {int(member["user"]["id"]): member for member in heard.data.get("members", ())}
        hall.bots |= {user for user, member in members.items() if member["user"].get("bot")}
        states = {int(state["user_id"]): state for state in heard.data.get("voice_states", ())}
        missing = hall.stated.keys() - states.keys()
        for user in missing:
            del hall.stated[user]
        found = states.keys() - hall.stated.keys()
        for state in states.values():
            hall.state(heard, state, members)
        hall.write(heard.at, heard.bound, dict.fromkeys(missing, LEFT), found=set(found), unseen=set(missing))
        hall.give_up(hall.diaries.keys() - states.keys())

    def _guild_member_add(self, hall: Hall, heard: Heard) -> None:
        if heard.data["user"].get("bot"):
            hall.bots.add(int(heard.data["user"]["id"]))

    def _guild_member_remove(self, hall: Hall, heard: Heard) -> None:
        user = int(heard.data["user"]["id"])
        hall.give_up([user])
        hall.drop([user], heard.at, heard.bound, LEFT)

    def _channel_delete(self, hall: Hall, heard: Heard) -> None:
        channel = int(heard.data["id"])
        for user, diary in hall.diaries.items():
            if len(diary) > 1 and diary[-1].look is None and diary[-2].look and diary[-2].look.channel == channel:
                hall.give_up([user])
        inside = [user for user, (where, _, _, _) in hall.stated.items() if where == channel]
        hall.drop(inside, heard.at, heard.bound, GONE)

    def _guild_delete(self, hall: Hall, heard: Heard) -> None:
        outage = bool(heard.data.get("unavailable"))
        if not outage:
            hall.give_up(list(hall.diaries))
        hall.drop(list(hall.stated), heard.at, heard.bound, OUTAGE if outage else GONE)

    def rows(self) -> list[Row]:
        """Tell every row that must be there, by guild, user and start."""
        rows: list[Row] = []
        for guild, hall in sorted(self.halls.items()):
            for user, diary in sorted(hall.diaries.items()):
                for row in read_diary(guild, user, diary):
                    rows += cut(row)
        return rows


def read_diary(guild: int, user: int, diary: list[Page]) -> list[Row]:
    """Make rows of the pages of one user, not yet cut at midnights (rules 2, 3, 5 and 7)."""
    rows: list[Row] = []
    now: Row | None = None
    lost: Row | None = None
    for page in diary:
        if now is None:
            if page.look is None:
                lost = None
                continue
            goes_on = lost is not None and lost.look.channel == page.look.channel
            session_start = lost.session_start if lost is not None and goes_on else page.at
            bound = max(page.bound, 1) if page.found else page.bound
            now = Row(
                guild, user, page.at, None, page.look, not goes_on, session_start, not goes_on, goes_on, None, bound
            )
            lost = None
            continue
        at = max(now.start, page.at)
        if at > now.start:
            unseen = at - now.start if page.unseen else 0
            rows.append(now._replace(end=at, why=page.why, end_bound=page.bound + unseen))
            lost = rows[-1] if page.look is None and page.why in {LOST, OUTAGE} else None
            if page.look is None:
                now = None
            else:
                moved = page.look.channel != now.look.channel
                now = now._replace(
                    start=at, look=page.look, begins=False, visit=moved, continues=False, bound=page.bound
                )
        elif page.look is None:
            if page.why in {LOST, OUTAGE} and not now.begins:
                rows.append(now._replace(end=at, why=page.why, end_bound=page.bound))
                lost = rows[-1]
            now = None
        else:
            moved = page.look.channel != now.look.channel
            now = now._replace(look=page.look, visit=now.visit or moved, bound=max(now.bound, page.bound))
    return rows if now is None else [*rows, now]


def cut(row: Row) -> list[Row]:
    """Cut a closed row at the midnights inside it; how uncertain its start is stands with the first piece, its end with the last (rule 6)."""
    if row.end is None:
        return [row]
    pieces = []
    start = row.start
    while start // MS_A_DAY < (row.end - 1) // MS_A_DAY and start < row.end:
        midnight = (start // MS_A_DAY + 1) * MS_A_DAY
        pieces.append(row._replace(start=start, end=midnight, why=DAY, end_bound=0))
        start = midnight
    pieces.append(row._replace(start=start))
    return [
        piece if number == 0 else piece._replace(begins=False, visit=False, continues=False, bound=0)
        for number, piece in enumerate(pieces)
    ]


Sums = dict[tuple[int, ...], list[int]]


def tables(rows: Iterable[Row]) -> dict[str, dict[tuple[int, ...], tuple[int, ...]]]:
    """Sum up the closed rows as the three tables have to hold them.

    Keys are (guild, day, user, bot, state), (guild, hour, channel, bot, state) and (guild, hour, bot, state), numbers are milliseconds in all,
    muted, streaming, with video and suppressed, and how many sessions, visits and sessions began.
    """
    user_day: Sums = {}
    channel_hour: Sums = {}
    guild_hour: Sums = {}
    for row in rows:
        if row.end is None or (row.end == row.start and not row.begins and not row.visit):
            continue
        flags, bot = row.look.flags, int(row.look.bot)
        state = (1 if flags & AFK else 0) + (2 if flags & (4 | 8) else 0) + (4 if flags & ALONE else 0)
        first = row.start // MS_A_HOUR
        for hour in range(first, max(first, (row.end - 1) // MS_A_HOUR) + 1):
            ms = min(row.end, (hour + 1) * MS_A_HOUR) - max(row.start, hour * MS_A_HOUR)
            times = [ms, *(ms if flags & mask else 0 for mask in (1 | 2, 16, 32, 64))]
            begins, visit = int(row.begins and hour == first), int(row.visit and hour == first)
            for table, key, count in (
                (user_day, (row.guild, hour // 24, row.user, bot, state), begins),
                (channel_hour, (row.guild, hour, row.look.channel, bot, state), visit),
                (guild_hour, (row.guild, hour, bot, state), begins),
            ):
                before = table.get(key, [0] * 6)
                table[key] = [a + b for a, b in zip(before, [*times, count], strict=True)]
    named = {"voice_user_day": user_day, "voice_channel_hour": channel_hour, "voice_guild_hour": guild_hour}
    return {name: {key: tuple(numbers) for key, numbers in table.items()} for name, table in named.items()}
