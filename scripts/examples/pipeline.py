"""A pipeline that loses nothing: not when a stage crashes, and not when it is stopped.

    python scripts/examples/pipeline.py

Numbers flow from a source through a parser into a ledger. In the middle the parser crashes; at the end the pipeline is stopped while
messages are still on their way. The ledger holds every number once, in order.

What to look at:

- The children are listed **sink first**. They start in this order, so nobody sends to a stage that is not there yet; they stop in
  reverse, so the source ends first and each stage drains into the next: stop order is drain order.
- `Strategy.REST_FOR_ONE`: when the parser crashes, the source, which comes after it, is restarted too; the ledger is left alone.
- Nothing is kept in an actor that cannot be rebuilt. A fresh source asks the ledger how far it is and goes on from there. What
  was on its way already then comes twice, and the ledger takes it once: at-least-once delivery and a receiver that knows
  what it has make exactly once.
- Mailboxes of 16: when the ledger is slow, the parser waits, and then the source. This is back-pressure.
- `ctx.stopping`: a source has no messages that could run out, so it looks whether it is asked to stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import trio

from mocha_actors.runtime import (
    Actor,
    ActorRef,
    Backoff,
    ChildSpec,
    Context,
    Mailbox,
    Outcome,
    Request,
    Strategy,
    SupervisorSpec,
    new_ref,
    open_supervisor,
)

PAGE = 10
"""How many numbers the ledger writes at once."""


@dataclass(frozen=True, slots=True)
class NextWanted(Request[int]):
    """Asked of the ledger: which number comes next?"""


class Ledger(Actor[int | NextWanted]):
    """Writes whole pages, and the last page as it is when it is stopped."""

    def __init__(self, written: list[int]) -> None:
        """Write into this list, which stands for a file."""
        self._written = written
        self._page: list[int] = []

    async def handle(self, message: int | NextWanted, ctx: Context[int | NextWanted]) -> int | None:
        """Take a number if it is the next one; it is a duplicate else."""
        wanted = len(self._written) + len(self._page)
        if isinstance(message, NextWanted):
            return wanted
        if message == wanted:
            self._page.append(message)
        if len(self._page) == PAGE:
            self._turn_page()
        return None

    async def on_stop(self, outcome: Outcome) -> None:
        """Nothing that was taken is lost."""
        self._turn_page()

    def _turn_page(self) -> None:
        self._written += self._page
        self._page.clear()


class Parser(Actor[str]):
    """Turns text into numbers, and has a bug that shows once."""

    def __init__(self, ledger: ActorRef[int | NextWanted]) -> None:
        """Send to the ledger."""
        self._ledger = ledger

    async def handle(self, text: str, ctx: Context[str]) -> None:
        """Parse; the mailbox delivers the text again that was in hand at a crash."""
        if text == "500" and ctx.deliveries(text) == 1:
            raise RuntimeError("the bug")
        await self._ledger.tell(int(text))


class Source(Actor[None]):
    """Counts, from where the ledger is."""

    def __init__(self, parser: ActorRef[str], ledger: ActorRef[int | NextWanted], enough: trio.Event) -> None:
        """Send to the parser; say when there was enough to see."""
        self._parser = parser
        self._ledger = ledger
        self._enough = enough

    async def run(self, ctx: Context[None]) -> None:
        """Send until asked to stop."""
        number = await self._ledger.ask(NextWanted(), timeout=5)
        while not ctx.stopping.is_set():
            await self._parser.tell(str(number))
            number += 1
            if number == 1000:
                self._enough.set()


def pipeline(written: list[int], enough: trio.Event) -> SupervisorSpec:
    """The stages; refs are made first, so that each can be told of the others."""
    ledger: ActorRef[int | NextWanted] = new_ref("ledger", Mailbox(16))
    parser: ActorRef[str] = new_ref("parser", Mailbox(16, redeliver=1))
    return SupervisorSpec(
        (
            ChildSpec("ledger", partial(Ledger, written), ref=ledger),
            ChildSpec("parser", partial(Parser, ledger), ref=parser, backoff=Backoff(0.01)),
            ChildSpec("source", partial(Source, parser, ledger, enough)),
        ),
        strategy=Strategy.REST_FOR_ONE,
    )


async def main() -> None:
    """Run until there was enough to see, stop, and look at the ledger."""
    written: list[int] = []
    enough = trio.Event()
    async with open_supervisor(pipeline(written, enough), name="pipeline", on_event=lambda _: None) as supervisor:
        await enough.wait()
        await supervisor.stop()
        incarnations = {child.name: child.incarnation for child in supervisor.tree().children}
    print(f"incarnations: {incarnations}")
    print(f"incomplete last page: {len(written) % PAGE} of {PAGE}")
    print(f"every number once, in order: {written == list(range(len(written)))}")
    print(f"lost: {supervisor.dead_letters.total}")


if __name__ == "__main__":
    trio.run(main)
