"""Where events become dispatches: between traffic, sessions, connections and the ledger."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.faults import FaultPlan
from mocha_actors.simulator.gateway import AUTHENTICATION_FAILED, SESSION_TIMED_OUT, Close
from mocha_actors.simulator.payloads import GUILD_PRESENCES_INTENT, guild_create, ready
from mocha_actors.simulator.registry import SessionRegistry
from mocha_actors.simulator.restore import restore_sessions
from mocha_actors.simulator.transcript import Transcript

if TYPE_CHECKING:
    from mocha_actors.simulator.connection import Connection, Cut
    from mocha_actors.simulator.ledger import Ledger
    from mocha_actors.simulator.life.state import GuildState
    from mocha_actors.simulator.session import Session
    from mocha_actors.simulator.settings import SimulatorSettings
    from mocha_actors.simulator.world import World

MAX_BACKLOG = 4096
"""Dispatches that may wait for a connected client while traffic is as fast as the clients."""

SESSION_ENDING_CODES = frozenset({1000, 1001})
"""A client that closes with one of these gives its session up."""

REPLACED = Close(4000, "The session was resumed by another connection.")


class Hub:
    """Deals every event to the sessions that may see it, writes it to the ledger, and wakes the connections.

    Attributes:
        world: who and what was there at the beginning.
        guilds: the guilds as they are now, by id.
        registry: the sessions.
        plan: what the next connections and answers suffer.
        transcript: what the clients did.
        connections: all connections, also those that have not identified yet.
        dispatched: number of first-hand dispatches.
        replayed: number of repeated dispatches.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        world: World,
        guilds: dict[int, GuildState],
        ledger: Ledger | None,
        resume_url: Callable[[int], str],
    ) -> None:
        """Begin with the sessions that the ledger remembers.

        Args:
            settings: limits of sessions and connections.
            world: holds the bot.
            guilds: what is true, by id; somebody else changes it.
            ledger: gets every dispatch.
            resume_url: gives the `resume_gateway_url` of a shard.
        """
        self.registry = SessionRegistry(settings, partial(secrets.token_hex, 16), self._session_ended)
        self.connections: set[Connection] = set()
        self.dispatched = 0
        self.replayed = 0
        self.plan = FaultPlan()
        self.transcript = Transcript()
        self.world = world
        self.guilds = guilds
        self._guild_creates: dict[tuple[int, int, int], tuple[int, Event]] = {}
        self._ledger = ledger
        self._resume_url = resume_url
        self._attached: dict[str, Connection] = {}
        self._waiting = trio.lowlevel.ParkingLot()
        if ledger is not None:
            restore_sessions(ledger, self.registry, trio.current_time())

    def deliver(self, events: Sequence[Event], *, wake: bool = True) -> None:
        """Dispatch events to each session that may see them, connected or not.

        Without `wake` the connections may leave them for later.
        """
        for session in self.registry:
            self._dispatch(session, session.select(events))
        if wake:
            self.wake()

    def tell(self, sessions: Iterable[Session], events: Sequence[Event]) -> None:
        """Dispatch events to some sessions, whether they would see them or not."""
        for session in sessions:
            self._dispatch(session, events)
        self.wake()

    def wake(self) -> None:
        """Let every connection send what is there for it."""
        for connection in self._attached.values():
            connection.wake()

    def _dispatch(self, session: Session, events: Sequence[Event]) -> None:
        if events:
            self.record(session, session.dispatch(events))

    def record(self, session: Session, frames: Sequence[bytes], *, replay: bool = False) -> None:
        """Write frames of a session to the ledger; to be called before they go to a socket."""
        if replay:
            self.replayed += len(frames)
        else:
            self.dispatched += len(frames)
        if self._ledger is not None and frames:
            self._ledger.write(session, frames, time.time(), replay=replay)

    def cut(self, connection: Connection, where: Cut, event: Event) -> None:
        """End a connection in the middle of an event, which its session remembers as a whole."""
        connection.cut(where)
        self.tell(connection.sessions, [event])

    def attached(self, connection: Connection, session: Session, *, fresh: bool) -> None:
        """Note that a connection has identified or resumed a session.

        A fresh session is greeted with READY and its guilds; a connection that held the session before is closed.
        """
        before = self._attached.get(session.id)
        self._attached[session.id] = connection
        session.disconnected_at = None
        if before is not None:
            before.close(REPLACED)
        if fresh:
            self._greet(session)
        connection.behave(self.plan.manners(session.shard))
        self._waiting.unpark_all()

    def _greet(self, session: Session) -> None:
        if self._ledger is not None:
            self._ledger.open_session(session)
        reachable = [guild for guild in self.guilds.values() if guild.available and session.sees(guild.id)]
        guilds = [self._guild_create(guild, session) for guild in reachable]
        greeting = ready(self.world, self.guilds, session, self._resume_url(session.shard))
        self._dispatch(session, [greeting, *session.select(guilds)])

    def _guild_create(self, guild: GuildState, session: Session) -> Event:
        """Render a guild, which takes its time, once for as long as nothing happens there."""
        key = (guild.id, session.intents & GUILD_PRESENCES_INTENT, session.large_threshold)
        changes, event = self._guild_creates.get(key, (-1, None))
        if event is None or changes != guild.changes:
            [event] = session.select([guild_create(guild)]) or [guild_create(guild)]
            self._guild_creates[key] = guild.changes, event
        return event

    def detached(self, connection: Connection) -> None:
        """Note that a connection has ended. Its session waits for a RESUME, unless the client gave it up."""
        session, shard = connection.conversation.session, connection.conversation.shard
        self.transcript.note_close(
            trio.current_time(), connection.number, shard, connection.close_code, connection.closed_by
        )
        if session is not None and self._attached.get(session.id) is connection:
            del self._attached[session.id]
            session.disconnected_at = trio.current_time()
            if connection.client_close_code in SESSION_ENDING_CODES:
                self.registry.end(session)
        self._waiting.unpark_all()

    def connection_of(self, shard: int) -> Connection | None:
        """Return the connection of a shard's youngest connected session."""
        found = [connection for connection in self._attached.values() if connection.shard == shard]
        return found[-1] if found else None

    def attached_connections(self, shard: int | None = None) -> list[Connection]:
        """List the connections that have a session, of a shard or of all."""
        return [connection for connection in self._attached.values() if shard in {None, connection.shard}]

    def reset_token(self) -> None:
        """End all sessions, and close all connections: the token is void."""
        for session in self.registry:
            self.registry.end(session)
        for connection in self.connections:
            connection.close(AUTHENTICATION_FAILED)

    def is_connected(self, session: Session) -> bool:
        """Tell whether a session has a connection."""
        return session.id in self._attached

    def last_seqs(self) -> dict[int, int]:
        """Return the number of the last dispatch of each shard's youngest session."""
        return {session.shard: session.last_seq for session in self.registry}

    def stats(self) -> dict[str, Any]:
        """Count what happened so far. Session ids are not among it."""
        registry = self.registry
        sessions = [
            {
                "shard": session.shard,
                "shards": session.shards,
                "last_seq": session.last_seq,
                "sent_seq": session.sent_seq,
                "connected": self.is_connected(session),
            }
            for session in registry
        ]
        return {
            "dispatched": self.dispatched,
            "replayed": self.replayed,
            "identifies": registry.identifies,
            "resumes": registry.resumes,
            "refused_resumes": registry.refused_resumes,
            "connections": len(self.connections),
            "sessions": sessions,
        }

    def progressed(self) -> None:
        """Note that a connection has sent something."""
        self._waiting.unpark_all()

    async def wait_session(self) -> None:
        """Wait until there is any session, connected or not."""
        while not len(self.registry):
            await self._waiting.park()

    async def wait_connected(self, *, all_guilds: bool) -> None:
        """Wait until some guild, or every guild, is seen by a connected session."""
        while not self._is_seen(all_guilds=all_guilds):
            await self._waiting.park()

    def _is_seen(self, *, all_guilds: bool) -> bool:
        sessions = [session for session in self.registry if self.is_connected(session)]
        seen = (any(session.sees(guild_id) for session in sessions) for guild_id in self.guilds)
        return all(seen) if all_guilds else any(seen)

    async def wait_room(self) -> None:
        """Wait until no connected client is far behind."""
        while any(connection.backlog > MAX_BACKLOG for connection in self._attached.values()):
            await self._waiting.park()

    def check(self, now: float) -> None:
        """End what has been silent for too long. `now` is monotonic seconds."""
        for connection in tuple(self.connections):
            if connection.is_silent(now):
                self._time_out(connection)
        self.registry.expire(now)

    def _time_out(self, connection: Connection) -> None:
        session = connection.conversation.session
        if session is not None:
            self.registry.end(session)
        connection.close(SESSION_TIMED_OUT)

    def _session_ended(self, session: Session) -> None:
        if self._ledger is not None:
            self._ledger.end_session(session)
