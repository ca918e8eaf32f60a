"""Who writes in the simulated Discord, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mocha_actors.simulator.draft import Author, Place, author_of, author_of_webhook, stranger
from mocha_actors.simulator.shapes import Scene
from mocha_actors.simulator.world import TEXT, VOICE, Guild

GUILD_MESSAGES_INTENT = 1 << 9
DIRECT_MESSAGES_INTENT = 1 << 12
DIRECT_CHANNEL_TYPE = 1

WRITERS = 500
"""Most members of a guild who ever write."""

Draw = Callable[[], float]
"""Draws a number from 0 up to but without 1."""


def places_of(guild: Guild) -> list[Place]:
    """List where messages can be written: text and voice channels, and threads; not a forum or category itself."""
    channels = [channel for channel in guild.channels if channel.type in {TEXT, VOICE}]
    return [Place(guild.id, place.id, place.type, GUILD_MESSAGES_INTENT) for place in (*channels, *guild.threads)]


def direct_place(guild: Guild) -> Place:
    """Make the private channel between a member and the bot."""
    # Far from the ids that the builder counts up: this is no channel of the guild.
    return Place(0, guild.channels[0].id + (1 << 19), DIRECT_CHANNEL_TYPE, DIRECT_MESSAGES_INTENT)


class Cast:
    """Everybody who writes in a guild, rendered once."""

    def __init__(self, guild: Guild) -> None:
        """Render the members, bots and webhooks of a guild, of which one webhook belongs to an application."""
        self._humans = [author_of(member) for member in guild.members[:WRITERS]]
        self._bots = [author_of(member) for member in guild.bots]
        self._webhooks = [author_of_webhook(hook) for hook in guild.webhooks if hook.application_id is None]
        owned = [(hook, hook.application_id) for hook in guild.webhooks if hook.application_id is not None]
        self._proxies = [(author_of_webhook(hook), application_id) for hook, application_id in owned]
        self._own = stranger(guild.bots[0].user)

    def scene(self, draw: Draw, place: Place, content: str) -> Scene:
        """Draw who is there. Every call draws equally often, so that one seed gives one stream."""
        proxy, application = self._proxies[int(draw() * len(self._proxies))]
        return Scene(
            # The square favours the first members: a few write much, most write little.
            human=_pick(self._humans, draw() ** 2),
            other=_pick(self._humans, draw()),
            bot=_pick(self._bots, draw()),
            own=self._own,
            webhook=_pick(self._webhooks, draw()),
            proxy=proxy,
            proxy_application=application,
            content=content,
            number=int(draw() * 0xFFFF_FFFF),
            place=place,
        )


def _pick(authors: Sequence[Author], place: float) -> Author:
    return authors[int(place * len(authors))]
