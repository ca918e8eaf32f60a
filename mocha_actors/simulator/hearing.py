"""What a client heard of voice and presence, as far as a ledger can tell: it knows when a dispatch was sent, not when it was received.

A client that lost a session records a gap. What was sent in it was not heard; of what was sent shortly before it, the ledger cannot tell, so
whoever that is about is named, to be left out of comparisons.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from mocha_actors.simulator.recount import Gap, _lines
from mocha_actors.simulator.recount_presence import Presence
from mocha_actors.simulator.recount_voice import Heard, Row, Voice

MASKS: Final = (511, 1 | 2, 4 | 8, 16, 32, 64, 128, 256)
"""Flags of which a stay sums up the time: none in particular, muted, deafened, streaming, video, suppressed, AFK, alone."""

ROUNDED: Final = 1
"""Milliseconds by which the beginning of a gap, which is when something was heard last, may seem to lie before what was heard."""

ABOUT_ONE: Final = {"VOICE_STATE_UPDATE", "PRESENCE_UPDATE", "GUILD_MEMBER_ADD", "GUILD_MEMBER_REMOVE"}
ABOUT_ALL: Final = {"GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE", "CHANNEL_DELETE"}


class Stay(NamedTuple):
    """A visit to a voice channel, or, with channel 0, a time of not being offline.

    `end` is None while it lasts. `begins` tells whether a session begins with it. `sums` are milliseconds of the ended parts by `MASKS`, `parts`
    how many there are, `bound` how uncertain they are.
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


@dataclass
class Hearing:
    """What was heard, in order; and (guild, user) of whom that is not sure, with None for all of a guild.

    `late_ms` is how much later anything was sent once more, in the replay of a session that was resumed: that late it may have been heard.
    """

    heard: list[Heard] = field(default_factory=list)
    unsure: set[tuple[int, int | None]] = field(default_factory=set)
    late_ms: int = 0


def hear(path: Path, gaps: Collection[Gap], lag_ms: int) -> Hearing:
    """Read a ledger as the client heard it that recorded `gaps`, if nothing took longer than `lag_ms` to be received.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is not a line of a ledger.
    """
    hearing = Hearing()
    began: dict[str, int] = {}
    seen: dict[tuple[str, int], int] = {}
    for line in _lines(path):
        session, frame, at = line["session"], line["frame"], round(line["at"] * 1000)
        if (session, frame["s"]) in seen:
            hearing.late_ms = max(hearing.late_ms, at - seen[session, frame["s"]])
            continue
        seen[session, frame["s"]] = at
        ready = began.setdefault(session, at)
        mine = [(start, end) for shard, start, end in gaps if shard == line["shard"]]
        # The two ends have clocks of their own: what came a little before it was sent is the same moment all the same.
        others = [(start, end) for start, end in mine if abs(end - ready) > lag_ms]
        if frame["t"] == "READY":
            hearing.heard += [
                Heard(start, 0, line["shard"], "LOST", {}) for start, end in set(mine) - set(others) if start
            ]
        elif frame["t"] in ABOUT_ONE | ABOUT_ALL and not any(start + ROUNDED < at < end for start, end in others):
            hearing.heard.append(Heard(at, 0, line["shard"], frame["t"], frame["d"]))
            # A past is read, not heard: nothing of it is on its way when a gap begins.
            if session is not None and any(start - lag_ms <= at <= start + ROUNDED for start, _ in others):
                hearing.unsure.add(subject(frame))
    return hearing


def subject(frame: dict[str, Any]) -> tuple[int, int | None]:
    """Tell whom a dispatch is about: (guild, user), None for everybody."""
    data = frame["d"]
    guild = int(data.get("guild_id") or data["id"])
    if frame["t"] not in ABOUT_ONE:
        return guild, None
    return guild, int(data["user_id"] if "user_id" in data else data["user"]["id"])


def stays(hearing: Hearing) -> tuple[list[Stay], list[Stay]]:
    """Tell the visits to voice channels, and the times of not being offline, of those of whom it is sure."""
    voice, presence = Voice(), Presence()
    for heard in hearing.heard:
        voice.hear(heard)
        presence.hear(heard)
    online = [
        Stay(span.guild, span.user, 0, span.start, span.end, False, (0 if span.end is None else span.end - span.start,), 1, 0)  # noqa: FBT003 - sessions are of voice
        for span in presence.spans()
    ]  # fmt: skip
    return _sure(visits(voice.rows()), hearing.unsure), _sure(_joined(online), hearing.unsure)


def visits(rows: Iterable[Row]) -> list[Stay]:
    """Put the rows of each visit together."""
    found: list[Stay] = []
    for row in sorted(rows, key=lambda row: (row.guild, row.user, row.start, row.end is None)):
        ms = 0 if row.end is None else row.end - row.start
        sums = (ms, *(ms if row.look.flags & mask else 0 for mask in MASKS[1:]))
        stay = Stay(
            row.guild, row.user, row.look.channel, row.start, row.end, row.begins, sums, 1, row.bound + row.end_bound
        )
        if row.visit or not found or found[-1][:2] != stay[:2]:
            found.append(stay)
        else:
            found[-1] = _with(found[-1], stay)
    return found


def _joined(online: list[Stay]) -> list[Stay]:
    found: list[Stay] = []
    for stay in online:
        if found and found[-1][:2] == stay[:2] and found[-1].end == stay.start:
            found[-1] = _with(found[-1], stay)
        else:
            found.append(stay)
    return found


def _with(first: Stay, more: Stay) -> Stay:
    sums = tuple(a + b for a, b in zip(first.sums, more.sums, strict=True))
    return first._replace(end=more.end, sums=sums, parts=first.parts + more.parts, bound=first.bound + more.bound)


def _sure(found: list[Stay], unsure: set[tuple[int, int | None]]) -> list[Stay]:
    return [stay for stay in found if not {(stay.guild, stay.user), (stay.guild, None)} & unsure]
