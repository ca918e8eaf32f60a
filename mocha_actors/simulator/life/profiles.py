"""Profiles: kinds of servers, told apart by what happens there, and how often."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from itertools import accumulate
from typing import Final

from mocha_actors.simulator.life import people, places, presence, reactions, servers, talk, voice
from mocha_actors.simulator.life.roster import Draw
from mocha_actors.simulator.life.turn import Happening

HAPPENINGS: Final[Mapping[str, Happening]] = {
    "message": talk.write, "edit": talk.edit, "unfurl": talk.unfurl, "delete": talk.delete, "bulk": talk.delete_bulk,
    "react": reactions.react, "unreact": reactions.unreact, "clear-reactions": reactions.clear_all,
    "clear-emoji": reactions.clear_emoji,
    "voice": voice.come_and_go, "voice-join": voice.join, "voice-leave": voice.leave, "voice-move": voice.move,
    "voice-afk": voice.fall_asleep, "voice-mute": voice.mute, "voice-show": voice.show,
    "voice-silence": voice.silence, "voice-device": voice.change_device, "voice-stage": voice.raise_hand,
    "appear": presence.appear, "flap": presence.flap, "activity": presence.do_something,
    "join": people.join, "leave": people.leave, "kick": people.kick, "ban": people.ban,
    "screening": people.pass_screening, "nick": people.rename, "roles": people.change_roles,
    "channel": places.make_channel, "channel-change": places.change_channel, "channel-delete": places.delete_channel,
    "thread": places.make_thread, "thread-change": places.change_thread, "thread-delete": places.delete_thread,
    "thread-reveal": places.reveal_thread,
    "guild-name": servers.rename, "guild-afk": servers.change_afk_channel, "outage": servers.go_dark,
    "bot-removed": servers.remove_bot,
}  # fmt: skip
"""What can happen in a guild, by the name under which it can be asked for."""

_QUIET: Final = {
    "message": 600.0, "edit": 25.0, "unfurl": 20.0, "delete": 10.0, "react": 120.0, "unreact": 10.0,
    "voice": 30.0, "voice-mute": 20.0, "appear": 120.0, "flap": 20.0, "activity": 20.0, "join": 1.0, "leave": 0.5,
    "screening": 1.0, "nick": 1.0, "roles": 1.0, "thread": 1.0,
}  # fmt: skip
_COMMUNITY: Final = {
    "message": 480.0, "edit": 25.0, "unfurl": 25.0, "delete": 14.0, "bulk": 0.7,
    "react": 140.0, "unreact": 16.0, "clear-reactions": 1.5, "clear-emoji": 1.5,
    "voice": 16.0, "voice-move": 5.0, "voice-afk": 1.5, "voice-mute": 12.0, "voice-show": 5.0, "voice-silence": 1.0,
    "voice-device": 1.0, "voice-stage": 3.0,
    "appear": 130.0, "flap": 70.0, "activity": 50.0,
    "join": 2.0, "leave": 1.2, "kick": 0.15, "ban": 0.15, "screening": 1.0, "nick": 1.5, "roles": 2.0,
    "channel": 1.0, "channel-change": 0.4, "channel-delete": 0.8,
    "thread": 4.0, "thread-change": 3.0, "thread-delete": 0.5, "thread-reveal": 0.3,
    "guild-name": 0.05, "guild-afk": 0.1, "outage": 0.05, "bot-added": 0.02, "bot-removed": 0.05,
}  # fmt: skip
_PRESENCE: Final = {"message": 20.0, "react": 5.0, "voice": 5.0, "appear": 300.0, "flap": 500.0, "activity": 170.0}


class Profile:
    """How much happens, and of what.

    Attributes:
        name: by which it is chosen.
        rate: events a second, unless another rate is asked for; 0 is as fast as the clients take them.
        is_alive: whether anything changes; if not there are messages alone, in the fastest way.
        others: number of things that happen beside a message, in the mean; those in voice are not counted.
        talks: whether anything happens in voice.
    """

    def __init__(self, name: str, rate: float, weights: Mapping[str, float] | None = None) -> None:
        """Weigh happenings, which are named as in `HAPPENINGS`, and "bot-added"."""
        self.name = name
        self.rate = rate
        self.is_alive = weights is not None
        weights = weights or {"message": 1.0}
        voice_ = {name: weight for name, weight in weights.items() if name.startswith("voice")}
        others = {name: weight for name, weight in weights.items() if name not in voice_ and name != "message"}
        self.talks = bool(voice_)
        self.others = sum(others.values()) / weights["message"]
        self._all, self._voice, self._others = _Deck(weights), _Deck(voice_), _Deck(others)

    @property
    def pace_ms(self) -> float:
        """Milliseconds between two events in the mean."""
        return 1000 / (self.rate or 1000)

    def draw(self, draw: Draw) -> str:
        """Draw what happens next."""
        return self._all.draw(draw)

    def draw_other(self, draw: Draw) -> str:
        """Draw what happens next of all that is neither a message nor in voice."""
        return self._others.draw(draw)

    def draw_voice(self, draw: Draw) -> str:
        """Draw what happens next in voice."""
        return self._voice.draw(draw)

    @property
    def coming_and_going(self) -> float:
        """Share of what happens in voice that somebody comes or goes."""
        return self._voice.share("voice")


class _Deck:
    def __init__(self, weights: Mapping[str, float]) -> None:
        self._names = tuple(weights)
        self._sums = list(accumulate(weights.values()))

    def share(self, name: str) -> float:
        place = self._names.index(name)
        return (self._sums[place] - (self._sums[place - 1] if place else 0.0)) / self._sums[-1]

    def draw(self, draw: Draw) -> str:
        return self._names[bisect(self._sums, draw() * self._sums[-1], hi=len(self._names) - 1)]


PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile("messages", 50.0),
        Profile("quiet", 0.2, _QUIET),
        Profile("community", 50.0, _COMMUNITY),
        Profile("presence", 500.0, _PRESENCE),
        Profile("burst", 0.0),
    )
}
"""Messages alone at a steady pace; a server where little happens; a busy one; a flood of presences; messages at once."""
