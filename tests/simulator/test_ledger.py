"""Rules of `mocha_actors.simulator.ledger` and `mocha_actors.simulator.restore`."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocha_actors.simulator.errors import SimulatorError
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.ledger import Ledger, _open_alone, take_index
from mocha_actors.simulator.registry import SessionRegistry
from mocha_actors.simulator.restore import restore_sessions
from mocha_actors.simulator.server import open_simulator
from mocha_actors.simulator.session import UNSEEN, Session
from mocha_actors.simulator.settings import SimulatorSettings

SETTINGS = SimulatorSettings()
RESUMED = Event(b"RESUMED", 0, 0, b"{}")


def make(session_id: str, shard: int = 0, shards: int = 1) -> Session:
    """Make an empty session."""
    return Session(session_id, shard, shards, 513, max_events=1000, max_bytes=1 << 20)


def event(text: str) -> Event:
    """Make an event with this text."""
    return Event(b"MESSAGE_CREATE", 0, 0, json.dumps({"content": text}, ensure_ascii=False).encode())


def write(ledger: Ledger, session: Session, *texts: str) -> None:
    """Dispatch events and write them down; the first call of a session opens it."""
    if not session.last_seq:
        ledger.open_session(session)
    ledger.write(session, session.dispatch([event(text) for text in texts]), 1.5)


def restore(path: Path, now: float = 0.0) -> dict[str, Session]:
    """Open the ledger as a later simulator would, and close it again."""
    ledger = Ledger(path)
    try:
        registry = SessionRegistry(SETTINGS, lambda: "unused", ledger.end_session)
        return {session.id: session for session in restore_sessions(ledger, registry, now)}
    finally:
        ledger.close()


def test_each_dispatch_is_one_line_of_json(tmp_path: Path) -> None:
    """A line names time, shard, session and the whole frame; a repeated one says so."""
    ledger, session = Ledger(tmp_path / "ledger.jsonl"), make("abc", 1, 2)
    frames = session.dispatch([event("a\n"), event("b")])
    ledger.write(session, frames, 12.25)
    ledger.write(session, frames[1:], 13.0, replay=True)
    ledger.close()

    lines = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    frame = {"t": "MESSAGE_CREATE", "s": 2, "op": 0, "d": {"content": "b"}}
    assert lines[0]["frame"]["d"] == {"content": "a\n"}
    assert lines[1] == {"at": 12.25, "shard": 1, "session": "abc", "frame": frame}
    assert lines[2] == {"at": 13.0, "shard": 1, "session": "abc", "replay": True, "frame": frame}
    assert len(lines) == 3


def test_both_files_are_readable_for_their_owner_alone(tmp_path: Path) -> None:
    """They hold session ids; a file that was there before loses its looser mode too."""
    path = tmp_path / "ledger.jsonl"
    path.touch(0o644)
    Ledger(path).close()
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 2


def test_a_session_comes_back_as_it_was(tmp_path: Path) -> None:
    """Number, shard, intents and every frame survive the simulator, and so do the holes of earlier RESUMEDs."""
    ledger, session = Ledger(tmp_path / "l"), make("abc", 1, 2)
    write(ledger, session, "a", "}{", "line \u2028 separator")
    ledger.write(session, [session.dispatch_unseen(RESUMED)], 2.0)
    ledger.write(session, session.after(1, 1), 2.0, replay=True)
    write(ledger, session, "d")
    ledger.close()

    back = restore(tmp_path / "l", now=77.0)["abc"]
    assert (back.shard, back.shards, back.intents, back.last_seq, back.floor) == (1, 2, 513, 5, 0)
    assert back.after(0, 10) == session.after(0, 10)
    assert back.after(3, 1) == [UNSEEN]
    assert back.disconnected_at == 77.0


@settings(deadline=None)
@given(st.integers(0, 400))
def test_a_torn_end_is_cut_off_and_the_rest_comes_back(cut: int) -> None:
    """Wherever a crash stops the writing, the whole lines before stay, and the next line begins at the start of a line."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.jsonl")
        ledger, session = Ledger(path), make("abc")
        write(ledger, session, "a", "b", "c", "d")
        ledger.close()
        text = path.read_bytes()[: -cut or None]
        path.write_bytes(text)

        whole = text.count(b"\n")
        back = restore(path)
        assert [found.last_seq for found in back.values()] == ([whole] if whole else [])
        assert path.read_bytes() == text[: text.rfind(b"\n") + 1]


def test_a_continued_session_goes_on_counting(tmp_path: Path) -> None:
    """Lines of a second run follow those of the first, and a third run finds both."""
    path = tmp_path / "l"
    ledger, session = Ledger(path), make("abc")
    write(ledger, session, "a", "b")
    ledger.close()
    ledger, session = Ledger(path), restore_one(path)
    write(ledger, session, "c")
    ledger.close()

    back = restore_one(path)
    assert [json.loads(frame)["d"]["content"] for frame in back.after(0, 9)] == ["a", "b", "c"]


def restore_one(path: Path) -> Session:
    """Return the only session of a ledger."""
    (session,) = restore_copy(path).values()
    return session


def restore_copy(path: Path) -> dict[str, Session]:
    """Read the sessions without taking the ledger from whoever has it."""
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.with_name("copy.sessions").write_bytes(path.with_name(path.name + ".sessions").read_bytes())
    return restore(copy)


def test_only_the_youngest_session_of_a_shard_comes_back(tmp_path: Path) -> None:
    """A client that identified anew has given up its old session; other shards are not concerned."""
    ledger = Ledger(tmp_path / "l")
    for session in (make("old", 0, 2), make("other", 1, 2), make("new", 0, 2)):
        write(ledger, session, "a")
    ledger.close()

    assert set(restore(tmp_path / "l")) == {"other", "new"}


def test_an_ended_session_stays_ended(tmp_path: Path) -> None:
    """A restart of the simulator must not revive what was refused before."""
    ledger, session = Ledger(tmp_path / "l"), make("abc")
    write(ledger, session, "a")
    ledger.end_session(session)
    ledger.close()

    assert restore(tmp_path / "l") == {}


def test_a_session_whose_ready_was_never_written_is_none(tmp_path: Path) -> None:
    """The index is written first; after a crash between the two there is nothing to resume, then or later."""
    ledger = Ledger(tmp_path / "l")
    ledger.open_session(make("abc"))
    ledger.close()

    assert restore(tmp_path / "l") == {}
    assert restore(tmp_path / "l") == {}


def test_only_the_tail_of_a_large_ledger_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that began before the tail comes back with its last number, and its floor where the tail begins."""
    ledger, session = Ledger(tmp_path / "l"), make("abc")
    write(ledger, session, *"abcdefghij")
    ledger.close()
    line = (tmp_path / "l").read_bytes().splitlines(keepends=True)[-1]
    monkeypatch.setattr("mocha_actors.simulator.restore.TAIL_BYTES", len(line) * 2 + 5)

    back = restore(tmp_path / "l")["abc"]
    assert (back.floor, back.last_seq) == (8, 10)
    assert back.after(8, 9) == session.after(8, 9)


def test_a_ledger_has_one_simulator(tmp_path: Path) -> None:
    """Two writers would tear each other's lines."""
    ledger = Ledger(tmp_path / "l")
    with pytest.raises(SimulatorError, match="belongs to another simulator"):
        Ledger(tmp_path / "l")
    ledger.close()
    Ledger(tmp_path / "l").close()


async def test_nobody_makes_a_past_where_another_simulator_does(tmp_path: Path) -> None:
    """The two would take each other's unfinished file for their own."""
    path = tmp_path / "l"
    index = take_index(path)
    wanted = SimulatorSettings(profile="community", members=10, ledger=path, past_days=1.0, past_messages=10)
    with pytest.raises(SimulatorError, match="belongs to another simulator"):
        async with open_simulator(wanted):
            pass
    assert [file.name for file in tmp_path.iterdir()] == ["l.sessions"]
    os.close(index)
    async with open_simulator(wanted) as simulator:
        assert simulator.past is not None


def test_a_ledger_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """The error says which file, and what is wrong."""
    with pytest.raises(SimulatorError, match=r"ledger .* cannot be opened: Is a directory"):
        Ledger(tmp_path)


def test_an_index_of_something_else_is_refused(tmp_path: Path) -> None:
    """A file that is no index must not be taken for one without sessions."""
    (tmp_path / "l.sessions").write_text("hello\n")
    with pytest.raises(SimulatorError, match="not the index of a ledger"):
        restore(tmp_path / "l")


def test_what_is_no_file_keeps_its_permissions(tmp_path: Path) -> None:
    """A ledger that nobody wants may go to /dev/null, which belongs to everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o666)

    os.close(_open_alone(pipe, pipe))

    assert 0o666 == stat.S_IMODE(pipe.stat().st_mode)
