"""A Discord for the loopback: REST and gateway, seeded traffic, faults, and a ledger of the truth.

It plays the server side of Discord's API as far as bots need it to log in, identify, receive and resume. Everything
that it dispatches stands in a ledger before it goes out, so that whoever counts what a client stored can compare it
with what was sent.

To see how a bot of your own takes a fault, start both in one test and let the bot have the simulator's address in the
place of Discord's::

    import sys, trio
    from mocha_actors.simulator.server import open_simulator
    from mocha_actors.simulator.settings import SimulatorSettings

    async def my_bot_resumes_after_a_reset():
        async with open_simulator(SimulatorSettings(rate=50)) as simulator, trio.open_nursery() as nursery:
            nursery.start_soon(trio.run_process, [sys.executable, "my_bot.py", simulator.api_url])
            while simulator.stats()["dispatched"] < 20:
                await trio.sleep(0.1)
            await simulator.drop(0, "reset")
            while not simulator.transcript.payloads(op=6):  # RESUME
                await trio.sleep(0.1)
            assert len(simulator.transcript.payloads(op=2)) == 1  # IDENTIFY
            nursery.cancel_scope.cancel()

    trio.run(my_bot_resumes_after_a_reset)

The token is `simulator`, unless the settings name another. A library that does not ask REST for the gateway's address
needs `simulator.gateway_url` too. `Simulator` (in `mocha_actors.simulator.server`) lists what can be asked for while it
runs: `inject` and `plan` take the faults of `mocha_actors.simulator.faults`, `happen` lets somebody join, talk, edit or be
banned, `dispatch` sends any event, `guilds` is what is true at the moment, and `transcript` is all that the bot did on the
wire.

From another language, or another event loop, the same is to be had as a program: `mocha sim --control stdio` reads the
commands of `mocha_actors.simulator.control`, one JSON object a line. As a fixture of pytest, for bots on discord.py and on
hikari, of which nothing but the addresses is changed::

    import json, subprocess, sys
    import discord, hikari, pytest, yarl

    TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAw.invented.token"  # hikari reads the bot's id out of the first part

    @pytest.fixture
    def simulator():
        command = [sys.executable, "-m", "mocha_actors", "sim", "--control", "stdio", "--token", TOKEN]
        command += ["--profile", "community", "--seed", "7", "--guilds", "1"]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
            yield process
            process.stdin.close()  # and so it ends

    @pytest.fixture
    def addresses(simulator):
        return json.loads(simulator.stdout.readline())

    def test_my_discord_py_bot(addresses):
        discord.http.Route.BASE = addresses["api_url"]
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(addresses["gateway_url"])

        class Bot(discord.Client):
            async def on_voice_state_update(self, member, before, after):
                await self.close()

        Bot(intents=discord.Intents.all()).run(TOKEN, log_handler=None)

    def test_my_hikari_bot(addresses, simulator):
        bot = hikari.GatewayBot(TOKEN, rest_url=addresses["api_url"], intents=hikari.Intents.ALL, banner=None)

        @bot.listen()
        async def on_ready(_: hikari.ShardReadyEvent) -> None:
            print('{"cmd": "happen", "what": "join"}', file=simulator.stdin, flush=True)

        @bot.listen()
        async def on_join(_: hikari.MemberCreateEvent) -> None:
            await bot.close()

        bot.run(check_for_updates=False)

Slash commands are used the way a member uses them. The bot registers and answers over REST as it does with Discord, and
`simulator.users` (`mocha_actors.simulator.users`) plays the member and waits for the answer. What Discord's client would
not let the member do raises an `InvocationRefused` that says why: a command or option that is not registered, a value of
the wrong type, permissions that are missing::

    async def my_bot_answers(simulator):
        guild = simulator.world.guilds[0]
        place = {"guild": guild.id, "channel": guild.system_channel_id}
        asking, asked = guild.members[3].user.id, guild.members[4].user.id
        await simulator.users.registered("stats")
        use = await simulator.users.invoke("stats top", user=asking, options={"days": 7, "who": asked}, **place)
        answer = await use.answer(within=10)  # a deferred answer is waited for
        assert not answer.ephemeral
        assert answer.embeds[0]["title"] == "Top"
        assert answer.files["top.png"][1:4] == b"PNG"
        press = await simulator.users.press(answer, "again", user=asking)
        assert await press.answer() is answer  # the press has updated the message

The highest role of a guild, which some members have, may moderate, and its owner may do everything; `users.permissions`
tells. Public answers come over the gateway as MESSAGE_CREATE like other messages, ephemeral ones do not. The commands
`invoke`, `press` and `answer` of the control do the same from another language.

The profiles of `mocha_actors.simulator.life.profiles` say what happens by itself: `messages` alone, a `quiet` server, a busy
`community` with everything that happens in one, a flood of `presence`, or a `burst`. What happens follows from the seed
and the hour; a GUILD_CREATE always shows the sum of the events before it, as far as the session's intents go. A past of
months, with explicit times, comes from `mocha_actors.simulator.past`, or from `mocha sim --past 90`.

Where it knowingly differs from Discord: the live traffic keeps its rate at all hours, and only who is in voice and
online follows the day; a simulator that is started anew over its ledger takes up the sessions, but its world begins again,
which it tells as the end of an outage; `create_guild` names everybody in its GUILD_CREATE; of stages, events, invites,
roles, stickers and polls nothing changes; commands are used in guilds and by their names alone, not in private and not from
the menus of users and messages; a modal is kept, but nobody fills it in; what the members do by themselves never touches
the bot's answers; interactions do not survive the simulator, and their tokens stand in no ledger.
"""
