"""People or places in the order of their activity, to be drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

Draw = Callable[[], float]
"""Draws a number from 0 up to but without 1."""


class Roster:
    """Ids in the order of their activity. Adding, taking away and drawing take the same time however many there are."""

    def __init__(self, ids: Iterable[int] = ()) -> None:
        """Begin with these, the most active first."""
        self._ids = list(dict.fromkeys(ids))
        self._places = {each: place for place, each in enumerate(self._ids)}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._ids)

    def __iter__(self) -> Iterator[int]:
        """Iterate, the most active first."""
        return iter(self._ids)

    def __contains__(self, each: int) -> bool:
        """Tell whether an id is among them."""
        return each in self._places

    def add(self, each: int) -> None:
        """Add one at the end, the least active; nothing happens if it is there."""
        if each not in self._places:
            self._places[each] = len(self._ids)
            self._ids.append(each)

    def remove(self, each: int) -> None:
        """Take one away, if it is there; the least active takes its place."""
        place = self._places.pop(each, None)
        if place is None:
            return
        last = self._ids.pop()
        if last != each:
            self._ids[place] = last
            self._places[last] = place

    def zipf(self, draw: Draw) -> int:
        """Draw one by Zipf's law: the second is half as active as the first, the tenth a tenth.

        The power of a uniform number has a logarithmic distribution, whose whole part falls on n with the weight of 1/n.
        """
        return self._ids[int((len(self._ids) + 1) ** draw()) - 1]

    def any(self, draw: Draw) -> int:
        """Draw any one, all with the same chance."""
        return self._ids[int(draw() * len(self._ids))]
