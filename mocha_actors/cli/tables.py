"""Tables that fit a terminal without cutting a number: bars give way first, names next, then ids beside a name; below that a table is wider."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from mocha_actors.cli.charts import bar

GUTTER: Final = 3
"""Columns between two columns of a table."""

NARROWEST_BAR: Final = 8
"""A bar for which there is less room is left out."""

READABLE_NAME: Final = 16
"""A name is cut to this before the ids beside it are left out."""

NARROWEST_NAME: Final = 8
NARROWEST_TEXT: Final = 24
"""A name is cut, and a text broken into lines, to no less, so that an id in it stands whole; less room makes the table wider than the terminal."""


class AtLeast:
    """A table that is wider than the terminal where there is less room than ``width``."""

    def __init__(self, table: Table, width: int) -> None:
        self.table, self.width = table, width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it."""
        yield from console.render(self.table, options.update(width=max(options.max_width, self.width)))


class Fitted:
    """Rows under headings, laid out for the width they are printed in. What is neither a name nor a text is never cut or broken.

    Attributes:
        headings: of the columns.
        rows: the cells, as they are shown.
        right: headings of numbers.
        names: headings of names, which end with an ellipsis where there is no room.
        texts: headings of texts, which are broken into lines.
        id_of: heading of the ids, and that of the names they belong to; without room an id stands only where its name is ``unknown``.
        bars: for each row how long its bar is, as a share of the longest; empty for none.
        unknown: what stands for a name that is not known.

    """

    def __init__(
        self,
        headings: Sequence[str],
        rows: Iterable[Sequence[Text]],
        *,
        right: Iterable[str] = (),
        names: Iterable[str] = (),
        texts: Iterable[str] = (),
        id_of: tuple[str, str] | None = None,
        bars: Sequence[float] = (),
        unknown: str = "-",
    ) -> None:
        self.headings, self.rows = tuple(headings), [tuple(row) for row in rows]
        self.right, self.names, self.texts = frozenset(right), frozenset(names), frozenset(texts)
        self.id_of, self.bars, self.unknown = id_of, bars, unknown

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for the width of ``options``, or the least that there must be."""
        shown = self._without_ids() if self._needs(READABLE_NAME) > options.max_width else self
        widths = fitted(shown.natural(), shown.least(NARROWEST_NAME), options.max_width)
        table = shown.laid_out(widths, options.max_width)
        yield AtLeast(table, sum(widths) + GUTTER * (len(widths) - 1))

    def natural(self) -> list[int]:
        """The width of each column if nothing is cut."""
        cells = ((heading, *(row[place].plain for row in self.rows)) for place, heading in enumerate(self.headings))
        return [max(map(cell_len, column)) for column in cells]

    def least(self, name: int) -> list[int]:
        """The least width of each column, of a name ``name``; an id that stands for a name is never cut."""
        return [
            min(width, max(self._narrowest(heading, name), cell_len(heading), self._longest_id(place)))
            if heading in self.names | self.texts
            else width
            for place, (heading, width) in enumerate(zip(self.headings, self.natural(), strict=True))
        ]

    def laid_out(self, widths: Sequence[int], most: int) -> Table:
        """The table with columns of ``widths``, and bars if there is room in ``most``."""
        room = most - sum(widths) - GUTTER * len(widths)
        bars = self.bars if room >= NARROWEST_BAR else ()
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for heading, width in zip(self.headings, widths, strict=True):
            broken = heading in self.texts
            table.add_column(
                heading,
                justify="right" if heading in self.right else "left",
                overflow="fold" if broken else "ellipsis",
                no_wrap=not broken,
                width=width,
            )
        if bars:
            table.add_column("", no_wrap=True)
        for place, row in enumerate(self.rows):
            table.add_row(*row, *(bar(share, 1.0, room) for share in bars[place : place + 1]))
        return table

    def _needs(self, name: int) -> int:
        least = self.least(name)
        return sum(least) + GUTTER * (len(least) - 1)

    def _narrowest(self, heading: str, name: int) -> int:
        return name if heading in self.names else NARROWEST_TEXT

    def _longest_id(self, place: int) -> int:
        """With the ellipsis of what is said behind it."""
        words = (row[place].plain.partition(" ") for row in self.rows)
        return max((len(word) + bool(rest) for word, _, rest in words if word.isdecimal()), default=0)

    def _without_ids(self) -> Fitted:
        """The same with the ids only where no name is known."""
        if self.id_of is None:
            return self
        ids, names = (self.headings.index(heading) for heading in self.id_of)
        rows = [
            [self._id_or_name(row[ids], cell) if place == names else cell for place, cell in enumerate(row) if place != ids]
            for row in self.rows
        ]  # fmt: skip
        headings = [heading for heading in self.headings if heading != self.id_of[0]]
        return Fitted(headings, rows, right=self.right, names=self.names, texts=self.texts, bars=self.bars)

    def _id_or_name(self, key: Text, name: Text) -> Text:
        """The id in the place of a name that is not known; what is said behind the name stays."""
        word = name.plain.partition(" ")[0]
        return key + name[len(word) :] if word == self.unknown else name


def fitted(natural: Sequence[int], least: Sequence[int], most: int) -> list[int]:
    """Widths of columns that take ``most`` together with their gutters: the widest give way first, none below its least."""
    widths = list(natural)
    excess = sum(widths) + GUTTER * (len(widths) - 1) - most
    while excess > 0:
        spare = {place: width for place, width in enumerate(widths) if width > least[place]}
        if not spare:
            break
        widest = max(spare, key=spare.__getitem__)
        widths[widest] -= 1
        excess -= 1
    return widths
