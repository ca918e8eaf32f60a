"""The watch over the ownership: an idle owner, too, is to notice soon that another process has taken the database over (promise P10).

Whoever has something to write notices by that. A shard on which nothing happens writes once for each heartbeat, and a program whose shards have no
session not at all; it would go on answering questions, and hold connections that are another's by now.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, Final

import trio

from mocha_actors.db import checkpoint
from mocha_actors.db.connection import Connection
from mocha_actors.errors import MochaError
from mocha_actors.pipeline.notices import Chore
from mocha_actors.runtime import Actor, ActorError, ActorRef, Context

PAUSE: Final = 5.0
"""Seconds between two looks, each a transaction that writes nothing."""

PATIENCE: Final = 60.0
"""Seconds that the writer may be busy with other things, which end as well if the ownership is lost."""


class Watch(Actor[None]):
    """Has the writer look whether the database still is ours; if it is not, the writer fails with FencedOutError, which ends the tree."""

    def __init__(self, writer: ActorRef[Any], epoch: int) -> None:
        """``epoch`` of this ownership."""
        self._writer, self._epoch = writer, epoch

    async def run(self, ctx: Context[None]) -> None:
        """Look now and then until asked to stop. A database that is away tells nothing; the next look will."""
        look = partial(still_ours, epoch=self._epoch)
        while not ctx.stopping.is_set():
            with trio.move_on_after(PAUSE):
                await ctx.stopping.wait()
                return
            with suppress(ActorError, MochaError):
                await self._writer.ask(Chore(look), timeout=PATIENCE)


def still_ours(connection: Connection, *, epoch: int) -> int:
    """Nothing written, and, by having a transaction at all, that the lock is held. Raises FencedOutError when a newer owner is known."""
    checkpoint.check_epoch(connection, epoch)
    return 0
