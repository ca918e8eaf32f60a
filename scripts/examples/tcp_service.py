"""A supervised TCP service: it counts words, survives its own bugs, and drains when it is told to end.

    python scripts/examples/tcp_service.py [PORT]

Then, from another terminal, `nc 127.0.0.1 PORT` and lines such as `add tea`, `count tea`, `bug`. End it with Ctrl-C: the listener
closes, connections end, and the exit status is 0. A second Ctrl-C does not wait for anybody.

What to look at:

- The tree: the counter first, then the pool of connections, then the listener, which is added when the tree runs, for it adds to it. It is stopped in reverse: no new
  connections, then no old ones, then the counter.
- A connection is an actor without messages: it overrides `run`. It is `Restart.TEMPORARY`, since nobody can restart a
  connection; `bug` crashes one of them, and the others do not notice.
- `DynamicSupervisorSpec`: children that come at run time, all made from one template, and stopped all at once. A client above the
  limit is turned away (`ChildError`).
- `counter.ask(...)`: a typed question with a deadline, answered by what `handle` returns.
- `run_until_signalled`: the first signal drains, the second kills.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from functools import partial

import trio

from mocha_actors.runtime import (
    Actor,
    ActorRef,
    ChildError,
    ChildSpec,
    Context,
    DynamicSupervisorSpec,
    Request,
    Restart,
    Supervisor,
    SupervisorSpec,
    new_ref,
    open_supervisor,
)
from mocha_actors.runtime.signals import run_until_signalled

HOST = "127.0.0.1"
MAX_LINE = 1000
MAX_CLIENTS = 100


@dataclass(frozen=True, slots=True)
class Count(Request[int]):
    """How often was this word added?"""

    word: str


class WordCounter(Actor[str | Count]):
    """The only one who knows the counts; hence no lock."""

    def __init__(self) -> None:
        """Know nothing."""
        self._counts: Counter[str] = Counter()

    async def handle(self, message: str | Count, ctx: Context[str | Count]) -> int | None:
        """Count a word, or tell a count."""
        if isinstance(message, Count):
            return self._counts[message.word]
        self._counts[message] += 1
        return None


class Connection(Actor[None]):
    """One client."""

    def __init__(self, counter: ActorRef[str | Count], stream: trio.SocketStream) -> None:
        """Serve this stream."""
        self._counter = counter
        self._stream = stream

    async def run(self, ctx: Context[None]) -> None:
        """Serve until the client goes or the service stops."""
        async with self._stream:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._serve, nursery.cancel_scope)
                await ctx.stopping.wait()
                nursery.cancel_scope.cancel()

    async def _serve(self, served: trio.CancelScope) -> None:
        buffer = b""
        async for data in self._stream:
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                await self._stream.send_all(await self._answer(line.decode(errors="replace").strip()) + b"\n")
            if len(buffer) > MAX_LINE:
                break
        served.cancel()

    async def _answer(self, line: str) -> bytes:
        match line.split():
            case ["add", word]:
                await self._counter.tell(word)
                return b"ok"
            case ["count", word]:
                return b"%d" % await self._counter.ask(Count(word), timeout=2)
            case ["bug"]:
                raise RuntimeError("a bug in the code of a connection")
        return b"say: add WORD, count WORD or bug"


class Listener(Actor[None]):
    """Accepts clients, and has each served by a child of its own."""

    def __init__(self, port: int, supervisor: Supervisor) -> None:
        """Listen on a port; 0 is any free one."""
        self._port = port
        self._supervisor = supervisor

    async def on_start(self, ctx: Context[None]) -> None:
        """Open the port: a service whose port is taken does not start at all."""
        (self._listener,) = await trio.open_tcp_listeners(self._port, host=HOST)
        port = self._listener.socket.getsockname()[1]
        print(f"listening on {HOST}:{port}", flush=True)

    async def run(self, ctx: Context[None]) -> None:
        """Accept until asked to stop."""
        async with self._listener:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._accept)
                await ctx.stopping.wait()
                nursery.cancel_scope.cancel()

    async def _accept(self) -> None:
        while True:
            stream = await self._listener.accept()
            try:
                await self._supervisor.start_child(under="connections", args=(stream,))
            except ChildError:
                await trio.aclose_forcefully(stream)


def service() -> SupervisorSpec:
    """The tree without its listener."""
    counter: ActorRef[str | Count] = new_ref("counter")
    client = ChildSpec("client", partial(Connection, counter), restart=Restart.TEMPORARY, shutdown=1)
    return SupervisorSpec(
        (
            ChildSpec("counter", WordCounter, ref=counter),
            ChildSpec("connections", DynamicSupervisorSpec(client, max_children=MAX_CLIENTS)),
        )
    )


async def main(port: int) -> None:
    """Serve until a signal."""
    async with open_supervisor(service(), name="words") as supervisor:
        await supervisor.start_child(ChildSpec("listener", partial(Listener, port, supervisor)))
        number = await run_until_signalled(supervisor)
    print(f"ended by {number.name if number else 'itself'}, lost: {supervisor.dead_letters.total}")


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 0)
