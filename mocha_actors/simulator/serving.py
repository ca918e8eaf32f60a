"""The port: what becomes of each TCP connection."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence

import h11
import trio

from mocha_actors.simulator.connection import Connection
from mocha_actors.simulator.errors import SimulatorError
from mocha_actors.simulator.faults import RefuseUpgrade
from mocha_actors.simulator.gateway import Conversation
from mocha_actors.simulator.hub import Hub
from mocha_actors.simulator.rest import RestApi, encode_answer, serve_rest
from mocha_actors.simulator.settings import SimulatorSettings

REQUEST_TIMEOUT = 10.0
"""Seconds within which a client has to send its request, and then to take the answer."""

MAX_REQUEST_HEAD = 16_384
"""Longest head of an HTTP request, in bytes."""

RESUME_PATH = "/resume/"
"""What stands before the shard's number in a `resume_gateway_url` of its own."""


class Port:
    """Serves TCP connections as what their first request makes of them: REST, or a gateway's client."""

    def __init__(self, settings: SimulatorSettings, hub: Hub, rest: RestApi) -> None:
        """Serve connections in the name of a hub."""
        self._settings = settings
        self._hub = hub
        self._rest = rest
        self._accepted = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one TCP connection. A client that goes away is no error."""
        try:
            head = b""
            with trio.move_on_after(REQUEST_TIMEOUT):
                head = await _read_head(stream)
            if b"upgrade: websocket" in head.lower():
                await self._open_gateway(stream, head)
            elif head:
                with trio.move_on_after(REQUEST_TIMEOUT):
                    await serve_rest(stream, head, self._rest)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        finally:
            await trio.aclose_forcefully(stream)

    async def _open_gateway(self, stream: trio.SocketStream, head: bytes) -> None:
        """Let a client in, or refuse it as planned."""
        self._accepted += 1
        number, target = self._accepted, _target(head)
        shard = _resumed_shard(target)
        opening, now = self._hub.plan.opening(shard), trio.current_time()
        status = opening.status if isinstance(opening, RefuseUpgrade) else 101
        self._hub.transcript.note_connect(now, number, shard, target, status)
        if isinstance(opening, RefuseUpgrade):
            await stream.send_all(_refusal(opening))
            return
        conversation = Conversation(
            self._settings, self._hub.registry, self._hub.plan, self._hub.guilds, trio.current_time()
        )
        level, manners = self._settings.compress_level, self._hub.plan.manners(None)
        await self._serve_gateway(
            Connection(
                stream, conversation, level, self._hub, number=number, shard=shard, opening=opening, manners=manners
            ),
            head,
        )

    async def _serve_gateway(self, connection: Connection, head: bytes) -> None:
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


def _target(head: bytes) -> str:
    """Find path and query in the head of a request."""
    words = head.split(b"\r\n", 1)[0].split(b" ")
    return words[1].decode("latin-1") if len(words) == 3 else ""


def _resumed_shard(target: str) -> int | None:
    """Find the shard that a resume address names."""
    found = re.match(re.escape(RESUME_PATH) + r"(\d{1,9})(?:[/?]|$)", target)
    return int(found[1]) if found else None


def _refusal(fault: RefuseUpgrade) -> bytes:
    connection = h11.Connection(h11.SERVER)
    headers = [("Location", fault.location)] if fault.location else []
    return encode_answer(connection, fault.status, {"message": "Refused on demand.", "code": 0}, headers)


async def listen(host: str, port: int) -> Sequence[trio.SocketListener]:
    """Take a port, or a free one for 0.

    Raises:
        SimulatorError: somebody else has it, or it cannot be had.
    """
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "is in use by another program" if taken else f"cannot be used: {os.strerror(error.errno or 0)}"
        msg = f"port {port} of {host} {reason}"
        raise SimulatorError(msg) from error
