"""Presence: who is online, with what, and doing what."""

from __future__ import annotations

import json

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life.parts import Presence
from mocha_actors.simulator.life.turn import PRESENCES, Turn
from mocha_actors.simulator.objects import presence_object
from mocha_actors.simulator.vocabulary import GAMES

ONLINE = 0.35
"""Share of the members who are online at a time of mean activity."""

MOST_ONLINE = 0.9

DEVICES = ("desktop", "desktop", "mobile", "mobile", "web")


def appear(turn: Turn) -> list[Event]:
    """Let somebody come online or go offline, as many as suits the hour."""
    user_id = turn.anybody()
    share = min(MOST_ONLINE, ONLINE * turn.bustle)
    online = user_id in turn.guild.presences
    if turn.chance(share) == online:
        return []
    return show(turn, user_id, None if online else Presence("online", turn.pick(DEVICES)))


def flap(turn: Turn) -> list[Event]:
    """Let the status of somebody flicker between online and idle, as that of phones does, or become "do not disturb"."""
    user_id = turn.somebody()
    before = turn.guild.presences.get(user_id)
    if before is None:
        return []
    if turn.chance(0.1):
        status = "online" if before.status == "dnd" else "dnd"
    else:
        status = "online" if before.status == "idle" else "idle"
    return show(turn, user_id, Presence(status, before.device, before.activities))


def do_something(turn: Turn) -> list[Event]:
    """Let somebody begin or end a game, hear music, or say something about themselves: the status stays."""
    user_id = turn.somebody()
    before = turn.guild.presences.get(user_id)
    if before is None:
        return []
    activities = _activities(turn) if before.activities == "[]" else "[]"
    return show(turn, user_id, Presence(before.status, before.device, activities))


def _activities(turn: Turn) -> str:
    kind = turn.pick((0, 2, 4))
    if kind == 4:
        return json.dumps(
            [{"type": 4, "id": "custom", "name": "Custom Status", "state": "brb", "created_at": turn.now_ms}]
        )
    name = "Spotify" if kind == 2 else turn.pick(GAMES)
    number = f"{int(turn.source.draw() * (1 << 48)):x}"
    more = {"details": "A song", "state": "A band", "party": {"id": f"spotify:{number}"}} if kind == 2 else {}
    return json.dumps([{"type": kind, "id": number, "name": name, "created_at": turn.now_ms} | more])


def show(turn: Turn, user_id: int, presence: Presence | None) -> list[Event]:
    """Change how somebody is seen, which is told once for each guild that can be reached and has this member."""
    presences = turn.guild.presences
    if presence is None:
        presences.pop(user_id, None)
    else:
        presences[user_id] = presence
    data = presence_object(user_id, presence)
    there = [guild for guild in turn.guilds.values() if guild.available and user_id in guild.members]
    return [turn.event_of(guild, "PRESENCE_UPDATE", PRESENCES, data) for guild in there]
