"""Guilds themselves: changed, out of reach, gone and new."""

from __future__ import annotations

import msgspec

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life.turn import GUILDS, Turn
from mocha_actors.simulator.payloads import guild_create, guild_object
from mocha_actors.simulator.vocabulary import ADJECTIVES, NOUNS
from mocha_actors.simulator.world import VOICE

SHORTEST_OUTAGE_MS, LONGEST_OUTAGE_MS = 2_000, 3_600_000

EVENTS_OF_AN_OUTAGE = 300
"""Number of events that an outage lasts in the mean, within the two limits."""


def rename(turn: Turn) -> list[Event]:
    """Let a guild get another name."""
    turn.guild.name = f"{turn.pick(ADJECTIVES)} {turn.pick(NOUNS)}s".title()
    return [_update(turn)]


def change_afk_channel(turn: Turn) -> list[Event]:
    """Let another channel, or none, be that for those who are away; whoever sits there stays."""
    guild = turn.guild
    rooms = [None, guild.guild.afk_channel_id, turn.pick(guild.of_type(VOICE)).id]
    return set_afk_channel(turn, turn.pick(rooms))


def set_afk_channel(turn: Turn, channel_id: int | None) -> list[Event]:
    """Choose the channel for those who are away."""
    if channel_id == turn.guild.afk_channel_id:
        return []
    turn.guild.afk_channel_id = channel_id
    return [_update(turn)]


def _update(turn: Turn) -> Event:
    return Event(b"GUILD_UPDATE", turn.guild.id, GUILDS, msgspec.json.encode(guild_object(turn.guild)))


def go_dark(turn: Turn) -> list[Event]:
    """Let a guild be out of reach for a while."""
    guild = turn.guild
    lasts = turn.pace_ms * EVENTS_OF_AN_OUTAGE * (0.5 + turn.source.draw())
    guild.back_at_ms = turn.now_ms + int(min(max(lasts, SHORTEST_OUTAGE_MS), LONGEST_OUTAGE_MS))
    guild.available = False
    return [unavailable(guild.id)]


def unavailable(guild_id: int) -> Event:
    """Tell that a guild is out of reach."""
    return Event(b"GUILD_DELETE", guild_id, GUILDS, b'{"unavailable":true,"id":"%d"}' % guild_id)


def stay_dark(turn: Turn) -> list[Event]:
    """Let the guild come back if it is time; until then people come and go in voice, and nobody is told."""
    guild = turn.guild
    if turn.now_ms >= guild.back_at_ms:
        guild.available = True
        return [guild_create(guild)]
    if guild.voice and turn.chance(0.02):
        del guild.voice[turn.pick(tuple(guild.voice))]
    return []


def remove_bot(turn: Turn) -> list[Event]:
    """Take the bot out of a guild that it was added to later."""
    guild = turn.guild
    return [Event(b"GUILD_DELETE", guild.id, GUILDS, b'{"id":"%d"}' % guild.id)] if guild.leavable else []
