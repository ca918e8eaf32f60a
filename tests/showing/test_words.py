"""What comes from strangers is made harmless, and no more than that."""

from __future__ import annotations

import pytest

from mocha_actors.showing.words import printable


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
