"""The subcommands of ``mocha query``: one per question, each with the options of its request type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click
import msgspec

from mocha_actors.cli.asking import Asked, ask, check_output, shared_options
from mocha_actors.cli.database import database_options, database_url, read
from mocha_actors.cli.names import once
from mocha_actors.cli.output import print_table
from mocha_actors.cli.spreadsheet import rows_as_csv
from mocha_actors.stats.buckets import INTERVALS
from mocha_actors.stats.guilds import known_guilds
from mocha_actors.stats.questions import (
    CHANNEL_GROUPS,
    CHANNEL_METRICS,
    HOUR_METRICS,
    USER_METRICS,
    ActiveMembersQuestion,
    BusiestHoursQuestion,
    ChannelQuestion,
    ChannelRankingQuestion,
    CompareQuestion,
    CoverageQuestion,
    GuildQuestion,
    HeatmapQuestion,
    InactiveMembersQuestion,
    LeaderboardQuestion,
    MemberGrowthQuestion,
    MessageQuestion,
    MessageTimelineQuestion,
    OnlineTimelineQuestion,
    RankQuestion,
    ReactionQuestion,
    RetentionQuestion,
    TopEmojiQuestion,
    UserActivityQuestion,
    UserQuestion,
    VoiceQuestion,
    VoiceSessionsQuestion,
    VoiceTimelineQuestion,
)  # fmt: skip

LIMIT: Final = click.option("--limit", type=int, default=10, show_default=True, metavar="N", help="Entries of a page.")
CURSOR: Final = click.option("--cursor", metavar="CURSOR", help="Begin behind the page that named this cursor.")
USER: Final = once("--user", "user_id", required=True, metavar="ID|NAME", help="The user; a bot too.")
HOUR_METRIC: Final = click.option("--metric", type=click.Choice(HOUR_METRICS), default="messages", show_default=True)
USER_METRIC: Final = click.option("--metric", type=click.Choice(USER_METRICS), default="messages", show_default=True)


def interval(default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option of a timeline."""
    return click.option("--interval", type=click.Choice(INTERVALS), default=default, show_default=True, help="A step.")


@click.group()
def command() -> None:
    """Ask who writes, talks, joins and reacts, when and where."""


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON; identifiers are strings.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV; identifiers are texts.")
@database_options
def guilds(database: str | None, config: str | None, *, as_json: bool, as_csv: bool) -> None:
    """The guilds that anything is known of."""
    check_output(as_json=as_json, as_csv=as_csv)
    known = read(database_url(database, config), known_guilds)
    if as_json:
        click.echo(msgspec.json.encode([{"guild_id": str(key), "guild_name": name} for key, name in known]))
        return
    if as_csv:
        click.echo(rows_as_csv(("guild_id", "guild_name"), known), nl=False)
        return
    print_table(("Guild", "Id"), [(name, str(key)) for key, name in known], names=("Guild",))


@command.command()
@shared_options()
def guild(asked: Asked) -> None:
    """A guild as a whole: messages, voice, reactions, active users, joins."""
    ask(asked, GuildQuestion)


@command.command()
@shared_options()
def compare(asked: Asked) -> None:
    """A range beside the period before it."""
    ask(asked, CompareQuestion)


@command.command()
@HOUR_METRIC
@shared_options()
def heatmap(asked: Asked, metric: str) -> None:
    """Activity by local day of the week and hour, 7 x 24."""
    ask(asked, HeatmapQuestion, metric=metric)


@command.command("busiest-hours")
@HOUR_METRIC
@click.option("--limit", type=int, default=10, show_default=True, metavar="N", help="Hours, up to 168.")
@shared_options()
def busiest_hours(asked: Asked, metric: str, limit: int) -> None:
    """The local hours of the week with most activity."""
    ask(asked, BusiestHoursQuestion, metric=metric, limit=limit)


@command.command()
@shared_options()
def coverage(asked: Asked) -> None:
    """Which part of a range was recorded."""
    ask(asked, CoverageQuestion)


@command.command()
@shared_options()
def messages(asked: Asked) -> None:
    """How much was written."""
    ask(asked, MessageQuestion)


@command.command("message-timeline")
@interval("day")
@shared_options()
def message_timeline(asked: Asked, **own: Any) -> None:
    """How much was written when."""
    ask(asked, MessageTimelineQuestion, **own)


@command.command()
@USER
@shared_options("users")
def user(asked: Asked, user_id: str) -> None:
    """One user of a guild: messages, voice, rank, first and last seen."""
    ask(asked, UserQuestion, user_id=user_id)


@command.command("user-activity")
@USER
@shared_options("users")
def user_activity(asked: Asked, user_id: str) -> None:
    """On how many days a user was active, and for how many in a row."""
    ask(asked, UserActivityQuestion, user_id=user_id)


@command.command()
@USER_METRIC
@LIMIT
@CURSOR
@shared_options()
def leaderboard(asked: Asked, **own: Any) -> None:
    """Who did most; equals share a rank."""
    ask(asked, LeaderboardQuestion, **own)


@command.command()
@USER
@USER_METRIC
@click.option("--neighbours", type=int, default=2, show_default=True, metavar="N", help="Users above and below.")
@shared_options("users")
def rank(asked: Asked, **own: Any) -> None:
    """Where one user stands in the leaderboard, and who is next."""
    ask(asked, RankQuestion, **own)


@command.command("active-members")
@interval("day")
@shared_options()
def active_members(asked: Asked, **own: Any) -> None:
    """How many distinct members were active, exactly."""
    ask(asked, ActiveMembersQuestion, **own)


@command.command("inactive-members")
@LIMIT
@CURSOR
@shared_options()
def inactive_members(asked: Asked, **own: Any) -> None:
    """Which present members did nothing at all."""
    ask(asked, InactiveMembersQuestion, **own)


@command.command()
@once("--channel", "channel_id", required=True, metavar="ID|NAME", help="The channel or thread.")
@click.option("--threads/--without-threads", "include_threads", default=True, help="Count its threads.  [default: yes]")
@shared_options("channels", "categories")
def channel(asked: Asked, **own: Any) -> None:
    """One channel with its threads, or one thread."""
    ask(asked, ChannelQuestion, **own)


@command.command("channel-ranking")
@click.option("--metric", type=click.Choice(CHANNEL_METRICS), default="messages", show_default=True)
@click.option(
    "--group", type=click.Choice(CHANNEL_GROUPS), default="channel", show_default=True, help="What is ranked."
)
@LIMIT
@CURSOR
@shared_options()
def channel_ranking(asked: Asked, **own: Any) -> None:
    """In which channels most happens."""
    ask(asked, ChannelRankingQuestion, **own)


@command.command()
@shared_options()
def voice(asked: Asked) -> None:
    """How much time was spent in voice channels, and how."""
    ask(asked, VoiceQuestion)


@command.command("voice-timeline")
@interval("day")
@shared_options()
def voice_timeline(asked: Asked, **own: Any) -> None:
    """How much time was spent in voice channels when."""
    ask(asked, VoiceTimelineQuestion, **own)


@command.command("voice-sessions")
@LIMIT
@CURSOR
@shared_options()
def voice_sessions(asked: Asked, **own: Any) -> None:
    """Which voice sessions began, newest first."""
    ask(asked, VoiceSessionsQuestion, **own)


@command.command("member-growth")
@interval("day")
@shared_options()
def member_growth(asked: Asked, **own: Any) -> None:
    """Who joined and left when, and how many members there were."""
    ask(asked, MemberGrowthQuestion, **own)


@command.command()
@interval("week")
@shared_options()
def retention(asked: Asked, **own: Any) -> None:
    """How many of those who joined stayed for a week and for a month."""
    ask(asked, RetentionQuestion, **own)


@command.command()
@shared_options()
def reactions(asked: Asked) -> None:
    """How many reactions were given."""
    ask(asked, ReactionQuestion)


@command.command("top-emoji")
@LIMIT
@CURSOR
@shared_options()
def top_emoji(asked: Asked, **own: Any) -> None:
    """Which emoji are given most as reactions."""
    ask(asked, TopEmojiQuestion, **own)


@command.command("online-timeline")
@interval("day")
@shared_options()
def online_timeline(asked: Asked, **own: Any) -> None:
    """How many members were online when, on average."""
    ask(asked, OnlineTimelineQuestion, **own)
