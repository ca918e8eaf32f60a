"""The spool: what is appended is durable, in order, and nothing behind a damage is believed."""

from __future__ import annotations

import stat
import zlib
from collections.abc import Iterator
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mocha_actors.db import spool as module
from mocha_actors.db.spool import (
    MAGIC,
    AliveRecord,
    BatchRecord,
    ClaimRecord,
    InvalidRecord,
    OwnerRecord,
    Spool,
    SpoolFullError,
    SpoolUnwritableError,
    batch_of,
    frame,
    record_of,
)
from mocha_actors.pipeline.batch import IGNORED, DeadLetter
from tests.db.builders import NOON_MS, message, ready, settled, unsettled

LIMIT = 1 << 20


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """An empty spool."""
    with closing(Spool.open(tmp_path / "spool", LIMIT)) as spool:
        yield spool


def alive(n: int) -> AliveRecord:
    """A record; ``n`` tells them apart."""
    return AliveRecord(0, n)


def test_records_come_back_in_order_after_another_opening(tmp_path: Path) -> None:
    """Closing is not needed for that: a process that is killed closes nothing."""
    first = Spool.open(tmp_path / "spool", LIMIT)
    records = [OwnerRecord(3), alive(1), ClaimRecord(0, 8, 5), InvalidRecord(0, "session"), alive(2)]
    first.append(records[:2])
    first.append(records[2:])

    with closing(Spool.open(tmp_path / "spool", LIMIT)) as again:
        assert records == list(again.records())


def test_a_batch_comes_back_as_it_was_settled(spool: Spool) -> None:
    """Facts, ignored entries, dead letters, numbers and the evidence of life."""
    letter = DeadLetter("invalid", "ValueError: no", b"{}")
    original = settled(7, [(message(1), message(2)), IGNORED, letter], shard=4, session="secret", at_ms=NOON_MS)
    spool.append([record_of(original)])

    (record,) = spool.records()
    assert isinstance(record, BatchRecord)
    copy = batch_of(record)
    assert (4, "secret", 7, 9, NOON_MS) == (
        copy.shard, copy.session_id, copy.first_seq, copy.last_seq, copy.latest_ms
    )  # fmt: skip
    assert original.outcomes == copy.outcomes
    assert [event.t for event in original.events] == [event.t for event in copy.events]
    assert copy.settled


def test_the_start_of_a_session_comes_back(spool: Spool) -> None:
    """READY is a record as any other."""
    spool.append([record_of(ready("the-session"))])

    (record,) = spool.records()
    assert ready("the-session").outcomes == batch_of(record).outcomes  # type: ignore[arg-type]


def test_an_open_batch_cannot_be_spooled() -> None:
    """What is not settled is not durable."""
    with pytest.raises(ValueError, match="settled"):
        record_of(unsettled(1, 1))


@pytest.mark.parametrize("lost", range(1, len(frame(alive(2))) + 1))
def test_a_torn_tail_is_cut_off(tmp_path: Path, lost: int) -> None:
    """Wherever the crash cut the last record, those before it stand, and the next append follows them."""
    path = tmp_path / "spool"
    path.write_bytes(MAGIC + frame(alive(1)) + frame(alive(2))[:-lost])

    with closing(Spool.open(path, LIMIT)) as spool:
        assert [alive(1)] == list(spool.records())
        spool.append([alive(3)])
        assert [alive(1), alive(3)] == list(spool.records())


@given(st.integers(0, 200), st.integers(1, 255))
def test_nothing_behind_a_damaged_record_is_believed(
    tmp_path_factory: pytest.TempPathFactory, at: int, flip: int
) -> None:
    """A flipped byte anywhere leaves a prefix of what was written, or a refusal of the whole file."""
    path = tmp_path_factory.mktemp("spool") / "spool"
    records = [alive(n) for n in range(4)]
    data = bytearray(MAGIC + b"".join(map(frame, records)))
    data[at % len(data)] ^= flip
    path.write_bytes(data)
    try:
        with closing(Spool.open(path, LIMIT)) as spool:
            found = list(spool.records())
    except SpoolUnwritableError:
        assert at % len(data) < len(MAGIC)
    else:
        assert records[: len(found)] == found
        assert len(found) < len(records)


def test_a_record_of_another_shape_is_not_believed(tmp_path: Path) -> None:
    """A right checksum does not make sense of what it sums."""
    path = tmp_path / "spool"
    path.write_bytes(MAGIC + module.FRAME.pack(1, zlib.crc32(b"\xc0")) + b"\xc0")

    with closing(Spool.open(path, LIMIT)) as spool:
        assert spool.empty


def test_a_full_spool_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    """What has room of an append is written and counted; without room for the first it is refused."""
    with closing(Spool.open(tmp_path / "spool", len(MAGIC) + 2 * len(frame(alive(1))))) as spool:
        assert 1 == spool.append([alive(1)])
        assert 1 == spool.append([alive(2), alive(3)])
        with pytest.raises(SpoolFullError, match="full"):
            spool.append([alive(3)])

        assert [alive(1), alive(2)] == list(spool.records())


def test_an_emptied_spool_has_its_whole_room_again(tmp_path: Path) -> None:
    """Draining the last record cuts the file."""
    with closing(Spool.open(tmp_path / "spool", len(MAGIC) + len(frame(alive(1))))) as spool:
        spool.append([alive(1)])
        spool.drained(spool.front()[-1].end)

        assert spool.empty
        spool.append([alive(2)])
        assert [alive(2)] == list(spool.records())


def test_only_its_owner_can_read_it(spool: Spool) -> None:
    """It holds session ids."""
    assert 0o600 == stat.S_IMODE(spool.path.stat().st_mode)


def test_an_empty_spool_leaves_no_file(tmp_path: Path) -> None:
    """Nothing is left behind by a run that never needed it."""
    Spool.open(tmp_path / "spool", LIMIT).close()

    assert [] == list(tmp_path.iterdir())


def test_another_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    """The path may be a mistake."""
    path = tmp_path / "spool"
    path.write_text("precious notes\n")

    with pytest.raises(SpoolUnwritableError, match="not a spool"):
        Spool.open(path, LIMIT)
    assert "precious notes\n" == path.read_text()


def test_a_path_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """The error says which and why."""
    with pytest.raises(SpoolUnwritableError, match=r"missing/spool cannot be used: No such file"):
        Spool.open(tmp_path / "missing" / "spool", LIMIT)


def test_secrets_do_not_show() -> None:
    """The repr of a record names no session."""
    text = repr([record_of(ready("hidden")), InvalidRecord(1, "hidden")])

    assert "hidden" not in text


class SpoolMachine(RuleBasedStateMachine):
    """Appends, drains, crashes in the middle of an append: the spool equals a list."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._path = Path(self._folder.name) / "spool"
        self._spool = Spool.open(self._path, LIMIT)
        self._written: list[AliveRecord] = []
        self._drained = 0
        self._next = 0

    def _new(self, count: int) -> list[AliveRecord]:
        self._next += count
        return [alive(n) for n in range(self._next - count, self._next)]

    @rule(count=st.integers(1, 5))
    def append(self, count: int) -> None:
        """What is appended waits."""
        records = self._new(count)
        self._spool.append(records)
        self._written += records

    @precondition(lambda self: len(self._written) > self._drained)
    @rule(share=st.integers(1, 200))
    def drain(self, share: int) -> None:
        """What is drained is gone from the front; when nothing is left, the file is emptied."""
        front = self._spool.front(share)
        assert self._written[self._drained :][: len(front)] == [located.record for located in front]
        self._spool.drained(front[-1].end)
        self._drained += len(front)
        if self._drained == len(self._written):
            self._written, self._drained = [], 0

    @rule(count=st.integers(1, 3), kept=st.integers(0, 60))
    def crash_while_appending(self, count: int, kept: int) -> None:
        """Whole records are there, a torn one is not; what was drained in part is there again, since only the database knows of it."""
        records = self._new(count)
        with self._path.open("ab") as file:
            file.write(b"".join(map(frame, records))[:kept])
        self._spool = Spool.open(self._path, LIMIT)
        ends = accumulate(len(frame(record)) for record in records)
        self._written += [record for record, end in zip(records, ends, strict=True) if end <= kept]
        self._drained = 0

    @invariant()
    def equals_the_model(self) -> None:
        """In order, nothing more and nothing less."""
        assert self._written[self._drained :] == list(self._spool.records())
        assert self._spool.empty == (len(self._written) == self._drained)

    def teardown(self) -> None:
        """Close the file."""
        self._spool.close()
        self._folder.cleanup()


TestSpool = SpoolMachine.TestCase
