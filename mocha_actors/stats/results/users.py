"""Answers about one user, and about which users are active."""

from __future__ import annotations

from mocha_actors.stats.results.base import Answer, Step


class UserStats(Answer, frozen=True, kw_only=True):
    """One user in one guild.

    Attributes:
        user_id: the user.
        username: the unique name, where known.
        global_name: the display name, where set.
        is_bot: whether it is a bot, where known.
        left: whether the user has left the guild; None where no membership is known.
        joined_ms: when the present membership began; None where unknown.
        messages: messages, whatever the author class.
        commands: replies to slash and context commands; only bots have any, since they are the authors. Commands that a user used are not counted here.
        deleted_messages: how many of the messages were deleted since.
        messages_per_day: ``messages`` by the length of the range in days of 24 hours, observed or not.
        rank: place in the leaderboard with the same range and filters; None when it does not list the user, or was not asked for.
        ranked_users: how many users that leaderboard lists; None when it was not asked for.
        first_message_id: the first of ``messages``; None when there is none.
        first_message_ms: its time.
        last_message_id: the last of them.
        last_message_ms: its time.
        voice_seconds: counted time in voice channels.
        voice_sessions: how many sessions began.
        reactions_given: reactions added.
        reactions_received: reactions that others added to the user's messages.
        first_seen_ms: the first message, voice or reaction in the range; None without any.
        last_seen_ms: the last one; of voice, the end of the time in the channel.

    """

    user_id: int
    username: str | None
    global_name: str | None
    is_bot: bool | None
    left: bool | None
    joined_ms: int | None
    messages: int
    commands: int
    deleted_messages: int
    messages_per_day: float
    rank: int | None
    ranked_users: int | None
    first_message_id: int | None
    first_message_ms: int | None
    last_message_id: int | None
    last_message_ms: int | None
    voice_seconds: int
    voice_sessions: int
    reactions_given: int
    reactions_received: int
    first_seen_ms: int | None
    last_seen_ms: int | None


class UserActivity(Answer, frozen=True, kw_only=True):
    """On which local days a user was active: with a counted message, or at least 60 s of counted voice on that day (rule 17).

    Attributes:
        user_id: the user.
        active_days: how many days were.
        days: how many local days the range touches.
        longest_streak_days: the greatest number of active days in a row.
        longest_streak_begin: its first day, ISO 8601; None without one.
        current_streak_days: active days in a row that end with the last day of the range or the one before it.

    """

    user_id: int
    active_days: int
    days: int
    longest_streak_days: int
    longest_streak_begin: str | None
    current_streak_days: int


class ActiveStep(Step, frozen=True, kw_only=True):
    """Active members of one bucket.

    Attributes:
        active_members: distinct users with a counted message, or at least 60 s of counted voice in sum (A3.11).
        active_with_reactions: those, and those who gave a reaction.
        writers: distinct users with a counted message.
        speakers: distinct users with at least 60 s of counted voice.

    """

    active_members: int
    active_with_reactions: int
    writers: int
    speakers: int


class ActiveMembers(Answer, frozen=True, kw_only=True):
    """Exactly how many distinct users were active, in all and in each bucket; a sum over buckets would count users twice.

    Attributes:
        interval: length of a bucket.
        active_members: see :class:`ActiveStep`, over the whole range.
        active_with_reactions: likewise.
        writers: likewise.
        speakers: likewise.
        buckets: the steps.

    """

    interval: str
    active_members: int
    active_with_reactions: int
    writers: int
    speakers: int
    buckets: tuple[ActiveStep, ...]


class Cohort(Step, frozen=True, kw_only=True):
    """Those who joined in one bucket, and how many of them stayed.

    Attributes:
        joined: distinct members who joined in it; who came back counts again in a later bucket.
        week_observed: of those, whose first seven days had passed by the last sign of life of the service.
        week_stayed: of ``week_observed``, who did not leave within seven days of joining.
        week_share: ``week_stayed`` by ``week_observed``; None without any.
        month_observed: as ``week_observed``, for thirty days.
        month_stayed: as ``week_stayed``, for thirty days.
        month_share: ``month_stayed`` by ``month_observed``; None without any.
        estimated: a join or leave among them has no exact time.

    """

    joined: int
    week_observed: int
    week_stayed: int
    week_share: float | None
    month_observed: int
    month_stayed: int
    month_share: float | None
    estimated: bool


class Retention(Answer, frozen=True, kw_only=True):
    """Cohorts of new members: leaving is churn (rule 18).

    Attributes:
        interval: length of a cohort's bucket.
        buckets: the cohorts.

    """

    interval: str
    buckets: tuple[Cohort, ...]


class MemberStep(Step, frozen=True, kw_only=True):
    """The membership in one bucket.

    Attributes:
        joins: who joined; bots only if asked for.
        leaves: who left.
        net: ``joins`` less ``leaves``.
        member_count: Discord's number at the end of the bucket, bots included; None where unknown.
        estimated: a join or leave in it has no exact time.

    """

    joins: int
    leaves: int
    net: int
    member_count: int | None
    estimated: bool


class MemberGrowth(Answer, frozen=True, kw_only=True):
    """How the membership grew. ``member_count`` is Discord's own number where it gave one, and the events since (rule 19).

    Attributes:
        interval: length of a bucket.
        joins: in the whole range.
        leaves: likewise.
        member_count: at the end of the range, bots included; None where unknown.
        buckets: the steps.

    """

    interval: str
    joins: int
    leaves: int
    member_count: int | None
    buckets: tuple[MemberStep, ...]


class OnlineStep(Step, frozen=True, kw_only=True):
    """Who was online in one bucket, on average: the time that members were, by the length of what was observed of it; None where nothing was.

    Attributes:
        online_average: members whose status was online.
        idle_average: members whose status was idle.
        dnd_average: members who did not want to be disturbed.
        present_average: all of these.

    """

    online_average: float | None
    idle_average: float | None
    dnd_average: float | None
    present_average: float | None


class OnlineTimeline(Answer, frozen=True, kw_only=True):
    """Members online over time. Presence is recorded only where it is switched on.

    Attributes:
        interval: length of a bucket.
        buckets: the steps.

    """

    interval: str
    buckets: tuple[OnlineStep, ...]
