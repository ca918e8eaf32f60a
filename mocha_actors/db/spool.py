"""The spool: the writer's own log for the time in which the database takes nothing (promise P5).

A file of records, each behind its length and its CRC, appended and fsynced in groups. What stands in it is durable: it may be acknowledged to
Discord and survives a crash. A crash in the middle of an append leaves a torn tail, which the next opening cuts off; nothing behind a damaged
record is believed. The records are drained from the front; when the last one is, the file is emptied. Where draining stood is
not recorded, since the database knows it: a batch that it holds is passed over.

Records hold settled facts, never frames, hence no content and no tokens but the session ids that a RESUME needs; the file has mode 0600.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec

from mocha_actors.errors import SystemFailure, TransientError
from mocha_actors.pipeline.batch import Batch, DeadLetter
from mocha_actors.pipeline.facts import Fact

MAGIC: Final = b"MOCHA-SPOOL-1\n"
FRAME: Final = struct.Struct("<II")
"""Before each record: its length in bytes, and the CRC-32 of its bytes."""

PRIVATE: Final = 0o600


class SpoolFullError(TransientError):
    """The spool has reached its limit, or the file system takes no more: nothing of the records counts as written."""


class SpoolUnwritableError(SystemFailure):
    """The spool's file cannot be opened or read, or is none."""


class SpooledEvent(msgspec.Struct, frozen=True, gc=False):
    """What is left of an event once it is settled: its name and number."""

    t: str
    s: int


class Entry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One settled entry: its event, and its facts or its dead letter."""

    t: str
    s: int
    facts: tuple[Fact, ...]
    letter: DeadLetter | None


class Record(msgspec.Struct, frozen=True, tag_field="record", tag=True):
    """Base of what the spool holds."""


class OwnerRecord(Record, frozen=True):
    """Whose records follow: the epoch of the ownership. If somebody else has owned the database since, they are not replayed."""

    epoch: int


class BatchRecord(Record, frozen=True):
    """A settled batch. ``latest_ms`` is evidence that its session was followed; the session id is secret."""

    shard: int
    session_id: str
    received_ms: int
    latest_ms: int
    entries: tuple[Entry, ...]

    def __repr__(self) -> str:
        return f"BatchRecord(shard={self.shard}, session_id=<secret>, entries={len(self.entries)})"


class InvalidRecord(Record, frozen=True):
    """Discord refused a session, whose id is secret."""

    shard: int
    session_id: str

    def __repr__(self) -> str:
        return f"InvalidRecord(shard={self.shard}, session_id=<secret>)"


class AliveRecord(Record, frozen=True):
    """Evidence that a shard's session was alive."""

    shard: int
    at_ms: int


class ClaimRecord(Record, frozen=True):
    """An IDENTIFY that was allowed: it counts against the budget."""

    shard: int
    application_id: int
    at_ms: int


AnyRecord = OwnerRecord | BatchRecord | InvalidRecord | AliveRecord | ClaimRecord

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(AnyRecord)


def record_of(batch: Batch) -> BatchRecord:
    """A settled batch as a record. Raises ValueError when an entry is open."""
    if not batch.settled:
        msg = "only a settled batch can be spooled"
        raise ValueError(msg)
    entries = tuple(
        Entry(event.t, event.s, (), outcome) if isinstance(outcome, DeadLetter) else Entry(event.t, event.s, outcome or (), None)
        for event, outcome in zip(batch.events, batch.outcomes, strict=True)
    )  # fmt: skip
    return BatchRecord(batch.shard, batch.session_id, batch.received_ms, batch.latest_ms, entries)


def batch_of(record: BatchRecord) -> Batch:
    """The batch of a record, settled as it was. Its stamp is the latest moment, so it gives the same evidence as the original."""
    events = [SpooledEvent(entry.t, entry.s) for entry in record.entries]
    batch = Batch(record.shard, record.session_id, events, received_at=0.0, received_ms=record.latest_ms, size=0)  # type: ignore[arg-type]  # a settled event is only its name and number
    for index, entry in enumerate(record.entries):
        batch.settle(index, entry.facts if entry.letter is None else entry.letter)
    return batch


class Located(NamedTuple):
    """A record, and the position in the file behind it."""

    record: AnyRecord
    end: int


class Spool:
    """The file, for one process and one thread at a time; every call blocks.

    Attributes:
        path: of the file, which exists only while it holds something.
        limit: bytes that it may grow to.
        size: bytes that wait to be drained.

    """

    def __init__(self, path: Path, limit: int, file: int, start: int, end: int) -> None:
        """See :meth:`open`."""
        self.path, self.limit = path, limit
        self._file, self._start, self._end = file, start, end

    @classmethod
    def open(cls, path: Path, limit: int) -> Self:
        """Open the spool at ``path``, which need not exist, and cut off a torn tail.

        Raises:
            SpoolUnwritableError: the file cannot be opened, or is no spool.

        """
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        except OSError as error:
            raise unusable(path, error) from None
        try:
            end = _prepare(path, file)
        except BaseException:
            os.close(file)
            raise
        return cls(path, limit, file, len(MAGIC), end)

    @property
    def size(self) -> int:
        """Bytes that wait to be drained."""
        return self._end - self._start

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._end == self._start

    def append(self, records: Sequence[AnyRecord]) -> int:
        """Write as many of ``records`` as there is room for behind the others, make them durable, and return how many they are.

        Raises:
            SpoolFullError: there is no room for the first, or the file system does not take them.

        """
        frames = list(takewhile_fits(map(frame, records), self.limit - self._end))
        if records and not frames:
            msg = f"the spool {self.path} is full: it holds {self._end:,} of {self.limit:,} bytes"
            raise SpoolFullError(msg)
        data = b"".join(frames)
        try:
            _write_all(self._file, data, self._end)
            os.fsync(self._file)
        except OSError as error:
            # What was written of it is behind the end: the next append writes over it, the next opening cuts it off.
            raise SpoolFullError(f"the spool {self.path} takes no more: {error.strerror or error}") from error
        self._end += len(data)
        return len(frames)

    def front(self, max_bytes: int = 4 << 20) -> list[Located]:
        """The first records that wait: about ``max_bytes`` of them, at least one if there is any."""
        found = []
        for located in _scan(self._file, self._start, self._end):
            found.append(located)
            if located.end - self._start >= max_bytes:
                break
        return found

    def drained(self, end: int) -> None:
        """Everything before the position ``end`` (of :class:`Located`) is in the database; an emptied file is cut to nothing.

        Raises:
            SpoolUnwritableError: the file system does not let it be cut.

        """
        self._start = end
        if self._start < self._end:
            return
        try:
            os.ftruncate(self._file, len(MAGIC))
            os.fsync(self._file)
        except OSError as error:
            raise unusable(self.path, error) from error
        self._start = self._end = len(MAGIC)

    def records(self) -> Iterator[AnyRecord]:
        """Everything that waits, in order."""
        return (located.record for located in _scan(self._file, self._start, self._end))

    def close(self) -> None:
        """Close the file; an empty one is removed, if it still is ours."""
        try:
            if self.empty and os.path.samestat(os.fstat(self._file), self.path.stat()):
                self.path.unlink()
        except FileNotFoundError:
            return
        finally:
            os.close(self._file)


def takewhile_fits(frames: Iterable[bytes], room: int) -> Iterator[bytes]:
    """The first of ``frames`` that fit into ``room`` bytes together."""
    for data in frames:
        room -= len(data)
        if room < 0:
            return
        yield data


def frame(record: AnyRecord) -> bytes:
    """A record as it stands in the file."""
    data = _encoder.encode(record)
    return FRAME.pack(len(data), zlib.crc32(data)) + data


def unusable(path: Path, error: OSError) -> SpoolUnwritableError:
    """The error for what the operating system says."""
    return SpoolUnwritableError(f"the spool {path} cannot be used: {error.strerror or error}")


def _prepare(path: Path, file: int) -> int:
    """Check the beginning of the file, or write it; cut off what is torn. Returns the end of what is whole."""
    try:
        head = os.pread(file, len(MAGIC), 0)
        if not MAGIC.startswith(head):
            msg = f"{path} is not a spool of this version of Mocha; move it away, or set database.spool_path to another path"
            raise SpoolUnwritableError(msg)
        if head != MAGIC:
            _write_all(file, MAGIC, 0)
        end = len(MAGIC)
        for located in _scan(file, end, os.fstat(file).st_size):
            end = located.end
        os.ftruncate(file, end)
        os.fsync(file)
    except OSError as error:
        raise unusable(path, error) from error
    return end


def _scan(file: int, start: int, end: int) -> Iterator[Located]:
    """The records from ``start`` on, up to the first that is torn or damaged, or to ``end``."""
    while start + FRAME.size <= end:
        length, crc = FRAME.unpack(os.pread(file, FRAME.size, start))
        stop = start + FRAME.size + length
        if stop > end:
            return
        data = os.pread(file, length, start + FRAME.size)
        if len(data) < length or zlib.crc32(data) != crc:
            return
        try:
            record: AnyRecord = _decoder.decode(data)
        except msgspec.MsgspecError:
            return
        yield Located(record, stop)
        start = stop


def _write_all(file: int, data: bytes, position: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, position)
        view, position = view[written:], position + written
