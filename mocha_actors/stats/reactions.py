"""Reactions: how many were given, by how many, and which emoji."""

from __future__ import annotations

from typing import Final

from mocha_actors.db.connection import Connection
from mocha_actors.stats.coverage import head
from mocha_actors.stats.questions import ReactionQuestion, TopEmojiQuestion
from mocha_actors.stats.ranking import page
from mocha_actors.stats.reaction_counts import (
    Reactions,
    givers,
    reaction_totals,
    reactions_by,
    standing_reactions,
)
from mocha_actors.stats.results import EmojiEntry, ReactionStats, TopEmoji
from mocha_actors.stats.scope import scope_of

NAMES: Final = "SELECT emoji, name FROM emojis WHERE guild_id = ?"


def reaction_stats(connection: Connection, question: ReactionQuestion) -> ReactionStats:
    """Answer ``question``: adds are the number; taking back is a number of its own and subtracts nothing (A3.1)."""
    scope = scope_of(connection, question)
    total = reaction_totals(connection, scope, question.range)
    return ReactionStats(
        **head(connection, question),
        added=total.added,
        removed=total.removed,
        burst=total.burst,
        standing=standing_reactions(connection, scope, question.range),
        givers=len(givers(connection, scope, question.range)),
        emoji=sum(each.added > 0 for each in reactions_by(connection, scope, question.range, "emoji").values()),
    )


def top_emoji(connection: Connection, question: TopEmojiQuestion) -> TopEmoji:
    """Answer ``question``: custom emoji are told apart by id, whatever their names were (rule 22)."""
    scope = scope_of(connection, question)
    found: dict[str, Reactions] = {
        str(key): each for key, each in reactions_by(connection, scope, question.range, "emoji").items() if each.added
    }
    chosen = page({emoji: each.added for emoji, each in found.items()}, question.limit, question.after())
    names = dict(connection.execute(NAMES, (question.guild_id,)).fetchall())
    return TopEmoji(
        **head(connection, question),
        entries=tuple(
            EmojiEntry(rank=place.rank, emoji=place.key, name=names.get(place.key), **found[place.key]._asdict())
            for place in chosen.places
        ),
        ranked_emoji=len(found),
        next_cursor=None if chosen.next_cursor is None else str(chosen.next_cursor),
    )
