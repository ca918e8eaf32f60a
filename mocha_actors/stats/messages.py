"""Counts of messages, whatever the subject: from the rows of a query to totals, and to the first and last message."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from mocha_actors.discord.snowflake import time_ms
from mocha_actors.pipeline.facts import AuthorClass, MessageKind
from mocha_actors.stats.ranges import Range, Split


class Totals(NamedTuple):
    """Counts of messages. With ``exclude_deleted`` all but ``deleted`` are without those deleted since.

    Attributes:
        messages: of the author classes asked for.
        commands: by humans and bots, and by webhooks if asked for; the author of a command's reply is the bot.
        by_bots: messages of bots, asked for or not.
        by_webhooks: messages of webhooks, asked for or not.
        deleted: how many messages of the author classes asked for were deleted since.

    """

    messages: int = 0
    commands: int = 0
    by_bots: int = 0
    by_webhooks: int = 0
    deleted: int = 0


def total(rows: Iterable[tuple[int, int, int, int]], classes: Collection[int], *, exclude_deleted: bool) -> Totals:
    """Add up rows of (author class, kind, sent, deleted); ``classes`` are the author classes asked for."""
    messages = commands = by_bots = by_webhooks = gone = 0
    for author_class, kind, sent, deleted in rows:
        counted = sent - deleted if exclude_deleted else sent
        if kind == MessageKind.COMMAND:
            commands += counted if author_class != AuthorClass.WEBHOOK or author_class in classes else 0
        elif kind == MessageKind.MESSAGE:
            by_bots += counted if author_class == AuthorClass.BOT else 0
            by_webhooks += counted if author_class == AuthorClass.WEBHOOK else 0
            if author_class in classes:
                messages += counted
                gone += deleted
    return Totals(messages, commands, by_bots, by_webhooks, gone)


def buckets_with_messages(
    rows: Iterable[tuple[int | None, int, int, int, int]], classes: Collection[int], *, exclude_deleted: bool,
) -> set[int]:  # fmt: skip
    """The buckets in which any message counts, from rows of (bucket or None, author class, kind, sent, deleted)."""
    return {
        bucket
        for bucket, author_class, kind, sent, deleted in rows
        if bucket is not None
        and kind == MessageKind.MESSAGE
        and author_class in classes
        and sent > deleted * exclude_deleted
    }


class Span(NamedTuple):
    """The first and the last of some messages; all None when there are none."""

    first_message_id: int | None = None
    first_message_ms: int | None = None
    last_message_id: int | None = None
    last_message_ms: int | None = None


def find_span(find: Callable[[Range], tuple[int | None, int | None]], split: Split, buckets: Collection[int]) -> Span:
    """Find the first and the last message of a range with as few raw rows as possible.

    The rollup has no message ids, but tells which whole bucket holds the first message and which the last; only those
    two and the ragged edges are searched, from outside to inside.

    Args:
        find: gives the least and the greatest message id within a range, or None twice.
        split: the range.
        buckets: numbers of the whole buckets that hold any of the messages.

    """
    inside = [split.bucket(number) for number in sorted({min(buckets), max(buckets)})] if buckets else []
    windows = sorted([*split.edges, *inside])
    first = next((low for window in windows if (low := find(window)[0]) is not None), None)
    last = next((high for window in reversed(windows) if (high := find(window)[1]) is not None), None)
    if first is None or last is None:
        return Span()
    return Span(first, time_ms(first), last, time_ms(last))
