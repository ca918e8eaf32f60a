"""The columns of users: what people wrote in a day or week that is over, as arrays that always say what the rows say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.db import packing
from mocha_actors.db.connection import Connection
from mocha_actors.db.packing import Unit, UserColumns
from mocha_actors.db.projections.user_columns import BUILT, DAY, DUE, FEW, WEEK, Columns, week_of
from mocha_actors.db.readers import open_readers
from mocha_actors.db.session import Session
from mocha_actors.pipeline.facts import AuthorClass, Fact, MessageKind, MessagesDeleted
from mocha_actors.privacy import erasure
from mocha_actors.privacy.desk import open_desk
from mocha_actors.privacy.erasure import erase
from tests.db.builders import CHANNEL, GUILD, NOON_MS, USER, message
from tests.db.projections.steps import DAY_MS, HOUR_MS, apply, select, verified
from tests.db.test_closing import DAY as TODAY
from tests.db.test_closing import NEXT_DAY_MS, close_all, writing
from tests.db.test_repair import repaired

WEEK_LATER_MS = NOON_MS + 8 * DAY_MS
"""By then every week that a test writes in is over."""

THREE = [message(n, user=USER + n % 3) for n in range(6)]
"""Three users, two messages each."""

EMPTY = (None, None, None)


async def pack(url: str, session: Session, now_ms: int = WEEK_LATER_MS, least: int = 1) -> int:
    """Close days and build every column that is due; returns how many units that were."""
    await close_all(url, session, now_ms)
    steps = 0
    async with open_readers(url, inline=True) as readers:
        job = UserColumns(readers, least)
        while await job.step(writing(session), now_ms):
            steps += 1
    return steps


def units(session: Session, *columns: str) -> list[tuple[Any, ...]]:
    """The rows of the table."""
    names = ", ".join(("unit_days", "number", *(columns or ("state",))))
    return select(session, f"SELECT {names} FROM user_columns ORDER BY guild_id, unit_days, number")


def built(session: Session) -> dict[tuple[int, int], list[tuple[int, ...]]]:
    """What the columns say: (user, sent, deleted) by unit."""
    found = {}
    for days, number, users, sent, deleted in units(session, "users", "sent", "deleted"):
        if users is not None:
            columns = Columns.of_packed(*(part and bytes(part) for part in (users, sent, deleted)))
            none = [0] * len(columns.users)
            found[days, number] = list(zip(columns.users, columns.sent, columns.deleted or none, strict=True))
    return found


@given(st.lists(st.tuples(st.integers(0, (1 << 63) - 1), st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 32) - 1))))
def test_columns_hold_rows(rows: list[tuple[int, int, int]]) -> None:
    """Any id and any number that a column has room for; where nobody's messages were deleted there is no column of that."""
    users, sent, deleted = Columns.of_packed(*Columns.of_rows(rows).packed())

    assert list(users) == [row[0] for row in rows]
    assert list(sent) == [row[1] for row in rows]
    assert (deleted is None) == (not any(row[2] for row in rows))
    assert list(deleted or [0] * len(rows)) == [row[2] for row in rows]


def test_numbers_stand_with_the_lowest_byte_first() -> None:
    """So that another machine reads them as well."""
    assert Columns.of_rows([(1, 258, 3)]).packed() == (b"\1" + b"\0" * 7, b"\2\1\0\0", b"\3\0\0\0")


async def test_days_and_weeks_that_are_over_are_built(url: str, session: Session) -> None:
    """Of people's messages alone: a bot's, a webhook's and the system's are in no such column."""
    others = [
        message(90, author=AuthorClass.BOT, user=USER + 8),
        message(91, author=AuthorClass.WEBHOOK, user=USER + 9),
        message(92, kind=MessageKind.SYSTEM),
        message(93, kind=MessageKind.COMMAND),
    ]
    apply(session, [*THREE, *others])

    assert await pack(url, session, NEXT_DAY_MS) == 1
    assert built(session) == {(DAY, TODAY): [(USER + n, 2, 0) for n in range(3)]}
    assert await pack(url, session) == 1
    assert built(session)[WEEK, week_of(TODAY)] == built(session)[DAY, TODAY]
    assert await pack(url, session) == 0


@pytest.mark.parametrize("days_after", range(7))
async def test_a_week_is_over_an_hour_after_its_sunday(url: str, session: Session, days_after: int) -> None:
    """As days are, in UTC; weeks begin on Monday."""
    apply(session, [message(at_ms=NOON_MS + days_after * DAY_MS)])
    monday = week_of(TODAY + days_after) * 7 - 3
    over_ms = (monday + 7) * DAY_MS + HOUR_MS

    await pack(url, session, over_ms - 1)
    assert (WEEK, week_of(monday)) not in built(session)
    await pack(url, session, over_ms)
    assert (WEEK, week_of(monday)) in built(session)


async def test_few_users_are_read_from_their_rows(url: str, session: Session) -> None:
    """It is decided anew when something changes."""
    apply(session, THREE)
    await pack(url, session, least=4)
    assert built(session) == {}
    assert await pack(url, session, least=4) == 0

    apply(session, [message(9, user=USER + 9)])
    await pack(url, session, least=4)
    assert {len(rows) for rows in built(session).values()} == {4}


CHANGES: dict[str, Fact] = {
    "a late message": message(9, user=USER + 9),
    "a deletion": MessagesDeleted(GUILD, CHANNEL, (THREE[0].message_id,), NEXT_DAY_MS, 0),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_whatever_changes_a_day_takes_its_columns_back(url: str, session: Session, change: Fact) -> None:
    """Those of its week too, in the same transaction; what is built next says what the rows say."""
    apply(session, THREE)
    await pack(url, session)
    apply(session, [change])
    assert units(session, "users", "sent", "deleted") == [(DAY, TODAY, *EMPTY), (WEEK, week_of(TODAY), *EMPTY)]

    await pack(url, session)
    rows = select(session, "SELECT user_id, sent, deleted FROM user_day ORDER BY user_id")
    assert built(session) == {(DAY, TODAY): rows, (WEEK, week_of(TODAY)): rows}


async def test_a_message_on_a_day_without_any_takes_the_columns_of_its_week_back(url: str, session: Session) -> None:
    """No column is made of that day, and no day was closed."""
    apply(session, THREE)
    await pack(url, session)
    other = TODAY - 1 if week_of(TODAY - 1) == week_of(TODAY) else TODAY + 1
    apply(session, [message(9, at_ms=NOON_MS + (other - TODAY) * DAY_MS)])

    assert list(built(session)) == [(DAY, TODAY)]


async def test_what_says_the_same_as_before_leaves_columns_alone(url: str, session: Session) -> None:
    """A message that comes again, as in a replay."""
    apply(session, THREE)
    await pack(url, session)
    before = built(session)
    apply(session, THREE[:2])

    assert built(session) == before


async def test_what_changes_while_columns_are_built_is_not_lost(
    url: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not taken for built, and the next step builds them."""
    apply(session, THREE)
    late = [message(9, user=USER + 9)]

    def rows_of(unit: Unit, connection: Connection) -> list[tuple[int, int, int]]:
        rows = original(unit, connection)
        if late:
            apply(session, [late.pop()])
        return rows

    original = packing.rows_of
    monkeypatch.setattr(packing, "rows_of", rows_of)

    await pack(url, session)
    assert list(built(session)) == [(DAY, TODAY)]
    assert await pack(url, session) == 1
    assert {len(rows) for rows in built(session).values()} == {4}


async def test_what_changes_all_the_time_keeps_nothing_else_waiting(
    url: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round comes to each unit once: else retention, which is next, would wait for as long as old messages are deleted."""
    apply(session, [*THREE, message(1, guild=GUILD + 1)])
    numbers = iter(range(100, 200))

    def rows_of(unit: Unit, connection: Connection) -> list[tuple[int, int, int]]:
        rows = original(unit, connection)
        if unit.guild == GUILD and unit.days == DAY:
            apply(session, [message(next(numbers))])
        return rows

    original = packing.rows_of
    monkeypatch.setattr(packing, "rows_of", rows_of)

    assert await pack(url, session) == 4
    assert select(session, "SELECT guild_id, unit_days, state FROM user_columns ORDER BY 1, 2") == [
        (GUILD, DAY, DUE), (GUILD, WEEK, DUE), (GUILD + 1, DAY, BUILT), (GUILD + 1, WEEK, BUILT),
    ]  # fmt: skip


async def test_a_damaged_row_is_left_to_verify(url: str, session: Session) -> None:
    """Its unit is read from its rows, and all others are built."""
    apply(session, [*THREE, message(1, guild=GUILD + 1)])
    with session.transaction() as connection:
        connection.execute("UPDATE user_day SET deleted = -1 WHERE user_id = ? AND guild_id = ?", (USER, GUILD))

    await pack(url, session)
    assert [state for _, _, state in units(session)] == [FEW, BUILT, BUILT, BUILT]
    assert verified(session).different


async def test_small_guilds_are_passed_over_together(url: str, session: Session) -> None:
    """After an upgrade there are thousands of them, and two transactions for each would take minutes."""
    apply(session, [message(guild, guild=guild, at_ms=NOON_MS + guild % 3 * DAY_MS) for guild in range(1, 120)])

    assert await pack(url, session, least=2) == 1
    assert {state for _, _, state in units(session)} == {FEW}


async def test_columns_that_were_being_built_in_a_crash_are_built(url: str, session: Session) -> None:
    """The mark says so."""
    apply(session, THREE)
    await close_all(url, session, WEEK_LATER_MS)
    with session.transaction() as connection:
        connection.execute(packing.BEGIN, (GUILD, TODAY, DAY))

    assert await pack(url, session) == 2
    assert len(built(session)) == 2


async def test_columns_that_are_wrong_are_found_by_verify_and_taken_back_by_a_repair(
    url: str, session: Session
) -> None:
    """The rows stay as they are, being what is true."""
    apply(session, THREE)
    await pack(url, session)
    assert verified(session).differences == ()
    with session.transaction() as connection:
        connection.execute(
            "UPDATE user_columns SET sent = ? WHERE unit_days = ?", (Columns.of_rows([(1, 2, 0), (2, 7, 0), (3, 2, 0)]).packed()[1], WEEK),
        )  # fmt: skip

    (difference,) = set(verified(session).differences)
    assert (difference.table, difference.key) == ("user_columns", (GUILD, week_of(TODAY), USER + 1))
    assert (difference.stored, difference.expected) == ((7, 0), (2, 0))
    assert (await repaired(url, session)).rows == 1
    assert list(built(session)) == [(DAY, TODAY)]
    assert await pack(url, session) == 1
    assert verified(session).differences == ()


async def test_somebody_who_stands_twice_in_a_column_is_found_by_verify(url: str, session: Session) -> None:
    """Whoever adds up would count both."""
    apply(session, [message(1), message(2)])
    await pack(url, session)
    with session.transaction() as connection:
        users, sent, _ = Columns.of_rows([(USER, 9, 0), (USER, 2, 0)]).packed()
        connection.execute("UPDATE user_columns SET users = ?, sent = ? WHERE unit_days = ?", (users, sent, DAY))

    (difference,) = set(verified(session).differences)
    assert (difference.stored, difference.expected) == ((11, 0), (2, 0))


async def test_an_erasure_takes_back_the_columns_that_hold_the_user(
    url: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no others, as far as they are in no piece with these: to build all of a large guild again would take minutes."""
    monkeypatch.setattr(erasure, "PIECE_ROWS", 1)
    with session.transaction() as connection:
        connection.execute("INSERT INTO guilds (id) VALUES (?)", (GUILD,))
    other_day = 10
    apply(session, [*THREE, message(9, at_ms=NOON_MS + other_day * DAY_MS, user=USER + 9)])
    await pack(url, session, NOON_MS + 30 * DAY_MS)
    assert len(built(session)) == 4

    async with open_desk(url, inline=True) as desk:
        await erase(desk, USER + 9, now_ms=NOON_MS, actor="operator")
    assert list(built(session)) == [(DAY, TODAY), (WEEK, week_of(TODAY))]


async def test_a_repair_of_the_rows_takes_the_columns_back(url: str, session: Session) -> None:
    """What they were made of was wrong."""
    apply(session, THREE)
    with session.transaction() as connection:
        connection.execute("UPDATE user_day SET sent = 5 WHERE user_id = ?", (USER,))
    await pack(url, session)
    assert built(session)[DAY, TODAY][0] == (USER, 5, 0)

    assert (await repaired(url, session)).rows == 1
    await pack(url, session)
    assert built(session)[DAY, TODAY][0] == (USER, 2, 0)


@pytest.mark.parametrize(("users", "sent"), [(b"\0" * 8, b"\0" * 8), (b"\0" * 9, b"\0" * 4), (None, b"\0" * 4)])
def test_columns_of_another_shape_are_refused_by_the_table(
    session: Session, users: bytes | None, sent: bytes | None
) -> None:
    """Whoever wrote them: to read them would be to read numbers of somebody else."""
    with pytest.raises(Exception, match=r"(?i)check constraint"), session.transaction() as connection:
        connection.execute("INSERT INTO user_columns VALUES (1, 1, 1, 0, ?, ?, NULL)", (users, sent))
