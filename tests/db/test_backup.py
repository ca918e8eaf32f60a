"""Back-ups hold one moment, whole, and are for their owner's eyes."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from mocha_actors.db import backup
from mocha_actors.db.address import database_address
from mocha_actors.db.apply import Applier
from mocha_actors.db.backup import back_up, file_of
from mocha_actors.db.errors import DatabaseDamagedError, DatabaseOpenError
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.session import Session
from mocha_actors.errors import ConfigError
from tests.db.builders import NOON_MS, begin, connected, everything, message, open_session, ready, rows, settled
from tests.db.test_integrity import damage
from tests.privacy.recorded import assert_verified

SIZE = 50


@pytest.fixture
def session(path: Path) -> Iterator[Session]:
    """A database with a session of which nothing is recorded yet."""
    with open_session(path) as session:
        begin(session, ready())
        yield session


def write(session: Session, number: int, applier: Applier) -> None:
    """Commit a batch of messages, which moves s to behind them."""
    outcomes = [(message(n, at_ms=NOON_MS + number, user=SIZE * number + n + 1),) for n in range(SIZE)]
    applier.apply(session, [settled(2 + SIZE * number, outcomes)])


def test_a_backup_equals_the_database(path: Path, session: Session, tmp_path: Path) -> None:
    """What is in the write-ahead log only is in it too; it is one file, which only its owner can read."""
    write(session, 0, Applier(projections(), 1))
    target = tmp_path / "copy.db"

    done = back_up(path, target)

    assert everything(target) == everything(path)
    assert done == (target.stat().st_size, {0: 1 + SIZE})
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(tmp_path.glob("copy*")) == [target]


def test_a_backup_under_writes_is_of_one_moment(
    path: Path, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every copy the last s and the number of messages agree, though pages are copied one by one while somebody writes."""
    monkeypatch.setattr(backup, "PAGES", 1)
    applier, numbers = Applier(projections(), 1), count()
    moments = []
    for copy in range(3):
        target = tmp_path / f"copy-{copy}.db"
        done = back_up(path, target, lambda _done, _of: write(session, next(numbers), applier))
        (seq,) = done.shards.values()
        assert len(rows(target, "message_events")) == max(0, seq - 1)
        assert rows(target, "gateway_sessions", "seq") == [(seq,)]
        assert_verified(f"sqlite:///{target}") if seq > 1 else None
        moments.append(seq)
        assert len(rows(path, "message_events")) > max(0, seq - 1) + 3 * SIZE, "nobody wrote meanwhile"

    assert moments == sorted(set(moments))


def test_a_name_that_is_taken_is_refused_and_left_alone(path: Path, session: Session, tmp_path: Path) -> None:
    """Also one of a copy under way."""
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(ConfigError, match="exists already; give another name"):
        back_up(path, target)
    assert target.read_text() == "mine"
    (tmp_path / "other.db.part").touch()
    with pytest.raises(ConfigError, match="another back-up is under way, or one was interrupted"):
        back_up(path, tmp_path / "other.db")


@pytest.mark.parametrize("name", ["none.db", "text.db"])
def test_what_is_no_database_is_refused(tmp_path: Path, name: str) -> None:
    """And nothing is left behind."""
    (tmp_path / "text.db").write_text("no database at all")

    with pytest.raises(DatabaseOpenError):
        back_up(tmp_path / name, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))


def test_a_folder_that_is_not_there_is_one_sentence(path: Path, session: Session, tmp_path: Path) -> None:
    """It is not made: that may be a disk which is not mounted."""
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        back_up(path, tmp_path / "none" / "copy.db")


def test_a_damaged_database_gives_no_backup(path: Path, tmp_path: Path) -> None:
    """Somebody would rely on it."""
    with open_session(path) as session:
        begin(session, ready())
        write(session, 0, Applier(projections(), 1))
    damage(path)

    with pytest.raises(DatabaseDamagedError):
        back_up(path, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))


def test_the_writer_does_not_wait_for_a_backup(path: Path, session: Session, tmp_path: Path) -> None:
    """A transaction is committed while the copy is in its middle, on another thread."""
    write(session, 0, Applier(projections(), 1))
    reached, go_on = threading.Event(), threading.Event()

    def pause(_done: int, _of: int) -> None:
        reached.set()
        assert go_on.wait(30)

    thread = threading.Thread(target=back_up, args=(path, tmp_path / "copy.db", pause))
    thread.start()
    assert reached.wait(30)
    write(session, 1, Applier(projections(), 1))
    go_on.set()
    thread.join()

    with connected(path) as connection:
        assert connection.execute("SELECT COUNT(*) FROM message_events").fetchone() == (2 * SIZE,)
    assert len(rows(tmp_path / "copy.db", "message_events")) == SIZE


def test_a_server_is_backed_up_by_its_own_tools() -> None:
    """The sentence names them, and no password."""
    with pytest.raises(ConfigError, match=r"postgresql://ada@db/mocha is backed up and restored by .* pg_dump"):
        file_of(database_address("postgresql://ada:hunter2hunter2@db/mocha"))
