"""Application commands: what a bot registered, and what Discord lets it register.

Source: https://discord.com/developers/docs/interactions/application-commands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any, Final

from mocha_actors.simulator.refusals import Faults, Path, Refusal

CHAT_INPUT, USER_COMMAND, MESSAGE_COMMAND = 1, 2, 3
"""Types of commands."""

SUB_COMMAND, SUB_COMMAND_GROUP, STRING, INTEGER, BOOLEAN = 1, 2, 3, 4, 5
USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = 6, 7, 8, 9, 10, 11
"""Types of options."""

MOST_COMMANDS: Final = {CHAT_INPUT: 100, USER_COMMAND: 15, MESSAGE_COMMAND: 15}
"""How many commands of each type there may be, globally and again in each guild."""

MOST_OPTIONS = 25

Scope = int | None
"""The guild whose commands they are; None for the global ones."""


class CommandBook:
    """The commands of one application, by scope."""

    def __init__(self, application_id: int, new_id: Callable[[], int]) -> None:
        """Begin without commands; `new_id` makes an id that nothing else has."""
        self._application_id = application_id
        self._new_id = new_id
        self._scopes: dict[Scope, dict[int, dict[str, Any]]] = {}

    def all(self, scope: Scope) -> list[dict[str, Any]]:
        """List the commands of a scope, in the order in which they were registered."""
        return list(self._scopes.get(scope, {}).values())

    def get(self, scope: Scope, command_id: int) -> dict[str, Any]:
        """Return a command.

        Raises:
            Refusal: 10063, there is none with this id.
        """
        command = self._scopes.get(scope, {}).get(command_id)
        if command is None:
            raise Refusal(404, 10063, "Unknown application command")
        return command

    def find(self, guild_id: int, name: str, kind: int = CHAT_INPUT) -> dict[str, Any] | None:
        """Find what a user of a guild gets under a name: the guild's own command goes before the global one."""
        for scope in (guild_id, None):
            for command in self.all(scope):
                if (command["name"], command["type"]) == (name, kind):
                    return command
        return None

    def replace(self, scope: Scope, data: object) -> list[dict[str, Any]]:
        """Register these commands and no others; one that was there before under its name keeps its id.

        Raises:
            Refusal: 50035, something is wrong with them; then all is as it was.
        """
        faults = Faults()
        given = data if isinstance(data, list) else faults.items((), data, 0)
        names = [_key(command) for command in given]
        for place, command in enumerate(given):
            check_command(faults, (place,), command)
            twice = names[place] in names[:place]
            faults.require(not twice, (place, "name"), "APPLICATION_COMMANDS_DUPLICATE_NAME", _NOT_UNIQUE)
        faults.check()
        _check_number(names)
        known = {_key(command): command for command in self.all(scope)}
        made = [self._made(scope, command, known.get(_key(command))) for command in given]
        self._scopes[scope] = {int(command["id"]): command for command in made}
        return made

    def create(self, scope: Scope, data: object) -> tuple[dict[str, Any], bool]:
        """Register one command, in the place of one of its name; tell whether there was none.

        Raises:
            Refusal: something is wrong with it, or there are too many.
        """
        command = _checked(data)
        known = {_key(each): each for each in self.all(scope)}
        before = known.get(_key(command))
        _check_number([*known, *([] if before else [_key(command)])])
        made = self._made(scope, command, before)
        self._scopes.setdefault(scope, {})[int(made["id"])] = made
        return made, before is None

    def edit(self, scope: Scope, command_id: int, data: object) -> dict[str, Any]:
        """Change what is named of a command, and leave the rest.

        Raises:
            Refusal: something is wrong with it, or there is no such command.
        """
        before = self.get(scope, command_id)
        faults = Faults()
        changes = faults.mapping((), data)
        faults.check()
        made = self._made(scope, _checked(before | changes | {"type": before["type"]}), before)
        self._scopes[scope][command_id] = made
        return made

    def delete(self, scope: Scope, command_id: int) -> None:
        """Take a command away.

        Raises:
            Refusal: there is no such command.
        """
        self.get(scope, command_id)
        del self._scopes[scope][command_id]

    def _made(self, scope: Scope, data: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
        """Describe a command as Discord does."""
        needed = data.get("default_member_permissions")
        command = {
            "id": before["id"] if before else str(self._new_id()),
            "application_id": str(self._application_id),
            "version": str(self._new_id()),
            "default_member_permissions": None if needed is None else str(int(needed)),
            "type": data.get("type", CHAT_INPUT),
            "name": data["name"],
            "name_localizations": data.get("name_localizations"),
            "description": data.get("description", ""),
            "description_localizations": data.get("description_localizations"),
            "contexts": data.get("contexts"),
            "integration_types": data.get("integration_types") or [0],
            "nsfw": data.get("nsfw", False),
        }
        command |= {"options": data["options"]} if data.get("options") else {}
        if scope is None:
            return command | {"dm_permission": data.get("dm_permission", True)}
        return command | {"guild_id": str(scope)}


_NUMBER = re.compile(r"\d{1,20}", re.ASCII)

_NOT_UNIQUE = "Application command names must be unique"


def _key(command: object) -> tuple[Any, Any]:
    """Tell by what a command is known; of one that makes no sense, something that no other has."""
    if not isinstance(command, dict):
        return id(command), None
    return command.get("type", CHAT_INPUT), str(command.get("name"))


def _checked(data: object) -> dict[str, Any]:
    faults = Faults()
    check_command(faults, (), data)
    faults.check()
    assert isinstance(data, dict)
    return data


def _check_number(keys: list[tuple[Any, Any]]) -> None:
    for kind, most in MOST_COMMANDS.items():
        if sum(key[0] == kind for key in keys) > most:
            raise Refusal(400, 30032, f"Maximum number of application commands reached ({most})")


def check_command(faults: Faults, path: Path, data: object) -> None:
    """Note what is wrong with a command."""
    command = faults.mapping(path, data)
    if not isinstance(data, dict):
        return
    kind = command.get("type", CHAT_INPUT)
    faults.choice((*path, "type"), kind, (CHAT_INPUT, USER_COMMAND, MESSAGE_COMMAND))
    if kind == CHAT_INPUT:
        _check_name(faults, (*path, "name"), command.get("name"))
        faults.text((*path, "description"), command.get("description"), 1, 100)
        _check_options(faults, (*path, "options"), command.get("options"), depth=0)
    else:
        faults.text((*path, "name"), command.get("name"), 1, 32)
        empty = not command.get("description") and not command.get("options")
        faults.require(empty, path, "APPLICATION_COMMAND_INVALID", "Only slash commands have a description or options")
    _check_rights(faults, path, command)


def _check_rights(faults: Faults, path: Path, command: dict[str, Any]) -> None:
    """Note what is wrong with who may use a command, and where."""
    needed = command.get("default_member_permissions")
    is_number = needed is None or (isinstance(needed, str | int) and _NUMBER.fullmatch(str(needed)) is not None)
    wrong = f'Value "{needed}" is not int.'
    faults.require(is_number, (*path, "default_member_permissions"), "NUMBER_TYPE_COERCE", wrong)
    for name, allowed in (("contexts", (0, 1, 2)), ("integration_types", (0, 1))):
        if command.get(name) is not None:
            for place, value in enumerate(faults.items((*path, name), command[name], len(allowed))):
                faults.choice((*path, name, place), value, allowed)
    for name in ("nsfw", "dm_permission"):
        good = isinstance(command.get(name, False), bool)
        faults.require(good, (*path, name), "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")


def _check_name(faults: Faults, path: Path, name: object) -> None:
    if not faults.text(path, name, 1, 32):
        return
    assert isinstance(name, str)
    good = all(map(_may_stand_in_name, name)) and name == name.lower()
    faults.require(good, path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _may_stand_in_name(character: str) -> bool:
    """Tell whether a letter, number, sign or mark is one of a command's name."""
    is_marked_script = "\u0900" <= character <= "\u097f" or "\u0e00" <= character <= "\u0e7f"
    return character in "-_'" or unicodedata.category(character)[0] in "LN" or is_marked_script


def _check_options(faults: Faults, path: Path, options: object, depth: int) -> None:
    """Note what is wrong with options; `depth` counts the subcommands and groups around them."""
    if options is None:
        return
    listed = [
        faults.mapping((*path, place), each) for place, each in enumerate(faults.items(path, options, MOST_OPTIONS))
    ]
    names = [option.get("name") for option in listed]
    nesting = [option.get("type") in (SUB_COMMAND, SUB_COMMAND_GROUP) for option in listed]
    faults.require(
        all(nesting) or not any(nesting), path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
        "Sub-command and sub-command group option types are mutually exclusive to all other types",
    )  # fmt: skip
    for place, option in enumerate(listed):
        here = (*path, place)
        once = names[place] not in names[:place]
        faults.require(once, here, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option names must be unique")
        late = bool(option.get("required")) and not all(each.get("required") for each in listed[:place])
        faults.require(
            not late, here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
            "Required options must be placed before non-required options",
        )  # fmt: skip
        _check_option(faults, here, option, depth)


def _check_option(faults: Faults, path: Path, option: dict[str, Any], depth: int) -> None:
    _check_name(faults, (*path, "name"), option.get("name"))
    faults.text((*path, "description"), option.get("description"), 1, 100)
    allowed = (*([SUB_COMMAND] if depth < 2 else []), *([SUB_COMMAND_GROUP] if depth < 1 else []), *range(3, 12))
    kind = option.get("type")
    if not faults.choice((*path, "type"), kind, allowed):
        return
    if kind in (SUB_COMMAND, SUB_COMMAND_GROUP):
        # A group holds subcommands; what stands in a subcommand can nest no further.
        _check_options(faults, (*path, "options"), option.get("options"), 1 if kind == SUB_COMMAND_GROUP else 2)
        return
    _check_limits(faults, path, option, kind)
    if option.get("choices"):
        _check_choices(faults, (*path, "choices"), option["choices"], kind)
        good = not option.get("autocomplete")
        faults.require(good, path, "APPLICATION_COMMAND_OPTION_INVALID", "Choices and autocomplete exclude each other")


def _check_limits(faults: Faults, path: Path, option: dict[str, Any], kind: object) -> None:
    for name in ("min_value", "max_value", "min_length", "max_length"):
        value = option.get(name)
        wanted = (int, float) if name.endswith("value") and kind == NUMBER else (int,)
        good = value is None or (isinstance(value, wanted) and not isinstance(value, bool))
        faults.require(good, (*path, name), "NUMBER_TYPE_COERCE", f'Value "{value}" is not of the type.')


def _check_choices(faults: Faults, path: Path, choices: object, kind: object) -> None:
    types: dict[object, tuple[type, ...]] = {STRING: (str,), INTEGER: (int,), NUMBER: (int, float)}
    wanted = types.get(kind, ())
    faults.require(wanted, path, "APPLICATION_COMMAND_OPTION_INVALID", "Options of this type have no choices")
    for place, each in enumerate(faults.items(path, choices, MOST_OPTIONS)):
        choice = faults.mapping((*path, place), each)
        faults.text((*path, place, "name"), choice.get("name"), 1, 100)
        value = choice.get("value")
        good = isinstance(value, wanted) and not isinstance(value, bool)
        faults.require(good, (*path, place, "value"), "NUMBER_TYPE_COERCE", f'Value "{value}" is not of the type.')
