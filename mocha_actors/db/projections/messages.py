"""Messages: one raw row each, what is known beside, and the rollups; deleted ones are marked and counted apart (statistics, rules 4 to 6)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Final

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections import closed_days, rollups, user_columns
from mocha_actors.db.projections.rollups import Row
from mocha_actors.pipeline.facts import Fact, MessageDetails, MessageEdited, MessagesDeleted, MessageSent

INSERT: Final = BulkInsert(
    "INSERT INTO message_events (guild_id, message_id, channel_id, user_id, author_class, kind, type)",
    "(?, ?, ?, ?, ?, ?, ?)",
    "ON CONFLICT DO NOTHING",
)

KNOWN: Final = (
    "SELECT message_id FROM message_events WHERE guild_id = ? AND message_id IN (SELECT value FROM json_each(?))"
)

DESCRIBE: Final = BulkInsert(
    "INSERT INTO message_details (guild_id, message_id, attachments, embeds, mentions, links, length, words, invoker_id, edits)",
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
    "ON CONFLICT (guild_id, message_id) DO UPDATE SET attachments = excluded.attachments, embeds = excluded.embeds, "
    "mentions = excluded.mentions, links = excluded.links, length = excluded.length, words = excluded.words, invoker_id = excluded.invoker_id",
)

EDITS: Final = (
    "SELECT message_id, edited_ms, edits FROM message_details "
    "WHERE guild_id = ? AND message_id IN (SELECT value FROM json_each(?))"
)

EDIT: Final = BulkInsert(
    "INSERT INTO message_details (guild_id, message_id, attachments, edited_ms, edits)",
    "(?, ?, 0, ?, ?)",
    "ON CONFLICT (guild_id, message_id) DO UPDATE SET edited_ms = excluded.edited_ms, edits = excluded.edits",
)

STANDING: Final = (
    "SELECT guild_id, message_id, channel_id, user_id, author_class, kind, type FROM message_events "
    "WHERE guild_id = ? AND deleted_ms IS NULL AND message_id IN (SELECT value FROM json_each(?))"
)

DELETE: Final = (
    "UPDATE message_events SET deleted_ms = ? "
    "WHERE guild_id = ? AND deleted_ms IS NULL AND message_id IN (SELECT value FROM json_each(?))"
)

ROW: Final[Callable[[MessageSent], Row]] = attrgetter(
    "guild_id", "message_id", "channel_id", "user_id", "author_class", "kind", "type"
)
BY_GUILD: Final = itemgetter(0)
BY_MESSAGE: Final = itemgetter(1)

MessageKey = tuple[int, int]
"""(guild, message)."""

Positions = Mapping[MessageKey, int]
"""Where in the group a message is sent that was not known before: what is said of it earlier is about an unknown one."""


class MessageProjection:
    """Writes messages. Only rows that are really inserted, or really marked as deleted, are counted (statistics, rule 6)."""

    facts: tuple[type[Fact], ...] = (MessageSent, MessageDetails, MessageEdited, MessagesDeleted)

    def reset(self) -> None:
        """See :meth:`Projection.reset`: nothing is remembered."""

    def apply(self, connection: Connection, facts: Sequence[Fact]) -> AbstractSet[int]:
        """See :meth:`Projection.apply`."""
        sent = [fact for fact in facts if isinstance(fact, MessageSent)]
        # Of a struct's class, `isinstance` says no in 0.1 µs: it asks the metaclass.
        details = [fact for fact in facts if type(fact) is MessageDetails]
        new = insert_new(connection, rows_of(sent))
        counts = rollups.add(connection, new)
        changed = set(map(BY_GUILD, new)) | describe(connection, details)
        days = {key[:2] for key in counts.channel_day}
        # Looking for them in every group cost each message 0.3 µs, and most groups have none.
        if len(sent) + len(details) < len(facts):
            later = [each for each in enumerate(facts) if isinstance(each[1], MessageEdited | MessagesDeleted)]
            positions = first_positions(facts, new)
            changed |= edit(connection, later, positions)
            gone = delete(connection, later, positions)
            days |= {key[:2] for key in rollups.add(connection, gone, "deleted").channel_day}
            changed |= set(map(BY_GUILD, gone))
        closed_days.mark(connection, days)
        user_columns.outdate(connection, days)
        return changed


def rows_of(messages: Sequence[MessageSent]) -> list[Row]:
    """The rows of ``messages`` in the order of their keys, in which they are written fastest."""
    rows = list(map(ROW, messages))
    # By message they are sorted already, nearly always, and one number after the other is compared faster than pairs are.
    rows.sort(key=BY_MESSAGE)
    rows.sort(key=BY_GUILD)
    return rows


def insert_new(connection: Connection, rows: list[Row]) -> list[Row]:
    """Insert raw rows; returns those that are new.

    All of them nearly always are, so that is assumed, and undone to the savepoint when fewer rows were inserted than offered.
    """
    if not rows:
        return rows
    connection.execute("SAVEPOINT messages")
    if INSERT.execute(connection, rows) != len(rows):
        connection.execute("ROLLBACK TO SAVEPOINT messages")
        rows = without_known(connection, rows)
        INSERT.execute(connection, rows)
    connection.execute("RELEASE SAVEPOINT messages")
    return rows


def without_known(connection: Connection, rows: Sequence[Row]) -> list[Row]:
    """``rows`` without those that the table holds, and without repetitions of one another; the first of its key stays."""
    first: dict[MessageKey, Row] = {}
    for row in rows:
        first.setdefault(row[:2], row)
    for key in known_keys(connection, first):
        del first[key]
    return list(first.values())


def known_keys(connection: Connection, keys: Iterable[MessageKey]) -> list[MessageKey]:
    """Those of ``keys`` that the table holds."""
    return [(guild, message) for guild, ids in by_guild(keys) for (message,) in connection.execute(KNOWN, (guild, ids))]


def by_guild(keys: Iterable[MessageKey]) -> Iterable[tuple[int, str]]:
    """Each guild with its messages as JSON, in order."""
    for guild, of_guild in groupby(sorted(keys), key=lambda key: key[0]):
        yield guild, json.dumps([message for _, message in of_guild])


def first_positions(facts: Sequence[Fact], new: Iterable[Row]) -> Positions:
    """Where in ``facts`` each of the ``new`` messages is sent first."""
    unknown = {row[:2] for row in new}
    positions: dict[MessageKey, int] = {}
    for position, fact in enumerate(facts):
        if isinstance(fact, MessageSent) and (fact.guild_id, fact.message_id) in unknown:
            positions.setdefault((fact.guild_id, fact.message_id), position)
    return positions


def describe(connection: Connection, details: Sequence[MessageDetails]) -> set[int]:
    """Write what is known of messages; returns the guilds."""
    rows = {
        (d.guild_id, d.message_id): (d.attachments, d.embeds, d.mentions, d.links, d.length, d.words, d.invoker_id)
        for d in details
    }
    DESCRIBE.execute(connection, [(*key, *rows[key]) for key in sorted(rows)])
    return {guild for guild, _ in rows}


def edit(connection: Connection, facts: Iterable[tuple[int, Fact]], positions: Positions) -> set[int]:
    """Count edits of known messages that are newer than the last one; returns the guilds."""
    edits: dict[MessageKey, list[int]] = {}
    for position, fact in facts:
        if isinstance(fact, MessageEdited) and positions.get((fact.guild_id, fact.message_id), -1) < position:
            edits.setdefault((fact.guild_id, fact.message_id), []).append(fact.edited_ms)
    if not edits:
        return set()
    before = {
        (guild, message): (edited_ms, count)
        for guild, ids in by_guild(edits)
        for message, edited_ms, count in connection.execute(EDITS, (guild, ids))
    }
    rows = []
    for key in sorted(known_keys(connection, edits)):
        last, count = edited(*before.get(key, (None, 0)), edits[key])
        if count != before.get(key, (None, 0))[1]:
            rows.append((*key, last, count))
    EDIT.execute(connection, rows)
    return {guild for guild, *_ in rows}


def edited(last: int | None, count: int, times: Iterable[int]) -> tuple[int | None, int]:
    """The time of the last edit and how many there were, after edits at ``times``: only a newer one is another one."""
    for edited_ms in times:
        if last is None or edited_ms > last:
            last, count = edited_ms, count + 1
    return last, count


def delete(connection: Connection, facts: Iterable[tuple[int, Fact]], positions: Positions) -> list[Row]:
    """Mark messages as deleted; returns the rows of those that were not before, by key. The others, and unknown ones, are nothing."""
    times: dict[MessageKey, int] = {}
    for position, fact in facts:
        if isinstance(fact, MessagesDeleted):
            for message in fact.message_ids:
                key = (fact.guild_id, message)
                if positions.get(key, -1) < position:
                    times.setdefault(key, fact.at_ms)
    gone: list[Row] = [
        row for guild, ids in by_guild(times) for row in connection.execute(STANDING, (guild, ids)).fetchall()
    ]
    moments: dict[tuple[int, int], list[int]] = {}
    for guild, message, *_ in gone:
        moments.setdefault((guild, times[guild, message]), []).append(message)
    for (guild, at_ms), messages in sorted(moments.items()):
        connection.execute(DELETE, (at_ms, guild, json.dumps(messages)))
    return sorted(gone)
