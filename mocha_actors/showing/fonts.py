"""Fonts for charts in which strangers write: what the usual font lacks is taken from others that are installed, and what none has is a box."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mocha_actors.showing.words import JOINER, SELECTOR

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

FALLBACKS: Final = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "Noto Sans KR", "Noto Emoji", "Symbola", "Segoe UI Emoji",
    "Segoe UI Symbol", "Apple Symbols", "Hiragino Sans", "PingFang SC", "Apple SD Gothic Neo", "Yu Gothic", "Microsoft YaHei", "Malgun Gothic",
    "Droid Sans Fallback", "WenQuanYi Zen Hei", "Arial Unicode MS", "Unifont",
)  # fmt: skip
"""Fonts with many characters, in the order they are tried; after them any other of :data:`SCRIPTS`, and what matplotlib brings itself.

Fonts of coloured bitmaps, as Noto Color Emoji, are not among them: matplotlib cannot draw them.
"""

SCRIPTS: Final = "Noto Sans "
"""Begin of the names of fonts that have one script each."""

BROUGHT: Final = "STIXGeneral"

BOX: Final = "□"
"""Stands for a character that no font has."""

KEYCAP: Final = "\N{COMBINING ENCLOSING KEYCAP}"

INVISIBLE: Final = frozenset({JOINER, SELECTOR})


def complete(figure: Figure) -> None:
    """Give each text of ``figure`` the fonts it needs, and a box for each character that none has."""
    from matplotlib.text import Text  # noqa: PLC0415 - an extra

    for text in figure.findobj(Text):
        if isinstance(text, Text) and not text.get_text().isascii():
            families, missing = _chosen(text.get_text(), text.get_fontproperties())
            text.set_fontfamily(families)
            if missing:
                text.set_text(
                    "".join(BOX if each in missing else each for each in text.get_text() if each not in INVISIBLE)
                )


def drawable(text: str) -> bool:
    """Whether there is a font for each character."""
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415 - an extra

    return text.isascii() or not _chosen(text, FontProperties())[1]


def legible(text: str) -> bool:
    """Whether no more than half of a name would be boxes."""
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415 - an extra

    visible = [each for each in text if not each.isspace()]
    missing = _chosen(text, FontProperties())[1]
    return 2 * sum(each in missing for each in visible) <= len(visible)


def spelled(emoji: str) -> str:
    """An emoji in words, by the names of its signs; a keycap by what is on it."""
    if emoji.endswith(KEYCAP):
        return f"keycap {emoji[0]}"
    return ", ".join(unicodedata.name(each, f"U+{ord(each):04X}").lower() for each in emoji if each not in INVISIBLE)


@contextmanager
def quiet() -> Iterator[None]:
    """Draw without a word on characters without a glyph: fonts of signs that are joined to one emoji are chosen again while drawing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s)Glyph .* missing", category=UserWarning)
        yield


def _chosen(text: str, properties: FontProperties) -> tuple[Sequence[str], frozenset[str]]:
    """The families that draw ``text``, the usual ones first, and the characters that none of them has."""
    families = list(properties.get_family())
    missing = _missing(frozenset(text) - frozenset(" \n"), families[0], properties)
    for family in _installed() if missing else ():
        rest = _missing(missing, family, properties)
        if rest != missing:
            families, missing = [*families, family], rest
        if not missing:
            break
    return families, missing


def _missing(characters: frozenset[str], family: str, properties: FontProperties) -> frozenset[str]:
    """Those of ``characters`` that a font has not; all for one that cannot be read."""
    from matplotlib.font_manager import findfont, get_font  # noqa: PLC0415 - an extra

    wanted = properties.copy()
    wanted.set_family(family)
    try:
        font = get_font(findfont(wanted))
    except (OSError, RuntimeError):
        return characters
    return frozenset(each for each in characters if not font.get_char_index(ord(each)))


def _installed() -> list[str]:
    """The fallbacks that are there, in order."""
    from matplotlib.font_manager import fontManager  # noqa: PLC0415 - an extra

    names = {entry.name for entry in fontManager.ttflist}
    scripts = sorted(name for name in names if name.startswith(SCRIPTS) and name not in FALLBACKS)
    return [name for name in (*FALLBACKS, *scripts, BROUGHT) if name in names]
