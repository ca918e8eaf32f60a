"""Channels and threads of a guild: their numbers, and which are busiest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mocha_actors.db.connection import Connection
from mocha_actors.stats.channel_tree import THREADS, ChannelTree
from mocha_actors.stats.coverage import head
from mocha_actors.stats.message_counts import message_counts, totalled
from mocha_actors.stats.message_span import find_span
from mocha_actors.stats.message_sums import messages_by
from mocha_actors.stats.questions import ChannelGroup, ChannelMetric, ChannelQuestion, ChannelRankingQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.ranking import page, rank_of
from mocha_actors.stats.reaction_counts import reaction_totals, reactions_by
from mocha_actors.stats.results import ChannelEntry, ChannelRanking, ChannelStats
from mocha_actors.stats.scope import Scope, Selection, scope_of
from mocha_actors.stats.voice_counts import voice_ms_by, voice_totals


def channel_stats(connection: Connection, question: ChannelQuestion) -> ChannelStats:
    """Answer ``question``: a channel with its threads, a thread by itself (rule 8); one that is named counts even where ignored."""
    tree = ChannelTree.load(connection, question.guild_id)
    scope = scope_of(connection, question)
    known = tree[question.channel_id]
    held = tree.with_descendants([question.channel_id]) if question.include_threads else {question.channel_id}
    here = scope._replace(channels=Selection(frozenset(held), excluded=False))
    counts = list(message_counts(connection, here, [question.range.since_ms, question.range.until_ms]))
    total = totalled(counts, here)
    each_alone = known.type in THREADS or not question.include_threads
    others = _grouped(
        messages_by(connection, scope, question.range, "channel_id"), tree, "thread" if each_alone else "channel"
    )
    listed = others.get(question.channel_id, 0)
    # One that is named counts even where ignored, hence in the whole too.
    whole = sum(others.values()) - listed + total.messages
    spoken = voice_totals(connection, here, question.range)
    return ChannelStats(
        **head(connection, question),
        channel_id=question.channel_id,
        channel_name=known.name,
        parent_id=known.parent_id,
        threads=len(held) - 1,
        messages=total.messages,
        commands=total.commands,
        bot_messages=total.by_bots,
        webhook_messages=total.by_webhooks,
        deleted_messages=total.deleted,
        messages_per_day=total.messages / question.range.days,
        guild_share=total.messages / whole if whole else 0.0,
        rank=rank_of(others, listed) if listed else None,
        ranked_channels=len(others),
        **find_span(connection, here, question.range, counts)._asdict(),
        voice_seconds=spoken.ms // 1000,
        voice_visits=spoken.starts,
        reactions=reaction_totals(connection, here, question.range).added,
    )


def channel_ranking(connection: Connection, question: ChannelRankingQuestion) -> ChannelRanking:
    """Answer ``question``: threads count for their channel unless asked for (rule 8); deleted channels stay (rule 9); ties by id (A3.8)."""
    tree = ChannelTree.load(connection, question.guild_id)
    scope = scope_of(connection, question)
    counts = _grouped(channel_values(connection, scope, question.range, question.metric), tree, question.group)
    values = _whole_seconds(counts) if question.metric == "voice_seconds" else counts
    chosen = page(values, question.limit, question.after())
    total = sum(values.values())
    return ChannelRanking(
        **head(connection, question),
        metric=question.metric,
        group=question.group,
        entries=tuple(
            ChannelEntry(rank=place.rank, value=place.value, share=place.value / total, **_described(tree, place.key))
            for place in chosen.places
        ),
        ranked_channels=len(values),
        next_cursor=None if chosen.next_cursor is None else str(chosen.next_cursor),
    )


def channel_values(connection: Connection, scope: Scope, period: Range, metric: ChannelMetric) -> Mapping[int, int]:
    """The number of each channel and thread that has any; of voice in milliseconds."""
    if metric == "voice_seconds":
        return voice_ms_by(connection, scope, period, "channel_id")
    if metric == "reactions":
        found = reactions_by(connection, scope, period, "channel_id")
        return {int(key): each.added for key, each in found.items() if each.added}
    return messages_by(connection, scope, period, "channel_id")


def active_channels(connection: Connection, scope: Scope, period: Range) -> int:
    """Distinct channels with messages; a thread counts as its channel."""
    counts = messages_by(connection, scope, period, "channel_id")
    return len(_grouped(counts, ChannelTree.load(connection, scope.guild_id), "channel"))


def _grouped(counts: Mapping[int, int], tree: ChannelTree, group: ChannelGroup) -> Mapping[int, int]:
    """The counts of threads added to their channels, or of channels to their categories; channels outside of any category in none."""
    if group == "thread":
        return counts
    grouped: Counter[int] = Counter()
    for key, count in counts.items():
        target = tree.channel_of(key) if group == "channel" else tree.category_of(key)
        if target is not None:
            grouped[target] += count
    return grouped


def _whole_seconds(ms: Mapping[int, int]) -> dict[int, int]:
    return {key: value // 1000 for key, value in ms.items() if value >= 1000}


def _described(tree: ChannelTree, key: int) -> dict[str, Any]:
    channel = tree[key]
    return {
        "channel_id": key, "channel_name": channel.name, "parent_id": channel.parent_id, "deleted": channel.deleted_ms is not None,
    }  # fmt: skip
