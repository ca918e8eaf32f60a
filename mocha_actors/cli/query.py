"""``mocha query``: its subcommands by name; what they need, which is most of Mocha, is imported when one is called."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

QUESTIONS: Final = {
    "guilds": "The guilds that anything is known of.",
    "guild": "A guild as a whole: messages, voice, reactions, active users, joins.",
    "compare": "A range beside the period before it.",
    "heatmap": "Activity by local day of the week and hour, 7 x 24.",
    "busiest-hours": "The local hours of the week with most activity.",
    "coverage": "Which part of a range was recorded.",
    "messages": "How much was written.",
    "message-timeline": "How much was written when.",
    "user": "One user of a guild: messages, voice, rank, first and last seen.",
    "user-activity": "On how many days a user was active, and for how many in a row.",
    "leaderboard": "Who did most; equals share a rank.",
    "rank": "Where one user stands in the leaderboard, and who is next.",
    "active-members": "How many distinct members were active, exactly.",
    "inactive-members": "Which present members did nothing at all.",
    "channel": "One channel with its threads, or one thread.",
    "channel-ranking": "In which channels most happens.",
    "voice": "How much time was spent in voice channels, and how.",
    "voice-timeline": "How much time was spent in voice channels when.",
    "voice-sessions": "Which voice sessions began, newest first.",
    "member-growth": "Who joined and left when, and how many members there were.",
    "retention": "How many of those who joined stayed for a week and for a month.",
    "reactions": "How many reactions were given.",
    "top-emoji": "Which emoji are given most as reactions.",
    "online-timeline": "How many members were online when, on average.",
}
"""Subcommands and their help, as :mod:`mocha_actors.cli.query_commands` has them."""


class Questions(click.Group):
    """A group that lists its subcommands without importing them: half a second against a tenth."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the manual."""
        return list(QUESTIONS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the subcommands; None for a name that is none."""
        if cmd_name not in QUESTIONS:
            return None
        commands: dict[str, click.Command] = import_module("mocha_actors.cli.query_commands").command.commands
        return commands[cmd_name]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them, which click would do for their help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(QUESTIONS.items()))


@click.group(cls=Questions)
def command() -> None:
    """Ask who writes, talks, joins and reacts, when and where."""
