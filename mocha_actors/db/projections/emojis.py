"""The newest name of each custom emoji, by the time of the fact that told it (statistics, rule A3.18)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mocha_actors.db.bulk import BulkInsert, BulkSelect
from mocha_actors.db.connection import Connection
from mocha_actors.pipeline.facts import Fact, ReactionAdded

CONFIRM_MS: Final = 86_400_000
"""How much newer a fact must be to be stored for repeating a known name."""

LOAD: Final = BulkSelect(
    "WITH wanted (guild_id, emoji) AS (VALUES ",
    "(?, ?)",
    ") SELECT e.guild_id, e.emoji, e.name, e.seen_ms FROM wanted CROSS JOIN emojis AS e "
    "WHERE e.guild_id = wanted.guild_id AND e.emoji = wanted.emoji",
)
STORE: Final = BulkInsert(
    "INSERT INTO emojis (guild_id, emoji, name, seen_ms)",
    "(?, ?, ?, ?)",
    "ON CONFLICT (guild_id, emoji) DO UPDATE SET name = excluded.name, seen_ms = excluded.seen_ms",
)


def learn(connection: Connection, facts: Iterable[Fact]) -> None:
    """Take the names of custom emojis from ``facts`` in their order; a name that stays is confirmed once a day."""
    told: dict[tuple[int, str], list[tuple[str, int]]] = {}
    for fact in facts:
        if isinstance(fact, ReactionAdded) and fact.emoji_name:
            told.setdefault((fact.guild_id, fact.emoji), []).append((fact.emoji_name, fact.at_ms))
    known = {(guild, emoji): (name, seen_ms) for guild, emoji, name, seen_ms in LOAD.rows(connection, sorted(told))}
    changed = []
    for key, names in sorted(told.items()):
        before = known.get(key)
        now = newest(before, names)
        if now is not None and now != before:
            changed.append((*key, *now))
    STORE.execute(connection, changed)


def newest(known: tuple[str, int] | None, told: Iterable[tuple[str, int]]) -> tuple[str, int] | None:
    """The name and when it was said, after ``told``."""
    for name, seen_ms in told:
        if known is None or (seen_ms >= known[1] and (name != known[0] or seen_ms - known[1] >= CONFIRM_MS)):
            known = (name, seen_ms)
    return known
