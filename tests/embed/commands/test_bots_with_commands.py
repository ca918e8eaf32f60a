"""Bots with the real libraries and the ready-made commands, used by the simulator's members."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio

from mocha_actors.embed import MochaStats
from mocha_actors.embed.commands.sight import ADMINISTRATOR, VIEW_CHANNEL
from mocha_actors.simulator.application import Used
from mocha_actors.simulator.contents import EPHEMERAL
from mocha_actors.simulator.interactions import DEFERRED_MESSAGE, DEFERRED_UPDATE, MESSAGE
from mocha_actors.simulator.interactions import Asked as Menu
from mocha_actors.simulator.invocation import Resolved
from mocha_actors.simulator.objects import channel_object, full_member
from mocha_actors.simulator.replies import Reply
from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.simulator.users import _now
from tests.embed.hosts import TOKEN, Told, beside, config_for, until

pytestmark = pytest.mark.timeout(120)

WITHIN = 20.0
"""Seconds that an answer with a chart may take on a busy machine."""

PNG = b"\x89PNG\r\n"


class Bot(Told):
    """What a test and a bot in another thread tell each other.

    Attributes:
        give_up: set by the test: the statistics are to end, and the bot is not.
        given_up: they have.
        seen: how many interactions the bot's own listener has seen.
        has_own: the bot has a command of its own, `ping`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.give_up = self.given_up = self.has_own = False
        self.seen = 0

    async def serve(self, stats: MochaStats) -> None:
        """Do as the test says, until it is enough."""
        while not self.done.is_set():
            self.health = stats.health()
            if self.give_up and not self.given_up:
                await stats.aclose()
                self.given_up = True
            await asyncio.sleep(0.02)


async def on_discord_py(simulator: Simulator, folder: Path, told: Bot) -> None:
    """A bot as its author would write it."""
    import discord
    from discord.ext import commands

    from mocha_actors.embed.commands.discord_py import StatsCog
    from mocha_actors.embed.discord_py import attach

    bot = commands.Bot("!", intents=discord.Intents.all(), enable_debug_events=True)

    @bot.listen()
    async def on_interaction(_: Any) -> None:
        told.seen += 1

    async with MochaStats(config_for(folder)) as stats, bot:
        attach(bot, stats)
        await bot.add_cog(StatsCog(stats))
        await bot.login(TOKEN)
        await bot.tree.sync()
        connecting = asyncio.create_task(bot.connect())
        await told.serve(stats)
        await bot.close()
        await connecting
        await asyncio.sleep(0.05)  # aiohttp leaves the ends of its transports to the loop.


async def on_hikari(simulator: Simulator, folder: Path, told: Bot) -> None:
    """Likewise, with a command of its own."""
    import hikari

    from mocha_actors.embed.commands.hikari import StatsPlugin
    from mocha_actors.embed.hikari import attach

    bot = hikari.GatewayBot(TOKEN, rest_url=simulator.api_url, intents=hikari.Intents.ALL, logs=None, banner=None)

    async def on_interaction(_: hikari.InteractionCreateEvent) -> None:
        told.seen += 1

    async def on_starting(_: hikari.StartingEvent) -> None:
        application = await bot.rest.fetch_application()
        await bot.rest.create_slash_command(application, "ping", "The bot's own")
        told.has_own = True

    bot.subscribe(hikari.InteractionCreateEvent, on_interaction)
    bot.subscribe(hikari.StartingEvent, on_starting)
    async with MochaStats(config_for(folder)) as stats:
        attach(bot, stats)
        StatsPlugin(bot, stats)
        await bot.start(check_for_updates=False)
        await told.serve(stats)
        await bot.close()


BOTS: dict[str, Callable[..., Any]] = {"discord.py": on_discord_py, "hikari": on_hikari}


class Here(NamedTuple):
    """A server with a bot, and who asks it what.

    Attributes:
        simulator: the server's.
        bot: the bot.
        place: where is asked.
        asker: who asks, without any right.
        owner: who owns the server.
        hidden: a channel that only administrators see.
        thread: one of its threads.
    """

    simulator: Simulator
    bot: Bot
    place: dict[str, int]
    asker: int
    owner: int
    hidden: int
    thread: int

    async def used(self, command: str, user: int | None = None, kind: int = DEFERRED_MESSAGE, **options: Any) -> Reply:
        """What a command is answered, which was put off at once."""
        use = await self.simulator.users.invoke(
            command, user=self.asker if user is None else user, options=options, **self.place
        )
        assert await use.acknowledged() == kind
        return await use.answer(within=WITHIN)


@asynccontextmanager
async def living(library: str, folder: Path, point: Callable[[Simulator], None]) -> AsyncIterator[Here]:
    """Let a bot live on a server where 300 messages were written, with one hidden channel and a member whose name is Markdown."""
    pytest.importorskip("hikari" if library == "hikari" else "discord", reason="it belongs to the extra `dev`")
    settings = SimulatorSettings(guilds=1, members=12, rate=2_000, count=300, token=TOKEN)
    ready, over, found = trio.Event(), trio.Event(), []

    async with open_simulator(settings) as simulator:
        point(simulator)
        bot, guild = Bot(), simulator.world.guilds[0]
        thread = next(each for each in guild.threads if each.parent_id != guild.system_channel_id)
        channel = next(each for each in guild.channels if each.id == thread.parent_id)
        rights = simulator.users.permissions
        asker = next(each for each in guild.members if not rights(guild.id, each.user.id) & ADMINISTRATOR)

        async def script() -> None:
            await simulator.users.registered("privacy", within=WITHIN)
            await until(lambda: bot.health is not None and bot.health.committed >= 300)
            overwrite = {"id": str(guild.id), "type": 0, "allow": "0", "deny": str(VIEW_CHANNEL)}
            hidden = channel_object(channel) | {"guild_id": str(guild.id), "permission_overwrites": [overwrite]}
            await simulator.dispatch(0, "CHANNEL_UPDATE", hidden)
            member = full_member(asker) | {"guild_id": str(guild.id)}
            member["user"]["global_name"] = "**@everyone** <@1>"
            before = bot.health.committed
            await simulator.dispatch(0, "GUILD_MEMBER_UPDATE", member)
            await until(lambda: bot.health.committed > before)
            place = {"guild": guild.id, "channel": guild.system_channel_id}
            found.append(Here(simulator, bot, place, asker.user.id, guild.owner_id, channel.id, thread.id))
            ready.set()
            await over.wait()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(beside, lambda: BOTS[library](simulator, folder, bot), bot, script)
            await ready.wait()
            try:
                yield found[0]
            finally:
                over.set()


@pytest.fixture(params=list(BOTS))
async def here(
    request: pytest.FixtureRequest, tmp_path: Path, point_discord_py_at: Callable[[Simulator], None]
) -> AsyncIterator[Here]:
    """A server with a bot of each library."""
    async with living(request.param, tmp_path, point_discord_py_at) as found:
        yield found


async def test_every_command_is_answered_with_an_embed_and_a_chart(here: Here) -> None:
    """Alone to who asked, within Discord's time, with range and zone, and without a ping."""
    for command, options in {
        "stats user": {}, "stats server": {"include_bots": True}, "stats channel": {}, "leaderboard": {"metric": "messages"},
        "heatmap": {}, "growth": {"period": "7d"},
    }.items():  # fmt: skip
        reply = await here.used(command, **options)
        (embed,) = reply.embeds
        assert reply.ephemeral, command
        assert reply.content == ""
        assert reply.files["chart.png"].startswith(PNG), command
        assert embed["image"]["url"].endswith("chart.png")
        assert "(UTC)" in embed["footer"]["text"]
    user = await here.used("stats user")
    assert user.embeds[0]["title"] == r"\*\*\@everyone\*\* \<\@1\>"
    assert user.embeds[0]["description"] == f"<@{here.asker}>"
    assert here.bot.seen == 7, "the bot's own listener hears of everything"
    known = {command["name"] for command in here.simulator.users.commands()}
    assert known - {"ping"} == {"stats", "leaderboard", "heatmap", "growth", "privacy"}
    assert ("ping" in known) is here.bot.has_own, "the bot's own commands stay"
    shared = await here.used("leaderboard", share=True)
    assert not shared.ephemeral
    assert "channels that everybody can see" in shared.embeds[0]["footer"]["text"]


async def test_a_hidden_channel_is_refused_and_left_out_of_the_ranking(here: Here) -> None:
    """The owner sees it, and may not share it."""
    for channel in (here.hidden, here.thread):
        refused = await here.used("stats channel", channel=channel)
        assert (refused.content, refused.embeds) == ("You cannot see that channel, so its numbers are not shown.", [])
    ranking = await here.used("leaderboard", of="channels")
    assert f"<#{here.hidden}>" not in ranking.embeds[0]["description"]

    owners = await here.used("leaderboard", user=here.owner, of="channels")
    assert f"<#{here.hidden}>" in owners.embeds[0]["description"]
    seen = await here.used("stats channel", user=here.owner, channel=here.hidden)
    assert seen.embeds[0]["description"] == f"<#{here.hidden}>"
    thread = await here.used("stats channel", user=here.owner, channel=here.thread)
    assert thread.embeds[0]["description"] == f"<#{here.thread}>"
    use = await here.simulator.users.invoke(
        "stats channel", user=here.owner, options={"channel": here.hidden, "share": True}, **here.place
    )
    told = await use.follow_up(within=WITHIN)
    assert told.ephemeral
    assert told.content == "Not everybody here can see that channel, so its numbers are not shared."
    assert use.interaction.original is not None
    assert use.interaction.original.deleted


async def test_privacy_is_the_callers_own_and_an_erasure_is_confirmed(here: Here) -> None:
    """Exported, opted out and in; then asked, pressed by somebody else, kept, too late, and erased."""
    users = here.simulator.users
    export = await here.used("privacy export")
    data = json.loads(export.files["my-data.json"])
    assert export.ephemeral
    assert data["user_id"] == str(here.asker)
    assert data["profile"][0]["global_name"] == "**@everyone** <@1>"
    assert (await here.used("privacy opt-out")).embeds[0]["title"] == "You are not recorded any more"
    assert (await here.used("privacy opt-in")).embeds[0]["title"] == "You are recorded again"

    question = await here.used("privacy forget")
    erase, keep = (button["custom_id"] for button in question.components[0]["components"])
    assert question.ephemeral
    # Discord shows the message to nobody else; if it did, that would not be enough.
    question.flags &= ~EPHEMERAL
    stranger = await users.press(question, erase, user=here.owner)
    whispered = await stranger.answer()
    assert await stranger.acknowledged() == MESSAGE
    assert whispered.ephemeral
    assert (whispered.content, question.embeds[0]["title"]) == (
        "Only who asked the question can answer it.", "Erase everything about you?",
    )  # fmt: skip

    kept = await users.press(question, keep, user=here.asker)
    assert await kept.acknowledged() == DEFERRED_UPDATE
    await until(lambda: question.embeds[0]["title"] == "Nothing was erased")
    assert question.components == []

    late = await here.used("privacy forget")
    old = late.components[0]["components"][0]
    old["custom_id"] = f"mocha:erase:{here.asker}:1000"
    await users.press(late, old["custom_id"], user=here.asker)
    await until(lambda: "too long ago" in late.embeds[0].get("description", ""))

    again = await here.used("privacy forget")
    await users.press(again, again.components[0]["components"][0]["custom_id"], user=here.asker)
    await until(lambda: again.embeds[0]["title"] == "Your data are erased")
    assert "finds nothing" in again.embeds[0]["description"]
    after = json.loads((await here.used("privacy export")).files["my-data.json"])
    assert [len(rows) for name, rows in after.items() if name != "user_id"] == [0] * (len(after) - 1)


async def test_statistics_that_have_ended_are_a_sentence_and_the_log_has_the_rest(
    here: Here, caplog: pytest.LogCaptureFixture
) -> None:
    """Alone to who asked, also where the answer was to be shared; a token is in no line."""
    caplog.set_level(logging.DEBUG)
    here.bot.give_up = True
    await until(lambda: here.bot.given_up)

    told = await here.used("stats server")
    assert (told.ephemeral, told.embeds) == (True, [])
    assert told.content.startswith("The statistics are switched off at the moment.")
    use = await here.simulator.users.invoke("heatmap", user=here.asker, options={"share": True}, **here.place)
    shared = await use.follow_up(within=WITHIN)
    assert shared.ephemeral
    assert shared.content == told.content
    failed = [record for record in caplog.records if record.getMessage().startswith("command.failed")]
    assert [record.name for record in failed] == ["mocha_actors"] * 2
    assert all(record.exc_info is not None and record.exc_info[0].__name__ == "RuntimeClosed" for record in failed)
    ours = [record for record in caplog.records if record.name.startswith("mocha_actors")]
    assert not [record for record in ours if use.interaction.token in logging.Formatter().format(record)]


@pytest.mark.parametrize("library", list(BOTS))
async def test_without_matplotlib_the_numbers_go_alone(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point_discord_py_at: Callable[[Simulator], None]
) -> None:
    """And nothing is said of a chart."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    async with living(library, tmp_path, point_discord_py_at) as here:
        reply = await here.used("leaderboard")
    assert reply.files == {}
    assert "image" not in reply.embeds[0]
    assert reply.embeds[0]["description"].startswith("**1.** ")


async def test_a_menu_of_the_bots_own_is_left_to_the_bot_whatever_its_name(here: Here) -> None:
    """A right click on a member may offer "growth" too; the next command is answered, and the menu was not."""
    users, guild = here.simulator.users, here.simulator.guilds[here.place["guild"]]
    chosen = Resolved(guild)
    chosen.user(here.owner)
    data = {"id": "5", "name": "growth", "type": 2, "target_id": str(here.owner), "resolved": chosen.objects}
    menu = Menu(
        type=2, guild=guild, channel_id=here.place["channel"], member=guild.members[here.asker], title="growth", data=data
    )  # fmt: skip
    use = await users._tell(Used(*users._application.interactions.open(menu, _now())))
    await here.used("stats server")

    assert use.interaction.kind is None
