"""Interactions on the wire: what the gateway tells, what REST takes, and when."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mocha_actors.simulator.control import execute
from mocha_actors.simulator.invocation import InvocationRefused
from mocha_actors.simulator.recount import BOT, COMMAND, MESSAGE, recount
from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.simulator.users import NotAnswered, Use
from tests.simulator.client import Client, connect, first_hand
from tests.simulator.rest import ADMIN, BUTTONS, PING, STATS, Rest, error, rest_of

MANAGE_GUILD = 1 << 5
EPHEMERAL, LOADING = 64, 128


class Bot:
    """A simulator, a client of its gateway, and one of its REST."""

    def __init__(self, simulator: Simulator, client: Client, rest: Rest) -> None:
        self.simulator, self.client, self.rest = simulator, client, rest
        self.guild = simulator.world.guilds[0]
        self.channel = self.guild.system_channel_id
        by_right: dict[bool, list[int]] = {True: [], False: []}
        for member in self.guild.members[1:]:
            may = bool(simulator.users.permissions(self.guild.id, member.user.id) & MANAGE_GUILD)
            by_right[may].append(member.user.id)
        self.moderator, self.user, self.other = by_right[True][0], *by_right[False][:2]

    async def use(self, command: str = "ping", **options: Any) -> tuple[Use, dict[str, Any]]:
        """Let a user use a command; return what came of it, and what the gateway told."""
        use = await self.simulator.users.invoke(
            command, guild=self.guild.id, channel=self.channel, user=self.user, options=options
        )
        return use, await self.told("INTERACTION_CREATE")

    async def press(self, use: Use, custom_id: str = "again", **how: Any) -> tuple[Use, dict[str, Any]]:
        """Let a user use a component of an answer."""
        pressed = await self.simulator.users.press(await use.answer(), custom_id, **{"user": self.user} | how)
        return pressed, await self.told("INTERACTION_CREATE")

    async def told(self, name: str) -> dict[str, Any]:
        """Return the next dispatch, which is to have this name."""
        frame = await self.client.receive()
        assert frame["t"] == name
        data: dict[str, Any] = frame["d"]
        return data

    async def is_told_nothing(self) -> None:
        """Expect that no dispatch stands before one that is asked for now."""
        await self.simulator.dispatch(0, "TYPING_START", {})
        await self.told("TYPING_START")


@asynccontextmanager
async def connected(**settings: Any) -> AsyncIterator[Bot]:
    """A bot that has identified and registered its commands, and no other traffic."""
    settings = {"count": 0, "guilds": 1} | settings
    async with (
        open_simulator(SimulatorSettings(**settings)) as simulator,
        rest_of(simulator) as rest,
        connect(simulator.gateway_url) as client,
    ):
        await client.identify()
        await client.receive()
        assert (await rest.register(STATS, PING, ADMIN)).status_code == 200
        yield Bot(simulator, client, rest)


async def test_the_gateway_tells_who_uses_what_where() -> None:
    """With the fields that Discord documents, and all that options name resolved."""
    async with connected() as bot:
        guild, role = bot.guild, bot.guild.roles[2]
        use, told = await bot.use(
            "stats top", days=7, kind="voice", who=bot.other, where=str(bot.channel), role=role, any=bot.moderator,
            share=0.5, bots=True,
        )  # fmt: skip
        assert set(told) == {
            "version", "type", "token", "member", "locale", "id", "guild_locale", "guild_id", "guild", "entitlements",
            "data", "context", "channel_id", "channel", "authorizing_integration_owners", "attachment_size_limit",
            "application_id", "app_permissions",
        }  # fmt: skip
        assert (told["type"], told["version"], told["context"]) == (2, 1, 0)
        assert told["authorizing_integration_owners"] == {"0": str(guild.id)}
        assert told["entitlements"] == []
        assert (told["guild_id"], told["channel_id"]) == (str(guild.id), str(bot.channel))
        assert told["member"]["user"]["id"] == str(bot.user)
        assert int(told["member"]["permissions"]) == bot.simulator.users.permissions(guild.id, bot.user)
        assert told["app_permissions"].isdigit()
        registered = next(each for each in bot.simulator.users.commands() if each["name"] == "stats")
        assert (told["data"]["id"], told["data"]["name"], told["data"]["type"]) == (registered["id"], "stats", 1)
        [group] = told["data"]["options"]
        assert (group["type"], group["name"]) == (1, "top")
        assert [(each["type"], each["name"], each["value"]) for each in group["options"]] == [
            (4, "days", 7), (3, "kind", "voice"), (6, "who", str(bot.other)), (7, "where", str(bot.channel)),
            (8, "role", str(role)), (9, "any", str(bot.moderator)), (10, "share", 0.5), (5, "bots", True),
        ]  # fmt: skip
        resolved = told["data"]["resolved"]
        assert set(resolved["users"]) == set(resolved["members"]) == {str(bot.other), str(bot.moderator)}
        assert "user" not in resolved["members"][str(bot.other)]
        assert resolved["channels"][str(bot.channel)]["type"] == 0
        assert resolved["roles"][str(role)]["id"] == str(role)
        assert told["token"] not in repr(use)
        assert told["token"] not in repr(use.interaction)


async def test_a_public_reply_is_told_to_the_gateway_as_a_command() -> None:
    """Type 20, by the bot, through the webhook of its application, with who used the command."""
    async with connected() as bot:
        use, told = await bot.use()
        answered = await bot.rest.respond(told, 4, {"content": f"<@{bot.other}> pong"}, with_response=True)
        message = await bot.told("MESSAGE_CREATE")
        answer = await use.answer()
        application = str(bot.rest.id)
        assert (message["type"], message["author"]["id"]) == (20, application)
        assert (message["webhook_id"], message["application_id"]) == (application, application)
        assert message["interaction_metadata"]["id"] == told["id"]
        assert message["interaction_metadata"]["user"]["id"] == str(bot.user)
        assert [each["id"] for each in message["mentions"]] == [str(bot.other)]
        assert (message["guild_id"], message["content"]) == (str(bot.guild.id), answer.content)
        assert answered.json() == {
            "interaction": {
                "id": told["id"], "type": 2, "response_message_id": message["id"], "response_message_loading": False,
                "response_message_ephemeral": False,
            },
            "resource": {"type": 4, "message": {key: message[key] for key in message if key != "guild_id"}},
        }  # fmt: skip


async def test_without_being_asked_a_callback_answers_nothing() -> None:
    """204, as ever."""
    async with connected() as bot:
        _, told = await bot.use()
        response = await bot.rest.respond(told, 4, {"content": "pong"})
        assert (response.status_code, response.content) == (204, b"")


async def test_of_an_ephemeral_reply_no_gateway_hears(tmp_path: Path) -> None:
    """Neither of it nor of its edits, follow-ups and end, and no ledger; who plays the user sees them."""
    ledger = tmp_path / "ledger.jsonl"
    async with connected(ledger=ledger) as bot:
        use, told = await bot.use()
        await bot.rest.respond(told, 4, {"content": "psst", "flags": EPHEMERAL})
        await bot.rest.edit(told, {"content": "psst!"})
        await bot.rest.follow_up(told, {"content": "and", "flags": EPHEMERAL})
        assert (await use.answer()).said[0].content == "psst"
        assert ((await use.edited()).content, (await use.answer()).ephemeral) == ("psst!", True)
        assert (await use.follow_up()).ephemeral
        gone = await bot.rest.client.delete(f"{bot.rest.webhook(told)}/messages/@original")
        assert (gone.status_code, (await use.answer()).deleted) == (204, True)
        await bot.is_told_nothing()
    assert recount(ledger).raw == {}


async def test_a_deferred_reply_is_filled_in_and_then_edited(tmp_path: Path) -> None:
    """It is told as loading; filling it in is no edit, the next change is one; the ledger counts it once."""
    ledger = tmp_path / "ledger.jsonl"
    async with connected(ledger=ledger) as bot:
        use, told = await bot.use()
        loading = (await bot.rest.respond(told, 5, with_response=True)).json()
        assert loading["interaction"]["response_message_loading"] is True
        assert (await bot.told("MESSAGE_CREATE"))["flags"] == LOADING
        with pytest.raises(NotAnswered, match="/ping was not answered within 0.05 seconds"):
            await use.answer(within=0.05)
        filled = (await bot.rest.edit(told, {"embeds": [{"title": "Top"}]})).json()
        assert (filled["flags"], filled["edited_timestamp"]) == (0, None)
        edited = (await bot.rest.edit(told, {"content": "Newer"})).json()
        assert edited["edited_timestamp"] is not None
        updates = [await bot.told("MESSAGE_UPDATE") for _ in range(2)]
        assert [(each["edited_timestamp"], each["content"]) for each in updates] == [
            (None, ""),
            (edited["edited_timestamp"], "Newer"),
        ]
        assert [each["title"] for each in (await use.answer()).embeds] == ["Top"]
        shown = (await bot.rest.client.get(f"{bot.rest.webhook(told)}/messages/@original")).json()
        assert shown == edited
        answer = await use.answer()
    truth = recount(ledger)
    key = (bot.guild.id, answer.id)
    assert truth.raw == {key: (bot.channel, bot.rest.id, BOT, COMMAND)}
    assert truth.talk.details[key][-3:] == (bot.user, answer.edited_ms, 1)


async def test_the_first_follow_up_of_a_deferral_is_the_answer() -> None:
    """It edits the loading message, which stays ephemeral whatever the follow-up says; the second one is a message more."""
    async with connected() as bot:
        use, told = await bot.use()
        await bot.rest.respond(told, 5, {"flags": EPHEMERAL})
        first = (await bot.rest.follow_up(told, {"content": "here"})).json()
        second = (await bot.rest.follow_up(told, {"content": "more"})).json()
        assert (first["id"], first["flags"]) == (str((await use.answer()).id), EPHEMERAL)
        assert second["interaction_metadata"]["original_response_message_id"] == first["id"]
        assert (await bot.told("MESSAGE_CREATE"))["id"] == second["id"] == str((await use.follow_up()).id)
        changed = await bot.rest.edit(told, {"content": "more!"}, second["id"])
        assert (changed.json()["content"], (await bot.told("MESSAGE_UPDATE"))["content"]) == ("more!", "more!")
        await bot.rest.client.delete(f"{bot.rest.webhook(told)}/messages/{second['id']}")
        assert (await bot.told("MESSAGE_DELETE"))["id"] == second["id"]
        assert error(await bot.rest.edit(told, {"content": "?"}, second["id"])) == (404, 10008)


async def test_a_token_is_for_its_own_interaction_and_is_used_once() -> None:
    """Discord's codes for a wrong id or token, for a second answer, and for messages before the first."""
    async with connected() as bot:
        _, told = await bot.use()
        _, another = await bot.use()
        for wrong in ({"id": "1"}, {"token": "wrong"}, {"token": another["token"]}):
            assert error(await bot.rest.respond(told | wrong, 4, {"content": "x"})) == (404, 10062)
        assert error(await bot.rest.edit(told, {"content": "x"})) == (404, 10015)
        assert error(await bot.rest.follow_up(told, {"content": "x"})) == (404, 10015)
        assert (await bot.rest.respond(told, 4, {"content": "x"})).status_code == 204
        assert error(await bot.rest.respond(told, 4, {"content": "x"})) == (400, 40060)
        assert error(await bot.rest.edit(told | {"token": "wrong"}, {"content": "x"})) == (401, 50027)
        assert error(await bot.rest.edit(told, {"content": "x"}, "1")) == (404, 10008)
        elsewhere = await bot.rest.client.post(f"/webhooks/1/{told['token']}", json={"content": "x"})
        assert error(elsewhere) == (404, 10015)


LONG = [{"title": "t", "description": "d" * 4096}, {"title": "t", "description": "d" * 1904}]


WRONG_ANSWERS: list[tuple[int, Any, int, list[str]]] = [
    (1, {}, 50035, ["type"]),
    (6, {}, 50035, ["type"]),
    (8, {"choices": []}, 50035, ["type"]),
    (4, {}, 50006, []),
    (4, [], 50006, []),
    (4, {"content": "x" * 2001}, 50035, ["data", "content"]),
    (4, {"content": 5}, 50035, ["data", "content"]),
    (4, {"embeds": [{"title": "x"}] * 11}, 50035, ["data", "embeds"]),
    (4, {"embeds": [{}]}, 50035, ["data", "embeds", "0", "description"]),
    (4, {"embeds": [{"title": "x" * 257}]}, 50035, ["data", "embeds", "0", "title"]),
    (4, {"embeds": [{"fields": [{"name": "", "value": "v"}]}]}, 50035, ["data", "embeds", "0", "fields", "0", "name"]),
    (4, {"embeds": [{"title": "t", "color": 1 << 24}]}, 50035, ["data", "embeds", "0", "color"]),
    (4, {"embeds": [{"image": {"url": "ftp://x"}}]}, 50035, ["data", "embeds", "0", "image", "url"]),
    (4, {"embeds": LONG}, 50035, ["data", "embeds"]),
    (4, {"components": [{"type": 2}]}, 50035, ["data", "components", "0", "type"]),
    (4, {"components": [BUTTONS[0]] * 2}, 50035, ["data", "components"]),
    (4, {"content": "x", "flags": 1 << 15}, 50035, ["data"]),
    (4, {"content": "x", "attachments": [{"id": 3}]}, 50035, ["attachments", "0", "id"]),
    (9, {"custom_id": "m", "title": "", "components": [{}]}, 50035, ["data", "title"]),
]


async def test_a_wrong_answer_is_refused_and_may_be_corrected() -> None:
    """With the place that is wrong; the interaction is not acknowledged by it."""
    async with connected() as bot:
        use, told = await bot.use()
        for kind, data, code, place in WRONG_ANSWERS:
            refused = await bot.rest.respond(told, kind, data)
            assert error(refused) == (400, code), data
            found = refused.json().get("errors", {"_errors": [1]})
            for step in place:
                assert step in found, (data, found)
                found = found[step]
            assert found["_errors"], data
        assert (await bot.rest.respond(told, 4, {"content": "x"})).status_code == 204
        assert (await use.answer()).content == "x"


async def test_files_keep_every_byte_and_edits_name_those_that_stay() -> None:
    """Several files in one form, with descriptions; an edit adds some, and drops those that it does not name."""
    every = bytes(range(256)) * 2 + b"\r\n--"
    async with connected() as bot:
        use, told = await bot.use()
        listed = [{"id": 0, "description": "bytes"}, {"id": 1, "filename": "b.txt"}]
        files = {"_0": ("ä b.bin", every, "image/png"), "_1": ("x", b"", "text/plain")}
        sent = (await bot.rest.respond(told, 4, {"attachments": listed}, with_response=True, **files)).json()
        answer = await use.answer()
        assert answer.files == {"ä b.bin": every, "b.txt": b""}
        first, second = sent["resource"]["message"]["attachments"]
        assert (first["size"], first["description"], first["content_type"]) == (516, "bytes", "image/png")
        added = (await bot.rest.edit(told, {}, _0=("c", b"c", "text/plain"))).json()["attachments"]
        assert [each["filename"] for each in added] == ["ä b.bin", "b.txt", "c"]
        await bot.rest.edit(told, {"attachments": [{"id": second["id"]}]})
        assert answer.files == {"b.txt": b""}
        too_large = ("l", b"l" * ((10 << 20) + 1), "text/plain")
        assert error(await bot.rest.edit(told, {}, _0=too_large)) == (413, 40005)
        assert error(await bot.rest.edit(told, {}, _0=("l", b"l" * (26 << 20), "text/plain"))) == (413, 40005)


async def test_a_form_that_cannot_be_read_is_refused() -> None:
    """No JSON, and a multipart body that does not end, are code 50109."""
    async with connected() as bot:
        _, told = await bot.use()
        target = f"/interactions/{told['id']}/{told['token']}/callback"
        for kind, body in (
            ("application/json", b"{"),
            ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=payload_json\r\n\r\n{}"),
            ("multipart/form-data; boundary=x", b"--x\r\nno head\r\n--x--"),
        ):
            response = await bot.rest.client.post(target, content=body, headers={"Content-Type": kind})
            assert error(response) == (400, 50109)
        no_boundary = await bot.rest.client.post(target, content=b"", headers={"Content-Type": "multipart/form-data"})
        assert error(no_boundary) == (400, 50035)


async def test_a_press_of_a_button_tells_the_message_and_may_update_it() -> None:
    """Callback 7 changes the message at once; 6 leaves it for later; a reply to a press quotes it."""
    async with connected() as bot:
        use, told = await bot.use()
        await bot.rest.respond(told, 4, {"content": "menu", "components": BUTTONS})
        message = await bot.told("MESSAGE_CREATE")
        pressed, press = await bot.press(use, user=bot.other)
        assert (press["type"], press["member"]["user"]["id"]) == (3, str(bot.other))
        assert press["message"] == {key: message[key] for key in message if key != "guild_id"}
        assert press["data"] == {"component_type": 2, "custom_id": "again", "id": 2}
        updated = await bot.rest.respond(press, 7, {"content": "new", "components": BUTTONS[1:]}, with_response=True)
        assert updated.json()["resource"]["message"]["content"] == "new"
        assert (await bot.told("MESSAGE_UPDATE"))["id"] == message["id"]
        assert await pressed.answer() is await use.answer()

        chosen, choice = await bot.press(use, "pick", values=["one", "three"])
        assert (choice["data"]["component_type"], choice["data"]["values"]) == (3, ["one", "three"])
        await bot.rest.respond(choice, 6)
        assert await chosen.acknowledged() == 6
        await bot.rest.edit(choice, {"content": "newest"})
        assert (await bot.told("MESSAGE_UPDATE"))["content"] == "newest"

        replied, whom = await bot.press(use, "whom", values=[bot.other])
        assert set(whom["data"]["resolved"]["members"]) == {str(bot.other)}
        await bot.rest.respond(whom, 4, {"content": "reply"})
        reply = await bot.told("MESSAGE_CREATE")
        assert (reply["type"], reply["message_reference"]["message_id"]) == (19, message["id"])
        assert reply["referenced_message"]["content"] == "newest"
        assert reply["interaction_metadata"]["interacted_message_id"] == message["id"]
        assert (await replied.answer()).id == int(reply["id"])


WRONG_PRESSES: list[tuple[str, list[str], str]] = [
    ("nothing", [], "the message has no component 'nothing': there is again, never, pick, whom"),
    ("never", [], "the component 'never' is disabled"),
    ("again", ["x"], "'again' is a button, which has no values"),
    ("pick", [], "of the select 'pick', 1 to 2 different values are chosen, not 0"),
    ("pick", ["one", "one"], "of the select 'pick', 1 to 2 different values are chosen, not 2"),
    ("pick", ["four"], "the select 'pick' offers one, two, three, not four"),
    ("whom", ["7"], "select 'whom' names nothing that can be chosen here: 7"),
]


async def test_what_a_message_does_not_offer_cannot_be_used() -> None:
    """And the bot is told of no such thing."""
    async with connected() as bot:
        use, told = await bot.use()
        await bot.rest.respond(told, 4, {"content": "menu", "components": BUTTONS})
        await bot.told("MESSAGE_CREATE")
        for custom_id, values, sentence in WRONG_PRESSES:
            with pytest.raises(InvocationRefused) as refused:
                await bot.press(use, custom_id, values=values)
            assert str(refused.value) == sentence
        await bot.is_told_nothing()


async def test_an_ephemeral_message_is_used_by_whom_it_is_for() -> None:
    """Nobody else sees it; one that is deleted nobody uses."""
    async with connected() as bot:
        use, told = await bot.use()
        await bot.rest.respond(told, 4, {"components": BUTTONS, "flags": EPHEMERAL})
        with pytest.raises(InvocationRefused, match="is ephemeral"):
            await bot.press(use, user=bot.other)
        _, press = await bot.press(use)
        await bot.rest.respond(press, 4, {"content": "seen"})
        reply = await bot.told("MESSAGE_CREATE")
        assert (reply["type"], "message_reference" in reply) == (0, False)
        await bot.rest.client.delete(f"{bot.rest.webhook(told)}/messages/@original")
        with pytest.raises(InvocationRefused, match="is deleted"):
            await bot.press(use)


WRONG_USES: list[tuple[str, dict[str, Any], str]] = [
    ("pong", {}, "/pong is not registered: there is /stats, /ping, /purge"),
    ("stats", {}, "/stats is no command by itself: there is top"),
    ("stats low", {}, "/stats low is not registered: there is top"),
    ("ping x", {}, "/ping x is not registered: there is no subcommand"),
    ("ping", {"days": 1}, "/ping takes no option, not 'days'"),
    ("stats top", {}, "/stats top needs the option 'days'"),
    ("stats top", {"days": "7"}, "option 'days' of /stats top is a whole number, not '7'"),
    ("stats top", {"days": True}, "option 'days' of /stats top is a whole number, not True"),
    ("stats top", {"days": 0}, "option 'days' of /stats top is 0, but its min_value is 1"),
    ("stats top", {"days": 91}, "option 'days' of /stats top is 91, but its max_value is 90"),
    ("stats top", {"days": 1, "kind": "x"}, "option 'kind' of /stats top is one of voice, not 'x'"),
    ("stats top", {"days": 1, "word": "x"}, "option 'word' of /stats top is 'x', but its min_length is 2"),
    ("stats top", {"days": 1, "bots": 1}, "option 'bots' of /stats top is true or false, not 1"),
    ("stats top", {"days": 1, "share": "x"}, "option 'share' of /stats top is a number, not 'x'"),
    ("stats top", {"days": 1, "who": 7}, "option 'who' of /stats top names nothing that can be chosen here: 7"),
    ("stats top", {"days": 1, "who": "me"}, "option 'who' of /stats top is an id, not 'me'"),
    ("stats top", {"days": 1, "role": 7}, "option 'role' of /stats top names nothing that can be chosen here: 7"),
]


async def test_what_is_not_registered_cannot_be_used() -> None:
    """And the bot is told of no such thing."""
    async with connected() as bot:
        for command, options, sentence in WRONG_USES:
            with pytest.raises(InvocationRefused) as refused:
                await bot.use(command, **options)
            assert str(refused.value) == sentence
        await bot.is_told_nothing()


async def test_a_channel_of_another_type_is_no_choice() -> None:
    """An option may want text channels alone."""
    async with connected() as bot:
        with pytest.raises(InvocationRefused, match="names nothing that can be chosen here"):
            await bot.use("stats top", days=1, where=bot.guild.afk_channel_id)


async def test_who_lacks_the_permissions_cannot_use_a_command() -> None:
    """`default_member_permissions` are asked of all roles together; the owner may do everything; 0 is for administrators."""
    async with connected() as bot:
        users, guild = bot.simulator.users, bot.guild
        place = {"guild": guild.id, "channel": bot.channel}
        with pytest.raises(InvocationRefused, match="may not use /purge: it needs the permissions 32"):
            await users.invoke("purge", user=bot.user, **place)
        for user in (bot.moderator, guild.owner_id):
            await users.invoke("purge", user=user, **place)
            told = await bot.told("INTERACTION_CREATE")
            assert int(told["member"]["permissions"]) & MANAGE_GUILD
        await bot.rest.register(ADMIN | {"default_member_permissions": "0"})
        with pytest.raises(InvocationRefused, match="may not use /purge"):
            await users.invoke("purge", user=bot.moderator, **place)
        await users.invoke("purge", user=guild.owner_id, **place)


async def test_only_people_who_are_there_use_commands() -> None:
    """In a channel in which something can be written, in a guild whose session would be told."""
    async with connected() as bot:
        users, guild = bot.simulator.users, bot.guild
        right = {"guild": guild.id, "channel": bot.channel, "user": bot.user}
        category = guild.channels[0].id
        for wrong in ({"guild": 1}, {"channel": category}, {"user": guild.bots[1].user.id}, {"user": 1}):
            with pytest.raises(InvocationRefused):
                await users.invoke("ping", **right | wrong)
        thread = next(each for each in guild.threads if not each.archived)
        await users.invoke("ping", **right | {"channel": thread.id})
        assert (await bot.told("INTERACTION_CREATE"))["channel"]["parent_id"] == str(thread.parent_id)
        await bot.rest.register(PING | {"contexts": [1]})
        with pytest.raises(InvocationRefused, match="cannot be used in guilds"):
            await users.invoke("ping", **right)
    async with open_simulator(SimulatorSettings(count=0)) as simulator:
        with pytest.raises(InvocationRefused, match="no session"):
            await simulator.users.invoke("ping", guild=simulator.world.guilds[0].id, channel=1, user=1)


async def test_what_is_typed_is_completed() -> None:
    """The bot is told which option is typed, and offers values; required options may still be missing."""
    async with connected() as bot:
        place = {"guild": bot.guild.id, "channel": bot.channel, "user": bot.user}
        use = await bot.simulator.users.complete("stats top", "word", options={"word": "a"}, **place)
        told = await bot.told("INTERACTION_CREATE")
        assert told["type"] == 4
        [option] = told["data"]["options"][0]["options"]
        assert (option["name"], option["value"], option["focused"]) == ("word", "a", True)
        assert error(await bot.rest.respond(told, 4, {"content": "x"})) == (400, 50035)
        choices = [{"name": "Apple", "value": "apple"}]
        assert (await bot.rest.respond(told, 8, {"choices": choices})).status_code == 204
        assert await use.choices() == choices
        with pytest.raises(NotAnswered, match="which is no message"):
            await use.answer()
        with pytest.raises(InvocationRefused, match="offers nothing"):
            await bot.simulator.users.complete("stats top", "days", options={"days": 1}, **place)


async def test_a_modal_is_taken_and_kept() -> None:
    """Who plays the user sees it."""
    async with connected() as bot:
        use, told = await bot.use()
        modal = {"custom_id": "m", "title": "Ask", "components": [{"type": 1, "components": []}]}
        answered = await bot.rest.respond(told, 9, modal, with_response=True)
        assert answered.json() == {"interaction": {"id": told["id"], "type": 2}, "resource": {"type": 9}}
        assert (await use.acknowledged(), use.interaction.modal) == (9, modal)


async def test_neither_token_nor_options_stand_in_the_ledger(tmp_path: Path) -> None:
    """The line says who used which command where; a replay is kept from a secret like the first dispatch."""
    ledger = tmp_path / "ledger.jsonl"
    async with connected(ledger=ledger) as bot:
        _, told = await bot.use("stats top", days=7, word="sekrit")
        await bot.simulator.drop(0, "reset")
        session = json.loads(ledger.read_text().splitlines()[0])["session"]
        async with connect(bot.simulator.gateway_url) as again:
            await again.resume(session, 2)
            replayed = (await again.receive_until("RESUMED"))[0]
            assert replayed["d"] == told, "who resumes gets the token"
        assert (await bot.rest.respond(told, 4, {"content": "late"})).status_code == 204
    text = ledger.read_text()
    assert told["token"] not in text
    assert "sekrit" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    kept = [(line["frame"]["d"], line.get("replay")) for line in lines if line["frame"]["t"] == "INTERACTION_CREATE"]
    expected = {
        name: told[name] for name in ("version", "type", "id", "guild_id", "context", "channel_id", "application_id")
    }
    expected |= {"member": {"user": {"id": str(bot.user)}}, "data": {**told["data"]}}
    del expected["data"]["options"]
    assert kept == [(expected, None), (expected, True)]


async def test_a_simulator_that_is_started_anew_does_not_replay_interactions(tmp_path: Path) -> None:
    """Their tokens are gone; everything else is replayed, and the numbers go on."""
    ledger = tmp_path / "ledger.jsonl"
    async with connected(ledger=ledger) as bot:
        session = json.loads(ledger.read_text().splitlines()[0])["session"]
        _, told = await bot.use()
        await bot.rest.respond(told, 4, {"content": "pong"})
    async with open_simulator(SimulatorSettings(count=0, guilds=1, ledger=ledger)) as simulator:
        async with connect(simulator.gateway_url) as client:
            await client.resume(session, 2)
            frames = await client.receive_until("RESUMED")
    assert [(frame["t"], frame["s"]) for frame in frames] == [("MESSAGE_CREATE", 4), ("RESUMED", 5)]
    assert [frame["s"] for frame in first_hand(ledger)] == [1, 2, 3, 4, 5]


async def test_users_are_played_by_commands_of_the_control_too() -> None:
    """As JSON, with ids as strings and files in base64; what Discord would not let a user do is answered with its sentence."""
    async with connected() as bot:

        async def ask(**command: Any) -> dict[str, Any]:
            answered: dict[str, Any] = json.loads(
                msgspec.json.encode(await execute(bot.simulator, msgspec.json.encode(command)))
            )
            return answered

        listed = await ask(cmd="commands")
        assert [each["name"] for each in listed["commands"]] == ["stats", "ping", "purge"]
        assert await ask(cmd="commands", guild=str(bot.guild.id)) == {"commands": []}
        used = await ask(cmd="invoke", command="stats top", options={"days": 7})
        told = await bot.told("INTERACTION_CREATE")
        assert used == {"interaction": told["id"]}
        assert told["data"]["options"][0]["options"][0]["value"] == 7
        waiting = await ask(cmd="answer", interaction=told["id"], within=0.01)
        assert waiting == {"error": "/stats top was not answered within 0.01 seconds"}
        await bot.rest.respond(told, 4, {"components": BUTTONS}, _0=("a", b"\x00\x01", "image/png"))
        await bot.rest.follow_up(told, {"content": "more", "flags": EPHEMERAL})
        answer = (await ask(cmd="answer", interaction=told["id"], follow_ups=1))["answer"]
        assert (answer["kind"], answer["message"]["files"]) == (4, {"a": "AAE="})
        assert [(each["content"], each["ephemeral"]) for each in answer["follow_ups"]] == [("more", True)]
        await bot.told("MESSAGE_CREATE")
        message = answer["message"]["id"]
        pressed = await ask(cmd="press", message=message, custom_id="pick", values=["one"], user=str(bot.other))
        press = await bot.told("INTERACTION_CREATE")
        assert (pressed["interaction"], press["member"]["user"]["id"]) == (press["id"], str(bot.other))
        typed = await ask(cmd="invoke", command="stats top", options={"word": "a"}, focused="word")
        assert (await bot.told("INTERACTION_CREATE"))["type"] == 4
        assert set(typed) == {"interaction"}
        for wrong, sentence in (
            ({"cmd": "invoke", "command": "pong"}, "/pong is not registered: there is /stats, /ping, /purge"),
            ({"cmd": "invoke", "command": "ping", "guild": "5"}, "the bot is in no guild 5"),
            (
                {"cmd": "invoke", "command": "ping", "user": "5"},
                f"guild {bot.guild.id} has no member 5 who is a person",
            ),
            ({"cmd": "press", "message": "5", "custom_id": "x"}, "the bot has sent no message 5 that is remembered"),
        ):
            assert await ask(**wrong) == {"error": sentence}
        unknown = await ask(cmd="answer", interaction="5")
        assert unknown["error"].endswith("there was no interaction 5 in the last quarter of an hour")


async def test_an_answer_in_a_channel_that_is_gone_is_refused() -> None:
    """What stood there is gone with it."""
    async with connected() as bot:
        _, early = await bot.use()
        _, late = await bot.use()
        await bot.rest.respond(early, 4, {"content": "x"})
        bot.simulator.guilds[bot.guild.id].drop_channel(bot.channel)
        assert error(await bot.rest.respond(late, 4, {"content": "x"})) == (404, 10003)
        assert error(await bot.rest.edit(early, {"content": "x"})) == (404, 10008)


async def test_a_plain_message_of_a_follow_up_is_counted_as_one(tmp_path: Path) -> None:
    """By the bot, as a message; the answer is a command."""
    ledger = tmp_path / "ledger.jsonl"
    async with connected(ledger=ledger) as bot:
        use, told = await bot.use()
        await bot.rest.respond(told, 4, {"content": "one"})
        await bot.rest.follow_up(told, {"content": "two"})
        answer, follow_up = await use.answer(), await use.follow_up()
    row = (bot.channel, bot.rest.id, BOT)
    assert recount(ledger).raw == {
        (bot.guild.id, answer.id): (*row, COMMAND),
        (bot.guild.id, follow_up.id): (*row, MESSAGE),
    }


@pytest.mark.parametrize(
    "data",
    [
        {"flags": "64"},
        {"flags": 64.5},
        {"embeds": [{"title": "a", "fields": ["x"]}]},
        {"embeds": [{"title": "a", "fields": 5}]},
        {"embeds": [{"title": "a", "fields": [{"name": " ", "value": "x"}]}]},
        {"content": "a", "components": [{"type": 1, "components": ["x"]}]},
        {"content": " \n"},
    ],
)
async def test_an_answer_of_the_wrong_shape_is_refused_and_ends_nothing(data: dict[str, Any]) -> None:
    """A bot's mistake is its own: 400, and the next answer is taken."""
    async with connected() as bot:
        _, told = await bot.use()
        refused = await bot.rest.respond(told, 4, data)
        taken = await bot.rest.respond(told, 4, {"content": "here"})

    assert (refused.status_code, taken.status_code) == (400, 204)


async def test_an_answer_nested_without_end_is_refused() -> None:
    """No parser of ours recurses into it."""
    async with connected() as bot:
        _, told = await bot.use()
        deep = '{"type":4,"data":' + "[" * 20_000 + "]" * 20_000 + "}"
        address = f"/interactions/{told['id']}/{told['token']}/callback"
        refused = await bot.rest.client.post(address, content=deep, headers={"content-type": "application/json"})

    assert refused.status_code == 400
