"""The query engine: the actor that answers questions, several at a time, each from one read transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog
import trio

from mocha_actors.errors import MochaError
from mocha_actors.runtime import Actor, ActorFailed, ActorRef, Context, Mailbox
from mocha_actors.stats.answers import answer
from mocha_actors.stats.live import Live
from mocha_actors.stats.questions import Question
from mocha_actors.stats.way import Way, wall_ms

if TYPE_CHECKING:
    from mocha_actors.cache.actor import Message as CacheMessage
    from mocha_actors.cache.bases import Bases
    from mocha_actors.db.connection import Connection
    from mocha_actors.db.readers import Readers

MAILBOX: Final = Mailbox(20_000, redeliver=1)
"""For the engine's ref: a question counts against the capacity until it is answered. (An ask is never redelivered.) All of them are taken up at
once, so that guilds are served in turn and not in the order in which their questions came."""

log = structlog.get_logger()


class QueryEngine(Actor[Question]):
    """Answers questions; whoever asks gets the result, or the MochaError that prevented it.

    It keeps nothing, so there is nothing that a restart could mend: an error in one query is answered with ActorFailed,
    and the questions beside it are not disturbed.
    """

    def __init__(
        self, readers: Readers, *, concurrency: int, deadline: float,
        cache: ActorRef[CacheMessage] | None = None, stale_seconds: float = 0.0, shared: bool = False, bases: Bases | None = None,
    ) -> None:  # fmt: skip
        """An engine.

        Args:
            readers: where to read.
            concurrency: questions answered at the same time, at most; as many as there are reader threads.
            deadline: seconds after which a question is interrupted.
            cache: keeps answers.
            stale_seconds: its bounded staleness.
            shared: whether it has a second level, which is asked by the state of the database.
            bases: of live counters; None for none.

        """
        self._bases = bases
        self._way = Way(
            readers, self._compute, concurrency=concurrency, deadline=deadline, cache=cache, stale_seconds=stale_seconds, shared=shared
        )  # fmt: skip

    async def run(self, ctx: Context[Question]) -> None:
        """Take up questions as they come; at the end, answer those in hand."""
        async with trio.open_nursery() as nursery:
            async for question in ctx:
                nursery.start_soon(self._answer, question, ctx, nursery)

    def _compute(self, connection: Connection, question: Question) -> Any:
        """On a reader's thread."""
        return answer(connection, question, None if self._bases is None else Live(self._bases, wall_ms()))

    async def _answer(self, question: Question, ctx: Context[Question], nursery: trio.Nursery) -> None:
        try:
            ctx.reply(question, await self._way.ask(question, nursery.start_soon))
        except MochaError as error:
            ctx.fail(question, error)
        except Exception as error:
            log.exception("stats.failed", question=type(question).__name__)
            failure = ActorFailed(ctx.path, type(question).__name__)
            failure.__cause__ = error
            ctx.fail(question, failure)
