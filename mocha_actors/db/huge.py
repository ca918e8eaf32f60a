"""Entries whose facts are too many for one transaction, such as a GUILD_CREATE with 100,000 members: found, and cut into slices. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mocha_actors.pipeline.batch import Batch, Outcome
from mocha_actors.pipeline.facts import ChannelsSeen, Fact, MembersSeen, PresencesListed, VoiceListed

MAX_ROWS: Final = 5_000
"""Rows of one entry that a transaction takes; with more of them the entry is written in several."""

FEW: Final = 2
"""Facts of an entry that is not worth being cut: what has many rows has many facts."""

EntryRange = tuple[Batch, int, int, int]
"""As :class:`mocha_actors.db.apply.Part`."""


def weight(fact: Fact) -> int:
    """How many rows ``fact`` is about."""
    match fact:
        case MembersSeen(members=several) | ChannelsSeen(places=several) | VoiceListed(states=several):
            return len(several)
        case PresencesListed(online=online):
            return len(online)
        case _:
            return 1


def exceeds(outcome: Outcome | None) -> bool:
    """Whether the facts of an entry are too many for one transaction; a single fact cannot be cut."""
    return isinstance(outcome, tuple) and len(outcome) > FEW and sum(map(weight, outcome)) > MAX_ROWS


def slices(outcome: Outcome | None) -> list[tuple[int, int]]:
    """Half-open ranges of the facts of an entry, in order, each with at most :data:`MAX_ROWS` rows or a single fact."""
    facts = outcome if isinstance(outcome, tuple) else ()
    found: list[tuple[int, int]] = []
    start, rows = 0, 0
    for index, fact in enumerate(facts):
        if index > start and rows + weight(fact) > MAX_ROWS:
            found.append((start, index))
            start, rows = index, 0
        rows += weight(fact)
    return [*found, (start, len(facts))]


def is_huge(parts: Sequence[EntryRange]) -> bool:
    """Whether ``parts`` are one entry that has to be cut."""
    batch, start, stop, first_fact = parts[0]
    return len(parts) == 1 and stop - start == 1 and not first_fact and exceeds(batch.outcomes[start])


def long_entries(batch: Batch, start: int, stop: int) -> list[int]:
    """The entries that have more than a few facts. Nearly every one has one or two: a batch without another is passed over by one look at its longest."""
    outcomes = batch.outcomes[start:stop]
    try:
        if max(map(len, outcomes)) <= FEW:  # type: ignore[arg-type]  # a dead letter has no length
            return []
    except TypeError:
        pass
    return [
        start + index for index, outcome in enumerate(outcomes) if isinstance(outcome, tuple) and len(outcome) > FEW
    ]


def around(parts: Sequence[EntryRange]) -> tuple[list[EntryRange], list[EntryRange]] | None:
    """``parts`` cut before or behind the first huge entry, so that it comes to stand alone; None where none has company."""
    if is_huge(parts):
        return None
    for position, (batch, start, stop, _) in enumerate(parts):
        for index in long_entries(batch, start, stop):
            if exceeds(batch.outcomes[index]):
                cut = index if index > start or position else index + 1
                before = [*parts[:position], *([(batch, start, cut, 0)] if cut > start else [])]
                after = [*([(batch, cut, stop, 0)] if cut < stop else []), *parts[position + 1 :]]
                return before, after
    return None
