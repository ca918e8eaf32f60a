"""Structured logs: structlog set up for machines or people, redaction, and the list of every event that Mocha logs.

A log line is an event name that never changes its meaning, and fields. The names are listed in :data:`EVENTS`; a test holds the program to
the list. Secrets are taken out twice: by the name of the field, and by value wherever a registered secret turns up in the rendered line.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import structlog

from mocha_actors.errors import ConfigError

EVENTS: Final[dict[str, str]] = {
    "service.started": "the tree is up: version, database, shards",
    "service.stopping": "a shutdown began: reason",
    "service.stopped": "everything received is committed, or not: clean, reason, seconds",
    "ownership.taken_over": "the database is taken away from a process that lives: database, owner",
    "ownership.acquired": "this process owns the shards: epoch",
    "database.opened": "the database is open: path, schema_version",
    "database.checked": "the database was looked through, since the owner before did not end by itself: path, result (ok, unfinished, damaged), seconds",
    "database.migrated": "migrations were applied: path, from_version, to_version",
    "writer.committed": "a transaction, or a part of the spool, is durable: events, repeated, spooled, batches, seconds (debug)",
    "writer.retrying": "the database refused a transaction, which is tried again: attempt, delay, error",
    "writer.log_kept": "the write-ahead log could not be emptied now: error (debug)",
    "writer.log_unknown": "how long the write-ahead log is could not be read: error (debug)",
    "writer.log_moved": "the write-ahead log was moved into the database: pages, left (because of a reader), seconds (debug)",
    "spool.started": "the database is away, the spool takes over: error",
    "spool.full": "the spool takes no more, so nothing is received until the database is back: error",
    "spool.drained": "a part of the spool is in the database: records, left_bytes (debug)",
    "spool.emptied": "everything of the spool is in the database: path",
    "spool.found": "an earlier run left a spool, which is drained first: path, bytes",
    "spool.orphaned": "the spool is of an owner that others followed; it is kept and not replayed: path, bytes",
    "writer.dead_letter": "entries became dead letters: count, unwritable",
    "batch.stuck": "entries had no outcome in time: shard, seq, entries, action (resubmit, give up)",
    "processor.degraded": "a processor fails so often that it stops restarting and sets failing entries aside: kind, error",
    "processor.recovered": "a degraded processor was quiet long enough: kind",
    "janitor.done": "maintenance was done: job, pieces",
    "janitor.postponed": "maintenance could not be done now and is tried again in the next round: job, error",
    "cache.shrunk": "the process uses more memory than it may, so the caches gave some back: used_mb, limit_mb, share, evicted",
    "cache.failed": "the cache did not answer, so the database is asked: error",
    "host.ready": "the bot that Mocha lives in has a new session: shard, dropped",
    "host.disconnected": "its connection was lost: shard, dropped",
    "host.resumed": "its session goes on: shard, dropped",
    "feed.full": "its events are not taken for want of room; that time becomes a coverage gap: shard, dropped",
    "callback.failed": "a host's callback for events raised: of, exception",
    "command.failed": "a command of the ready-made ones had no answer; whoever gave it was told so: command, exception",
    "command.unanswered": "Discord did not take the answer to a command: command, error",
    "command.not_drawn": "a chart could not be drawn, and the answer goes without: of, exception",
    "command.not_registered": "Discord did not take a command: command, error",
    "record.refused": "events that were to be recorded could not be: count, events, first",
    "stats.not_renewed": "an answer could not be read anew before its time is over; the next one who asks waits for it: question, error",
    "stats.failed": "a query raised what it should not; whoever asked was told: question, exception",
    "shard.connecting": "a connection is being opened: shard, resuming, failures",
    "shard.identified": "IDENTIFY was sent: shard",
    "shard.ready": "a new session exists: shard, guilds, reason",
    "shard.resuming": "RESUME was sent: shard, seq",
    "shard.resumed": "the replay is complete: shard, seq",
    "shard.disconnected": "a connection ended or did not come about: shard, code, reason, delay",
    "shard.session_lost": "a session cannot be continued; a coverage gap is stored: shard, reason, seq",
    "shard.unanswered": "neither READY nor RESUMED has come yet, though heartbeats are acknowledged: shard, seconds",
    "shard.fatal": "Discord refused the shard for good: shard, code, reason",
    "gateway.seq_gap": "sequence numbers were skipped: shard, expected, found",
    "gateway.loop_lag": "a timer fired late, because something held the event loop: shard, seconds",
    "gateway.misrouted": "dispatches about guilds of another shard came: shard, count, total",
    "gateway.shard_count": "Discord may refuse the configured number of shards: shards, recommended, reason",
    "gateway.unavailable": "Discord's API does not answer how many shards to run: delay, reason",
    "gateway.unknown_event": "an event that this version does not know, told once: shard, name",
    "gateway.unknown_opcode": "an opcode that this version does not know: shard, opcode",
    "identify.budget_exhausted": "the budget of identifies makes shards wait: delay, remaining, shards",
    "child.started": "an actor runs: path, incarnation",
    "child.exited": "an actor ended: path, incarnation, outcome, error, uptime",
    "child.restarting": "an actor will be restarted: path, delay, restarts",
    "child.parked": "an actor failed too often and stays down: path",
    "child.stopped": "an actor was stopped: path",
    "child.stuck": "an actor was cancelled and does not end: path, seconds",
    "supervisor.escalated": "a supervisor gave up: path, error",
    "supervisor.stopped": "a supervisor and its children are down: path",
    "mailbox.overflow": "a full mailbox refused messages: path, policy",
    "message.dead": "messages could not be delivered or handled: path, reason, count",
    "message.poison": "a message failed in every incarnation: path",
    "message.slow": "one step of a handler blocked the loop: path, seconds",
    "ask.timeout": "a question was not answered in time: path, seconds",
    "breaker.opened": "calls to a dependency are refused: breaker, retry_after",
    "breaker.half_opened": "probes are let through: breaker",
    "breaker.closed": "the dependency works again: breaker",
    "shutdown.phase": "the shutdown entered a phase: phase",
    "runtime.report": "the runtime has something to say that is no event, as that an actor hangs: text, exception",
    "simulator.started": "the simulated Discord listens: api_url, gateway_url",
    "simulator.past_kept": "its ledger goes on with the past that it began with, of which this is not what the settings say: days, messages, seed, profile, …",
    "past.loaded": "what had happened before the simulated Discord was started is recorded: events, facts, ignored",
    "simulator.exited": "the simulated Discord ended by itself: status",
}
"""Every event name that Mocha logs, with what it means and the fields it carries."""

SECRET_KEYS: Final = frozenset({"token", "authorization", "session_id", "password", "resume_url", "resume_gateway_url"})
REDACTED: Final = "<secret>"
SHORTEST_SECRET: Final = 8
"""Characters; a bot token has about seventy."""

_secrets: set[str] = set()
_files: list[TextIO] = []


def add_secret(value: str) -> None:
    """Take ``value`` out of every line logged from now on, wherever in the line it stands.

    What is shorter than :data:`SHORTEST_SECRET` protects nothing, and would take pieces of ordinary words away.
    """
    if len(value) >= SHORTEST_SECRET:
        _secrets.add(value)


def redact_keys(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of fields that by their name are secret; nested mappings included."""
    for key, value in event.items():
        if key.lower() in SECRET_KEYS:
            event[key] = REDACTED
        elif isinstance(value, MutableMapping):
            redact_keys(None, "", value)
    return event


def redact_text(text: str) -> str:
    """``text`` without any registered secret."""
    for secret in _secrets:
        text = text.replace(secret, REDACTED)
    return text


class _Relay(logging.Handler):
    """Brings what the runtime says by the standard ``logging`` into the structured log: it has no structlog to say it with."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, "runtime.report", text=record.getMessage(), exc_info=record.exc_info)


RUNTIME: Final = logging.getLogger("mocha_actors.runtime")
_RELAY: Final = _Relay()


class _Scrubbed:
    """A text stream that never passes on a registered secret."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(redact_text(text))

    def flush(self) -> None:
        self._stream.flush()


def configure(
    style: Literal["json", "console"] = "console",
    level: str = "info",
    file: str | None = None,
    *,
    stream: TextIO | None = None,
) -> None:
    """Set structlog up for this process.

    Args:
        style: ``json``, a line an object; ``console``, for people, in colours where the stream is a terminal.
        level: the least level that is written.
        file: a file to append to, made with mode 0600; ``stream`` (standard error by default) when None.
        stream: where to write when ``file`` is None.

    Raises:
        ConfigError: the file cannot be opened.

    """
    close()
    out = _open(file) if file is not None else (stream or sys.stderr)
    render: Any = structlog.processors.JSONRenderer(default=repr)
    if style == "console":
        # The default formatter shows the local variables of each frame, and with them whatever secrets they hold.
        plain = structlog.dev.plain_traceback
        render = structlog.dev.ConsoleRenderer(colors=file is None and out.isatty(), exception_formatter=plain)
    tracebacks = [structlog.processors.format_exc_info] if style == "json" else []
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact_keys,
            *tracebacks,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(_Scrubbed(out)),  # type: ignore[arg-type]  # it asks for a TextIO and uses write and flush
        cache_logger_on_first_use=False,
    )
    RUNTIME.addHandler(_RELAY)
    RUNTIME.propagate = False


def close() -> None:
    """End what :func:`configure` began: close the log file, if there is one; what is logged afterwards goes to standard error."""
    RUNTIME.removeHandler(_RELAY)
    RUNTIME.propagate = True
    while _files:
        structlog.reset_defaults()
        _files.pop().close()


def unlisted(names: Iterable[str]) -> set[str]:
    """Those of ``names`` that :data:`EVENTS` does not list."""
    return set(names) - EVENTS.keys()


def _open(file: str) -> TextIO:
    try:
        path = Path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        stream = path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        msg = f"logging.file: cannot write {file}: {error.strerror}"
        raise ConfigError(msg) from None
    _files.append(stream)
    return stream
