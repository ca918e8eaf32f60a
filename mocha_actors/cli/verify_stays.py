"""``mocha verify --ledger``: voice and presence, whose times a ledger knows only from the other side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import click

from mocha_actors.cli.database import read
from mocha_actors.db import stays
from mocha_actors.db.comparison import Verification
from mocha_actors.db.connection import Connection
from mocha_actors.db.stays import Stay, compare_stays
from mocha_actors.db.verify import recorded_gaps
from mocha_actors.simulator import hearing

ByGuild = dict[int, list[Stay]]


def compare_heard(url: str, ledger: Path, lag_ms: int) -> Verification:
    """Compare the voice channels and the presence in the database of ``url`` with what ``ledger`` says was sent.

    Raises:
        OSError: the ledger cannot be read.
        ValueError: it is no ledger.

    """
    heard = hearing.hear(ledger, read(url, recorded_gaps), lag_ms)
    if heard.unsure:
        click.echo(f"left out: voice and presence of {len(heard.unsure):,} of whom something was sent as a gap began")
    voice, presence = (by_guild(found) for found in hearing.stays(heard))

    def compare_guild(guild: int, connection: Connection) -> Verification:
        here = [stay for stay in stays.visits(connection, guild) if is_sure(stay, heard.unsure)]
        online = [stay for stay in stays.online(connection, guild) if is_sure(stay, heard.unsure)]
        return compare_stays("voice_events", here, voice.get(guild, []), lag_ms) + compare_stays(
            "presence_events", online, presence.get(guild, []), lag_ms
        )

    guilds = sorted({*read(url, stays.guilds), *voice, *presence})
    return sum((read(url, partial(compare_guild, guild)) for guild in guilds), Verification())


def by_guild(found: Iterable[hearing.Stay]) -> ByGuild:
    """The ledger's account in the terms of the database, by guild."""
    sorted_out: ByGuild = defaultdict(list)
    for stay in found:
        sorted_out[stay.guild].append(Stay(*stay))
    return sorted_out


def is_sure(stay: Stay, unsure: set[tuple[int, int | None]]) -> bool:
    """Whether the ledger can tell what was heard of a user."""
    return not {(stay.guild, stay.user), (stay.guild, None)} & unsure
