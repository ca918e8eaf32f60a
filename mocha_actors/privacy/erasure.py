"""Erasure of a user (``forget``): what it did stays counted, and nothing says any more that it was this one.

In every guild the user's rows get a random id that is unlinked to anything, so that totals, rollups and distinct counts stay right and ``verify``
stays equal. Names, memberships, mentions, dead letters and open intervals go. First of all the user is put on the opt-out list, so that nothing new
arrives meanwhile. Tables are walked in pieces that hold the writer for milliseconds; the random ids stand in the database until all is
done, so an erasure that was interrupted goes on where it was begun anew. Afterwards nothing links them to the user.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Final

import msgspec

from mocha_actors.db.connection import Connection
from mocha_actors.db.optout import pseudonym
from mocha_actors.db.optout_list import key_of, set_opt_out
from mocha_actors.db.projections import revisions, rewrites, user_columns
from mocha_actors.pipeline.facts import Fact, PresenceChanged, PresenceStatus, VoiceChanged
from mocha_actors.plurals import counted
from mocha_actors.privacy.audit import AuditEntry, note
from mocha_actors.privacy.desk import Desk
from mocha_actors.privacy.places import PLACES, SINGLES, Place, Treatment

PIECE_ROWS: Final = 5_000
"""Rows that are looked at in one piece: a few milliseconds."""

ALIAS_BITS: Final = 62
"""Random bits of an alias, behind a 1: larger than any snowflake before the year 2049."""

GUILDS: Final = "SELECT id FROM guilds ORDER BY id"
ALIASES: Final = "SELECT guild_id, alias FROM erasures WHERE user_id = ?"
ADD_ALIAS: Final = (
    "INSERT INTO erasures (user_id, guild_id, alias) VALUES (?, ?, ?) ON CONFLICT (user_id, guild_id) DO NOTHING"
)
OPEN: Final = """
SELECT guild_id, shard, 'voice' FROM voice_events WHERE ended_ms IS NULL AND user_id = :user
UNION SELECT guild_id, shard, 'presence' FROM presence_events WHERE ended_ms IS NULL AND user_id = :user"""

LETTERS: Final = "SELECT id, payload FROM dead_letters WHERE id > ? ORDER BY id LIMIT ?"

VERBS: Final[dict[Treatment, str]] = {
    "rename": "UPDATE {0} SET {1} = :alias",
    "merge": "DELETE FROM {0}",
    "forget": "UPDATE {0} SET {1} = NULL",
    "delete": "DELETE FROM {0}",
}
"""The statements of each treatment, for a table and a column."""

Progress = Callable[[int, int], None]
"""Told how many of how many steps are done."""


class Erased(msgspec.Struct, frozen=True):
    """What an erasure came to.

    Attributes:
        guilds: guilds that were searched.
        rows: rows that were changed or deleted.
        left: mentions of the user that a search of every table found afterwards; 0 is the proof.

    """

    guilds: int
    rows: int
    left: int


async def erase(
    desk: Desk, user_id: int, *, now_ms: int, actor: str, anonymised: bool = False,
    progress: Progress = lambda _done, _of: None,
) -> Erased:  # fmt: skip
    """Erase ``user_id``, and see to it that nothing new of it is recorded. Doing it again does no harm.

    Args:
        desk: where the pieces are done.
        user_id: whom.
        now_ms: the time, milliseconds since the Unix epoch.
        actor: who asked, for the audit log.
        anonymised: whether users stand under pseudonyms.
        progress: told after each step.

    Raises:
        MochaError: the database is not available; call again.

    """
    await desk.chore(lambda connection: set_opt_out(connection, user_id, now_ms, out=True), resets=True)
    await close_open(desk, user_id, now_ms)
    if anonymised:
        user_id = await desk.read(partial(pseudonym_of, user_id=user_id))
    aliases = await prepare(desk, user_id)
    steps: list[Callable[[], Awaitable[int]]] = [
        partial(walk, desk, user_id, guild, alias, place) for guild, alias in aliases.items() for place in PLACES
    ]
    rows = 0
    for done, step in enumerate(steps):
        progress(done, len(steps))
        rows += await step()
    rows += await desk.chore(lambda connection: erase_singles(connection, user_id))
    rows += await erase_letters(desk, user_id)
    entry = AuditEntry(now_ms, actor, "forget", None, f"{counted(rows, 'row')} in {counted(len(aliases), 'guild')}")
    await desk.chore(lambda connection: finish(connection, user_id, list(aliases), entry), resets=True)
    await desk.compact_log()
    progress(len(steps), len(steps))
    return Erased(len(aliases), rows, await mentions(desk, user_id))


def pseudonym_of(connection: Connection, user_id: int) -> int:
    """The id under which a user stands in anonymised mode."""
    return pseudonym(key_of(connection), user_id)


async def close_open(desk: Desk, user_id: int, now_ms: int) -> None:
    """End the voice and presence intervals that are open; somebody on the opt-out list begins no other."""
    found = await desk.read(lambda connection: connection.execute(OPEN, {"user": user_id}).fetchall())
    facts: list[Fact] = []
    for guild, shard, kind in found:
        if kind == "presence":
            facts.append(PresenceChanged(guild, user_id, int(PresenceStatus.OFFLINE), shard, now_ms, 0))
        else:
            facts.append(VoiceChanged(guild, user_id, None, 0, 0, None, "", None, shard, now_ms, 0))
    if facts:
        await desk.facts(facts)


async def prepare(desk: Desk, user_id: int) -> dict[int, int]:
    """A random id for every guild, those of an earlier attempt first."""

    def work(connection: Connection) -> int:
        guilds = [guild for (guild,) in connection.execute(GUILDS)]
        fresh = [(user_id, guild, secrets.randbits(ALIAS_BITS) | 1 << ALIAS_BITS) for guild in guilds]
        connection.executemany(ADD_ALIAS, fresh)
        return len(fresh)

    await desk.chore(work)
    return dict(await desk.read(lambda connection: connection.execute(ALIASES, (user_id,)).fetchall()))


async def walk(desk: Desk, user_id: int, guild: int, alias: int, place: Place) -> int:
    """Treat one column in one guild, piece by piece; returns how many rows were changed."""
    low: int | None = await desk.read(lambda connection: least(connection, guild, place))
    changed = 0
    while low is not None:
        high = await desk.read(partial(bound, guild=guild, place=place, low=low))
        piece = Piece(place, user_id, guild, alias, low, high)
        changed += await desk.chore(piece.work)
        low = high
    return changed


class Piece(msgspec.Struct, frozen=True):
    """A column within ``low <= along < high``, or to the end where ``high`` is None."""

    place: Place
    user_id: int
    guild: int
    alias: int
    low: int
    high: int | None

    def work(self, connection: Connection) -> int:
        """Treat it; returns how many rows were changed."""
        place, until = self.place, "" if self.high is None else f" AND {self.place.along} < :high"
        rows = f"WHERE guild_id = :guild AND {place.along} >= :low{until} AND {place.column} = :user"
        parameters = {**msgspec.structs.asdict(self), "user": self.user_id}
        if place.treatment == "merge":
            connection.execute(f"{merging(place)} {rows} {adding(place)}", parameters)
        sql = VERBS[place.treatment].format(place.table, place.column)
        changed = connection.execute(f"{sql} {rows}", parameters).rowcount
        if changed:
            rewrites.count(connection, self.guild)
            if place.table in user_columns.UNITS:
                user_columns.take_back(connection, place.table, self.guild, self.low, self.high)
        return changed


def merging(place: Place) -> str:
    """The beginning of the statement that gives the random id a copy of the user's rows."""
    others = (place.along, *place.rest, *place.sums)
    names = ", ".join(others)
    return f"INSERT INTO {place.table} (guild_id, {place.column}, {names}) SELECT guild_id, :alias, {names} FROM {place.table}"  # noqa: S608 - names of the map


def adding(place: Place) -> str:
    """The end of the statement: where the random id has a row already, the sums are added."""
    key = ", ".join(("guild_id", place.column, place.along, *place.rest))
    sums = ", ".join(f"{column} = {place.table}.{column} + excluded.{column}" for column in place.sums)
    return f"ON CONFLICT ({key}) DO UPDATE SET {sums}"


def least(connection: Connection, guild: int, place: Place) -> int | None:
    """Where a guild's part of a table begins; None if it has none."""
    sql = f"SELECT MIN({place.along}) FROM {place.table} WHERE guild_id = ?"  # noqa: S608 - names of the map
    found: tuple[int | None] = connection.execute(sql, (guild,)).fetchone()
    return found[0]


def bound(connection: Connection, guild: int, place: Place, low: int) -> int | None:
    """Where the piece from ``low`` on ends; None for the last one. A piece has at least one value, however many rows that has."""
    table, along = place.table, place.along
    sql = (
        f"SELECT {along} FROM {table} WHERE guild_id = ? AND {along} >= ? ORDER BY {along} LIMIT 1 OFFSET {PIECE_ROWS}"  # noqa: S608 - names of the map
    )
    row = connection.execute(sql, (guild, low)).fetchone()
    if row is None:
        return None
    return int(row[0]) if row[0] > low else low + 1


def erase_singles(connection: Connection, user_id: int) -> int:
    """Treat the tables that are not keyed by guild."""
    statements = (
        "DELETE FROM users WHERE id = ?",
        "UPDATE guilds SET owner_id = NULL WHERE owner_id = ?",
        "DELETE FROM dead_letters WHERE user_id = ?",
    )
    return sum(connection.execute(sql, (user_id,)).rowcount for sql in statements)


async def erase_letters(desk: Desk, user_id: int) -> int:
    """Delete the dead letters that name the user anywhere."""
    deleted, after = 0, 0
    while (found := await desk.read(partial(letters_naming, user_id=user_id, after=after))) is not None:
        after, named = found
        if named:
            deleted += await desk.chore(partial(delete_letters, ids=named))
    return deleted


def letters_naming(connection: Connection, user_id: int, after: int) -> tuple[int, list[int]] | None:
    """The last id of the letters looked at behind ``after``, and those that name the user; None behind the last one."""
    rows = connection.execute(LETTERS, (after, PIECE_ROWS // 10)).fetchall()
    if not rows:
        return None
    text = str(user_id).encode()
    return rows[-1][0], [letter for letter, payload in rows if text in bytes(payload)]


def delete_letters(connection: Connection, ids: Sequence[int]) -> int:
    """Delete dead letters."""
    return connection.executemany("DELETE FROM dead_letters WHERE id = ?", [(letter,) for letter in ids]).rowcount


def finish(connection: Connection, user_id: int, guilds: list[int], entry: AuditEntry) -> int:
    """Forget the random ids, note the act, and let every guild's answers be asked anew."""
    connection.execute("DELETE FROM erasures WHERE user_id = ?", (user_id,))
    revisions.bump(connection, set(guilds))
    note(connection, entry)
    return len(guilds)


async def mentions(desk: Desk, user_id: int) -> int:
    """Search every table for the user; returns how often it stands there."""
    found = 0
    for sql in searches():
        found += await desk.read(lambda connection, sql=sql: connection.execute(sql, (user_id,)).fetchone()[0])  # type: ignore[misc]
    after = 0
    while (letters := await desk.read(partial(letters_naming, user_id=user_id, after=after))) is not None:
        after = letters[0]
        found += len(letters[1])
    return found


def searches() -> Iterator[str]:
    """A statement for each column that may hold a user's id: it counts the rows that do."""
    for table, column in [(place.table, place.column) for place in PLACES] + list(SINGLES.items()):
        yield f"SELECT COUNT(*) FROM {table} WHERE {column} = ?"  # noqa: S608 - names of the map
