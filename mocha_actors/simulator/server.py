"""The simulator as a whole, and the controls of a test or an operator."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import trio

from mocha_actors.simulator.application import Application
from mocha_actors.simulator.connection import Connection, Cut
from mocha_actors.simulator.drive import Driver
from mocha_actors.simulator.errors import SimulatorError
from mocha_actors.simulator.event import Event, control
from mocha_actors.simulator.faults import (
    GARBAGE,
    NO_STREAM,
    AnswerFault,
    Frame,
    Garbage,
    Manner,
    Moment,
    Opening,
    RequestHeartbeat,
)
from mocha_actors.simulator.gateway import Close, Op
from mocha_actors.simulator.hub import Hub
from mocha_actors.simulator.ledger import Ledger, take_index
from mocha_actors.simulator.life.profiles import HAPPENINGS, PROFILES
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.life.town import BOT_ADDED, Town
from mocha_actors.simulator.past import Past, kept, live_through
from mocha_actors.simulator.payloads import guild_create, own_user_update
from mocha_actors.simulator.rest import API_PATH, RestApi
from mocha_actors.simulator.rest_application import ApplicationApi
from mocha_actors.simulator.serving import RESUME_PATH, Port, listen
from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.simulator.traffic import MessageStream
from mocha_actors.simulator.transcript import Transcript
from mocha_actors.simulator.users import Changes, Users
from mocha_actors.simulator.websocket import binary_message
from mocha_actors.simulator.world import Guild, World, build_guild, build_world

CHECK_INTERVAL = 1.0
"""Seconds between two looks at silent connections and expired sessions."""

UNSENDABLE_CODES = frozenset({1004, 1005, 1006, 1015})
"""Close codes that RFC 6455 (section 7.4.1) keeps for what was not sent."""

CUTS: dict[str, Cut] = {"half-message": "half-message", "half-frame": "half-frame"}
"""Ways to drop a connection in the middle of a message."""

UNKNOWN_EVENT = Event(b"MOCHA_SIMULATED_EVENT", 0, 0, b'{"unknown":true}')


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
        api_url: base address of REST, with the API version.
        gateway_url: address of the gateway.
        transcript: what every client did so far.
        past: what the ledger begins with; None if it began with the live traffic.
        past_kept: what of it is otherwise than the settings want, since a ledger has one past for ever; by the names of
            :class:`~mocha_actors.simulator.past.Past`.
        users: let them use the bot's commands, and see what it answers.
    """

    def __init__(
        self, settings: SimulatorSettings, port: int, ledger: Ledger | None, lived: tuple[Past, Town] | None = None, dead_port: int = 0
    ) -> None:  # fmt: skip
        """Build the world, and bring back the sessions of the ledger; `open_simulator` listens and runs it.

        Args:
            settings: how to behave.
            port: where it listens.
            ledger: gets every dispatch, and knows those of earlier runs.
            lived: the past of the ledger, and the town that lived through it.
            dead_port: where nobody listens, for the settings that want such an address.
        """
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.settings = settings
        self.api_url = f"http://{host}:{port}{API_PATH}"
        self.gateway_url = f"ws://{host}:{port}"
        world = build_world(settings.seed, settings.guilds, settings.shards, settings.members)
        resume_base = f"ws://{host}:{dead_port}" if settings.resume_address == "dead" else self.gateway_url
        profile = PROFILES[settings.profile]
        self.past = lived and lived[0]
        self.past_kept = {} if self.past is None else kept(self.past, _wanted_past(settings))
        self._town = Town(world, settings.seed, profile, shards=settings.shards) if lived is None else lived[1]
        if profile.is_alive:
            self._town.open_up(time.time_ns() // 1_000_000)
        resume_url = partial(_resume_url, settings.resume_address, resume_base)
        self._hub = Hub(settings, world, self._town.guilds, ledger, resume_url)
        if profile.is_alive:
            # The world of the sessions that the ledger remembers was another one.
            self._hub.deliver(self._town.come_back())
        stream = self._town if profile.is_alive else MessageStream(world, settings.seed)
        self._driver = Driver(settings, stream, self._hub)
        application, changes = Application(world.bot.id, self._town.guilds, time.time_ns() // 1_000_000), Changes()
        self.users = Users(application, self._hub, changes)
        answers = ApplicationApi(application, self._town.guilds.get, self._hub.deliver, changes.tell)
        rest = RestApi(settings, world, self._hub.registry, self.gateway_url, answers)
        self._port = Port(settings, self._hub, rest)
        self._port_number = port
        self._listeners: Sequence[trio.SocketListener] = ()
        self._listening = trio.CancelScope()
        self._is_back = trio.Event()
        self.transcript: Transcript = self._hub.transcript

    @property
    def world(self) -> World:
        """Who and what was there at the beginning."""
        return self._hub.world

    @property
    def guilds(self) -> Mapping[int, GuildState]:
        """The guilds as they are now, by id: the truth of which a fresh IDENTIFY is told."""
        return self._hub.guilds

    async def happen(self, name: str, guild_id: int | None = None) -> list[str]:
        """Let a certain thing happen now, in a guild or where most goes on.

        Args:
            name: one of `HAPPENINGS`, or "bot-added".
            guild_id: where.

        Returns:
            The names of the events that tell of it; empty if it could not happen: nobody leaves an empty voice channel.

        Raises:
            ValueError: there is no such thing, or no such guild.
        """
        names = [*HAPPENINGS, BOT_ADDED]
        if name not in names:
            msg = f"what can happen is one of {', '.join(names)}, not {name!r}"
            raise ValueError(msg)
        if guild_id is not None and guild_id not in self.guilds:
            msg = f"the bot is in no guild {guild_id}"
            raise ValueError(msg)
        guild = None if guild_id is None else self.guilds[guild_id]
        events = self._town.happen(name, time.time_ns() // 1_000_000, guild)
        self._hub.deliver(events)
        await trio.lowlevel.checkpoint()
        return [event.name.decode() for event in events]

    async def drop(self, shard: int, how: str | int = "reset") -> bool:
        """End the connection of a shard; its session can be resumed.

        Args:
            shard: the shard's number.
            how: "reset" (TCP reset), "close" (end of the TCP connection without a close frame), a close code,
                "half-message" (close code 4000 after half a compressed payload, or half the fragments of a plain one)
                or "half-frame" (end of the TCP connection after half the bytes of a frame). For the last two a
                USER_UPDATE is dispatched, which a RESUME replays as a whole.

        Returns:
            Whether there was a connection.

        Raises:
            ValueError: `how` is something else.
        """
        if how not in {"reset", "close", *CUTS} and (how in UNSENDABLE_CODES or how not in range(1000, 5000)):
            msg = (
                f'a connection is dropped by "reset", by "close", by "half-message", by "half-frame" or by a close code '
                f"from 1000 to 4999, not by {how!r}"
            )
            raise ValueError(msg)
        connection = self._hub.connection_of(shard)
        if connection is None:
            return False
        self._end(connection, how)
        await connection.ended.wait()
        return True

    def _end(self, connection: Connection, how: str | int) -> None:
        if isinstance(how, int):
            connection.close(Close(how, "Dropped on demand."))
        elif how in CUTS:
            self._hub.cut(connection, CUTS[how], own_user_update(self.world))
        else:
            connection.hang_up(reset=how == "reset")

    async def restart(self, seconds: float = 0.5) -> None:
        """Be away for some seconds: connections are reset and new ones refused; the sessions survive.

        Raises:
            SimulatorError: somebody took the port meanwhile.
        """
        self._listening.cancel()
        for connection in tuple(self._hub.connections):
            connection.hang_up(reset=True)
        await trio.sleep(seconds)
        self._listeners = await listen(self.settings.host, self._port_number)
        self._is_back.set()

    def op7(self, shard: int | None = None) -> None:
        """Ask the identified clients, or that of one shard, to reconnect."""
        self.send(control(Op.RECONNECT), shard)

    def op9(self, *, resumable: bool, shard: int | None = None) -> None:
        """Tell the identified clients, or that of one shard, that the session is invalid; unless `resumable` it ends."""
        for connection in self._hub.attached_connections(shard):
            connection.send_control(control(Op.INVALID_SESSION, b"true" if resumable else b"false"))
            if not resumable and connection.conversation.session:
                self._hub.registry.end(connection.conversation.session)

    def send(self, payload: bytes, shard: int | None = None) -> int:
        """Send any payload to the identified clients, or to one shard's, beside their sessions; return how many."""
        connections = self._hub.attached_connections(shard)
        for connection in connections:
            connection.send_control(payload)
        return len(connections)

    def inject(self, fault: Manner | Moment, shard: int | None = None) -> int:
        """Let the connections of a shard, or all identified ones, suffer a fault now; return how many there are."""
        connections = self._hub.attached_connections(shard)
        for connection in connections:
            self._hurt(connection, fault)
        return len(connections)

    def _hurt(self, connection: Connection, fault: Manner | Moment) -> None:
        match fault:
            case RequestHeartbeat():
                connection.send_control(control(Op.HEARTBEAT))
            case Frame(payload=payload):
                connection.send_control(payload.encode())
            case Garbage(kind="stream"):
                connection.send_raw(binary_message(NO_STREAM))
            case Garbage(kind="event"):
                self._hub.tell(connection.sessions, [UNKNOWN_EVENT])
            case Garbage(kind=kind):
                connection.send_control(GARBAGE[kind])
            case _:
                connection.behave([fault])

    def plan(self, fault: Opening | AnswerFault | Manner, shard: int | None = None, times: int | None = 1) -> None:
        """Let the next `times` connections or answers, None for all, suffer a fault.

        A new connection says whose it is only with IDENTIFY or RESUME. An opening that is planned for one shard
        therefore strikes its reconnections to the resume address alone, and a manner strikes when the shard has
        identified or resumed.

        Raises:
            ValueError: `times` is less than 1.
        """
        self._hub.plan.add(fault, shard, times)

    def clear_plan(self) -> None:
        """Let no further planned fault happen."""
        self._hub.plan.clear()

    async def dispatch(self, shard: int, t: str, d: object) -> int:
        """Dispatch any event to all sessions of a shard, connected or not, whatever their intents.

        Args:
            shard: the shard's number.
            t: name of the event.
            d: its data: bytes are JSON already, everything else is encoded. Without a ledger, bytes may be anything.

        Returns:
            The number that the event has in the shard's youngest session, 0 if there is no session.

        Raises:
            ValueError: the name is not spelt like one, or the ledger cannot take `d`.
        """
        if not re.fullmatch("[A-Z_]+", t):
            msg = f"an event is named in capital letters and underscores, not {t!r}"
            raise ValueError(msg)
        data = d if isinstance(d, bytes) else msgspec.json.encode(d)
        if self.settings.ledger is not None:
            _check_json(data, t)
        sessions = self._hub.registry.of_shard(shard)
        self._hub.tell(sessions, [Event(t.encode(), 0, 0, data)])
        await trio.lowlevel.checkpoint()
        return sessions[-1].last_seq if sessions else 0

    async def create_guild(self, members: int, shard: int = 0) -> Guild:
        """Let the bot join a new guild of any size, to which later READYs belong too; nobody writes there.

        Its GUILD_CREATE names everybody, whatever the intents: it is there for those who want to see a large one.
        It is made in a thread, which takes some seconds for 100,000 members.
        """
        number = self._town.next_number(shard)
        guild, event = await trio.to_thread.run_sync(self._make_guild, number, members)
        self._town.settle(guild)
        self._hub.deliver([event])
        return guild

    def _make_guild(self, number: int, members: int) -> tuple[Guild, Event]:
        guild = build_guild(self.settings.seed, self.world.bot, number, self.settings.shards, members)
        created = guild_create(GuildState(guild), joined=True, everybody=True)
        assert created.view is not None
        return guild, created._replace(data=created.view(0, 0), view=None)

    def set_session_start_limit(self, remaining: int, reset_after: float) -> None:
        """Set how many IDENTIFYs are left, and after how many seconds all are there again.

        Raises:
            ValueError: one of the two is negative.
        """
        self._hub.registry.starts.set(remaining, reset_after, trio.current_time())

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

    async def flood(self, count: int) -> Burst:
        """Let events of every kind happen as fast as the connected clients take them: about so many, as some come together.

        They are the same mixture at any time: from now on the town has no hours.
        """
        self._town.stop_the_clock()
        return Burst(await self._driver.flood(count), self._hub.last_seqs())

    def stats(self) -> dict[str, Any]:
        """Count what happened so far. Session ids are not among it."""
        return self._hub.stats()

    async def run(self, listeners: Sequence[trio.SocketListener]) -> None:
        """Serve clients and make traffic until cancelled."""
        self._listeners = listeners
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._driver.run)
            nursery.start_soon(self._keep_checking)
            while True:
                self._listening, self._is_back = trio.CancelScope(), trio.Event()
                with self._listening:
                    await trio.serve_listeners(self._port.serve, list(self._listeners), handler_nursery=nursery)
                await self._is_back.wait()

    async def _keep_checking(self) -> None:
        while True:
            await trio.sleep(CHECK_INTERVAL)
            self._hub.check(trio.current_time())


def _check_json(data: bytes, name: str) -> None:
    """Refuse what would make the ledger unreadable."""
    try:
        msgspec.json.decode(data)
    except msgspec.MsgspecError as error:
        msg = f"the ledger takes JSON alone, which the data of {name} is not: {error}"
        raise ValueError(msg) from error


def _resume_url(kind: str, base: str, shard: int) -> str:
    return f"{base}{RESUME_PATH}{shard}" if kind == "own" else base


@asynccontextmanager
async def open_simulator(settings: SimulatorSettings) -> AsyncIterator[Simulator]:
    """Run a simulator as long as the block.

    Raises:
        SimulatorError: the port is taken, or the ledger cannot be used.
    """
    with ExitStack() as stack:
        ledger = lived = None
        if settings.ledger is not None:
            ledger, lived = _open_ledger(settings, settings.ledger)
            stack.callback(ledger.close)
        dead_port = stack.enter_context(_dead_port(settings)) if settings.resume_address == "dead" else 0
        listeners = await listen(settings.host, settings.port)
        simulator = Simulator(settings, listeners[0].socket.getsockname()[1], ledger, lived, dead_port)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(simulator.run, listeners)
            yield simulator
            nursery.cancel_scope.cancel()


def _open_ledger(settings: SimulatorSettings, path: Path) -> tuple[Ledger, tuple[Past, Town] | None]:
    """Open a ledger, whose past has happened; nobody else makes one there meanwhile.

    Raises:
        SimulatorError: it cannot be used, or another simulator uses it.
    """
    index = take_index(path)
    try:
        lived = _live_through(settings, path)
    except SimulatorError:
        os.close(index)
        raise
    return Ledger(path, index), lived


def _wanted_past(settings: SimulatorSettings) -> Past:
    """The past that the settings describe, up to now."""
    return Past(
        until_ms=time.time_ns() // 1_000_000, days=settings.past_days, messages=settings.past_messages, seed=settings.seed,
        profile=settings.profile, guilds=settings.guilds, members=settings.members, shards=settings.shards,
    )  # fmt: skip


def _live_through(settings: SimulatorSettings, ledger: Path) -> tuple[Past, Town] | None:
    """Let the past of the settings, or of an earlier run, happen.

    Raises:
        SimulatorError: it cannot be made, written or read.
    """
    if not settings.past_days:
        return None
    try:
        return live_through(_wanted_past(settings), ledger)
    except OSError as error:
        msg = f"the past of the ledger {ledger} cannot be written: {error.strerror}"
        raise SimulatorError(msg) from error
    except msgspec.MsgspecError as error:
        msg = f"{ledger}.past does not describe the past of a ledger ({error})"
        raise SimulatorError(msg) from error


@contextmanager
def _dead_port(settings: SimulatorSettings) -> Iterator[int]:
    """Take a port without listening on it: whoever connects is refused."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as holder:
        holder.bind((settings.host, 0))
        yield holder.getsockname()[1]
