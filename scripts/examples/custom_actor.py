"""An actor of your own in Mocha's tree: it watches how fast people write, and cries out when a raid begins.

    python scripts/examples/custom_actor.py [CONFIG]

The token is taken from `DISCORD_TOKEN`; without a configuration the defaults hold, and the database is `data/mocha.db`.

What to look at:

- `Watch`: an actor is a class with `run` or `handle`; whatever it raises restarts it, and nothing else.
- `client.supervisor.start_child`: it lives in the same tree, is drawn in `mocha status`, and ends with it.
- `client.counters`: what the program counts about itself may be read at any time.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import Final

import trio

from mocha_actors import Config, StatsClient, load
from mocha_actors.runtime import Actor, Backoff, ChildSpec, Context

CALM: Final = float(os.environ.get("CALM_EVENTS_PER_SECOND", "100"))
"""More than so many events in a second are a raid."""


class Watch(Actor[None]):
    """Looks at the counters once a second."""

    def __init__(self, client: StatsClient) -> None:
        """An incarnation; a restarted one begins to count anew."""
        self._client = client

    async def run(self, ctx: Context[None]) -> None:
        """Look until asked to stop."""
        before = self._client.counters.received
        while not ctx.stopping.is_set():
            with trio.move_on_after(1):
                await ctx.stopping.wait()
            now = self._client.counters.received
            if now - before > CALM:
                print(f"a raid? {now - before} events within a second", flush=True)
            before = now


async def main() -> None:
    """Record and watch until Ctrl-C."""
    config = load(sys.argv[1]) if len(sys.argv) > 1 else Config()
    async with StatsClient.open(config) as client:
        await client.supervisor.start_child(ChildSpec("watch", partial(Watch, client), backoff=Backoff(0.5)))
        await trio.sleep_forever()


if __name__ == "__main__":
    try:
        trio.run(main)
    except KeyboardInterrupt:
        print("everything is committed; the next start resumes")
