"""Slash commands of bots on discord.py and on hikari, of which nothing but the addresses is changed, are used and answered."""

from __future__ import annotations

import asyncio
import io
import textwrap
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

import mocha_actors.simulator
from mocha_actors.simulator.contents import EPHEMERAL
from mocha_actors.simulator.interactions import DEFERRED_MESSAGE, DEFERRED_UPDATE, MESSAGE
from mocha_actors.simulator.recount import BOT, COMMAND, recount
from mocha_actors.simulator.recount import MESSAGE as PLAIN
from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings

discord = pytest.importorskip("discord", reason="discord.py is not installed; it belongs to the extra `dev`")
hikari = pytest.importorskip("hikari", reason="hikari is not installed; it belongs to the extra `dev`")
yarl = pytest.importorskip("yarl", reason="part of discord.py's own requirements")

TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAw.invented.token"
"""hikari reads the bot's id out of the first part."""

PICTURE = b"\x89PNG" + bytes(range(256)) * 3 + b"\r\n--\r\n"
"""Every byte, and an end that looks like that of a part."""

NAME = "stündlich.png"

pytestmark = pytest.mark.timeout(60)


class DiscordPyBot(discord.Client):  # type: ignore[misc, name-defined]
    """A bot with a command of discord.py's own tree, and a button."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents.default())
        tree = self.tree = discord.app_commands.CommandTree(self)
        group = discord.app_commands.Group(name="stats", description="Numbers")
        tree.add_command(group)

        class Again(discord.ui.View):  # type: ignore[misc, name-defined]
            @discord.ui.button(label="Again", custom_id="again")  # type: ignore[misc, untyped-decorator]
            async def again(self, interaction: Any, _: Any) -> None:
                await interaction.response.defer()
                await interaction.edit_original_response(content="pressed")
                await interaction.followup.send("only you", ephemeral=True)

        @group.command(name="top", description="The most active")  # type: ignore[misc, untyped-decorator]
        async def top(interaction: discord.Interaction, days: int, who: discord.Member) -> None:
            await interaction.response.defer()
            await interaction.edit_original_response(
                content=f"{days} days of {who.id}",
                embed=discord.Embed(title="Top", description="of all"),
                attachments=[discord.File(io.BytesIO(PICTURE), NAME)],
                view=Again(),
            )
            await interaction.followup.send("that was it")

        @tree.command(name="secret", description="For you alone")  # type: ignore[misc, untyped-decorator]
        async def secret(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("psst", ephemeral=True)
            original = await interaction.original_response()
            await original.edit(content=original.content + "!")

    async def setup_hook(self) -> None:
        """Register."""
        await self.tree.sync()

    async def live(self) -> None:
        """Connect, until closed."""
        async with self:
            await self.start(TOKEN)
            # aiohttp leaves the ends of its transports to the loop.
            await asyncio.sleep(0.05)


class HikariBot:
    """A bot with the same commands."""

    def __init__(self, api_url: str) -> None:
        self.bot = hikari.GatewayBot(TOKEN, rest_url=api_url, logs=None, banner=None)
        self.loop: Any = None

    async def live(self) -> None:
        """Connect, until closed."""
        self.loop = asyncio.get_running_loop()
        self.bot.subscribe(hikari.InteractionCreateEvent, self._used)
        self.bot.subscribe(hikari.StartedEvent, self._register)
        await self.bot.start(check_for_updates=False)
        await self.bot.join()

    async def close(self) -> None:
        """Leave."""
        await self.bot.close()

    async def _register(self, _: Any) -> None:
        application = await self.bot.rest.fetch_application()
        top = hikari.CommandOption(
            type=hikari.OptionType.SUB_COMMAND,
            name="top",
            description="The most active",
            options=[
                hikari.CommandOption(
                    type=hikari.OptionType.INTEGER, name="days", description="How many", is_required=True
                ),
                hikari.CommandOption(type=hikari.OptionType.USER, name="who", description="Whose", is_required=True),
            ],
        )
        stats = self.bot.rest.slash_command_builder("stats", "Numbers").add_option(top)
        secret = self.bot.rest.slash_command_builder("secret", "For you alone")
        await self.bot.rest.set_application_commands(application.id, [stats, secret])

    async def _used(self, event: Any) -> None:
        interaction = event.interaction
        if isinstance(interaction, hikari.ComponentInteraction):
            await interaction.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_UPDATE)
            await interaction.edit_initial_response("pressed")
            await interaction.execute("only you", flags=hikari.MessageFlag.EPHEMERAL)
        elif interaction.command_name == "stats":
            await self._top(interaction)
        else:
            await interaction.create_initial_response(
                hikari.ResponseType.MESSAGE_CREATE, "psst", flags=hikari.MessageFlag.EPHEMERAL
            )
            original = await interaction.fetch_initial_response()
            await interaction.edit_initial_response(f"{original.content}!")

    async def _top(self, interaction: Any) -> None:
        days, who = [option.value for option in interaction.options[0].options]
        row = self.bot.rest.build_message_action_row()
        row.add_interactive_button(hikari.ButtonStyle.PRIMARY, "again", label="Again")
        await interaction.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_CREATE)
        await interaction.edit_initial_response(
            f"{days} days of {interaction.resolved.members[who].id}",
            embed=hikari.Embed(title="Top", description="of all"),
            attachment=hikari.Bytes(PICTURE, NAME),
            component=row,
        )
        await interaction.execute("that was it")


def example() -> Any:
    """Return the function of the docstring that uses a command, but for the name of the file."""
    text = mocha_actors.simulator.__doc__ or ""
    block = text.partition("\nSlash commands")[2].partition("::\n")[2].partition("\nThe highest role")[0]
    names: dict[str, Any] = {}
    exec(textwrap.dedent(block).replace("top.png", NAME), names)  # noqa: S102 - the example is the project's own
    return names["my_bot_answers"]


Make = Callable[[Simulator], Any]


@pytest.fixture(params=["discord.py", "hikari"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that makes a bot of each library."""

    def on_discord_py(simulator: Simulator) -> Any:
        monkeypatch.setattr(discord.http.Route, "BASE", simulator.api_url)
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(simulator.gateway_url))
        return DiscordPyBot()

    return on_discord_py if request.param == "discord.py" else lambda simulator: HikariBot(simulator.api_url)


@asynccontextmanager
async def living(simulator: Simulator, bot: Any) -> Any:
    """Let a bot live in a thread, with its commands registered and its guilds there."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, lambda: asyncio.run(bot.live()))
        try:
            await simulator.users.registered("secret")
            while simulator.stats()["dispatched"] < 2:
                await trio.sleep(0.01)
            yield
        finally:
            asyncio.run_coroutine_threadsafe(bot.close(), bot.loop)


async def test_a_command_is_registered_used_deferred_answered_edited_and_pressed(make: Make, tmp_path: Path) -> None:
    """Options arrive, the file keeps every byte, what is ephemeral stays so, and the ledger counts what was public."""
    ledger = tmp_path / "ledger.jsonl"
    settings = SimulatorSettings(count=0, guilds=1, token=TOKEN, ledger=ledger)
    async with open_simulator(settings) as simulator, living(simulator, make(simulator)):
        guild = simulator.world.guilds[0]
        asking, named, pressing = (member.user.id for member in guild.members[3:6])
        place = {"guild": guild.id, "channel": guild.system_channel_id}

        top = await simulator.users.invoke("stats top", user=asking, options={"days": 7, "who": named}, **place)
        follow_up = await top.follow_up()
        answer = await top.answer()
        assert await top.acknowledged() == DEFERRED_MESSAGE
        assert (answer.content, answer.edited_ms) == (f"{7} days of {named}", None)
        assert [(embed["title"], embed["description"]) for embed in answer.embeds] == [("Top", "of all")]
        assert answer.files == {NAME: PICTURE}
        assert (follow_up.content, follow_up.ephemeral) == ("that was it", False)

        press = await simulator.users.press(answer, "again", user=pressing)
        whispered = await press.follow_up()
        assert await press.acknowledged() == DEFERRED_UPDATE
        assert await press.answer() is answer
        assert answer.content == "pressed"
        assert answer.edited_ms is not None
        assert (whispered.content, whispered.ephemeral) == ("only you", True)
        assert answer.files == {NAME: PICTURE}, "what an edit does not name stays"

        secret = await simulator.users.invoke("secret", user=asking, **place)
        told = await secret.edited()
        assert await secret.acknowledged() == MESSAGE
        assert [(said.content, said.flags & EPHEMERAL) for said in told.said] == [("psst", 64), ("psst!", 64)]

    truth = recount(ledger)
    channel, bot = guild.system_channel_id, simulator.world.bot.id
    assert truth.raw == {
        (guild.id, answer.id): (channel, bot, BOT, COMMAND),
        (guild.id, follow_up.id): (channel, bot, BOT, PLAIN),
    }


async def test_the_example_of_the_docstring_does_what_it_says(make: Make) -> None:
    """With a bot of either library."""
    async with open_simulator(SimulatorSettings(count=0, guilds=1, token=TOKEN)) as simulator:
        async with living(simulator, make(simulator)):
            await example()(simulator)
