"""The control socket: how a person, or a program, asks a running service how it is.

A UNIX socket of mode 0600 beside the database, so that whoever may read the one may use the other. It speaks JSON, a line each way:
``{"cmd": "status"}`` is answered by a :class:`Status`, a command of :mod:`mocha_actors.administration` by lines of progress and then by what it
came to, anything else by ``{"error": …}``. The actor owns the socket; who asks uses :func:`ask` or :func:`order`.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
import trio

from mocha_actors.administration import AnyCommand, Done, Progress
from mocha_actors.errors import ConfigError, MochaError, TransientError
from mocha_actors.pipeline.counters import CacheCounters
from mocha_actors.runtime import Actor, ActorError, Context

ANSWER_LIMIT: Final = 10.0
"""Seconds that an exchange may take, on either side."""

LINE_LIMIT: Final = 1 << 20
"""Bytes of a line; a tree of thousands of actors fits."""

PROGRESS_SECONDS: Final = 0.5
"""Seconds between two lines of progress."""

SAMPLE_SECONDS: Final = 1.0
SAMPLES: Final = 10
"""Rates are means over the last :data:`SAMPLES` samples."""

BACKLOG: Final = 16


class NotRunningError(TransientError):
    """No service answers at the control socket."""


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """One actor or supervisor of the live tree, see :class:`mocha_actors.runtime.Snapshot` for the terms.

    ``used``, ``capacity``, ``peak`` and ``oldest_seconds`` are of the mailbox; a supervisor has none.
    """

    name: str
    state: str
    restarts: int = 0
    backoff_seconds: float = 0.0
    used: int = 0
    capacity: int = 0
    peak: int = 0
    oldest_seconds: float = 0.0
    last_error: str | None = None
    children: tuple[Node, ...] = ()


class Status(msgspec.Struct, frozen=True):
    """How a running service is.

    Attributes:
        version: of Mocha.
        pid: of the process.
        uptime_seconds: since the tree was started.
        database: where it writes.
        ready: whether every actor runs and every breaker is closed.
        shards: shards of this process.
        connected: of them, those with an active session.
        durable: the committed ``s`` of each shard's session.
        events_per_second: committed of late.
        received: events taken from sockets.
        committed: events that are durable, ``ignored`` and ``dead_lettered`` ones included.
        ignored: committed events that are no fact.
        dead_lettered: committed events that became dead letters.
        spooled: events that became durable in the spool, because the database was away.
        resumes: sessions continued.
        identifies: IDENTIFYs sent: what was spent of the daily budget.
        restarts: actors restarted.
        lag_p50_seconds: from receive to commit; None before the first event.
        lag_p99_seconds: likewise.
        breakers: state of each circuit breaker by name.
        tree: the live tree.
        caches: what each kind of cache holds and has done.

    """

    version: str
    pid: int
    uptime_seconds: float
    database: str
    ready: bool
    shards: int
    connected: int
    durable: dict[int, int]
    events_per_second: float
    received: int
    committed: int
    ignored: int
    dead_lettered: int
    spooled: int
    resumes: int
    identifies: int
    restarts: int
    lag_p50_seconds: float | None
    lag_p99_seconds: float | None
    breakers: dict[str, str]
    tree: Node
    caches: dict[str, CacheCounters] = {}


class StatusRequest(msgspec.Struct, tag_field="cmd", tag="status", forbid_unknown_fields=True):
    """``{"cmd": "status"}``."""


class Refused(msgspec.Struct, tag_field="answer", tag="refused"):
    """The answer to what is no command, or could not be done; ``wrong_usage`` tells whose fault that is."""

    error: str
    wrong_usage: bool = True


class UnderWay(msgspec.Struct, tag_field="answer", tag="progress"):
    """How far a command is: ``done`` of ``of`` steps."""

    done: int
    of: int


Perform = Callable[[AnyCommand, Progress], Awaitable[Done]]
"""Does a command; see :func:`mocha_actors.administration.perform`."""


class RateMeter:
    """Events per second over the last samples of a running total."""

    def __init__(self, samples: int = SAMPLES) -> None:
        """Nothing seen yet."""
        self._seen: deque[tuple[float, int]] = deque(maxlen=samples + 1)

    def add(self, now: float, total: int) -> None:
        """The total at time ``now`` (seconds, of any clock)."""
        self._seen.append((now, total))

    @property
    def rate(self) -> float:
        """Mean over the samples kept; 0 with fewer than two."""
        if len(self._seen) < 2:
            return 0.0
        (begin, before), (end, after) = self._seen[0], self._seen[-1]
        return (after - before) / (end - begin) if end > begin else 0.0


class Control(Actor[None]):
    """Owns the socket and answers."""

    def __init__(
        self, database: Path, committed: Callable[[], int], status: Callable[[float], Status], perform: Perform
    ) -> None:
        """Listen beside ``database``; ``committed`` is the running total, ``status`` is given the events per second."""
        self._path, self._committed, self._status, self._perform = socket_path(database), committed, status, perform
        self._meter = RateMeter()

    async def run(self, ctx: Context[None]) -> None:
        """Serve until asked to stop; the socket goes with the actor."""
        with listening(self._path) as listener:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._sample)
                nursery.start_soon(trio.serve_listeners, self._serve, [listener])
                await ctx.stopping.wait()
                nursery.cancel_scope.cancel()

    async def _sample(self) -> None:
        while True:
            self._meter.add(trio.current_time(), self._committed())
            await trio.sleep(SAMPLE_SECONDS)

    async def _serve(self, stream: trio.SocketStream) -> None:
        """Answer line after line; a client that is slow, silent or gone is let go."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while line := await _read_line_soon(stream):
                await self._answer(line, stream)

    async def _answer(self, line: bytes, stream: trio.SocketStream) -> None:
        try:
            request = msgspec.json.decode(line, type=StatusRequest | AnyCommand)
        except (msgspec.DecodeError, RecursionError) as error:
            await _send(stream, Refused(f'not a command ({error}); the simplest is {{"cmd": "status"}}'))
            return
        if isinstance(request, StatusRequest):
            await _send(stream, self._status(self._meter.rate))
        else:
            await self._command(request, stream)

    async def _command(self, command: AnyCommand, stream: trio.SocketStream) -> None:
        """Do a command, and tell now and then how far it is. It is done even if the client goes."""
        latest = UnderWay(0, 0)

        def progress(done: int, of: int) -> None:
            latest.done, latest.of = done, of

        async with trio.open_nursery() as nursery:
            nursery.start_soon(_tell, stream, latest)
            answer: Done | Refused
            try:
                answer = await self._perform(command, progress)
            except (MochaError, ActorError) as error:
                answer = Refused(str(error), isinstance(error, ConfigError))
            nursery.cancel_scope.cancel()
        await _send(stream, answer)


async def _tell(stream: trio.SocketStream, latest: UnderWay) -> None:
    while True:
        await trio.sleep(PROGRESS_SECONDS)
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await _send(stream, latest)


async def _send(stream: trio.SocketStream, answer: msgspec.Struct) -> None:
    """Send a whole line, to whoever takes it within a while."""
    with trio.CancelScope(shield=True, deadline=trio.current_time() + ANSWER_LIMIT):
        await stream.send_all(msgspec.json.encode(answer) + b"\n")


async def _read_line_soon(stream: trio.SocketStream) -> bytes:
    with trio.move_on_after(ANSWER_LIMIT):
        return await _read_line(stream)
    return b""


async def order(database: Path, command: AnyCommand, progress: Progress) -> Done:
    """Have the service that writes to ``database`` do a command.

    Raises:
        NotRunningError: none listens.
        ConfigError: the command cannot be; nothing was changed.
        TransientError: it could not be done, or the service ended meanwhile; it may be asked again.

    """
    try:
        stream = await connect(socket_path(database))
    except OSError as error:
        raise not_running(database, error) from None
    async with stream:
        try:
            await stream.send_all(msgspec.json.encode(command) + b"\n")
            while line := await _read_line(stream):
                answer = msgspec.json.decode(line, type=UnderWay | Done | Refused)
                if isinstance(answer, Done):
                    return answer
                if isinstance(answer, Refused):
                    raise ConfigError(answer.error) if answer.wrong_usage else TransientError(answer.error)
                progress(answer.done, answer.of)
        except (OSError, trio.BrokenResourceError) as error:
            raise TransientError(f"the service ended before it answered: {error}") from error
    raise TransientError("the service ended before it answered; ask again")


def not_running(database: Path, error: OSError) -> NotRunningError:
    """The error for a socket that nobody listens at."""
    return NotRunningError(
        f"no service answers for {database} ({error.strerror or error}); start one with mocha-run"
    )  # fmt: skip


async def ask(database: Path) -> Status:
    """The status of the service that writes to ``database``.

    Raises:
        NotRunningError: none listens, or it does not answer.

    """
    with trio.move_on_after(ANSWER_LIMIT):
        try:
            async with await connect(socket_path(database)) as stream:
                await stream.send_all(msgspec.json.encode(StatusRequest()) + b"\n")
                if line := await _read_line(stream):
                    return msgspec.json.decode(line, type=Status)
        except OSError as error:
            raise not_running(database, error) from None
    raise NotRunningError(f"the service that writes to {database} does not answer within {ANSWER_LIMIT:.0f} s")


def socket_path(database: Path) -> Path:
    """The control socket of the service that writes to ``database``."""
    return database.with_name(f"{database.name}.sock")


@contextmanager
def listening(path: Path) -> Iterator[trio.SocketListener]:
    """A listener at ``path`` with mode 0600; a socket that a killed service left there is replaced."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as raw, _short(path) as address:
        mask = os.umask(0o177)
        try:
            raw.bind(address)
        finally:
            os.umask(mask)
        raw.listen(BACKLOG)
        raw.setblocking(False)  # noqa: FBT003  # the only way to say it
        ours = path.stat()
        try:
            yield trio.SocketListener(trio.socket.from_stdlib_socket(raw))
        finally:
            # Who took the database over has put a socket of its own there.
            with suppress(FileNotFoundError):
                if os.path.samestat(ours, path.stat()):
                    path.unlink()


async def connect(path: Path) -> trio.SocketStream:
    """Connect to the socket at ``path``. Raises OSError."""
    with _short(path) as address:
        return await trio.open_unix_socket(address)


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name for ``path`` that fits into a socket address (108 bytes on Linux), however deep its folder lies."""
    if len(os.fsencode(path)) < 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


async def _read_line(stream: trio.SocketStream) -> bytes:
    """The next line without its end; empty when the peer has gone or sends no end."""
    line = b""
    while not line.endswith(b"\n") and len(line) < LINE_LIMIT:
        chunk = await stream.receive_some()
        if not chunk:
            return b""
        line += chunk
    return line.rstrip(b"\n")
