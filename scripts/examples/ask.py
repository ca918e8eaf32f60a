"""A plain script that asks questions of a database, while a bot may be writing to it.

    python scripts/examples/ask.py [DATABASE]

DATABASE is the URL of a database, by default `sqlite:///data/mocha.db`.

What to look at:

- `open_questions`: the same methods as those of a running client, without a tree, a token or a lock.
- `board.coverage`: an answer knows which part of its time was observed.
"""

from __future__ import annotations

import sys

import trio

from mocha_actors import open_questions


async def main() -> None:
    """Print a leaderboard and the busiest hours of each guild."""
    url = sys.argv[1] if len(sys.argv) > 1 else "sqlite:///data/mocha.db"
    async with open_questions(url) as questions:
        for guild_id, name in await questions.guilds():
            board = await questions.leaderboard(guild_id, days=30, limit=3)
            hours = await questions.busiest_hours(guild_id, days=30, limit=1)
            print(f"{name or guild_id}, {board.coverage.observed_share:.1%} of the last 30 days observed")
            for entry in board.entries:
                print(f"  {entry.rank}. {entry.username or entry.user_id}: {entry.value:,} messages")
            for hour in hours.cells:
                print(f"  busiest: day {hour.weekday} of the week, {hour.hour}:00 ({hours.time_zone})")


if __name__ == "__main__":
    trio.run(main)
