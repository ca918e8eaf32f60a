"""What comes from strangers is made harmless, and no more than that."""

from __future__ import annotations

import pytest

from mocha_actors.showing.words import percent, printable, span


@pytest.mark.parametrize(
    "emoji",
    ["🏳️\u200d🌈", "🏴\u200d☠️", "👩🏽\u200d🚒", "🧑\u200d🤝\u200d🧑", "👁️\u200d🗨️", "❤️", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"],
)  # fmt: skip
def test_an_emoji_of_several_signs_stays_whole(emoji: str) -> None:
    """With its joiners, selectors and the invisible letters of a flag."""
    assert printable(f"a {emoji} b") == f"a {emoji} b"


@pytest.mark.parametrize(
    "text",
    ["ad\u200dmin", "\u200d🌈", "🌈\u200d", "🌈\u200d\u200d🌈", "🌈\u200db", "^\u200d^", "\u202e", "\u2066", "\u200b", "\u200f", "\ufeff", "\x1b", "\x9b", "\n", "\U000e0067", "🏴\U000e0067\U000e0062"],
)  # fmt: skip
def test_what_hides_or_turns_a_text_is_replaced(text: str) -> None:
    """A joiner between letters, at an end or twice too, and marks of direction in any place."""
    assert "\N{REPLACEMENT CHARACTER}" in printable(text)
    assert not {"\u200d", "\u202e", "\u2066", "\x1b", "\n"} & set(printable(text))


@pytest.mark.parametrize(
    ("ms", "words"),
    [(0, "0 ms"), (500, "500 ms"), (1_500, "1 s"), (16_140_000, "4 h 29 min"), (86_399_999, "23 h 59 min"), (86_400_000, "1 day"), (108_000_000, "1.25 days"), (30 * 86_400_000, "30 days")],
)  # fmt: skip
def test_a_range_of_less_than_a_day_is_told_in_smaller_units(ms: int, words: str) -> None:
    """No fraction of a day that nobody can read."""
    assert span(ms) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(1.0, "100.0%"), (0.99999, "99.9%"), (0.9996, "99.9%"), (0.29, "29.0%"), (0.57, "57.0%"), (0.0, "0.0%")],
)
def test_only_what_is_whole_is_a_hundred_per_cent(share: float, words: str) -> None:
    """What is observed but for a gap is less, however short the gap."""
    assert percent(share) == words
