"""Who and what an answer counts, in words: every filter that is in force, those of the guild's settings too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from mocha_actors.showing.words import named
from mocha_actors.stats.questions import Filters
from mocha_actors.stats.results import GuildSettings

EVERYBODY: Final = "humans"
"""What is counted without any filter."""

LISTED: Final = 5
"""Places, users or roles that are named; a question may have hundreds."""


def counted(filters: Filters, settings: GuildSettings, names: Mapping[int, str]) -> str:
    """What ``filters`` and ``settings`` let through; ``names`` are of channels and users by id."""
    who = [EVERYBODY, *["bots"] * filters.include_bots, *["webhooks"] * filters.include_webhooks]
    return "; ".join(
        [
            ", ".join(who) + _places(filters, names),
            *_chosen(filters, names),
            *_left_out(filters),
            *_ignored(filters, settings),
        ]
    )


def _places(filters: Filters, names: Mapping[int, str]) -> str:
    places = (*filters.channels, *filters.categories)
    return f" in {_listed(places, names)}" if places else ""


def _chosen(filters: Filters, names: Mapping[int, str]) -> Iterator[str]:
    if filters.users:
        yield f"only {_listed(filters.users, names)}"
    if filters.roles:
        yield f"only holders of role {_listed(filters.roles, {})}"


def _left_out(filters: Filters) -> Iterator[str]:
    if filters.exclude_deleted:
        yield "without deleted messages"
    if not filters.include_left:
        yield "those who left are not listed"
    if not filters.exclude_afk:
        yield "with voice in the AFK channel"
    if filters.exclude_deaf:
        yield "without voice of the deafened"
    if filters.exclude_alone:
        yield "without voice of those alone"


def _ignored(filters: Filters, settings: GuildSettings) -> Iterator[str]:
    kinds = {"channel": settings.ignored_channel_id, "user": settings.ignored_user_id, "role": settings.ignored_role_id}
    numbers = [f"{len(ids):,} {kind}{'s' * (len(ids) != 1)}" for kind, ids in kinds.items() if ids]
    if numbers:
        ignore = "counted though the settings ignore them" if filters.include_ignored else "ignored by the settings"
        yield f"{', '.join(numbers)} {ignore}"


def _listed(ids: Iterable[int], names: Mapping[int, str]) -> str:
    keys = list(ids)
    more = f" and {len(keys) - LISTED:,} more" if len(keys) > LISTED else ""
    return ", ".join(named(key, names.get(key)) for key in keys[:LISTED]) + more
