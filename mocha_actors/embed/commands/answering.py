"""Answers the commands: what each asks of the statistics, and what it does for whoever wants to know, or not to be known."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from mocha_actors.embed.commands import telling
from mocha_actors.embed.commands.asked import Asked, RefusedError, Target
from mocha_actors.embed.commands.definitions import CHANNELS
from mocha_actors.embed.commands.replies import Reply
from mocha_actors.embed.commands.telling import Frame
from mocha_actors.stats.options import Options
from mocha_actors.stats.questions import HourMetric
from mocha_actors.stats.results import MessageTimeline, VoiceTimeline

if TYPE_CHECKING:
    from mocha_actors.client import StatsClient
    from mocha_actors.embed.host import MochaStats

    Stats = MochaStats | StatsClient

ACTOR: Final = "a member by /privacy"
"""Who asks, in the audit log, which names nobody whose erasure it notes."""

ENTRIES: Final = 10
"""Of a leaderboard."""

HIDDEN: Final = "You cannot see that channel, so its numbers are not shown."
NOT_SHARED: Final = "Not everybody here can see that channel, so its numbers are not shared."
NOTHING_SEEN: Final = "There is no channel that can be counted for you here."
NOTHING_SHARED: Final = "There is no channel here that everybody can see, so nothing can be shared."
PSEUDONYMS: Final = "This bot records members under pseudonyms, so nobody's numbers can be looked up."


async def answer(stats: Stats, asked: Asked, now_s: float) -> Reply:
    """What a command is answered; ``now_s`` are seconds since the Unix epoch.

    Raises:
        RefusedError: it is not; the text says why.
        MochaError: as the statistics do.
        ActorError: likewise.

    """
    return await ANSWERS[asked.command](stats, asked, now_s)


async def erase(stats: Stats, user_id: int) -> Reply:
    """Erase somebody who has confirmed it; raises what :func:`answer` does."""
    done = await stats.forget(user_id, actor=ACTOR)
    return telling.forgotten(done.text)


# Statistics


async def _server(stats: Stats, asked: Asked, _: float) -> Reply:
    options, frame = await _options(stats, asked), _frame(asked)
    found = await stats.guild_stats(asked.guild_id, **options)
    timeline = await stats.message_timeline(asked.guild_id, interval=asked.chosen_period.interval, **options)
    return telling.server(found, timeline, frame)


async def _user(stats: Stats, asked: Asked, _: float) -> Reply:
    if stats.anonymised:
        raise RefusedError(PSEUDONYMS)
    options, frame = await _options(stats, asked), _frame(asked)
    user_id = asked.target_user_id or asked.user_id
    found = await stats.user_stats(asked.guild_id, user_id, **options)
    timeline = await _timeline(stats, asked, {**options, "users": (user_id,)}, talks=_talks(found))
    return telling.user(found, timeline, frame, everywhere=asked.sight.everything)


async def _channel(stats: Stats, asked: Asked, _: float) -> Reply:
    target = _seen_target(asked)
    options, frame = await _options(stats, asked), _frame(asked)
    found = await stats.channel_stats(asked.guild_id, target.channel_id, **options)
    timeline = await _timeline(stats, asked, {**options, "channels": (target.channel_id,)}, talks=_talks(found))
    return telling.channel(found, timeline, frame)


async def _leaderboard(stats: Stats, asked: Asked, _: float) -> Reply:
    options, frame, metric = await _options(stats, asked), _frame(asked), asked.chosen_metric
    if asked.of == CHANNELS:
        ranking = await stats.channel_ranking(asked.guild_id, metric=metric.of_channels, limit=ENTRIES, **options)
        return telling.channel_ranking(ranking, frame)
    board = await stats.leaderboard(asked.guild_id, metric=metric.of_users, limit=ENTRIES, **options)
    return telling.leaderboard(board, frame)


async def _heatmap(stats: Stats, asked: Asked, _: float) -> Reply:
    options, frame = await _options(stats, asked), _frame(asked)
    metric: HourMetric = "voice_seconds" if asked.metric == "voice" else "messages"
    return telling.heatmap(await stats.heatmap(asked.guild_id, metric=metric, **options), frame)


async def _growth(stats: Stats, asked: Asked, _: float) -> Reply:
    period = asked.chosen_period
    options: Options = {**period.options, "include_bots": asked.include_bots}
    found = await stats.member_growth(asked.guild_id, interval=period.interval, **options)
    return telling.growth(found, Frame(asked.place, _people(asked)))


async def _timeline(stats: Stats, asked: Asked, options: Options, *, talks: bool) -> MessageTimeline | VoiceTimeline:
    """Messages over time, or voice where there was nothing else."""
    interval = asked.chosen_period.interval
    if talks:
        return await stats.voice_timeline(asked.guild_id, interval=interval, **options)
    return await stats.message_timeline(asked.guild_id, interval=interval, **options)


def _talks(found: Any) -> bool:
    return not found.messages and found.voice_seconds > 0


# Privacy


async def _opt_out(stats: Stats, asked: Asked, _: float) -> Reply:
    await stats.opt_out(asked.user_id, actor=ACTOR)
    return telling.opted_out()


async def _opt_in(stats: Stats, asked: Asked, _: float) -> Reply:
    await stats.opt_out(asked.user_id, out=False, actor=ACTOR)
    return telling.opted_in()


async def _export(stats: Stats, asked: Asked, _: float) -> Reply:
    data = await stats.user_data(asked.user_id, actor=ACTOR)
    return telling.exported(asked.user_id, data, asked.attachment_bytes)


async def _forget(_: Stats, asked: Asked, now_s: float) -> Reply:
    return telling.asking_to_forget(asked.user_id, now_s)


# What is counted


async def _options(stats: Stats, asked: Asked) -> Options:
    """Period, bots, and the channels that whoever is answered sees; no restriction for those who see everything."""
    options: Options = {**asked.chosen_period.options, "include_bots": asked.include_bots}
    if asked.sight.everything:
        return options
    settings = await stats.guild_settings(asked.guild_id)
    # A channel that is named counts even where it is ignored; here nobody named one.
    channels = asked.sight.counted(settings.ignored_channel_id)
    if not channels:
        raise RefusedError(NOTHING_SHARED if asked.share else NOTHING_SEEN)
    options["channels"] = channels
    return options


def _seen_target(asked: Asked) -> Target:
    """The channel asked about.

    Raises:
        RefusedError: whoever is answered does not see it.

    """
    target = asked.target
    private = target is not None and target.private and (asked.share or not target.added)
    if target is None or private or not asked.sight.sees(target.seen_as):
        raise RefusedError(NOT_SHARED if asked.share else HIDDEN)
    return target


def _frame(asked: Asked) -> Frame:
    whose = "everybody" if asked.share else "you"
    seen = () if asked.sight.everything else (f"channels that {whose} can see",)
    return Frame(asked.place, (*seen, *_people(asked)))


def _people(asked: Asked) -> tuple[str, ...]:
    return ("bots included",) if asked.include_bots else ()


ANSWERS: Final[dict[str, Callable[[Any, Asked, float], Awaitable[Reply]]]] = {
    "stats server": _server,
    "stats user": _user,
    "stats channel": _channel,
    "leaderboard": _leaderboard,
    "heatmap": _heatmap,
    "growth": _growth,
    "privacy opt-out": _opt_out,
    "privacy opt-in": _opt_in,
    "privacy export": _export,
    "privacy forget": _forget,
}
"""What answers each command."""
