"""``mocha verify --ledger``: voice and presence, whose times a ledger knows only from the other side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import click

from mocha_actors.db import stays
from mocha_actors.db.comparison import Verification
from mocha_actors.db.connection import Connection
from mocha_actors.db.readers import open_readers
from mocha_actors.db.stays import Stay, compare_stays
from mocha_actors.db.verify import PIECE_SECONDS, recorded_gaps
from mocha_actors.simulator import hearing

ByGuild = dict[int, list[Stay]]
Unsure = set[tuple[int, int | None]]


async def compare_heard(url: str, ledger: Path, lag_ms: int) -> Verification:
    """Compare the voice channels and the presence in the database of ``url`` with what ``ledger`` says was sent.

    Raises:
        OSError: the ledger cannot be read.
        ValueError: it is no ledger.
        MochaError: the database is not available, or damaged.

    """
    async with open_readers(url, threads=1) as readers:
        heard = hearing.hear(ledger, await readers.run(recorded_gaps, deadline=PIECE_SECONDS), lag_ms)
        if heard.unsure:
            click.echo(
                f"left out: voice and presence of {len(heard.unsure):,} of whom something was sent as a gap began"
            )
        if heard.late_ms:
            # What has no time of its own happened, for whoever hears it in a replay, at some moment of the time that the replay makes up for.
            lag_ms += heard.late_ms
            click.echo(f"times of voice and presence compared within {lag_ms / 1000:.1f} s: so late were replays")
        voice, presence = (by_guild(found) for found in hearing.stays(heard))
        result = Verification()
        for guild in sorted({*await readers.run(stays.guilds, deadline=PIECE_SECONDS), *voice, *presence}):
            expected = (voice.get(guild, []), presence.get(guild, []))
            comparison = partial(compare_guild, guild=guild, expected=expected, unsure=heard.unsure, lag_ms=lag_ms)
            result += await readers.run(comparison, deadline=PIECE_SECONDS)
    return result


def compare_guild(
    connection: Connection, *, guild: int, expected: tuple[list[Stay], list[Stay]], unsure: Unsure, lag_ms: int
) -> Verification:
    """Compare one guild's voice, then its presence."""
    voice = [stay for stay in stays.visits(connection, guild) if is_sure(stay, unsure)]
    online = [stay for stay in stays.online(connection, guild) if is_sure(stay, unsure)]
    return compare_stays("voice_events", voice, expected[0], lag_ms) + compare_stays(
        "presence_events", online, expected[1], lag_ms
    )


def by_guild(found: Iterable[hearing.Stay]) -> ByGuild:
    """The ledger's account in the terms of the database, by guild."""
    sorted_out: ByGuild = defaultdict(list)
    for stay in found:
        sorted_out[stay.guild].append(Stay(*stay))
    return sorted_out


def is_sure(stay: Stay, unsure: Unsure) -> bool:
    """Whether the ledger can tell what was heard of a user."""
    return not {(stay.guild, stay.user), (stay.guild, None)} & unsure
