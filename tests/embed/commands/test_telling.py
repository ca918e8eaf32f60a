"""What is said of an answer beside its numbers: the period, and what keeps them from being whole."""

from __future__ import annotations

from typing import Any

import pytest

from mocha_actors.embed.commands.telling import Frame, growth, mention, quality_of, server
from mocha_actors.stats.results import Coverage, Entry, Gap, GuildStats, MemberGrowth, MessageStep, MessageTimeline

DAY_MS = 86_400_000
BEGIN_MS = 1_704_067_200_000
"""2024-01-01, midnight in UTC."""

WHOLE = Coverage(complete=True, observed_share=1.0, gaps=())


def gap(since_s: float, until_s: float, reason: str) -> Gap:
    """A gap, by its seconds since the begin."""
    return Gap(shard=0, since_ms=BEGIN_MS + int(since_s * 1000), until_ms=BEGIN_MS + int(until_s * 1000), reason=reason)


def incomplete(*gaps: Gap) -> Coverage:
    """A range with gaps."""
    return Coverage(complete=False, observed_share=0.5, gaps=gaps)


def members(coverage: Coverage = WHOLE, days: int = 10, **fields: Any) -> MemberGrowth:
    """An answer about ten days, in Berlin."""
    known = {"joins": 0, "leaves": 0, "member_count": None, "interval": "day", "time_zone": "Europe/Berlin"} | fields
    return MemberGrowth(
        guild_id=1, since_ms=BEGIN_MS, until_ms=BEGIN_MS + days * DAY_MS, coverage=coverage, buckets=(), **known
    )


def test_what_was_observed_needs_no_words() -> None:
    """The period and the zone stand below in any case."""
    reply = growth(members(), Frame("here", ("bots included",)))

    assert [field.name for field in reply.fields] == ["Members", "Joined", "Left", "Change"]
    assert reply.footer == "2024-01-01 01:00 to 2024-01-11 01:00 (Europe/Berlin) · bots included"
    assert reply.chart is None, "there is nothing to draw"


@pytest.mark.parametrize(
    ("coverage", "lines"),
    [
        (
            incomplete(gap(0, 3_600, "first_start")),
            ["Recording began at 2024-01-01 02:00; what was before is not known."],
        ),
        (incomplete(gap(90, 864_000, "not_yet_observed")), ["Recorded up to 2024-01-01 01:01:30."]),
        (
            incomplete(gap(60, 120, "session_invalid"), gap(300, 390, "host_disconnected")),
            [
                "Not all of it was observed, and events may be missing: 2 min 30 s in 2 gaps.",
                "2024-01-01 01:01:00 to 2024-01-01 01:02:00: Discord had ended the session",
                r"2024-01-01 01:05:00 to 2024-01-01 01:06:30: host\_disconnected",
            ],
        ),
    ],
)
def test_what_was_not_observed_is_said_in_local_time(coverage: Coverage, lines: list[str]) -> None:
    """When recording began, up to when it came, and where it has holes."""
    assert quality_of(members(coverage)) == lines


def test_only_the_first_gaps_are_listed_and_all_are_counted() -> None:
    """A hundred of them are no answer."""
    lines = quality_of(members(incomplete(*(gap(60 * n, 60 * n + 1, "poison_frame") for n in range(100)))))

    assert len(lines) == 4
    assert lines[0].endswith("1 min 40 s in 100 gaps.")


def test_what_retention_has_deleted_is_said() -> None:
    """The numbers lack it."""
    lines = quality_of(members(not_retained_before_ms=BEGIN_MS + DAY_MS))

    assert lines == ["Some details from before 2024-01-02 01:00 are kept no more and are missing."]


@pytest.mark.parametrize(
    ("since_ms", "days", "shown"),
    [(BEGIN_MS, 10, "20 (2.0 a day)"), (BEGIN_MS, 1, "20"), (1_420_070_400_000, 9_000, "20")],
)
def test_a_mean_a_day_is_told_of_days_alone(since_ms: int, days: int, shown: str) -> None:
    """Of a day it says nothing, and of all time it would count the years before the server."""
    stats = GuildStats(
        guild_id=1, guild_name="here", since_ms=since_ms, until_ms=since_ms + days * DAY_MS, time_zone="UTC", coverage=WHOLE,
        messages=20, commands=0, bot_messages=0, webhook_messages=0, deleted_messages=0, active_users=None, active_channels=1,
        messages_per_day=20 / days, voice_seconds=0, voice_sessions=0, reactions=0, joins=0, leaves=0, member_count=None,
    )  # fmt: skip
    step = MessageStep(label="2024-01-01", since_ms=0, until_ms=1, partial=False, observed_share=1.0, messages=0, commands=0, deleted_messages=0)  # fmt: skip
    timeline = MessageTimeline(
        guild_id=1, since_ms=since_ms, until_ms=stats.until_ms, time_zone="UTC", coverage=WHOLE, interval="day",
        messages=0, buckets=(step,),
    )  # fmt: skip
    reply = server(stats, timeline, Frame("here"))

    assert {field.name: field.value for field in reply.fields}["Messages"] == shown
    assert {field.name: field.value for field in reply.fields}["Active members"] == "unknown"
    assert reply.chart is None, "a chart of nothing is none"


@pytest.mark.parametrize(
    ("user_id", "left", "name", "shown"),
    [
        (5, False, "*ada*", "<@5>"),
        (5, None, None, "<@5>"),
        (5, True, "*ada*", r"\*ada\* (left)"),
        (5, True, None, "<@5>"),
        ((1 << 62) + 0xBEEF, None, None, "somebody (beef)"),
    ],
)
def test_a_member_is_mentioned_who_left_is_named_and_a_pseudonym_is_nobody(
    user_id: int, left: bool | None, name: str | None, shown: str
) -> None:
    """Discord's clients show a mention as a name where they know the user; there is none of an id that is none of Discord's."""
    entry = Entry(rank=1, user_id=user_id, username=name, global_name=None, is_bot=None, left=left, value=1)

    assert mention(entry) == shown
