"""Orphaned spools, on request: what can still be right of them is recorded.

A spool is orphaned when others owned the database after its writer: what they recorded may contradict it, so it is not drained by itself (promise P10). Messages and their
deletions say their own time and key; they can be recorded at any time, and are known if they were recorded already. Everything else, as who entered
a voice channel, depends on what was recorded before and after, and is left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import trio

from mocha_actors.db import dead_letters
from mocha_actors.db.connection import Connection
from mocha_actors.db.spool import BatchRecord, Spool, batch_of
from mocha_actors.errors import ConfigError
from mocha_actors.pipeline.batch import DeadLetter
from mocha_actors.pipeline.facts import Fact, MessageDetails, MessagesDeleted, MessageSent
from mocha_actors.privacy.audit import AuditEntry, note
from mocha_actors.privacy.desk import Desk

ORDERLESS: Final = (MessageSent, MessageDetails, MessagesDeleted)

PIECE: Final = 500
"""Facts of one transaction: some milliseconds."""

MARK: Final = ".orphan-"
NO_LIMIT: Final = 1 << 62


class Replayed(NamedTuple):
    """What a replay came to.

    Attributes:
        facts: offered to the database, those that it held already included.
        letters: dead letters that were added.
        left_out: facts that depend on their neighbours, by type.

    """

    facts: int
    letters: int
    left_out: dict[str, int]


class Content(NamedTuple):
    """What a spool holds, sorted by whether it can still be recorded."""

    facts: list[Fact]
    letters: list[dead_letters.Row]
    left_out: Counter[str]


def content_of(path: Path) -> Content:
    """Read an orphaned spool. Blocks.

    Raises:
        ConfigError: it is none.
        SpoolUnwritableError: it cannot be opened, or is no spool.

    """
    if MARK not in path.name or not path.is_file():
        msg = f"{path} is no orphaned spool; one is named as in mocha.db.spool{MARK}1, and the log tells where (spool.orphaned)"
        raise ConfigError(msg)
    spool = Spool.open(path, NO_LIMIT)
    try:
        return _sorted_out(record for record in spool.records() if isinstance(record, BatchRecord))
    finally:
        spool.close()


def _sorted_out(records: Iterator[BatchRecord]) -> Content:
    content = Content([], [], Counter())
    for record in records:
        batch = batch_of(record)
        for index, outcome in enumerate(batch.outcomes):
            if isinstance(outcome, DeadLetter):
                content.letters.append(dead_letters.row_of(batch, index, outcome))
                continue
            for fact in outcome or ():
                if isinstance(fact, ORDERLESS):
                    content.facts.append(fact)
                else:
                    content.left_out[type(fact).__name__] += 1
    return content


async def replay(
    desk: Desk, path: Path, *, actor: str, now_ms: int, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> Replayed:
    """Record what can be of the spool at ``path``, and give the file another name. Doing it again does no harm.

    Raises:
        ConfigError: it is no orphaned spool.
        MochaError: the database is not available; call again.

    """
    content = await trio.to_thread.run_sync(content_of, path)
    rest, done = iter(content.facts), 0
    while piece := tuple(islice(rest, PIECE)):
        progress(done, len(content.facts))
        await desk.facts(piece)
        done += len(piece)
    detail = f"{path.name}: {done} facts, {len(content.letters)} dead letters, {content.left_out.total()} left out"
    await desk.chore(partial(_finish, content.letters, AuditEntry(now_ms, actor, "replay_spool", None, detail)))
    await trio.to_thread.run_sync(path.rename, path.with_name(f"{path.name}.replayed"))
    return Replayed(done, len(content.letters), dict(content.left_out))


def _finish(letters: Sequence[dead_letters.Row], entry: AuditEntry, connection: Connection) -> int:
    dead_letters.insert(connection, letters)
    note(connection, entry)
    return len(letters)
