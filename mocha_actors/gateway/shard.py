"""The shard actor: the thin shell around the protocol.

Four tasks: one keeps time, one goes from connection to connection, and while there is one, one sends and one reads. All of them put their news
into the protocol and carry out the effects, which is a synchronous call; so no two of them can be half-way through anything. Only reading ever
waits for those who take the events. Sending, time and heartbeats wait for nobody.
"""

from __future__ import annotations

import math
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Final

import structlog
import trio

from mocha_actors.discord.blocks import Block
from mocha_actors.discord.events import Event
from mocha_actors.errors import PermanentError, TransientError
from mocha_actors.gateway.address import BadAddressError, check_resume_address
from mocha_actors.gateway.batching import BatchBuilder
from mocha_actors.gateway.coalescing import BrokenFramingError
from mocha_actors.gateway.commands import Command, MembersReport, ShardMessage
from mocha_actors.gateway.compression import InflateError
from mocha_actors.gateway.effects import (
    AwaitTurn,
    CloseConnection,
    Connect,
    Deliver,
    DroppedDuplicates,
    Effect,
    ExpectHeartbeats,
    Fatal,
    Identified,
    Log,
    PassedOver,
    ReportAlive,
    Send,
    SessionBegan,
    SessionLost,
    SessionResumed,
    SkippedNumbers,
)  # fmt: skip
from mocha_actors.gateway.errands import Errands
from mocha_actors.gateway.fleet import misrouted
from mocha_actors.gateway.identify_queue import TakeTurn
from mocha_actors.gateway.identity import Session
from mocha_actors.gateway.outbox import Outbox
from mocha_actors.gateway.protocol import Protocol
from mocha_actors.gateway.rest import RestUnavailableError
from mocha_actors.gateway.sequence import Sequence
from mocha_actors.gateway.settings import ShardSettings, Surroundings
from mocha_actors.gateway.states import Closing
from mocha_actors.gateway.transport import Disconnected, Transport
from mocha_actors.pipeline.batch import Batch
from mocha_actors.pipeline.facts import SessionStarted
from mocha_actors.pipeline.notices import (
    Alive,
    Committed,
    Flush,
    GiveUpSession,
    LoadCheckpoint,
    Quiesce,
    SessionInvalidated,
)
from mocha_actors.runtime import Actor, ActorError, Context

CHECKPOINT_TIMEOUT: Final = 60.0
"""Seconds to wait for the writer's answer; the supervisor then tries again."""

LAG_ALARM: Final = 1.0
"""Seconds; a timer that fires later than this says that something holds the event loop, heartbeats included."""


class Shard(Actor[ShardMessage]):
    """One shard's sessions and connections. A new incarnation resumes from the durable ``s``."""

    _ctx: Context[ShardMessage]
    _protocol: Protocol
    _tasks: trio.Nursery

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
        self._transport: Transport | None = None
        self._connection_over = trio.Event()
        self._reading = trio.CancelScope()
        self._resting = trio.CancelScope()
        self._errands = Errands(settings.identity, surroundings.rng, self._answer)
        self._outbox = Outbox(self._errands)
        self._quiesced = self._was_active = self._peer_gone = False
        self._event_size = 0

    async def run(self, ctx: Context[ShardMessage]) -> None:
        """Follow the gateway until asked to stop, or until a person must act; then the exit is a normal one."""
        self._ctx = ctx
        self._protocol = await self._load(ctx)
        try:
            async with trio.open_nursery() as self._tasks:
                self._tasks.start_soon(self._keep_time)
                self._tasks.start_soon(self._connect_for_ever)
                await self._take_notices(ctx)
                await self._leave()
                self._tasks.cancel_scope.cancel()
        finally:
            self._around.counters.connected -= self._was_active

    async def _load(self, ctx: Context[ShardMessage]) -> Protocol:
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
        self._builder = BatchBuilder(self._id, checkpoint.last_alive_ms)
        if checkpoint.fingerprint != self._settings.fingerprint:
            self._log.warning("shard.session_lost", reason="fingerprint_changed", seq=checkpoint.seq)
            return start(reason="fingerprint_changed")
        session = Session(checkpoint.session_id, checkpoint.resume_url)
        return start(session=session, sequence=Sequence(checkpoint.seq, checkpoint.seq))

    async def _take_notices(self, ctx: Context[ShardMessage]) -> None:
        async for notice in ctx:
            if isinstance(notice, Committed):
                self._protocol.committed(notice.session_id, notice.seq)
            elif isinstance(notice, Quiesce):
                await self._quiesce()
                ctx.reply(notice, None)
            elif isinstance(notice, GiveUpSession):
                await self._decommission()
                ctx.reply(notice, None)
            else:
                self._errands.submit(notice, trio.current_time())
                self._perform([])

    def _answer(self, command: Command, result: MembersReport | Exception | None) -> None:
        """Tell whoever asked for a command what became of it."""
        with suppress(ValueError):  # nobody waits any more
            if isinstance(result, Exception):
                self._ctx.fail(command, result)
            else:
                self._ctx.reply(command, result)

    async def _quiesce(self) -> None:
        """Read nothing more and hand over what there is; the heart goes on beating."""
        self._quiesced = True
        self._protocol.drain()
        self._protocol.paused(trio.current_time())
        self._reading.cancel()
        self._ready_batches += self._builder.close()
        await self._hand_over()

    async def _end(self) -> None:
        """End for good, but not before what was received is handed over."""
        self._ready_batches += self._builder.close()
        await self._hand_over()
        self._tasks.cancel_scope.cancel()

    async def _leave(self) -> None:
        """Close the connection that there is. Its transport reads on meanwhile, so that the peer gets to see the close frame."""
        self._perform(self._protocol.stop(trio.current_time()))
        if isinstance(self._protocol.state, Closing):
            await self._connection_over.wait()

    async def _decommission(self) -> None:
        """Tell Discord that the session is not wanted any more, and the writer that no start may resume it."""
        session = self._protocol.session
        self._perform(self._protocol.decommission(trio.current_time()))
        if isinstance(self._protocol.state, Closing):
            await self._connection_over.wait()
        if session is not None:
            await self._around.writer.tell(SessionInvalidated(self._id, session.session_id))

    # The tasks of the shard are where a program with Mocha spends its time: Ctrl-C goes to the main task, not to them, as in the runtime.
    @trio.lowlevel.enable_ki_protection
    async def _keep_time(self) -> None:
        while True:
            with trio.CancelScope(deadline=self._deadline) as self._alarm:
                await trio.sleep_forever()
            now, due = trio.current_time(), self._deadline
            if now - due > LAG_ALARM:
                self._log.warning("gateway.loop_lag", seconds=round(now - due, 3))
            self._errands.tick(now)
            self._perform(self._protocol.tick(now))

    @property
    def _deadline(self) -> float:
        """When time alone changes something."""
        return min(self._protocol.deadline, self._errands.deadline)

    @trio.lowlevel.enable_ki_protection
    async def _connect_for_ever(self) -> None:
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
            self._tasks.start_soon(self._hand_over)

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
        self._connection_over = trio.Event()
        try:
            async with self._around.open_transport(url, self._settings.compression) as transport:
                connected = True
                self._perform(self._protocol.connected(trio.current_time()))
                code = await self._converse(transport)
        except BrokenFramingError as error:
            if not connected:
                raise
            self._perform(self._protocol.broken(str(error), trio.current_time()))
        finally:
            self._connection_over.set()
        self._perform(self._protocol.disconnected(code, trio.current_time()))

    async def _converse(self, transport: Transport) -> int | None:
        """Send and read until the connection is over; the peer's close code, if it sent one."""
        code = None
        self._peer_gone, self._outbox, self._transport = False, Outbox(self._errands), transport
        try:
            async with trio.open_nursery() as self._connection:
                self._connection.start_soon(self._send, transport, self._outbox)
                code = await self._read(transport)
                self._connection.cancel_scope.cancel()
        finally:
            self._connection = None
            self._errands.disconnected(code, trio.current_time())
        return code

    @trio.lowlevel.enable_ki_protection
    async def _send(self, transport: Transport, outbox: Outbox) -> None:
        try:
            await outbox.run(transport.send)
        except Disconnected:
            # The reader learns it too, with what came before; unless it waits for somebody to take that, and meanwhile the session would expire.
            self._peer_gone = True
            self._resting.cancel()

    async def _read(self, transport: Transport) -> int | None:
        """Read until the connection is over; its close code. When reading is to stop, wait to be closed."""
        with trio.CancelScope() as self._reading:
            while not self._quiesced:
                try:
                    with trio.move_on_at(self._builder.deadline) as waiting:
                        block = await transport.receive()
                        # A receive that was complete already is not cancelled: what comes after the end is left for the RESUME.
                        if not self._quiesced:
                            self._take(block)
                        del block  # it may be of tens of megabytes, and the next one of tomorrow
                except Disconnected as end:
                    return end.code
                except InflateError as error:
                    self._perform(self._protocol.broken(str(error), trio.current_time()))
                if waiting.cancelled_caught:
                    self._ready_batches += self._builder.close()
                if self._ready_batches and not self._peer_gone:
                    await self._read_on_later()
        return await trio.sleep_forever()

    def _take(self, block: Block) -> None:
        """Decode a block and put it through the protocol."""
        now = trio.current_time()
        pieces, violation = self._around.decoder.decode(block)
        self._event_size = len(block) // max(1, sum(len(piece) for piece in pieces if isinstance(piece, list)))
        for piece in pieces:
            if isinstance(piece, list):
                self._perform(self._protocol.dispatches(piece, now))
            else:
                self._perform(self._protocol.control(piece, now))
        if violation is not None:
            self._perform(self._protocol.violation(violation, now))

    async def _read_on_later(self) -> None:
        """Hand over before anything more is read. From here on the peer's silence proves nothing, whoever else is handing over just now."""
        self._protocol.paused(trio.current_time())
        with trio.CancelScope() as self._resting:
            await self._hand_over()
        if not self._quiesced:
            self._protocol.unpaused(trio.current_time())

    @trio.lowlevel.enable_ki_protection
    async def _hand_over(self) -> None:
        """Give the batches to the dispatcher, which may make us wait. One that is not taken stays the first in line."""
        async with self._handing_over:
            while self._ready_batches:
                await self._around.dispatcher.tell(self._ready_batches[0])
                self._ready_batches.popleft()

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._carry_out(effect)
        active = self._protocol.active
        self._around.counters.connected += active - self._was_active
        self._was_active = active
        if self._errands:
            self._errands.active(trio.current_time(), active=active)
            self._outbox.wake()
        self._alarm.deadline = self._deadline

    def _carry_out(self, effect: Effect) -> None:  # noqa: C901, PLR0912 - one case for each effect, a table in other words
        """Do one thing that the protocol wants. Nothing here waits."""
        match effect:
            case Deliver():
                self._deliver(effect)
            case ExpectHeartbeats(interval):
                self._outbox.expect_heartbeats(interval)
            case Send():
                self._outbox.put(effect)
            case Log(event, level, fields):
                getattr(self._log, level)(event, **fields)
            case Connect():
                self._to_connect.send_nowait(effect)
            case CloseConnection(code):
                self._close(code)
            case AwaitTurn():
                self._start_waiting_for_turn()
            case Identified():
                self._around.counters.identifies += 1
            case SessionBegan():
                self._begin(effect)
            case SessionResumed():
                self._around.counters.resumes += 1
            case SessionLost(session):
                self._lost_sessions.append(session)
                self._errands.session_lost()
            case DroppedDuplicates(count):
                self._around.counters.duplicates += count
            case SkippedNumbers():
                self._around.counters.seq_gaps += 1
            case PassedOver(count):
                self._around.counters.unknown += count
            case ReportAlive():
                self._around.writer.tell_nowait(Alive(self._id, self._around.clock()))
            case Fatal(error):
                self._around.on_fatal(error)
                self._tasks.start_soon(self._end)

    def _deliver(self, deliver: Deliver) -> None:
        self._around.counters.received += len(deliver.events)
        self._check_routes(deliver.events)
        if self._errands.expecting:
            self._errands.observe(deliver.events, trio.current_time())
        self._ready_batches += self._builder.add(
            deliver.events, session_id=deliver.session.session_id, replayed=deliver.replayed, event_size=self._event_size,
            now=trio.current_time(), now_ms=self._around.clock(),
        )  # fmt: skip

    def _check_routes(self, events: list[Event]) -> None:
        """Count events of guilds that are another shard's. They are taken all the same: Discord has sent them to nobody else."""
        shards = self._settings.identity.shards
        count = misrouted(events, self._id, shards) if shards > 1 else 0
        if count:
            self._around.counters.misrouted += count
            self._log.warning("gateway.misrouted", count=count, total=self._around.counters.misrouted)

    def _begin(self, began: SessionBegan) -> None:
        """READY is settled here, with the fact that makes the session the shard's checkpoint, and travels alone."""
        now_ms = self._around.clock()
        self._around.counters.received += 1
        data = began.ready.d
        fact = SessionStarted(
            shard=self._id, session_id=began.session.session_id, resume_url=began.session.resume_url,
            fingerprint=self._settings.fingerprint, user_id=data.user.id,
            application_id=data.application.id if data.application else 0, ready_ms=now_ms, reason=began.reason,
            guild_ids=tuple(guild.id for guild in data.guilds), shards=self._settings.identity.shards,
        )  # fmt: skip
        self._ready_batches += self._builder.settled(
            began.ready,
            (fact,),
            session_id=fact.session_id,
            size=self._event_size,
            now=trio.current_time(),
            now_ms=now_ms,
        )

    def _close(self, code: int) -> None:
        """Leave the connection; its transport closes on the way out."""
        if self._connection is not None:
            if self._transport is not None:
                self._transport.close_code = code
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
            self._perform(self._protocol.turn_granted(trio.current_time()))
        finally:
            turn.abandoned = True
