"""The commands for discord.py 2.5 to 2.7, as a cog of application commands; the libraries that kept its interface have others.

In the ``setup_hook`` of a ``commands.Bot``, where the bot has logged in and not connected yet::

    await bot.add_cog(StatsCog(stats))
    await bot.tree.sync()

The bot's command tree has to be synced once for Discord to know them, which is possible from the login on.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Final

import discord
from discord import app_commands
from discord.ext import commands

from mocha_actors.embed.commands.asked import Asked, RefusedError, Target
from mocha_actors.embed.commands.confirming import confirmation
from mocha_actors.embed.commands.definitions import CHANNEL_TYPES, COMMANDS, Command, Option
from mocha_actors.embed.commands.replies import Reply
from mocha_actors.embed.commands.sentences import ELSEWHERE, NOT_KNOWN
from mocha_actors.embed.commands.serving import PICTURE, Server, room, unsent
from mocha_actors.embed.commands.sight import (
    MANAGE_THREADS,
    Overwrite,
    Place,
    Plan,
    Sight,
    of_everybody,
    of_member,
)
from mocha_actors.showing.colours import MAIN

if TYPE_CHECKING:
    from mocha_actors.embed.host import MochaStats

COLOUR: Final = discord.Colour.from_str(MAIN)
NO_PINGS: Final = discord.AllowedMentions.none()
SERVERS: Final = app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False)


class AnyChannel(app_commands.Transformer):
    """A channel as Discord resolved it, whether the bot knows it or not."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """What Discord lets somebody choose."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """Of what types."""
        return [discord.ChannelType(number) for number in CHANNEL_TYPES]

    async def transform(self, interaction: discord.Interaction, value: Any, /) -> Any:
        """Leave it as it is."""
        return value


ANNOTATIONS: Final[dict[str, Any]] = {
    "user": discord.User | None,
    "channel": app_commands.Transform[Any, AnyChannel] | None,
    "choice": str | None,
    "flag": bool | None,
}


def _made(command: Command, *path: str) -> Any:
    """The library's command, or group of commands."""
    path = (*path, command.name)
    top: dict[str, Any] = {"allowed_contexts": SERVERS} if len(path) == 1 else {}
    if command.commands:
        group = app_commands.Group(name=command.name, description=command.description, **top)
        for each in command.commands:
            group.add_command(_made(each, *path))
        return group
    made: Any = app_commands.Command(
        name=command.name, description=command.description, callback=_callback(command, path), **top
    )
    return made


def _callback(command: Command, path: tuple[str, ...]) -> Any:
    """A method of the cog whose parameters are the options: discord.py makes a command's options from the signature of its callback."""

    async def run(cog: StatsCog, interaction: discord.Interaction, **values: Any) -> None:
        await cog.serve(interaction, " ".join(path), values)

    run.__name__ = "_".join(path).replace("-", "_")
    run.__qualname__ = f"StatsCog.{run.__name__}"
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    own = [inspect.Parameter(name, kind) for name in ("self", "interaction")]
    run.__signature__ = inspect.Signature([*own, *map(_parameter, command.options)])  # type: ignore[attr-defined]
    described = app_commands.describe(**{option.name: option.description for option in command.options})(run)
    choices = {
        option.name: [app_commands.Choice(name=label, value=value) for label, value in option.choices]
        for option in command.options
        if option.choices
    }
    return app_commands.choices(**choices)(described)


def _parameter(option: Option) -> inspect.Parameter:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(option.name, kind, default=None, annotation=ANNOTATIONS[option.kind])


class StatsCog(commands.Cog, name="Statistics"):
    """``/stats``, ``/leaderboard``, ``/heatmap``, ``/growth`` and ``/privacy``; see :mod:`mocha_actors.embed.commands`.

    The bot needs the intent ``GUILDS``, without which nobody knows who may see which channel; discord.py has it by default.
    """

    stats, leaderboard, heatmap, growth, privacy = map(_made, COMMANDS)

    def __init__(self, stats: MochaStats) -> None:
        """Commands about what ``stats`` records; it may start later."""
        self._server = Server(stats)

    async def serve(self, interaction: discord.Interaction, command: str, values: dict[str, Any]) -> None:
        """Answer a use of a command."""
        turn = _Turn(interaction)
        try:
            asked = _asked(interaction, command, values)
        except RefusedError as error:
            await self._server.refuse(turn, command, str(error))
            return
        await self._server.serve(turn, asked)

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """A button was pressed, maybe one of ours, maybe one that the bot sent before it was restarted."""
        if interaction.type is not discord.InteractionType.component:
            return
        data: Any = interaction.data
        button = confirmation(data.get("custom_id", ""))
        if button is not None:
            await self._server.pressed(_Turn(interaction), button, interaction.user.id)


def _asked(interaction: discord.Interaction, command: str, values: dict[str, Any]) -> Asked:
    """What was asked.

    Raises:
        RefusedError: it was asked elsewhere than on a server, or the server is not known yet.

    """
    guild, member = interaction.guild, interaction.user
    if guild is None or not isinstance(member, discord.Member):
        raise RefusedError(ELSEWHERE)
    share = bool(values.pop("share", None))
    user, channel = values.pop("user", None), values.pop("channel", None)
    return Asked(
        command=command, guild_id=guild.id, place=guild.name, user_id=member.id, share=share,
        sight=_sight(guild, member, share=share), target_user_id=None if user is None else user.id,
        target=_target(interaction, channel), attachment_bytes=room(getattr(interaction, "filesize_limit", None)),
        **{name: value for name, value in values.items() if value is not None},
    )  # fmt: skip


def _sight(guild: discord.Guild, member: discord.Member, *, share: bool) -> Sight:
    if guild.owner_id is None or guild.get_role(guild.id) is None or not guild.channels:
        raise RefusedError(NOT_KNOWN)
    plan = Plan(
        guild_id=guild.id,
        owner_id=guild.owner_id,
        roles={role.id: role.permissions.value for role in guild.roles},
        places=tuple(_place(each) for each in guild.channels if not isinstance(each, discord.CategoryChannel)),
    )
    return of_everybody(plan) if share else of_member(plan, member.id, (role.id for role in member.roles))


def _place(channel: discord.abc.GuildChannel) -> Place:
    # `channel.overwrites` makes objects of every bit of each, which for 500 channels holds the bot's loop up for a second.
    numbers: Any = channel._overwrites  # noqa: SLF001
    return Place(channel.id, channel.category_id, tuple(Overwrite(each.id, each.allow, each.deny) for each in numbers))


def _target(interaction: discord.Interaction, chosen: Any) -> Target | None:
    """The channel that was chosen, or else the one in which that was done."""
    channel: Any = interaction.channel if chosen is None else chosen
    if channel is None:
        return None
    parent = getattr(channel, "parent_id", None)
    added = chosen is None or channel.id == interaction.channel_id or bool(chosen.permissions.value & MANAGE_THREADS)
    private = channel.type is discord.ChannelType.private_thread
    return Target(channel.id, channel.id if parent is None else parent, private=private, added=added)


class _Turn:
    """An interaction of discord.py as :class:`~mocha_actors.embed.commands.serving.Turn`."""

    def __init__(self, interaction: discord.Interaction) -> None:
        self._interaction = interaction

    async def put_off(self, *, private: bool) -> None:
        response = self._interaction.response
        if self._interaction.type is discord.InteractionType.component:
            await _sent(response.defer())
        else:
            await _sent(response.defer(ephemeral=private, thinking=True))

    async def show(self, reply: Reply, picture: bytes | None) -> None:
        embed = _embed(reply)
        files = (
            [] if reply.attached is None else [discord.File(io.BytesIO(reply.attached.content), reply.attached.name)]
        )
        if picture is not None:
            files.append(discord.File(io.BytesIO(picture), PICTURE))
            embed.set_image(url=f"attachment://{PICTURE}")
        view = _view(reply)
        await _sent(
            self._interaction.edit_original_response(
                embed=embed, attachments=files, view=view, allowed_mentions=NO_PINGS
            )
        )
        if view is not None:
            # The cog hears of every button itself: nothing has to be kept for this one.
            view.stop()

    async def say(self, text: str, *, private: bool) -> None:
        if private:
            await _sent(self._interaction.edit_original_response(content=text, allowed_mentions=NO_PINGS))
            return
        # Whether everybody sees a message is settled when it is put off; so that one goes, and another comes.
        await _sent(self._interaction.delete_original_response())
        await _sent(self._interaction.followup.send(text, ephemeral=True, allowed_mentions=NO_PINGS))

    async def refuse(self, text: str) -> None:
        await _sent(self._interaction.response.send_message(text, ephemeral=True, allowed_mentions=NO_PINGS))


def _embed(reply: Reply) -> discord.Embed:
    embed = discord.Embed(title=reply.title, description=reply.description or None, colour=COLOUR)
    for field in reply.fields:
        embed.add_field(name=field.name, value=field.value, inline=field.inline)
    if reply.footer:
        embed.set_footer(text=reply.footer)
    return embed


def _view(reply: Reply) -> discord.ui.View | None:
    """The buttons."""
    if not reply.buttons:
        return None
    view = discord.ui.View(timeout=None)
    for each in reply.buttons:
        style = discord.ButtonStyle.danger if each.dangerous else discord.ButtonStyle.secondary
        view.add_item(discord.ui.Button(label=each.label, custom_id=each.custom_id, style=style))
    return view


async def _sent(request: Awaitable[object]) -> None:
    """Wait for a request.

    Raises:
        UnsentError: it failed.

    """
    try:
        await request
    except Exception as error:  # noqa: BLE001 - the library's own, and those of the one beneath it
        raise unsent(error) from None
