"""Questions about many users read columns where these are built, and answer what they answer from the rows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS, from_time_ms
from mocha_actors.stats.cover import Run, Unit
from mocha_actors.stats.message_sums import messages_by, writers
from mocha_actors.stats.packed import rest
from mocha_actors.stats.questions import Filters
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.scope import Scope, Selection
from tests.stats.oracle import GUILD, Sent
from tests.stats.world import BEGIN, DAYS, HUMANS, opened, pack
from tests.stats.world import World as Everything

pytestmark = pytest.mark.usefixtures("both_databases")

HOURS = DAYS * 24
EMPTY: dict[str, Any] = {
    "voice": [], "reactions": [], "moves": [], "counts": {}, "online": [], "standing": [], "ignores": set(), "alive": 0,
    "closed": dict.fromkeys(range(DAYS), 0),
}  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[Sent]:
    """Many messages of few people, some of them deleted, and of a bot who was a human once."""
    written = draw(
        st.lists(
            st.tuples(st.integers(0, HOURS - 1), st.sampled_from([(user, 0) for user in HUMANS] + [(1, 1)]), st.booleans()),
            min_size=10, max_size=60,
        )
    )  # fmt: skip
    return [
        Sent(GUILD, from_time_ms(BEGIN + hour * HOUR_MS, low), 50 + low % 2, user, author_class, 0, deleted)
        for low, (hour, (user, author_class), deleted) in enumerate(written)
    ]


periods = st.lists(st.integers(0, HOURS), min_size=2, max_size=2, unique=True).map(
    lambda hours: Range(*(BEGIN + hour * HOUR_MS for hour in sorted(hours)))
)
selections = st.builds(Selection, st.frozensets(st.sampled_from(HUMANS), max_size=3), st.just(value=True)) | st.just(
    Selection(frozenset({2, 3, *range(1_000, 1_200)}), excluded=False)
)
flags = st.fixed_dictionaries({"exclude_deleted": st.booleans(), "include_bots": st.booleans()})


@settings(max_examples=60, deadline=None)
@given(
    histories(), periods, selections, st.sampled_from([Selection(), Selection(frozenset({50}), excluded=False)]), flags
)
def test_sums_and_users_are_the_same_from_columns_as_from_rows(
    history: list[Sent], period: Range, users: Selection, channels: Selection, chosen: dict[str, bool]
) -> None:
    """Whoever is left out or picked, in one channel or all, with bots and without, with deleted messages and without; what is right is counted here, one message at a time."""
    scope = Scope(GUILD, Filters(**chosen), channels, users)
    counted: dict[int, int] = {}
    for row in history:
        kept = not (row.deleted and chosen["exclude_deleted"]) and row.author_class <= chosen["include_bots"]
        if kept and row.user in users and row.channel in channels and period.since_ms <= row.ms < period.until_ms:
            counted[row.user] = counted.get(row.user, 0) + 1
    connection = opened(Everything(messages=history, **EMPTY))

    for _ in range(2):
        assert messages_by(connection, scope, period, "user_id") == counted
        assert set(writers(connection, scope, period)) == counted.keys()
        pack(connection)
    connection.close()


class Listening:
    """A connection that counts how often each table is read."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self.dialect = connection, connection.dialect  # type: ignore[attr-defined]
        self.texts: list[str] = []

    def execute(self, statement: Any, parameters: Any = ()) -> Any:
        """Note, then run."""
        self.texts.append(str(statement))
        return self._connection.execute(statement, parameters)


@pytest.mark.parametrize(
    ("filters", "from_rows"), [(Filters(), False), (Filters(exclude_deleted=True), False), (Filters(include_bots=True), True)]
)  # fmt: skip
def test_rows_are_read_where_there_are_no_columns_alone(filters: Filters, from_rows: bool) -> None:
    """Of bots there are none."""
    history = [Sent(GUILD, from_time_ms(BEGIN + hour * HOUR_MS, 1), 50, 1, 0, 0, False) for hour in range(HOURS)]
    connection = opened(Everything(messages=history, **EMPTY))
    pack(connection)
    listening: Any = Listening(connection)
    first = -(-BEGIN // DAY_MS) * DAY_MS

    assert messages_by(listening, Scope(GUILD, filters), Range(first, first + 9 * DAY_MS), "user_id") == {1: 9 * 24}
    read = [text for text in listening.texts if "FROM user_day" in text or "FROM user_week" in text]
    assert bool(read) == from_rows
    connection.close()


@given(st.integers(0, 9), st.integers(0, 9), st.sets(st.integers(0, 9)))
def test_what_is_not_built_is_read_in_runs(first: int, last: int, numbers: set[int]) -> None:
    """All units that are not built, each once, and those that follow each other together."""
    built = sorted(number for number in numbers if first <= number < last)
    runs = list(rest(Run(Unit.DAY, first, last), built))

    assert [number for run in runs for number in range(run.first, run.last)] == sorted(
        set(range(first, last)) - numbers
    )
    assert all(one.last < other.first for one, other in pairwise(runs))
