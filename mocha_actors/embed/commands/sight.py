"""Which channels somebody can see: Discord's arithmetic of roles and overwrites.

Source: https://discord.com/developers/docs/topics/permissions#permission-overwrites
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

ADMINISTRATOR: Final = 1 << 3
VIEW_CHANNEL: Final = 1 << 10
MANAGE_THREADS: Final = 1 << 34

PRIVATE_THREAD: Final = 12
"""Discord's type of threads that only those see who were added, and those who manage threads."""


class Overwrite(NamedTuple):
    """What a channel allows and denies a role or a member, as sets of permission bits."""

    target_id: int
    allow: int
    deny: int


class Place(NamedTuple):
    """A channel as Discord describes it; no category, and no thread: those are seen as their channel is.

    Attributes:
        channel_id: the channel.
        parent_id: its category; None outside of any.
        overwrites: its permission overwrites.

    """

    channel_id: int
    parent_id: int | None
    overwrites: tuple[Overwrite, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides who sees what in a guild.

    Attributes:
        guild_id: the guild, which is the id of the role of everybody too.
        owner_id: who owns it.
        roles: permission bits of each role.
        places: its channels.

    """

    guild_id: int
    owner_id: int
    roles: Mapping[int, int]
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody sees of a guild.

    Attributes:
        everything: they are its owner or an administrator, to whom nothing is hidden, what is deleted included.
        places: the channels that they see.

    """

    everything: bool
    places: tuple[Place, ...]

    def sees(self, channel_id: int | None) -> bool:
        """Whether a channel, or the channel of a thread, is seen."""
        return any(place.channel_id == channel_id for place in self.places)

    def counted(self, ignored: Collection[int]) -> tuple[int, ...]:
        """The channels that a question is restricted to, without those that the guild ignores, by themselves or by their category."""
        return tuple(
            sorted(
                place.channel_id
                for place in self.places
                if place.channel_id not in ignored and place.parent_id not in ignored
            )
        )


def of_member(plan: Plan, user_id: int, role_ids: Iterable[int]) -> Sight:
    """What a member sees who has these roles."""
    held = {plan.guild_id, *role_ids}
    base = _united(plan.roles.get(role, 0) for role in held)
    if user_id == plan.owner_id or base & ADMINISTRATOR:
        return Sight(everything=True, places=plan.places)
    seen = (place for place in plan.places if _permissions(plan, place, base, held, user_id) & VIEW_CHANNEL)
    return Sight(everything=False, places=tuple(seen))


def of_everybody(plan: Plan) -> Sight:
    """What every member sees, whatever their roles."""
    held = {plan.guild_id}
    base = plan.roles.get(plan.guild_id, 0)
    if base & ADMINISTRATOR:
        return Sight(everything=False, places=plan.places)
    # A member whom an overwrite names could be denied what everybody sees; what is shown to them is shown by somebody who may see it.
    seen = (place for place in plan.places if _permissions(plan, place, base, held, None) & VIEW_CHANNEL)
    return Sight(everything=False, places=tuple(seen))


def _permissions(plan: Plan, place: Place, base: int, held: set[int], user_id: int | None) -> int:
    """Overwrites of everybody come first, those of all roles at once second, those of the member last; allowing wins within a step."""
    steps = (
        [each for each in place.overwrites if each.target_id == plan.guild_id],
        [each for each in place.overwrites if each.target_id in held and each.target_id != plan.guild_id],
        [each for each in place.overwrites if each.target_id == user_id],
    )
    for step in steps:
        base = base & ~_united(each.deny for each in step) | _united(each.allow for each in step)
    return base


def _united(sets: Iterable[int]) -> int:
    united = 0
    for each in sets:
        united |= each
    return united
