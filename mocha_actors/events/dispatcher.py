"""The dispatcher offers each batch to the writer, which thereby knows the order, and hands the processors their entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from mocha_actors.discord.events import Event, UndecodableEvent
from mocha_actors.pipeline.batch import IGNORED, Batch, Outcome, Work
from mocha_actors.pipeline.letters import undecodable
from mocha_actors.pipeline.notices import Flush, Resubmit
from mocha_actors.runtime import Actor, ActorRef, Context

FLUSH_LIMIT: Final = 3600.0
"""Seconds that a flush may take at most; whoever asks for one has a nearer deadline, which it inherits."""

Routes = Mapping[type[Event], ActorRef[Work]]
"""Which processor takes which event. An event without a route counts as ignored."""


class Dispatcher(Actor[Batch | Resubmit | Flush]):
    """Hands out batches. It may be given the same batch twice: the writer knows it, and settled entries are not handed out again."""

    def __init__(self, writer: ActorRef[Batch], routes: Routes) -> None:
        """``writer`` is told of every batch before any processor is."""
        self._writer, self._routes = writer, routes

    async def handle(self, message: Batch | Resubmit | Flush, ctx: Context[Batch | Resubmit | Flush]) -> None:
        """Offer a batch to the writer and hand its entries out.

        A resubmitted batch is handed out only, since the writer holds it. A flush is passed on behind every batch that came before it.
        """
        match message:
            case Batch():
                await self._writer.tell(message)
                await self._hand_out(message)
            case Resubmit(batch):
                await self._hand_out(batch)
            case Flush():
                await self._writer.ask(message, timeout=FLUSH_LIMIT)

    async def _hand_out(self, batch: Batch) -> None:
        for processor, indexes in assign(batch, self._routes).items():
            await processor.tell(Work(batch, indexes))


def assign(batch: Batch, routes: Routes) -> dict[ActorRef[Work], list[int]]:
    """The open entries of ``batch`` by processor; those that no processor takes are settled here and now."""
    work: defaultdict[ActorRef[Work], list[int]] = defaultdict(list)
    events = batch.events
    for index, (kind, outcome) in enumerate(zip(map(type, events), batch.outcomes, strict=True)):
        if outcome is not None:
            continue
        processor = routes.get(kind)
        if processor is not None:
            work[processor].append(index)
        else:
            batch.settle(index, _without_processor(events[index]))
    return work


def _without_processor(event: Event) -> Outcome:
    if isinstance(event, UndecodableEvent):
        return undecodable(event)
    return IGNORED
