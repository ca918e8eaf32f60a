"""The oracle of presence: who was online how long, told by plain code from dispatches. See `recount_voice`, whose way of hearing it shares.

1. What counts is the status: online, idle, dnd; offline and invisible are none. One that is not documented says nothing.
2. A status that did not hold for 30 s when another ended it is none of its own: its time goes to the one before it, if that one held until
then, else to the one that follows. Where neither is, it stays. What a loss, an outage or a leave ended stays as it is.
3. Whoever is not named by GUILD_CREATE went offline.
4. Nothing ends before it began.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from mocha_actors.simulator.recount_voice import MS_A_HOUR, Heard

STATUSES = {"offline": 0, "invisible": 0, "online": 1, "idle": 2, "dnd": 3}
FLAP_MS = 30_000


class Turn(NamedTuple):
    """From `at` on the status is `status`; `broken`: nothing but the end of what can be seen says so. `bot`: known as one by then."""

    at: int
    status: int
    broken: bool
    bot: bool


class Span(NamedTuple):
    """A time of one status; `end` is None while it lasts."""

    guild: int
    user: int
    start: int
    end: int | None
    status: int
    bot: bool


Piece = tuple[int, int | None, int, bool]
"""Start, end, status, bot."""


class Presence:
    """All guilds; feed it what was heard, in order, then ask for spans and sums."""

    def __init__(self) -> None:
        """Nobody is online."""
        self.turns: dict[tuple[int, int], list[Turn]] = {}
        self.bots: set[tuple[int, int]] = set()
        self.told: dict[int, int] = {}
        self.evidence: dict[int, int] = {}

    def hear(self, heard: Heard) -> None:
        """Take one dispatch, or the loss of a session."""
        data, guild = heard.data, int(heard.data.get("guild_id", heard.data.get("id", 0)))
        match heard.name:
            case "DEAD":
                self.evidence[heard.shard] = heard.at
            case "LOST":
                for known, shard in self.told.items():
                    if shard == heard.shard:
                        self._end(known, None, heard.at)
            case "PRESENCE_UPDATE":
                self._follow(guild, heard.shard)
                self._turn(guild, int(data["user"]["id"]), data.get("status"), heard.at)
            case "GUILD_CREATE" if not data.get("unavailable"):
                self._create(guild, heard)
            case "GUILD_DELETE" | "GUILD_CREATE":
                self._end(guild, None, heard.at)
            case "GUILD_MEMBER_REMOVE":
                self._end(guild, int(data["user"]["id"]), heard.at)
            case "GUILD_MEMBER_ADD":
                self._meet(guild, data)

    def _create(self, guild: int, heard: Heard) -> None:
        for member in heard.data.get("members", ()):
            self._meet(guild, member)
        self._follow(guild, heard.shard)
        listed = {int(each["user"]["id"]): each.get("status") for each in heard.data.get("presences", ())}
        for known, user in sorted(self.turns):
            if known == guild and STATUSES.get(listed.get(user, "offline"), 0) == 0:
                self._turn(guild, user, "offline", heard.at)
        for user, status in sorted(listed.items()):
            self._turn(guild, user, status, heard.at)

    def _meet(self, guild: int, member: dict[str, Any]) -> None:
        if member["user"].get("bot"):
            self.bots.add((guild, int(member["user"]["id"])))

    def _follow(self, guild: int, shard: int) -> None:
        before = self.told.setdefault(guild, shard)
        if before != shard:
            self._end(guild, None, self.evidence.get(before, 0))
            self.told[guild] = shard

    def _turn(self, guild: int, user: int, status: object, at: int) -> None:
        number = STATUSES.get(status) if isinstance(status, str) else None
        turns = self.turns.setdefault((guild, user), [])
        if number is not None and number != (turns[-1].status if turns else 0):
            turns.append(Turn(at, number, broken=False, bot=(guild, user) in self.bots))

    def _end(self, guild: int, user: int | None, at: int) -> None:
        for (known, who), turns in self.turns.items():
            if known == guild and user in {None, who} and turns and turns[-1].status:
                turns.append(Turn(at, 0, broken=True, bot=False))

    def spans(self) -> list[Span]:
        """Tell who had which status when; what follows at once with the same status is one span."""
        spans: list[Span] = []
        for (guild, user), turns in sorted(self.turns.items()):
            pieces = sorted(read_turns(turns), key=lambda piece: (piece[0], piece[1] is None, piece[1]))
            spans += join(Span(guild, user, *piece) for piece in pieces)
        return spans


def read_turns(turns: list[Turn]) -> list[Piece]:
    """Make pieces of one user's turns, flaps settled (rule 2)."""
    pieces: list[Piece] = []
    start, status, before, bot = 0, 0, 0, False
    for turn in turns:
        if not status:
            start, status, before, bot = turn.at, turn.status, 0, turn.bot
            continue
        at = max(start, turn.at)
        if not turn.broken and turn.at - start < FLAP_MS:
            status = before or turn.status or status
            if status == turn.status:
                continue
        if at > start:
            pieces.append((start, at, status, bot))
            before = status
        start, status, bot = at, turn.status, turn.bot
    return [*pieces, (start, None, status, bot)] if status else pieces


def join(spans: Iterable[Span]) -> list[Span]:
    """Make one of spans that follow each other at once with the same status; others may lie over them where a clock was set back."""
    joined: list[Span] = []
    ends: dict[Span, int] = {}
    for span in spans:
        index = ends.pop(span._replace(start=0, end=span.start), len(joined))
        if index < len(joined):
            joined[index] = joined[index]._replace(end=span.end)
        else:
            joined.append(span)
        end = span._replace(start=0)
        ends[end] = min(index, ends.get(end, index))
    return joined


def hours(spans: Iterable[Span]) -> dict[tuple[int, int, int, int], int]:
    """Sum up the milliseconds of spans that ended, by (guild, hour, status, bot)."""
    sums: dict[tuple[int, int, int, int], int] = {}
    for span in spans:
        end = span.start if span.end is None else span.end
        for hour in range(span.start // MS_A_HOUR, -(-end // MS_A_HOUR)):
            ms = min(end, (hour + 1) * MS_A_HOUR) - max(span.start, hour * MS_A_HOUR)
            key = (span.guild, hour, span.status, int(span.bot))
            if ms > 0:
                sums[key] = sums.get(key, 0) + ms
    return sums
