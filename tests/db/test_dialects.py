"""The common SQL, as each driver gets it."""

from __future__ import annotations

import pytest

from mocha_actors.db.connection import Dialectal
from mocha_actors.db.dialects import for_postgresql, for_sqlite


@pytest.mark.parametrize(
    ("common", "sqlite", "postgresql"),
    [
        ("a = ? AND b = :b_1", "a = ? AND b = :b_1", "a = %s AND b = %(b_1)s"),
        ("a = '?:b' AND \"c?\" = ?", "a = '?:b' AND \"c?\" = ?", "a = '?:b' AND \"c?\" = %s"),
        ("a -- is it? 100 %\n= ?", "a -- is it? 100 %\n= ?", "a -- is it? 100 %%\n= %s"),
        ("a /* :b? */ % 2 LIKE 'x%'", "a /* :b? */ % 2 LIKE 'x%'", "a /* :b? */ %% 2 LIKE 'x%%'"),
        ("a::text = :a", "a::text = :a", "a::text = %(a)s"),
        ("SET a = GREATEST(a, ?), b = least (b, ?)", "SET a = max(a, ?), b = min (b, ?)", None),
        ("greatest_day = 1", "greatest_day = 1", "greatest_day = 1"),
    ],
)
def test_the_common_text_becomes_what_the_driver_takes(common: str, sqlite: str, postgresql: str | None) -> None:
    """Placeholders outside of texts, names and comments are the driver's own; a per cent sign is no placeholder."""
    assert for_sqlite(common) == sqlite
    assert for_postgresql(common) == (common.replace("?", "%s") if postgresql is None else postgresql)


@pytest.mark.parametrize(("placeholder", "translated"), [("?", "%s"), (":ids", "%(ids)s")])
@pytest.mark.parametrize(("word", "comparison"), [("IN", "= ANY"), ("NOT IN", "<> ALL")])
def test_a_list_of_numbers_is_a_json_text_on_both(
    word: str, comparison: str, placeholder: str, translated: str
) -> None:
    """PostgreSQL has no json_each that gives numbers, and looks up an array, but not the rows of a function, by the index."""
    common = f"id {word} (SELECT value FROM json_each({placeholder}))"

    assert for_sqlite(common) == common
    assert for_postgresql(common) == (
        f"id {comparison}(ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST({translated} AS json))))"
    )


def test_a_statement_that_must_differ_gives_both_texts() -> None:
    """Each database gets its own, with the same rules for parameters."""
    statement = Dialectal(sqlite="PRAGMA x(?)", postgresql="SELECT y(?)")

    assert (for_sqlite(statement), for_postgresql(statement)) == ("PRAGMA x(?)", "SELECT y(%s)")
