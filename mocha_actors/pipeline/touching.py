"""What facts change, for whom and at which times: the notice that the writer sends to the cache after a commit.

The times are those that the facts are about. A message is about its own time, and so is its deletion, however late; what is only known to have
lasted until now (a voice session, somebody's presence) is about the day before too, since a change ends what began earlier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, Final, TypeVar, cast

from mocha_actors.discord.snowflake import DISCORD_EPOCH_HOUR, HOUR_MS, HOUR_OF_IDS, time_ms
from mocha_actors.pipeline import facts as f
from mocha_actors.pipeline.notices import EVERYTHING, FIRST_HOUR, LAST_HOUR, Changed, Subject, Touched

LOOK_BACK_HOURS: Final = 24
"""No voice session is longer (statistics, rule 13), and intervals are cut at midnight: what a change can end began at most so long before."""

Span = tuple[int, int, int]
"""Guild, first hour, last hour."""

F = TypeVar("F", bound=f.BaseFact)
Spans = Callable[[Sequence[F]], Iterable[Span]]


def changes(facts: Iterable[f.Fact]) -> Changed:
    """The notice for ``facts``."""
    by_kind: dict[type[f.Fact], list[f.Fact]] = defaultdict(list)
    for kind, run in groupby(facts, type):
        by_kind[kind] += run
    if not by_kind.keys().isdisjoint(EVERYWHERE):
        return EVERYTHING
    return Changed(
        frozenset(
            Touched(guild_id, subject, first_hour, last_hour)
            for kind, of_kind in by_kind.items()
            for subject, spans in TOUCHES[kind]
            for guild_id, first_hour, last_hour in spans(of_kind)
        )
    )


def _message_hours(facts: Sequence[f.MessageSent | f.MessageDetails | f.MessageEdited]) -> Iterable[Span]:
    hours = {(fact.guild_id, fact.message_id // HOUR_OF_IDS) for fact in facts}
    return [(guild_id, hour + DISCORD_EPOCH_HOUR, hour + DISCORD_EPOCH_HOUR) for guild_id, hour in hours]


def _deleted_hours(facts: Sequence[f.MessagesDeleted]) -> Iterable[Span]:
    hours = {(fact.guild_id, time_ms(message_id) // HOUR_MS) for fact in facts for message_id in fact.message_ids}
    return [(guild_id, hour, hour) for guild_id, hour in hours]


def _since_deleted_messages(facts: Sequence[f.MessagesDeleted]) -> Iterable[Span]:
    """With a message the net state of all reactions to it goes, whenever they were made."""
    return {
        (fact.guild_id, time_ms(min(fact.message_ids)) // HOUR_MS, (fact.at_ms + fact.bound_ms) // HOUR_MS)
        for fact in facts
        if fact.message_ids
    }


def _since_message(facts: Sequence[f.ReactionRemoved | f.ReactionsCleared]) -> Iterable[Span]:
    """A reaction that is taken back may have been made at any time since the message."""
    return {
        (fact.guild_id, time_ms(fact.message_id) // HOUR_MS, (fact.at_ms + fact.bound_ms) // HOUR_MS) for fact in facts
    }


def _added_hours(facts: Sequence[f.ReactionAdded]) -> Iterable[Span]:
    """It counts at its own time, and stands on a message that may be old."""
    messages = {(fact.guild_id, time_ms(fact.message_id) // HOUR_MS) for fact in facts}
    return {*_at(facts), *((guild_id, hour, hour) for guild_id, hour in messages)}


def _at(facts: Sequence[Any]) -> Iterable[Span]:
    # All of a batch has the same stamp: to find that out first is cheaper than two divisions for each. A presence takes 0.05 µs here, by an attrgetter 0.07.
    moments = {(fact.guild_id, fact.at_ms, fact.bound_ms) for fact in facts}
    return {(guild, at_ms // HOUR_MS, (at_ms + bound_ms) // HOUR_MS) for guild, at_ms, bound_ms in moments}


def _lasting(facts: Sequence[Any]) -> Iterable[Span]:
    return {(guild_id, first - LOOK_BACK_HOURS, last) for guild_id, first, last in _at(facts)}


def _explained_leaves(facts: Sequence[f.MemberRemoved]) -> Iterable[Span]:
    """The leave that a kick or ban explains comes shortly before or after."""
    return {(guild_id, first - 1, last + 1) for guild_id, first, last in _at(facts)}


def _since_joined(facts: Sequence[f.MemberJoined]) -> Iterable[Span]:
    """A join counts at the time that Discord says it happened."""
    return {
        (
            fact.guild_id,
            min(fact.at_ms, fact.at_ms if fact.member.joined_ms is None else fact.member.joined_ms) // HOUR_MS,
            (fact.at_ms + fact.bound_ms) // HOUR_MS,
        )
        for fact in facts
    }


def _members_joined(facts: Sequence[f.MembersSeen]) -> Iterable[Span]:
    """Becoming known makes a member of the cohort of the day on which it joined."""
    return {
        (fact.guild_id, member.joined_ms // HOUR_MS, member.joined_ms // HOUR_MS)
        for fact in facts
        for member in fact.members
        if member.joined_ms is not None
    }


def _whenever(facts: Sequence[Any]) -> Iterable[Span]:
    return {(fact.guild_id, FIRST_HOUR, LAST_HOUR) for fact in facts}


def _rule(subject: Subject, spans: Spans[F]) -> tuple[Subject, Spans[Any]]:
    return subject, cast("Spans[Any]", spans)


EVERYWHERE: Final = frozenset({f.SessionStarted, f.SessionEnded, f.EventsMissed})
"""They make coverage gaps, which every answer about that time has to name, whatever the guild."""

TOUCHES: Final[dict[type[f.Fact], tuple[tuple[Subject, Spans[Any]], ...]]] = {
    f.MessageSent: (_rule(Subject.MESSAGES, _message_hours),),
    f.MessageDetails: (_rule(Subject.MESSAGES, _message_hours),),
    f.MessageEdited: (_rule(Subject.MESSAGES, _message_hours),),
    f.MessagesDeleted: (
        _rule(Subject.MESSAGES, _deleted_hours),
        _rule(Subject.REACTIONS, _since_deleted_messages),
    ),
    f.ReactionAdded: (_rule(Subject.REACTIONS, _added_hours),),
    f.ReactionRemoved: (_rule(Subject.REACTIONS, _since_message),),
    f.ReactionsCleared: (_rule(Subject.REACTIONS, _since_message),),
    f.VoiceChanged: (_rule(Subject.VOICE, _lasting),),
    f.VoiceListed: (_rule(Subject.VOICE, _lasting),),
    f.PresenceChanged: (_rule(Subject.PRESENCE, _lasting),),
    f.PresencesListed: (_rule(Subject.PRESENCE, _lasting),),
    f.MemberJoined: (_rule(Subject.MEMBERS, _since_joined), _rule(Subject.ROSTER, _whenever)),
    f.MembersSeen: (_rule(Subject.MEMBERS, _members_joined), _rule(Subject.ROSTER, _whenever)),
    # Whoever is missing from the list left at some time since it was last seen.
    f.MembersListed: (_rule(Subject.MEMBERS, _whenever), _rule(Subject.ROSTER, _whenever)),
    f.MemberLeft: (_rule(Subject.MEMBERS, _at), _rule(Subject.ROSTER, _whenever)),
    f.MemberRemoved: (_rule(Subject.MEMBERS, _explained_leaves),),
    # The AFK channel decides which voice seconds count, and the member count anchors the growth.
    f.GuildSeen: (_rule(Subject.NAMES | Subject.VOICE | Subject.MEMBERS, _whenever),),
    # An outage ends what was open; a guild that was left is marked as such.
    f.GuildGone: (_rule(Subject.VOICE | Subject.PRESENCE, _lasting), _rule(Subject.NAMES, _whenever)),
    f.ChannelsSeen: (_rule(Subject.NAMES, _whenever),),
    f.ChannelDeleted: (_rule(Subject.NAMES, _whenever),),
}
"""What each kind of fact changes. A test holds it complete."""
