"""The shard actor: the thin shell around the protocol.

Four tasks: one keeps time, one goes from connection to connection, and while there is one, one sends and one reads. All of them put their news
into the protocol and carry out the effects, which is a synchronous call; so no two of them can be half-way through anything. Only reading ever
waits for those who take the events. Sending, time and heartbeats wait for nobody.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

import structlog
import trio

from mocha_actors.discord.decode import decode_block
from mocha_actors.errors import PermanentError, TransientError
from mocha_actors.gateway.address import BadAddressError, Compression, check_resume_address
from mocha_actors.gateway.batching import BatchBuilder
from mocha_actors.gateway.coalescing import BrokenFramingError
from mocha_actors.gateway.compression import InflateError
from mocha_actors.gateway.effects import (
    AwaitTurn,
    CloseConnection,
    Connect,
    Deliver,
    DroppedDuplicates,
    Effect,
    Fatal,
    Log,
    ReportAlive,
    Send,
    SessionBegan,
    SessionLost,
    SessionResumed,
)  # fmt: skip
from mocha_actors.gateway.identify_queue import TakeTurn
from mocha_actors.gateway.identity import Identity, Session
from mocha_actors.gateway.outbox import Outbox
from mocha_actors.gateway.protocol import Protocol
from mocha_actors.gateway.rest import DISCORD_API, DiscordRest, RestUnavailableError
from mocha_actors.gateway.sequence import Sequence
from mocha_actors.gateway.transport import Disconnected, Transport, open_transport
from mocha_actors.pipeline.batch import Batch
from mocha_actors.pipeline.counters import Counters
from mocha_actors.pipeline.facts import SessionStarted
from mocha_actors.pipeline.notices import Alive, Committed, Flush, LoadCheckpoint, Quiesce, SessionInvalidated
from mocha_actors.runtime import Actor, ActorError, ActorRef, Context

CHECKPOINT_TIMEOUT: Final = 60.0
"""Seconds to wait for the writer's answer; the supervisor then tries again."""


@dataclass(frozen=True, slots=True)
class ShardSettings:
    """What one shard is to do.

    Attributes:
        identity: who it is.
        api_url: Discord's REST API.
        gateway_url: the gateway's main address; None asks the API.
        compression: of what the gateway sends.
        strict_heartbeat: whether a missing acknowledgement alone means a dead connection, see :class:`.heartbeat.Heart`.

    """

    identity: Identity
    api_url: str = DISCORD_API
    gateway_url: str | None = None
    compression: Compression = "zlib-stream"
    strict_heartbeat: bool = False

    @property
    def fingerprint(self) -> str:
        """See :meth:`Identity.fingerprint`."""
        return self.identity.fingerprint(self.gateway_url or self.api_url)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Whom a shard talks to, and what it shares with others.

    Attributes:
        dispatcher: takes its batches.
        writer: answers LoadCheckpoint; is told of lost sessions and of quiet ones that live.
        identify: gives the turn to IDENTIFY.
        rest: the API.
        counters: of the program.
        clock: the receive stamp, milliseconds since the Unix epoch.
        rng: for jitter.
        on_fatal: is told why a shard ended for good; what then happens to the program is the caller's decision.
        open_transport: makes connections; another one in tests.

    """

    dispatcher: ActorRef[Batch]
    writer: ActorRef[Any]
    identify: ActorRef[TakeTurn]
    rest: DiscordRest
    counters: Counters
    clock: Callable[[], int]
    rng: Random
    on_fatal: Callable[[PermanentError], None]
    open_transport: Callable[[str, Compression], AbstractAsyncContextManager[Transport]] = open_transport


class Shard(Actor[Committed | Quiesce]):
    """One shard's sessions and connections. A new incarnation resumes from the durable ``s``."""

    _protocol: Protocol
    _scope: trio.CancelScope

    def __init__(self, settings: ShardSettings, surroundings: Surroundings) -> None:
        self._settings, self._around = settings, surroundings
        self._id = settings.identity.shard
        self._log = structlog.get_logger().bind(shard=self._id)
        self._builder = BatchBuilder(self._id)
        self._ready_batches: deque[Batch] = deque()
        self._handing_over = trio.Lock()
        self._lost_sessions: list[Session] = []
        self._to_connect, self._connects = trio.open_memory_channel[Connect](1)
        self._alarm = trio.CancelScope()
        self._connection: trio.Nursery | None = None
        self._reading = trio.CancelScope()
        self._outbox = Outbox()
        self._quiesced = self._was_active = False
        self._event_size = 0

    async def run(self, ctx: Context[Committed | Quiesce]) -> None:
        """Follow the gateway until asked to stop, or until a person must act; then the exit is a normal one."""
        self._protocol = await self._load(ctx)
        try:
            async with trio.open_nursery() as nursery:
                self._scope = nursery.cancel_scope
                nursery.start_soon(self._keep_time)
                nursery.start_soon(self._connect_for_ever, nursery)
                await self._take_notices(ctx)
                nursery.cancel_scope.cancel()
        finally:
            self._around.counters.connected -= self._was_active

    async def _load(self, ctx: Context[Committed | Quiesce]) -> Protocol:
        """The protocol as the database knows it; what an earlier incarnation handed over is committed first, a new session included."""
        if ctx.incarnation:
            await self._around.writer.ask(Flush(), timeout=CHECKPOINT_TIMEOUT)
        checkpoint = await self._around.writer.ask(LoadCheckpoint(self._id), timeout=CHECKPOINT_TIMEOUT)
        start = partial(
            Protocol, self._settings.identity, rng=self._around.rng, now=trio.current_time(),
            strict_heartbeat=self._settings.strict_heartbeat,
        )  # fmt: skip
        if checkpoint is None:
            return start(reason="first_start")
        if checkpoint.fingerprint != self._settings.fingerprint:
            self._log.warning("shard.session_lost", reason="fingerprint_changed", seq=checkpoint.seq)
            return start(reason="fingerprint_changed")
        session = Session(checkpoint.session_id, checkpoint.resume_url)
        return start(session=session, sequence=Sequence(checkpoint.seq, checkpoint.seq))

    async def _take_notices(self, ctx: Context[Committed | Quiesce]) -> None:
        async for notice in ctx:
            if isinstance(notice, Committed):
                self._protocol.committed(notice.session_id, notice.seq)
            else:
                await self._quiesce()
                ctx.reply(notice, None)

    async def _quiesce(self) -> None:
        """Read nothing more and hand over what there is; the heart goes on beating."""
        self._quiesced = True
        self._protocol.drain()
        self._reading.cancel()
        self._ready_batches += self._builder.close()
        await self._hand_over()

    async def _keep_time(self) -> None:
        while True:
            with trio.CancelScope(deadline=self._protocol.deadline) as self._alarm:
                await trio.sleep_forever()
            self._perform(self._protocol.tick(trio.current_time()))

    async def _connect_for_ever(self, nursery: trio.Nursery) -> None:
        """One connection after the other: the old one is gone before the next is opened.

        What the old one brought is handed over beside that: Discord keeps a session without connection for minutes only, and the dispatcher may
        not take anything for longer.
        """
        async for connect in self._connects:
            try:
                await self._connect(await self._address(connect.resume_url))
            except TransientError as error:
                wait = error.retry_after if isinstance(error, RestUnavailableError) else 0.0
                self._perform(self._protocol.connect_failed(str(error), trio.current_time(), wait))
            except PermanentError as error:
                self._perform(self._protocol.refused(error))
            self._ready_batches += self._builder.close()
            nursery.start_soon(self._hand_over)

    async def _address(self, resume_url: str | None) -> str:
        """Where to connect to. Raises TransientError for a resume address that must not be used: there is another one."""
        home = self._settings.gateway_url or (await self._around.rest.gateway()).url
        if resume_url is None:
            return home
        try:
            check_resume_address(resume_url, home)
        except BadAddressError as error:
            raise TransientError(str(error)) from error
        return resume_url

    async def _connect(self, url: str) -> None:
        """One connection, from the upgrade to its end. Raises what :func:`open_transport` raises when none comes about."""
        connected, code = False, None
        try:
            async with self._around.open_transport(url, self._settings.compression) as transport:
                connected = True
                self._perform(self._protocol.connected(trio.current_time()))
                code = await self._converse(transport)
        except BrokenFramingError as error:
            if not connected:
                raise
            self._perform(self._protocol.broken(str(error), trio.current_time()))
        self._perform(self._protocol.disconnected(code, trio.current_time()))

    async def _converse(self, transport: Transport) -> int | None:
        """Send and read until the connection is over; the peer's close code, if it sent one."""
        code = None
        self._outbox = Outbox()
        try:
            async with trio.open_nursery() as self._connection:
                self._connection.start_soon(self._send, transport, self._outbox)
                code = await self._read(transport)
                self._connection.cancel_scope.cancel()
        finally:
            self._connection = None
        return code

    async def _send(self, transport: Transport, outbox: Outbox) -> None:
        try:
            await outbox.run(transport.send)
        except Disconnected:
            return  # the reader learns it too, with what came before

    async def _read(self, transport: Transport) -> int | None:
        """Read until the connection is over; its close code. When reading is to stop, wait to be closed."""
        with trio.CancelScope() as self._reading:
            while not self._quiesced:
                try:
                    with trio.move_on_at(self._builder.deadline) as waiting:
                        self._take(await transport.receive())
                except Disconnected as end:
                    return end.code
                except InflateError as error:
                    self._perform(self._protocol.broken(str(error), trio.current_time()))
                if waiting.cancelled_caught:
                    self._ready_batches += self._builder.close()
                if self._ready_batches:
                    await self._hand_over()
        return await trio.sleep_forever()

    def _take(self, block: bytes) -> None:
        """Decode a block and put it through the protocol."""
        now = trio.current_time()
        pieces, violation = decode_block(block)
        self._event_size = len(block) // max(1, sum(len(piece) for piece in pieces if isinstance(piece, list)))
        for piece in pieces:
            if isinstance(piece, list):
                self._perform(self._protocol.dispatches(piece, now))
            else:
                self._perform(self._protocol.control(piece, now))
        if violation is not None:
            self._perform(self._protocol.violation(violation, now))

    async def _hand_over(self) -> None:
        """Give the batches to the dispatcher, which may make us wait. One that is not taken stays the first in line."""
        async with self._handing_over:
            self._protocol.paused(trio.current_time())
            while self._ready_batches:
                await self._around.dispatcher.tell(self._ready_batches[0])
                self._ready_batches.popleft()
            if not self._quiesced:
                self._protocol.unpaused(trio.current_time())

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._carry_out(effect)
        active = self._protocol.active
        self._around.counters.connected += active - self._was_active
        self._was_active = active
        self._alarm.deadline = self._protocol.deadline

    def _carry_out(self, effect: Effect) -> None:  # noqa: C901 - one case for each effect, a table in other words
        """Do one thing that the protocol wants. Nothing here waits."""
        match effect:
            case Deliver():
                self._deliver(effect)
            case Send():
                self._outbox.put(effect)
            case Log(event, level, fields):
                getattr(self._log, level)(event, **fields)
            case Connect():
                self._to_connect.send_nowait(effect)
            case CloseConnection():
                self._close()
            case AwaitTurn():
                self._start_waiting_for_turn()
            case SessionBegan():
                self._begin(effect)
            case SessionResumed():
                self._around.counters.resumes += 1
            case SessionLost(session):
                self._lost_sessions.append(session)
            case DroppedDuplicates(count):
                self._around.counters.duplicates += count
            case ReportAlive():
                self._around.writer.tell_nowait(Alive(self._id, self._around.clock()))
            case Fatal(error):
                self._around.on_fatal(error)
                self._scope.cancel()

    def _deliver(self, deliver: Deliver) -> None:
        self._around.counters.received += len(deliver.events)
        self._ready_batches += self._builder.add(
            deliver.events, session_id=deliver.session.session_id, replayed=deliver.replayed, event_size=self._event_size,
            now=trio.current_time(), now_ms=self._around.clock(),
        )  # fmt: skip

    def _begin(self, began: SessionBegan) -> None:
        """READY is settled here, with the fact that makes the session the shard's checkpoint, and travels alone."""
        now_ms = self._around.clock()
        self._around.counters.received += 1
        self._around.counters.identifies += 1
        data = began.ready.d
        fact = SessionStarted(
            shard=self._id, session_id=began.session.session_id, resume_url=began.session.resume_url,
            fingerprint=self._settings.fingerprint, user_id=data.user.id,
            application_id=data.application.id if data.application else 0, ready_ms=now_ms, reason=began.reason,
        )  # fmt: skip
        self._ready_batches += self._builder.settled(
            began.ready,
            (fact,),
            session_id=fact.session_id,
            size=self._event_size,
            now=trio.current_time(),
            now_ms=now_ms,
        )

    def _close(self) -> None:
        """Leave the connection; its transport closes resumably on the way out."""
        if self._connection is not None:
            self._connection.cancel_scope.cancel()

    def _start_waiting_for_turn(self) -> None:
        if self._connection is not None:
            self._connection.start_soon(self._await_turn)

    async def _await_turn(self) -> None:
        """Wait for the turn to IDENTIFY, as long as this connection lives. The writer learns first which sessions are gone."""
        while self._lost_sessions:
            await self._around.writer.tell(SessionInvalidated(self._id, self._lost_sessions[0].session_id))
            self._lost_sessions.pop(0)
        turn = TakeTurn(self._id)
        try:
            await self._around.identify.ask(turn, timeout=math.inf)
        except PermanentError as error:
            self._perform(self._protocol.refused(error))
        except ActorError as error:
            self._perform(self._protocol.broken(f"no turn to identify: {error}", trio.current_time()))
        else:
            self._perform(self._protocol.turn_granted())
        finally:
            turn.abandoned = True
