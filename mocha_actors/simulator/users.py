"""Playing the users of the bot's commands: using them, and waiting for what the bot answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import trio

from mocha_actors.simulator.application import Application, Stand, Used
from mocha_actors.simulator.hub import Hub
from mocha_actors.simulator.interactions import ACKNOWLEDGE_SECONDS, Instant, Interaction
from mocha_actors.simulator.invocation import InvocationRefused, Value
from mocha_actors.simulator.permissions import member_permissions
from mocha_actors.simulator.replies import Reply
from mocha_actors.simulator.world import Guild


class NotAnswered(Exception):
    """The bot did not do in time what was waited for."""


class Changes:
    """Lets tasks wait until something has changed."""

    def __init__(self) -> None:
        """Begin with nobody who waits."""
        self._waiting = trio.lowlevel.ParkingLot()

    def tell(self) -> None:
        """Say that something has changed."""
        self._waiting.unpark_all()

    async def wait(self, condition: Callable[[], object], seconds: float) -> bool:
        """Wait until a condition holds, for so long at most, and return whether it does."""
        with trio.move_on_after(seconds):
            while not condition():
                await self._waiting.park()
        return bool(condition())


class Use:
    """A use of a command or component by a user.

    Attributes:
        interaction: what was asked, and all that the bot has answered so far.
    """

    def __init__(self, interaction: Interaction, changes: Changes) -> None:
        """Follow what comes of an interaction."""
        self.interaction = interaction
        self._changes = changes

    def __repr__(self) -> str:
        """Name what was used; the token is a secret."""
        return f"<Use of {self.interaction.title} id={self.interaction.id} kind={self.interaction.kind}>"

    async def acknowledged(self, within: float = ACKNOWLEDGE_SECONDS) -> int:
        """Wait until the bot has answered at all, and return the type of its callback.

        Raises:
            NotAnswered: it did not within so many seconds.
        """
        await self._until(lambda: self.interaction.kind is not None, within, "was not acknowledged")
        assert self.interaction.kind is not None
        return self.interaction.kind

    async def answer(self, within: float = ACKNOWLEDGE_SECONDS) -> Reply:
        """Wait for the message with which the bot answers, or which it updates; one that it has deferred is waited for.

        Raises:
            NotAnswered: there was none within so many seconds, or the answer was no message.
        """
        await self._until(lambda: self.interaction.is_answered, within, "was not answered")
        if self.interaction.original is None:
            msg = f"{self.interaction.title} was answered with a callback of type {self.interaction.kind}, which is no message"
            raise NotAnswered(msg)
        return self.interaction.original

    async def edited(self, times: int = 1, within: float = ACKNOWLEDGE_SECONDS) -> Reply:
        """Wait until the answer was changed so many times; the first words after a deferral count as a change.

        Raises:
            NotAnswered: it was not within so many seconds.
        """

        def is_edited() -> bool:
            return self.interaction.original is not None and self.interaction.original.edits >= times

        await self._until(is_edited, within, f"was not edited {times} times")
        assert self.interaction.original is not None
        return self.interaction.original

    async def follow_up(self, number: int = 1, within: float = ACKNOWLEDGE_SECONDS) -> Reply:
        """Wait for the message that follows the answer, or for a later one by its number.

        Raises:
            NotAnswered: there was none within so many seconds.
        """
        await self._until(
            lambda: len(self.interaction.follow_ups) >= number, within, f"was not followed up {number} times"
        )
        return self.interaction.follow_ups[number - 1]

    async def finished(self, within: float, *, edits: int = 0, follow_ups: int = 0) -> None:
        """Wait until the bot has answered, in whatever way, and has changed and added to its answer so many times.

        Raises:
            NotAnswered: it did not within so many seconds.
        """

        def is_finished() -> bool:
            answer = self.interaction
            changed = answer.original.edits if answer.original is not None else 0
            return answer.is_answered and changed >= edits and len(answer.follow_ups) >= follow_ups

        complaint = (
            f"was not answered with {edits} edits and {follow_ups} follow-ups"
            if edits or follow_ups
            else "was not answered"
        )
        await self._until(is_finished, within, complaint)

    async def choices(self, within: float = ACKNOWLEDGE_SECONDS) -> list[dict[str, Any]]:
        """Wait for what the bot offers for an option that is being typed.

        Raises:
            NotAnswered: it offered nothing within so many seconds.
        """
        await self._until(lambda: self.interaction.choices is not None, within, "was offered nothing")
        return self.interaction.choices or []

    async def _until(self, condition: Callable[[], object], within: float, complaint: str) -> None:
        if not await self._changes.wait(condition, within):
            msg = f"{self.interaction.title} {complaint} within {within:g} seconds"
            raise NotAnswered(msg)


class Users:
    """The members of the guilds, as far as they use the bot's commands."""

    def __init__(self, application: Application, hub: Hub, changes: Changes) -> None:
        """Let users use an application.

        Args:
            application: decides what can be used.
            hub: tells the bot.
            changes: says when the bot has answered.
        """
        self._application = application
        self._hub = hub
        self._changes = changes

    def commands(self, guild_id: int | None = None) -> list[dict[str, Any]]:
        """List the commands that the bot has registered, those of a guild or the global ones, as Discord describes them."""
        return self._application.commands.all(guild_id)

    async def registered(self, name: str, guild_id: int | None = None, within: float = 10.0) -> dict[str, Any]:
        """Wait until the bot has registered a command, in a guild or globally, and return it as Discord describes it.

        Raises:
            NotAnswered: it did not within so many seconds.
        """

        def found() -> list[dict[str, Any]]:
            return [each for each in self.commands(guild_id) if each["name"] == name]

        if not await self._changes.wait(found, within):
            msg = f"the bot did not register /{name} within {within:g} seconds"
            raise NotAnswered(msg)
        return found()[0]

    def permissions(self, guild_id: int, user_id: int) -> int:
        """Tell what a member may do in a guild, as a bit field: the highest role may moderate, the owner everything.

        Raises:
            KeyError: there is no such guild or member.
        """
        guild = self._hub.guilds[guild_id]
        return member_permissions(guild, guild.members[user_id])

    async def invoke(
        self, command: str, *, guild: int, channel: int, user: int, options: Mapping[str, Value] | None = None
    ) -> Use:
        """Let a member use a slash command of the bot.

        Args:
            command: its name, with those of group and subcommand behind it, as in "stats top".
            guild: where.
            channel: a channel or thread there in which messages are written.
            user: who.
            options: what is given, by name; a user, channel or role by id.

        Returns:
            What to wait on for the bot's answers.

        Raises:
            InvocationRefused: Discord would not let the member do that, or no session of the bot would be told.
        """
        self._check_told(guild)
        stand = Stand(guild, channel, user)
        return await self._tell(self._application.invoke(command, stand, options or {}, _now()))

    async def complete(
        self, command: str, focused: str, *, guild: int, channel: int, user: int, options: Mapping[str, Value]
    ) -> Use:
        """Let a member type the option `focused` of a command, for which the bot offers values; the rest as with `invoke`.

        Raises:
            InvocationRefused: as with `invoke`, or the bot offers nothing for this option.
        """
        self._check_told(guild)
        stand = Stand(guild, channel, user)
        return await self._tell(self._application.complete(command, focused, stand, options, _now()))

    async def press(self, message: Reply | int, custom_id: str, *, user: int, values: Sequence[str | int] = ()) -> Use:
        """Let a member press a button of a message with which the bot has answered, or choose values in a select of it.

        Args:
            message: the answer, or its id.
            custom_id: of the button or select.
            user: who.
            values: what is chosen; users, channels and roles by id.

        Returns:
            What to wait on for the bot's answers.

        Raises:
            InvocationRefused: Discord would not let the member do that, or no session of the bot would be told.
        """
        reply = message if isinstance(message, Reply) else self.message(message)
        self._check_told(reply.guild.id)
        chosen = [str(value) for value in values]
        return await self._tell(self._application.press(reply, custom_id, chosen, user, _now()))

    def guild(self, guild_id: int) -> Guild:
        """Find a guild that the bot is in, as it was founded.

        Raises:
            InvocationRefused: there is none with this id.
        """
        if guild_id not in self._hub.guilds:
            raise InvocationRefused(f"the bot is in no guild {guild_id}")
        return self._hub.guilds[guild_id].guild

    def message(self, message_id: int) -> Reply:
        """Find one of the newest messages with which the bot has answered.

        Raises:
            InvocationRefused: there is none with this id.
        """
        reply = self._application.interactions.reply(message_id)
        if reply is None:
            raise InvocationRefused(f"the bot has sent no message {message_id} that is remembered")
        return reply

    def use(self, interaction_id: int) -> Use:
        """Find an interaction of the last quarter of an hour again.

        Raises:
            ValueError: there is none with this id.
        """
        interaction = self._application.interactions.find(interaction_id)
        if interaction is None:
            msg = f"there was no interaction {interaction_id} in the last quarter of an hour"
            raise ValueError(msg)
        return Use(interaction, self._changes)

    def _check_told(self, guild_id: int) -> None:
        if not any(session.sees(guild_id) for session in self._hub.registry):
            raise InvocationRefused(f"the bot has no session that is told of guild {guild_id}")

    async def _tell(self, used: Used) -> Use:
        self._hub.deliver([used.event])
        await trio.lowlevel.checkpoint()
        return Use(used.interaction, self._changes)


def _now() -> Instant:
    """Tell what time it is, on the clock of the connections and on the wall."""
    return Instant(trio.current_time(), time.time_ns() // 1_000_000)
