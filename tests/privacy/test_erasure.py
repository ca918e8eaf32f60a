"""Erasure: nothing of the user is left, nothing of what was counted changes, and nothing new comes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final, Literal

import msgspec
import pytest
import trio

from mocha_actors.db import migrations
from mocha_actors.db.connection import Connection
from mocha_actors.db.optout import pseudonym
from mocha_actors.db.optout_list import is_out, key_of
from mocha_actors.errors import TransientError
from mocha_actors.pipeline.facts import MessagesDeleted, MessageSent, VoiceChanged
from mocha_actors.privacy import audit, erasure
from mocha_actors.privacy.desk import OwnDesk, open_desk
from mocha_actors.privacy.erasure import Erased, erase
from mocha_actors.privacy.places import NOT_USERS, PLACES, SINGLES
from tests.db.builders import GUILD, NOON_MS, message, open_session
from tests.db.test_packing import pack
from tests.privacy.recorded import PAST, assert_verified, count, facts_of, most_active, record, recorded, totals


async def erased(url: str, user: int, *, anonymise: bool = False) -> Erased:
    """Erase a user without a running service."""
    async with open_desk(url, anonymise=anonymise, inline=True) as desk:
        return await erase(desk, user, now_ms=NOON_MS, actor="operator", anonymised=anonymise)


def test_the_map_names_every_column_that_holds_a_user(database_url: str) -> None:
    """A new table cannot be forgotten."""
    with recorded(database_url) as session, session.transaction() as connection:
        found = set()
        for table in tables(connection):
            names = {column[0] for column in connection.execute(f"SELECT * FROM {table} LIMIT 0").description}  # type: ignore[attr-defined]
            found |= {(table, name) for name in names & {"user_id", "owner_id", "receiver_id", "invoker_id"}}
    mapped = {(place.table, place.column) for place in PLACES} | set(SINGLES.items())

    assert found - NOT_USERS == mapped - {("users", "id"), ("guild_ignores", "id")}


def tables(connection: Connection) -> set[str]:
    """The tables of all migrations."""
    words = " ".join(migration.sql for migration in migrations.known(connection.dialect)).split()
    return {words[index + 2] for index in range(len(words) - 2) if words[index : index + 2] == ["CREATE", "TABLE"]}


def test_nothing_is_left_and_nothing_that_was_counted_changes(database_url: str) -> None:
    """A search of every table finds nothing, all totals stand, every rollup equals its recount."""
    with recorded(database_url) as session:
        with session.transaction() as connection:
            user = most_active(connection)
        before = totals(session)
    result = trio.run(partial(erased, database_url, user))

    assert 0 == result.left
    assert 100 < result.rows
    with open_session(database_url) as session:
        assert before == totals(session)
        assert 0 == count(session, "SELECT COUNT(*) FROM erasures")
    assert_verified(database_url)


def test_a_user_has_another_alias_in_each_guild_and_its_rows_stay_together(database_url: str) -> None:
    """So distinct counts stay right, and nobody can follow an alias from one guild to another."""
    with recorded(database_url) as session:
        for guild in (1, 2):
            record(session, iter([MessageSent(guild, n, 5, 77, 0, 0, 0, "ann", None) for n in range(guild * 10, guild * 10 + 3)]))  # fmt: skip
    trio.run(partial(erased, database_url, 77))

    with open_session(database_url) as session, session.transaction() as connection:
        rows = connection.execute("SELECT guild_id, user_id FROM message_events WHERE guild_id IN (1, 2)").fetchall()
    aliases = {guild: {user for g, user in rows if g == guild} for guild in (1, 2)}
    assert [1, 1] == [len(found) for found in aliases.values()]
    assert aliases[1].isdisjoint(aliases[2])
    assert 77 not in aliases[1] | aliases[2]


def test_what_comes_afterwards_is_not_recorded(database_url: str) -> None:
    """Not from the gateway, not from the spool, not out of an import."""
    facts = list(facts_of(PAST))
    with recorded(database_url) as session, session.transaction() as connection:
        user = most_active(connection)
    trio.run(partial(erased, database_url, user))

    with open_session(database_url) as session:
        rows = count(session, "SELECT COUNT(*) FROM message_events")
        late = [
            msgspec.structs.replace(f, message_id=f.message_id ^ 1 << 20) for f in facts if isinstance(f, MessageSent)
        ]
        record(session, iter(late))
        mine = sum(f.user_id == user for f in late)
        assert 0 < mine
        assert rows + len(late) - mine == count(session, "SELECT COUNT(*) FROM message_events")
        assert 0 == count(session, "SELECT COUNT(*) FROM message_events WHERE user_id = ?", user)
        with session.transaction() as connection:
            assert is_out(connection, user)


def test_open_intervals_end_with_the_erasure(database_url: str) -> None:
    """Somebody who is in a voice channel is in it for the others, and not for the tables."""
    joined = VoiceChanged(GUILD, 77, 5, 1, 0, None, "ann", None, 0, NOON_MS - 60_000, 0)
    other = msgspec.structs.replace(joined, user_id=78, username="bob")
    with recorded(database_url) as session:
        record(session, iter([message(guild=GUILD), joined, other]))
    trio.run(partial(erased, database_url, 77))

    with open_session(database_url) as session:
        assert 1 == count(session, "SELECT COUNT(*) FROM voice_events WHERE ended_ms IS NULL AND guild_id = ?", GUILD)
        assert 120_000 == count(session, "SELECT SUM(ms) FROM voice_user_day WHERE guild_id = ?", GUILD)
        still_there = msgspec.structs.replace(joined, at_ms=NOON_MS, flags=1)
        record(session, iter([still_there, msgspec.structs.replace(other, at_ms=NOON_MS + 1000, channel_id=None)]))
        together = "SELECT SUM(ms) FROM voice_user_day WHERE guild_id = ? AND state = 0"
        assert 121_000 == count(session, together, GUILD)


class Flaky:
    """A desk that fails at one of its pieces."""

    def __init__(self, desk: OwnDesk, fail_at: int) -> None:
        self._desk, self._left = desk, fail_at

    def __getattr__(self, name: str) -> object:
        return getattr(self._desk, name)

    async def chore(self, work: object, *, resets: bool = False) -> int:
        """Do a piece, or fail."""
        self._left -= 1
        if self._left == 0:
            raise TransientError("away")
        return await self._desk.chore(work, resets=resets)  # type: ignore[arg-type]


@pytest.mark.parametrize("fail_at", [1, 3, 9])
def test_an_erasure_that_was_interrupted_is_finished_by_asking_again(database_url: str, fail_at: int) -> None:
    """Wherever it was interrupted; the rows of the user in a guild get one alias, not two."""
    with recorded(database_url) as session, session.transaction() as connection:
        user = most_active(connection)
    with open_session(database_url) as session:
        before = totals(session)

    async def twice() -> Erased:
        async with open_desk(database_url, inline=True) as desk:
            with pytest.raises(TransientError):
                await erase(Flaky(desk, fail_at), user, now_ms=NOON_MS, actor="x")  # type: ignore[arg-type]
            return await erase(desk, user, now_ms=NOON_MS, actor="x")

    assert 0 == trio.run(twice).left
    with open_session(database_url) as session:
        assert before == totals(session)
    assert_verified(database_url)


def test_what_is_counted_while_an_erasure_is_under_way_is_not_lost(database_url: str) -> None:
    """A message that has its alias already and is deleted now: the sums of both come together."""
    with recorded(database_url) as session:
        with session.transaction() as connection:
            user = most_active(connection)
            sql = "SELECT guild_id, channel_id, message_id FROM message_events WHERE user_id = ? AND deleted_ms IS NULL"
            guild, channel, some = connection.execute(sql, (user,)).fetchone()

    class Busy(Flaky):
        """A desk beside which the service goes on."""

        async def chore(self, work: object, *, resets: bool = False) -> int:
            """Do a piece; after the messages have their alias one of them is deleted."""
            result = await super().chore(work, resets=resets)
            piece = getattr(work, "__self__", None)
            if isinstance(piece, erasure.Piece) and (piece.guild, piece.place.table) == (guild, "message_events"):
                await self._desk.facts([MessagesDeleted(guild, channel, (some,), NOON_MS, 0)])
            return result

    async def beside() -> Erased:
        async with open_desk(database_url, inline=True) as desk:
            return await erase(Busy(desk, 0), user, now_ms=NOON_MS, actor="x")  # type: ignore[arg-type]

    assert 0 == trio.run(beside).left
    assert_verified(database_url)


def test_large_tables_are_walked_in_pieces(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pieces of seven rows the result is the same."""
    monkeypatch.setattr(erasure, "PIECE_ROWS", 7)
    with recorded(database_url) as session, session.transaction() as connection:
        user = most_active(connection)

    assert 0 == trio.run(partial(erased, database_url, user)).left
    assert_verified(database_url)


def test_dead_letters_that_name_the_user_go(database_url: str) -> None:
    """Those that are about it, and those that mention it anywhere."""
    with recorded(database_url) as session, session.transaction() as connection:
        insert = "INSERT INTO dead_letters (shard, seq, type, reason, error, payload, at_ms, user_id) VALUES (0, 1, 'X', 'r', 'e', ?, 1, ?)"
        connection.execute(insert, (b'{"mentions":[{"id":"77001122334455"}]}', None))
        connection.execute(insert, (b"{}", 77001122334455))
        connection.execute(insert, (b'{"id":"1"}', 5))
    trio.run(partial(erased, database_url, 77001122334455))

    with open_session(database_url) as session:
        assert 1 == count(session, "SELECT COUNT(*) FROM dead_letters")


def test_the_audit_log_notes_the_act_and_not_the_user(database_url: str) -> None:
    """Otherwise the erasure itself would tell who was here."""
    with recorded(database_url) as session, session.transaction() as connection:
        user = most_active(connection)
    trio.run(partial(erased, database_url, user))

    with open_session(database_url) as session, session.transaction() as connection:
        (entry,) = audit.entries(connection)
    assert ("operator", "forget") == (entry.actor, entry.action)
    assert str(user) not in repr(entry)


def test_in_anonymised_mode_the_pseudonym_goes_too(database_url: str) -> None:
    """It is a keyed hash, the same every time: who has the key could ask for it."""
    with recorded(database_url, anonymise=True) as session:
        record(session, iter([message(user=77, guild=GUILD)]), anonymise=True)
        with session.transaction() as connection:
            stored = pseudonym(key_of(connection), 77)
        assert 1 == count(session, "SELECT COUNT(*) FROM message_events WHERE user_id = ?", stored)
    result = trio.run(partial(erased, database_url, 77, anonymise=True))

    assert 0 == result.left
    with open_session(database_url) as session:
        assert 0 == count(session, "SELECT COUNT(*) FROM message_events WHERE user_id = ?", stored)


ORDERS: Final[tuple[Literal["big", "little"], ...]] = ("big", "little")
"""Of the bytes of a number: those of rows, and those of columns of users."""


def test_the_raw_bytes_of_the_files_hold_nothing_of_the_user(tmp_path: Path) -> None:
    """Neither the name as text nor the id as a number stands anywhere in the database, its log or beside them."""
    url = f"sqlite:///{tmp_path}/mocha.db"
    user, name = 612_345_678_901_234_567, "zanzibar-quokka"
    facts = [
        MessageSent(GUILD, message(n).message_id, 5, user, 0, 0, 0, name, name.title()) for n in range(2_000)
    ]  # fmt: skip
    with recorded(url) as session:
        record(session, iter(facts))
        trio.run(partial(pack, url, session))
    assert name.encode() in everything_below(tmp_path)
    for order in ORDERS:
        assert user.to_bytes(8, order) in everything_below(tmp_path)
    trio.run(partial(erased, url, user))

    bytes_left = everything_below(tmp_path)
    assert name.encode() not in bytes_left
    assert name.title().encode() not in bytes_left
    for order in ORDERS:
        assert user.to_bytes(8, order) not in bytes_left
    assert str(user).encode() not in bytes_left


def everything_below(folder: Path) -> bytes:
    """The contents of all files, one after the other."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def test_an_unknown_user_is_put_on_the_list_and_that_is_all(database_url: str) -> None:
    """Asking for an erasure must not depend on having been here."""
    with open_session(database_url):
        pass
    result = trio.run(partial(erased, database_url, 1))

    assert (0, 0) == (result.rows, result.left)
