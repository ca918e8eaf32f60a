"""A use of a command or a component as Discord's client lets a user make it, and as the bot is told of it.

Whatever the client would not let the user do is refused with an `InvocationRefused`. Shapes:
https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mocha_actors.simulator.commands import (
    BOOLEAN,
    CHANNEL,
    INTEGER,
    MENTIONABLE,
    NUMBER,
    ROLE,
    STRING,
    SUB_COMMAND,
    SUB_COMMAND_GROUP,
    USER,
)
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.objects import channel_object, member_object, role_object, thread_object, user_object
from mocha_actors.simulator.permissions import may_use, member_permissions
from mocha_actors.simulator.world import Channel, Member

Value = str | int | float | bool
"""What a user gives for an option; a user, channel or role is given by id."""

BUTTON, STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = 2, 3, 5, 6, 7, 8
"""Types of components that can be used: https://discord.com/developers/docs/components/reference."""

SELECTS: Final = (STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT)

LINK, PREMIUM = 5, 6
"""Styles of buttons of whose use a bot is not told."""

MOST_DIGITS = 20
"""Of an id."""

KINDS: Final = {STRING: "a text", INTEGER: "a whole number", BOOLEAN: "true or false", NUMBER: "a number"}


class InvocationRefused(ValueError):
    """Discord's client would not let the user do this; the text says why."""


@dataclass
class Resolved:
    """The objects behind the ids among the options or values of an interaction."""

    guild: GuildState
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)

    def user(self, user_id: int) -> bool:
        """Take in a member, if there is such a one."""
        member = self.guild.members.get(user_id)
        if member is not None:
            seen = member_object(member) | {"permissions": str(member_permissions(self.guild, member))}
            self._put("members", user_id, seen)
            self._put("users", user_id, user_object(member.user))
        return member is not None

    def role(self, role_id: int) -> bool:
        """Take in a role, if there is such a one."""
        roles = self.guild.guild.roles
        if role_id in roles:
            self._put("roles", role_id, role_object(role_id, roles.index(role_id)))
        return role_id in roles

    def channel(self, channel_id: int) -> Channel | None:
        """Take in a channel or thread, if there is such a one."""
        channel = self.guild.channels.get(channel_id) or self.guild.threads.get(channel_id)
        if channel is not None:
            self._put("channels", channel_id, partial_channel(self.guild, channel))
        return channel

    def _put(self, kind: str, object_id: int, described: dict[str, Any]) -> None:
        self.objects.setdefault(kind, {})[str(object_id)] = described


def partial_channel(guild: GuildState, channel: Channel, member: Member | None = None) -> dict[str, Any]:
    """Describe a channel as it stands in an interaction, with what a member, or the bot, may do there."""
    is_thread = channel.id in guild.threads
    described = thread_object(channel, guild.id) if is_thread else channel_object(channel) | {"guild_id": str(guild.id)}
    permissions = member_permissions(guild, member or guild.guild.bots[0])
    return described | {"permissions": str(permissions)}


def command_data(
    command: dict[str, Any],
    path: Sequence[str],
    options: Mapping[str, Value],
    guild: GuildState,
    *,
    focused: str | None = None,
) -> dict[str, Any]:
    """Make the `data` of a use of a slash command.

    Args:
        command: as it is registered.
        path: names of group and subcommand, if there are any.
        options: what is given, by name.
        guild: where.
        focused: name of the option that is still being typed, for which the bot is to offer values.

    Raises:
        InvocationRefused: an option is unknown, missing or of the wrong type, or there is no such subcommand.
    """
    title = "/" + " ".join([command["name"], *path])
    groups, accepted = _descend(command, path, title)
    resolved = Resolved(guild)
    given = _given(accepted, options, resolved, title, focused)
    for group in reversed(groups):
        given = [{"type": group["type"], "name": group["name"], "options": given}]
    data: dict[str, Any] = {"id": command["id"], "name": command["name"], "type": command["type"]}
    data |= {"options": given} if given else {}
    data |= {"resolved": resolved.objects} if resolved.objects else {}
    return data | ({"guild_id": command["guild_id"]} if "guild_id" in command else {})


def _descend(
    command: dict[str, Any], path: Sequence[str], title: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Follow the names of group and subcommand; return them, and the options that the last of them takes."""
    groups: list[dict[str, Any]] = []
    options = command.get("options", [])
    for name in path:
        nested = {each["name"]: each for each in options if each["type"] in (SUB_COMMAND, SUB_COMMAND_GROUP)}
        if name not in nested:
            raise InvocationRefused(f"{title} is not registered: there is {_listed(nested, 'no subcommand')}")
        groups.append(nested[name])
        options = nested[name].get("options", [])
    nested = {each["name"]: each for each in options if each["type"] in (SUB_COMMAND, SUB_COMMAND_GROUP)}
    if nested:
        raise InvocationRefused(f"{title} is no command by itself: there is {_listed(nested, '')}")
    return groups, options


def _listed(names: Mapping[str, object], nothing: str) -> str:
    return ", ".join(names) or nothing


def _given(
    accepted: list[dict[str, Any]], options: Mapping[str, Value], resolved: Resolved, title: str, focused: str | None
) -> list[dict[str, Any]]:
    known = {option["name"]: option for option in accepted}
    for name in [*options, *([focused] if focused else [])]:
        if name not in known:
            raise InvocationRefused(f"{title} takes {_listed(known, 'no option')}, not {name!r}")
    missing = [name for name, option in known.items() if option.get("required") and name not in options]
    if missing and focused is None:
        raise InvocationRefused(f"{title} needs the option {missing[0]!r}")
    if focused is not None and not known[focused].get("autocomplete"):
        raise InvocationRefused(f"{title} offers nothing while {focused!r} is typed")
    given = []
    for name, value in options.items():
        option = known[name]
        # What is still being typed may be anything yet.
        taken = value if name == focused else _checked(option, value, resolved, f"option {name!r} of {title}")
        mark = {"focused": True} if name == focused else {}
        given.append({"type": option["type"], "name": name, "value": taken} | mark)
    return given


def _checked(option: dict[str, Any], value: Value, resolved: Resolved, title: str) -> Value:
    """Return the value of an option as the bot is told it."""
    kind = option["type"]
    if kind in KINDS:
        if not _is_of(kind, value):
            raise InvocationRefused(f"{title} is {KINDS[kind]}, not {value!r}")
        _check_limits(option, value, title)
        return value
    if kind in (USER, ROLE, MENTIONABLE, CHANNEL):
        return _checked_id(option, value, resolved, title)
    raise InvocationRefused(f"{title} takes a file, which cannot be given here")


def _is_of(kind: int, value: Value) -> bool:
    if kind in (STRING, BOOLEAN):
        return isinstance(value, str if kind == STRING else bool)
    return isinstance(value, int if kind == INTEGER else int | float) and not isinstance(value, bool)


def _check_limits(option: dict[str, Any], value: Value, title: str) -> None:
    choices = [choice["value"] for choice in option.get("choices") or []]
    if choices and value not in choices:
        raise InvocationRefused(f"{title} is one of {', '.join(map(str, choices))}, not {value!r}")
    if isinstance(value, bool):
        return
    measured, least, most = (
        (len(value), "min_length", "max_length") if isinstance(value, str) else (value, "min_value", "max_value")
    )
    too_little = option.get(least) is not None and measured < option[least]
    too_much = option.get(most) is not None and measured > option[most]
    if too_little or too_much:
        limit = least if too_little else most
        raise InvocationRefused(f"{title} is {value!r}, but its {limit} is {option[limit]}")


def _checked_id(option: dict[str, Any], value: Value, resolved: Resolved, title: str) -> str:
    kind = option["type"]
    if isinstance(value, bool | float) or not str(value).isdecimal() or len(str(value)) > MOST_DIGITS:
        raise InvocationRefused(f"{title} is an id, not {value!r}")
    number = int(value)
    if kind == CHANNEL:
        channel, types = resolved.channel(number), option.get("channel_types")
        found = channel is not None and (not types or channel.type in types)
    else:
        found = (kind in (USER, MENTIONABLE) and resolved.user(number)) or (
            kind in (ROLE, MENTIONABLE) and resolved.role(number)
        )
    if not found:
        raise InvocationRefused(f"{title} names nothing that can be chosen here: {number}")
    return str(number)


def check_may_use(command: dict[str, Any], guild: GuildState, member: Member) -> None:
    """Pass if a member may use a command in a guild.

    Raises:
        InvocationRefused: the `default_member_permissions` or the `contexts` are against it.
    """
    contexts = command.get("contexts")
    if contexts is not None and 0 not in contexts:
        raise InvocationRefused(f"/{command['name']} cannot be used in guilds")
    if not may_use(member_permissions(guild, member), command["default_member_permissions"]):
        needed = command["default_member_permissions"]
        raise InvocationRefused(
            f"{member.user.username} may not use /{command['name']}: it needs the permissions {needed}"
        )


def component_data(
    components: Sequence[dict[str, Any]], custom_id: str, values: Sequence[str], guild: GuildState
) -> dict[str, Any]:
    """Make the `data` of a press of a button, or of a choice of `values` in a select.

    Raises:
        InvocationRefused: there is no such component, it is disabled, or the values cannot be chosen.
    """
    found = [each for each in usable(components) if each["custom_id"] == custom_id]
    if not found:
        there = ", ".join(each["custom_id"] for each in usable(components)) or "nothing"
        raise InvocationRefused(f"the message has no component {custom_id!r}: there is {there}")
    component = found[0]
    if component.get("disabled"):
        raise InvocationRefused(f"the component {custom_id!r} is disabled")
    data: dict[str, Any] = {"component_type": component["type"], "custom_id": custom_id, "id": component.get("id", 1)}
    if component["type"] == BUTTON:
        if values:
            raise InvocationRefused(f"{custom_id!r} is a button, which has no values")
        return data
    return data | _selected(component, values, guild)


def usable(components: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """List the components that a user can use, at any depth."""
    found: list[dict[str, Any]] = []
    for each in components:
        nested = each.get("components", [])
        accessory = [each["accessory"]] if "accessory" in each else []
        found += usable([*nested, *accessory])
        is_told = each.get("type") in SELECTS or (
            each.get("type") == BUTTON and each.get("style") not in (LINK, PREMIUM)
        )
        found += [each] if is_told and "custom_id" in each else []
    return found


def _selected(component: dict[str, Any], values: Sequence[str], guild: GuildState) -> dict[str, Any]:
    title, kind = f"select {component['custom_id']!r}", component["type"]
    least, most = component.get("min_values", 1), component.get("max_values", 1)
    if not least <= len(values) <= most or len(set(values)) < len(values):
        raise InvocationRefused(f"of the {title}, {least} to {most} different values are chosen, not {len(values)}")
    if kind == STRING_SELECT:
        offered = [option["value"] for option in component.get("options", [])]
        if not set(values) <= set(offered):
            raise InvocationRefused(f"the {title} offers {', '.join(offered)}, not {', '.join(values)}")
        return {"values": list(values)}
    types = {USER_SELECT: USER, ROLE_SELECT: ROLE, MENTIONABLE_SELECT: MENTIONABLE, CHANNEL_SELECT: CHANNEL}
    resolved = Resolved(guild)
    option = {"type": types[kind], "channel_types": component.get("channel_types")}
    chosen = [_checked_id(option, value, resolved, title) for value in values]
    return {"values": chosen, "resolved": resolved.objects}
