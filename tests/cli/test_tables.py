"""Tables in a terminal of any width: no number, id or time is cut or broken; what has less meaning gives way first."""

from __future__ import annotations

import io
import os
import sys

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from mocha_actors.cli.charts import week
from mocha_actors.cli.output import console, facts, show, table
from mocha_actors.cli.tables import Fitted, fitted
from mocha_actors.stats.results import Cell

ADA, NOBODY = "80351110224678912", "4881430005539230919"


def users() -> Fitted:
    """Two users, one of whom has no name that is known."""
    rows = [(1, "Ada Lovelace, Countess", ADA, 1_191), (2, Text("-").append(" (left)", "dim"), NOBODY, 7)]
    return table(
        ("Rank", "User", "Id", "Messages"),
        rows,
        right=("Rank", "Id", "Messages"),
        names=("User",),
        id_of=("Id", "User"),
    )


def lines(part: RenderableType, width: int) -> list[str]:
    """What is printed in a terminal of ``width`` columns, without the blanks at the ends."""
    file = io.StringIO()
    show(Console(file=file, width=width, height=25), part)
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [*range(1, 70)])
def test_a_number_and_the_id_of_one_without_a_name_stand_whole_at_any_width(width: int) -> None:
    """With each row on one line."""
    head, _, ada, nobody = lines(users(), width)

    assert ada.endswith(" 1,191")
    assert NOBODY in nobody
    assert head.split() in (["Rank", "User", "Id", "Messages"], ["Rank", "User", "Messages"])


def test_a_name_is_cut_before_ids_are_left_out_and_ids_before_a_name_is_unreadable() -> None:
    """An ellipsis marks what was cut."""
    assert "Ada Lovelace, Countess" in lines(users(), 62)[2]
    assert "Ada Lovelace, C…" in lines(users(), 56)[2]
    assert ADA in lines(users(), 56)[2]
    assert lines(users(), 48)[2] == "   1   Ada Lovelace, Countess          1,191"


def test_without_an_id_the_one_who_has_no_name_is_still_told_from_others() -> None:
    """The id stands for the name, with what is said behind it."""
    assert lines(users(), 45)[3] == f"   2   {NOBODY} (left)          7"


def test_bars_are_the_first_to_go() -> None:
    """Eight columns are the least for one; the numbers beside it never move over."""
    timeline = table(("Day", "Joins"), [("2026-10-28*", 2), ("2026-10-29", 1)], right=("Joins",), bars=[1.0, 0.5])

    assert lines(timeline, 30)[2:] == ["2026-10-28*       2   ████████", "2026-10-29        1   ████"]
    assert lines(timeline, 29)[2:] == ["2026-10-28*       2", "2026-10-29        1"]
    assert lines(timeline, 10)[2:] == lines(timeline, 29)[2:]


def test_a_long_text_is_broken_into_lines_and_a_time_beside_it_is_not() -> None:
    """As in the lists of an operator."""
    listed = table(
        ("Time", "Detail"),
        [("2026-11-27T04:46:17.042+00:00", "erased a user, 15 messages and 2 reactions")],
        texts=("Detail",),
    )

    assert lines(listed, 50)[2:] == [
        "2026-11-27T04:46:17.042+00:00   erased a user, 15",
        " " * 32 + "messages and 2 reactions",
    ]


def test_the_widest_column_gives_way_first_and_none_below_its_least() -> None:
    """Gutters of three columns included."""
    assert fitted([30, 10, 5], [8, 10, 5], 40) == [19, 10, 5]
    assert fitted([30, 20], [8, 8], 33) == [15, 15]
    assert fitted([30, 20], [8, 8], 1) == [8, 8]


def test_facts_keep_numbers_and_times_on_one_line() -> None:
    """A name with its id may be broken between them."""
    told = facts(
        [
            ("Voice", "1,766 h 02 min"),
            ("First message", "2026-01-01 01:00:07 +05:45"),
            ("Belongs to", f"a place ({ADA})"),
        ]
    )

    shown = lines(told, 10)
    assert shown[0].endswith(" 1,766 h 02 min")
    assert shown[1].endswith(" 2026-01-01 01:00:07 +05:45")
    assert [line for line in shown if f"({ADA})" in line] != []


@pytest.mark.parametrize(("width", "columns"), [(80, 52), (52, 52), (51, 28), (28, 28), (10, 28)])
def test_a_week_has_its_days_names_at_any_width(width: int, columns: int) -> None:
    """Two columns an hour, or one."""
    cells = [
        Cell(weekday=day, hour=hour, value=1, hours=1.0, average_per_hour=1.0) for day in range(7) for hour in range(24)
    ]

    head, *days = lines(week(cells, width, coloured=False), width)

    assert head.split() == ["00", "03", "06", "09", "12", "15", "18", "21"]
    assert [line[:4] for line in days] == ["Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "]
    assert {len(line) for line in days} == {columns}


def test_hours_that_nobody_observed_are_dots_with_colours_too() -> None:
    """A blank is an hour in which nothing happened."""
    cells = [
        Cell(weekday=place // 24, hour=place % 24, value=0, hours=1.0, average_per_hour=0.0) for place in range(168)
    ]

    for coloured in (False, True):
        assert lines(week(cells, 80, coloured=coloured, unobserved={1, 2}), 80)[1] == "Mon   ····"


@pytest.mark.parametrize(
    ("columns", "width"),
    [("0", 80), ("-3", 80), ("²", 80), ("wide", 80), ("", 80), ("40", 40), ("3", 24), ("9" * 20, 1000)],
)
def test_columns_that_are_no_width_count_as_unset(monkeypatch: pytest.MonkeyPatch, columns: str, width: int) -> None:
    """As for every program; a width that cannot be is the nearest that can."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(os, "get_terminal_size", _no_terminal)
    monkeypatch.setattr(sys, "stdout", io.StringIO())

    assert (console().width, console().size.width) == (width, width)


def _no_terminal(_: int) -> os.terminal_size:
    raise OSError
