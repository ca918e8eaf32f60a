"""The simulator as a whole: one port for REST and gateway, and the controls of a test or an operator."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Any, NamedTuple

import trio

from mocha_actors.simulator.connection import Connection
from mocha_actors.simulator.drive import Driver
from mocha_actors.simulator.errors import SimulatorError
from mocha_actors.simulator.event import Event, control
from mocha_actors.simulator.gateway import Close, Conversation, Op
from mocha_actors.simulator.hub import Hub
from mocha_actors.simulator.ledger import Ledger
from mocha_actors.simulator.rest import API_PATH, RestApi, serve_rest
from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.simulator.traffic import MessageStream
from mocha_actors.simulator.world import World, build_world

CHECK_INTERVAL = 1.0
"""Seconds between two looks at silent connections and expired sessions."""

REQUEST_TIMEOUT = 10.0
"""Seconds within which a client has to send its request, and then to take the answer."""

UNSENDABLE_CODES = frozenset({1004, 1005, 1006, 1015})
"""Close codes that RFC 6455 (section 7.4.1) keeps for what was not sent."""

MAX_REQUEST_HEAD = 16_384
"""Longest head of an HTTP request, in bytes."""


class Burst(NamedTuple):
    """What came of a burst.

    Attributes:
        began: Unix seconds at which the first event could go out.
        last_seqs: last sequence number of each shard's youngest session; the clients may still be on their way there.
    """

    began: float
    last_seqs: dict[int, int]


class Simulator:
    """A running Discord of the loopback.

    Attributes:
        settings: how it was asked to behave.
        world: who and what is there.
        api_url: base address of REST, with the API version.
        gateway_url: address of the gateway.
    """

    def __init__(self, settings: SimulatorSettings, port: int, ledger: Ledger | None) -> None:
        """Build the world, and bring back the sessions of the ledger; `open_simulator` listens and runs it."""
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.settings = settings
        self.api_url = f"http://{host}:{port}{API_PATH}"
        self.gateway_url = f"ws://{host}:{port}"
        self.world: World = build_world(settings.seed, settings.guilds, settings.shards)
        self._hub = Hub(settings, self.world, ledger, self.gateway_url)
        self._driver = Driver(settings, MessageStream(self.world, settings.seed), self._hub)
        self._rest = RestApi(settings, self.world, self._hub.registry, self.gateway_url)

    async def drop(self, shard: int, how: str | int = "reset") -> bool:
        """End the connection of a shard; its session can be resumed.

        Args:
            shard: the shard's number.
            how: "reset" (TCP reset), "close" (end of the TCP connection without a close frame) or a close code.

        Returns:
            Whether there was a connection.

        Raises:
            ValueError: `how` is something else.
        """
        if how not in {"reset", "close"} and (how in UNSENDABLE_CODES or how not in range(1000, 5000)):
            msg = f'a connection is dropped by "reset", by "close" or by a close code from 1000 to 4999, not by {how!r}'
            raise ValueError(msg)
        connection = self._hub.connection_of(shard)
        if connection is None:
            return False
        if isinstance(how, int):
            connection.close(Close(how, "Dropped on demand."))
        else:
            connection.hang_up(reset=how == "reset")
        await connection.ended.wait()
        return True

    def op7(self) -> None:
        """Ask every identified client to reconnect."""
        for connection in self._hub.attached_connections():
            connection.send_control(control(Op.RECONNECT))

    def op9(self, *, resumable: bool) -> None:
        """Tell every identified client that its session is invalid, and end the session unless `resumable`."""
        for connection in self._hub.attached_connections():
            connection.send_control(control(Op.INVALID_SESSION, b"true" if resumable else b"false"))
            if not resumable and connection.conversation.session:
                self._hub.registry.end(connection.conversation.session)

    def stop_traffic(self) -> dict[int, int]:
        """Send no further events, and return the last sequence number of each shard's youngest session."""
        self._driver.stop()
        return self._hub.last_seqs()

    async def prepare_burst(self, count: int) -> list[Event]:
        """Make events beforehand, for `burst`. Their time is now."""
        return await self._driver.prepare(count)

    async def burst(self, events: Sequence[Event]) -> Burst:
        """Send events as fast as the connected clients take them."""
        began = await self._driver.burst(events)
        return Burst(began, self._hub.last_seqs())

    def stats(self) -> dict[str, Any]:
        """Count what happened so far. Session ids are not among it."""
        registry = self._hub.registry
        return {
            "dispatched": self._hub.dispatched,
            "replayed": self._hub.replayed,
            "identifies": registry.identifies,
            "resumes": registry.resumes,
            "refused_resumes": registry.refused_resumes,
            "connections": len(self._hub.connections),
            "sessions": [
                {
                    "shard": session.shard,
                    "shards": session.shards,
                    "last_seq": session.last_seq,
                    "sent_seq": session.sent_seq,
                    "connected": self._hub.is_connected(session),
                }
                for session in registry
            ],
        }

    async def run(self, listeners: Sequence[trio.SocketListener]) -> None:
        """Serve clients and make traffic until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._driver.run)
            nursery.start_soon(self._keep_checking)
            await trio.serve_listeners(self._serve, list(listeners), handler_nursery=nursery)

    async def _keep_checking(self) -> None:
        while True:
            await trio.sleep(CHECK_INTERVAL)
            self._hub.check(trio.current_time())

    async def _serve(self, stream: trio.SocketStream) -> None:
        """Serve one TCP connection as what its first request makes of it. A client that goes away is no error."""
        try:
            head = b""
            with trio.move_on_after(REQUEST_TIMEOUT):
                head = await _read_head(stream)
            if b"upgrade: websocket" in head.lower():
                await self._serve_gateway(stream, head)
            elif head:
                with trio.move_on_after(REQUEST_TIMEOUT):
                    await serve_rest(stream, head, self._rest)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        finally:
            await trio.aclose_forcefully(stream)

    async def _serve_gateway(self, stream: trio.SocketStream, head: bytes) -> None:
        conversation = Conversation(self.settings, self._hub.registry, trio.current_time())
        connection = Connection(stream, conversation, self.settings.compress_level, self._hub)
        self._hub.connections.add(connection)
        try:
            await connection.run(head)
        finally:
            self._hub.connections.discard(connection)
            self._hub.detached(connection)
            connection.ended.set()


async def _read_head(stream: trio.SocketStream) -> bytes:
    """Read until the head of the first request is complete; empty if the client went away before."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < MAX_REQUEST_HEAD:
        data = await stream.receive_some()
        if not data:
            return b""
        head += data
    return head


@asynccontextmanager
async def open_simulator(settings: SimulatorSettings) -> AsyncIterator[Simulator]:
    """Run a simulator as long as the block.

    Raises:
        SimulatorError: the port is taken, or the ledger cannot be used.
    """
    with ExitStack() as stack:
        ledger = None
        if settings.ledger is not None:
            ledger = Ledger(settings.ledger)
            stack.callback(ledger.close)
        listeners = await _listen(settings)
        simulator = Simulator(settings, listeners[0].socket.getsockname()[1], ledger)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(simulator.run, listeners)
            yield simulator
            nursery.cancel_scope.cancel()


async def _listen(settings: SimulatorSettings) -> Sequence[trio.SocketListener]:
    try:
        return await trio.open_tcp_listeners(settings.port, host=settings.host)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "is in use by another program" if taken else f"cannot be used: {os.strerror(error.errno or 0)}"
        msg = f"port {settings.port} of {settings.host} {reason}"
        raise SimulatorError(msg) from error
