"""What strangers write, in charts: another font where the usual one lacks a character, words or an id where none has it, and no warning."""

from __future__ import annotations

import warnings
from io import BytesIO

import pytest
from matplotlib.figure import Figure

from mocha_actors.showing import fonts, pictures
from mocha_actors.showing.fonts import complete, drawable, legible, quiet, spelled


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fonts as where none are installed but those that matplotlib brings: DejaVu Sans, and STIXGeneral, which has mathematical letters."""
    monkeypatch.setattr(fonts, "FALLBACKS", ())
    monkeypatch.setattr(fonts, "SCRIPTS", "no font begins like this")


def test_what_the_usual_font_lacks_is_drawn_with_another() -> None:
    """STIXGeneral has mathematical letters, which names are written in."""
    figure = Figure()
    text, plain = figure.text(0, 0, "\U0001d400da"), figure.text(0, 0, "Ada")

    complete(figure)

    assert text.get_text() == "\U0001d400da"
    assert list(text.get_fontfamily()) == ["sans-serif", "STIXGeneral"]
    assert list(plain.get_fontfamily()) == ["sans-serif"]


def test_what_no_font_has_is_a_box() -> None:
    """One for each character."""
    figure = Figure()
    text = figure.text(0, 0, "Ada 日本 🏳️\u200d🌈")

    complete(figure)

    assert text.get_text() == "Ada □□ □□"
    assert not drawable("日")


@pytest.mark.parametrize("text", ["日本語", "👍", "1️⃣", "🏳️\u200d🌈", "ad\u200dmin"])
def test_drawing_warns_of_nothing(text: str) -> None:
    """With what no font has, as with signs that are joined to one."""
    figure = Figure()
    figure.suptitle(text, fontweight="bold")
    complete(figure)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet():
            figure.savefig(BytesIO(), format="png")


def test_a_name_of_boxes_gives_way_to_one_that_can_be_read_or_the_id() -> None:
    """A few boxes in a name are none the worse."""
    assert [legible(name) for name in ("Ada 🌸", "日本語", "日a", "Łukasz")] == [True, False, True, True]
    assert pictures._best(5, "日本語", "nihongo") == "nihongo"
    assert pictures._best(5, "日本語", None) == "5"
    assert pictures._best(5, "Ada 🌸", "ada") == "Ada 🌸"


def test_an_emoji_that_no_font_has_is_spelled() -> None:
    """By its signs."""
    assert spelled("1️⃣") == "keycap 1"
    assert spelled("🏳️\u200d🌈") == "waving white flag, rainbow"
    assert spelled("\U000e0fff") == "u+e0fff"
