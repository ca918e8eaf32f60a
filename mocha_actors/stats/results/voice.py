"""Answers about voice channels and reactions."""

from __future__ import annotations

import msgspec

from mocha_actors.stats.results.base import Answer, Step


class VoiceStats(Answer, frozen=True, kw_only=True):
    """Time in voice channels.

    The sums below ``voice_seconds`` are of that time and overlap freely; each is rounded down once (A3.14).

    Attributes:
        voice_seconds: counted time over all users: humans outside the AFK channel unless asked otherwise (rule 11).
        muted_seconds: of it, muted by themselves or by a moderator; muted people listen, so it counts.
        deafened_seconds: of it, deafened.
        alone_seconds: of it, with no other human in the channel.
        streaming_seconds: of it, sharing the screen.
        video_seconds: of it, with the camera on.
        suppressed_seconds: of it, as audience of a stage.
        afk_seconds: time in the AFK channel, counted or not.
        sessions: how many sessions began in the range, in a state that counts; a move goes on with one, and so does a resumption after a loss
            (A3.15). Where channels are chosen or ignored it is visits to the channels that are left: a session has no single channel.
        speakers: distinct users with any counted time.
        open_sessions: how many of the guild's intervals are in progress; they are counted up to the last evidence.
        uncertain_seconds: by how much ``voice_seconds`` may differ, because Discord did not say when something happened.

    """

    voice_seconds: int
    muted_seconds: int
    deafened_seconds: int
    alone_seconds: int
    streaming_seconds: int
    video_seconds: int
    suppressed_seconds: int
    afk_seconds: int
    sessions: int
    speakers: int
    open_sessions: int
    uncertain_seconds: int


class VoiceStep(Step, frozen=True, kw_only=True):
    """Voice of one bucket; see :class:`VoiceStats`.

    Attributes:
        voice_seconds: see there; only the seconds inside the bucket.
        sessions: how many began in the bucket, see there.
        average_people: ``voice_seconds`` by the length of the bucket: how many were there on average.
        estimated: something in it has no exact time.

    """

    voice_seconds: int
    sessions: int
    average_people: float
    estimated: bool


class VoiceTimeline(Answer, frozen=True, kw_only=True):
    """Voice over time.

    Attributes:
        interval: length of a bucket.
        voice_seconds: in the whole range.
        buckets: the steps.

    """

    interval: str
    voice_seconds: int
    buckets: tuple[VoiceStep, ...]


class VoiceSession(msgspec.Struct, frozen=True, kw_only=True):
    """One session: from joining voice to leaving it; moves and resumptions after a loss go on with it.

    Attributes:
        session_id: names it.
        user_id: who.
        username: the unique name, where known.
        global_name: the display name, where set.
        joined_ms: when it began.
        left_ms: when it ended; None while it goes on.
        channel_id: the channel in which it was last.
        visits: how many channels were visited, a channel again counts again.
        voice_seconds: its counted time, inside the range or not.
        end_reason: why it ended: ``left``, ``lost``, ``outage`` or ``gone``; None while it goes on.
        estimated: some of its times are not exact.

    """

    session_id: int
    user_id: int
    username: str | None
    global_name: str | None
    joined_ms: int
    left_ms: int | None
    channel_id: int
    visits: int
    voice_seconds: int
    end_reason: str | None
    estimated: bool


class VoiceSessions(Answer, frozen=True, kw_only=True):
    """Sessions that began in the range, newest first.

    Attributes:
        sessions: one page.
        next_cursor: where the next page begins; None after the last one.

    """

    sessions: tuple[VoiceSession, ...]
    next_cursor: str | None


class ReactionStats(Answer, frozen=True, kw_only=True):
    """Reactions.

    Attributes:
        added: reactions added; one that is taken back and given again counts twice (A3.1).
        removed: reactions taken back.
        burst: how many of the added were super reactions.
        standing: reactions that stand now on messages sent in the range.
        givers: distinct users who added any.
        emoji: distinct emoji that were added.

    """

    added: int
    removed: int
    burst: int
    standing: int
    givers: int
    emoji: int
