"""The commands for hikari, beside whatever else handles the bot's commands.

Before the bot starts::

    StatsPlugin(bot, stats)

It makes its own commands known when the bot has started, one by one, so that the bot's other commands stay; and it hears of interactions as any
listener does, and answers those of its own commands and buttons alone. A command handler that replaces all commands of the bot when it starts takes
these away again; ``await plugin.register()`` afterwards brings them back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import hikari
import structlog
from hikari.impl import SlashCommandBuilder
from hikari.internal import routes

from mocha_actors.embed.commands.asked import Asked, RefusedError, Target
from mocha_actors.embed.commands.confirming import confirmation
from mocha_actors.embed.commands.definitions import CHANNEL_TYPES, COMMANDS, Command, Option
from mocha_actors.embed.commands.replies import Reply
from mocha_actors.embed.commands.sentences import ELSEWHERE, NOT_KNOWN
from mocha_actors.embed.commands.serving import PICTURE, Server, room, unsent
from mocha_actors.embed.commands.sight import (
    MANAGE_THREADS,
    PRIVATE_THREAD,
    Overwrite,
    Place,
    Plan,
    Sight,
    of_everybody,
    of_member,
)  # fmt: skip
from mocha_actors.showing.colours import MAIN

if TYPE_CHECKING:
    from mocha_actors.embed.host import MochaStats

OPTION_TYPES: Final = {
    "user": hikari.OptionType.USER,
    "channel": hikari.OptionType.CHANNEL,
    "choice": hikari.OptionType.STRING,
    "flag": hikari.OptionType.BOOLEAN,
}
NO_PINGS: Final[dict[str, Any]] = {"mentions_everyone": False, "user_mentions": False, "role_mentions": False}
THREADS: Final = frozenset({
    hikari.ChannelType.GUILD_NEWS_THREAD, hikari.ChannelType.GUILD_PUBLIC_THREAD, hikari.ChannelType.GUILD_PRIVATE_THREAD,
})  # fmt: skip
DANGER: Final = hikari.ButtonStyle.DANGER
SECONDARY: Final = hikari.ButtonStyle.SECONDARY
NAMES: Final = frozenset(command.name for command in COMMANDS)

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


class StatsPlugin:
    """``/stats``, ``/leaderboard``, ``/heatmap``, ``/growth`` and ``/privacy``; see :mod:`mocha_actors.embed.commands`.

    The bot needs the intent ``GUILDS`` and its cache of guilds, channels and roles, without which nobody knows who may see which channel; hikari has
    both by default.
    """

    def __init__(self, bot: hikari.GatewayBotAware, stats: MochaStats) -> None:
        """Commands of ``bot`` about what ``stats`` records; either may start later."""
        self._bot, self._server = bot, Server(stats)
        self._listeners: dict[type[hikari.Event], Any] = {
            hikari.StartedEvent: self._on_started,
            hikari.InteractionCreateEvent: self._on_interaction,
        }
        for kind, listener in self._listeners.items():
            bot.event_manager.subscribe(kind, listener)

    def close(self) -> None:
        """Answer no more; Discord goes on showing the commands until they are deleted there."""
        for kind, listener in self._listeners.items():
            with suppress(ValueError):
                self._bot.event_manager.unsubscribe(kind, listener)

    async def register(self) -> None:
        """Make the commands known to Discord, in the place of those of the same names.

        Raises:
            UnsentError: it did not take them.

        """
        application = await _sent(self._bot.rest.fetch_application())
        # Of hikari's own ways to make a command, the one for a single command cannot say where it may be used, and the one that can replaces all
        # commands of the bot.
        rest: Any = self._bot.rest
        route = routes.POST_APPLICATION_COMMAND.compile(application=application.id)
        for command in COMMANDS:
            await _sent(rest._request(route, json=_built(command).build(self._bot.entity_factory)))  # noqa: SLF001

    async def _on_started(self, _: hikari.StartedEvent) -> None:
        try:
            await self.register()
        except Exception as error:  # noqa: BLE001 - the bot has started all the same
            logger.warning("command.not_registered", error=str(error))

    async def _on_interaction(self, event: hikari.InteractionCreateEvent) -> None:
        interaction = event.interaction
        if isinstance(interaction, hikari.CommandInteraction) and _is_own(interaction):
            await self._serve(interaction)
        elif isinstance(interaction, hikari.ComponentInteraction):
            button = confirmation(interaction.custom_id)
            if button is not None:
                await self._server.pressed(_Turn(interaction), button, interaction.user.id)

    async def _serve(self, interaction: hikari.CommandInteraction) -> None:
        turn = _Turn(interaction)
        command, options = _used(interaction)
        try:
            asked = _asked(self._bot.cache, interaction, command, options)
        except RefusedError as error:
            await self._server.refuse(turn, command, str(error))
            return
        await self._server.serve(turn, asked)


def _is_own(interaction: hikari.CommandInteraction) -> bool:
    """Whether a command is one of these: the bot may have a menu of the same name, and in a guild another command."""
    slash = interaction.command_type == hikari.CommandType.SLASH and interaction.registered_guild_id is None
    return slash and interaction.command_name in NAMES


def _built(command: Command) -> SlashCommandBuilder:
    """The library's command, for servers alone."""
    options = [_subcommand(each) for each in command.commands] or [_option(each) for each in command.options]
    return SlashCommandBuilder(
        name=command.name,
        description=command.description,
        options=options,
        context_types=[hikari.ApplicationContextType.GUILD],
    )


def _subcommand(command: Command) -> hikari.CommandOption:
    return hikari.CommandOption(
        type=hikari.OptionType.SUB_COMMAND,
        name=command.name,
        description=command.description,
        options=[_option(each) for each in command.options],
    )


def _option(option: Option) -> hikari.CommandOption:
    return hikari.CommandOption(
        type=OPTION_TYPES[option.kind],
        name=option.name,
        description=option.description,
        choices=[hikari.CommandChoice(name=label, value=value) for label, value in option.choices] or None,
        channel_types=[hikari.ChannelType(each) for each in CHANNEL_TYPES] if option.kind == "channel" else None,
    )


def _used(interaction: hikari.CommandInteraction) -> tuple[str, Sequence[hikari.CommandInteractionOption]]:
    """Which command, and what was chosen."""
    options = interaction.options or ()
    if options and options[0].type == hikari.OptionType.SUB_COMMAND:
        return f"{interaction.command_name} {options[0].name}", options[0].options or ()
    return interaction.command_name, options


def _asked(
    cache: hikari.api.Cache,
    interaction: hikari.CommandInteraction,
    command: str,
    options: Sequence[hikari.CommandInteractionOption],
) -> Asked:
    """What was asked.

    Raises:
        RefusedError: it was asked elsewhere than on a server, or the server is not known yet.

    """
    member = interaction.member
    if interaction.guild_id is None or member is None:
        raise RefusedError(ELSEWHERE)
    values: dict[str, Any] = {each.name: each.value for each in options}
    share = bool(values.pop("share", False))
    user, channel = values.pop("user", None), values.pop("channel", None)
    plan, place = _plan(cache, interaction.guild_id)
    return Asked(
        command=command, guild_id=plan.guild_id, place=place, user_id=int(member.id), share=share,
        sight=of_everybody(plan) if share else _sight(plan, member),
        target_user_id=None if user is None else int(user),
        target=_target(interaction, None if channel is None else int(channel)),
        attachment_bytes=room(getattr(interaction, "attachment_size_limit", None)),
        **values,
    )  # fmt: skip


def _sight(plan: Plan, member: hikari.Member) -> Sight:
    return of_member(plan, int(member.id), map(int, member.role_ids))


def _plan(cache: hikari.api.Cache, guild_id: hikari.Snowflake) -> tuple[Plan, str]:
    """Who sees what in a guild, and its name."""
    guild = cache.get_available_guild(guild_id)
    roles = {int(key): int(role.permissions) for key, role in cache.get_roles_view_for_guild(guild_id).items()}
    channels = cache.get_guild_channels_view_for_guild(guild_id).values()
    places = tuple(_place(each) for each in channels if each.type != hikari.ChannelType.GUILD_CATEGORY)
    if guild is None or int(guild_id) not in roles or not places:
        raise RefusedError(NOT_KNOWN)
    return Plan(int(guild_id), int(guild.owner_id), roles, places), guild.name


def _place(channel: hikari.PermissibleGuildChannel) -> Place:
    overwrites = (Overwrite(int(each.id), int(each.allow), int(each.deny)) for each in channel.permission_overwrites.values())  # fmt: skip
    return Place(int(channel.id), None if channel.parent_id is None else int(channel.parent_id), tuple(overwrites))


def _target(interaction: hikari.CommandInteraction, chosen: int | None) -> Target | None:
    """The channel that was chosen, or else the one in which that was done."""
    channel = interaction.channel
    if chosen is not None:
        known = {} if interaction.resolved is None else interaction.resolved.channels
        if hikari.Snowflake(chosen) not in known:
            return None
        channel = known[hikari.Snowflake(chosen)]
    thread = channel.type in THREADS
    return Target(
        channel_id=int(channel.id),
        seen_as=int(channel.parent_id) if thread and channel.parent_id is not None else int(channel.id),
        private=int(channel.type) == PRIVATE_THREAD,
        added=channel.id == interaction.channel.id or bool(int(channel.permissions) & MANAGE_THREADS),
    )


class _Turn:
    """An interaction of hikari as :class:`~mocha_actors.embed.commands.serving.Turn`."""

    def __init__(self, interaction: hikari.CommandInteraction | hikari.ComponentInteraction) -> None:
        self._interaction = interaction

    async def put_off(self, *, private: bool) -> None:
        if isinstance(self._interaction, hikari.ComponentInteraction):
            await _sent(self._interaction.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_UPDATE))
            return
        flags = hikari.MessageFlag.EPHEMERAL if private else hikari.MessageFlag.NONE
        await _sent(self._interaction.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_CREATE, flags=flags))

    async def show(self, reply: Reply, picture: bytes | None) -> None:
        embed = _embed(reply)
        if picture is not None:
            embed.set_image(hikari.Bytes(picture, PICTURE))
        file = reply.attached
        files = [] if file is None else [hikari.Bytes(file.content, file.name)]
        edit = self._interaction.edit_initial_response
        buttons = self._buttons(reply)
        await _sent(edit(embed=embed, attachments=files or hikari.UNDEFINED, components=buttons, **NO_PINGS))

    def _buttons(self, reply: Reply) -> list[hikari.api.MessageActionRowBuilder]:
        if not reply.buttons:
            return []
        row = self._interaction.app.rest.build_message_action_row()
        for each in reply.buttons:
            row.add_interactive_button(DANGER if each.dangerous else SECONDARY, each.custom_id, label=each.label)
        return [row]

    async def say(self, text: str, *, private: bool) -> None:
        if private:
            await _sent(self._interaction.edit_initial_response(text, **NO_PINGS))
            return
        # Whether everybody sees a message is settled when it is put off; so that one goes, and another comes.
        await _sent(self._interaction.delete_initial_response())
        await _sent(self._interaction.execute(text, flags=hikari.MessageFlag.EPHEMERAL, **NO_PINGS))

    async def refuse(self, text: str) -> None:
        respond = self._interaction.create_initial_response
        flags = hikari.MessageFlag.EPHEMERAL
        await _sent(respond(hikari.ResponseType.MESSAGE_CREATE, text, flags=flags, **NO_PINGS))


def _embed(reply: Reply) -> hikari.Embed:
    embed = hikari.Embed(title=reply.title, description=reply.description or None, color=MAIN)
    for field in reply.fields:
        embed.add_field(field.name, field.value, inline=field.inline)
    if reply.footer:
        embed.set_footer(reply.footer)
    return embed


async def _sent(request: Awaitable[Any]) -> Any:
    """What a request gives.

    Raises:
        UnsentError: it failed.

    """
    try:
        return await request
    except Exception as error:  # noqa: BLE001 - the library's own, and those of the one beneath it
        raise unsent(error) from None
