"""The bot's application: its commands, and what users do with them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mocha_actors.discord.snowflake import from_time_ms
from mocha_actors.simulator.commands import CommandBook
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.interactions import (
    COMMAND_USED,
    COMPONENT_USED,
    TYPING,
    Asked,
    Instant,
    Interaction,
    Interactions,
)
from mocha_actors.simulator.invocation import (
    InvocationRefused,
    Value,
    check_may_use,
    command_data,
    component_data,
)
from mocha_actors.simulator.life.state import GuildState, is_written_in
from mocha_actors.simulator.replies import Reply
from mocha_actors.simulator.world import Member

FIRST_LOW = 1 << 21
"""Low bits of the ids that are made here: the upper half, which the traffic does not reach."""


class Stand(NamedTuple):
    """Who does something where, by id."""

    guild_id: int
    channel_id: int
    user_id: int


class Used(NamedTuple):
    """What a user did, and the event that tells the bot."""

    interaction: Interaction
    event: Event


class Application:
    """What a bot registered, and what is asked of it.

    Attributes:
        id: of the application, which is that of the bot.
        commands: what is registered.
        interactions: what was asked, and answered.
    """

    def __init__(self, application_id: int, guilds: Mapping[int, GuildState], now_ms: int) -> None:
        """Begin without commands; `guilds` is what is true, by id."""
        self.id = application_id
        self._guilds = guilds
        self._made = 0
        self.commands = CommandBook(application_id, lambda: self.new_id(now_ms))
        self.interactions = Interactions(application_id, self.new_id, lambda: secrets.token_urlsafe(96), guilds)

    def new_id(self, now_ms: int) -> int:
        """Make an id of a time that nothing else has."""
        self._made += 1
        return from_time_ms(now_ms, FIRST_LOW | self._made % FIRST_LOW)

    def invoke(self, command: str, stand: Stand, options: Mapping[str, Value], now: Instant) -> Used:
        """Let a member use a slash command: its name, and those of group and subcommand behind it.

        Raises:
            InvocationRefused: it is not registered, the options do not fit, the member may not use it, or there is no
                such guild, channel or member.
        """
        return self._use_command(command, stand, options, now)

    def complete(self, command: str, focused: str, stand: Stand, options: Mapping[str, Value], now: Instant) -> Used:
        """Let a member type an option of a command for which the bot offers values.

        Raises:
            InvocationRefused: as with `invoke`, or the bot offers nothing for this option.
        """
        if focused not in options:
            raise InvocationRefused(f"what is typed for {focused!r} is missing among the options")
        return self._use_command(command, stand, options, now, focused)

    def _use_command(
        self, command: str, stand: Stand, options: Mapping[str, Value], now: Instant, focused: str | None = None
    ) -> Used:
        guild, member = self._find(stand)
        name, *path = command.removeprefix("/").split() or [""]
        registered = self.commands.find(guild.id, name)
        if registered is None:
            raise InvocationRefused(f"/{name} is not registered: there is {self._registered(guild.id)}")
        check_may_use(registered, guild, member)
        asked = Asked(
            type=COMMAND_USED if focused is None else TYPING,
            guild=guild,
            channel_id=stand.channel_id,
            member=member,
            title=f"/{' '.join([name, *path])}",
            data=command_data(registered, path, options, guild, focused=focused),
        )
        return Used(*self.interactions.open(asked, now))

    def _registered(self, guild_id: int) -> str:
        commands = [*self.commands.all(guild_id), *self.commands.all(None)]
        return ", ".join(f"/{command['name']}" for command in commands) or "no command at all"

    def press(self, reply: Reply, custom_id: str, values: Sequence[str], user_id: int, now: Instant) -> Used:
        """Let a member press a button of a message, or choose `values` in a select of it.

        Raises:
            InvocationRefused: the message is gone, or has no such component, or the values cannot be chosen.
        """
        stand = Stand(reply.guild.id, reply.place.channel_id, user_id)
        guild, member = self._find(stand)
        if reply.deleted:
            raise InvocationRefused(f"the message {reply.id} is deleted")
        if reply.ephemeral and reply.origin["interaction_metadata"]["user"]["id"] != str(user_id):
            raise InvocationRefused(f"the message {reply.id} is ephemeral: {member.user.username} does not see it")
        asked = Asked(
            type=COMPONENT_USED,
            guild=guild,
            channel_id=stand.channel_id,
            member=member,
            title=f"component {custom_id!r}",
            data=component_data(reply.components, custom_id, values, guild),
            source=reply,
        )
        return Used(*self.interactions.open(asked, now))

    def _find(self, stand: Stand) -> tuple[GuildState, Member]:
        """Find who does something where."""
        guild_id, channel_id, user_id = stand
        guild = self._guilds.get(guild_id)
        if guild is None or not guild.available:
            raise InvocationRefused(f"the bot is in no guild {guild_id} that can be reached")
        channel = guild.channels.get(channel_id) or guild.threads.get(channel_id)
        if channel is None or not is_written_in(channel):
            raise InvocationRefused(f"guild {guild_id} has no channel {channel_id} in which something can be written")
        member = guild.members.get(user_id)
        if member is None or member.user.bot:
            raise InvocationRefused(f"guild {guild_id} has no member {user_id} who is a person")
        return guild, member
