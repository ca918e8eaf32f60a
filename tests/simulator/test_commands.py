"""Registering commands: what Discord takes, what it refuses, and with which words."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.simulator.commands import CommandBook
from mocha_actors.simulator.refusals import Refusal
from mocha_actors.simulator.server import open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from tests.simulator.rest import ADMIN, PING, STATS, error, rest_of

GUILD = 7


@pytest.fixture
def book() -> CommandBook:
    """Return an empty book."""
    return CommandBook(1, count(100).__next__)


def refused(do: Callable[[], object]) -> tuple[int, int]:
    """Status and code of what is refused."""
    with pytest.raises(Refusal) as refusal:
        do()
    return refusal.value.status, refusal.value.body["code"]


def test_a_replacement_keeps_the_ids_of_those_that_stay(book: CommandBook) -> None:
    """And drops the others; the versions are new."""
    before = {each["name"]: each for each in book.replace(None, [PING, STATS])}
    after = {each["name"]: each for each in book.replace(None, [STATS | {"description": "More"}, ADMIN])}
    assert list(after) == ["stats", "purge"]
    assert after["stats"]["id"] == before["stats"]["id"]
    assert after["stats"]["version"] != before["stats"]["version"]
    assert after["stats"]["description"] == "More"
    assert book.all(None) == list(after.values())


def test_a_guilds_own_command_goes_before_the_global_one(book: CommandBook) -> None:
    """Of the same name, in that guild alone."""
    book.replace(None, [PING])
    book.replace(GUILD, [PING | {"description": "Here"}])
    found = [book.find(guild, "ping") for guild in (GUILD, 8)]
    assert [each and each["description"] for each in found] == ["Here", "Pong"]
    assert [each and each.get("guild_id") for each in found] == [str(GUILD), None]
    assert book.find(GUILD, "pong") is None


def test_one_command_is_made_changed_and_taken_away(book: CommandBook) -> None:
    """A second one of its name takes its place."""
    made, is_new = book.create(None, PING)
    again, is_new_again = book.create(None, PING | {"description": "Again"})
    assert (is_new, is_new_again, again["id"]) == (True, False, made["id"])
    changed = book.edit(None, int(made["id"]), {"default_member_permissions": 8})
    assert (changed["description"], changed["default_member_permissions"]) == ("Again", "8")
    assert refused(lambda: book.edit(None, int(made["id"]), {"name": "Ping"})) == (400, 50035)
    assert book.get(None, int(made["id"])) == changed
    book.delete(None, int(made["id"]))
    assert refused(lambda: book.get(None, int(made["id"]))) == (404, 10063)
    assert refused(lambda: book.delete(GUILD, 5)) == (404, 10063)


def test_there_are_a_hundred_slash_commands_at_most(book: CommandBook) -> None:
    """In each scope; one that takes another's place is none more."""
    hundred = [PING | {"name": f"c{number}"} for number in range(100)]
    book.replace(None, hundred)
    book.create(None, hundred[5])
    book.create(None, {"type": 2, "name": "Look up"})
    book.create(GUILD, PING)
    assert refused(lambda: book.create(None, PING)) == (400, 30032)
    assert refused(lambda: book.replace(GUILD, [*hundred, PING])) == (400, 30032)


def _option(**fields: Any) -> dict[str, Any]:
    return PING | {"options": [{"type": 3, "name": "o", "description": "d"} | fields]}


SUB = {"type": 1, "name": "s", "description": "d"}
PLAIN = {"type": 3, "name": "p", "description": "d"}
WRONG: list[tuple[Any, list[str]]] = [
    (5, []),
    (PING | {"name": "Ping"}, ["name"]),
    (PING | {"name": "two words"}, ["name"]),
    (PING | {"name": ""}, ["name"]),
    (PING | {"name": "x" * 33}, ["name"]),
    ({"description": "d"}, ["name"]),
    ({"name": "ping"}, ["description"]),
    (PING | {"description": "d" * 101}, ["description"]),
    (PING | {"type": 9}, ["type"]),
    (PING | {"type": 2}, []),
    (PING | {"default_member_permissions": "all"}, ["default_member_permissions"]),
    (PING | {"contexts": [3]}, ["contexts", "0"]),
    (PING | {"nsfw": "no"}, ["nsfw"]),
    (PING | {"options": {}}, ["options"]),
    (PING | {"options": [PLAIN | {"name": f"o{n}"} for n in range(26)]}, ["options"]),
    (PING | {"options": [PLAIN, SUB]}, ["options"]),
    (PING | {"options": [PLAIN, PLAIN]}, ["options", "1"]),
    (PING | {"options": [PLAIN, PLAIN | {"name": "q", "required": True}]}, ["options", "1"]),
    (PING | {"options": [SUB | {"options": [SUB]}]}, ["options", "0", "options", "0", "type"]),
    (PING | {"options": [SUB | {"type": 2, "options": [SUB | {"type": 2}]}]}, ["options", "0", "options", "0", "type"]),
    (_option(type=12), ["options", "0", "type"]),
    (_option(name="O"), ["options", "0", "name"]),
    (_option(choices=[{"name": "n", "value": 1}]), ["options", "0", "choices", "0", "value"]),
    (_option(type=5, choices=[{"name": "n", "value": True}]), ["options", "0", "choices"]),
    (_option(choices=[{"name": "n", "value": "v"}], autocomplete=True), ["options", "0"]),
]


@pytest.mark.parametrize(("command", "place"), WRONG)
def test_a_wrong_command_is_refused_with_the_place_that_is_wrong(
    book: CommandBook, command: Any, place: list[str]
) -> None:
    """And nothing is registered, not even the right ones beside it."""
    with pytest.raises(Refusal) as refusal:
        book.replace(None, [STATS, command])
    assert (refusal.value.status, refusal.value.body["code"]) == (400, 50035)
    found = refusal.value.body["errors"]["1"]
    for step in place:
        found = found[step]
    assert found["_errors"]
    assert book.all(None) == []
    assert refused(lambda: book.create(None, command)) == (400, 50035)


def test_two_commands_of_a_name_are_refused(book: CommandBook) -> None:
    """Unless they are of different types."""
    assert refused(lambda: book.replace(None, [PING, PING])) == (400, 50035)
    assert refused(lambda: book.replace(None, PING)) == (400, 50035)
    assert len(book.replace(None, [PING, {"type": 3, "name": "ping"}])) == 2


@given(st.text(alphabet="abcxyz-_'ßéжथี日09", min_size=1, max_size=32))
def test_names_of_letters_numbers_and_marks_of_all_scripts_are_taken(name: str) -> None:
    """As long as they are small."""
    made, _ = CommandBook(1, count(1).__next__).create(None, PING | {"name": name})
    assert made["name"] == name


async def test_rest_registers_commands_of_its_own_bot_alone() -> None:
    """With its token, for its own application, and in guilds that it is in."""
    async with open_simulator(SimulatorSettings(count=0, guilds=1)) as simulator:
        guild = simulator.world.guilds[0].id
        async with rest_of(simulator) as rest:
            assert (await rest.register(PING, STATS)).json() == simulator.users.commands()
            assert (await rest.register(ADMIN, guild=guild)).json() == simulator.users.commands(guild)
            assert (await rest.client.get(rest.commands())).json() == simulator.users.commands()
            first = await rest.client.post(rest.commands(guild), json=PING)
            again = await rest.client.post(rest.commands(guild), json=PING)
            assert (first.status_code, again.status_code) == (201, 200)
            one = f"{rest.commands(guild)}/{first.json()['id']}"
            assert (await rest.client.get(one)).json() == again.json()
            assert (await rest.client.patch(one, json={"description": "x"})).json()["description"] == "x"
            gone = await rest.client.delete(one)
            assert (gone.status_code, gone.content) == (204, b"")
            assert error(await rest.client.get(one)) == (404, 10063)
            assert error(await rest.register(PING | {"name": "A"})) == (400, 50035)
            assert error(await rest.client.put("/applications/5/commands", json=[])) == (403, 20012)
            assert error(await rest.register(PING, guild=5)) == (403, 50001)
            assert error(await rest.client.put(one, json={})) == (405, 0)
            assert error(await rest.client.get(one + "/x")) == (404, 0)
            assert error(await rest.client.get(f"{rest.commands()}/x")) == (400, 50035)
        async with rest_of(simulator, "wrong") as stranger:
            assert error(await stranger.register(PING)) == (401, 0)
            assert simulator.users.commands() != []
