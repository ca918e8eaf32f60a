"""Whom and what a command line names: by id, by a mention as it is copied out of Discord, or by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

import click

from mocha_actors.db.connection import Connection
from mocha_actors.errors import ConfigError

Kind = Literal["channel", "user", "role"]

NAMES_LISTED: Final = 5
"""Ids that an error lists where a name has several."""

MENTIONS: Final[dict[Kind, re.Pattern[str]]] = {
    "channel": re.compile("<#([0-9]+)>"), "user": re.compile("<@!?([0-9]+)>"), "role": re.compile("<@&([0-9]+)>"),
}  # fmt: skip

CHANNELS: Final = "SELECT id FROM channels WHERE guild_id = ? AND name = ? ORDER BY id"
ALL_CHANNELS: Final = "SELECT id, name FROM channels WHERE guild_id = ? ORDER BY id"
USERS: Final = "SELECT id FROM users WHERE username = ? OR global_name = ? ORDER BY id"
ALL_USERS: Final = "SELECT id, username, global_name FROM users ORDER BY id"


def mentioned(kind: Kind, text: str) -> str:
    """The id in a mention of this kind; every other text as it is."""
    match = MENTIONS[kind].fullmatch(text.strip())
    return text if match is None else match[1]


def user_id(value: str) -> int:
    """Read the id of a user, or a mention."""
    return _read_id("user", value, "is no id of a user")


def role_id(value: str) -> int:
    """Read the id of a role, or a mention."""
    return _read_id("role", value, "is no id, and the names of roles are not recorded; give the id")


def _read_id(kind: Kind, value: str, fault: str) -> int:
    text = mentioned(kind, value)
    if not is_id(text):
        raise click.BadParameter(f"{value!r} {fault}")
    return int(text)


def once(*names: str, **attributes: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An option that is refused when it is given twice, where the last one alone would be no answer to what was asked."""
    return click.option(*names, multiple=True, callback=_only, **attributes)


def _only(_: click.Context, option: click.Parameter, values: Sequence[Any]) -> Any:
    if len(values) > 1:
        msg = f"{option.opts[0]} is given {len(values)} times; one is allowed here"
        raise ConfigError(msg)
    return values[0] if values else None


def is_id(text: str) -> bool:
    """Whether ``text`` is taken for an id."""
    return text.removeprefix("-").isdecimal()


def channel_named(connection: Connection, guild_id: int, option: str, text: str) -> int:
    """The id of a channel, thread or category that is named by id, mention or name.

    Raises:
        ConfigError: nothing has this name, or several do.

    """
    text = mentioned("channel", text)
    if is_id(text):
        return int(text)
    name = searchable(text.removeprefix("#"))
    found = [key for (key,) in connection.execute(CHANNELS, (guild_id, name))]
    return found_id(option, text, found or alike(connection.execute(ALL_CHANNELS, (guild_id,)), name))


def user_named(connection: Connection, text: str) -> int:
    """The id of a user who is named by id, mention, unique name or display name.

    Raises:
        ConfigError: nobody has this name, or several do.

    """
    text = mentioned("user", text)
    if is_id(text):
        return int(text)
    name = searchable(text.removeprefix("@"))
    found = [key for (key,) in connection.execute(USERS, (name, name))]
    return found_id("--user", text, found or alike(connection.execute(ALL_USERS), name))


def alike(rows: Iterable[Sequence[Any]], name: str) -> list[int]:
    """The ids of the rows of an id and names of which one is ``name`` but for upper and lower case."""
    folded = name.casefold()
    return [key for key, *names in rows if any(each is not None and each.casefold() == folded for each in names)]


def found_id(option: str, text: str, found: Sequence[int]) -> int:
    """The id that ``found`` says has the name ``text``.

    Raises:
        ConfigError: nothing has this name, or several do.

    """
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigError(f"{option} is {text!r}; nothing of that name is known, give the id")
    listed = ", ".join(map(str, found[:NAMES_LISTED]))
    raise ConfigError(f"{option} is {text!r}, which {len(found)} have as their name; give the id: {listed}")


def searchable(text: str) -> str:
    """``text`` as a database takes it: bytes of an argument that are no UTF-8 match nothing."""
    return text.encode(errors="replace").decode()
