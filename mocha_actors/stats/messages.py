"""Messages: how much was written, and when."""

from __future__ import annotations

from mocha_actors.db.connection import Connection
from mocha_actors.stats.coverage import head
from mocha_actors.stats.message_counts import Totals, message_counts, message_totals
from mocha_actors.stats.questions import MessageQuestion, MessageTimelineQuestion
from mocha_actors.stats.results import MessageStats, MessageStep, MessageTimeline
from mocha_actors.stats.scope import scope_of
from mocha_actors.stats.steps import steps_of


def message_stats(connection: Connection, question: MessageQuestion) -> MessageStats:
    """Answer ``question``: default messages and replies of humans, unless the filters ask for more (rules 1 to 3, 5)."""
    counted = message_totals(connection, scope_of(connection, question), question.range)
    return MessageStats(
        **head(connection, question),
        messages=counted.messages,
        commands=counted.commands,
        bot_messages=counted.by_bots,
        webhook_messages=counted.by_webhooks,
        deleted_messages=counted.deleted,
        messages_per_day=counted.messages / question.range.days,
    )


def message_timeline(connection: Connection, question: MessageTimelineQuestion) -> MessageTimeline:
    """Answer ``question``: each message counts in the local hour, day, week or month of its snowflake's time (rules 7, 15, 16)."""
    steps = steps_of(question)
    scope = scope_of(connection, question)
    totals = [Totals() for _ in steps.buckets]
    for count in message_counts(connection, scope, steps.cuts):
        position = steps.position(count.since_ms)
        totals[position] = totals[position].plus(count, scope)
    common = head(connection, question)
    gaps = common["coverage"].gaps
    return MessageTimeline(
        **common,
        interval=question.interval,
        messages=sum(each.messages for each in totals),
        buckets=tuple(
            MessageStep(
                **steps.fields(position, gaps),
                messages=each.messages,
                commands=each.commands,
                deleted_messages=each.deleted,
            )
            for position, each in enumerate(totals)
        ),
    )
